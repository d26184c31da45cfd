/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The switches of a rack.  A port springs into existence when it is written, unless option `ports`
 * lists those that there are.  The MAC table and the neighbours follow from the servers that are
 * on.
 */
#include "mock.h"

#include "json.h"
#include "port.h"

#include <stdio.h>
#include <string.h>

static bool port_known(const struct mock_device *m, const char *name)
{
	const json_t *list = json_object_get(m->dev->options, "ports"), *one;
	size_t i;

	if (!json_array_size(list))
		return true;
	json_array_foreach(list, i, one)
		if (!strcmp(json_string_value(one) ? json_string_value(one) : "", name))
			return true;
	return false;
}

static void port_read(const json_t *stored, struct port_config *port)
{
	struct driver_change c = { .set = stored };
	const json_t *one;
	size_t i;

	*port = (struct port_config){ .native = 1, .enabled = true };
	if (!stored)
		return;
	port->mode =
		!strcmp(json_str(stored, "mode", "access"), "access") ? PORT_ACCESS : PORT_TRUNK;
	port->native = (int)json_int(c.set, "native", 1);
	json_array_foreach(json_object_get(stored, "tagged"), i, one)
		port_add_vlan(port, (int)json_integer_value(one) & VLAN_MAX);
	port->rate_kbit = json_int(stored, "rate_kbit", 0);
	port->enabled = json_bool(stored, "enabled", true);
	snprintf(port->description, sizeof(port->description), "%s",
		 json_str(stored, "description", ""));
	snprintf(port->owner, sizeof(port->owner), "%s", json_str(stored, "owner", ""));
	port->generation = json_int(stored, "generation", 0);
}

json_t *mock_port(struct rack *rack, const char *sw, const char *port)
{
	return json_object_get(
		json_object_get(json_object_get(json_object_get(rack->root, "switches"), sw),
				"ports"),
		port);
}

/* Somebody else changes the port, after we have. */
static void rewire(struct mock_device *m, const struct driver_change *c, const char *name)
{
	json_t *port = mock_port(m->rack, m->name, name), *copy;
	struct fault_hit hit;

	if (!port ||
	    !fault_take(m->rack, m->name, "apply", c->object, 1u << FAULT_REWIRE, &hit))
		return;
	copy = json_copy(port); /* the port itself is what the change has observed */
	json_object_set_new(copy, "native", json_integer(hit.arg >= 0 ? hit.arg : 666));
	json_object_set_new(rack_child(rack_device(m->rack, "switches", m->name), "ports"), name,
			    copy);
	m->rack->dirty = true;
	rack_tell(m->rack, m->name, c->object);
}

int mock_port_change(struct mock_device *m, struct driver_change *c, struct error *err)
{
	const char *name = port_of_object(c->object);
	struct port_config now, want;
	json_t *stored, *document;

	if (!name)
		return error_set(err, ERROR_INVALID, "a switch has no object \"%s\"", c->object);
	if (!port_known(m, name))
		return error_set(err, ERROR_REFUSED, "%s has no port %s", m->name, name);
	stored = mock_port(m->rack, m->name, name);
	port_read(stored, &now);
	want = now;
	if (port_merge(&want, c, err))
		return -1;
	document = port_to_json(&want);
	json_object_set_new(document, "exists", json_true());
	change_done(c, !port_equal(&now, &want), document);
	if (c->changed) {
		json_object_set(rack_child(rack_device(m->rack, "switches", m->name), "ports"),
				name, document);
		m->rack->dirty = true;
	}
	rewire(m, c, name);
	return 0;
}

static json_t *port_document(struct mock_device *m, const char *name)
{
	struct port_config port;
	json_t *v;

	if (!port_known(m, name))
		return json_pack("{s:b}", "exists", 0);
	port_read(mock_port(m->rack, m->name, name), &port);
	v = port_to_json(&port);
	json_object_set_new(v, "exists", json_true());
	json_object_set_new(v, "link", json_boolean(port.enabled));
	return v;
}

/* Rows of the MAC table (or of the neighbours) from the NICs of the servers that are on. */
static json_t *learned(struct mock_device *m, bool neighbours)
{
	json_t *bmcs = json_object_get(m->rack->root, "bmcs"), *bmc, *list = json_array();
	const char *name;

	json_object_foreach(bmcs, name, bmc) {
		const json_t *nics = json_object_get(bmc, "nics"), *nic,
			     *first = json_array_get(nics, 0);
		struct port_config port;
		size_t i;

		json_array_foreach(nics, i, nic) {
			const char *on = json_str(nic, "port", "");

			if (strcmp(json_str(nic, "switch", ""), m->name) ||
			    strcmp(json_str(bmc, "power", "off"), "on"))
				continue;
			port_read(mock_port(m->rack, m->name, on), &port);
			json_array_append_new(
				list, neighbours ? json_pack("{s:s, s:s, s:s, s:o}", "port", on,
							     "chassis", json_str(first, "mac", ""),
							     "name", name, "remote_port",
							     json_sprintf("eth%zu", i))
						 : json_pack("{s:s, s:s, s:i}", "mac",
							     json_str(nic, "mac", ""), "port", on,
							     "vlan", port.native));
		}
	}
	return list;
}

static json_t *all_ports(struct mock_device *m)
{
	json_t *sw = json_object_get(json_object_get(m->rack->root, "switches"), m->name);
	const json_t *list = json_object_get(m->dev->options, "ports"), *one;
	json_t *ports = json_object(), *port;
	const char *name;
	size_t i;

	json_array_foreach(list, i, one)
		json_object_set_new(ports, json_string_value(one),
				    port_document(m, json_string_value(one)));
	json_object_foreach(json_object_get(sw, "ports"), name, port)
		json_object_set_new(ports, name, port_document(m, name));
	return ports;
}

json_t *mock_switch_document(struct mock_device *m, const json_t *objects, struct error *err)
{
	json_t *document, *ports;
	const json_t *one;
	size_t i;

	if (!objects)
		return json_pack("{s:o, s:o, s:o}", "ports", all_ports(m), "macs",
				 learned(m, false), "neighbours", learned(m, true));
	document = json_object();
	ports = json_object();
	json_object_set_new(document, "ports", ports);
	json_array_foreach(objects, i, one) {
		const char *object = json_string_value(one), *name = port_of_object(object);

		if (name) {
			json_object_set_new(ports, name, port_document(m, name));
		} else if (!strcmp(object, "macs") || !strcmp(object, "neighbours")) {
			json_object_set_new(document, object,
					    learned(m, !strcmp(object, "neighbours")));
		} else {
			json_decref(document);
			error_set(err, ERROR_INVALID, "a switch has no object \"%s\"", object);
			return NULL;
		}
	}
	return document;
}
