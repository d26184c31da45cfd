/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-ovsdb: Open vSwitch over its database (RFC 7047).
 *
 * All changes of one apply are one transaction, guarded by `wait` operations.  Proof that the switch
 * has followed is cur_cfg reaching the next_cfg that the transaction set.  A lost connection is made anew at
 * the next request.  OVSDB cannot shut a port: `enabled` is observed only.
 */
#include "ovsdb.h"

#include "arena.h"
#include "clock.h"
#include "json.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 4, CONFIRM_MS = 2000, REPLY_RESERVE_MS = 60 };

/* One port that an apply touches. */
struct work {
	const char *name;
	struct ovs_port now;
	struct port_config want;
	bool touched; /* some change of it stands */
	bool dirty;   /* something has to be written */
};

/* The changes of one transaction. */
struct batch {
	struct driver_change *changes;
	size_t n;
	size_t *work_of; /* index into works, per change */
	struct work *works;
	size_t n_works;
	struct ovs_view view;
};

static const struct driver_option ovsdb_options[] = {
	{ "address", "string", .required = true, .help = "where ovsdb-server listens: tcp:ADDRESS:PORT or unix:PATH" },
	{ "bridge", "string", .missing = "br0", .help = "the bridge whose ports are managed" },
	{ "unixctl", "string", .help = "ovs-vswitchd's control socket, for the MAC table" },
	{ "lldp", "bool", .missing = "true", .help = "let managed ports send LLDP" },
	{ NULL },
};

/* Urgent requests run beside ordinary ones: each lane has a connection and a lock of its own. */
struct ovsdb_device {
	struct ovsdb lane[2];
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

static int64_t work_deadline(const struct driver_call *call)
{
	return call->deadline_ms - REPLY_RESERVE_MS;
}

static int ovsdb_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	const char *address = json_str(dev->options, "address", "");
	struct ovsdb_device *d;
	int i;

	(void)call;
	if (strncmp(address, "tcp:", 4) && strncmp(address, "unix:", 5))
		return error_set(err, ERROR_INVALID, "%s: address must be tcp:ADDRESS:PORT or unix:PATH", dev->name);
	d = xcalloc(1, sizeof(*d));
	for (i = 0; i < 2; i++) {
		pthread_mutex_init(&d->lock[i], NULL);
		d->lane[i] = (struct ovsdb){ .name = dev->name, .address = address,
					     .bridge = json_str(dev->options, "bridge", ""),
					     .unixctl = json_str(dev->options, "unixctl", NULL),
					     .lldp = json_bool(dev->options, "lldp", true) };
	}
	dev->state = d;
	return 0;
}

static void ovsdb_close(struct driver_device *dev)
{
	struct ovsdb_device *d = dev->state;
	int i;

	for (i = 0; i < 2; i++) {
		ovsdb_disconnect(&d->lane[i]);
		pthread_mutex_destroy(&d->lock[i]);
	}
	free(d);
}

/* Read a view; a connection that died while nobody looked is replaced once. */
static int read_view(struct ovsdb *o, struct ovs_view *view, const json_t *names, int64_t deadline_ms,
		     struct error *err)
{
	bool reused = o->rpc != NULL;

	if (!ovsdb_connect(o, deadline_ms, err) && !ovs_view_read(o, view, names, deadline_ms, err))
		return 0;
	if (!reused || o->rpc || clock_mono_ms() >= deadline_ms)
		return -1;
	return ovsdb_connect(o, deadline_ms, err) || ovs_view_read(o, view, names, deadline_ms, err) ? -1 : 0;
}

/* What the database holds is in force only when ovs-vswitchd has followed it. */
static int confirm(struct ovsdb *o, int64_t cfg, const struct driver_call *call, struct error *err)
{
	int64_t until = clock_mono_ms() + CONFIRM_MS, latest = work_deadline(call);

	return ovsdb_confirm(o, cfg, until < latest ? until : latest, err);
}

static json_t *port_document(const struct ovs_view *view, const char *name)
{
	struct ovs_port port;
	json_t *v;

	ovs_view_port(view, name, &port);
	if (!port.row)
		return json_pack("{s:b}", "exists", 0);
	v = port_to_json(&port.config);
	json_object_set_new(v, "link", json_boolean(port.link));
	json_object_set_new(v, "exists", json_true());
	return v;
}

/* Names of the ports among @objects; NULL with *err for an object that is none of ours. */
static json_t *port_names(const json_t *objects, bool *macs, struct error *err)
{
	json_t *names = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(objects, i, one) {
		const char *object = json_string_value(one), *name = port_of_object(object);

		if (name) {
			json_array_append_new(names, json_string(name));
		} else if (!strcmp(object, "macs")) {
			*macs = true;
		} else {
			if (!strcmp(object, "neighbours"))
				error_set(err, ERROR_UNSUPPORTED, "Open vSwitch sends LLDP but keeps no neighbours");
			else
				error_set(err, ERROR_INVALID, "a switch has no object \"%s\"", object);
			json_decref(names);
			return NULL;
		}
	}
	return names;
}

static json_t *make_document(struct ovsdb *o, const struct ovs_view *view, const json_t *names, bool macs,
			     int64_t deadline_ms, struct error *err)
{
	json_t *document = json_object(), *ports = json_object(), *table, *row;
	const json_t *one;
	const char *name;
	size_t i;

	json_object_set_new(document, "ports", ports);
	json_array_foreach(names, i, one)
		json_object_set_new(ports, json_string_value(one), port_document(view, json_string_value(one)));
	if (!names)
		json_object_foreach(view->ports, name, row)
			if (json_object_get(view->members, ovs_uuid(json_object_get(row, "_uuid"))))
				json_object_set_new(ports, name, port_document(view, name));
	if (!macs)
		return document;
	table = ovs_macs(o, view, deadline_ms, err);
	if (table) {
		json_object_set_new(document, "macs", table);
		return document;
	}
	json_decref(document);
	return NULL;
}

static json_t *ovsdb_observe(struct driver_device *dev, const struct driver_call *call, const json_t *objects,
			     struct error *err)
{
	struct ovsdb *o = lane_enter(dev, call);
	int64_t deadline = work_deadline(call);
	bool macs = !objects && o->unixctl;
	json_t *names = objects ? port_names(objects, &macs, err) : NULL;
	json_t *document = NULL;
	struct ovs_view view;

	if (objects && !names)
		goto out;
	if (!read_view(o, &view, names, deadline, err)) {
		if (!confirm(o, view.next_cfg, call, err))
			document = make_document(o, &view, names, macs, deadline, err);
		ovs_view_fini(&view);
	}
out:
	lane_leave(dev, call);
	json_decref(names);
	if (!document)
		error_wrap(err, "%s", dev->name);
	return document;
}

static void fail(const struct ovsdb *o, struct driver_change *c, enum change_status status, const struct error *why)
{
	struct error err = *why;

	error_wrap(&err, "%s", o->name);
	change_failed(c, status, &err);
}

/* What OVSDB cannot do, or would do to somebody else's configuration. */
static int check_possible(const struct work *w, const struct port_config *want, struct error *err)
{
	if (want->enabled != w->now.config.enabled) {
		error_set(err, ERROR_UNSUPPORTED, "port %s: OVSDB cannot set a port up or down", w->name);
		return error_hint(err, "Isolate the port with the parking VLAN instead.");
	}
	if (want->rate_kbit != w->now.config.rate_kbit && w->now.qos && !w->now.qos_ours)
		return error_set(err, ERROR_REFUSED, "port %s has a QoS that Recast did not make", w->name);
	return 0;
}

static void plan_change(struct ovsdb *o, struct work *w, struct driver_change *c)
{
	struct port_config want = w->want;
	struct error err = { 0 };

	if (!w->now.row)
		error_set(&err, ERROR_REFUSED, "bridge %s has no port %s", o->bridge, w->name);
	else if (!port_merge(&want, c, &err) && !check_possible(w, &want, &err))
		w->want = want;
	if (err.code) {
		if (w->now.row)
			error_wrap(&err, "port %s", w->name);
		fail(o, c, CHANGE_NOT_APPLIED, &err);
		return;
	}
	w->touched = true;
	change_done(c, false, NULL); /* for now: complete() has the last word */
}

/* Fold the changes into one wish per port. */
static void plan(struct ovsdb *o, struct batch *b)
{
	json_auto_t *index = json_object();
	size_t i;

	b->n_works = 0;
	for (i = 0; i < b->n; i++) {
		const char *name = port_of_object(b->changes[i].object);
		const json_t *known = json_object_get(index, name);
		struct work *w = &b->works[known ? (size_t)json_integer_value(known) : b->n_works];

		if (!known) {
			json_object_set_new(index, name, json_integer((json_int_t)b->n_works));
			b->n_works++;
			*w = (struct work){ .name = name };
			ovs_view_port(&b->view, name, &w->now);
			w->want = w->now.config;
		}
		b->work_of[i] = (size_t)(w - b->works);
		plan_change(o, w, &b->changes[i]);
	}
	for (i = 0; i < b->n_works; i++) {
		struct work *w = &b->works[i];

		w->dirty = w->touched &&
			   (!port_equal(&w->now.config, &w->want) || (o->lldp && !w->now.lldp));
	}
}

/* One transaction for all dirty ports.  1: written, with *cfg set; 0: nothing to write; -1. */
static int commit(struct ovsdb *o, struct batch *b, int64_t *cfg, int64_t deadline_ms, struct error *err)
{
	json_t *ops = json_array(), *results, *last;
	size_t i;

	for (i = 0; i < b->n_works; i++)
		if (b->works[i].dirty)
			ovs_write_port(o, ops, b->works[i].name, &b->works[i].now, &b->works[i].want);
	*cfg = b->view.next_cfg;
	if (!json_array_size(ops)) {
		json_decref(ops);
		return 0;
	}
	ovs_write_end(ops);
	i = json_array_size(ops);
	results = ovsdb_transact(o, ops, deadline_ms, err);
	if (!results)
		return -1;
	last = json_array_get(json_object_get(json_array_get(results, i - 1), "rows"), 0);
	*cfg = json_int(last, "next_cfg", b->view.next_cfg + 1);
	json_decref(results);
	return 1;
}

static void fail_standing(struct ovsdb *o, struct batch *b, enum change_status status, const struct error *why)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->changes[i].status == CHANGE_DONE)
			fail(o, &b->changes[i], status, why);
}

/* After the write: has the switch followed, and is it as wished? */
static void complete(struct ovsdb *o, struct batch *b, int64_t cfg, const json_t *names,
		     const struct driver_call *call)
{
	struct error err = { 0 };
	struct ovs_view after;
	size_t i;

	if (confirm(o, cfg, call, &err) || ovs_view_read(o, &after, names, work_deadline(call), &err)) {
		fail_standing(o, b, CHANGE_UNKNOWN, &err);
		return;
	}
	for (i = 0; i < b->n; i++) {
		struct driver_change *c = &b->changes[i];
		const struct work *w = &b->works[b->work_of[i]];
		struct ovs_port is;

		if (c->status != CHANGE_DONE)
			continue;
		ovs_view_port(&after, w->name, &is);
		if (is.row && port_equal(&is.config, &w->want)) {
			change_done(c, w->dirty, port_document(&after, w->name));
			continue;
		}
		error_set(&err, ERROR_CONFLICT, "port %s was changed by somebody else meanwhile", w->name);
		fail(o, c, CHANGE_UNKNOWN, &err);
	}
	ovs_view_fini(&after);
}

static int apply_batch(struct ovsdb *o, const struct driver_call *call, struct batch *b, const json_t *names,
		       struct error *err);

/* The database refused the whole because of a part: find it by applying one by one. */
static void apply_singly(struct ovsdb *o, const struct driver_call *call, struct batch *b, const json_t *names)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct batch one = { .changes = &b->changes[i], .n = 1, .work_of = b->work_of, .works = b->works };
		struct error err = { 0 };

		if (b->changes[i].status == CHANGE_DONE && apply_batch(o, call, &one, names, &err))
			change_failed(&b->changes[i], CHANGE_NOT_APPLIED, &err);
	}
}

/* 0, or -1 when nothing was attempted. */
static int apply_batch(struct ovsdb *o, const struct driver_call *call, struct batch *b, const json_t *names,
		       struct error *err)
{
	struct error why = { 0 };
	int64_t cfg;
	int attempt, rc;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (read_view(o, &b->view, names, work_deadline(call), err))
			return error_wrap(err, "%s", o->name);
		plan(o, b);
		rc = commit(o, b, &cfg, work_deadline(call), &why);
		if (rc >= 0)
			complete(o, b, cfg, names, call);
		else if (why.code == ERROR_REFUSED && b->n > 1)
			apply_singly(o, call, b, names);
		else if (why.code == ERROR_REFUSED)
			fail_standing(o, b, CHANGE_NOT_APPLIED, &why);
		else if (why.code != ERROR_CONFLICT)
			fail_standing(o, b, CHANGE_UNKNOWN, &why);
		ovs_view_fini(&b->view);
		if (rc >= 0 || why.code != ERROR_CONFLICT)
			return 0;
	}
	return error_set(err, ERROR_BUSY, "%s: somebody else keeps changing the same ports", o->name);
}

static int ovsdb_apply(struct driver_device *dev, const struct driver_call *call, struct driver_change *changes,
		       size_t n, struct error *err)
{
	struct ovsdb *o = lane_enter(dev, call);
	struct batch b = { .changes = xcalloc(n + 1, sizeof(*changes)) };
	json_auto_t *names = json_array();
	size_t *origin = xcalloc(n + 1, sizeof(*origin)), i;
	struct error why = { 0 };
	int rc = 0;

	for (i = 0; i < n; i++) {
		const char *name = port_of_object(changes[i].object);

		if (!name) {
			error_set(&why, ERROR_INVALID, "a switch has no object \"%s\"", changes[i].object);
			fail(o, &changes[i], CHANGE_NOT_APPLIED, &why);
			continue;
		}
		json_array_append_new(names, json_string(name));
		origin[b.n] = i;
		b.changes[b.n++] = changes[i];
	}
	b.works = xcalloc(b.n + 1, sizeof(*b.works));
	b.work_of = xcalloc(b.n + 1, sizeof(*b.work_of));
	if (b.n)
		rc = apply_batch(o, call, &b, names, err);
	for (i = 0; i < b.n; i++)
		changes[origin[i]] = b.changes[i];
	lane_leave(dev, call);
	free(b.works);
	free(b.work_of);
	free(b.changes);
	free(origin);
	return rc;
}

static const struct recast_driver ovsdb = {
	.name = "ovsdb",
	.cls = "switch",
	.summary = "Open vSwitch over OVSDB (RFC 7047)",
	.caps = "merge rate trunk macs stamp",
	.max_inflight = 8,
	.options = ovsdb_options,
	.open = ovsdb_open,
	.close = ovsdb_close,
	.observe = ovsdb_observe,
	.apply = ovsdb_apply,
};

RECAST_DRIVER(ovsdb)
