/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The journal: runs, steps, locks and events.
 */
#include "private.h"

#include <string.h>

static int64_t single(struct store *s, enum statement id)
{
	sqlite3_stmt *stmt = store_bind(s, id, "");
	int64_t n = store_row(s, stmt) ? sqlite3_column_int64(stmt, 0) : 0;

	sqlite3_reset(stmt);
	return n;
}

int64_t store_run_last(struct store *s)
{
	return single(s, STMT_RUN_LAST);
}

void store_run_add(struct store *s, int64_t id, const char *action, const char *persona,
		   const char *machine, const json_t *doc, const char *request)
{
	store_write(s, STMT_RUN_ADD, "itttjti", id, action, persona, machine, doc, request, s->now_ms);
}

void store_run_state(struct store *s, int64_t id, const char *state, const char *reason, bool ended)
{
	store_write(s, STMT_RUN_STATE, ended ? "itti" : "itt0", id, state, reason, s->now_ms);
}

static json_t *run_from_row(sqlite3_stmt *stmt)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o}", "id",
			 (json_int_t)sqlite3_column_int64(stmt, 0), "action", column_text(stmt, 1), "persona",
			 column_text(stmt, 2), "machine", column_text(stmt, 3), "doc", column_doc(stmt, 4),
			 "state", column_text(stmt, 5), "reason", column_doc(stmt, 6), "created",
			 column_int(stmt, 7), "ended", column_int(stmt, 8));
}

static json_t *one_run(struct store *s, sqlite3_stmt *stmt)
{
	json_t *run = store_row(s, stmt) ? run_from_row(stmt) : NULL;

	sqlite3_reset(stmt);
	return run;
}

static json_t *all_runs(struct store *s, sqlite3_stmt *stmt)
{
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, run_from_row(stmt));
	return out;
}

json_t *store_run_get(struct store *s, int64_t id)
{
	return one_run(s, store_bind(s, STMT_RUN_GET, "i", id));
}

json_t *store_run_by_request(struct store *s, const char *request)
{
	return one_run(s, store_bind(s, STMT_RUN_BY_REQUEST, "t", request));
}

json_t *store_run_open(struct store *s)
{
	return all_runs(s, store_bind(s, STMT_RUN_OPEN, ""));
}

json_t *store_run_recent(struct store *s, int64_t before, int limit)
{
	return all_runs(s, store_bind(s, STMT_RUN_RECENT, "ii", before, (int64_t)limit));
}

void store_step_add(struct store *s, int64_t run, int n, const json_t *doc)
{
	store_write(s, STMT_STEP_ADD, "iij", run, (int64_t)n, doc);
}

void store_step_state(struct store *s, int64_t run, int n, const char *state, const char *reason, bool ended)
{
	store_write(s, STMT_STEP_STATE, ended ? "iittii" : "iitti0", run, (int64_t)n, state, reason, s->now_ms,
		    s->now_ms);
}

json_t *store_step_all(struct store *s, int64_t run)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_STEP_ALL, "i", run);
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, json_pack("{s:I, s:o, s:s, s:o, s:o, s:o}", "n",
						     (json_int_t)sqlite3_column_int64(stmt, 0), "doc",
						     column_doc(stmt, 1), "state", column_text(stmt, 2),
						     "reason", column_doc(stmt, 3), "started",
						     column_int(stmt, 4), "ended", column_int(stmt, 5)));
	return out;
}

json_t *store_run_counts(struct store *s)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_RUN_COUNTS, "");
	json_t *out = json_object();

	while (store_row(s, stmt))
		json_object_set_new(out, column_text(stmt, 0), column_int(stmt, 1));
	return out;
}

void store_lock_add(struct store *s, const char *target, int64_t run, int64_t epoch)
{
	store_write(s, STMT_LOCK_ADD, "tii", target, run, epoch);
}

void store_lock_release(struct store *s, int64_t run)
{
	store_write(s, STMT_LOCK_DELETE, "i", run);
}

json_t *store_lock_of(struct store *s, int64_t run)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_LOCK_OF, "i", run);
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, column_json(stmt, 0));
	return out;
}

int64_t store_event_add(struct store *s, const char *type, int64_t run, const json_t *doc)
{
	s->last_event++;
	store_write(s, STMT_EVENT_ADD, run ? "iitij" : "iit0j", s->last_event, s->now_ms, type, run, doc);
	return s->last_event;
}

int64_t store_event_last(const struct store *s)
{
	return s->committed_event;
}

json_t *store_event_after(struct store *s, int64_t seq, int limit)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_EVENT_AFTER, "ii", seq, (int64_t)limit);
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, json_pack("{s:I, s:I, s:s, s:o, s:o}", "seq",
						     (json_int_t)sqlite3_column_int64(stmt, 0), "time",
						     (json_int_t)sqlite3_column_int64(stmt, 1), "type",
						     column_text(stmt, 2), "run", column_int(stmt, 3), "doc",
						     column_doc(stmt, 4)));
	return out;
}

void store_trim(struct store *s, int64_t keep_events, int64_t keep_runs)
{
	int64_t event = s->last_event - keep_events, run = store_run_last(s) - keep_runs;

	/* In bites of at least a tenth, so that trimming costs next to nothing per event. */
	if (event > s->oldest_event + keep_events / 10) {
		store_write(s, STMT_EVENT_TRIM, "i", event);
		s->oldest_event = event;
	}
	if (run > s->oldest_run + keep_runs / 10) {
		store_write(s, STMT_RUN_TRIM, "i", run);
		s->oldest_run = run;
	}
}
