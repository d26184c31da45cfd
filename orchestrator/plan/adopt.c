/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Adoption: a role runs already, wired by others.  Its wiring is compared with what the persona says; when all agrees
 * it is marked as ours, and nothing else is written: no VLAN, no access list, no session changes.
 */
#include "build.h"

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void differs(struct planner *pl, const struct device *device, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void differs(struct planner *pl, const struct device *device, const char *object, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(pl->plan->differences, json_pack("{s:s, s:s, s:s}", "device", device->name, "object", object,
							       "summary", text));
}

static void adopt_port(struct planner *pl, const struct cast *c, int i)
{
	const struct nic *nic = plan_nic(c->persona, i, c->to);
	struct arena *a = &pl->plan->arena;
	const json_t *seen = plan_seen(pl, nic->sw->name, "ports", nic->port), *text;
	json_t *wish = wish_port(pl->m, c->persona, i, false, c->next_generation);
	char *object = arena_printf(a, "port:%s", nic->port);
	struct plan_step *s;

	text = json_object_get(seen, "description");
	if (!seen || !json_bool(seen, "exists", true))
		differs(pl, nic->sw, object, "there is no port %s", nic->port);
	else if (!wish_met(wish, seen))
		differs(pl, nic->sw, object, "port %s is in %s; %s wants %s", nic->port, describe_port(a, pl->m, seen),
			c->persona->name, describe_port(a, pl->m, wish));
	else if (text && !json_equal(text, json_object_get(wish, "description"))) {
		s = plan_add_on(pl, PHASE_PREPARE, nic->sw, object, json_incref(wish), port_undo(pl->m, seen), c, c->to,
				c->next_generation);
		s->summary = arena_printf(a, "port %s/%s: marked as \"%s\"; its VLANs stay", nic->sw->name, nic->port,
					  json_str(wish, "description", ""));
	}
	json_decref(wish);
}

static bool holds(const struct persona *p, const struct device *array, const json_t *map)
{
	const char *lun;
	json_t *volume;
	int i;

	json_object_foreach(json_object_get(map, "luns"), lun, volume)
		for (i = 0; i < p->n_volumes; i++)
			if (p->volumes[i].array == array && json_is_string(volume) &&
			    !strcmp(json_string_value(volume), p->volumes[i].volume))
				return true;
	return false;
}

/* The map that holds volumes of the persona; more than one, or none (NULL), is a difference. */
static const json_t *find_map(struct planner *pl, const struct cast *c, const struct device *array, const char **found)
{
	json_t *maps = json_object_get(json_object_get(pl->observed, array->name), "maps"), *map;
	const json_t *one = NULL;
	const char *name;

	*found = NULL;
	json_object_foreach(maps, name, map) {
		if (!json_bool(map, "exists", true) || !holds(c->persona, array, map))
			continue;
		plan_seen(pl, array->name, "maps", name);
		if (one) {
			differs(pl, array, name, "volumes of %s are also in map %s: two could write", c->persona->name, name);
			continue;
		}
		one = map;
		*found = name;
	}
	if (!one)
		differs(pl, array, c->persona->name, "no map holds the volumes of %s", c->persona->name);
	return one;
}

static void compare_map(struct planner *pl, const struct cast *c, const struct device *array, const char *name,
			const json_t *map, const json_t *wish)
{
	json_t *initiators = json_object_get(map, "initiators"), *luns = json_object_get(map, "luns");
	const char *first = json_string_value(json_array_get(initiators, 0));

	if (!json_equal(initiators, json_object_get(wish, "initiators")))
		differs(pl, array, name, "map %s is for initiator %s%s; %s is %s", name, first ? first : "nobody",
			json_array_size(initiators) > 1 ? " and others" : "", c->persona->name, c->identities->iqn);
	if (!json_equal(luns, json_object_get(wish, "luns")))
		differs(pl, array, name, "the LUNs of map %s are not those of %s", name, c->persona->name);
}

static void adopt_map(struct planner *pl, const struct cast *c, const struct device *array)
{
	json_t *wish = wish_map(pl, c, array, c->next_generation);
	const char *name;
	const json_t *map = find_map(pl, c, array, &name);
	struct plan_step *s;

	if (map)
		compare_map(pl, c, array, name, map, wish);
	if (map && !json_bool(map, "managed", true)) {
		json_object_set_new(wish, "adopt", json_string(json_str(map, "target", name)));
		json_object_del(wish, "chap");
		json_object_del(wish, "target");
		s = plan_add_on(pl, PHASE_GRANT, array, arena_printf(&pl->plan->arena, "map:%s", c->persona->name),
				json_incref(wish), NULL, c, c->to, c->next_generation);
		s->summary = arena_printf(&pl->plan->arena, "take over map %s on %s; its sessions and credentials stay",
					  name, array->name);
	} else if (map && strcmp(name, c->persona->name) != 0) {
		differs(pl, array, name, "map %s belongs to persona %s", name, name);
	}
	json_decref(wish);
}

static int refuse_fc(struct planner *pl, const struct cast *c)
{
	if (!c->persona->n_vhbas)
		return 0;
	error_set(pl->err, ERROR_UNSUPPORTED, "%s has vhbas, and roles on Fibre Channel cannot be adopted: a zone cannot be marked without another name",
		  c->persona->name);
	return error_hint(pl->err, "Stop it in a maintenance window and cast it: persona apply %s --on %s", c->persona->name, c->to->name);
}

int plan_adopt(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	int i;

	if (refuse_fc(pl, c) < 0)
		return -1;
	pl->plan->differences = json_array();
	power_of(pl, c->to);
	for (i = 0; i < c->persona->n_vnics; i++)
		if (plan_nic(c->persona, i, c->to))
			adopt_port(pl, c, i);
	for (i = 0; (array = persona_array(c->persona, i)); i++)
		adopt_map(pl, c, array);
	return 0;
}

/* Ports keep the stamp of the persona that they had last: a device refuses what is older. */
static int64_t beyond_ports(const struct cast *c, const json_t *observed)
{
	int64_t generation = c->next_generation, marked;
	const struct nic *nic;
	const json_t *port;
	int i;

	for (i = 0; i < c->to->n_nics; i++) {
		nic = &c->to->nics[i];
		port = json_object_get(json_object_get(json_object_get(observed, nic->sw->name), "ports"), nic->port);
		marked = !strcmp(json_str(port, "owner", ""), c->persona->name) ? json_int(port, "generation", 0) : 0;
		if (marked >= generation)
			generation = marked + 1;
	}
	return generation;
}

int64_t plan_adopted_generation(const struct cast *c, const json_t *observed)
{
	const struct device *array;
	int64_t generation = 0, marked;
	const json_t *map;
	int i;

	for (i = 0; (array = persona_array(c->persona, i)); i++) {
		map = json_object_get(json_object_get(json_object_get(observed, array->name), "maps"), c->persona->name);
		marked = json_bool(map, "exists", true) && json_bool(map, "managed", true) ? json_int(map, "generation", 0) : 0;
		if (marked > generation)
			generation = marked;
	}
	return generation ? generation : beyond_ports(c, observed);
}
