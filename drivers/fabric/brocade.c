/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-brocade: switches with Fabric OS 8.2 and later, over their REST interface.
 *
 * Only over HTTPS: the password goes with each login, and the session with each request.
 */
#include "brocade.h"

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { REPLY_RESERVE_MS = 60, LOGOUT_MS = 500 };

static const struct driver_option brocade_options[] = {
	{ "address", "string", .required = true, .help = "https://HOST or https://HOST:PORT of one switch of the fabric" },
	{ "user", "string", .required = true, .help = "a user of its own for Recast, whose role may change zones and ports" },
	{ "password", "string", .secret = true, .help = "the password of user" },
	{ "cfg", "string", .help = "the zone configuration that zones are enabled in; the one in force when left out" },
	{ "vf_id", "int", .missing = "-1", .help = "the virtual fabric, on a switch that has some" },
	{ "zoning", "string", .missing = "auto", .help = "kind of the zones: peer, plain, or auto (peer)" },
	{ NULL },
};

static int check_options(const struct driver_device *dev, struct error *err)
{
	const char *address = json_str(dev->options, "address", ""), *zoning = json_str(dev->options, "zoning", "");

	if (!strncmp(address, "http:", 5)) {
		error_set(err, ERROR_INVALID, "%s: the password would go over the network in clear with http", dev->name);
		return error_hint(err, "Switch https on there (seccertmgmt generate, mgmtapp --config), and write https://.");
	}
	if (!https_address_is_valid(address))
		return error_set(err, ERROR_INVALID, "%s: address must be https://HOST or https://HOST:PORT", dev->name);
	if (strcmp(zoning, "auto") != 0 && strcmp(zoning, "peer") != 0 && strcmp(zoning, "plain") != 0)
		return error_set(err, ERROR_INVALID, "%s: zoning must be auto, peer or plain", dev->name);
	if (strchr(json_str(dev->options, "user", ""), ':'))
		return error_set(err, ERROR_INVALID, "%s: a user's name holds no colon", dev->name);
	return 0;
}

static void lane_init(struct fos_lane *lane, struct fos *fos, const struct driver_device *dev)
{
	lane->fos = fos;
	lane->https = https_create(json_str(dev->options, "address", ""), dev->pin, FOS_AGENT "/" PACKAGE_VERSION);
	pthread_mutex_init(&lane->lock, NULL);
}

static int brocade_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	struct fos *fos;
	int i;

	(void)call;
	if (check_options(dev, err))
		return -1;
	fos = xcalloc(1, sizeof(*fos));
	*fos = (struct fos){ .name = dev->name, .user = json_str(dev->options, "user", ""), .password = dev->secret,
			     .cfg = json_str(dev->options, "cfg", NULL), .vf_id = json_int(dev->options, "vf_id", -1),
			     .peer = strcmp(json_str(dev->options, "zoning", ""), "plain") != 0,
			     .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	pthread_mutex_init(&fos->zoning, NULL);
	pthread_mutex_init(&fos->lock, NULL);
	for (i = 0; i < 2; i++)
		lane_init(&fos->lane[i], fos, dev);
	fos->tidy = driver_watch_start(dev->name, fos_tidy, fos);
	dev->state = fos;
	return 0;
}

static void brocade_close(struct driver_device *dev)
{
	struct fos *fos = dev->state;
	int i;

	driver_watch_end(fos->tidy);
	fos_logout(&fos->lane[0], clock_mono_ms() + LOGOUT_MS);
	for (i = 0; i < 2; i++) {
		https_destroy(fos->lane[i].https);
		pthread_mutex_destroy(&fos->lane[i].lock);
	}
	pthread_mutex_destroy(&fos->zoning);
	pthread_mutex_destroy(&fos->lock);
	if (fos->wake_fd >= 0)
		close(fos->wake_fd);
	free(fos);
}

static struct fos_lane *lane_enter(struct driver_device *dev, const struct driver_call *call)
{
	struct fos_lane *lane = &((struct fos *)dev->state)->lane[call->urgent];

	pthread_mutex_lock(&lane->lock);
	return lane;
}

/* What an observation is asked for: the names of each kind; everything when there are no objects. */
struct wanted {
	const json_t *objects;
	unsigned what;
	bool security;
};

static int want_object(struct wanted *want, const char *object, struct error *err)
{
	static const unsigned reads[] = { [FABRIC_ZONE] = FOS_READ_ZONES, [FABRIC_PORT] = FOS_READ_PORTS,
					  [FABRIC_LOGIN] = FOS_READ_LOGINS, [FABRIC_CONFIG] = FOS_READ_ZONES,
					  [FABRIC_LOCK] = FOS_READ_ZONES | FOS_READ_LOCK, [FABRIC_CAPACITY] = FOS_READ_ZONES };
	enum fabric_kind kind;
	const char *name;

	if (!strcmp(object, "security")) {
		want->security = true;
		return 0;
	}
	if (fabric_object(object, &kind, &name, err))
		return -1;
	want->what |= reads[kind];
	return 0;
}

static int want_objects(struct wanted *want, struct error *err)
{
	const json_t *one;
	size_t i;

	if (!want->objects)
		want->what = FOS_READ_ZONES | FOS_READ_LOCK | FOS_READ_PORTS | FOS_READ_LOGINS;
	json_array_foreach(want->objects, i, one)
		if (want_object(want, json_string_value(one), err))
			return -1;
	return 0;
}

static json_t *child(json_t *document, const char *key)
{
	json_t *v = json_object_get(document, key);

	if (v)
		return v;
	v = json_object();
	json_object_set_new(document, key, v);
	return v;
}

static void put(json_t *document, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(document, key, value);
}

static void add_object(json_t *document, const struct fos_lane *lane, const struct fos_view *view, const char *object)
{
	enum fabric_kind kind;
	const char *name;

	if (fabric_object(object, &kind, &name, NULL))
		return;
	switch (kind) {
	case FABRIC_ZONE:
		put(child(document, "zones"), name, fos_zone_document(view, name));
		break;
	case FABRIC_PORT:
		put(child(document, "ports"), name, fos_port_document(view, name));
		break;
	case FABRIC_LOGIN:
		put(child(document, "logins"), name, fos_login_document(view, name));
		break;
	case FABRIC_CONFIG:
		put(document, "config", fos_config_document(view));
		break;
	case FABRIC_LOCK:
		put(document, "lock", fos_lock_document(lane, view));
		break;
	case FABRIC_CAPACITY:
		put(document, "capacity", fos_capacity_document(view));
		break;
	}
}

static void add_everything(json_t *document, const struct fos_lane *lane, const struct fos_view *view)
{
	put(document, "config", fos_config_document(view));
	put(document, "zones", fos_zones_document(view));
	put(document, "logins", json_incref(view->logins));
	put(document, "ports", fos_ports_document(view));
	put(document, "lock", fos_lock_document(lane, view));
	put(document, "capacity", fos_capacity_document(view));
}

static json_t *make_document(const struct fos_lane *lane, const struct fos_view *view, const struct wanted *want)
{
	json_t *document = json_object();
	const json_t *one;
	size_t i;

	if (!want->objects)
		add_everything(document, lane, view);
	json_array_foreach(want->objects, i, one)
		add_object(document, lane, view, json_string_value(one));
	if (want->security)
		json_object_set_new(document, "security", json_pack("{s:s, s:o}", "transport", "encrypted", "key",
								     server_key_to_json(https_key(lane->https))));
	return document;
}

/* The key is that of the last handshake on this lane: without one, a request is due. */
static int prove_key(struct fos_lane *lane, int64_t deadline, struct error *err)
{
	struct fos_view view;

	if (https_key(lane->https)->fingerprint[0])
		return 0;
	if (fos_read(lane, &view, FOS_READ_LOCK, deadline, err))
		return -1;
	fos_view_fini(&view);
	return 0;
}

static json_t *read_document(struct fos_lane *lane, const struct wanted *want, int64_t deadline, struct error *err)
{
	struct fos_view view;
	json_t *document;

	if (fos_read(lane, &view, want->what, deadline, err))
		return NULL;
	document = want->security && prove_key(lane, deadline, err) ? NULL : make_document(lane, &view, want);
	fos_view_fini(&view);
	return document;
}

static json_t *brocade_observe(struct driver_device *dev, const struct driver_call *call, const json_t *objects,
			       struct error *err)
{
	struct fos_lane *lane = lane_enter(dev, call);
	struct wanted want = { .objects = objects };
	json_t *document = NULL;

	if (!want_objects(&want, err))
		document = read_document(lane, &want, call->deadline_ms - REPLY_RESERVE_MS, err);
	pthread_mutex_unlock(&lane->lock);
	if (!document)
		error_wrap(err, "%s", dev->name);
	return document;
}

static int brocade_apply(struct driver_device *dev, const struct driver_call *call, struct driver_change *changes, size_t n,
			 struct error *err)
{
	struct fos_lane *lane = lane_enter(dev, call);
	int rc = fos_apply(lane, call, changes, n, err);

	pthread_mutex_unlock(&lane->lock);
	return rc;
}

static const struct recast_driver brocade = {
	.name = "brocade",
	.cls = "fabric",
	.summary = "Brocade switches with Fabric OS 8.2 and later over REST",
	.caps = "merge peer security",
	.max_inflight = 8,
	.options = brocade_options,
	.open = brocade_open,
	.close = brocade_close,
	.observe = brocade_observe,
	.apply = brocade_apply,
};

RECAST_DRIVER(brocade)
