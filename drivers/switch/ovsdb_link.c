/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The connection to ovsdb-server.  See ovsdb.h.
 */
#include "ovsdb.h"

#include "json.h"

#include <string.h>

/* {"Open_vSwitch": {UUID: {"new": {"cur_cfg": N}}}} */
static void take_update(struct ovsdb *o, const json_t *update)
{
	json_t *rows = json_object_get(update, "Open_vSwitch"), *row;
	const char *uuid;

	json_object_foreach(rows, uuid, row)
		o->cur_cfg = json_int(json_object_get(row, "new"), "cur_cfg", o->cur_cfg);
}

static void on_notify(void *arg, const char *method, const json_t *params)
{
	if (!strcmp(method, "update"))
		take_update(arg, json_array_get(params, 1));
}

void ovsdb_disconnect(struct ovsdb *o)
{
	jsonrpc_close(o->rpc);
	o->rpc = NULL;
}

int ovsdb_connect(struct ovsdb *o, int64_t deadline_ms, struct error *err)
{
	json_t *initial;

	if (o->rpc)
		return 0;
	o->rpc = jsonrpc_open(&o->peer, deadline_ms, err);
	if (!o->rpc)
		return error_wrap(err, "ovsdb-server at %s", o->peer.address);
	o->rpc->notify = on_notify;
	o->rpc->arg = o;
	o->cur_cfg = 0;
	initial = jsonrpc_call(o->rpc, "monitor",
			       json_pack("[s, n, {s:{s:[s]}}]", "Open_vSwitch", "Open_vSwitch",
					 "columns", "cur_cfg"),
			       deadline_ms, err);
	if (!initial) {
		ovsdb_disconnect(o);
		return error_wrap(err, "ovsdb-server at %s", o->peer.address);
	}
	take_update(o, initial);
	json_decref(initial);
	return 0;
}

json_t *ovs_security(struct ovsdb *o, int64_t deadline_ms, struct error *err)
{
	const struct server_key *key;
	json_t *security;

	if (ovsdb_connect(o, deadline_ms, err))
		return NULL;
	key = stream_key(o->rpc->stream);
	security = json_pack("{s:s}", "transport",
			     key				      ? "encrypted"
			     : !strncmp(o->peer.address, "unix:", 5) ? "local"
								     : "clear");
	if (key)
		json_object_set_new(security, "key", server_key_to_json(key));
	return security;
}

/* The first error among the results; operations after it carry null. */
static int check_results(const json_t *results, size_t ops, struct error *err)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(results) || json_array_size(results) < ops)
		return error_set(err, ERROR_PROTOCOL,
				 "ovsdb-server answered a transaction without its results");
	json_array_foreach(results, i, one) {
		const char *what = json_str(one, "error", NULL);

		if (what && !strcmp(what, "timed out"))
			return error_set(err, ERROR_CONFLICT,
					 "somebody else changed it at the same time");
		if (what)
			return error_set(err, ERROR_REFUSED, "ovsdb-server refused: %s: %s", what,
					 json_str(one, "details", "no details"));
		if (i < ops && !json_is_object(one))
			return error_set(err, ERROR_PROTOCOL,
					 "ovsdb-server answered a transaction with nonsense");
	}
	return 0;
}

json_t *ovsdb_transact(struct ovsdb *o, json_t *ops, int64_t deadline_ms, struct error *err)
{
	size_t n = json_array_size(ops);
	json_t *results;

	json_array_insert_new(ops, 0, json_string("Open_vSwitch"));
	results = jsonrpc_call(o->rpc, "transact", ops, deadline_ms, err);
	if (!results) {
		if (!err || err->code != ERROR_REFUSED)
			ovsdb_disconnect(o);
		error_wrap(err, "ovsdb-server at %s", o->peer.address);
		return NULL;
	}
	if (!check_results(results, n, err))
		return results;
	json_decref(results);
	return NULL;
}

int ovsdb_confirm(struct ovsdb *o, int64_t cfg, int64_t deadline_ms, struct error *err)
{
	while (o->cur_cfg < cfg) {
		if (!jsonrpc_turn(o->rpc, deadline_ms, err))
			continue;
		/* A message may be half read: this connection is of no more use. */
		ovsdb_disconnect(o);
		error_set(err, ERROR_UNREACHABLE,
			  "ovs-vswitchd has not followed the database (at %lld of %lld)",
			  (long long)o->cur_cfg, (long long)cfg);
		return error_hint(err, "See whether ovs-vswitchd runs; what the database holds may "
				       "not be in force.");
	}
	return 0;
}
