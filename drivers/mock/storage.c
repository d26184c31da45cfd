/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arrays of a rack: volumes, maps, sessions.  A volume that is named as the source of a clone
 * springs into existence unless option `volumes` lists those that there are.  CHAP secrets are not
 * kept: like on most arrays the user name is all that can be read back.
 */
#include "mock.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"
#include "map.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_SIZE = 64 * 1024 * 1024 };

static json_t *array_of(struct rack *rack, const char *name)
{
	return rack_device(rack, "arrays", name);
}

static json_t *map_find(json_t *array, const char *name)
{
	return json_object_get(json_object_get(array, "maps"), name);
}

/* The volume, made now when it is one that may be there from the start. */
static json_t *volume_find(struct mock_device *m, const char *name, bool as_source)
{
	json_t *volumes = rack_child(array_of(m->rack, m->name), "volumes");
	const json_t *list = json_object_get(m->dev->options, "volumes"), *one;
	json_t *volume = json_object_get(volumes, name);
	bool there = as_source && !json_array_size(list);
	size_t i;

	if (volume)
		return volume;
	json_array_foreach(list, i, one)
		there = there ||
			!strcmp(json_string_value(one) ? json_string_value(one) : "", name);
	if (!there || json_is_true(json_object_get(
			      json_object_get(array_of(m->rack, m->name), "gone"), name)))
		return NULL;
	volume = json_pack("{s:I}", "size_bytes", (json_int_t)GOLDEN_SIZE);
	json_object_set_new(volumes, name, volume);
	m->rack->dirty = true;
	return volume;
}

static json_t *maps_of_volume(json_t *array, const char *volume)
{
	return json_object_get(json_object_get(array, "by_volume"), volume);
}

static json_t *snapshots_of(struct mock_device *m)
{
	return rack_child(array_of(m->rack, m->name), "snapshots");
}

static json_t *volume_document(const json_t *volume)
{
	return volume ? json_pack("{s:b, s:I}", "exists", 1, "size_bytes", json_int(volume, "size_bytes", 0))
		      : json_pack("{s:b}", "exists", 0);
}

/* "VOLUME@NAME" of a snapshot of the volume, or NULL. */
static const char *a_snapshot_of(struct mock_device *m, const char *volume)
{
	size_t len = strlen(volume);
	const char *name;
	json_t *v;

	json_object_foreach(snapshots_of(m), name, v)
		if (!strncmp(name, volume, len) && name[len] == '@')
			return name;
	return NULL;
}

static int volume_remove(struct mock_device *m, const char *name, struct driver_change *c,
			 struct error *err)
{
	json_t *array = array_of(m->rack, m->name);
	json_t *maps = maps_of_volume(array, name);
	bool there = volume_find(m, name, false);

	if (json_object_size(maps))
		return error_set(err, ERROR_REFUSED, "volume %s is mapped by %s", name,
				 json_object_iter_key(json_object_iter(maps)));
	if (a_snapshot_of(m, name))
		return error_set(err, ERROR_REFUSED, "volume %s has the snapshot %s", name, a_snapshot_of(m, name));
	json_object_del(rack_child(array, "volumes"), name);
	json_object_set_new(rack_child(array, "gone"), name, json_true());
	change_done(c, there, volume_document(NULL));
	return 0;
}

static bool has_session(struct mock_device *m, const char *volume)
{
	json_t *array = array_of(m->rack, m->name), *yes;
	const char *map;

	json_object_foreach(maps_of_volume(array, volume), map, yes)
		if (json_array_size(json_object_get(map_find(array, map), "sessions")))
			return true;
	return false;
}

/* Content is not simulated; that it was restored, and for which token, is. */
static int volume_restore(struct mock_device *m, const char *name, json_t *volume, const struct volume_wish *wish,
			  struct driver_change *c, struct error *err)
{
	_cleanup_(freep) char *from = xasprintf("%s@%s", name, wish->snapshot);
	json_t *snapshot = json_object_get(snapshots_of(m), from);

	if (!strcmp(json_str(volume, "token", ""), wish->token)) {
		change_done(c, false, volume_document(volume));
		return 0;
	}
	if (!snapshot)
		return error_set(err, ERROR_REFUSED, "there is no snapshot %s", from);
	if (has_session(m, name))
		return error_set(err, ERROR_REFUSED, "volume %s is in use by a session", name);
	json_object_set_new(volume, "size_bytes", json_integer(json_int(snapshot, "size_bytes", 0)));
	json_object_set_new(volume, "token", json_string(wish->token));
	change_done(c, true, volume_document(volume));
	return 0;
}

static int volume_make(struct mock_device *m, const char *name, const struct volume_wish *wish, struct driver_change *c,
		       struct error *err)
{
	json_t *source = NULL, *volume;
	json_int_t size;

	if (wish->snapshot)
		return error_set(err, ERROR_REFUSED, "there is no volume %s to restore", name);
	if (wish->source && strchr(wish->source, '@'))
		source = json_object_get(snapshots_of(m), wish->source);
	else if (wish->source)
		source = volume_find(m, wish->source, true);
	if (wish->source && !source)
		return error_set(err, ERROR_REFUSED, "there is no volume %s to clone", wish->source);
	if (!source && !wish->size_bytes)
		return error_set(err, ERROR_INVALID, "a new volume needs size_bytes or source");
	size = json_int(source, "size_bytes", 0);
	volume = json_pack("{s:I}", "size_bytes", wish->size_bytes > size ? wish->size_bytes : size);
	json_object_set_new(rack_child(array_of(m->rack, m->name), "volumes"), name, volume);
	change_done(c, true, volume_document(volume));
	return 0;
}

static int volume_change(struct mock_device *m, const char *name, struct driver_change *c,
			 struct error *err)
{
	json_t *volume = volume_find(m, name, false);
	struct volume_wish wish;
	bool grows;

	if (volume_wish_parse(&wish, c, err))
		return -1;
	if (!wish.exists)
		return volume_remove(m, name, c, err);
	if (!volume)
		return volume_make(m, name, &wish, c, err);
	if (wish.snapshot)
		return volume_restore(m, name, volume, &wish, c, err);
	grows = json_int(volume, "size_bytes", 0) < wish.size_bytes;
	if (grows)
		json_object_set_new(volume, "size_bytes", json_integer(wish.size_bytes));
	change_done(c, grows, volume_document(volume));
	return 0;
}

static int snapshot_change(struct mock_device *m, const char *name, struct driver_change *c, struct error *err)
{
	_cleanup_(freep) char *of = xasprintf("%.*s", (int)strcspn(name, "@"), name);
	json_t *snapshots = snapshots_of(m), *snapshot = json_object_get(snapshots, name), *volume = volume_find(m, of, true);
	bool wished;

	if (snapshot_wish_parse(&wished, c, err))
		return -1;
	if (wished && !snapshot && !volume)
		return error_set(err, ERROR_REFUSED, "there is no volume %s", of);
	c->changed = wished != (snapshot != NULL);
	if (wished && !snapshot)
		json_object_set_new(snapshots, name, snapshot = volume_document(volume));
	change_done(c, c->changed, volume_document(wished ? snapshot : NULL));
	if (!wished)
		json_object_del(snapshots, name);
	return 0;
}

static void index_map(json_t *array, const char *name, const json_t *map, bool add)
{
	json_t *luns = json_object_get(map, "luns"), *volume;
	const char *lun;

	json_object_foreach(luns, lun, volume) {
		json_t *maps =
			rack_child(rack_child(array, "by_volume"), json_string_value(volume));

		if (add)
			json_object_set_new(maps, name, json_true());
		else
			json_object_del(maps, name);
	}
}

void mock_map_put(json_t *array, const char *name, json_t *map)
{
	index_map(array, name, map_find(array, name), false);
	if (map)
		json_object_set_new(rack_child(array, "maps"), name, map);
	else
		json_object_del(json_object_get(array, "maps"), name);
	index_map(array, name, map, true);
}

static json_t *map_document(const json_t *map)
{
	json_t *v;

	if (!map)
		return json_pack("{s:b}", "exists", 0);
	v = json_copy((json_t *)(uintptr_t)map);
	json_object_del(v, "sessions");
	json_object_set_new(v, "exists", json_true());
	return v;
}

static json_t *map_from_wish(const struct map_wish *wish)
{
	if (wish->fc)
		return json_pack("{s:s, s:o, s:o, s:o, s:I, s:b, s:[]}", "protocol", "fc", "ports", initiators_sorted(wish->ports),
				 "initiators", initiators_sorted(wish->initiators), "luns", json_deep_copy(wish->luns),
				 "generation", (json_int_t)wish->generation, "managed", 1, "sessions");
	return json_pack("{s:s, s:o, s:o, s:s, s:I, s:b, s:[]}", "target", wish->target,
			 "initiators", initiators_sorted(wish->initiators), "luns",
			 json_deep_copy(wish->luns), "chap_user",
			 wish->chap_user ? wish->chap_user : "", "generation",
			 (json_int_t)wish->generation, "managed", 1, "sessions");
}

static bool list_has(const json_t *list, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (!strcmp(json_string_value(one) ? json_string_value(one) : "", text))
			return true;
	return false;
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* Do the sessions stay: does nothing differ, or are there only more LUNs? */
static bool keeps_sessions(const json_t *now, const json_t *want)
{
	return now && (json_object_get(want, "ports") || same(now, want, "chap_user")) && same(now, want, "initiators") &&
	       same(now, want, json_object_get(want, "ports") ? "ports" : "target") &&
	       (same(now, want, "luns") ||
		(same(now, want, "generation") &&
		 luns_within(json_object_get(now, "luns"), json_object_get(want, "luns"))));
}

static int check_volumes(struct mock_device *m, const struct map_wish *wish, struct error *err)
{
	const json_t *volume;
	const char *lun;

	json_object_foreach((json_t *)(uintptr_t)wish->luns, lun, volume)
		if (!volume_find(m, json_string_value(volume), false))
			return error_set(err, ERROR_REFUSED, "there is no volume %s for LUN %s",
					 json_string_value(volume), lun);
	return 0;
}

static json_t *map_by_target(json_t *array, const char *target, const char **name)
{
	json_t *map;
	const char *key;

	json_object_foreach(json_object_get(array, "maps"), key, map)
		if (!strcmp(json_str(map, "target", ""), target)) {
			*name = key;
			return map;
		}
	*name = NULL;
	return NULL;
}

/* The servers that are logged in to map @from of this array are now so to @to. */
static void sessions_rename(struct mock_device *m, const char *from, const char *to)
{
	json_t *bmc, *session;
	const char *name;

	json_object_foreach(json_object_get(m->rack->root, "bmcs"), name, bmc) {
		session = json_object_get(bmc, "session");
		if (!strcmp(json_str(session, "array", ""), m->name) &&
		    !strcmp(json_str(session, "map", ""), from))
			json_object_set_new(session, "map", json_string(to));
	}
}

static int map_adopt(struct mock_device *m, const char *name, const struct map_wish *wish,
		     struct driver_change *c, struct error *err)
{
	json_t *array = array_of(m->rack, m->name), *map;
	_cleanup_(freep) char *old = NULL;
	const char *its_name;
	int rc;

	map = map_by_target(array, wish->target, &its_name);
	rc = map_adoptable(wish, name, map, its_name, map_find(array, name), err);
	if (rc < 0)
		return -1;
	if (!rc) {
		old = xstrdup(its_name);
		json_incref(map);
		mock_map_put(array, old, NULL);
		json_object_set_new(map, "managed", json_true());
		json_object_set_new(map, "initiators",
				    initiators_sorted(json_object_get(map, "initiators")));
		json_object_set_new(map, "generation", json_integer(wish->generation));
		mock_map_put(array, name, map);
		sessions_rename(m, old, name);
	}
	change_done(c, !rc, map_document(map));
	return 0;
}

static int map_change(struct mock_device *m, const char *name, struct driver_change *c,
		      struct error *err)
{
	json_t *array = array_of(m->rack, m->name), *now = map_find(array, name), *want;
	struct fault_hit hit;
	struct map_wish wish;

	if (map_wish_parse(&wish, c, err))
		return -1;
	if (wish.adopt)
		return map_adopt(m, name, &wish, c, err);
	if (now && !json_bool(now, "managed", false))
		return error_set(err, ERROR_REFUSED, "map %s was not made by Recast", name);
	if (now && wish.generation && json_int(now, "generation", 0) > wish.generation)
		return error_set(err, ERROR_CONFLICT,
				 "map %s carries generation %lld, this change is of %lld", name,
				 (long long)json_int(now, "generation", 0),
				 (long long)wish.generation);
	if (!wish.exists) {
		mock_map_put(array, name, NULL);
		change_done(c, now != NULL, map_document(NULL));
		return 0;
	}
	if (check_volumes(m, &wish, err))
		return -1;
	if (!wish.fc && map_find(array, wish.target))
		return error_set(err, ERROR_REFUSED,
				 "target %s is there and was not made by Recast", wish.target);
	want = map_from_wish(&wish);
	if (keeps_sessions(now, want))
		json_object_set(want, "sessions", json_object_get(now, "sessions"));
	change_done(c, !now || !json_equal(now, want), map_document(want));
	mock_map_put(array, name, want);
	if (fault_take(m->rack, m->name, "apply", c->object, 1u << FAULT_UNMAP, &hit)) {
		mock_map_put(array, name, NULL);
		rack_tell(m->rack, m->name, c->object);
	}
	return 0;
}

static int sessions_drop(struct mock_device *m, const char *name, struct driver_change *c,
			 struct error *err)
{
	json_t *sessions = json_object_get(map_find(array_of(m->rack, m->name), name), "sessions");
	bool any = json_array_size(sessions) > 0;

	if (!json_is_false(json_object_get(c->set, "exists")))
		return error_set(err, ERROR_INVALID,
				 "sessions can only be dropped: {\"exists\": false}");
	json_array_clear(sessions);
	change_done(c, any, json_pack("{s:b}", "exists", 0));
	return 0;
}

int mock_storage_change(struct mock_device *m, struct driver_change *c, struct error *err)
{
	enum storage_kind kind;
	const char *name;
	int rc = -1;

	if (storage_object(c->object, &kind, &name, err))
		return -1;
	switch (kind) {
	case STORAGE_VOLUME:
		rc = volume_change(m, name, c, err);
		break;
	case STORAGE_SNAPSHOT:
		rc = snapshot_change(m, name, c, err);
		break;
	case STORAGE_MAP:
		rc = map_change(m, name, c, err);
		break;
	case STORAGE_SESSIONS:
		rc = sessions_drop(m, name, c, err);
		break;
	}
	if (!rc && c->changed)
		m->rack->dirty = true;
	return rc;
}

static void add_map(json_t *document, const char *name, const json_t *map)
{
	const json_t *session;
	size_t i;

	if (json_object_get(json_object_get(document, "maps"), name))
		return;
	json_object_set_new(json_object_get(document, "maps"), name, map_document(map));
	json_array_foreach(json_object_get(map, "sessions"), i, session) {
		json_t *row = json_copy((json_t *)(uintptr_t)session);

		json_object_set_new(row, "map", json_string(name));
		json_array_append_new(json_object_get(document, "sessions"), row);
	}
}

static void add_volume(struct mock_device *m, json_t *document, const char *name)
{
	json_t *array = array_of(m->rack, m->name), *volume = volume_find(m, name, false), *yes;
	const char *map;

	json_object_set_new(json_object_get(document, "volumes"), name, volume_document(volume));
	json_object_foreach(maps_of_volume(array, name), map, yes)
		add_map(document, map, map_find(array, map));
}

json_t *mock_storage_document(struct mock_device *m, const json_t *objects, struct error *err)
{
	json_t *document = json_pack("{s:{}, s:{}, s:{}, s:[]}", "volumes", "snapshots", "maps", "sessions");
	json_t *array = array_of(m->rack, m->name), *v;
	enum storage_kind kind;
	const json_t *one;
	const char *name;
	size_t i;

	if (!objects) {
		json_object_foreach(json_object_get(array, "volumes"), name, v)
			add_volume(m, document, name);
		json_object_foreach(json_object_get(array, "maps"), name, v)
			add_map(document, name, v);
		json_object_foreach(snapshots_of(m), name, v)
			json_object_set_new(json_object_get(document, "snapshots"), name, volume_document(v));
	}
	json_array_foreach(objects, i, one) {
		if (storage_object(json_string_value(one), &kind, &name, err)) {
			json_decref(document);
			return NULL;
		}
		if (kind == STORAGE_VOLUME)
			add_volume(m, document, name);
		else if (kind == STORAGE_SNAPSHOT)
			json_object_set_new(json_object_get(document, "snapshots"), name,
					    volume_document(json_object_get(snapshots_of(m), name)));
		else
			add_map(document, name, map_find(array, name));
	}
	return document;
}

bool mock_session_open(struct rack *rack, const char *array_name, const char *map_name,
		       const char *address, json_t **session)
{
	json_t *map = map_find(array_of(rack, array_name), map_name);

	return map && mock_session_of(rack, array_name, map_name,
				      json_string_value(json_array_get(json_object_get(map, "initiators"), 0)), address, session);
}

bool mock_session_of(struct rack *rack, const char *array_name, const char *map_name, const char *initiator,
		     const char *address, json_t **session)
{
	json_t *array = array_of(rack, array_name), *map = map_find(array, map_name), *row;
	json_int_t sid = json_int(array, "next_sid", 1);

	json_object_set_new(array, "next_sid", json_integer(sid + 1));
	row = json_pack("{s:s, s:s, s:o}", "initiator", initiator, "address", address, "id",
			json_sprintf("%lld/0", (long long)sid));
	*session = json_pack("{s:s, s:s, s:O}", "array", array_name, "map", map_name, "id",
			     json_object_get(row, "id"));
	json_array_append_new(json_object_get(map, "sessions"), row);
	rack->dirty = true;
	return true;
}

/* The initiator's login at the array's port, over a fabric where both are: is it let in? */
bool mock_fc_admits(struct rack *rack, const char *array, const char *map_name, const char *wwpn, const char *port)
{
	const json_t *map = map_find(array_of(rack, array), map_name);

	return list_has(json_object_get(map, "initiators"), wwpn) && list_has(json_object_get(map, "ports"), port);
}

const json_t *mock_fc_ports(struct rack *rack, const char *array, const char *map)
{
	return json_object_get(map_find(array_of(rack, array), map), "ports");
}

void mock_session_close(struct rack *rack, const json_t *session)
{
	json_t *map = map_find(array_of(rack, json_str(session, "array", "")),
			       json_str(session, "map", ""));
	json_t *sessions = json_object_get(map, "sessions"), *row;
	size_t i;

	json_array_foreach(sessions, i, row)
		if (same(row, session, "id")) {
			json_array_remove(sessions, i);
			rack->dirty = true;
			return;
		}
}

bool mock_path_is_down(struct rack *rack, const char *array, const char *address)
{
	return json_object_get(json_object_get(array_of(rack, array), "paths_down"), address) != NULL;
}

void mock_path_set(struct rack *rack, const char *array_name, const char *address, bool down)
{
	json_t *array = array_of(rack, array_name), *paths = rack_child(array, "paths_down"), *map, *sessions;
	const char *name;
	size_t i;

	json_object_del(paths, address);
	if (!down)
		return;
	json_object_set_new(paths, address, json_true());
	json_object_foreach(json_object_get(array, "maps"), name, map) {
		sessions = json_object_get(map, "sessions");
		for (i = json_array_size(sessions); i-- > 0;)
			if (!strcmp(json_str(json_array_get(sessions, i), "address", ""), address))
				json_array_remove(sessions, i);
	}
}
