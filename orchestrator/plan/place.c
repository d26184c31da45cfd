/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Casts that leave a role running where it is: what has changed in its persona is changed in flight (apply), or what
 * others have changed is put right (repair).  Power and generation stay.
 */
#include "build.h"

#include "json.h"

#include <string.h>

bool plan_in_force(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	enum map_state state;
	int i;

	if (strcmp(power_of(pl, c->to), "on") != 0 || !c->generation)
		return false;
	for (i = 0; (array = persona_array(c->persona, i)); i++) {
		state = plan_map_state(pl, c, array, plan_seen(pl, array->name, "maps", c->persona->name));
		if (state == MAP_MISSING || state == MAP_DIFFERS)
			return false;
	}
	return true;
}

/* The map in the generation in force, with the LUNs that it lacks.  A LUN that was added is not taken from a running
 * role again, so a map that grows has no undo. */
static void grant_missing(struct planner *pl, const struct cast *c, const struct device *array, enum map_state state)
{
	struct plan_step *s = plan_grant(pl, c, array, c->generation,
					 state == MAP_MISSING ? json_pack("{s:b}", "exists", 0) : NULL);

	s->summary = state == MAP_MISSING ? arena_printf(&pl->plan->arena, "put the map of %s on %s back (generation %lld)",
							 c->persona->name, array->name, (long long)c->generation)
					  : arena_printf(&pl->plan->arena, "add LUNs to the map of %s on %s; its sessions go on",
							 c->persona->name, array->name);
}

static int differs(struct planner *pl, const struct cast *c, const struct device *array)
{
	error_set(pl->err, ERROR_CONFLICT, "the map of %s on %s is another one than generation %lld has", c->persona->name,
		  array->name, (long long)c->generation);
	return error_hint(pl->err, "It cannot be put right while the role runs. Cast it anew: persona apply %s --on %s",
			  c->persona->name, c->to->name);
}

static int plan_maps(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	enum map_state state;
	int i;

	for (i = 0; (array = persona_array(c->persona, i)); i++) {
		state = plan_map_state(pl, c, array, plan_seen(pl, array->name, "maps", c->persona->name));
		if (plan_refuse_foreign(pl, c, array) < 0)
			return -1;
		if (state == MAP_DIFFERS)
			return differs(pl, c, array);
		if (state != MAP_SAME)
			grant_missing(pl, c, array, state);
	}
	return 0;
}

/* A repair makes no volume: one that has gone took its data along. */
static int check_volumes(struct planner *pl, const struct cast *c)
{
	const struct volume *v;
	int i;

	for (i = 0; i < c->persona->n_volumes; i++) {
		v = &c->persona->volumes[i];
		if (plan_has_volume(pl, v))
			continue;
		error_set(pl->err, ERROR_CONFLICT, "volume %s has gone from %s", v->volume, v->array->name);
		return error_hint(pl->err, "Restore it on the array. A repair makes no volumes, since it would be an empty one.");
	}
	return 0;
}

/* Steps are sorted by phase in the end, so the order here does not matter. */
static int in_flight(struct planner *pl, const struct cast *c, int (*volumes)(struct planner *, const struct cast *))
{
	struct cast here = *c;

	here.next_generation = c->generation;
	if (plan_check_fabrics(pl, &here) < 0 || plan_ports_live(pl, &here, c->generation) < 0 || volumes(pl, &here) < 0 ||
	    plan_verify(pl, &here, true) < 0)
		return -1;
	plan_open_ports_live(pl, &here);
	plan_zones_live(pl, &here);
	return plan_maps(pl, &here);
}

int plan_in_place(struct planner *pl, const struct cast *c)
{
	return in_flight(pl, c, plan_volumes);
}

int plan_repair(struct planner *pl, const struct cast *c)
{
	power_of(pl, c->to); /* the plan rests on it */
	return in_flight(pl, c, check_volumes);
}
