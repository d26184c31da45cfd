/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The room's truth beside what the core believes.  See witness.h.
 */
#include "witness_private.h"

#include "arena.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int witness_persona(const char *name)
{
	int i = name[0] == 'p' ? atoi(name + 1) - 1 : -1;

	return i >= 0 && i < WITNESS_PERSONAS ? i : -1;
}

struct place_in_room witness_find(struct rack *r, const char *device, const char *object)
{
	const struct rack_device *dev = rack_device(r, device);
	struct place_in_room at = { .kind = ELSEWHERE };
	const struct rack_switch *sw;

	if (!dev)
		return at;
	at.device = dev->index;
	if (dev->cls == RACK_BMC && !strcmp(object, "power")) {
		at.kind = POWER;
	} else if (dev->cls == RACK_BMC && !strcmp(object, "boot")) {
		at.kind = BOOT;
	} else if (dev->cls == RACK_SWITCH && !strncmp(object, "port:", 5)) {
		sw = &r->switches[dev->index];
		while (at.port < sw->n_ports && strcmp(sw->ports[at.port].name, object + 5) != 0)
			at.port++;
		at.kind = at.port < sw->n_ports ? PORT : ELSEWHERE;
	} else if (dev->cls == RACK_ARRAY && !strncmp(object, "map:", 4) && witness_persona(object + 4) >= 0) {
		at.kind = MAP;
		at.persona = object + 4;
	} else if (dev->cls == RACK_FABRIC && !strncmp(object, "zone:", 5) && witness_persona(object + 5) >= 0) {
		at.kind = ZONE;
		at.persona = object + 5;
	}
	return at;
}

const struct rack_map *witness_map(const struct rack *r, int array, const char *persona)
{
	const struct rack_array *a = &r->arrays[array];
	int i;

	for (i = 0; i < RACK_MAPS; i++)
		if (a->maps[i].managed && !strcmp(a->maps[i].name, persona))
			return &a->maps[i];
	return NULL;
}

int64_t witness_zone(const struct rack *r, int fabric, const char *persona)
{
	int i, p = witness_persona(persona);

	for (i = 0; i < RACK_ZONES; i++)
		if (r->fabrics[fabric].zones[i].key[0] && witness_persona(r->fabrics[fabric].zones[i].key) == p)
			return r->fabrics[fabric].zones[i].generation;
	return 0;
}

bool witness_zone_touched(const struct story *s, int fabric, const char *persona)
{
	int p = witness_persona(persona);

	return p >= 0 && s->witness.zones[fabric][p];
}

struct capture *witness_capture(struct story *s)
{
	struct capture *c = xcalloc(1, sizeof(*c));
	const struct rack *r = s->rack;
	int i, k, p;

	for (i = 0; i < r->n_switches; i++)
		for (k = 0; k < r->switches[i].n_ports; k++)
			c->ports[i][k] = r->switches[i].ports[k].running;
	for (i = 0; i < r->n_machines; i++) {
		c->on[i] = r->machines[i].on;
		c->up[i] = r->machines[i].on && r->machines[i].phase == HOST_UP
				   ? witness_persona(r->machines[i].persona) + 1
				   : 0;
		if (r->machines[i].bmc.lie != BMC_HONEST || r->machines[i].bmc.order)
			s->witness.power[i] = s->sim.now; /* what was read there is not what is */
	}
	for (i = 0; i < r->n_arrays; i++)
		for (k = 0; k < RACK_MAPS; k++) {
			p = r->arrays[i].maps[k].managed ? witness_persona(r->arrays[i].maps[k].name) : -1;
			if (p < 0)
				continue;
			c->maps[i][p].there = true;
			c->maps[i][p].generation = r->arrays[i].maps[k].generation;
		}
	for (i = 0; i < r->n_fabrics; i++)
		for (p = 0; p < WITNESS_PERSONAS; p++) {
			char name[16];

			snprintf(name, sizeof(name), "p%d", p + 1);
			c->zones[i][p] = witness_zone(r, i, name);
		}
	return c;
}

int64_t *witness_touch(struct story *s, const struct place_in_room *at)
{
	static int64_t nowhere;

	switch (at->kind) {
	case POWER:
		return &s->witness.power[at->device];
	case BOOT:
		return &s->witness.boot[at->device];
	case PORT:
		return &s->witness.ports[at->device][at->port];
	case MAP:
		return &s->witness.maps[at->device][witness_persona(at->persona)];
	case ZONE:
		return &s->witness.zones[at->device][witness_persona(at->persona)];
	case ELSEWHERE:
		break;
	}
	nowhere = 0;
	return &nowhere;
}

bool witness_map_touched(const struct story *s, int array, const char *persona, int64_t since)
{
	int p = witness_persona(persona);

	return p >= 0 && s->witness.maps[array][p] && s->witness.maps[array][p] >= since - READING_MS;
}

/* Of an order and of the journal, which has a reference in place of the secret. */
static bool same_order(const json_t *order, const json_t *journal)
{
	const char *user = json_str(json_object_get(journal, "chap"), "user", "");
	json_t *a, *b;
	bool same;

	if (!json_object_get(journal, "chap"))
		return json_equal((json_t *)(uintptr_t)order, (json_t *)(uintptr_t)journal);
	a = json_copy((json_t *)(uintptr_t)order);
	b = json_copy((json_t *)(uintptr_t)journal);
	same = !strcmp(user, json_str(json_object_get(a, "chap"), "user", ""));
	json_object_del(a, "chap");
	json_object_del(b, "chap");
	same = same && json_equal(a, b);
	json_decref(a);
	json_decref(b);
	return same;
}

/* When the run that grants now began to ask this array who can reach the volumes: at last when it was created. */
static int64_t asked(const struct ledger_run *run, const char *device)
{
	int i;

	for (i = 0; i < run->n_steps; i++)
		if (run->steps[i].state == STEP_DONE && !strcmp(run->steps[i].object, "exclusive") &&
		    !strcmp(run->steps[i].device, device))
			return run->steps[i].started;
	return run->created;
}

/* I1: a new grant of a volume that somebody else has mapped since before the run asked. */
static void check_grant(struct story *s, const struct ledger_run *run, const struct place_in_room *at,
			const json_t *set)
{
	const struct rack_array *a = &s->rack->arrays[at->device];
	int64_t since = asked(run, a->dev.name);
	const struct rack_map *map;
	const char *lun;
	json_t *volume;
	int i, k;

	if (!json_bool(set, "exists", false) || witness_map(s->rack, at->device, at->persona))
		return;
	for (i = 0; i < RACK_MAPS; i++) {
		map = &a->maps[i];
		for (k = 0; map->name[0] && k < map->n_luns; k++)
			json_object_foreach(json_object_get(set, "luns"), lun, volume)
				if (!strcmp(json_string_value(volume), a->volumes[map->luns[k].volume].name) &&
				    (map->managed || map->since < since))
					story_violation(s, "volume %s of %s is granted to %s while map %s holds it",
							json_string_value(volume), a->dev.name, at->persona, map->name);
	}
}

/* I13: a run never changes fabrics of both sides at the same time. */
static void check_sides(struct story *s, const struct ledger_run *run, const char *device)
{
	const struct ledger_step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (!strncmp(step->object, "zone:", 5) && strcmp(step->device, device) != 0 &&
		    (step->state == STEP_INTENT || step->state == STEP_UNDO))
			story_violation(s, "run %lld changes %s and %s at the same time", (long long)run->id, device, step->device);
	}
}

/* I6: what reaches a device is under way in the journal, word by word. */
void witness_touched(void *arg, const char *device, const char *object, const json_t *set, enum touch by)
{
	struct story *s = arg;
	struct place_in_room at = witness_find(s->rack, device, object);
	const struct ledger_run *run = NULL;
	const struct ledger_step *step;

	if (by != TOUCH_CORE) {
		*witness_touch(s, &at) = s->sim.now;
		return;
	}
	step = ledger_under_way(&s->ledger, device, object, &run);
	if (!step) {
		story_violation(s, "%s of %s is changed, and no committed intent says so", object, device);
		return;
	}
	if (!same_order(set, json_object_get(step->doc, step->state == STEP_UNDO ? "undo" : "set")))
		story_violation(s, "%s of %s is changed in another way than run %lld has committed", object, device,
				(long long)run->id);
	if (at.kind == ZONE)
		check_sides(s, run, device);
	if (at.kind == MAP && step->state == STEP_INTENT)
		check_grant(s, run, &at, set);
}

/* Has an open run powered @machine off and not begun to bring its role back there? */
static bool is_taken_from(const struct ledger_run *run, const char *machine)
{
	const struct ledger_step *step;
	const char *power;
	bool off = false;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		power = json_str(json_object_get(step->doc, "set"), "power", "");
		if (strcmp(step->object, "power") != 0 || step->mask ||
		    strcmp(json_str(step->doc, "machine", ""), machine) != 0)
			continue;
		off = off || (!strcmp(power, "off") && (step->state == STEP_DONE || step->state == STEP_UNDONE));
		if (json_bool(step->doc, "restore", false) && step->state != STEP_PENDING)
			return false;
	}
	return off;
}

/* I7: nothing in quarantine gets a role, and no machine an old one that was taken from it. */
void witness_script(struct story *s, const struct rack_machine *m, const char *script)
{
	const char *user = strstr(script, "set username ");
	const struct ledger_run *run;
	const json_t *cast;
	char old[80];
	size_t c;
	int i;

	if (!user)
		return;
	if (s->ledger.quarantined[m->index])
		story_violation(s, "%s is quarantined, and gets a role to boot", m->name);
	for (i = 0; i < s->ledger.n_runs; i++) {
		run = s->ledger.runs[i];
		json_array_foreach(json_object_get(run->doc, "casts"), c, cast) {
			snprintf(old, sizeof(old), "%s.g%lld\n", json_str(cast, "persona", ""),
				 (long long)json_int(cast, "generation", 0));
			if (!run->ended && !strcmp(json_str(cast, "from", ""), m->name) &&
			    !strncmp(user + strlen("set username "), old, strlen(old)) && is_taken_from(run, m->name))
				story_violation(s, "run %lld takes %s from %s, which gets it to boot",
						(long long)run->id, json_str(cast, "persona", ""), m->name);
		}
	}
}

/* Nobody could know, or knew, that this one is on: its BMC lied, or was dead and the machine fenced without it. */
static bool is_excused(const struct story *s, int machine)
{
	const struct ledger_run *run;
	int i, k;

	if (s->witness.power[machine] || s->ledger.quarantined[machine])
		return true;
	for (i = 0; i < s->ledger.n_runs; i++) {
		run = s->ledger.runs[i];
		for (k = 0; !run->ended && k < run->n_steps; k++)
			if (run->steps[k].state == STEP_FAILED && !strcmp(run->steps[k].object, "power") &&
			    !strcmp(run->steps[k].device, s->rack->machines[machine].bmc.dev.name))
				return true;
	}
	return false;
}

/* I7: no initiator name on two machines that are on. */
static void check_names(struct story *s)
{
	const struct rack_machine *a, *b;
	int i, k;

	for (i = 0; i < s->rack->n_machines; i++)
		for (k = 0; k < i; k++) {
			a = &s->rack->machines[i];
			b = &s->rack->machines[k];
			if (a->on && b->on && a->initiator[0] && !strcmp(a->initiator, b->initiator) &&
			    !is_excused(s, i) && !is_excused(s, k))
				story_violation(s, "%s and %s are on, and both are %s", a->name, b->name, a->initiator);
		}
}

/* "recast p1#3 eth0": whose network the port is in, -1: nobody's.  The boot and storage networks are everybody's. */
static int stamp(const struct port_config *port)
{
	return !strncmp(port->description, "recast p", 8) && (port->native == VLAN_WEB || port->native == VLAN_DB)
		       ? witness_persona(port->description + 7)
		       : -1;
}

/* I11: machines that are on and whose ports carry the stamp of one persona. */
static void check_stamps(struct story *s)
{
	int holder[WITNESS_PERSONAS] = { 0 }, i, k, p;
	const struct rack_port *port;

	for (i = 0; i < s->rack->n_switches; i++)
		for (k = 0; k < s->rack->switches[i].n_ports; k++) {
			port = &s->rack->switches[i].ports[k];
			p = s->rack->machines[port->machine].on ? stamp(&port->running) : -1;
			if (p < 0 || s->witness.ports[i][k] || is_excused(s, port->machine))
				continue;
			if (holder[p] && holder[p] != port->machine + 1)
				story_violation(s, "ports of node%d and node%d, which are on, both carry p%d",
						holder[p], port->machine + 1, p + 1);
			holder[p] = port->machine + 1;
		}
}

/* I14: no switch has to shut a port because a WWPN came twice. */
static void check_duplicates(struct story *s)
{
	int i, holder;

	for (i = 0; i < s->rack->n_machines; i++) {
		holder = s->rack->duplicates[i] - 1;
		s->rack->duplicates[i] = 0;
		if (holder >= 0 && !is_excused(s, i) && !is_excused(s, holder))
			story_violation(s, "node%d logs in with the WWPN of node%d, which is logged in: its port is shut", i + 1, holder + 1);
	}
}

void witness_changed(struct story *s)
{
	check_duplicates(s);
	check_names(s);
	check_stamps(s);
}
