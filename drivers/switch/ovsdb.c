/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-ovsdb: Open vSwitch over its database (RFC 7047).
 *
 * All changes of one apply are one transaction, guarded by `wait` operations.  Proof that the
 * switch has followed is cur_cfg reaching the next_cfg that the transaction set.  A lost connection
 * is made anew at the next request.  OVSDB cannot shut a port: `enabled` is observed only.
 */
#include "ovsdb.h"

#include "arena.h"
#include "json.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct driver_option ovsdb_options[] = {
	{ "address", "string", .required = true,
	  .help = "where ovsdb-server listens: ssl:ADDRESS:PORT, tcp:ADDRESS:PORT or unix:PATH" },
	{ "credential", "string", .secret = true, .help = "ssl: our certificate and its key, both in PEM" },
	{ "bridge", "string", .missing = "br0", .help = "the bridge whose ports are managed" },
	{ "unixctl", "string", .help = "ovs-vswitchd's control socket, for the MAC table" },
	{ "lldp", "bool", .missing = "true", .help = "let managed ports send LLDP" },
	{ "watch", "bool", .missing = "true",
	  .help = "keep a connection open that tells of changes by others" },
	{ NULL },
};

/* Urgent requests run beside ordinary ones: each lane has a connection and a lock of its own. */
struct ovsdb_device {
	struct ovsdb lane[2];
	struct ovs_watch *watch; /* or NULL */
	pthread_mutex_t lock[2];
};

static struct ovsdb *lane_enter(struct driver_device *dev, const struct driver_call *call)
{
	struct ovsdb_device *d = dev->state;

	pthread_mutex_lock(&d->lock[call->urgent]);
	return &d->lane[call->urgent];
}

static void lane_leave(struct driver_device *dev, const struct driver_call *call)
{
	struct ovsdb_device *d = dev->state;

	pthread_mutex_unlock(&d->lock[call->urgent]);
}

static int ovsdb_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	const char *address = json_str(dev->options, "address", "");
	struct ovsdb_device *d;
	int i;

	(void)call;
	if (strncmp(address, "ssl:", 4) && strncmp(address, "tcp:", 4) && strncmp(address, "unix:", 5))
		return error_set(err, ERROR_INVALID,
				 "%s: address must be ssl:ADDRESS:PORT, tcp:ADDRESS:PORT or unix:PATH", dev->name);
	d = xcalloc(1, sizeof(*d));
	for (i = 0; i < 2; i++) {
		pthread_mutex_init(&d->lock[i], NULL);
		d->lane[i] = (struct ovsdb){ .name = dev->name,
					     .peer = { address, dev->pin, dev->secret },
					     .bridge = json_str(dev->options, "bridge", ""),
					     .unixctl = json_str(dev->options, "unixctl", NULL),
					     .lldp = json_bool(dev->options, "lldp", true) };
	}
	if (json_bool(dev->options, "watch", true))
		d->watch = ovs_watch_start(&d->lane[0]);
	dev->state = d;
	return 0;
}

static void ovsdb_close(struct driver_device *dev)
{
	struct ovsdb_device *d = dev->state;
	int i;

	ovs_watch_end(d->watch);
	for (i = 0; i < 2; i++) {
		ovsdb_disconnect(&d->lane[i]);
		pthread_mutex_destroy(&d->lock[i]);
	}
	free(d);
}

/* What an observation is asked for. */
struct wanted {
	json_t *names; /* of ports; NULL: all there are */
	bool macs, security;
};

static int want_object(struct wanted *want, const char *object, struct error *err)
{
	const char *name = port_of_object(object);

	if (name)
		return json_array_append_new(want->names, json_string(name));
	if (!strcmp(object, "macs"))
		want->macs = true;
	else if (!strcmp(object, "security"))
		want->security = true;
	else if (!strcmp(object, "neighbours"))
		return error_set(err, ERROR_UNSUPPORTED,
				 "Open vSwitch sends LLDP but keeps no neighbours");
	else
		return error_set(err, ERROR_INVALID, "a switch has no object \"%s\"", object);
	return 0;
}

static int want_objects(struct wanted *want, const json_t *objects, struct error *err)
{
	const json_t *one;
	size_t i;

	want->names = objects ? json_array() : NULL;
	json_array_foreach(objects, i, one)
		if (want_object(want, json_string_value(one), err))
			return -1;
	return 0;
}

static json_t *ports_document(const struct ovs_view *view, const json_t *names)
{
	json_t *ports = json_object(), *row;
	const json_t *one;
	const char *name;
	size_t i;

	json_array_foreach(names, i, one)
		json_object_set_new(ports, json_string_value(one),
				    ovs_port_document(view, json_string_value(one)));
	if (!names)
		json_object_foreach(view->ports, name, row)
			if (json_object_get(view->members, ovs_uuid(json_object_get(row, "_uuid"))))
				json_object_set_new(ports, name, ovs_port_document(view, name));
	return ports;
}

static json_t *make_document(struct ovsdb *o, const struct ovs_view *view,
			     const struct wanted *want, int64_t deadline_ms, struct error *err)
{
	json_t *document = json_pack("{s:o}", "ports", ports_document(view, want->names));
	json_t *macs = want->macs ? ovs_macs(o, view, deadline_ms, err) : NULL;
	json_t *security = want->security ? ovs_security(o, deadline_ms, err) : NULL;

	if (macs)
		json_object_set_new(document, "macs", macs);
	if (security)
		json_object_set_new(document, "security", security);
	if ((!want->macs || macs) && (!want->security || security))
		return document;
	json_decref(document);
	return NULL;
}

static json_t *read_document(struct ovsdb *o, const struct driver_call *call,
			     const struct wanted *want, struct error *err)
{
	int64_t deadline = ovs_deadline(call);
	json_t *document = NULL;
	struct ovs_view view;

	if (ovs_read(o, &view, want->names, deadline, err))
		return NULL;
	if (!ovs_confirm(o, view.next_cfg, call, err))
		document = make_document(o, &view, want, deadline, err);
	ovs_view_fini(&view);
	return document;
}

static json_t *ovsdb_observe(struct driver_device *dev, const struct driver_call *call,
			     const json_t *objects, struct error *err)
{
	struct ovsdb *o = lane_enter(dev, call);
	struct wanted want = { .macs = !objects && o->unixctl };
	json_t *document = NULL;

	if (!want_objects(&want, objects, err))
		document = read_document(o, call, &want, err);
	lane_leave(dev, call);
	json_decref(want.names);
	if (!document)
		error_wrap(err, "%s", dev->name);
	return document;
}

static int ovsdb_apply(struct driver_device *dev, const struct driver_call *call,
		       struct driver_change *changes, size_t n, struct error *err)
{
	struct ovsdb *o = lane_enter(dev, call);
	int rc = ovs_apply(o, call, changes, n, err);

	lane_leave(dev, call);
	return rc;
}

static const struct recast_driver ovsdb = {
	.name = "ovsdb",
	.cls = "switch",
	.summary = "Open vSwitch over OVSDB (RFC 7047)",
	.caps = "merge rate trunk macs stamp watch security",
	.max_inflight = 8,
	.options = ovsdb_options,
	.open = ovsdb_open,
	.close = ovsdb_close,
	.observe = ovsdb_observe,
	.apply = ovsdb_apply,
};

RECAST_DRIVER(ovsdb)
