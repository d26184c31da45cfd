/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-ipmi: power, boot device, console and health of servers over IPMI 2.0 (RMCP+).
 *
 * A device is opened without contacting it.  Sessions are made when they are needed and kept for a few
 * seconds, so that a run's burst of requests shares one.  Silence is an error, never "off".
 */
#include "ipmi.h"

#include "arena.h"
#include "json.h"

#include <freeipmi/freeipmi.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void lane_init(struct ipmi_lane *lane, struct ipmi_device *d)
{
	lane->d = d;
	lane->sdr = sdr_cache_create();
	pthread_mutex_init(&lane->lock, NULL);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_rc;

static void library_start(void)
{
	/* A heap for each of a hundred threads costs more than the threads' waiting for one of two. */
	mallopt(M_ARENA_MAX, 2);
	library_rc = ipmi_rmcpplus_init();
}

static int open_bmc(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	struct ipmi_config config;
	struct ipmi_device *d;
	int i;

	(void)call;
	if (ipmi_config_parse(&config, dev, err))
		return -1;
	pthread_once(&library_once, library_start);
	if (library_rc < 0)
		return error_set(err, ERROR_INTERNAL, "%s: libfreeipmi cannot encrypt", dev->name);
	d = xcalloc(1, sizeof(*d));
	d->name = dev->name;
	d->config = config;
	d->cipher = -1;
	d->session_flags = config.flags;
	pthread_mutex_init(&d->lock, NULL);
	for (i = 0; i < 2; i++)
		lane_init(&d->lane[i], d);
	d->sol = sol_create(d);
	dev->state = d;
	return 0;
}

static void close_bmc(struct driver_device *dev)
{
	struct ipmi_device *d = dev->state;
	int i;

	sol_destroy(d->sol);
	for (i = 0; i < 2; i++) {
		lane_fini(&d->lane[i]);
		sdr_cache_destroy(d->lane[i].sdr);
	}
	pthread_mutex_destroy(&d->lock);
	free(d);
}

typedef json_t *(*part_fn)(struct ipmi_lane *lane, struct error *err);

static const struct part {
	const char *object;
	part_fn read;
	bool optional; /* left out of the whole document when the BMC has no such thing */
	bool on_request; /* only when it is named */
} parts[] = {
	{ "power", power_document, false },    { "boot", boot_document, true },
	{ "identity", identity_document, true }, { "sensors", sensors_document, true },
	{ "sel", sel_document, true },		 { "security", security_document, false, true },
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static bool is_console(const char *object)
{
	return !strncmp(object, "console:", 8);
}

static int add_part(struct ipmi_lane *lane, json_t *document, const char *object, struct error *err)
{
	json_t *value;
	size_t i;

	if (is_console(object)) {
		value = sol_document(lane->d->sol, object + 8);
		return json_object_set_new(document, "console", value);
	}
	for (i = 0; i < PARTS; i++)
		if (!strcmp(parts[i].object, object)) {
			value = parts[i].read(lane, err);
			return value ? json_object_set_new(document, object, value) : -1;
		}
	return error_set(err, ERROR_INVALID, "%s: a BMC has no object \"%s\"", lane->d->name, object);
}

static int add_all(struct ipmi_lane *lane, json_t *document, struct error *err)
{
	struct error why = { 0 };
	size_t i;

	for (i = 0; i < PARTS; i++) {
		error_clear(&why);
		if (parts[i].on_request)
			continue;
		if (!add_part(lane, document, parts[i].object, &why))
			continue;
		if (!parts[i].optional || (why.code != ERROR_UNSUPPORTED && why.code != ERROR_REFUSED)) {
			*err = why;
			return -1;
		}
	}
	return 0;
}

static int fill_document(struct ipmi_lane *lane, json_t *document, const json_t *objects, struct error *err)
{
	struct ipmi_device *d = lane->d;
	const json_t *one;
	int cipher;
	size_t i;

	if (!objects && add_all(lane, document, err))
		return -1;
	json_array_foreach(objects, i, one)
		if (add_part(lane, document, json_string_value(one), err))
			return -1;
	pthread_mutex_lock(&d->lock);
	cipher = d->cipher;
	pthread_mutex_unlock(&d->lock);
	if (cipher >= 0)
		json_object_set_new(document, "cipher", json_integer(cipher));
	return 0;
}

static json_t *observe_bmc(struct driver_device *dev, const struct driver_call *call, const json_t *objects,
			   struct error *err)
{
	struct ipmi_lane *lane = lane_enter(dev->state, call, err);
	json_t *document;
	int rc;

	if (!lane)
		return NULL;
	document = json_object();
	rc = fill_document(lane, document, objects, err);
	lane_leave(lane);
	if (!rc)
		return document;
	json_decref(document);
	return NULL;
}

void ipmi_change_failed(struct driver_change *c, bool sent, const struct error *err)
{
	/* When the BMC answered with a refusal it is as it was. */
	change_failed(c, sent && ipmi_error_is_silence(err) ? CHANGE_UNKNOWN : CHANGE_NOT_APPLIED, err);
}

static void capture_change(struct ipmi_lane *lane, struct driver_change *c)
{
	const json_t *capture = json_object_get(c->set, "capture");
	struct error err = { 0 };
	bool changed;

	if (!json_is_boolean(capture))
		error_set(&err, ERROR_INVALID, "%s: console wants capture true or false", lane->d->name);
	else if (!sol_capture(lane->d->sol, json_is_true(capture), &changed, lane->deadline_ms, &err))
		change_done(c, changed, NULL);
	if (err.code)
		change_failed(c, CHANGE_NOT_APPLIED, &err);
}

static void change_one(struct ipmi_lane *lane, struct driver_change *c)
{
	static const struct {
		const char *object;
		void (*change)(struct ipmi_lane *lane, struct driver_change *c);
	} objects[] = {
		{ "power", power_change }, { "shutdown", shutdown_change }, { "boot", boot_change },
		{ "identify", identify_change }, { "console", capture_change }, { "credential", password_change },
	};
	struct error err = { 0 };
	size_t i;

	for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (!strcmp(objects[i].object, c->object)) {
			objects[i].change(lane, c);
			return;
		}
	error_set(&err, ERROR_INVALID, "%s: a BMC has no object \"%s\" to change", lane->d->name, c->object);
	change_failed(c, CHANGE_NOT_APPLIED, &err);
}

/* No session: then nothing can be attempted. */
static bool is_hopeless(const struct driver_change *c)
{
	return c->status == CHANGE_NOT_APPLIED &&
	       (c->error.code == ERROR_UNREACHABLE || c->error.code == ERROR_AUTH || c->error.code == ERROR_BUSY);
}

static int apply_bmc(struct driver_device *dev, const struct driver_call *call, struct driver_change *changes,
		     size_t n, struct error *err)
{
	struct ipmi_lane *lane = lane_enter(dev->state, call, err);
	struct error why = { 0 };
	size_t i;
	int rc = 0;

	if (!lane)
		return -1;
	for (i = 0; i < n; i++) {
		if (why.code) {
			change_failed(&changes[i], CHANGE_NOT_APPLIED, &why);
			continue;
		}
		change_one(lane, &changes[i]);
		if (is_hopeless(&changes[i]) ||
		    (changes[i].status == CHANGE_UNKNOWN && changes[i].error.code == ERROR_UNREACHABLE))
			why = changes[i].error;
	}
	if (n && is_hopeless(&changes[0])) {
		*err = why;
		rc = -1;
	}
	lane_leave(lane);
	return rc;
}

static int console_bmc(struct driver_device *dev, const struct driver_call *call, const char *action,
		       const char *data, struct error *err)
{
	struct ipmi_device *d = dev->state;

	return sol_console(d->sol, action, data, call->deadline_ms - IPMI_REPLY_RESERVE_MS, err);
}

static const struct recast_driver ipmi = {
	.name = "ipmi",
	.cls = "bmc",
	.summary = "servers over IPMI 2.0 (RMCP+)",
	.caps = "power boot identify shutdown sensors sel console security credential",
	.max_inflight = 64,
	.options = ipmi_options,
	.open = open_bmc,
	.close = close_bmc,
	.observe = observe_bmc,
	.apply = apply_bmc,
	.console = console_bmc,
};

RECAST_DRIVER(ipmi)
