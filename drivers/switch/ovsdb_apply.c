/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Apply: all changes as one transaction, guarded by `wait` operations, and proved by cur_cfg
 * reaching the next_cfg that the transaction set.  See ovsdb.h.
 */
#include "ovsdb.h"

#include "arena.h"
#include "clock.h"
#include "json.h"

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

int64_t ovs_deadline(const struct driver_call *call)
{
	return call->deadline_ms - REPLY_RESERVE_MS;
}

int ovs_read(struct ovsdb *o, struct ovs_view *view, const json_t *names, int64_t deadline_ms,
	     struct error *err)
{
	bool reused = o->rpc != NULL;

	if (!ovsdb_connect(o, deadline_ms, err) && !ovs_view_read(o, view, names, deadline_ms, err))
		return 0;
	if (!reused || o->rpc || clock_mono_ms() >= deadline_ms)
		return -1;
	return ovsdb_connect(o, deadline_ms, err) || ovs_view_read(o, view, names, deadline_ms, err)
		       ? -1
		       : 0;
}

int ovs_confirm(struct ovsdb *o, int64_t cfg, const struct driver_call *call, struct error *err)
{
	int64_t until = clock_mono_ms() + CONFIRM_MS, latest = ovs_deadline(call);

	return ovsdb_confirm(o, cfg, until < latest ? until : latest, err);
}

json_t *ovs_port_document(const struct ovs_view *view, const char *name)
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

static void fail(const struct ovsdb *o, struct driver_change *c, enum change_status status,
		 const struct error *why)
{
	struct error err = *why;

	error_wrap(&err, "%s", o->name);
	change_failed(c, status, &err);
}

/* What OVSDB cannot do, or would do to somebody else's configuration. */
static int check_possible(const struct work *w, const struct port_config *want, struct error *err)
{
	if (want->enabled != w->now.config.enabled) {
		error_set(err, ERROR_UNSUPPORTED, "port %s: OVSDB cannot set a port up or down",
			  w->name);
		return error_hint(err, "Isolate the port with the parking VLAN instead.");
	}
	if (want->rate_kbit != w->now.config.rate_kbit && w->now.qos && !w->now.qos_ours)
		return error_set(err, ERROR_REFUSED, "port %s has a QoS that Recast did not make",
				 w->name);
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
static int commit(struct ovsdb *o, struct batch *b, int64_t *cfg, int64_t deadline_ms,
		  struct error *err)
{
	json_t *ops = json_array(), *results, *last;
	size_t i;

	for (i = 0; i < b->n_works; i++)
		if (b->works[i].dirty)
			ovs_write_port(o, ops, b->works[i].name, &b->works[i].now,
				       &b->works[i].want);
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

static void fail_standing(struct ovsdb *o, struct batch *b, enum change_status status,
			  const struct error *why)
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

	if (ovs_confirm(o, cfg, call, &err) ||
	    ovs_view_read(o, &after, names, ovs_deadline(call), &err)) {
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
			change_done(c, w->dirty, ovs_port_document(&after, w->name));
			continue;
		}
		error_set(&err, ERROR_CONFLICT, "port %s was changed by somebody else meanwhile",
			  w->name);
		fail(o, c, CHANGE_UNKNOWN, &err);
	}
	ovs_view_fini(&after);
}

static int apply_batch(struct ovsdb *o, const struct driver_call *call, struct batch *b,
		       const json_t *names, struct error *err);

/* The database refused the whole because of a part: find it by applying one by one. */
static void apply_singly(struct ovsdb *o, const struct driver_call *call, struct batch *b,
			 const json_t *names)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct batch one = {
			.changes = &b->changes[i], .n = 1, .work_of = b->work_of, .works = b->works
		};
		struct error err = { 0 };

		if (b->changes[i].status == CHANGE_DONE && apply_batch(o, call, &one, names, &err))
			change_failed(&b->changes[i], CHANGE_NOT_APPLIED, &err);
	}
}

/* 0, or -1 when nothing was attempted. */
static int apply_batch(struct ovsdb *o, const struct driver_call *call, struct batch *b,
		       const json_t *names, struct error *err)
{
	struct error why = { 0 };
	int64_t cfg;
	int attempt, rc;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (ovs_read(o, &b->view, names, ovs_deadline(call), err))
			return error_wrap(err, "%s", o->name);
		plan(o, b);
		rc = commit(o, b, &cfg, ovs_deadline(call), &why);
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
	return error_set(err, ERROR_BUSY, "%s: somebody else keeps changing the same ports",
			 o->name);
}

int ovs_apply(struct ovsdb *o, const struct driver_call *call, struct driver_change *changes,
	      size_t n, struct error *err)
{
	struct batch b = { .changes = xcalloc(n + 1, sizeof(*changes)) };
	json_auto_t *names = json_array();
	size_t *origin = xcalloc(n + 1, sizeof(*origin)), i;
	struct error why = { 0 };
	int rc = 0;

	for (i = 0; i < n; i++) {
		const char *name = port_of_object(changes[i].object);

		if (!name) {
			error_set(&why, ERROR_INVALID, "a switch has no object \"%s\"",
				  changes[i].object);
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
	free(b.works);
	free(b.work_of);
	free(b.changes);
	free(origin);
	return rc;
}
