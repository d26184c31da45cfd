/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-mds: zones, ports and logins of one VSAN of a Cisco MDS, through the command line of NX-OS over SSH.  See mds.h.
 */
#include "mds.h"

#include "arena.h"
#include "clock.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { REPLY_RESERVE_MS = 60 };

static const struct driver_option mds_options[] = {
	{ "address", "string", .required = true, .help = "a switch of the fabric: ssh://USER@ADDRESS[:PORT]" },
	{ "credential", "string", .secret = true, .help = "the private key or the password of USER" },
	{ "vsan", "int", .required = true, .help = "the VSAN whose zones are managed" },
	{ "zoneset", "string", .help = "the zone set that has to be in force; when left out, whichever is" },
	{ "zoning", "string", .missing = "auto", .help = "auto, plain or smart: auto is smart where the VSAN has smart zoning" },
	{ "save", "string", .missing = "always", .help = "always or never: copy running-config startup-config after a change" },
	{ NULL },
};

static int64_t work_deadline(const struct driver_call *call)
{
	return call->deadline_ms - REPLY_RESERVE_MS;
}

static int read_options(struct mds *m, const json_t *options, struct error *err)
{
	const char *zoning = json_str(options, "zoning", "auto"), *save = json_str(options, "save", "always");
	int64_t vsan = json_int(options, "vsan", 0);

	if (vsan < 1 || vsan > 4093)
		return error_set(err, ERROR_INVALID, "vsan: a number of 1 to 4093");
	if (strcmp(zoning, "auto") && strcmp(zoning, "plain") && strcmp(zoning, "smart"))
		return error_set(err, ERROR_INVALID, "zoning: auto, plain or smart");
	if (strcmp(save, "always") && strcmp(save, "never"))
		return error_set(err, ERROR_INVALID, "save: always or never");
	m->vsan = (int)vsan;
	m->zoning = *zoning == 'a' ? MDS_AUTO : *zoning == 'p' ? MDS_PLAIN : MDS_SMART;
	m->save = *save == 'a';
	m->zoneset = json_str(options, "zoneset", NULL);
	if (m->zoneset && !*m->zoneset)
		m->zoneset = NULL;
	return 0;
}

static int mds_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	struct mds *m = xcalloc(1, sizeof(*m));

	(void)call;
	m->name = dev->name;
	if (!read_options(m, dev->options, err))
		m->link = mds_link_create(dev, json_str(dev->options, "address", ""), err);
	if (!m->link) {
		free(m);
		return error_wrap(err, "%s", dev->name);
	}
	dev->state = m;
	return 0;
}

static void mds_close(struct driver_device *dev)
{
	struct mds *m = dev->state;

	mds_link_destroy(m->link);
	free(m);
}

/* What is asked for: which parts have to be read. */
struct asked {
	bool all, zones, logins, ports, security;
};

static int take_object(struct asked *a, const char *object, struct error *err)
{
	enum fabric_kind kind;
	const char *name;

	if (!strcmp(object, "security")) {
		a->security = true;
		return 0;
	}
	if (fabric_object(object, &kind, &name, err))
		return -1;
	if (kind == FABRIC_LOGIN)
		a->logins = true;
	else if (kind == FABRIC_PORT)
		a->ports = true;
	else
		a->zones = true;
	return 0;
}

static int take_objects(struct asked *a, const json_t *objects, struct error *err)
{
	const json_t *one;
	size_t i;

	*a = (struct asked){ .all = !objects, .zones = !objects, .logins = !objects, .ports = !objects };
	json_array_foreach(objects, i, one)
		if (take_object(a, json_string_value(one), err))
			return -1;
	return 0;
}

static bool names(const json_t *objects, const char *what)
{
	const json_t *one;
	size_t i;

	json_array_foreach(objects, i, one)
		if (!strcmp(json_string_value(one), what))
			return true;
	return !objects;
}

/* Of @found those that are named, or all; @absent for one that is not there. */
static json_t *chosen(const json_t *objects, const char *kind, json_t *found, const char *absent)
{
	json_t *out = json_object();
	const json_t *one;
	size_t i, len = strlen(kind);

	if (!objects)
		json_object_update(out, found);
	json_array_foreach(objects, i, one) {
		const char *name = json_string_value(one) + len;
		json_t *there;

		if (strncmp(json_string_value(one), kind, len) != 0)
			continue;
		there = json_object_get(found, name);
		json_object_set_new(out, name, there ? json_incref(there) : json_pack("{s:b}", absent, 0));
	}
	json_decref(found);
	return out;
}

static void add_zones(const struct mds_view *v, const json_t *objects, json_t *document)
{
	json_object_set_new(document, "zones", chosen(objects, "zone:", mds_zone_documents(v), "exists"));
	if (names(objects, "config"))
		json_object_set_new(document, "config", json_pack("{s:s, s:s}", "name", v->config, "default_access",
								  v->status.deny ? "none" : "all"));
	if (names(objects, "lock"))
		json_object_set_new(document, "lock", mds_lock_document(v));
	if (names(objects, "capacity") && v->status.limit_bytes)
		json_object_set_new(document, "capacity", json_pack("{s:I, s:I}", "used_bytes", (json_int_t)v->status.used_bytes,
								    "limit_bytes", (json_int_t)v->status.limit_bytes));
}

static int fill(const struct mds *m, const struct asked *a, const json_t *objects, json_t *document, int64_t deadline_ms,
		struct error *err)
{
	struct mds_view v;
	json_t *found;

	if (a->zones) {
		if (mds_view_read(m, &v, deadline_ms, err))
			return -1;
		add_zones(&v, objects, document);
		mds_view_fini(&v);
	}
	if (a->logins) {
		if (!(found = mds_logins_read(m, deadline_ms, err)))
			return -1;
		json_object_set_new(document, "logins", chosen(objects, "login:", found, "online"));
	}
	if (a->ports) {
		if (!(found = mds_ports_read(m, deadline_ms, err)))
			return -1;
		json_object_set_new(document, "ports", chosen(objects, "port:", found, "exists"));
	}
	return 0;
}

static int observe_switch(const struct mds *m, const struct asked *a, const json_t *objects, json_t *document, int64_t deadline_ms,
			  struct error *err)
{
	int rc;

	if (a->zones || a->logins || a->ports) {
		if (mds_link_enter(m->link, deadline_ms, err))
			return -1;
		rc = fill(m, a, objects, document, deadline_ms, err);
		mds_link_leave(m->link, rc != 0);
		if (rc)
			return -1;
	}
	if (a->security) {
		json_t *security = mds_security(m->link, deadline_ms, err);

		if (!security)
			return -1;
		json_object_set_new(document, "security", security);
	}
	return 0;
}

static json_t *mds_observe(struct driver_device *dev, const struct driver_call *call, const json_t *objects, struct error *err)
{
	json_t *document = json_object();
	struct asked a;

	if (!take_objects(&a, objects, err) && !observe_switch(dev->state, &a, objects, document, work_deadline(call), err))
		return document;
	error_wrap(err, "%s", dev->name);
	json_decref(document);
	return NULL;
}

static void refuse_unknown(struct driver_change *changes, size_t n)
{
	enum fabric_kind kind;
	const char *name;
	size_t i;

	for (i = 0; i < n; i++) {
		struct error err = { 0 };

		if (!fabric_object(changes[i].object, &kind, &name, &err) && kind <= FABRIC_LOGIN)
			continue;
		if (!err.code)
			error_set(&err, ERROR_INVALID, "\"%s\" is read only", changes[i].object);
		change_failed(&changes[i], CHANGE_NOT_APPLIED, &err);
	}
}

/* Ports first: a fence does not wait for zones. */
static int mds_apply(struct driver_device *dev, const struct driver_call *call, struct driver_change *changes, size_t n,
		     struct error *err)
{
	struct mds *m = dev->state;
	int64_t deadline_ms = work_deadline(call);
	bool failed = false;
	size_t i;

	if (!n)
		return 0;
	if (mds_link_enter(m->link, deadline_ms, err))
		return error_wrap(err, "%s", dev->name);
	refuse_unknown(changes, n);
	mds_ports_apply(m, changes, n, deadline_ms);
	mds_zones_apply(m, changes, n, deadline_ms);
	mds_logins_apply(m, changes, n, deadline_ms);
	mds_save(m, changes, n, deadline_ms);
	for (i = 0; i < n; i++) {
		if (changes[i].error.code)
			error_wrap(&changes[i].error, "%s", dev->name);
		failed = failed || changes[i].error.code == ERROR_UNREACHABLE || changes[i].error.code == ERROR_PROTOCOL;
	}
	mds_link_leave(m->link, failed);
	return 0;
}

static const struct recast_driver mds = {
	.name = "mds",
	.cls = "fabric",
	.summary = "Cisco MDS (NX-OS) zones, ports and logins over SSH",
	.caps = "merge security",
	.max_inflight = 8,
	.options = mds_options,
	.open = mds_open,
	.close = mds_close,
	.observe = mds_observe,
	.apply = mds_apply,
};

RECAST_DRIVER(mds)
