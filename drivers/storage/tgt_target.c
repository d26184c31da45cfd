/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One target: how it is made and how it is unmade.  The order of the steps is the safety of it; see
 * tgt.h.  Called by tgt_map.c, which decides whether.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SESSION_WAIT_MS = 1000, SESSION_LOOK_MS = 10, TID_MAX = 0x7fff, SERIAL_SIZE = 33 };

int tgt_order(const struct tgt *t, enum tgt_mode mode, enum tgt_op op, int tid, int lun,
	      const char *params, int64_t deadline_ms, struct error *err)
{
	struct tgt_request q = { .mode = mode, .op = op, .tid = tid, .lun = lun, .params = params };
	_cleanup_(freep) char *text = tgt_call(t, &q, deadline_ms, NULL, err);

	return text ? 0 : -1;
}

__attribute__((format(printf, 8, 9))) static int orderf(const struct tgt *t, enum tgt_mode mode,
							enum tgt_op op, int tid, int lun,
							int64_t deadline_ms, struct error *err,
							const char *fmt, ...)
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
		rc = tgt_order(t, mode, op, tid, lun, params, deadline_ms, err);
	secret_wipe(params, sizeof(params)); /* it may hold a CHAP secret */
	return rc;
}

int tgt_tid(const json_t *target)
{
	return (int)json_int(target, "tid", 0);
}

/* --- revoking --- */

static int unbind_acl(const struct tgt *t, const json_t *target, int64_t deadline_ms,
		      struct error *err)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(target, "acl"), i, one) {
		const char *who = json_string_value(one);
		bool name = !strncmp(who, "iqn.", 4) || !strncmp(who, "eui.", 4) ||
			    !strncmp(who, "naa.", 4);

		if (orderf(t, TGT_TARGET, TGT_UNBIND, tgt_tid(target), -1, deadline_ms, err,
			   "initiator-%s=%s", name ? "name" : "address", who))
			return -1;
	}
	return 0;
}

static int delete_sessions(const struct tgt *t, int tid, const json_t *rows, int64_t deadline_ms,
			   struct error *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		struct tgt_request q = { .mode = TGT_CONNECTION,
					 .op = TGT_DELETE,
					 .tid = tid,
					 .lun = -1,
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

int tgt_sessions_drop(const struct tgt *t, int tid, bool all, bool *dropped, int64_t deadline_ms,
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
			if (tgt_tid(target) != but_tid && !strcmp(json_string_value(one), user))
				return true;
	return false;
}

/* Delete the accounts that the removed target had, as far as they are ours and serve no other. */
static int delete_accounts(const struct tgt *t, const json_t *view, const json_t *target,
			   int64_t deadline_ms, struct error *err)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(target, "accounts"), i, one) {
		const char *user = json_string_value(one);

		if (generation_of_user(user) && !bound_anywhere(view, user, tgt_tid(target)) &&
		    orderf(t, TGT_ACCOUNT, TGT_DELETE, 0, -1, deadline_ms, err, "user=%s", user))
			return -1;
	}
	return 0;
}

int tgt_accounts_sweep(const struct tgt *t, const json_t *view, const char *owner,
		       int64_t deadline_ms, struct error *err)
{
	json_auto_t *accounts = tgt_accounts_read(t, deadline_ms, err);
	size_t len = strlen(owner), i;
	const json_t *one;
	int swept = 0;

	if (!accounts)
		return -1;
	json_array_foreach(accounts, i, one) {
		const char *user = json_string_value(one);

		if (strncmp(user, owner, len) || strncmp(user + len, ".g", 2) ||
		    !generation_of_user(user) || bound_anywhere(view, user, 0))
			continue;
		if (orderf(t, TGT_ACCOUNT, TGT_DELETE, 0, -1, deadline_ms, err, "user=%s", user))
			return -1;
		swept++;
	}
	return swept;
}

int tgt_target_remove(const struct tgt *t, const json_t *view, const json_t *target,
		      int64_t deadline_ms, struct error *err)
{
	struct tgt_request q = {
		.mode = TGT_TARGET, .op = TGT_DELETE, .tid = tgt_tid(target), .lun = -1
	};
	_cleanup_(freep) char *text = NULL;
	bool dropped = false;
	int rc, code = 0;

	if (unbind_acl(t, target, deadline_ms, err))
		return -1;
	rc = tgt_sessions_drop(t, q.tid, true, &dropped, deadline_ms, err);
	if (rc)
		return rc;
	text = tgt_call(t, &q, deadline_ms, &code, err);
	if (!text && code == TGT_ERR_TARGET_ACTIVE)
		return 1; /* a login that was under way came through */
	if (!text)
		return -1;
	/* An adopted target was let in by accounts of somebody else: those stay. */
	if (json_bool(target, "adopted", false))
		return 0;
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
		if (tgt_tid(target) > 0 && tgt_tid(target) <= TID_MAX)
			used[tgt_tid(target)] = true;
		if (tgt_tid(target) <= TID_MAX && tgt_tid(target) > t->last_tid)
			t->last_tid = tgt_tid(target);
	}
	for (n = 0, tid = t->last_tid % TID_MAX + 1; n < TID_MAX && used[tid]; n++)
		tid = tid % TID_MAX + 1;
	t->last_tid = tid;
	return tid;
}

/* The same volume has the same serial number wherever it is mapped: hosts know disks by it. */
static void serial_of(const char *volume, char out[SERIAL_SIZE])
{
	unsigned char hash[SERIAL_SIZE / 2];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)volume, strlen(volume), NULL,
			   0);
	sodium_bin2hex(out, SERIAL_SIZE, hash, sizeof(hash));
}

/* @there: only its serial number is to be set. */
static int make_lun(const struct tgt *t, int tid, const char *lun, const char *volume, bool there,
		    int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *path = tgt_volume_path(t, volume);
	char serial[SERIAL_SIZE];
	int number = atoi(lun);

	serial_of(volume, serial);
	if (!there && orderf(t, TGT_LUN, TGT_NEW, tid, number, deadline_ms, err, "path=%s", path))
		return error_wrap(err, "LUN %s", lun);
	return orderf(t, TGT_LUN, TGT_UPDATE, tid, number, deadline_ms, err,
		      "targetOps scsi_id=%s,scsi_sn=%s", serial, serial);
}

static bool serial_right(const struct tgt *t, const json_t *target, const char *lun)
{
	const json_t *path = json_object_get(json_object_get(target, "luns"), lun);
	_cleanup_(freep) char *volume = tgt_volume_of_path(t, json_string_value(path));
	char serial[SERIAL_SIZE];

	serial_of(volume, serial);
	return !strcmp(json_str(json_object_get(target, "serials"), lun, ""), serial);
}

bool tgt_serials_right(const struct tgt *t, const json_t *target)
{
	const json_t *path;
	const char *lun;

	/* Hosts know the disks of an adopted target by what they were called before. */
	if (json_bool(target, "adopted", false))
		return true;
	json_object_foreach(json_object_get(target, "luns"), lun, path)
		if (!serial_right(t, target, lun))
			return false;
	return true;
}

int tgt_luns_add(const struct tgt *t, const json_t *target, const struct map_wish *wish,
		 int64_t deadline_ms, struct error *err)
{
	bool adopted = json_bool(target, "adopted", false);
	const json_t *volume;
	const char *lun;

	json_object_foreach((json_t *)(uintptr_t)wish->luns, lun, volume) {
		bool there = json_object_get(json_object_get(target, "luns"), lun);

		if (there && (adopted || serial_right(t, target, lun)))
			continue;
		if (make_lun(t, tgt_tid(target), lun, json_string_value(volume), there, deadline_ms,
			     err))
			return -1;
	}
	return 0;
}

static int make_account(const struct tgt *t, const json_t *view, const struct map_wish *wish,
			int tid, int64_t deadline_ms, struct error *err)
{
	if (!wish->chap_user)
		return 0;
	/* One that another map of the same owner uses has the same secret: equal names mean that.
	 */
	if (!bound_anywhere(view, wish->chap_user, 0) &&
	    orderf(t, TGT_ACCOUNT, TGT_NEW, 0, -1, deadline_ms, err, "user=%s,password=%s",
		   wish->chap_user, wish->chap_secret))
		return error_wrap(err, "account %s", wish->chap_user);
	return orderf(t, TGT_ACCOUNT, TGT_BIND, tid, -1, deadline_ms, err, "user=%s",
		      wish->chap_user);
}

/* Everything but the ACL: nobody can log in yet. */
static int prepare(const struct tgt *t, const json_t *view, const char *name,
		   const struct map_wish *wish, int tid, int64_t deadline_ms, struct error *err)
{
	const json_t *volume;
	char mark[256];
	const char *lun;

	if (!tgt_mark(mark, sizeof(mark), name, wish->generation, false))
		return error_set(err, ERROR_INVALID, "the map's name is too long for tgtd");
	if (orderf(t, TGT_TARGET, TGT_NEW, tid, -1, deadline_ms, err, "targetname=%s",
		   wish->target) ||
	    tgt_order(t, TGT_LUN, TGT_UPDATE, tid, 0, mark, deadline_ms, err))
		return -1;
	json_object_foreach((json_t *)(uintptr_t)wish->luns, lun, volume)
		if (make_lun(t, tid, lun, json_string_value(volume), false, deadline_ms, err))
			return -1;
	return make_account(t, view, wish, tid, deadline_ms, err);
}

static int permit(const struct tgt *t, const struct map_wish *wish, int tid, int64_t deadline_ms,
		  struct error *err)
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

int tgt_target_make(struct tgt *t, const char *name, const struct map_wish *wish,
		    int64_t deadline_ms, struct error *err)
{
	json_auto_t *view = tgt_view_read(t, deadline_ms, err);
	int tid;

	if (!view)
		return -1;
	tid = next_tid(t, view);
	if (wish->chap_user) {
		_cleanup_(freep) char *owner =
			xasprintf("%.*s",
				  (int)(strrchr(wish->chap_user, '.')
						? strrchr(wish->chap_user, '.') - wish->chap_user
						: 0),
				  wish->chap_user);

		if (*owner && tgt_accounts_sweep(t, view, owner, deadline_ms, err) < 0)
			return -1;
	}
	if (prepare(t, view, name, wish, tid, deadline_ms, err))
		return -1;
	return permit(t, wish, tid, deadline_ms, err);
}
