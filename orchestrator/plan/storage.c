/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The storage part of a plan: exclusivity of volumes, removal of old maps, volumes and new maps.
 */
#include "build.h"

#include "json.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A map that holds one of our volumes and is not ours means that another machine may write to it. */
int plan_refuse_foreign(struct planner *pl, const struct cast *c, const struct device *array)
{
	json_t *maps = json_object_get(json_object_get(pl->observed, array->name), "maps"), *map, *volume;
	const char *name, *lun;
	int i;

	json_object_foreach(maps, name, map) {
		if (!strcmp(name, c->persona->name) && json_bool(map, "managed", true))
			continue;
		json_object_foreach(json_object_get(map, "luns"), lun, volume)
			for (i = 0; i < c->persona->n_volumes; i++)
				if (c->persona->volumes[i].array == array &&
				    !strcmp(json_string_value(volume) ? json_string_value(volume) : "",
					    c->persona->volumes[i].volume)) {
					error_set(pl->err, ERROR_CONFLICT,
						  "volume %s on %s is mapped elsewhere: map %s, LUN %s%s",
						  c->persona->volumes[i].volume, array->name, name, lun,
						  json_bool(map, "managed", true) ? "" : ", not made by Recast");
					return error_hint(pl->err,
							  "Remove that map on the array, or release the persona that holds it; two writers would destroy the volume.");
				}
	}
	return 0;
}

static json_t *old_map_undo(struct planner *pl, const struct cast *c, const struct device *array,
			    const json_t *seen)
{
	if (c->kind == CAST_RETURN)
		return NULL;
	/* Only a map of the generation in force can be put back: its secret is still kept. */
	if (!c->generation || json_int(seen, "generation", -1) != c->generation)
		return json_pack("{s:b}", "exists", 0);
	return wish_map(pl, c, array, c->generation);
}

int plan_unmaps(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	struct plan_step *s;
	const json_t *seen;
	char *object;
	int i;

	for (i = 0; (array = persona_array(c->persona, i)); i++) {
		if (plan_refuse_foreign(pl, c, array) < 0)
			return -1;
		seen = plan_seen(pl, array->name, "maps", c->persona->name);
		if (!seen || !json_bool(seen, "exists", true))
			continue;
		object = arena_printf(&pl->plan->arena, "map:%s", c->persona->name);
		s = plan_add(pl, PHASE_UNMAP, array, object, json_pack("{s:b}", "exists", 0),
			     old_map_undo(pl, c, array, seen));
		s->verb = '-';
		s->owner = c->persona->name;
		s->generation = c->generation;
		s->summary = arena_printf(&pl->plan->arena,
					  "unmap %s on %s, drop its sessions and see them gone (fence F2)",
					  c->persona->name, array->name);
	}
	return 0;
}

bool plan_has_volume(struct planner *pl, const struct volume *v)
{
	const json_t *seen = plan_seen(pl, v->array->name, "volumes", v->volume);

	return seen && json_bool(seen, "exists", true);
}

int plan_volumes(struct planner *pl, const struct cast *c)
{
	const struct volume *v;
	struct plan_step *s;
	json_t *set;
	int i;

	for (i = 0; i < c->persona->n_volumes; i++) {
		v = &c->persona->volumes[i];
		if (plan_has_volume(pl, v))
			continue;
		if (!v->source && !v->size) {
			error_set(pl->err, ERROR_CONFLICT, "volume %s does not exist on %s", v->volume,
				  v->array->name);
			return error_hint(pl->err, "Give the volume a `source` to clone or a `size` in the persona, or create it on the array.");
		}
		set = json_pack("{s:b}", "exists", 1);
		if (v->source)
			json_object_set_new(set, "source", json_string(v->source));
		if (v->size)
			json_object_set_new(set, "size_bytes", json_integer(v->size));
		s = plan_add(pl, PHASE_PREPARE, v->array, arena_printf(&pl->plan->arena, "volume:%s", v->volume),
			     set, NULL);
		s->verb = '+';
		s->owner = c->persona->name;
		s->generation = c->next_generation;
		s->deadline_ms = 600000;
		s->summary = arena_printf(&pl->plan->arena, v->source ? "clone volume %s on %s from %s" : "create volume %s on %s%s",
					  v->volume, v->array->name, v->source ? v->source : "");
	}
	return 0;
}

bool plan_map_holds(const json_t *map, const char *volume)
{
	const char *lun;
	json_t *v;

	json_object_foreach(json_object_get(map, "luns"), lun, v)
		if (!strcmp(json_string_value(v) ? json_string_value(v) : "", volume))
			return true;
	return false;
}

int plan_verify(struct planner *pl, const struct cast *c, bool mapped)
{
	const struct device *array;
	struct plan_step *s;
	const json_t *map;
	json_t *volumes;
	int i, k;

	for (i = 0; (array = persona_array(c->persona, i)); i++) {
		map = mapped ? plan_seen(pl, array->name, "maps", c->persona->name) : NULL;
		volumes = json_array();
		for (k = 0; k < c->persona->n_volumes; k++)
			if (c->persona->volumes[k].array == array && !plan_map_holds(map, c->persona->volumes[k].volume))
				json_array_append_new(volumes, json_string(c->persona->volumes[k].volume));
		if (!json_array_size(volumes)) {
			json_decref(volumes);
			continue;
		}
		s = plan_add_on(pl, PHASE_VERIFY, array, arena_strdup(&pl->plan->arena, "exclusive"),
				json_pack("{s:o}", "volumes", volumes), NULL, c, NULL, c->next_generation);
		s->verb = '=';
		s->summary = arena_printf(&pl->plan->arena, "ask %s for all maps and sessions of the volumes of %s: there must be none",
					  array->name, c->persona->name);
	}
	return 0;
}

struct plan_step *plan_grant(struct planner *pl, const struct cast *c, const struct device *array, int64_t generation,
			     json_t *undo)
{
	struct plan_step *s = plan_add_on(pl, PHASE_GRANT, array, arena_printf(&pl->plan->arena, "map:%s", c->persona->name),
					  wish_map(pl, c, array, generation), undo, c, NULL, generation);

	s->verb = '+';
	return s;
}

int plan_grants(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	int i;

	for (i = 0; (array = persona_array(c->persona, i)); i++)
		plan_grant(pl, c, array, c->next_generation, json_pack("{s:b}", "exists", 0))->summary =
			persona_over_fc(c->persona, array)
				? arena_printf(&pl->plan->arena, "map %s on %s to the WWPNs of its vhbas (generation %lld)",
					       c->persona->name, array->name, (long long)c->next_generation)
				: arena_printf(&pl->plan->arena, "map %s on %s to %s with a new secret (generation %lld)",
					       c->persona->name, array->name, c->identities->iqn, (long long)c->next_generation);
	return 0;
}

/* Each LUN that is there is one that is wished; how many are missing. */
static int missing_luns(const json_t *wish, const json_t *seen)
{
	const json_t *wanted = json_object_get(wish, "luns"), *found = json_object_get(seen, "luns");
	const char *lun;
	json_t *volume;

	json_object_foreach((json_t *)found, lun, volume)
		if (!json_equal(volume, json_object_get(wanted, lun)))
			return -1;
	return (int)(json_object_size(wanted) - json_object_size(found));
}

/* Whether target and credential are those that Recast would make.  Those of an adopted map are others': it is in force
 * as it is, and cannot grow without being made anew. */
static bool is_our_making(const json_t *wish, const json_t *seen)
{
	const char *user = json_str(json_object_get(wish, "chap"), "user", "");

	return !strcmp(json_str(seen, "target", json_str(wish, "target", "")), json_str(wish, "target", "")) &&
	       !strcmp(json_str(seen, "chap_user", user), user);
}

enum map_state plan_map_state(struct planner *pl, const struct cast *c, const struct device *array, const json_t *seen)
{
	json_t *wish, *luns;
	enum map_state state = MAP_DIFFERS;
	int missing;

	if (!seen || !json_bool(seen, "exists", true))
		return MAP_MISSING;
	wish = wish_map(pl, c, array, c->generation);
	missing = missing_luns(wish, seen);
	luns = json_object_get(seen, "luns");
	json_object_set(wish, "luns", luns ? luns : json_null());
	if (missing >= 0 && wish_met(wish, seen) && (!missing || is_our_making(wish, seen)))
		state = missing ? MAP_GROWS : MAP_SAME;
	json_decref(wish);
	return state;
}

void plan_warn(struct planner *pl, json_t *text)
{
	if (!pl->plan->warnings)
		pl->plan->warnings = json_array();
	json_array_append_new(pl->plan->warnings, text);
}

int plan_portal_vnic(const struct persona *p, const struct identities *ids, const char *portal)
{
	uint32_t address;
	char host[64];
	int i;

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(portal, ":"), portal);
	if (parse_ipv4(host, &address) < 0)
		return -1;
	for (i = 0; i < p->n_vnics && i < ids->n_vnics; i++)
		if (ids->vnics[i].address && network_has(p->vnics[i].network, address))
			return i;
	return -1;
}

int64_t plan_paths_ms(const struct cast *c)
{
	enum { PATHS_MS = 60000 };

	return c->persona->proof_ms < PATHS_MS ? c->persona->proof_ms : PATHS_MS;
}

static bool has_many_portals(const struct persona *p, const struct device *array)
{
	return !persona_over_fc(p, array) && array->portals && array->portals[0] && array->portals[1];
}

static struct plan_step *session_step(struct planner *pl, const struct cast *c, const struct device *array, char *object,
				      const char *address, int nth)
{
	struct plan_step *s = plan_add_on(pl, PHASE_CONFIRM, array, object,
					  json_pack("{s:{s:s, s:s, s:i}}", "session", "map", c->persona->name, "address", address, "nth", nth),
					  NULL, c, c->to, c->next_generation);

	s->verb = '=';
	s->deadline_ms = plan_paths_ms(c);
	s->optional = true;
	s->group = arena_printf(&pl->plan->arena, "paths of %s to %s", c->persona->name, array->name);
	return s;
}

/* An array tells from where somebody is logged in, and not by which portal: of @of that one vnic reaches each is a session more. */
static void portal_path(struct planner *pl, const struct cast *c, const struct device *array, const char *portal, int vnic, int nth,
			int of)
{
	const char *address = c->identities->vnics[vnic].address;
	struct arena *a = &pl->plan->arena;

	if (of == 1)
		session_step(pl, c, array, arena_printf(a, "path:%s", portal), address, 1)->summary =
			arena_printf(a, "see %s logged in on %s from %s, by portal %s", c->persona->name, array->name, address, portal);
	else
		session_step(pl, c, array, arena_printf(a, "path:%s#%d", address, nth), address, nth)->summary =
			arena_printf(a, "see session %d of %d of %s on %s from %s, which reaches %d portals", nth, of, c->persona->name,
				     array->name, address, of);
}

/* How many of the first @n portals the vnic reaches. */
static int portals_of(const struct cast *c, const struct device *array, int vnic, int n)
{
	int i, count = 0;

	for (i = 0; i < n && array->portals[i]; i++)
		count += plan_portal_vnic(c->persona, c->identities, array->portals[i]) == vnic;
	return count;
}

static void plan_array_paths(struct planner *pl, const struct cast *c, const struct device *array)
{
	int i, vnic;

	for (i = 0; array->portals[i]; i++) {
		vnic = plan_portal_vnic(c->persona, c->identities, array->portals[i]);
		if (vnic >= 0)
			portal_path(pl, c, array, array->portals[i], vnic, portals_of(c, array, vnic, i + 1),
				    portals_of(c, array, vnic, INT_MAX));
		else
			plan_warn(pl, json_sprintf("no vnic of %s has an address in the network of portal %s of %s: there is no path by it",
						   c->persona->name, array->portals[i], array->name));
	}
}

void plan_portal_paths(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	int i;

	for (i = 0; (array = persona_array(c->persona, i)); i++)
		if (has_many_portals(c->persona, array))
			plan_array_paths(pl, c, array);
}

json_t *plan_path_addresses(const struct cast *c, const struct device *array)
{
	json_t *out = json_array();
	int i, vnic;

	for (i = 0; has_many_portals(c->persona, array) && array->portals[i]; i++) {
		vnic = plan_portal_vnic(c->persona, c->identities, array->portals[i]);
		if (vnic >= 0)
			json_array_append_new(out, json_string(c->identities->vnics[vnic].address));
	}
	return out;
}
