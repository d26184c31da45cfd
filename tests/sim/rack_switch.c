/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The switches of the simulated room.  Merging a wish into a port is the driver kit's own code (drivers/sdk/port.c);
 * what is simulated is the switch: a running and a startup configuration.
 */
#include "rack_private.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

static struct rack_port *port_of(struct rack_switch *sw, const char *name)
{
	int i;

	for (i = 0; i < sw->n_ports; i++)
		if (!strcmp(sw->ports[i].name, name))
			return &sw->ports[i];
	return NULL;
}

static const struct rack_port *port_of_nic(const struct rack_machine *m, int nic,
					   const struct rack_switch **on)
{
	int i, k;

	for (i = 0; i < m->rack->n_switches; i++)
		for (k = 0; k < m->rack->switches[i].n_ports; k++) {
			const struct rack_port *p = &m->rack->switches[i].ports[k];

			if (p->machine == m->index && p->nic == nic) {
				*on = &m->rack->switches[i];
				return p;
			}
		}
	return NULL;
}

/* A switch that its driver cannot reach forwards on; one that starts anew lets nothing through for as long. */
bool port_reaches(const struct rack_machine *m, int nic, int vlan)
{
	const struct rack_switch *sw = NULL;
	const struct rack_port *p = port_of_nic(m, nic, &sw);

	return p && p->running.enabled &&
	       (p->running.native == vlan || port_has_vlan(&p->running, vlan)) &&
	       sw->dark_until <= m->rack->sim->now;
}

int switch_change(struct rack_switch *sw, struct driver_change *c, struct error *err)
{
	const char *name = port_of_object(c->object);
	struct rack_port *p = name ? port_of(sw, name) : NULL;
	struct port_config want;
	json_t *seen;
	bool changed;

	if (!name)
		return error_set(err, ERROR_INVALID, "a switch has no object \"%s\"", c->object);
	if (!p)
		return error_set(err, ERROR_REFUSED, "%s has no port %s", sw->dev.name, name);
	want = p->running;
	if (port_merge(&want, c, err))
		return -1;
	changed = !port_equal(&p->running, &want);
	if (changed) {
		p->running = want;
		if (!rack_fault(sw->dev.rack, FAULT_SWITCH_UNSAVED))
			p->startup = want;
		rack_trace(sw->dev.rack, "%s/%s: VLAN %d, \"%s\"", sw->dev.name, p->name,
			   want.native, want.description);
		rack_changed(sw->dev.rack);
	}
	seen = port_to_json(&p->running);
	json_object_set_new_nocheck(seen, "exists", json_true());
	change_done(c, changed, seen);
	return 0;
}

static json_t *port_document(const struct rack_switch *sw, const struct rack_port *p)
{
	json_t *v;

	if (!p)
		return json_pack("{s:b}", "exists", 0);
	v = port_to_json(&p->running);
	json_object_set_new_nocheck(v, "exists", json_true());
	json_object_set_new_nocheck(v, "link",
				    json_boolean(p->running.enabled &&
						 sw->dev.rack->machines[p->machine].on));
	return v;
}

static json_t *mac_table(const struct rack_switch *sw)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < sw->n_ports; i++) {
		const struct rack_port *p = &sw->ports[i];
		const struct rack_machine *m = &sw->dev.rack->machines[p->machine];

		if (m->on && p->running.enabled)
			json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "mac",
							      m->mac[p->nic], "port", p->name,
							      "vlan", p->running.native));
	}
	return list;
}

json_t *switch_document(struct rack_switch *sw, const json_t *objects, struct error *err)
{
	json_t *document = json_object(), *ports = json_object();
	const json_t *one;
	size_t i;
	int k;

	json_object_set_new_nocheck(document, "ports", ports);
	if (!objects) {
		for (k = 0; k < sw->n_ports; k++)
			json_object_set_new_nocheck(ports, sw->ports[k].name,
						    port_document(sw, &sw->ports[k]));
		json_object_set_new_nocheck(document, "macs", mac_table(sw));
		json_object_set_new_nocheck(document, "neighbours", json_array());
	}
	json_array_foreach(objects, i, one) {
		const char *object = json_string_value(one),
			   *name = object ? port_of_object(object) : NULL;

		if (name) {
			json_object_set_new_nocheck(ports, name,
						    port_document(sw, port_of(sw, name)));
		} else if (object && !strcmp(object, "macs")) {
			json_object_set_new_nocheck(document, object, mac_table(sw));
		} else if (object && !strcmp(object, "neighbours")) {
			json_object_set_new_nocheck(document, object, json_array());
		} else {
			json_decref(document);
			error_set(err, ERROR_INVALID, "a switch has no object \"%s\"",
				  object ? object : "");
			return NULL;
		}
	}
	return document;
}

void rack_switch_reboot(struct rack *r, int i)
{
	struct rack_switch *sw = &r->switches[i];
	char object[40];
	int k;

	for (k = 0; k < sw->n_ports; k++) {
		if (!port_equal(&sw->ports[k].running, &sw->ports[k].startup)) {
			snprintf(object, sizeof(object), "port:%s", sw->ports[k].name);
			rack_touched(r, sw->dev.name, object, NULL, TOUCH_OTHERS);
		}
		sw->ports[k].running = sw->ports[k].startup;
	}
	for (k = 0; k < r->n_machines; k++)
		rack_touched(r, r->machines[k].bmc.dev.name, "boot", NULL, TOUCH_OTHERS);
	sw->dark_until = sw->dev.away_until = r->sim->now + sim_between(r->sim, 5000, 20000);
	rack_trace(r, "%s starts anew with its startup configuration", sw->dev.name);
	rack_changed(r);
}
