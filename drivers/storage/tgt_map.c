/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Maps: who may log in to what.  The order of steps is the safety of it; see tgt.h.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SESSION_WAIT_MS = 1000, SESSION_LOOK_MS = 10, TID_MAX = 0x7fff };

/* A request without an answer text.  @params may be NULL. */
static int order(const struct tgt *t, enum tgt_mode mode, enum tgt_op op, int tid, int lun, const char *params,
		 int64_t deadline_ms, struct error *err)
{
	struct tgt_request q = { .mode = mode, .op = op, .tid = tid, .lun = lun, .params = params };
	_cleanup_(freep) char *text = tgt_call(t, &q, deadline_ms, NULL, err);

	return text ? 0 : -1;
}

__attribute__((format(printf, 8, 9)))
static int orderf(const struct tgt *t, enum tgt_mode mode, enum tgt_op op, int tid, int lun, int64_t deadline_ms,
		  struct error *err, const char *fmt, ...)
{
	char params[1024];
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(params, sizeof(params), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(params))
		rc = error_set(err, ERROR_INVALID, "a parameter for tgtd is too long");
	else
		rc = order(t, mode, op, tid, lun, params, deadline_ms, err);
	secret_wipe(params, sizeof(params)); /* it may hold a CHAP secret */
	return rc;
}

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

static int tid_of(const json_t *target)
{
	return (int)json_int(target, "tid", 0);
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
	return json_pack("{s:b, s:O, s:o, s:o, s:s, s:I, s:O}", "exists", 1, "target", json_object_get(target, "iqn"),
			 "initiators", initiators_sorted(json_object_get(target, "acl")), "luns", luns, "chap_user",
			 user ? user : "", "generation", (json_int_t)generation, "managed",
			 json_object_get(target, "managed"));
}

/* --- revoking --- */

static int unbind_acl(const struct tgt *t, const json_t *target, int64_t deadline_ms, struct error *err)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(target, "acl"), i, one) {
		const char *who = json_string_value(one);
		bool name = !strncmp(who, "iqn.", 4) || !strncmp(who, "eui.", 4) || !strncmp(who, "naa.", 4);

		if (orderf(t, TGT_TARGET, TGT_UNBIND, tid_of(target), -1, deadline_ms, err, "initiator-%s=%s",
			   name ? "name" : "address", who))
			return -1;
	}
	return 0;
}

static int delete_sessions(const struct tgt *t, int tid, const json_t *rows, int64_t deadline_ms, struct error *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		struct tgt_request q = { .mode = TGT_CONNECTION, .op = TGT_DELETE, .tid = tid, .lun = -1,
					 .sid = (uint64_t)json_int(row, "sid", 0),
					 .cid = (uint32_t)json_int(row, "cid", 0) };
		_cleanup_(freep) char *text = tgt_call(t, &q, deadline_ms, NULL, err);

		/* One that has gone by itself is as good: what counts is the next listing. */
		if (!text && err->code != ERROR_REFUSED)
			return -1;
	}
	return 0;
}

/* Is one of the sessions in @rows still among @now? */
static bool any_left(const json_t *rows, const json_t *now)
{
	const json_t *row, *other;
	size_t i, k;

	json_array_foreach(rows, i, row)
		json_array_foreach(now, k, other)
			if (json_int(row, "sid", -1) == json_int(other, "sid", -2))
				return true;
	return false;
}

/* Drop the sessions of a target and see them gone.  With @all, none may be left; otherwise those
 * that were there at first (a permitted initiator comes back at once).  1: some stay for now. */
static int drop_sessions(const struct tgt *t, int tid, bool all, bool *dropped, int64_t deadline_ms,
			 struct error *err)
{
	const struct timespec pause = { .tv_nsec = SESSION_LOOK_MS * 1000000 };
	int64_t until = clock_mono_ms() + SESSION_WAIT_MS;
	json_auto_t *first = tgt_sessions_read(t, tid, deadline_ms, NULL, err);

	if (!first)
		return -1;
	if (!json_array_size(first))
		return 0;
	*dropped = true;
	if (delete_sessions(t, tid, first, deadline_ms, err))
		return -1;
	for (;;) {
		json_auto_t *now = tgt_sessions_read(t, tid, deadline_ms, NULL, err);

		if (!now)
			return -1;
		if (all ? !json_array_size(now) : !any_left(first, now))
			return 0;
		if (clock_mono_ms() >= until)
			return 1;
		if (all && delete_sessions(t, tid, now, deadline_ms, err))
			return -1;
		nanosleep(&pause, NULL);
	}
}

static bool bound_anywhere(const json_t *view, const char *user, int but_tid)
{
	const json_t *target, *one;
	size_t i, k;

	json_array_foreach(view, i, target)
		json_array_foreach(json_object_get(target, "accounts"), k, one)
			if (tid_of(target) != but_tid && !strcmp(json_string_value(one), user))
				return true;
	return false;
}

/* Delete the accounts that the removed target had, as far as they are ours and serve no other. */
static int delete_accounts(const struct tgt *t, const json_t *view, const json_t *target, int64_t deadline_ms,
			   struct error *err)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(target, "accounts"), i, one) {
		const char *user = json_string_value(one);

		if (generation_of_user(user) && !bound_anywhere(view, user, tid_of(target)) &&
		    orderf(t, TGT_ACCOUNT, TGT_DELETE, 0, -1, deadline_ms, err, "user=%s", user))
			return -1;
	}
	return 0;
}

/* Accounts "OWNER.gN" that nobody binds: left over by a driver that died between two steps.
 * The number of those deleted, or -1. */
static int sweep_accounts(const struct tgt *t, const json_t *view, const char *owner, int64_t deadline_ms,
			  struct error *err)
{
	json_auto_t *accounts = tgt_accounts_read(t, deadline_ms, err);
	size_t len = strlen(owner), i;
	const json_t *one;
	int swept = 0;

	if (!accounts)
		return -1;
	json_array_foreach(accounts, i, one) {
		const char *user = json_string_value(one);

		if (strncmp(user, owner, len) || strncmp(user + len, ".g", 2) || !generation_of_user(user) ||
		    bound_anywhere(view, user, 0))
			continue;
		if (orderf(t, TGT_ACCOUNT, TGT_DELETE, 0, -1, deadline_ms, err, "user=%s", user))
			return -1;
		swept++;
	}
	return swept;
}

/* Remove a target of ours: nobody can write through it any more.  1: sessions stay for now. */
static int map_revoke(const struct tgt *t, const json_t *view, const json_t *target, int64_t deadline_ms,
		  struct error *err)
{
	struct tgt_request q = { .mode = TGT_TARGET, .op = TGT_DELETE, .tid = tid_of(target), .lun = -1 };
	_cleanup_(freep) char *text = NULL;
	bool dropped = false;
	int rc, code = 0;

	if (unbind_acl(t, target, deadline_ms, err))
		return -1;
	rc = drop_sessions(t, q.tid, true, &dropped, deadline_ms, err);
	if (rc)
		return rc;
	text = tgt_call(t, &q, deadline_ms, &code, err);
	if (!text && code == TGT_ERR_TARGET_ACTIVE)
		return 1; /* a login that was under way came through */
	if (!text)
		return -1;
	return delete_accounts(t, view, target, deadline_ms, err);
}

/* --- granting --- */

static int next_tid(struct tgt *t, const json_t *view)
{
	const json_t *target;
	bool used[TID_MAX + 2] = { false };
	size_t i;
	int tid, n;

	json_array_foreach(view, i, target) {
		if (tid_of(target) > 0 && tid_of(target) <= TID_MAX)
			used[tid_of(target)] = true;
		if (tid_of(target) <= TID_MAX && tid_of(target) > t->last_tid)
			t->last_tid = tid_of(target);
	}
	for (n = 0, tid = t->last_tid % TID_MAX + 1; n < TID_MAX && used[tid]; n++)
		tid = tid % TID_MAX + 1;
	t->last_tid = tid;
	return tid;
}

static int make_lun(const struct tgt *t, int tid, const char *lun, const char *volume, int64_t deadline_ms,
		    struct error *err)
{
	_cleanup_(freep) char *path = tgt_volume_path(t, volume);
	unsigned char hash[16];
	char serial[33];
	int number = atoi(lun);

	/* The same volume has the same serial number wherever it is mapped: hosts know disks by it. */
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)volume, strlen(volume), NULL, 0);
	sodium_bin2hex(serial, sizeof(serial), hash, sizeof(hash));
	if (orderf(t, TGT_LUN, TGT_NEW, tid, number, deadline_ms, err, "path=%s", path))
		return error_wrap(err, "LUN %s", lun);
	return orderf(t, TGT_LUN, TGT_UPDATE, tid, number, deadline_ms, err, "targetOps scsi_id=%s,scsi_sn=%s", serial,
		      serial);
}

static int make_account(const struct tgt *t, const json_t *view, const struct map_wish *wish, int tid,
			int64_t deadline_ms, struct error *err)
{
	if (!wish->chap_user)
		return 0;
	/* One that another map of the same owner uses has the same secret: equal names mean that. */
	if (!bound_anywhere(view, wish->chap_user, 0) &&
	    orderf(t, TGT_ACCOUNT, TGT_NEW, 0, -1, deadline_ms, err, "user=%s,password=%s", wish->chap_user,
		   wish->chap_secret))
		return error_wrap(err, "account %s", wish->chap_user);
	return orderf(t, TGT_ACCOUNT, TGT_BIND, tid, -1, deadline_ms, err, "user=%s", wish->chap_user);
}

/* Everything but the ACL: nobody can log in yet. */
static int prepare(const struct tgt *t, const json_t *view, const char *name, const struct map_wish *wish, int tid,
		   int64_t deadline_ms, struct error *err)
{
	const json_t *volume;
	char mark[256];
	const char *lun;

	if (!tgt_mark(mark, sizeof(mark), name, wish->generation))
		return error_set(err, ERROR_INVALID, "the map's name is too long for tgtd");
	if (orderf(t, TGT_TARGET, TGT_NEW, tid, -1, deadline_ms, err, "targetname=%s", wish->target) ||
	    order(t, TGT_LUN, TGT_UPDATE, tid, 0, mark, deadline_ms, err))
		return -1;
	json_object_foreach((json_t *)(uintptr_t)wish->luns, lun, volume)
		if (make_lun(t, tid, lun, json_string_value(volume), deadline_ms, err))
			return -1;
	return make_account(t, view, wish, tid, deadline_ms, err);
}

static int permit(const struct tgt *t, const struct map_wish *wish, int tid, int64_t deadline_ms, struct error *err)
{
	json_auto_t *initiators = initiators_sorted(wish->initiators);
	const json_t *one;
	size_t i;

	json_array_foreach(initiators, i, one)
		if (orderf(t, TGT_TARGET, TGT_BIND, tid, -1, deadline_ms, err, "initiator-name=%s",
			   json_string_value(one)))
			return -1;
	return 0;
}

/* --- changes --- */

/* Does the target say what is wished, generation aside?  LUN 0 is not in `luns`. */
static bool as_wished(const struct tgt *t, const json_t *target, const struct map_wish *wish)
{
	json_auto_t *is = tgt_map_document(t, target), *initiators = initiators_sorted(wish->initiators);
	size_t accounts = json_array_size(json_object_get(target, "accounts"));

	return json_equal(json_object_get(is, "initiators"), initiators) &&
	       json_equal(json_object_get(is, "luns"), wish->luns) &&
	       !strcmp(json_str(is, "target", ""), wish->target) && accounts == (wish->chap_user ? 1u : 0u) &&
	       (!wish->chap_user || !strcmp(json_str(is, "chap_user", ""), wish->chap_user));
}

/* A target with the wished IQN that is not ours: in the way, unless it is the empty shell that a
 * driver left which died before it could set the mark. */
static int check_iqn(const json_t *view, const json_t *ours, const struct map_wish *wish, json_t **shell,
		     struct error *err)
{
	json_t *target = find_iqn(view, wish->target);

	*shell = NULL;
	if (!target || target == ours)
		return 0;
	if (json_bool(target, "managed", false) || json_object_size(json_object_get(target, "luns")) ||
	    json_array_size(json_object_get(target, "acl")) || json_array_size(json_object_get(target, "accounts")))
		return error_set(err, ERROR_REFUSED, "target %s is there and is not that of this map", wish->target);
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
			return error_set(err, ERROR_INVALID, "LUN 0 of tgtd is its controller: begin with LUN 1");
		if (!json_bool(document, "exists", false))
			return error_set(err, ERROR_REFUSED, "there is no volume %s for LUN %s",
					 json_string_value(volume), lun);
	}
	return 0;
}

static int check_map(const struct tgt *t, const char *name, const json_t *now, const struct map_wish *wish,
		     struct error *err)
{
	char mark[256];

	if (now && !json_bool(now, "managed", false))
		return error_set(err, ERROR_REFUSED, "target %s was not made by Recast", name);
	if (now && wish->generation && json_int(now, "generation", 0) > wish->generation)
		return error_set(err, ERROR_CONFLICT, "map %s carries generation %lld, this change is of %lld", name,
				 (long long)json_int(now, "generation", 0), (long long)wish->generation);
	if (!wish->exists)
		return 0;
	if (!tgt_mark(mark, sizeof(mark), name, wish->generation))
		return error_set(err, ERROR_INVALID, "map %s: the name is too long for tgtd (29 to 53 characters)", name);
	return check_volumes(t, wish, err);
}

/* The grant after everything old is gone.  A failure leaves a target that nobody may log in to. */
static int map_grant(struct tgt *t, const char *name, const struct map_wish *wish, int64_t deadline_ms, struct error *err)
{
	json_auto_t *view = tgt_view_read(t, deadline_ms, err);
	int tid;

	if (!view)
		return -1;
	tid = next_tid(t, view);
	if (wish->chap_user) {
		_cleanup_(freep) char *owner = xasprintf("%.*s", (int)(strrchr(wish->chap_user, '.') ?
					strrchr(wish->chap_user, '.') - wish->chap_user : 0), wish->chap_user);

		if (*owner && sweep_accounts(t, view, owner, deadline_ms, err) < 0)
			return -1;
	}
	if (prepare(t, view, name, wish, tid, deadline_ms, err))
		return -1;
	return permit(t, wish, tid, deadline_ms, err);
}

/* Read back after a write: done, or unknown with what is there. */
static void verify(struct tgt *t, const char *name, const struct map_wish *wish, struct driver_change *c,
		   int64_t deadline_ms)
{
	struct error err = { 0 };
	json_auto_t *view = tgt_view_read(t, deadline_ms, &err);
	const json_t *target = view ? tgt_map_find(view, name) : NULL;

	if (view && (wish->exists ? target && as_wished(t, target, wish) : !target)) {
		change_done(c, true, tgt_map_document(t, target));
		return;
	}
	if (view)
		error_set(&err, ERROR_CONFLICT, "map %s was changed by somebody else meanwhile", name);
	change_failed(c, CHANGE_UNKNOWN, &err);
}

/* Carry out a map change that has to write.  From here on a failure is "unknown". */
static void rewrite(struct tgt *t, const json_t *view, const json_t *now, const json_t *shell, const char *name,
		    const struct map_wish *wish, struct driver_change *c, int64_t deadline_ms)
{
	struct error err = { 0 };
	int rc = shell ? map_revoke(t, view, shell, deadline_ms, &err) : 0;

	if (!rc && now)
		rc = map_revoke(t, view, now, deadline_ms, &err);

	if (rc > 0) {
		change_again(c, 200);
		return;
	}
	if (!rc && wish->exists)
		rc = map_grant(t, name, wish, deadline_ms, &err);
	if (rc)
		change_failed(c, CHANGE_UNKNOWN, &err);
	else
		verify(t, name, wish, c, deadline_ms);
}

/* Only the generation differs: the mark says so. */
static int restamp(struct tgt *t, const json_t *target, const char *name, const struct map_wish *wish,
		   struct driver_change *c, int64_t deadline_ms)
{
	struct error err = { 0 };
	char mark[256];

	tgt_mark(mark, sizeof(mark), name, wish->generation);
	if (order(t, TGT_LUN, TGT_UPDATE, tid_of(target), 0, mark, deadline_ms, &err))
		change_failed(c, CHANGE_UNKNOWN, &err);
	else
		verify(t, name, wish, c, deadline_ms);
	return 0;
}

int tgt_map_change(struct tgt *t, const char *name, struct driver_change *c, int64_t deadline_ms, struct error *err)
{
	json_auto_t *view = NULL;
	json_t *now, *shell = NULL;
	struct map_wish wish;
	int swept;

	if (map_wish_parse(&wish, c, err))
		return -1;
	view = tgt_view_read(t, deadline_ms, err);
	if (!view)
		return -1;
	now = tgt_map_find(view, name);
	if (check_map(t, name, now, &wish, err) || (wish.exists && check_iqn(view, now, &wish, &shell, err)))
		return -1;
	if (wish.exists ? now && as_wished(t, now, &wish) : !now) {
		if (wish.exists && json_int(now, "generation", 0) != wish.generation)
			return restamp(t, now, name, &wish, c, deadline_ms);
		swept = wish.exists ? 0 : sweep_accounts(t, view, name, deadline_ms, err);
		if (swept < 0)
			return -1;
		change_done(c, swept > 0, tgt_map_document(t, now));
		return 0;
	}
	rewrite(t, view, now, shell, name, &wish, c, deadline_ms);
	return 0;
}

int tgt_sessions_change(struct tgt *t, const char *name, struct driver_change *c, int64_t deadline_ms,
			struct error *err)
{
	json_auto_t *view = NULL;
	const json_t *target;
	bool dropped = false;
	int rc;

	if (!json_is_false(json_object_get(c->set, "exists")))
		return error_set(err, ERROR_INVALID, "sessions can only be dropped: {\"exists\": false}");
	view = tgt_view_read(t, deadline_ms, err);
	if (!view)
		return -1;
	target = tgt_map_find(view, name);
	if (target && !json_bool(target, "managed", false))
		return error_set(err, ERROR_REFUSED, "target %s was not made by Recast", name);
	rc = target ? drop_sessions(t, tid_of(target), false, &dropped, deadline_ms, err) : 0;
	if (rc > 0)
		change_again(c, 200);
	else if (rc < 0)
		change_failed(c, CHANGE_UNKNOWN, err);
	else
		change_done(c, dropped, json_pack("{s:b}", "exists", 0));
	return 0;
}
