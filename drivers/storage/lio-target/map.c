/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Maps: compares what is wished with what is there, and decides.  iscsi.c and fc.c do it.
 */
#include "target.h"

#include "cleanup.h"
#include "json.h"
#include "text.h"

#include <string.h>

static bool same_names(const json_t *is, const json_t *wished)
{
	json_auto_t *sorted = initiators_sorted(wished);

	return json_equal(is, sorted);
}

static bool same_access(const json_t *map, const struct lio_map *m)
{
	if (json_bool(map, "fc", false) != m->wish.fc || !same_names(json_object_get(map, "initiators"), m->wish.initiators))
		return false;
	if (m->wish.fc)
		return same_names(json_object_get(map, "ports"), m->wish.ports);
	return !json_bool(map, "mixed", false) && !strcmp(json_str(map, "target", ""), m->wish.target) &&
	       !strcmp(json_str(map, "chap_user", ""), m->wish.chap_user ? m->wish.chap_user : "");
}

enum fit {
	FIT_DIFFERENT,
	FIT_GROWS, /* LUNs are missing and nothing else */
	FIT_SAME,
};

/* How far the map is what is wished, generation aside. */
static enum fit fit(const json_t *map, const struct lio_map *m)
{
	const json_t *luns = json_object_get(map, "luns");

	if (json_bool(map, "broken", false) || !same_access(map, m) || !luns_within(luns, m->wish.luns))
		return FIT_DIFFERENT;
	if (json_object_size(luns) == json_object_size(m->wish.luns) && !json_bool(map, "short", false))
		return FIT_SAME;
	return json_int(map, "generation", 0) == m->wish.generation ? FIT_GROWS : FIT_DIFFERENT;
}

int map_make(struct lio *l, const struct lio_map *m, struct error *err)
{
	return m->wish.fc ? fc_make(l, m, err) : iscsi_make(l, m, err);
}

static int remove_any(const struct lio *l, const json_t *map, struct error *err)
{
	return json_bool(map, "fc", false) ? fc_remove(l, map, err) : iscsi_remove(l, json_str(map, "target", ""), err);
}

/* A target with the wished name that is not ours: in the way, unless it is the empty shell that we left when we died
 * before the mark was set. */
static int check_target(const json_t *view, const json_t *ours, const struct lio_map *m, const json_t **shell, struct error *err)
{
	const json_t *there = view_find_target(view, m->wish.target);

	*shell = NULL;
	if (!there || there == ours)
		return 0;
	if (json_bool(there, "managed", false) || json_object_size(json_object_get(there, "luns")) ||
	    json_array_size(json_object_get(there, "initiators")))
		return error_set(err, ERROR_REFUSED, "target %s is there and is not that of this map", m->wish.target);
	*shell = there;
	return 0;
}

static int check_volume(const struct lio *l, const char *lun, const char *volume, struct error *err)
{
	json_auto_t *document = volume_document(l, volume);
	_cleanup_(freep) char *which = NULL;
	bool ours = true;

	if (!json_bool(document, "exists", false))
		return error_set(err, ERROR_REFUSED, "there is no volume %s for LUN %s", volume, lun);
	which = backstore_of(l, volume, &ours);
	if (which && !ours)
		return error_set(err, ERROR_REFUSED, "volume %s is the backstore %s, which Recast did not make", volume, which);
	return 0;
}

static int check_volumes(const struct lio *l, const struct lio_map *m, struct error *err)
{
	const json_t *volume;
	const char *lun;

	json_object_foreach((json_t *)(uintptr_t)m->wish.luns, lun, volume)
		if (check_volume(l, lun, json_string_value(volume), err))
			return -1;
	return 0;
}

static int check_map(const struct lio *l, const char *name, const json_t *now, const struct lio_map *m, struct error *err)
{
	int64_t is = json_int(now, "generation", 0);

	if (now && !json_bool(now, "managed", false))
		return error_set(err, ERROR_REFUSED, "target %s was not made by Recast", name);
	if (now && m->wish.generation && is > m->wish.generation)
		return error_set(err, ERROR_CONFLICT, "map %s carries generation %lld, this change is of %lld", name,
				 (long long)is, (long long)m->wish.generation);
	if (!m->wish.exists)
		return 0;
	if (!text_is_name(name))
		return error_set(err, ERROR_INVALID, "a map needs a name, not %s", name);
	return m->wish.adopt ? 0 : check_volumes(l, m, err);
}

/* Read back after a write: done, or unknown with what is there. */
static void verify(const struct lio *l, const struct lio_map *m, struct driver_change *c)
{
	json_auto_t *view = view_read(l);
	const json_t *map = view_find(view, m->name);
	struct error err = { 0 };

	if (m->wish.exists ? map && (m->wish.adopt || fit(map, m) == FIT_SAME) : !map) {
		change_done(c, true, view_document(map));
		return;
	}
	error_set(&err, ERROR_CONFLICT, "map %s is not as it was made", m->name);
	change_failed(c, CHANGE_UNKNOWN, &err);
}

/* From here on a failure is "unknown". */
static void written(const struct lio *l, const struct lio_map *m, struct driver_change *c, int rc, const struct error *err)
{
	if (rc > 0)
		change_again(c, 200);
	else if (rc)
		change_failed(c, CHANGE_UNKNOWN, err);
	else
		verify(l, m, c);
}

static void rewrite(struct lio *l, const json_t *now, const json_t *shell, const struct lio_map *m, struct driver_change *c)
{
	struct error err = { 0 };
	int rc = shell ? remove_any(l, shell, &err) : 0;

	if (!rc && now)
		rc = remove_any(l, now, &err);
	if (!rc && m->wish.exists)
		rc = map_make(l, m, &err);
	written(l, m, c, rc, &err);
}

static int restamp(const struct lio *l, const struct lio_map *m, struct error *err)
{
	return m->wish.fc ? fc_mark(l, m, err) : iscsi_mark(l, m->wish.target, m->name, m->wish.generation, err);
}

/* Take over a target that somebody else made: compare all of it, then write the mark. */
static int adopt(const struct lio *l, const json_t *view, const struct lio_map *m, struct driver_change *c, struct error *err)
{
	const json_t *target = view_find_target(view, m->wish.target), *ours = view_find(view, m->name);
	json_auto_t *there = target ? view_document(target) : NULL, *named = ours ? view_document(ours) : NULL;
	int rc = map_adoptable(&m->wish, m->name, there, json_str(target, "map", NULL), named, err);

	if (rc < 0 || check_map(l, m->name, NULL, m, err))
		return -1;
	if (rc)
		change_done(c, false, json_incref(there));
	else
		written(l, m, c, restamp(l, m, err), err);
	return 0;
}

static int put_map(struct lio *l, const json_t *view, const json_t *now, const struct lio_map *m, struct driver_change *c,
		   struct error *err)
{
	enum fit how = now ? fit(now, m) : FIT_DIFFERENT;
	const json_t *shell = NULL;

	if (m->wish.fc ? fc_check_free(l, m, err) : check_target(view, now, m, &shell, err))
		return -1;
	if (how == FIT_DIFFERENT)
		rewrite(l, now, shell, m, c);
	else if (how == FIT_GROWS)
		written(l, m, c, m->wish.fc ? fc_make(l, m, err) : iscsi_grow(l, m, err), err);
	else if (json_int(now, "generation", 0) != m->wish.generation)
		written(l, m, c, restamp(l, m, err), err);
	else
		change_done(c, false, view_document(now));
	return 0;
}

int map_change(struct lio *l, const char *name, struct driver_change *c, struct error *err)
{
	json_auto_t *view = NULL;
	const json_t *now;
	struct lio_map m;

	if (lio_map_parse(&m, name, c, err))
		return -1;
	view = view_read(l);
	if (m.wish.adopt)
		return adopt(l, view, &m, c, err);
	now = view_find(view, name);
	if (check_map(l, name, now, &m, err))
		return -1;
	if (m.wish.exists)
		return put_map(l, view, now, &m, c, err);
	if (now)
		rewrite(l, now, NULL, &m, c);
	else
		change_done(c, false, view_document(NULL));
	return 0;
}

int sessions_change(struct lio *l, const char *name, struct driver_change *c, struct error *err)
{
	json_auto_t *view = view_read(l);
	const json_t *map = view_find(view, name);
	const char *iqn = json_str(map, "target", NULL);
	bool any;
	int rc;

	if (!json_is_false(json_object_get(c->set, "exists")))
		return error_set(err, ERROR_INVALID, "sessions can only be dropped: {\"exists\": false}");
	if (map && !json_bool(map, "managed", false))
		return error_set(err, ERROR_REFUSED, "target %s was not made by Recast", name);
	if (map && !iqn)
		return error_set(err, ERROR_UNSUPPORTED, "sessions over Fibre Channel end with their map");
	any = iqn && view_session_count(l, iqn) > 0;
	rc = any ? iscsi_drop(l, iqn, err) : 0;
	if (rc > 0)
		change_again(c, 200);
	else if (rc)
		change_failed(c, CHANGE_UNKNOWN, err);
	else
		change_done(c, any, json_pack("{s:b}", "exists", 0));
	return 0;
}
