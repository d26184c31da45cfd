/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Maps: compares what is wished with what is there, and decides.  tgt_target.c does it.
 */
#include "tgt.h"

#include "cleanup.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *tgt_map_find(const json_t *view, const char *name)
{
	json_t *target;
	size_t i;

	json_array_foreach(view, i, target)
		if (!strcmp(json_str(target, "map", ""), name))
			return target;
	return NULL;
}

static json_t *find_iqn(const json_t *view, const char *iqn)
{
	json_t *target;
	size_t i;

	json_array_foreach(view, i, target)
		if (!strcmp(json_str(target, "iqn", ""), iqn))
			return target;
	return NULL;
}

json_t *tgt_map_document(const struct tgt *t, const json_t *target)
{
	json_t *luns = json_object(), *path;
	const char *lun, *user;
	int64_t generation;

	if (!target) {
		json_decref(luns);
		return json_pack("{s:b}", "exists", 0);
	}
	json_object_foreach(json_object_get(target, "luns"), lun, path) {
		_cleanup_(freep) char *volume = tgt_volume_of_path(t, json_string_value(path));

		json_object_set_new(luns, lun, json_string(volume));
	}
	user = json_string_value(json_array_get(json_object_get(target, "accounts"), 0));
	generation = json_int(target, "generation", 0);
	return json_pack("{s:b, s:O, s:o, s:o, s:s, s:I, s:O}", "exists", 1, "target",
			 json_object_get(target, "iqn"), "initiators",
			 initiators_sorted(json_object_get(target, "acl")), "luns", luns,
			 "chap_user", user ? user : "", "generation", (json_int_t)generation,
			 "managed", json_object_get(target, "managed"));
}

enum fit {
	FIT_DIFFERENT,
	FIT_GROWS, /* LUNs, or serial numbers of LUNs, are missing and nothing else */
	FIT_SAME,
};

/* How far the target is what is wished, generation aside.  LUN 0 is not in `luns`. */
static enum fit fit(const struct tgt *t, const json_t *target, const struct map_wish *wish)
{
	json_auto_t *is = tgt_map_document(t, target),
		    *initiators = initiators_sorted(wish->initiators);
	const json_t *luns = json_object_get(is, "luns");
	/* Accounts of an adopted target are its own affair as long as it is only looked at. */
	size_t accounts = wish->adopt ? 0 : json_array_size(json_object_get(target, "accounts"));

	if (!json_equal(json_object_get(is, "initiators"), initiators) ||
	    !luns_within(luns, wish->luns) || strcmp(json_str(is, "target", ""), wish->target) ||
	    accounts != (wish->chap_user ? 1u : 0u) ||
	    (wish->chap_user && strcmp(json_str(is, "chap_user", ""), wish->chap_user)))
		return FIT_DIFFERENT;
	if (json_object_size(luns) == json_object_size(wish->luns) &&
	    (wish->adopt || tgt_serials_right(t, target)))
		return FIT_SAME;
	return json_int(is, "generation", 0) == wish->generation ? FIT_GROWS : FIT_DIFFERENT;
}

/* A target with the wished IQN that is not ours: in the way, unless it is the empty shell that a
 * driver left which died before it could set the mark. */
static int check_iqn(const json_t *view, const json_t *ours, const struct map_wish *wish,
		     json_t **shell, struct error *err)
{
	json_t *target = find_iqn(view, wish->target);

	*shell = NULL;
	if (!target || target == ours)
		return 0;
	if (json_bool(target, "managed", false) ||
	    json_object_size(json_object_get(target, "luns")) ||
	    json_array_size(json_object_get(target, "acl")) ||
	    json_array_size(json_object_get(target, "accounts")))
		return error_set(err, ERROR_REFUSED,
				 "target %s is there and is not that of this map", wish->target);
	*shell = target;
	return 0;
}

static int check_volumes(const struct tgt *t, const struct map_wish *wish, struct error *err)
{
	const json_t *volume;
	const char *lun;

	json_object_foreach((json_t *)(uintptr_t)wish->luns, lun, volume) {
		json_auto_t *document = tgt_volume_document(t, json_string_value(volume));

		if (!strcmp(lun, "0"))
			return error_set(err, ERROR_INVALID,
					 "LUN 0 of tgtd is its controller: begin with LUN 1");
		if (!json_bool(document, "exists", false))
			return error_set(err, ERROR_REFUSED, "there is no volume %s for LUN %s",
					 json_string_value(volume), lun);
	}
	return 0;
}

static int check_map(const struct tgt *t, const char *name, const json_t *now,
		     const struct map_wish *wish, struct error *err)
{
	char mark[256];

	if (now && !json_bool(now, "managed", false))
		return error_set(err, ERROR_REFUSED, "target %s was not made by Recast", name);
	if (now && wish->generation && json_int(now, "generation", 0) > wish->generation)
		return error_set(err, ERROR_CONFLICT,
				 "map %s carries generation %lld, this change is of %lld", name,
				 (long long)json_int(now, "generation", 0),
				 (long long)wish->generation);
	if (!wish->exists)
		return 0;
	if (!tgt_mark(mark, sizeof(mark), name, wish->generation, false))
		return error_set(err, ERROR_INVALID,
				 "map %s: the name is too long for tgtd (29 to 53 characters)",
				 name);
	return check_volumes(t, wish, err);
}

/* Read back after a write: done, or unknown with what is there. */
static void verify(struct tgt *t, const char *name, const struct map_wish *wish,
		   struct driver_change *c, int64_t deadline_ms)
{
	struct error err = { 0 };
	json_auto_t *view = tgt_view_read(t, deadline_ms, &err);
	const json_t *target = view ? tgt_map_find(view, name) : NULL;

	if (view && (wish->exists ? target && fit(t, target, wish) == FIT_SAME : !target)) {
		change_done(c, true, tgt_map_document(t, target));
		return;
	}
	if (view)
		error_set(&err, ERROR_CONFLICT, "map %s was changed by somebody else meanwhile",
			  name);
	change_failed(c, CHANGE_UNKNOWN, &err);
}

/* Carry out a map change that has to write.  From here on a failure is "unknown". */
static void rewrite(struct tgt *t, const json_t *view, const json_t *now, const json_t *shell,
		    const char *name, const struct map_wish *wish, struct driver_change *c,
		    int64_t deadline_ms)
{
	struct error err = { 0 };
	int rc = shell ? tgt_target_remove(t, view, shell, deadline_ms, &err) : 0;

	if (!rc && now)
		rc = tgt_target_remove(t, view, now, deadline_ms, &err);

	if (rc > 0) {
		change_again(c, 200);
		return;
	}
	if (!rc && wish->exists)
		rc = tgt_target_make(t, name, wish, deadline_ms, &err);
	if (rc)
		change_failed(c, CHANGE_UNKNOWN, &err);
	else
		verify(t, name, wish, c, deadline_ms);
}

/* The sessions stay; the rest of the target is not touched. */
static void grow(struct tgt *t, const json_t *target, const char *name,
		 const struct map_wish *wish, struct driver_change *c, int64_t deadline_ms)
{
	struct error err = { 0 };

	if (tgt_luns_add(t, target, wish, deadline_ms, &err))
		change_failed(c, CHANGE_UNKNOWN, &err);
	else
		verify(t, name, wish, c, deadline_ms);
}

/* Only the mark differs: the generation, or whether the target is ours at all. */
static int restamp(struct tgt *t, const json_t *target, const char *name,
		   const struct map_wish *wish, struct driver_change *c, int64_t deadline_ms)
{
	struct error err = { 0 };
	char mark[256];

	tgt_mark(mark, sizeof(mark), name, wish->generation,
		 wish->adopt || json_bool(target, "adopted", false));
	if (tgt_order(t, TGT_LUN, TGT_UPDATE, tgt_tid(target), 0, mark, deadline_ms, &err))
		change_failed(c, CHANGE_UNKNOWN, &err);
	else
		verify(t, name, wish, c, deadline_ms);
	return 0;
}

/* Take over a target that somebody else made: compare all of it, then write the mark. */
static int adopt(struct tgt *t, const json_t *view, const char *name, const struct map_wish *wish,
		 struct driver_change *c, int64_t deadline_ms, struct error *err)
{
	const json_t *target = find_iqn(view, wish->target), *ours = tgt_map_find(view, name);
	json_auto_t *there = target ? tgt_map_document(t, target) : NULL,
		    *named = ours ? tgt_map_document(t, ours) : NULL;
	int rc = map_adoptable(wish, name, there, json_str(target, "map", NULL), named, err);

	if (rc < 0 || check_map(t, name, NULL, wish, err))
		return -1;
	if (!rc)
		return restamp(t, target, name, wish, c, deadline_ms);
	change_done(c, false, json_incref(there));
	return 0;
}

static int remove_map(struct tgt *t, const json_t *view, const json_t *now, const char *name,
		      const struct map_wish *wish, struct driver_change *c, int64_t deadline_ms,
		      struct error *err)
{
	int swept;

	if (now) {
		rewrite(t, view, now, NULL, name, wish, c, deadline_ms);
		return 0;
	}
	swept = tgt_accounts_sweep(t, view, name, deadline_ms, err);
	if (swept < 0)
		return -1;
	change_done(c, swept > 0, tgt_map_document(t, NULL));
	return 0;
}

static int put_map(struct tgt *t, const json_t *view, const json_t *now, const char *name,
		   const struct map_wish *wish, struct driver_change *c, int64_t deadline_ms,
		   struct error *err)
{
	enum fit how = now ? fit(t, now, wish) : FIT_DIFFERENT;
	json_t *shell = NULL;

	if (check_iqn(view, now, wish, &shell, err))
		return -1;
	if (how == FIT_GROWS)
		grow(t, now, name, wish, c, deadline_ms);
	else if (how == FIT_DIFFERENT)
		rewrite(t, view, now, shell, name, wish, c, deadline_ms);
	else if (json_int(now, "generation", 0) != wish->generation)
		restamp(t, now, name, wish, c, deadline_ms);
	else
		change_done(c, false, tgt_map_document(t, now));
	return 0;
}

int tgt_map_change(struct tgt *t, const char *name, struct driver_change *c, int64_t deadline_ms,
		   struct error *err)
{
	json_auto_t *view = NULL;
	const json_t *now;
	struct map_wish wish;

	if (map_wish_parse(&wish, c, err))
		return -1;
	view = tgt_view_read(t, deadline_ms, err);
	if (!view)
		return -1;
	if (wish.adopt)
		return adopt(t, view, name, &wish, c, deadline_ms, err);
	now = tgt_map_find(view, name);
	if (check_map(t, name, now, &wish, err))
		return -1;
	return (wish.exists ? put_map : remove_map)(t, view, now, name, &wish, c, deadline_ms, err);
}

int tgt_sessions_change(struct tgt *t, const char *name, struct driver_change *c,
			int64_t deadline_ms, struct error *err)
{
	json_auto_t *view = NULL;
	const json_t *target;
	bool dropped = false;
	int rc;

	if (!json_is_false(json_object_get(c->set, "exists")))
		return error_set(err, ERROR_INVALID,
				 "sessions can only be dropped: {\"exists\": false}");
	view = tgt_view_read(t, deadline_ms, err);
	if (!view)
		return -1;
	target = tgt_map_find(view, name);
	if (target && !json_bool(target, "managed", false))
		return error_set(err, ERROR_REFUSED, "target %s was not made by Recast", name);
	rc = target ? tgt_sessions_drop(t, tgt_tid(target), false, &dropped, deadline_ms, err) : 0;
	if (rc > 0)
		change_again(c, 200);
	else if (rc < 0)
		change_failed(c, CHANGE_UNKNOWN, err);
	else
		change_done(c, dropped, json_pack("{s:b}", "exists", 0));
	return 0;
}
