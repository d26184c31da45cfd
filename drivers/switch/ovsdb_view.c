/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads the database into a view, and ports out of a view.  See ovsdb.h.  Columns may hold anything
 * that the schema of a newer switch allows: what is not understood is read as absent.
 */
#include "ovsdb.h"

#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SELECT_ONE_BY_ONE = 64 }; /* up to so many ports are asked for by name */

const char *ovs_uuid(const json_t *v)
{
	const char *tag = json_string_value(json_array_get(v, 0));

	return tag && !strcmp(tag, "uuid") ? json_string_value(json_array_get(v, 1)) : NULL;
}

static bool tagged_as(const json_t *v, const char *tag)
{
	const char *its = json_string_value(json_array_get(v, 0));

	return its && !strcmp(its, tag) && json_is_array(json_array_get(v, 1));
}

json_t *ovs_set(const json_t *v)
{
	if (!v)
		return json_array();
	if (tagged_as(v, "set"))
		return json_incref(json_array_get(v, 1));
	return json_pack("[O]", v);
}

const char *ovs_map_get(const json_t *map, const char *key)
{
	const json_t *pair;
	size_t i;

	if (!tagged_as(map, "map"))
		return NULL;
	json_array_foreach(json_array_get(map, 1), i, pair) {
		const char *k = json_string_value(json_array_get(pair, 0));

		if (k && !strcmp(k, key))
			return json_string_value(json_array_get(pair, 1));
	}
	return NULL;
}

static json_t *select_op(const char *table, json_t *where, const char *columns)
{
	json_t *list = json_array();

	while (*columns) {
		size_t len = strcspn(columns, " ");

		json_array_append_new(list, json_stringn(columns, len));
		columns += len + strspn(columns + len, " ");
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "op", "select", "table", table, "where", where,
			 "columns", list);
}

static json_t *view_ops(const struct ovsdb *o, const json_t *names)
{
	static const char port_columns[] =
		"_uuid name tag trunks vlan_mode qos external_ids interfaces";
	json_t *ops = json_array();
	const json_t *name;
	size_t i;

	json_array_append_new(
		ops, select_op("Bridge", json_pack("[[s,s,s]]", "name", "==", o->bridge), "ports"));
	json_array_append_new(ops, select_op("Open_vSwitch", json_array(), "next_cfg cur_cfg"));
	json_array_append_new(ops,
			      select_op("QoS", json_array(), "_uuid type queues external_ids"));
	json_array_append_new(ops, select_op("Queue", json_array(), "_uuid other_config"));
	json_array_append_new(ops, select_op("Interface", json_array(),
					     "_uuid name link_state admin_state lldp ofport"));
	if (!names || json_array_size(names) > SELECT_ONE_BY_ONE)
		json_array_append_new(ops, select_op("Port", json_array(), port_columns));
	else
		json_array_foreach(names, i, name)
			json_array_append_new(
				ops, select_op("Port", json_pack("[[s,s,O]]", "name", "==", name),
					       port_columns));
	return ops;
}

static json_t *rows_of(const json_t *results, size_t i)
{
	return json_object_get(json_array_get(results, i), "rows");
}

static void index_by_uuid(const json_t *rows, json_t *out)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *uuid = ovs_uuid(json_object_get(row, "_uuid"));

		if (uuid)
			json_object_set(out, uuid, row);
	}
}

static void fill_view(struct ovs_view *view, const json_t *results)
{
	const json_t *bridge = json_array_get(rows_of(results, 0), 0),
		     *sys = json_array_get(rows_of(results, 1), 0);
	json_t *row, *one;
	size_t i, k;

	view->bridge_exists = bridge != NULL;
	json_auto_t *members = ovs_set(json_object_get(bridge, "ports"));
	json_array_foreach(members, i, one)
		if (ovs_uuid(one))
			json_object_set_new(view->members, ovs_uuid(one), json_true());
	view->next_cfg = json_int(sys, "next_cfg", 0);
	view->cur_cfg = json_int(sys, "cur_cfg", 0);
	index_by_uuid(rows_of(results, 2), view->qos);
	index_by_uuid(rows_of(results, 3), view->queues);
	index_by_uuid(rows_of(results, 4), view->interfaces);
	for (k = 5; k < json_array_size(results); k++)
		json_array_foreach(rows_of(results, k), i, row)
			if (json_str(row, "name", NULL))
				json_object_set(view->ports, json_str(row, "name", NULL), row);
}

int ovs_view_read(struct ovsdb *o, struct ovs_view *view, const json_t *names, int64_t deadline_ms,
		  struct error *err)
{
	json_t *results = ovsdb_transact(o, view_ops(o, names), deadline_ms, err);

	*view = (struct ovs_view){ 0 };
	if (!results)
		return -1;
	*view = (struct ovs_view){ .ports = json_object(),
				   .interfaces = json_object(),
				   .qos = json_object(),
				   .queues = json_object(),
				   .members = json_object() };
	fill_view(view, results);
	json_decref(results);
	if (view->bridge_exists)
		return 0;
	ovs_view_fini(view);
	error_set(err, ERROR_INVALID, "the switch has no bridge %s", o->bridge);
	return error_hint(err, "Correct `bridge` of %s in the site file.", o->name);
}

void ovs_view_fini(struct ovs_view *view)
{
	json_decref(view->ports);
	json_decref(view->interfaces);
	json_decref(view->qos);
	json_decref(view->queues);
	json_decref(view->members);
	*view = (struct ovs_view){ 0 };
}

static void read_vlans(const json_t *row, struct port_config *c)
{
	json_auto_t *tag = ovs_set(json_object_get(row, "tag"));
	json_auto_t *trunks = ovs_set(json_object_get(row, "trunks"));
	const char *mode = json_string_value(json_object_get(row, "vlan_mode"));
	bool has_tag = json_array_size(tag) > 0;
	const json_t *one;
	size_t i;

	if (!mode)
		mode = has_tag ? "access" : "trunk";
	if (has_tag && json_is_integer(json_array_get(tag, 0)))
		c->native = (int)json_integer_value(json_array_get(tag, 0)) & VLAN_MAX;
	if (!strcmp(mode, "access")) {
		c->mode = PORT_ACCESS;
		return;
	}
	c->mode = json_array_size(trunks) && strcmp(mode, "dot1q-tunnel") ? PORT_TRUNK : PORT_OPEN;
	json_array_foreach(trunks, i, one)
		if (json_is_integer(one) && json_integer_value(one) > 0 &&
		    json_integer_value(one) <= VLAN_MAX)
			port_add_vlan(c, (int)json_integer_value(one));
	if (!strcmp(mode, "native-untagged") && c->mode == PORT_TRUNK)
		c->tagged[c->native / 64] &= ~((uint64_t)1 << (c->native % 64));
	if (!strcmp(mode, "native-tagged") && c->native)
		port_add_vlan(c, c->native);
	if (strcmp(mode, "native-untagged"))
		c->native = 0;
}

/* As much of @text (NULL: none) as @out holds, in whole characters: what somebody wrote there may be longer than ours. */
static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
	text_clean_utf8(out);
}

static void read_stamp(const json_t *row, struct port_config *c)
{
	const json_t *ids = json_object_get(row, "external_ids");
	const char *description = ovs_map_get(ids, "recast-description"),
		   *owner = ovs_map_get(ids, "recast-owner");
	const char *generation = ovs_map_get(ids, "recast-generation");

	copy_text(c->description, sizeof(c->description), description);
	copy_text(c->owner, sizeof(c->owner), owner);
	if (!generation || text_parse_int(generation, 0, INT64_MAX, &c->generation))
		c->generation = 0;
}

/* Queue 0 of the port's QoS carries the rate. */
static void read_rate(const struct ovs_view *view, struct ovs_port *p)
{
	json_auto_t *set = ovs_set(json_object_get(p->row, "qos"));
	const json_t *qos, *pair;
	const char *rate;
	int64_t bits;
	size_t i;

	p->qos = ovs_uuid(json_array_get(set, 0));
	qos = p->qos ? json_object_get(view->qos, p->qos) : NULL;
	p->qos_ours = ovs_map_get(json_object_get(qos, "external_ids"), "recast-port") != NULL;
	json_array_foreach(json_array_get(json_object_get(qos, "queues"), 1), i, pair)
		if (json_is_integer(json_array_get(pair, 0)) &&
		    !json_integer_value(json_array_get(pair, 0)))
			p->queue = ovs_uuid(json_array_get(pair, 1));
	if (!p->queue)
		return;
	rate = ovs_map_get(json_object_get(json_object_get(view->queues, p->queue), "other_config"),
			   "max-rate");
	if (rate && !text_parse_int(rate, 1, INT64_MAX, &bits))
		p->config.rate_kbit = bits / 1000;
}

static void read_interfaces(const struct ovs_view *view, struct ovs_port *p)
{
	json_auto_t *set = ovs_set(json_object_get(p->row, "interfaces"));
	const json_t *one;
	size_t i;

	p->lldp = true;
	json_array_foreach(set, i, one) {
		const json_t *row =
			ovs_uuid(one) ? json_object_get(view->interfaces, ovs_uuid(one)) : NULL;
		const char *lldp = ovs_map_get(json_object_get(row, "lldp"), "enable");

		if (!strcmp(json_str(row, "link_state", ""), "up"))
			p->link = true;
		if (!strcmp(json_str(row, "admin_state", ""), "down"))
			p->config.enabled = false;
		if (!lldp || strcmp(lldp, "true"))
			p->lldp = false;
	}
}

void ovs_view_port(const struct ovs_view *view, const char *name, struct ovs_port *p)
{
	const json_t *row = json_object_get(view->ports, name);
	const char *uuid = ovs_uuid(json_object_get(row, "_uuid"));

	*p = (struct ovs_port){ .config.enabled = true };
	if (!uuid || !json_object_get(view->members, uuid))
		return;
	p->row = row;
	read_vlans(row, &p->config);
	read_stamp(row, &p->config);
	read_rate(view, p);
	read_interfaces(view, p);
}
