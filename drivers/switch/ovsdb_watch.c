/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tells the core when somebody changes what we read: a thread and a connection of its own per
 * device, with a monitor (RFC 7047, 4.1.5 and 4.1.6) on the columns of ovsdb_view.c.  Our own
 * changes are told as well.  Changes are gathered for a moment and told by name, or without names
 * when there are many.  While the connection is lost nothing can be said; once it is back, anything
 * may have changed.  Called by ovsdb.c.
 */
#include "ovsdb.h"

#include "arena.h"
#include "clock.h"
#include "json.h"
#include "stream.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
	GATHER_MS = 200,
	OBJECTS_MAX = 64,
	CONNECT_MS = 5000,
	MESSAGE_MS = 5000,	/* from the first byte of a message to its last */
	QUIET_MS = 15000,	/* then the server is asked whether it is still there */
	BACKOFF_FIRST_MS = 250,
	BACKOFF_LAST_MS = 15000,
};

struct ovs_watch {
	struct driver_watch *thread;
	const char *device, *bridge;
	struct stream_peer peer;
	/* The rest is the thread's. */
	struct jsonrpc *rpc;
	json_t *members; /* uuid -> true, of the ports of our bridge */
	json_t *objects; /* name -> true, of what changed and was not told yet */
	bool all;	 /* more has changed than can be named */
	int64_t tell_at; /* 0: there is nothing to tell */
};

static void note(struct ovs_watch *w, const char *port)
{
	if (port && json_object_size(w->objects) < OBJECTS_MAX)
		json_setf(w->objects, port, "port:%s", port);
	else
		w->all = true;
	if (!w->tell_at)
		w->tell_at = clock_mono_ms() + GATHER_MS;
}

static void tell(struct ovs_watch *w)
{
	json_t *list = w->all ? NULL : json_array(), *object;
	const char *name;

	if (!w->tell_at) {
		json_decref(list);
		return;
	}
	json_object_foreach(w->objects, name, object)
		if (list)
			json_array_append(list, object);
	driver_emit_changed(w->device, list);
	json_object_clear(w->objects);
	w->all = false;
	w->tell_at = 0;
}

static json_t *set_of_uuids(const json_t *column)
{
	json_auto_t *list = ovs_set(column);
	json_t *set = json_object();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (ovs_uuid(one))
			json_object_set_new(set, ovs_uuid(one), json_true());
	return set;
}

/* The ports of our bridge may be others now. */
static void take_bridge(struct ovs_watch *w, const json_t *rows)
{
	const json_t *row;
	const char *uuid;

	json_object_foreach((json_t *)(uintptr_t)rows, uuid, row) {
		const json_t *new = json_object_get(row, "new"), *old = json_object_get(row, "old");

		if (strcmp(json_str(new ? new : old, "name", ""), w->bridge) != 0)
			continue;
		json_decref(w->members);
		w->members = set_of_uuids(json_object_get(new, "ports"));
	}
}

/* Of external_ids only our stamp counts: others keep their own things there. */
static bool stamp_differs(const json_t *old, const json_t *new)
{
	static const char *const keys[] = { "recast-description", "recast-owner",
					    "recast-generation" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *was = ovs_map_get(old, keys[i]), *is = ovs_map_get(new, keys[i]);

		if (!was != !is || (was && strcmp(was, is) != 0))
			return true;
	}
	return false;
}

/* Does an update of a row of Port say something that a document would show?  "old" holds the
 * columns that changed, or all of a row that is gone. */
static bool shows(const json_t *old, const json_t *new)
{
	size_t columns = json_object_size(old);

	if (!old || !new)
		return true;
	if (json_object_get(old, "external_ids"))
		columns--;
	return columns || stamp_differs(json_object_get(old, "external_ids"),
					json_object_get(new, "external_ids"));
}

static void take_ports(struct ovs_watch *w, const json_t *rows, const json_t *before)
{
	const json_t *row;
	const char *uuid;

	json_object_foreach((json_t *)(uintptr_t)rows, uuid, row) {
		const json_t *new = json_object_get(row, "new"), *old = json_object_get(row, "old");
		const char *name = json_str(new ? new : old, "name", NULL);

		if ((json_object_get(before, uuid) || json_object_get(w->members, uuid)) &&
		    shows(old, new))
			note(w, name);
	}
}

/* Ports that came to the bridge or left it, and of which the update says no more. */
static void take_moved(struct ovs_watch *w, const json_t *a, const json_t *b, const json_t *rows)
{
	const json_t *yes;
	const char *uuid;

	json_object_foreach((json_t *)(uintptr_t)a, uuid, yes)
		if (!json_object_get(b, uuid) && !json_object_get(rows, uuid))
			note(w, NULL);
}

/* Rates.  Rows that we made carry the port's name. */
static void take_rates(struct ovs_watch *w, const json_t *rows)
{
	const json_t *row;
	const char *uuid;

	json_object_foreach((json_t *)(uintptr_t)rows, uuid, row)
		note(w, ovs_map_get(json_object_get(json_object_get(row, "new"), "external_ids"),
				    "recast-port"));
}

static void take_update(struct ovs_watch *w, const json_t *update)
{
	json_auto_t *before = json_incref(w->members);
	const json_t *ports = json_object_get(update, "Port");

	take_bridge(w, json_object_get(update, "Bridge"));
	take_ports(w, ports, before);
	take_moved(w, before, w->members, ports);
	take_moved(w, w->members, before, ports);
	take_rates(w, json_object_get(update, "QoS"));
	take_rates(w, json_object_get(update, "Queue"));
}

static void on_notify(void *arg, const char *method, const json_t *params)
{
	if (!strcmp(method, "update"))
		take_update(arg, json_array_get(params, 1));
}

static int begin(struct ovs_watch *w, struct error *err)
{
	int64_t deadline = clock_mono_ms() + CONNECT_MS;
	json_t *tables, *initial;

	w->rpc = jsonrpc_open(&w->peer, deadline, err);
	if (!w->rpc)
		return -1;
	tables = json_pack("{s:{s:[s,s]}, s:{s:[s,s,s,s,s,s], s:{s:b}}}", "Bridge", "columns", "name",
			   "ports", "Port", "columns", "name", "tag", "trunks", "vlan_mode", "qos",
			   "external_ids", "select", "initial", 0);
	/* A rate that comes or goes changes the port's column as well. */
	json_object_set_new(tables, "QoS",
			    json_pack("{s:[s,s], s:{s:b, s:b, s:b}}", "columns", "queues",
				      "external_ids", "select", "initial", 0, "insert", 0, "delete",
				      0));
	json_object_set_new(tables, "Queue",
			    json_pack("{s:[s,s], s:{s:b, s:b, s:b}}", "columns", "other_config",
				      "external_ids", "select", "initial", 0, "insert", 0, "delete",
				      0));
	initial = jsonrpc_call(w->rpc, "monitor",
			       json_pack("[s, n, o]", "Open_vSwitch", tables), deadline, err);
	if (!initial)
		return -1;
	json_object_clear(w->members);
	take_bridge(w, json_object_get(initial, "Bridge"));
	json_decref(initial);
	w->rpc->notify = on_notify;
	w->rpc->arg = w;
	return 0;
}

/* Wait for @ms or until the device is closed: then true.  Also wakes up for bytes on @fd. */
static bool rest(int stop_fd, int fd, int64_t ms)
{
	struct pollfd p[] = { { .fd = stop_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	return poll(p, 2, ms > 0 ? (int)ms : 0) > 0 && p[0].revents;
}

static bool bytes_wait(const struct jsonrpc *rpc)
{
	return (rpc->in.len && strspn(rpc->in.data, " \t\r\n") < rpc->in.len) || stream_pending(rpc->stream);
}

/* Take what has come; when nothing came for long, ask. */
static int take_messages(struct ovs_watch *w, int stop_fd, bool quiet, struct error *err)
{
	struct pollfd p = { .fd = stream_fd(w->rpc->stream), .events = POLLIN };
	json_t *echo;

	if (poll(&p, 1, 0) <= 0 && !bytes_wait(w->rpc)) {
		if (!quiet)
			return 0;
		echo = jsonrpc_call(w->rpc, "echo", json_array(), clock_mono_ms() + MESSAGE_MS, err);
		json_decref(echo);
		return echo ? 0 : -1;
	}
	do {
		if (jsonrpc_turn(w->rpc, clock_mono_ms() + MESSAGE_MS, err))
			return -1;
		if (w->tell_at && clock_mono_ms() >= w->tell_at)
			tell(w);
	} while (bytes_wait(w->rpc) && !rest(stop_fd, -1, 0));
	return 0;
}

/* Until the connection is lost, or the device closed: then true. */
static bool listen_on(struct ovs_watch *w, int stop_fd)
{
	struct error err = { 0 };
	bool quiet = false;

	while (!take_messages(w, stop_fd, quiet, &err)) {
		int64_t now = clock_mono_ms();

		if (w->tell_at && now >= w->tell_at)
			tell(w);
		quiet = !w->tell_at;
		if (rest(stop_fd, stream_fd(w->rpc->stream), w->tell_at ? w->tell_at - now : QUIET_MS))
			return true;
	}
	tell(w);
	return rest(stop_fd, -1, 0);
}

static void watch_thread(void *arg, int stop_fd)
{
	int64_t backoff = BACKOFF_FIRST_MS;
	struct ovs_watch *w = arg;
	bool ended = false, missed = false;

	stream_interrupted_by(stop_fd);
	while (!ended) {
		struct error err = { 0 };

		if (!begin(w, &err)) {
			backoff = BACKOFF_FIRST_MS;
			if (missed)
				note(w, NULL);
			ended = listen_on(w, stop_fd);
		}
		missed = true;
		jsonrpc_close(w->rpc);
		w->rpc = NULL;
		ended = ended || rest(stop_fd, -1, backoff);
		backoff = backoff * 2 < BACKOFF_LAST_MS ? backoff * 2 : BACKOFF_LAST_MS;
	}
}

struct ovs_watch *ovs_watch_start(const struct ovsdb *o)
{
	struct ovs_watch *w = xcalloc(1, sizeof(*w));

	*w = (struct ovs_watch){ .device = o->name,
				 .bridge = o->bridge,
				 .peer = o->peer,
				 .members = json_object(),
				 .objects = json_object() };
	w->thread = driver_watch_start(w->device, watch_thread, w);
	return w;
}

void ovs_watch_end(struct ovs_watch *w)
{
	if (!w)
		return;
	driver_watch_end(w->thread);
	jsonrpc_close(w->rpc);
	json_decref(w->members);
	json_decref(w->objects);
	free(w);
}
