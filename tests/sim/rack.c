/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The simulated room as a whole: making it, its site document, faults by chance, healing, and the invariants.
 */
#include "rack_private.h"

#include "arena.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const fault_names[FAULT_COUNT] = {
#define FAULT(id, name, when, what) name,
#include "faults.def"
#undef FAULT
};

int fault_by_name(const char *name)
{
	int i;

	for (i = 0; i < FAULT_COUNT; i++)
		if (!strcmp(name, fault_names[i]))
			return i;
	return -1;
}

bool rack_faulty(const struct rack *r)
{
	return r->faults.until > r->sim->now;
}

void rack_count(struct rack *r, enum fault f, const char *where)
{
	r->fault_counts[f]++;
	rack_trace(r, "fault %s%s%s", fault_names[f], *where ? " at " : "", where);
}

bool rack_fault(struct rack *r, enum fault f)
{
	if (!rack_faulty(r) || !sim_chance(r->sim, r->faults.rate[f]))
		return false;
	rack_count(r, f, "");
	return true;
}

void rack_changed(struct rack *r)
{
	if (r->ops->changed)
		r->ops->changed(r->arg);
}

void rack_touched(struct rack *r, const char *device, const char *object, const json_t *set, enum touch by)
{
	if (r->ops->touched)
		r->ops->touched(r->arg, device, object, set, by);
}

void rack_trace(struct rack *r, const char *fmt, ...)
{
	int64_t ms = r->sim->now - SIM_START_MS;
	char line[512];
	va_list ap;
	int n;

	if (!r->ops->trace)
		return;
	n = snprintf(line, sizeof(line), "%6lld.%03d  ", (long long)(ms / 1000), (int)(ms % 1000));
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	r->ops->trace(r->arg, line);
}

struct rack_device *rack_device(struct rack *r, const char *name)
{
	int i;

	for (i = 0; i < r->n_machines; i++)
		if (!strcmp(r->machines[i].bmc.dev.name, name))
			return &r->machines[i].bmc.dev;
	for (i = 0; i < r->n_switches; i++)
		if (!strcmp(r->switches[i].dev.name, name))
			return &r->switches[i].dev;
	for (i = 0; i < r->n_arrays; i++)
		if (!strcmp(r->arrays[i].dev.name, name))
			return &r->arrays[i].dev;
	for (i = 0; i < r->n_fabrics; i++)
		if (!strcmp(r->fabrics[i].dev.name, name))
			return &r->fabrics[i].dev;
	return NULL;
}

static void make_machine(struct rack *r, int i)
{
	struct rack_machine *m = &r->machines[i];
	struct rack_switch *sw;
	struct rack_port *port;
	int nic;

	m->rack = r;
	m->index = i;
	snprintf(m->name, sizeof(m->name), "node%d", i + 1);
	snprintf(m->uuid, sizeof(m->uuid), "52540000-0101-4000-8000-%012x", (unsigned)i + 1);
	m->bmc.dev = (struct rack_device){ .rack = r, .cls = RACK_BMC, .index = i };
	snprintf(m->bmc.dev.name, sizeof(m->bmc.dev.name), "%s-bmc", m->name);
	strcpy(m->bmc.boot, "none");
	m->bmc.identity = m->card = -1;
	for (nic = 0; nic < RACK_NICS; nic++) {
		sw = &r->switches[nic % r->n_switches];
		port = &sw->ports[sw->n_ports++];
		snprintf(m->mac[nic], sizeof(m->mac[nic]), "52:54:00:00:%02x:%02x", ((unsigned)i + 1) & 255,
			 ((unsigned)nic + 1) & 255);
		snprintf(port->name, sizeof(port->name), "%s-eth%d", m->name, nic);
		port->machine = i;
		port->nic = nic;
		port->running.native = port->startup.native = 1;
		port->running.enabled = port->startup.enabled = true;
	}
}

static void make_array(struct rack *r, int i)
{
	struct rack_array *a = &r->arrays[i];

	a->dev = (struct rack_device){ .rack = r, .cls = RACK_ARRAY, .index = i };
	snprintf(a->dev.name, sizeof(a->dev.name), "san%d", i + 1);
	snprintf(a->portal, sizeof(a->portal), "10.66.20.%d", i + 1);
	strcpy(a->volumes[0].name, "golden");
	a->volumes[0].size = 64 << 20;
}

struct rack *rack_create(struct sim *sim, int machines, int switches, int arrays,
			 const struct rack_ops *ops, void *arg)
{
	static const char *const names[] = {
		[RACK_SWITCH] = "switch", [RACK_ARRAY] = "array", [RACK_BMC] = "bmc", [RACK_FABRIC] = "fabric"
	};
	struct rack *r = xcalloc(1, sizeof(*r));
	int i;

	r->sim = sim;
	r->ops = ops;
	r->arg = arg;
	r->n_machines = machines < RACK_MACHINES ? machines : RACK_MACHINES;
	r->n_switches = switches < 1 ? 1 : switches < RACK_SWITCHES ? switches : RACK_SWITCHES;
	r->n_arrays = arrays < 1 ? 1 : arrays < RACK_ARRAYS ? arrays : RACK_ARRAYS;
	r->firmware_first = r->system_first = 2000;
	r->firmware_last = r->system_last = 6000;
	for (i = 0; i < 2 * RACK_CLASSES; i++) {
		r->drivers[i].rack = r;
		r->drivers[i].cls = (enum rack_class)(i % RACK_CLASSES);
		r->drivers[i].set = i / RACK_CLASSES;
		snprintf(r->drivers[i].name, sizeof(r->drivers[i].name), i < RACK_CLASSES ? "%s" : "%s.1", names[i % RACK_CLASSES]);
	}
	for (i = 0; i < r->n_switches; i++) {
		r->switches[i].dev =
			(struct rack_device){ .rack = r, .cls = RACK_SWITCH, .index = i };
		snprintf(r->switches[i].dev.name, sizeof(r->switches[i].dev.name), "leaf%d", i + 1);
	}
	for (i = 0; i < r->n_machines; i++)
		make_machine(r, i);
	for (i = 0; i < r->n_arrays; i++)
		make_array(r, i);
	world_start(r);
	return r;
}

void rack_destroy(struct rack *r)
{
	int i;

	if (!r)
		return;
	for (i = 0; i < r->n_machines; i++) {
		sim_cancel(r->sim, r->machines[i].life);
		bmc_calm(&r->machines[i]);
	}
	sim_cancel(r->sim, r->world);
	requests_free(r);
	free(r);
}

static json_t *networks(void)
{
	static const struct {
		const char *name;
		int vlan;
	} pools[] = { { "storage", VLAN_STORAGE }, { "web", VLAN_WEB }, { "db", VLAN_DB } };
	json_t *out = json_pack("{s:{s:i}, s:{s:i}}", "provision", "vlan", VLAN_PROVISION,
				"parking", "vlan", VLAN_PARKING);
	json_t *n;
	size_t i;

	for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		n = json_pack("{s:i}", "vlan", pools[i].vlan);
		json_setf(n, "subnet", "10.66.%d.0/24", pools[i].vlan);
		json_setf(n, "pool", "10.66.%d.10-10.66.%d.250", pools[i].vlan, pools[i].vlan);
		json_object_set_new(out, pools[i].name, n);
	}
	return out;
}

static json_t *machine_json(const struct rack *r, const struct rack_machine *m)
{
	json_t *nics = json_object(), *nic, *out;
	char name[8];
	int i;

	for (i = 0; i < RACK_NICS; i++) {
		nic = json_pack("{s:s}", "mac", m->mac[i]);
		json_setf(nic, "port", "%s/%s-eth%d", r->switches[i % r->n_switches].dev.name,
			  m->name, i);
		snprintf(name, sizeof(name), "eth%d", i);
		json_object_set_new(nics, name, nic);
	}
	out = json_pack("{s:s, s:i, s:s, s:s, s:{s:s, s:o}, s:o}", "arch", "x86_64", "cores", 8,
			"memory", "32GiB", "uuid", m->uuid, "bmc", "driver", "bmc", "address",
			json_sprintf("10.66.1.%d", m->index + 1), "nics", nics);
	if (r->n_fabrics)
		json_object_set_new(out, "hbas", json_pack("{s:{s:o}, s:{s:o}}", "hba0", "port", json_sprintf("fab-a/%d", m->index + 1),
							   "hba1", "port", json_sprintf("fab-b/%d", m->index + 1)));
	return out;
}

/* What fabrics add to the site. */
static void add_fabrics(const struct rack *r, json_t *site)
{
	json_t *fabrics = json_object(), *wwpns;
	char wwpn[WWN_SIZE];
	int i, k;

	for (i = 0; i < r->n_fabrics; i++)
		json_object_set_new(fabrics, r->fabrics[i].dev.name,
				    json_pack("{s:s, s:o, s:s}", "driver", "fabric", "address", json_sprintf("10.66.3.%d", i + 1),
					      "lock_wait", "30s"));
	json_object_set_new(site, "fabrics", fabrics);
	for (k = 0; k < r->n_arrays; k++) {
		wwpns = json_object();
		for (i = 0; i < r->n_fabrics; i++) {
			rack_array_wwpn(k, i, wwpn);
			json_object_set_new(wwpns, r->fabrics[i].dev.name, json_pack("[s]", wwpn));
		}
		json_object_set_new(json_object_get(json_object_get(site, "arrays"), r->arrays[k].dev.name), "wwpns", wwpns);
	}
}

json_t *rack_site(const struct rack *r)
{
	json_t *switches = json_object(), *arrays = json_object(), *machines = json_object(),
	       *group = json_array(), *site;
	int i;

	for (i = 0; i < r->n_switches; i++)
		json_object_set_new(switches, r->switches[i].dev.name,
				    json_pack("{s:s, s:o}", "driver", "switch", "address",
					      json_sprintf("10.66.2.%d", i + 1)));
	for (i = 0; i < r->n_arrays; i++)
		json_object_set_new(arrays, r->arrays[i].dev.name,
				    json_pack("{s:s, s:s, s:[o]}", "driver", "array", "address",
					      r->arrays[i].portal, "portals",
					      json_sprintf("%s:3260", r->arrays[i].portal)));
	for (i = 0; i < r->n_machines; i++) {
		json_object_set_new(machines, r->machines[i].name,
				    machine_json(r, &r->machines[i]));
		json_array_append_new(group, json_string(r->machines[i].name));
	}
	site = json_pack(
		"{s:s, s:o, s:{s:s, s:s}, s:o, s:o, s:o, s:{s:{s:o}}, s:{s:{s:s}, s:{s:s}}}",
		"site", "sim", "networks", networks(), "boot", "network", "provision", "url",
		"http://10.66.10.1:8080", "switches", switches, "arrays", arrays, "machines",
		machines, "groups", "blades", "machines", group, "identities", "mac", "prod",
		"02:ca:57:00:00:00-02:ca:57:00:ff:ff", "iqn", "prod",
		"iqn.2026-01.example:{persona}");
	if (r->n_fabrics)
		add_fabrics(r, site);
	return site;
}

int rack_writers(const struct rack *r, int array, int volume)
{
	const struct rack_array *a = &r->arrays[array];
	bool writes[RACK_MACHINES] = { false };
	const struct rack_session *s;
	const struct rack_map *map;
	int i, k, n = 0;

	for (i = 0; i < RACK_SESSIONS; i++) {
		s = &a->sessions[i];
		if (!s->id || !s->live || s->machine < 0 || !r->machines[s->machine].on ||
		    writes[s->machine])
			continue;
		map = &a->maps[s->map];
		for (k = 0; k < map->n_luns && map->luns[k].volume != volume; k++)
			;
		if (k < map->n_luns) {
			writes[s->machine] = true;
			n++;
		}
	}
	return n;
}

bool rack_sound(const struct rack *r, char *why, size_t size)
{
	int a, v, n;

	if (r->stale_writes) {
		snprintf(why, size, "%llu blocks were written under a generation that was over",
			 (unsigned long long)r->stale_writes);
		return false;
	}
	for (a = 0; a < r->n_arrays; a++)
		for (v = 0; v < RACK_VOLUMES; v++) {
			n = r->arrays[a].volumes[v].name[0] ? rack_writers(r, a, v) : 0;
			if (n < 2)
				continue;
			snprintf(why, size, "%d machines that are on can write to volume %s of %s",
				 n, r->arrays[a].volumes[v].name, r->arrays[a].dev.name);
			return false;
		}
	return true;
}
