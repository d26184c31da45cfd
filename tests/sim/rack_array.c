/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arrays of the simulated room: volumes and maps.  An array never lies about `done`: a map that is gone has no
 * session, and nobody logs in without the map's initiator and secret.
 */
#include "rack_private.h"

#include "json.h"
#include "map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rack_map *map_of(struct rack_array *a, const char *name)
{
	int i;

	for (i = 0; i < RACK_MAPS; i++)
		if (a->maps[i].name[0] && !strcmp(a->maps[i].name, name))
			return &a->maps[i];
	return NULL;
}

static bool holds(const struct rack_map *map, int volume)
{
	int i;

	for (i = 0; i < map->n_luns; i++)
		if (map->luns[i].volume == volume)
			return true;
	return false;
}

/* A session that cannot be dropped now.  The map stays as it is meanwhile. */
static bool stuck(struct rack_array *a, struct rack_map *map, struct driver_change *c)
{
	struct rack *r = a->dev.rack;
	struct error err = { 0 };

	if (!array_has_session(a, map))
		return false;
	if (map->stuck_until <= r->sim->now) {
		if (!rack_fault(r, FAULT_STUCK_SESSION))
			return false;
		map->stuck_until = r->sim->now + sim_between(r->sim, 2000, 40000);
	}
	if (sim_below(r->sim, 2)) {
		change_again(c, 500);
	} else {
		error_set(&err, ERROR_UNREACHABLE, "%s: a session of %s does not end", a->dev.name,
			  map->name);
		change_failed(c, CHANGE_UNKNOWN, &err);
	}
	return true;
}

static int volume_remove(struct rack_array *a, struct rack_volume *v, struct driver_change *c,
			 struct error *err)
{
	int i;

	for (i = 0; v && i < RACK_MAPS; i++)
		if (a->maps[i].name[0] && holds(&a->maps[i], (int)(v - a->volumes)))
			return error_set(err, ERROR_REFUSED, "volume %s is mapped by %s", v->name,
					 a->maps[i].name);
	change_done(c, v != NULL, json_pack("{s:b}", "exists", 0));
	if (v) {
		rack_trace(a->dev.rack, "%s: volume %s is deleted", a->dev.name, v->name);
		*v = (struct rack_volume){ 0 };
		rack_changed(a->dev.rack);
	}
	return 0;
}

static struct rack_volume *volume_make(struct rack_array *a, const char *name,
				       const struct volume_wish *wish,
				       const struct rack_volume *source, struct error *err)
{
	struct rack_volume *v;
	int i;

	for (i = 0; i < RACK_VOLUMES && a->volumes[i].name[0]; i++)
		;
	if (i == RACK_VOLUMES) {
		error_set(err, ERROR_REFUSED, "%s has no room for volume %s", a->dev.name, name);
		return NULL;
	}
	v = &a->volumes[i];
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->source, sizeof(v->source), "%s", source ? source->name : "");
	v->size = source && source->size > wish->size_bytes ? source->size : wish->size_bytes;
	rack_trace(a->dev.rack, "%s: volume %s is made", a->dev.name, name);
	rack_changed(a->dev.rack);
	return v;
}

static int volume_change(struct rack_array *a, const char *name, struct driver_change *c,
			 struct error *err)
{
	struct rack_volume *v = array_volume(a, name), *source = NULL;
	struct volume_wish wish;
	bool changed = !v;

	if (volume_wish_parse(&wish, c, err))
		return -1;
	if (!wish.exists)
		return volume_remove(a, v, c, err);
	if (v && v->size < wish.size_bytes)
		return error_set(err, ERROR_REFUSED, "volume %s is smaller than wished", name);
	if (!v && wish.source && !(source = array_volume(a, wish.source)))
		return error_set(err, ERROR_REFUSED, "there is no volume %s to clone", wish.source);
	if (!v && !source && !wish.size_bytes)
		return error_set(err, ERROR_INVALID, "a new volume needs size_bytes or source");
	if (!v && !(v = volume_make(a, name, &wish, source, err)))
		return -1;
	change_done(c, changed,
		    json_pack("{s:b, s:I}", "exists", 1, "size_bytes", (json_int_t)v->size));
	return 0;
}

static json_t *fc_document(const struct rack_array *a, const struct rack_map *map, json_t *luns)
{
	json_t *initiators = json_array(), *ports = json_array();
	char wwpn[WWN_SIZE];
	int i;

	for (i = 0; i < RACK_FABRICS; i++) {
		if (map->wwpns[i][0])
			json_array_append_new(initiators, json_string_nocheck(map->wwpns[i]));
		rack_array_wwpn(a->dev.index, i, wwpn);
		json_array_append_new(ports, json_string_nocheck(wwpn));
	}
	return json_pack("{s:b, s:s, s:o, s:o, s:o, s:I, s:b}", "exists", 1, "protocol", "fc", "ports", ports, "initiators",
			 initiators, "luns", luns, "generation", (json_int_t)map->generation, "managed", map->managed);
}

static json_t *map_document(const struct rack_array *a, const struct rack_map *map)
{
	json_t *luns, *v;
	char key[12];
	int i;

	if (!map)
		return json_pack("{s:b}", "exists", 0);
	luns = json_object();
	for (i = 0; i < map->n_luns; i++) {
		snprintf(key, sizeof(key), "%d", map->luns[i].number);
		json_object_set_new_nocheck(
			luns, key, json_string_nocheck(a->volumes[map->luns[i].volume].name));
	}
	if (map->fc)
		return fc_document(a, map, luns);
	v = json_pack("{s:b, s:s, s:[s], s:o, s:s, s:I, s:b}", "exists", 1, "target", map->target,
		      "initiators", map->initiator, "luns", luns, "chap_user", map->user,
		      "generation", (json_int_t)map->generation, "managed", map->managed);
	return v;
}

/* The wish as a map; its volumes must be there. */
static int map_from_wish(struct rack_array *a, const char *name, const struct map_wish *wish,
			 struct rack_map *out, struct error *err)
{
	const json_t *volume;
	const char *lun;
	size_t i;

	if (json_array_size(wish->initiators) > (wish->fc ? RACK_FABRICS : 1) || json_object_size(wish->luns) > RACK_LUNS)
		return error_set(err, ERROR_UNSUPPORTED, "%s takes one initiator and %d LUNs",
				 a->dev.name, RACK_LUNS);
	*out = (struct rack_map){ .generation = wish->generation, .managed = true, .fc = wish->fc };
	for (i = 0; wish->fc && i < json_array_size(wish->initiators); i++)
		snprintf(out->wwpns[i], WWN_SIZE, "%s", json_string_value(json_array_get(wish->initiators, i)));
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->target, sizeof(out->target), "%s", wish->fc ? "" : wish->target);
	snprintf(out->initiator, sizeof(out->initiator), "%s",
		 json_string_value(json_array_get(wish->initiators, 0)));
	snprintf(out->user, sizeof(out->user), "%s", wish->chap_user ? wish->chap_user : "");
	snprintf(out->secret, sizeof(out->secret), "%s",
		 wish->chap_secret ? wish->chap_secret : "");
	json_object_foreach((json_t *)(uintptr_t)wish->luns, lun, volume) {
		struct rack_volume *v = array_volume(a, json_string_value(volume));

		if (!v)
			return error_set(err, ERROR_REFUSED, "there is no volume %s for LUN %s",
					 json_string_value(volume), lun);
		out->luns[out->n_luns].number = atoi(lun);
		out->luns[out->n_luns++].volume = (int)(v - a->volumes);
	}
	return 0;
}

static bool has_lun(const struct rack_map *map, int number, int volume)
{
	int i;

	for (i = 0; i < map->n_luns; i++)
		if (map->luns[i].number == number && map->luns[i].volume == volume)
			return true;
	return false;
}

/* Do the sessions of @now stay when it becomes @want: is all the same, or are there only more LUNs?  An equal user
 * means an equal secret, so the secrets are not compared (doc/driver-protocol.md). */
static bool keeps_sessions(const struct rack_map *now, const struct rack_map *want)
{
	int i;

	if (strcmp(now->user, want->user) != 0 || strcmp(now->initiator, want->initiator) != 0 ||
	    strcmp(now->target, want->target) != 0 || memcmp(now->wwpns, want->wwpns, sizeof(now->wwpns)) != 0)
		return false;
	for (i = 0; i < now->n_luns; i++)
		if (!has_lun(want, now->luns[i].number, now->luns[i].volume))
			return false;
	return now->n_luns == want->n_luns || now->generation == want->generation;
}

static void granted(struct rack_array *a, const struct rack_map *map)
{
	struct rack_volume *v;
	int i;

	for (i = 0; i < map->n_luns; i++) {
		v = &a->volumes[map->luns[i].volume];
		v->granted = map->generation;
		if (v->highest < map->generation)
			v->highest = map->generation;
	}
}

static int map_put(struct rack_array *a, const char *name, struct rack_map *now,
		   const struct rack_map *want, struct driver_change *c, struct error *err)
{
	bool kept = now && keeps_sessions(now, want),
	     changed = !kept || now->generation != want->generation ||
		       now->n_luns != want->n_luns;
	int i;

	if (now && !kept && stuck(a, now, c))
		return 0;
	for (i = 0; !now && i < RACK_MAPS; i++)
		if (!a->maps[i].name[0])
			now = &a->maps[i];
	if (!now)
		return error_set(err, ERROR_REFUSED, "%s has no room for map %s", a->dev.name,
				 name);
	if (!kept) {
		array_drop(a, now);
		*now = *want;
	}
	memcpy(now->luns, want->luns, sizeof(now->luns));
	now->n_luns = want->n_luns;
	now->generation = want->generation;
	granted(a, now);
	change_done(c, changed, map_document(a, now));
	if (changed) {
		rack_trace(a->dev.rack, "%s: map %s for %s", a->dev.name, name, now->user);
		rack_changed(a->dev.rack);
	}
	return 0;
}

/* Foreign maps are named by their target, ours not. */
static struct rack_map *map_by_target(struct rack_array *a, const char *target)
{
	int i;

	for (i = 0; i < RACK_MAPS; i++)
		if (a->maps[i].name[0] && !strcmp(a->maps[i].target, target))
			return &a->maps[i];
	return NULL;
}

/* Only name, mark and generation change: sessions know their map by its place. */
static int map_adopt(struct rack_array *a, const char *name, const struct map_wish *wish,
		     struct driver_change *c, struct error *err)
{
	struct rack_map *map = map_by_target(a, wish->target), *by_name = map_of(a, name);
	json_t *there = map ? map_document(a, map) : NULL,
	       *named = by_name ? map_document(a, by_name) : NULL;
	int rc = map_adoptable(wish, name, there, map ? map->name : NULL, named, err);

	json_decref(there);
	json_decref(named);
	if (rc < 0)
		return -1;
	if (!rc) {
		snprintf(map->name, sizeof(map->name), "%s", name);
		map->managed = true;
		map->generation = wish->generation;
		granted(a, map);
		rack_trace(a->dev.rack, "%s: target %s is adopted as map %s", a->dev.name,
			   map->target, name);
		rack_changed(a->dev.rack);
	}
	change_done(c, !rc, map_document(a, map));
	return 0;
}

static int map_remove(struct rack_array *a, struct rack_map *now, struct driver_change *c)
{
	if (now && stuck(a, now, c))
		return 0;
	change_done(c, now != NULL, map_document(a, NULL));
	if (now) {
		rack_trace(a->dev.rack, "%s: map %s is removed (%s)", a->dev.name, now->name,
			   now->user);
		array_drop(a, now);
		*now = (struct rack_map){ 0 };
		rack_changed(a->dev.rack);
	}
	return 0;
}

static int map_change(struct rack_array *a, const char *name, struct driver_change *c,
		      struct error *err)
{
	struct rack_map *now = map_of(a, name), want;
	struct map_wish wish;

	if (map_wish_parse(&wish, c, err))
		return -1;
	if (wish.adopt)
		return map_adopt(a, name, &wish, c, err);
	if (now && !now->managed)
		return error_set(err, ERROR_REFUSED, "map %s was not made by Recast", name);
	if (now && wish.generation && now->generation > wish.generation)
		return error_set(err, ERROR_CONFLICT,
				 "map %s carries generation %lld, this change is of %lld", name,
				 (long long)now->generation, (long long)wish.generation);
	if (!wish.exists)
		return map_remove(a, now, c);
	if (!wish.fc && map_of(a, wish.target))
		return error_set(err, ERROR_REFUSED,
				 "target %s is there and was not made by Recast", wish.target);
	if (map_from_wish(a, name, &wish, &want, err) < 0)
		return -1;
	return map_put(a, name, now, &want, c, err);
}

static int sessions_change(struct rack_array *a, const char *name, struct driver_change *c,
			   struct error *err)
{
	struct rack_map *map = map_of(a, name);
	bool any = map && array_has_session(a, map);

	if (!json_is_false(json_object_get(c->set, "exists")))
		return error_set(err, ERROR_INVALID,
				 "sessions can only be dropped: {\"exists\": false}");
	if (any && stuck(a, map, c))
		return 0;
	if (any) {
		array_drop(a, map);
		rack_changed(a->dev.rack);
	}
	change_done(c, any, json_pack("{s:b}", "exists", 0));
	return 0;
}

int array_change(struct rack_array *a, struct driver_change *c, struct error *err)
{
	enum storage_kind kind;
	const char *name;

	array_notice(a);
	if (storage_object(c->object, &kind, &name, err))
		return -1;
	switch (kind) {
	case STORAGE_VOLUME:
		return volume_change(a, name, c, err);
	case STORAGE_MAP:
		return map_change(a, name, c, err);
	case STORAGE_SESSIONS:
		return sessions_change(a, name, c, err);
	case STORAGE_SNAPSHOT:
		break;
	}
	return error_set(err, ERROR_UNSUPPORTED, "this array has no snapshots");
}

static void add_map(const struct rack_array *a, json_t *document, const char *name,
		    const struct rack_map *map)
{
	json_t *maps = json_object_get(document, "maps"),
	       *sessions = json_object_get(document, "sessions");
	const struct rack_session *s;
	int i;

	if (json_object_get(maps, name))
		return;
	json_object_set_new_nocheck(maps, name, map_document(a, map));
	for (i = 0; map && i < RACK_SESSIONS; i++) {
		s = &a->sessions[i];
		if (s->id && &a->maps[s->map] == map)
			json_array_append_new(sessions, json_pack("{s:s, s:s, s:s, s:o}", "map",
								  name, "initiator", s->initiator,
								  "address", "10.66.20.101", "id",
								  json_sprintf("%d/0", s->id)));
	}
}

static void add_volume(struct rack_array *a, json_t *document, const char *name)
{
	const struct rack_volume *v = array_volume(a, name);
	int i;

	json_object_set_new_nocheck(json_object_get(document, "volumes"), name,
				    v ? json_pack("{s:b, s:I}", "exists", 1, "size_bytes",
						  (json_int_t)v->size)
				      : json_pack("{s:b}", "exists", 0));
	for (i = 0; v && i < RACK_MAPS; i++)
		if (a->maps[i].name[0] && holds(&a->maps[i], (int)(v - a->volumes)))
			add_map(a, document, a->maps[i].name, &a->maps[i]);
}

json_t *array_document(struct rack_array *a, const json_t *objects, struct error *err)
{
	json_t *document = json_pack("{s:{}, s:{}, s:[]}", "volumes", "maps", "sessions");
	enum storage_kind kind;
	const json_t *one;
	const char *name;
	size_t i;

	array_notice(a);
	for (i = 0; !objects && i < RACK_VOLUMES; i++)
		if (a->volumes[i].name[0])
			add_volume(a, document, a->volumes[i].name);
	for (i = 0; !objects && i < RACK_MAPS; i++)
		if (a->maps[i].name[0])
			add_map(a, document, a->maps[i].name, &a->maps[i]);
	json_array_foreach(objects, i, one) {
		if (storage_object(json_string_value(one) ? json_string_value(one) : "", &kind,
				   &name, err)) {
			json_decref(document);
			return NULL;
		}
		if (kind == STORAGE_VOLUME)
			add_volume(a, document, name);
		else
			add_map(a, document, name, map_of(a, name));
	}
	return document;
}
