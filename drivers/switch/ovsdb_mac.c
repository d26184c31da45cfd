/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The MAC table of the bridge.  OVSDB does not carry it; ovs-vswitchd's control socket does, as the
 * text that `ovs-appctl fdb/show` prints.  That socket speaks JSON-RPC too.
 */
#include "ovsdb.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OpenFlow port number -> name of the interface. */
static json_t *port_numbers(const struct ovs_view *view)
{
	json_t *numbers = json_object(), *row;
	const char *uuid;
	char key[32];

	json_object_foreach(view->interfaces, uuid, row) {
		snprintf(key, sizeof(key), "%lld", (long long)json_int(row, "ofport", -1));
		json_object_set(numbers, key, json_object_get(row, "name"));
	}
	return numbers;
}

/* One line: "    2   110  52:54:00:00:01:01    3".  The head line and LOCAL have no number in
 * front. */
static void take_line(const char *line, const json_t *numbers, json_t *macs)
{
	char number[16], vlan_text[16], mac_text[32], mac[18];
	const char *port;
	int64_t vlan;

	if (sscanf(line, "%15s %15s %31s", number, vlan_text, mac_text) != 3)
		return;
	port = json_str(numbers, number, NULL);
	if (port && !text_parse_int(vlan_text, 0, 4095, &vlan) && text_mac(mac_text, mac))
		json_array_append_new(macs, json_pack("{s:s, s:s, s:I}", "mac", mac, "port", port,
						      "vlan", (json_int_t)vlan));
}

static json_t *parse_table(const char *table, const struct ovs_view *view)
{
	_cleanup_(freep) char *copy = xstrdup(table);
	json_auto_t *numbers = port_numbers(view);
	json_t *macs = json_array();
	char *line, *save = NULL;

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(line, numbers, macs);
	return macs;
}

json_t *ovs_macs(const struct ovsdb *o, const struct ovs_view *view, int64_t deadline_ms,
		 struct error *err)
{
	_cleanup_(freep) char *address = NULL;
	json_t *reply, *macs = NULL;
	struct jsonrpc *rpc;

	if (!o->unixctl) {
		error_set(err, ERROR_UNSUPPORTED, "the MAC table needs option unixctl");
		error_hint(
			err,
			"Set unixctl to ovs-vswitchd's control socket (…/ovs-vswitchd.PID.ctl).");
		return NULL;
	}
	address = xasprintf("unix:%s", o->unixctl);
	rpc = jsonrpc_open(&(struct stream_peer){ .address = address }, deadline_ms, err);
	reply = rpc ? jsonrpc_call(rpc, "fdb/show", json_pack("[s]", o->bridge), deadline_ms, err)
		    : NULL;
	if (json_is_string(reply))
		macs = parse_table(json_string_value(reply), view);
	else if (reply)
		error_set(err, ERROR_PROTOCOL, "fdb/show answered no text");
	if (!macs)
		error_wrap(err, "ovs-vswitchd at %s", o->unixctl);
	json_decref(reply);
	jsonrpc_close(rpc);
	return macs;
}
