/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The operations of a transaction that moves ports from what they are to what is wished.  Pure:
 * JSON in, JSON out.  Only columns that differ are written; external_ids of others stay; each
 * port's operations begin with a `wait` for what was read, so that nothing is overwritten unseen.
 */
#include "ovsdb.h"

#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static json_t *where_name(const char *name)
{
	return json_pack("[[s,s,s]]", "name", "==", name);
}

static json_t *where_uuid(const char *uuid)
{
	return json_pack("[[s,s,[s,s]]]", "_uuid", "==", "uuid", uuid);
}

static json_t *empty_set(void)
{
	return json_pack("[s,[]]", "set");
}

static void add_wait(json_t *ops, const char *name, const json_t *row)
{
	static const char *const columns[] = { "tag", "trunks", "vlan_mode", "qos",
					       "external_ids" };
	json_t *list = json_array(), *seen = json_object();
	size_t i;

	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		json_array_append_new(list, json_string(columns[i]));
		json_object_set(seen, columns[i], json_object_get(row, columns[i]));
	}
	json_array_append_new(ops,
			      json_pack("{s:s, s:i, s:s, s:o, s:o, s:s, s:[o]}", "op", "wait",
					"timeout", 0, "table", "Port", "where", where_name(name),
					"columns", list, "until", "==", "rows", seen));
}

static void add_update(json_t *ops, const char *table, json_t *where, json_t *row)
{
	json_array_append_new(ops, json_pack("{s:s, s:s, s:o, s:o}", "op", "update", "table", table,
					     "where", where, "row", row));
}

static json_t *trunk_set(const struct port_config *want)
{
	json_t *list = json_array();
	int vlan;

	for (vlan = 1; vlan <= VLAN_MAX; vlan++)
		if (port_has_vlan(want, vlan))
			json_array_append_new(list, json_integer(vlan));
	return json_pack("[s,o]", "set", list);
}

static void write_vlans(json_t *ops, const char *name, const struct port_config *want)
{
	const char *mode = want->mode == PORT_ACCESS ? "access"
			   : want->native            ? "native-untagged"
						     : "trunk";
	json_t *row = json_object();

	json_object_set_new(row, "tag", want->native ? json_integer(want->native) : empty_set());
	json_object_set_new(row, "trunks",
			    want->mode == PORT_ACCESS ? empty_set() : trunk_set(want));
	json_object_set_new(row, "vlan_mode", json_string(mode));
	add_update(ops, "Port", where_name(name), row);
}

static void add_delete(json_t *ops, const char *table, const char *uuid)
{
	json_array_append_new(ops, json_pack("{s:s, s:s, s:o}", "op", "delete", "table", table,
					     "where", where_uuid(uuid)));
}

static json_t *rate_map(int64_t kbit)
{
	return json_pack("[s,[[s,o]]]", "map", "max-rate", json_sprintf("%" PRId64, kbit * 1000));
}

static json_t *mark_map(const char *name)
{
	return json_pack("[s,[[s,s]]]", "map", "recast-port", name);
}

/* One QoS and one Queue per port that has a rate; both carry our mark and go away with it. */
static void insert_rate(json_t *ops, const char *name, int64_t kbit)
{
	size_t n = json_array_size(ops);
	char qos[32], queue[32];

	snprintf(qos, sizeof(qos), "qos%zu", n);
	snprintf(queue, sizeof(queue), "queue%zu", n);
	json_array_append_new(ops,
			      json_pack("{s:s, s:s, s:s, s:{s:o, s:o}}", "op", "insert", "table",
					"Queue", "uuid-name", queue, "row", "other_config",
					rate_map(kbit), "external_ids", mark_map(name)));
	json_array_append_new(
		ops, json_pack("{s:s, s:s, s:s, s:{s:s, s:o, s:o, s:[s,[[i,[s,s]]]]}}", "op",
			       "insert", "table", "QoS", "uuid-name", qos, "row", "type",
			       "linux-htb", "other_config", rate_map(kbit), "external_ids",
			       mark_map(name), "queues", "map", 0, "named-uuid", queue));
	add_update(ops, "Port", where_name(name), json_pack("{s:[s,s]}", "qos", "named-uuid", qos));
}

static void write_rate(json_t *ops, const char *name, const struct ovs_port *now, int64_t kbit)
{
	if (kbit && now->queue) {
		add_update(ops, "Queue", where_uuid(now->queue),
			   json_pack("{s:o}", "other_config", rate_map(kbit)));
		add_update(ops, "QoS", where_uuid(now->qos),
			   json_pack("{s:o}", "other_config", rate_map(kbit)));
		return;
	}
	if (now->qos)
		add_update(ops, "Port", where_name(name), json_pack("{s:o}", "qos", empty_set()));
	if (now->qos)
		add_delete(ops, "QoS", now->qos);
	if (now->queue)
		add_delete(ops, "Queue", now->queue);
	if (kbit)
		insert_rate(ops, name, kbit);
}

static void write_stamp(json_t *ops, const char *name, const struct port_config *want)
{
	json_t *pairs = json_array();

	if (want->description[0])
		json_array_append_new(pairs,
				      json_pack("[s,s]", "recast-description", want->description));
	if (want->owner[0])
		json_array_append_new(pairs, json_pack("[s,s]", "recast-owner", want->owner));
	if (want->generation)
		json_array_append_new(pairs, json_pack("[s,o]", "recast-generation",
						       json_sprintf("%" PRId64, want->generation)));
	json_array_append_new(ops,
			      json_pack("{s:s, s:s, s:o, s:[[s,s,[s,[s,s,s]]],[s,s,[s,o]]]}", "op",
					"mutate", "table", "Port", "where", where_name(name),
					"mutations", "external_ids", "delete", "set",
					"recast-description", "recast-owner", "recast-generation",
					"external_ids", "insert", "map", pairs));
}

static void write_lldp(json_t *ops, const struct ovs_port *now)
{
	json_auto_t *set = ovs_set(json_object_get(now->row, "interfaces"));
	const json_t *one;
	size_t i;

	json_array_foreach(set, i, one)
		if (ovs_uuid(one))
			json_array_append_new(
				ops,
				json_pack("{s:s, s:s, s:o, s:[[s,s,[s,[s]]],[s,s,[s,[[s,s]]]]]}",
					  "op", "mutate", "table", "Interface", "where",
					  where_uuid(ovs_uuid(one)), "mutations", "lldp", "delete",
					  "set", "enable", "lldp", "insert", "map", "enable",
					  "true"));
}

void ovs_write_port(const struct ovsdb *o, json_t *ops, const char *name,
		    const struct ovs_port *now, const struct port_config *want)
{
	const struct port_config *is = &now->config;

	add_wait(ops, name, now->row);
	if (is->mode != want->mode || is->native != want->native ||
	    memcmp(is->tagged, want->tagged, sizeof(is->tagged)) != 0)
		write_vlans(ops, name, want);
	if (is->rate_kbit != want->rate_kbit)
		write_rate(ops, name, now, want->rate_kbit);
	if (strcmp(is->description, want->description) || strcmp(is->owner, want->owner) ||
	    is->generation != want->generation)
		write_stamp(ops, name, want);
	if (o->lldp && !now->lldp)
		write_lldp(ops, now);
}

void ovs_write_end(json_t *ops)
{
	json_array_append_new(ops, json_pack("{s:s, s:s}", "op", "comment", "comment", "recast"));
	json_array_append_new(ops,
			      json_pack("{s:s, s:s, s:[], s:[[s,s,i]]}", "op", "mutate", "table",
					"Open_vSwitch", "where", "mutations", "next_cfg", "+=", 1));
	json_array_append_new(ops, json_pack("{s:s, s:s, s:[], s:[s]}", "op", "select", "table",
					     "Open_vSwitch", "where", "columns", "next_cfg"));
}
