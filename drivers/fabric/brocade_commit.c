/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One transaction: changes, one activation, or all of it taken back.  See brocade.h.
 *
 * Changes belong to the session and are not in force until the activation, which names the checksum of what was read: when
 * somebody else has committed meanwhile the switch refuses it.  After the first write every way out but the activation ends
 * in fos_abort(); a session of somebody else is never aborted.
 */
#include "brocade.h"

#include "clock.h"
#include "log.h"

#include <string.h>

enum { ABORT_MS = 1500, RETRIES = 2 };

/* A transaction under way. */
struct transaction {
	struct fos_lane *lane;
	int64_t serial;	  /* of the session that it belongs to */
	int64_t deadline; /* of its writes: some time is left for the way back */
	bool open;	  /* the switch has taken a change */
};

static int write_part(struct transaction *t, const char *method, const char *part, json_t *objects, struct error *err)
{
	json_auto_t *body = json_pack("{s:{s:O}}", "defined-configuration", part, objects);
	struct fos_ask ask = { .method = method, .what = "zoning/defined-configuration", .body = body, .serial = t->serial };

	if (!json_array_size(objects))
		return 0;
	if (fos_call(t->lane, &ask, NULL, t->deadline, err))
		return -1;
	t->open = true;
	return 0;
}

static int write_members(struct transaction *t, const char *method, const char *cfg, json_t *names, struct error *err)
{
	json_auto_t *list = json_pack("[{s:s, s:{s:O}}]", "cfg-name", cfg, "member-zone", "zone-name", names);

	return json_array_size(names) ? write_part(t, method, "cfg", list, err) : 0;
}

static int delete_zones(struct transaction *t, json_t *names, struct error *err)
{
	json_auto_t *list = json_array();
	json_t *one;
	size_t i;

	json_array_foreach(names, i, one)
		json_array_append_new(list, json_pack("{s:O}", "zone-name", one));
	return write_part(t, "DELETE", "zone", list, err);
}

/* What comes is added before what goes, so that neither zone nor configuration is empty in between. */
static int write_all(struct transaction *t, const struct fos_plan *plan, const char *cfg, struct error *err)
{
	return write_part(t, "POST", "zone", plan->post, err) || write_members(t, "POST", cfg, plan->enlist, err) ||
	       write_part(t, "DELETE", "zone", plan->cut, err) || write_members(t, "DELETE", cfg, plan->unlist, err) ||
	       delete_zones(t, plan->drop, err) || write_part(t, "POST", "zone", plan->repost, err) ||
	       write_members(t, "POST", cfg, plan->relist, err)
		       ? -1
		       : 0;
}

static int activate(struct transaction *t, const char *cfg, const char *checksum, struct error *err)
{
	json_auto_t *body = json_pack("{s:{s:s, s:s}}", "effective-configuration", "cfg-name", cfg, "checksum", checksum);
	struct fos_ask ask = { .method = "PATCH", .what = "zoning/effective-configuration", .body = body, .once = true,
			       .serial = t->serial };

	return fos_call(t->lane, &ask, NULL, t->deadline, err);
}

/* In another session only a lock that is known to be ours shows whose the open transaction is. */
static bool may_abort(struct fos_lane *lane, int64_t serial, bool open, int64_t deadline, struct error *err)
{
	struct fos_lock lock;

	if (open && fos_serial(lane->fos) == serial)
		return true;
	if (fos_read_lock(lane, &lock, deadline, err))
		return false;
	if (!lock.known)
		return fos_serial(lane->fos) == serial;
	return fos_lock_is_ours(lane, &lock);
}

static int send_abort(struct fos_lane *lane, int64_t deadline, struct error *err)
{
	json_auto_t *body = json_pack("{s:{s:i}}", "effective-configuration", "cfg-action", 4);
	struct fos_ask ask = { .method = "PATCH", .what = "zoning/effective-configuration", .body = body };

	return fos_call(lane, &ask, NULL, deadline, err);
}

/* 0: nothing of ours is open any more. */
static int take_back(struct fos_lane *lane, int64_t serial, bool open, int64_t deadline, struct error *err)
{
	struct error why = { 0 };
	int i;

	for (i = 0; i < RETRIES; i++) {
		error_clear(&why);
		if (!may_abort(lane, serial, open, deadline, &why)) {
			if (!why.code)
				return 0;
		} else if (!send_abort(lane, deadline, &why) || why.code == ERROR_REFUSED) {
			return 0; /* refused: there is none to abort */
		}
	}
	log_warn("zones", "%s: changes may stay open, the next apply takes them back: %s", lane->fos->name, why.text);
	if (err)
		*err = why;
	return -1;
}

int fos_abort(struct fos_lane *lane, int64_t serial, int64_t deadline, struct error *err)
{
	return take_back(lane, serial, false, deadline, err);
}

/* Who has the lock now, if it is somebody else; this is why we were refused then. */
static bool is_locked(struct fos_lane *lane, int64_t deadline, struct error *err)
{
	struct fos_lock lock;

	if (fos_read_lock(lane, &lock, deadline, NULL) || !lock.held || fos_lock_is_ours(lane, &lock))
		return false;
	error_set(err, ERROR_BUSY, "it is locked by %s from %s, %lld s left", lock.user, lock.from, (long long)lock.seconds);
	return true;
}

/* Has somebody else committed since the view was read? */
static bool has_moved(struct fos_lane *lane, const struct fos_view *view, int64_t deadline, struct error *err)
{
	struct fos_view now;
	bool moved;

	if (fos_read(lane, &now, FOS_READ_ZONES, deadline, NULL))
		return false;
	moved = strcmp(now.checksum, view->checksum) != 0;
	fos_view_fini(&now);
	if (moved)
		error_set(err, ERROR_BUSY, "somebody else has changed its zones at the same time");
	return moved;
}

static enum fos_outcome failed(struct transaction *t, const struct fos_view *view, bool committing, int64_t deadline,
			       struct error *err)
{
	bool certain = err->code == ERROR_REFUSED || err->code == ERROR_BUSY;
	int64_t until = clock_mono_ms() + ABORT_MS;

	until = until < deadline ? until : deadline;
	if (take_back(t->lane, t->serial, t->open, until, NULL) || (committing && !certain))
		return FOS_UNKNOWN;
	if (err->code == ERROR_BUSY || is_locked(t->lane, until, err) || has_moved(t->lane, view, until, err))
		return FOS_WAIT;
	return FOS_NOT_DONE;
}

enum fos_outcome fos_commit(struct fos_lane *lane, const struct fos_plan *plan, const struct fos_view *view, const char *cfg,
			    int64_t deadline, struct error *err)
{
	int64_t left = deadline - clock_mono_ms();
	struct transaction t = { .lane = lane, .deadline = deadline - (left / 3 < ABORT_MS ? left / 3 : ABORT_MS) };

	t.serial = fos_login(lane, t.deadline, err);
	if (t.serial < 0)
		return err->code == ERROR_BUSY ? FOS_WAIT : FOS_NOT_DONE;
	if (write_all(&t, plan, cfg, err))
		return failed(&t, view, false, deadline, err);
	if (activate(&t, cfg, view->checksum, err))
		return failed(&t, view, true, deadline, err);
	return FOS_COMMITTED;
}
