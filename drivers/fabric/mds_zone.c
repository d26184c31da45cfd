/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zone changes.  All of one request are one session, one activation and one commit.  See mds.h.
 *
 *   read; give back a lock that a driver of ours left; look whether others have the lock or changes that wait
 *   → edits (the first of them takes the lock) → look once more → activate → commit → wait a little → read back
 */
#include "mds.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SETTLE_MS = 1500, LOOK_MS = 50, AGAIN_MS = 500, LOCK_AGAIN_MS = 2000 };

/* One request's zone changes. */
struct work {
	struct mds *m;
	struct mds_view view;
	struct driver_change **changes;
	struct mds_wish *wishes;
	bool *open; /* to be written */
	size_t n;
	bool typed; /* an edit was begun: in a basic VSAN it is there */
	bool begun; /* activation or commit was typed: it may be in force */
	int64_t deadline_ms;
};

static bool is_zone(const struct driver_change *c)
{
	struct error err = { 0 };
	enum fabric_kind kind;
	const char *name;

	return !fabric_object(c->object, &kind, &name, &err) && kind == FABRIC_ZONE;
}

static void fail_open(struct work *w, enum change_status status, const struct error *err)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->open[i])
			change_failed(w->changes[i], status, err);
}

static void wait_open(struct work *w, int64_t after_ms, const struct error *why)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->open[i])
			change_waits(w->changes[i], after_ms, why);
}

static bool any_open(const struct work *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->open[i])
			return true;
	return false;
}

static int type_vsan(struct work *w, const char *what, struct error *err)
{
	char line[160];

	snprintf(line, sizeof(line), "%s vsan %d", what, w->m->vsan);
	return mds_type(w->m->link, line, w->deadline_ms, err);
}

/* Give back our own lock, with all that was edited under it. */
static int take_back(struct work *w, struct error *err)
{
	if (mds_type(w->m->link, "end", w->deadline_ms, err) || mds_type(w->m->link, "configure terminal", w->deadline_ms, err) ||
	    type_vsan(w, "no zone commit", err))
		return -1;
	return mds_type(w->m->link, "end", w->deadline_ms, err);
}

static int busy_by(const struct mds_view *v, struct error *err)
{
	const struct mds_status *s = &v->status;

	return error_set(err, ERROR_BUSY, "its zones are locked by %s%s%s", s->user[0] ? s->user : "somebody", s->from[0] ? " from " : "",
			 s->from);
}

/* Whether others stand in the way.  1: they do, and *err says who. */
static int look_for_others(struct work *w, struct error *err)
{
	const char *name;

	if (w->view.status.locked && !w->view.ours) {
		busy_by(&w->view, err);
		return 1;
	}
	name = mds_open_change(&w->view);
	if (!name)
		return 0;
	error_set(err, ERROR_BUSY, "somebody has changed zone %s in zone set %s and not activated it", name, w->view.config);
	error_hint(err, "Activate or undo that change; Recast would bring it into force");
	return 1;
}

static int judge_config(const struct work *w, struct error *err)
{
	const struct mds *m = w->m;

	if (!w->view.status.deny) {
		error_set(err, ERROR_REFUSED, "the default zone of VSAN %d permits everything, so that zones mean nothing", m->vsan);
		return error_hint(err, "no zone default-zone permit vsan %d", m->vsan);
	}
	if (!*w->view.config || !mds_view_set(&w->view)) {
		error_set(err, ERROR_REFUSED, "VSAN %d has no zone set in force that is also defined", m->vsan);
		return error_hint(err, "Make a zone set with a zone of yours, and activate it: zoneset activate name NAME vsan %d", m->vsan);
	}
	if (m->zoneset && strcmp(m->zoneset, w->view.config) != 0)
		return error_set(err, ERROR_REFUSED, "zone set %s is in force, and not %s as its options say", w->view.config, m->zoneset);
	if (m->zoning == MDS_SMART && !w->view.status.smart)
		return error_set(err, ERROR_REFUSED, "VSAN %d has no smart zoning: zone smart-zoning enable vsan %d", m->vsan, m->vsan);
	return 0;
}

static int judge_wish(struct work *w, size_t i, struct error *err)
{
	struct mds_wish *wish = &w->wishes[i];
	bool smart = w->view.status.smart && w->m->zoning != MDS_PLAIN;
	int64_t highest;

	if (mds_wish_parse(wish, w->changes[i], smart, err))
		return -1;
	highest = mds_highest_generation(&w->view, wish);
	if (wish->exists && highest > wish->generation)
		return error_set(err, ERROR_CONFLICT, "%s has generation %lld there, which is higher than %lld", w->changes[i]->object,
				 (long long)highest, (long long)wish->generation);
	return 0;
}

static void finish(struct work *w, size_t i, bool changed)
{
	change_done(w->changes[i], changed, mds_zone_document(&w->view, w->changes[i]->object + strlen("zone:")));
	w->open[i] = false;
}

/* Sort out what is wrong by itself, and what is right already. */
static void judge_wishes(struct work *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		struct error err = { 0 };

		w->open[i] = true;
		if (judge_wish(w, i, &err) || (!mds_zone_is_right(&w->view, &w->wishes[i]) && judge_config(w, &err))) {
			change_failed(w->changes[i], CHANGE_NOT_APPLIED, &err);
			w->open[i] = false;
		} else if (mds_zone_is_right(&w->view, &w->wishes[i])) {
			finish(w, i, false);
		}
	}
}

/* Would nothing be left in the zone set?  NX-OS activates no empty one. */
static bool would_empty(const struct work *w)
{
	const json_t *set = mds_view_set(&w->view);
	size_t gone = 0, i, others = mds_foreign_zones(&w->view);
	char key[ZONE_KEY_SIZE];
	int64_t generation;
	const char *name;
	json_t *zone;

	for (i = 0; i < w->n; i++)
		if (w->open[i] && w->wishes[i].exists)
			return false;
	json_object_foreach((json_t *)(uintptr_t)set, name, zone) {
		if (!zone_name_parse(name, key, &generation))
			continue;
		for (i = 0; i < w->n; i++)
			gone += w->open[i] && !strcmp(w->wishes[i].key, key);
	}
	return !others && gone >= json_object_size(set);
}

static int type_lines(struct work *w, const struct text *lines, struct error *err)
{
	const char *at = lines->data ? lines->data : "";
	char line[256];

	while (*at) {
		size_t len = strcspn(at, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, at);
		if (mds_type(w->m->link, line, w->deadline_ms, err))
			return -1;
		w->typed = true;
		at += len + 1;
	}
	return 0;
}

static int type_edits(struct work *w, struct error *err)
{
	struct text lines = { 0 };
	bool inside = false;
	size_t i;
	int rc;

	for (i = 0; i < w->n; i++)
		if (w->open[i])
			mds_edit(&lines, &w->view, &w->wishes[i], w->m->vsan);
	for (i = 0; i < w->n; i++)
		if (w->open[i])
			inside = mds_edit_membership(&lines, &w->view, &w->wishes[i], w->m->vsan, inside);
	rc = type_lines(w, &lines, err);
	text_fini(&lines);
	return rc;
}

/* The lock is ours now, or there is none: what others have is what will be in force.  1: it is not what was read. */
static int look_again(struct work *w, struct error *err)
{
	struct mds_view now = { .config = "" };
	int rc = 0;

	if (mds_view_glance(w->m, &now, w->deadline_ms, err))
		return -1;
	if (strcmp(now.config, w->view.config) != 0 || mds_open_change(&now) ||
	    (w->view.status.enhanced && !json_equal(now.sets, w->view.sets))) {
		error_set(err, ERROR_BUSY, "somebody changed the zones while ours were written");
		rc = 1;
	}
	mds_view_fini(&now);
	return rc;
}

static int activate(struct work *w, struct error *err)
{
	char what[128];

	snprintf(what, sizeof(what), "zoneset activate name %s", w->view.config);
	w->begun = !w->view.status.enhanced;
	if (type_vsan(w, what, err))
		return -1;
	if (!w->view.status.enhanced)
		return 0;
	w->begun = true;
	return type_vsan(w, "zone commit", err);
}

/* A failure that was told before, of the session's predecessor, is none of ours. */
static bool has_ended(const struct work *w, const struct mds_status *now)
{
	if (now->in_progress)
		return false;
	return !now->locked || (now->has_failed && strcmp(now->words, w->view.status.words) != 0);
}

/* 0: it has come to its end; 1: not yet. */
static int await_end(struct work *w, struct mds_status *status, struct error *err)
{
	int64_t until = clock_mono_ms() + SETTLE_MS;

	if (until > w->deadline_ms - LOOK_MS)
		until = w->deadline_ms - LOOK_MS;
	for (;;) {
		struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

		if (mds_status_read(w->m, status, w->deadline_ms, err))
			return -1;
		if (has_ended(w, status))
			return 0;
		if (clock_mono_ms() > until)
			return 1;
		nanosleep(&pause, NULL);
	}
}

static int failed_words(const struct mds_status *s, struct error *err)
{
	return error_set(err, ERROR_REFUSED, "the switch did not bring the zones into force: %s", s->words);
}

static int read_back(struct work *w, struct error *err)
{
	size_t i;

	mds_view_fini(&w->view);
	if (mds_view_read(w->m, &w->view, w->deadline_ms, err))
		return -1;
	for (i = 0; i < w->n; i++) {
		if (!w->open[i])
			continue;
		if (mds_zone_is_right(&w->view, &w->wishes[i]))
			finish(w, i, true);
	}
	if (any_open(w))
		return error_set(err, ERROR_PROTOCOL, "the switch took the change of its zones, and they are not as they were wished");
	w->m->unsaved = true;
	return 0;
}

/* What a failure leaves.  Edits of an enhanced VSAN are gone with its session; those of a basic one are there. */
static void clean_up(struct work *w, const struct error *why)
{
	struct error other = { 0 };
	bool back = w->view.status.enhanced && !take_back(w, &other);

	if (!w->view.status.enhanced)
		mds_type(w->m->link, "end", w->deadline_ms, &other);
	if (why->code == ERROR_BUSY && (back || !w->typed))
		wait_open(w, LOCK_AGAIN_MS, why);
	else
		fail_open(w, (w->begun && !back) || (w->typed && !w->view.status.enhanced) ? CHANGE_UNKNOWN : CHANGE_NOT_APPLIED, why);
}

static int write_all(struct work *w, struct error *err)
{
	if (mds_type(w->m->link, "configure terminal", w->deadline_ms, err) || type_edits(w, err) || look_again(w, err) ||
	    activate(w, err))
		return -1;
	return mds_type(w->m->link, "end", w->deadline_ms, err);
}

/* What is refused for what somebody else did meanwhile is not refused for good. */
static void find_reason(struct work *w, struct error *err)
{
	struct error other = { 0 };

	if (err->code == ERROR_REFUSED && look_again(w, &other) > 0)
		*err = other;
}

static void write_zones(struct work *w)
{
	struct mds_status status = { 0 };
	struct error err = { 0 };
	int rc;

	if (write_all(w, &err)) {
		find_reason(w, &err);
		return clean_up(w, &err);
	}
	w->m->committing = true;
	rc = await_end(w, &status, &err);
	if (rc > 0) {
		error_set(&err, ERROR_BUSY, "the switch is still bringing the zones into force");
		return wait_open(w, AGAIN_MS, &err);
	}
	w->m->committing = rc < 0;
	if (!rc && status.has_failed) {
		failed_words(&status, &err);
		return clean_up(w, &err);
	}
	if (rc < 0 || read_back(w, &err))
		fail_open(w, CHANGE_UNKNOWN, &err);
}

/* A commit that an earlier request began.  1: all is answered. */
static int finish_earlier(struct work *w)
{
	const struct mds_status *s = &w->view.status;
	bool had_begun = w->m->committing;
	struct error err = { 0 };

	if (s->in_progress && (!s->locked || w->view.ours)) {
		error_set(&err, ERROR_BUSY, "the switch is still bringing zones into force");
		wait_open(w, AGAIN_MS, &err);
		return 1;
	}
	w->m->committing = false;
	if (s->locked && w->view.ours && take_back(w, &err)) {
		fail_open(w, CHANGE_NOT_APPLIED, &err);
		return 1;
	}
	if (!had_begun || !s->has_failed)
		return 0;
	failed_words(s, &err);
	fail_open(w, CHANGE_NOT_APPLIED, &err);
	return 1;
}

/* Nothing is to be written; a lock that we left is of no use to anybody. */
static void give_back(struct work *w)
{
	struct error err = { 0 };

	if (w->view.status.locked && w->view.ours && !w->view.status.in_progress && take_back(w, &err))
		log_warn("zones", "%s: the lock of a session of ours stays: %s", w->m->name, err.text);
}

static void apply_work(struct work *w)
{
	struct error err = { 0 };

	if (mds_view_read(w->m, &w->view, w->deadline_ms, &err))
		return fail_open(w, CHANGE_NOT_APPLIED, &err);
	judge_wishes(w);
	if (w->m->committing && !any_open(w) && !w->view.status.in_progress) {
		w->m->committing = false;
		w->m->unsaved = true;
	}
	if (!any_open(w))
		return give_back(w);
	if (finish_earlier(w))
		return;
	if (look_for_others(w, &err))
		return wait_open(w, LOCK_AGAIN_MS, &err);
	if (would_empty(w)) {
		error_set(&err, ERROR_REFUSED, "nothing would be left in zone set %s, and a switch activates no empty one", w->view.config);
		error_hint(&err, "Put a zone of yours into it");
		return fail_open(w, CHANGE_NOT_APPLIED, &err);
	}
	write_zones(w);
}

void mds_zones_apply(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms)
{
	struct work w = { .m = m, .deadline_ms = deadline_ms, .changes = xcalloc(n + 1, sizeof(*w.changes)),
			  .wishes = xcalloc(n + 1, sizeof(*w.wishes)), .open = xcalloc(n + 1, sizeof(*w.open)) };
	size_t i;

	for (i = 0; i < n; i++)
		if (is_zone(&changes[i])) {
			w.open[w.n] = true;
			w.changes[w.n++] = &changes[i];
		}
	if (w.n)
		apply_work(&w);
	mds_view_fini(&w.view);
	for (i = 0; i < w.n; i++)
		mds_wish_fini(&w.wishes[i]);
	free(w.changes);
	free(w.wishes);
	free(w.open);
}
