/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The room's truth beside what the core believes.  See witness.h.
 */
#include "witness.h"

#include "story.h"

#include "arena.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was read for a plan may be as old as this when its run is created: another device may answer late, or hang. */
enum { READING_MS = 180000, MASKING_MS = 19000 };

struct capture {
	struct port_config ports[RACK_SWITCHES][RACK_PORTS];
	bool on[RACK_MACHINES];
	int up[RACK_MACHINES]; /* persona that runs there + 1, or 0 */
	struct {
		bool there;
		int64_t generation;
	} maps[RACK_ARRAYS][WITNESS_PERSONAS];
};

/* An object of a step, found in the room. */
struct place_in_room {
	enum { ELSEWHERE, POWER, BOOT, PORT, MAP } kind;
	int device, port;    /* machine, switch or array; of a switch */
	const char *persona; /* whose map */
};

static int persona_index(const char *name)
{
	int i = name[0] == 'p' ? atoi(name + 1) - 1 : -1;

	return i >= 0 && i < WITNESS_PERSONAS ? i : -1;
}

static struct place_in_room find(struct rack *r, const char *device, const char *object)
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
	} else if (dev->cls == RACK_ARRAY && !strncmp(object, "map:", 4) && persona_index(object + 4) >= 0) {
		at.kind = MAP;
		at.persona = object + 4;
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
		c->up[i] = r->machines[i].on && r->machines[i].phase == HOST_UP ? persona_index(r->machines[i].persona) + 1 : 0;
		if (r->machines[i].bmc.lie != BMC_HONEST || r->machines[i].bmc.order)
			s->witness.power[i] = s->sim.now; /* what was read there is not what is */
	}
	for (i = 0; i < r->n_arrays; i++)
		for (k = 0; k < RACK_MAPS; k++) {
			p = r->arrays[i].maps[k].managed ? persona_index(r->arrays[i].maps[k].name) : -1;
			if (p < 0)
				continue;
			c->maps[i][p].there = true;
			c->maps[i][p].generation = r->arrays[i].maps[k].generation;
		}
	return c;
}

static int64_t *touch_of(struct story *s, const struct place_in_room *at)
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
		return &s->witness.maps[at->device][persona_index(at->persona)];
	case ELSEWHERE:
		break;
	}
	nowhere = 0;
	return &nowhere;
}

bool witness_map_touched(const struct story *s, int array, const char *persona, int64_t since)
{
	int p = persona_index(persona);

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
static void check_grant(struct story *s, const struct ledger_run *run, const struct place_in_room *at, const json_t *set)
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

/* I6: what reaches a device is under way in the journal, word by word. */
void witness_touched(void *arg, const char *device, const char *object, const json_t *set, enum touch by)
{
	struct story *s = arg;
	struct place_in_room at = find(s->rack, device, object);
	const struct ledger_run *run = NULL;
	const struct ledger_step *step;

	if (by != TOUCH_CORE) {
		*touch_of(s, &at) = s->sim.now;
		return;
	}
	step = ledger_under_way(&s->ledger, device, object, &run);
	if (!step) {
		story_violation(s, "%s of %s is changed, and no committed intent says so", object, device);
		return;
	}
	if (!same_order(set, json_object_get(step->doc, step->state == STEP_UNDO ? "undo" : "set")))
		story_violation(s, "%s of %s is changed in another way than run %lld has committed", object, device, (long long)run->id);
	if (at.kind == MAP && step->state == STEP_INTENT)
		check_grant(s, run, &at, set);
}

static bool foreign(struct story *s, const struct place_in_room *at, const struct ledger_run *run)
{
	int64_t touched = *touch_of(s, at);

	if (at->kind == POWER && s->rack->machines[at->device].bmc.lie != BMC_HONEST)
		return true;
	return touched && touched >= run->created - READING_MS;
}

static bool same_wiring(const struct port_config *a, const struct port_config *b)
{
	return a->mode == b->mode && a->native == b->native && !memcmp(a->tagged, b->tagged, sizeof(a->tagged)) &&
	       a->rate_kbit == b->rate_kbit && a->enabled == b->enabled;
}

/* The object is as @set wishes. */
static bool as_wished(struct story *s, const struct place_in_room *at, const json_t *set)
{
	const struct rack_port *port = &s->rack->switches[at->kind == PORT ? at->device : 0].ports[at->port];
	struct driver_change change = { .set = (json_t *)(uintptr_t)set };
	struct error err = { 0 };
	const struct rack_map *map;
	struct port_config want;

	switch (at->kind) {
	case POWER:
		return s->rack->machines[at->device].on == !strcmp(json_str(set, "power", ""), "on");
	case BOOT:
		return !strcmp(s->rack->machines[at->device].bmc.boot, json_str(set, "device", ""));
	case PORT:
		want = port->running;
		return port_merge(&want, &change, &err) == 0 && port_equal(&want, &port->running);
	case MAP:
		map = witness_map(s->rack, at->device, at->persona);
		if (!json_bool(set, "exists", false))
			return !map;
		return map && map->generation == json_int(set, "generation", 0);
	case ELSEWHERE:
		break;
	}
	return true;
}

static bool is_last(const struct ledger_run *run, int n)
{
	const struct ledger_step *step = &run->steps[n];

	for (n++; n < run->n_steps; n++)
		if (!run->steps[n].mask && !strcmp(run->steps[n].device, step->device) && !strcmp(run->steps[n].object, step->object))
			return false;
	return true;
}

static bool is_entered(const struct ledger_run *run, const char *machine)
{
	const json_t *cast;
	size_t i;

	json_array_foreach(json_object_get(run->doc, "casts"), i, cast)
		if (!strcmp(json_str(cast, "to", ""), machine))
			return true;
	return false;
}

/* F3: the ports of a machine that was left are where nobody is. */
static void check_left(struct story *s, const struct ledger_run *run)
{
	const struct rack_port *port;
	const json_t *cast;
	size_t c;
	int i, k;

	json_array_foreach(json_object_get(run->doc, "casts"), c, cast) {
		const char *from = json_str(cast, "from", NULL);

		for (i = 0; from && !is_entered(run, from) && i < s->rack->n_switches; i++)
			for (k = 0; k < s->rack->switches[i].n_ports; k++) {
				port = &s->rack->switches[i].ports[k];
				if (strcmp(s->rack->machines[port->machine].name, from) != 0 || port->running.native == VLAN_PARKING ||
				    (s->witness.ports[i][k] && s->witness.ports[i][k] >= run->created - READING_MS))
					continue;
				story_violation(s, "run %lld is done, and port %s of %s, which was left, is in VLAN %d", (long long)run->id, port->name,
						from, port->running.native);
			}
	}
}

static void check_done(struct story *s, const struct ledger_run *run)
{
	const struct ledger_step *step;
	struct place_in_room at;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		at = find(s->rack, step->device, step->object);
		if (at.kind == ELSEWHERE || !is_last(run, i) || foreign(s, &at, run))
			continue;
		if (step->state != STEP_DONE && !json_bool(step->doc, "fallback", false))
			story_violation(s, "run %lld is done, and step %d is %s", (long long)run->id, i, step_state_name(step->state));
		if (step->state == STEP_DONE && !as_wished(s, &at, json_object_get(step->doc, "set")))
			story_violation(s, "run %lld is done, and %s of %s is not as it wished", (long long)run->id, step->object, step->device);
	}
}

/* The generation that was in force before the run: only its map can be put back. */
static int64_t in_force(const struct ledger_run *run, const char *persona)
{
	const json_t *casts = json_object_get(run->doc, "casts"), *cast;
	size_t i;

	json_array_foreach(casts, i, cast)
		if (!strcmp(json_str(cast, "persona", ""), persona))
			return json_int(cast, "generation", 0);
	return 0;
}

static bool as_before(struct story *s, const struct place_in_room *at, const struct ledger_run *run)
{
	const struct capture *prior = run->prior;
	const struct port_config *now;
	const struct rack_map *map;
	int p;

	switch (at->kind) {
	case POWER:
		return s->rack->machines[at->device].on == prior->on[at->device];
	case BOOT:
		return true;
	case PORT:
		now = &s->rack->switches[at->device].ports[at->port].running;
		if (prior->ports[at->device][at->port].mode == PORT_OPEN)
			return now->mode == PORT_ACCESS && now->native == VLAN_PARKING;
		return same_wiring(now, &prior->ports[at->device][at->port]);
	case MAP:
		map = witness_map(s->rack, at->device, at->persona);
		p = persona_index(at->persona);
		if (!prior->maps[at->device][p].there)
			return !map;
		if (prior->maps[at->device][p].generation != in_force(run, at->persona))
			return !map || map->generation == prior->maps[at->device][p].generation;
		return map && map->generation == prior->maps[at->device][p].generation;
	case ELSEWHERE:
		break;
	}
	return true;
}

static bool any_touch(const struct story *s, const struct ledger_run *run, int machine, const char *persona)
{
	int64_t since = run->created - READING_MS;
	int i, k;

	if (s->witness.power[machine] >= since || s->witness.boot[machine] >= since || s->rack->machines[machine].bmc.lie != BMC_HONEST)
		return true;
	for (i = 0; i < s->rack->n_switches; i++)
		for (k = 0; k < s->rack->switches[i].n_ports; k++)
			if (s->rack->switches[i].ports[k].machine == machine && s->witness.ports[i][k])
				return true; /* also long ago: it ran on with what it had */
	for (i = 0; i < s->rack->n_arrays; i++)
		if (witness_map_touched(s, i, persona, run->created))
			return true;
	return false;
}

/* Nobody knew whether it ran: its BMC did not answer, and it was to be fenced without.  What is not known is not put back. */
static bool was_unknown(const struct ledger_run *run, const char *machine)
{
	const json_t *doc;
	size_t i;
	int k;

	json_array_foreach(json_object_get(run->doc, "restore"), i, doc)
		if (!strcmp(json_str(doc, "machine", ""), machine))
			return false;
	for (k = 0; k < run->n_steps; k++)
		if (!run->steps[k].mask && json_bool(run->steps[k].doc, "fallback", false) && !json_object_get(run->steps[k].doc, "undo") &&
		    !strcmp(json_str(run->steps[k].doc, "machine", ""), machine))
			return true;
	return false;
}

/* A role that ran before a run that is rolled back runs after it, or boots at least. */
static void check_roles(struct story *s, const struct ledger_run *run)
{
	const struct rack_machine *m;
	const char *from, *persona;
	const json_t *cast;
	size_t i;

	json_array_foreach(json_object_get(run->doc, "casts"), i, cast) {
		from = json_str(cast, "from", NULL);
		persona = json_str(cast, "persona", "");
		m = from ? &s->rack->machines[atoi(from + 4) - 1] : NULL;
		if (!m || run->prior->up[m->index] != persona_index(persona) + 1 || any_touch(s, run, m->index, persona) || was_unknown(run, from))
			continue;
		if (!m->on || m->generation != json_int(cast, "generation", 0) || strcmp(m->persona, persona) != 0 || m->phase < HOST_LOGIN ||
		    m->phase > HOST_UP)
			story_violation(s, "run %lld is rolled back, and %s, which ran on %s before, does not run", (long long)run->id, persona,
					from);
	}
}

/* A machine that was returned is off, and its ports are where nobody is. */
static void check_returned(struct story *s, const struct ledger_run *run, const char *name)
{
	const struct rack_machine *m = &s->rack->machines[atoi(name + 4) - 1];
	const struct rack_port *port;
	int i, k;

	if (m->on && !s->witness.power[m->index])
		story_violation(s, "%s was returned, and is on", name);
	for (i = 0; i < s->rack->n_switches; i++)
		for (k = 0; k < s->rack->switches[i].n_ports; k++) {
			port = &s->rack->switches[i].ports[k];
			if (port->machine == m->index && port->running.native != VLAN_PARKING && s->witness.ports[i][k] < run->created - READING_MS)
				story_violation(s, "%s was returned, and its port %s is in VLAN %d", name, port->name, port->running.native);
		}
}

/* A run by hand of power alone has nothing to go back to. */
static void check_rolled_back(struct story *s, const struct ledger_run *run)
{
	const struct ledger_step *step;
	struct place_in_room at;
	int i;

	if (!json_array_size(json_object_get(run->doc, "casts")))
		return;
	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		at = find(s->rack, step->device, step->object);
		if (at.kind == ELSEWHERE || foreign(s, &at, run) || !json_object_get(step->doc, "undo") || as_before(s, &at, run))
			continue;
		story_violation(s, "run %lld is rolled back, and %s of %s is not as it was before", (long long)run->id, step->object, step->device);
	}
}

/* The device would not let go: it was asked for as long as masking may take, or it refuses the password. */
static bool mask_failed(const struct ledger_run *run, const struct ledger_step *of)
{
	const struct ledger_step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (step->mask && !strcmp(step->device, of->device) && !strcmp(step->object, of->object))
			return step->state == STEP_FAILED && (step->locked_out || step->ended - step->started >= MASKING_MS);
	}
	return false;
}

bool witness_left_map(const struct story *s, const char *persona)
{
	const struct ledger_run *run;
	int i, k;

	for (i = 0; i < s->ledger.n_runs; i++) {
		run = s->ledger.runs[i];
		for (k = 0; k < run->n_steps; k++)
			if (run->steps[k].mask && run->steps[k].state == STEP_FAILED && !strncmp(run->steps[k].object, "map:", 4) &&
			    !strcmp(run->steps[k].object + 4, persona))
				return true;
	}
	return false;
}

static void check_masked(struct story *s, const struct ledger_run *run)
{
	static const char *const ends[] = { "from", "to" };
	const json_t *casts = json_object_get(run->doc, "casts"), *cast;
	const struct ledger_step *step;
	struct place_in_room at;
	bool loose;
	size_t c;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		at = find(s->rack, step->device, step->object);
		loose = (at.kind == POWER && s->rack->machines[at.device].on) ||
			(at.kind == MAP && witness_map(s->rack, at.device, at.persona));
		if (loose && !foreign(s, &at, run) && !mask_failed(run, step))
			story_violation(s, "run %lld is quarantined, and %s of %s is not masked", (long long)run->id, step->object, step->device);
	}
	json_array_foreach(casts, c, cast)
		for (i = 0; i < 2; i++) {
			const char *machine = json_str(cast, ends[i], NULL);

			if (machine && !s->ledger.quarantined[atoi(machine + 4) - 1])
				story_violation(s, "run %lld is quarantined, and %s is not", (long long)run->id, machine);
		}
}

static void tell(const struct story *s, const struct ledger_run *run)
{
	const struct ledger_step *step;
	int i;

	for (i = 0; s->options.trace && i < run->n_steps; i++) {
		step = &run->steps[i];
		printf("            run %lld step %d: %s of %s %s\n", (long long)run->id, i, step->object, step->device, step_state_name(step->state));
	}
	if (s->options.trace)
		printf("            run %lld is %s\n", (long long)run->id, run_state_name(run->state));
}

/* I4. */
void witness_end(struct story *s, const struct ledger_run *run)
{
	tell(s, run);
	if (run->state == RUN_DONE) {
		check_done(s, run);
		check_left(s, run);
		if (!strcmp(json_str(run->doc, "action", ""), "return"))
			check_returned(s, run, json_str(run->doc, "machine", "node1"));
	} else if (run->state == RUN_ROLLED_BACK) {
		check_rolled_back(s, run);
		check_roles(s, run);
	} else if (run->state == RUN_QUARANTINED) {
		check_masked(s, run);
	} else {
		story_violation(s, "run %lld has ended as %s", (long long)run->id, run_state_name(run->state));
	}
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
		if (strcmp(step->object, "power") != 0 || step->mask || strcmp(json_str(step->doc, "machine", ""), machine) != 0)
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
			snprintf(old, sizeof(old), "%s.g%lld\n", json_str(cast, "persona", ""), (long long)json_int(cast, "generation", 0));
			if (!run->ended && !strcmp(json_str(cast, "from", ""), m->name) &&
			    !strncmp(user + strlen("set username "), old, strlen(old)) && is_taken_from(run, m->name))
				story_violation(s, "run %lld takes %s from %s, which gets it to boot", (long long)run->id,
						json_str(cast, "persona", ""), m->name);
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
			if (a->on && b->on && a->initiator[0] && !strcmp(a->initiator, b->initiator) && !is_excused(s, i) && !is_excused(s, k))
				story_violation(s, "%s and %s are on, and both are %s", a->name, b->name, a->initiator);
		}
}

/* "recast p1#3 eth0": whose network the port is in, -1: nobody's.  The boot and storage networks are everybody's. */
static int stamp(const struct port_config *port)
{
	return !strncmp(port->description, "recast p", 8) && (port->native == VLAN_WEB || port->native == VLAN_DB) ? persona_index(port->description + 7) : -1;
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
				story_violation(s, "ports of node%d and node%d, which are on, both carry p%d", holder[p], port->machine + 1, p + 1);
			holder[p] = port->machine + 1;
		}
}

void witness_changed(struct story *s)
{
	check_names(s);
	check_stamps(s);
}
