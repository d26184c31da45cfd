/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Switch ports: from what was seen to what a role needs at boot, in the end, while it runs, and when it has left.
 */
#include "build.h"

#include "json.h"

#include <string.h>

static char *port_object(struct planner *pl, const struct nic *nic)
{
	return arena_printf(&pl->plan->arena, "port:%s", nic->port);
}

json_t *port_undo(const struct model *m, const json_t *seen)
{
	static const char *const keys[] = { "mode", "native", "tagged", "rate_kbit", "description" };
	json_t *out;
	size_t i;

	if (!strcmp(json_str(seen, "mode", "open"), "open"))
		return wish_port(m, NULL, -1, false, 0);
	out = json_object();
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(seen, keys[i]))
			json_object_set(out, keys[i], json_object_get(seen, keys[i]));
	return out;
}

char *describe_port(struct arena *a, const struct model *m, const json_t *port)
{
	const struct network *n;
	size_t i, tagged = json_array_size(json_object_get(port, "tagged"));
	int64_t vlan = json_int(port, "native", 0);

	if (!strcmp(json_str(port, "mode", ""), "open"))
		return arena_strdup(a, "all VLANs");
	for (i = 0; (n = model_at(m, KIND_NETWORK, i)); i++)
		if (n->vlan == vlan)
			break;
	if (!n)
		return arena_printf(a, tagged ? "VLAN %lld + %zu tagged" : "VLAN %lld", (long long)vlan, tagged);
	return arena_printf(a, tagged ? "%s (VLAN %lld) + %zu tagged" : "%s (VLAN %lld)", n->name, (long long)vlan,
			    tagged);
}

/* Nothing of it is in use before a role has it: it was parked, or in no state that Recast knows. */
static bool carries_nothing(const struct model *m, const json_t *seen)
{
	return json_int(seen, "native", 0) == m->parking->vlan && !json_array_size(json_object_get(seen, "tagged"));
}

static bool has_vlan(const json_t *list, const json_t *vlan)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_equal(v, vlan))
			return true;
	return false;
}

enum impact port_impact(const struct model *m, const json_t *wish, const json_t *seen)
{
	const json_t *tagged = json_object_get(wish, "tagged"), *v;
	size_t i;

	if (carries_nothing(m, seen))
		return IMPACT_NONE;
	if (json_int(wish, "native", 0) != json_int(seen, "native", 0))
		return IMPACT_LINK_BLIP;
	json_array_foreach(json_object_get(seen, "tagged"), i, v)
		if (!has_vlan(tagged, v))
			return IMPACT_LINK_BLIP;
	return IMPACT_NONE;
}

/* Where a port has free text, that is part of what is wished: it says whose it is. */
static bool is_stamped(const json_t *wish, const json_t *seen)
{
	const json_t *text = json_object_get(seen, "description");

	return !text || json_equal(text, json_object_get(wish, "description"));
}

static int no_port(struct planner *pl, const struct nic *nic, const char *machine)
{
	error_set(pl->err, ERROR_CONFLICT, "switch %s has no port %s (%s of %s)", nic->sw->name, nic->port, nic->name,
		  machine);
	return error_hint(pl->err, "Correct `port` of the nic in the site file, or create the port on the switch.");
}

static char *port_summary(struct planner *pl, const struct nic *nic, const json_t *seen, const json_t *wish)
{
	struct arena *a = &pl->plan->arena;

	if (wish_met(wish, seen))
		return arena_printf(a, "port %s/%s: marked as \"%s\"", nic->sw->name, nic->port,
				    json_str(wish, "description", ""));
	return arena_printf(a, "port %s/%s: %s -> %s", nic->sw->name, nic->port, describe_port(a, pl->m, seen),
			    describe_port(a, pl->m, wish));
}

/* @wish is stolen.  1 when there is a step, 0 when the port is as wished, -1 when it cannot be. */
static int plan_port(struct planner *pl, const struct persona *p, const struct nic *nic, json_t *wish,
		     enum phase phase, int64_t generation, const char *machine)
{
	const json_t *seen = plan_seen(pl, nic->sw->name, "ports", nic->port);
	struct plan_step *s;

	if (!seen || !json_bool(seen, "exists", true)) {
		json_decref(wish);
		return no_port(pl, nic, machine);
	}
	if (wish_met(wish, seen) && is_stamped(wish, seen) && phase != PHASE_FINAL) {
		json_decref(wish);
		return 0;
	}
	s = plan_add(pl, phase, nic->sw, port_object(pl, nic), wish, port_undo(pl->m, seen));
	s->owner = p ? p->name : NULL;
	s->machine = machine;
	s->generation = generation;
	s->summary = port_summary(pl, nic, seen, wish);
	return 1;
}

int plan_ports_live(struct planner *pl, const struct cast *c, int64_t generation)
{
	const struct machine *m = c->to;
	const struct nic *nic;
	struct plan_step *s;
	int k, i, rc;

	for (k = 0; k < m->n_nics; k++) {
		nic = &m->nics[k];
		i = plan_vnic_of(c->persona, m, nic);
		rc = plan_port(pl, i >= 0 ? c->persona : NULL, nic, wish_port(pl->m, c->persona, i, false, generation),
			       PHASE_PREPARE, generation, m->name);
		if (rc < 0)
			return -1;
		if (!rc)
			continue; /* there may be no step at all */
		s = &pl->plan->steps[pl->plan->n_steps - 1];
		s->impact = port_impact(pl->m, s->set, plan_seen(pl, nic->sw->name, "ports", nic->port));
	}
	return 0;
}

int plan_ports(struct planner *pl, const struct cast *c, const struct machine *machine, enum phase phase,
	       int64_t generation)
{
	const struct persona *p = phase == PHASE_PARK ? NULL : c->persona;
	int k, i;

	for (k = 0; k < machine->n_nics; k++) {
		i = p ? plan_vnic_of(p, machine, &machine->nics[k]) : -1;
		if (phase == PHASE_FINAL && (i != 0 || !p->boot_network))
			continue; /* in place since prepare */
		if (plan_port(pl, i >= 0 ? p : NULL, &machine->nics[k],
			      wish_port(pl->m, p, i, phase == PHASE_PREPARE, generation), phase, generation,
			      machine->name) < 0)
			return -1;
	}
	return 0;
}

void plan_chain_final(struct planner *pl)
{
	struct plan_step *s, *before;
	int i, k;

	for (i = 0; i < pl->plan->n_steps; i++) {
		s = &pl->plan->steps[i];
		if (s->phase != PHASE_FINAL)
			continue;
		for (k = 0; k < i; k++) {
			before = &pl->plan->steps[k];
			if (before->phase < PHASE_FINAL && !strcmp(before->object, s->object) &&
			    !strcmp(before->device, s->device)) {
				json_decref(s->undo);
				s->undo = json_incref(before->set);
				s->summary = arena_printf(&pl->plan->arena, "port %s/%s: %s -> %s", s->device,
							  s->object + 5,
							  describe_port(&pl->plan->arena, pl->m, before->set),
							  describe_port(&pl->plan->arena, pl->m, s->set));
			}
		}
	}
}
