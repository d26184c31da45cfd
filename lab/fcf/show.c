/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Read only.  Called by orders.c.
 */
#include "show.h"

#include "json.h"
#include "port.h"
#include "text.h"
#include "zone.h"

static const char *const counter_names[] = {
#define COUNTER(name, meaning) #name,
#include "counters.def"
#undef COUNTER
};

static const char *const duplicate_names[DUPLICATE_MODES] = { "first wins", "second wins", "by type" };

static void set_octets(json_t *to, const char *key, uint64_t value, int octets)
{
	char text[WWN_TEXT];

	text_format_octets(value, octets, text, sizeof(text));
	json_object_set_new(to, key, json_string(text));
}

json_t *show_fabric(const struct fcf *fcf)
{
	const struct settings *set = &fcf->set;
	json_t *f = json_object();

	set_octets(f, "fabric", set->fabric_wwn, 8);
	set_octets(f, "switch", set->switch_wwn, 8);
	set_octets(f, "mac", set->mac, 6);
	json_setf(f, "fc_map", "%06x", set->fc_map);
	json_object_set_new(f, "domain", json_integer(set->domain));
	json_object_set_new(f, "vlan", json_integer(set->vlan));
	json_object_set_new(f, "fka_ms", json_integer(set->fka_ms));
	json_object_set_new(f, "vn_ms", json_integer(set->vn_ms));
	json_object_set_new(f, "duplicate", json_integer(set->duplicate));
	json_object_set_new(f, "duplicate_means", json_string(duplicate_names[set->duplicate]));
	return f;
}

static json_t *show_port(const struct port *port)
{
	int logins = 0;

	for (int i = 0; i < FCF_LOGINS; i++)
		logins += port->fcf->logins[i].fcid && port->fcf->logins[i].port == port;
	return json_pack("{s:i, s:s, s:b, s:b, s:s, s:i}", "port", port->number, "interface", port->ifname, "enabled",
			 !port->disabled, "up", port_is_up(port), "why", port->why, "logins", logins);
}

json_t *show_ports(const struct fcf *fcf)
{
	json_t *list = json_array();

	for (int i = 0; i < fcf->n_ports; i++)
		json_array_append_new(list, show_port(&fcf->ports[i]));
	return list;
}

static json_t *show_login(const struct login *l)
{
	json_t *one = json_object();

	json_setf(one, "fcid", "%06x", l->fcid);
	set_octets(one, "wwpn", l->wwpn, 8);
	set_octets(one, "wwnn", l->wwnn, 8);
	json_object_set_new(one, "port", json_integer(l->port->number));
	return one;
}

json_t *show_logins(const struct fcf *fcf)
{
	json_t *list = json_array();

	for (const struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++) {
		json_t *one;

		if (!l->fcid)
			continue;
		one = show_login(l);
		set_octets(one, "mac", l->mac, 6);
		set_octets(one, "enode", l->enode->mac, 6);
		json_object_set_new(one, "npiv", json_boolean(l->npiv));
		json_object_set_new(one, "rscn", json_boolean(l->wants_rscn));
		json_array_append_new(list, one);
	}
	return list;
}

/* The types that a port registered, each with its features. */
static json_t *show_types(const struct login *l)
{
	json_t *types = json_object();
	char key[8];

	for (int type = 0; type < 256; type++)
		if (l->fc4_types[type / 32 * 4 + 3 - type % 32 / 8] >> type % 8 & 1) {
			snprintf(key, sizeof(key), "%d", type);
			json_object_set_new(types, key, json_integer(l->features[type]));
		}
	return types;
}

json_t *show_names(const struct fcf *fcf)
{
	json_t *list = json_array();

	for (const struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++) {
		json_t *one;

		if (!l->fcid)
			continue;
		one = show_login(l);
		json_object_set_new(one, "fc4_types", show_types(l));
		json_object_set_new(one, "port_symbol", json_string(l->port_symbol));
		json_object_set_new(one, "node_symbol", json_string(l->node_symbol));
		json_array_append_new(list, one);
	}
	return list;
}

json_t *show_zones(const struct fcf *fcf)
{
	return zoneset_show(fcf->zones);
}

/* The sum over all ports, then each port that counted anything. */
json_t *show_counters(const struct fcf *fcf)
{
	json_t *all = json_object(), *ports = json_object();

	for (int c = 0; c < COUNTERS; c++) {
		uint64_t sum = 0;

		for (int i = 0; i < fcf->n_ports; i++)
			sum += fcf->ports[i].counters[c];
		json_object_set_new(all, counter_names[c], json_integer((json_int_t)sum));
	}
	for (int i = 0; i < fcf->n_ports; i++) {
		const struct port *port = &fcf->ports[i];
		json_t *one = json_object();
		char key[16];

		for (int c = 0; c < COUNTERS; c++)
			if (port->counters[c])
				json_object_set_new(one, counter_names[c], json_integer((json_int_t)port->counters[c]));
		snprintf(key, sizeof(key), "%d", port->number);
		json_object_set_new(ports, key, one);
	}
	json_object_set_new(all, "ports", ports);
	return all;
}

json_t *show_faults(const struct fcf *fcf)
{
	json_t *list = json_array();

	for (int a = 0; a < FAULT_ACTION_COUNT; a++)
		for (int k = 0; k < KIND_COUNT; k++)
			if (fcf->faults.left[a][k])
				json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "fault", fault_action_name(a), "kind",
								      frame_kind_name(k), "n", (int)fcf->faults.left[a][k]));
	return list;
}
