/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A run ends as it says (I4): done is the new wiring, rolled back the prior one, quarantined off and masked, returned off
 * and parked.  Called by ledger.c when the end is durable.
 */
#include "witness_private.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool foreign(struct story *s, const struct place_in_room *at, const struct ledger_run *run)
{
	int64_t touched = *witness_touch(s, at);

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
	case ZONE:
		return witness_zone(s->rack, at->device, at->persona) ==
		       (json_bool(set, "exists", false) ? json_int(set, "generation", 0) : 0);
	case ELSEWHERE:
		break;
	}
	return true;
}

static bool is_last(const struct ledger_run *run, int n)
{
	const struct ledger_step *step = &run->steps[n];

	for (n++; n < run->n_steps; n++)
		if (!run->steps[n].mask && !strcmp(run->steps[n].device, step->device) &&
		    !strcmp(run->steps[n].object, step->object))
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
				if (strcmp(s->rack->machines[port->machine].name, from) != 0 ||
				    port->running.native == VLAN_PARKING ||
				    (s->witness.ports[i][k] && s->witness.ports[i][k] >= run->created - READING_MS))
					continue;
				story_violation(s, "run %lld is done, and port %s of %s, which was left, is in VLAN %d",
						(long long)run->id, port->name, from, port->running.native);
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
		at = witness_find(s->rack, step->device, step->object);
		if (at.kind == ELSEWHERE || !is_last(run, i) || foreign(s, &at, run))
			continue;
		if (step->state != STEP_DONE && !json_bool(step->doc, "fallback", false))
			story_violation(s, "run %lld is done, and step %d is %s", (long long)run->id, i,
					step_state_name(step->state));
		if (step->state == STEP_DONE && !as_wished(s, &at, json_object_get(step->doc, "set")))
			story_violation(s, "run %lld is done, and %s of %s is not as it wished", (long long)run->id,
					step->object, step->device);
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

static const char *persona_name(int p)
{
	static char name[16];

	snprintf(name, sizeof(name), "p%d", p + 1);
	return name;
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
		p = witness_persona(at->persona);
		if (!prior->maps[at->device][p].there)
			return !map;
		if (prior->maps[at->device][p].generation != in_force(run, at->persona))
			return !map || map->generation == prior->maps[at->device][p].generation;
		return map && map->generation == prior->maps[at->device][p].generation;
	case ZONE:
		p = witness_persona(at->persona);
		if (prior->zones[at->device][p] && prior->zones[at->device][p] != in_force(run, persona_name(p)))
			return true;
		return witness_zone(s->rack, at->device, at->persona) == prior->zones[at->device][p];
	case ELSEWHERE:
		break;
	}
	return true;
}

static bool any_touch(const struct story *s, const struct ledger_run *run, int machine, const char *persona)
{
	int64_t since = run->created - READING_MS;
	int i, k;

	if (s->witness.power[machine] >= since || s->witness.boot[machine] >= since ||
	    s->rack->machines[machine].bmc.lie != BMC_HONEST)
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
		if (!run->steps[k].mask && json_bool(run->steps[k].doc, "fallback", false) &&
		    !json_object_get(run->steps[k].doc, "undo") &&
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
		if (!m || run->prior->up[m->index] != witness_persona(persona) + 1 ||
		    any_touch(s, run, m->index, persona) || was_unknown(run, from))
			continue;
		if (!m->on || m->generation != json_int(cast, "generation", 0) || strcmp(m->persona, persona) != 0 ||
		    m->phase < HOST_LOGIN || m->phase > HOST_UP)
			story_violation(s, "run %lld is rolled back, and %s, which ran on %s before, does not run",
					(long long)run->id, persona, from);
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
			if (port->machine == m->index && port->running.native != VLAN_PARKING &&
			    s->witness.ports[i][k] < run->created - READING_MS)
				story_violation(s, "%s was returned, and its port %s is in VLAN %d", name, port->name,
						port->running.native);
		}
}

/* A run by hand of power alone has nothing to go back to, and what it ordered may show its effect when it has ended. */
static void check_rolled_back(struct story *s, const struct ledger_run *run)
{
	const struct ledger_step *step;
	bool by_hand = !json_array_size(json_object_get(run->doc, "casts"));
	struct place_in_room at;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		at = witness_find(s->rack, step->device, step->object);
		if (by_hand) {
			*witness_touch(s, &at) = s->sim.now;
			continue;
		}
		if (at.kind == ELSEWHERE || foreign(s, &at, run) || !json_object_get(step->doc, "undo") ||
		    as_before(s, &at, run))
			continue;
		story_violation(s, "run %lld is rolled back, and %s of %s is not as it was before", (long long)run->id,
				step->object, step->device);
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
			return step->state == STEP_FAILED &&
			       (step->locked_out || step->ended - step->started >= MASKING_MS);
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
			if (run->steps[k].mask && run->steps[k].state == STEP_FAILED &&
			    !strncmp(run->steps[k].object, "map:", 4) && !strcmp(run->steps[k].object + 4, persona))
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
		at = witness_find(s->rack, step->device, step->object);
		loose = (at.kind == POWER && s->rack->machines[at.device].on) ||
			(at.kind == MAP && witness_map(s->rack, at.device, at.persona));
		if (loose && !foreign(s, &at, run) && !mask_failed(run, step))
			story_violation(s, "run %lld is quarantined, and %s of %s is not masked", (long long)run->id,
					step->object, step->device);
	}
	json_array_foreach(casts, c, cast)
		for (i = 0; i < 2; i++) {
			const char *machine = json_str(cast, ends[i], NULL);

			if (machine && !s->ledger.quarantined[atoi(machine + 4) - 1])
				story_violation(s, "run %lld is quarantined, and %s is not", (long long)run->id,
						machine);
		}
}

static void tell(const struct story *s, const struct ledger_run *run)
{
	const struct ledger_step *step;
	int i;

	for (i = 0; s->options.trace && i < run->n_steps; i++) {
		step = &run->steps[i];
		printf("            run %lld step %d: %s of %s %s\n", (long long)run->id, i, step->object, step->device,
		       step_state_name(step->state));
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
