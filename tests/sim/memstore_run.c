/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store in memory: runs, steps, locks and events.  Sibling of orchestrator/store/store_run.c.
 */
#include "memrow.h"

#include "arena.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* run: text action, persona, machine, state, reason, request; numbers id, created, ended. */
enum { RUN_ACTION, RUN_PERSONA, RUN_MACHINE, RUN_STATE, RUN_REASON, RUN_REQUEST };
enum { RUN_ID, RUN_CREATED, RUN_ENDED };
/* step: text state, reason; numbers run, n, started, ended. */
enum { STEP_STATE, STEP_REASON };
enum { STEP_RUN, STEP_N, STEP_STARTED, STEP_ENDED };

int64_t store_run_last(struct store *s)
{
	return s->run_seq;
}

static const struct row *run_row(struct store *s, int64_t id)
{
	char key[24];

	snprintf(key, sizeof(key), "%lld", (long long)id);
	return row_get(s, MEM_RUN, key);
}

static bool has_request(const struct row *row, const void *request)
{
	return row->text[RUN_REQUEST] && !strcmp(row->text[RUN_REQUEST], request);
}

static const struct row *first_of(const struct row **rows)
{
	const struct row *row = rows[0];

	free(rows);
	return row;
}

void store_run_add(struct store *s, int64_t id, const char *action, const char *persona,
		   const char *machine, const json_t *doc, const char *request)
{
	const char *texts[ROW_TEXTS] = { action, persona, machine, "running", NULL, request };
	int64_t numbers[ROW_NUMBERS] = { id, s->now_ms, NO_NUMBER };
	char key[24];

	snprintf(key, sizeof(key), "%lld", (long long)id);
	if (row_get(s, MEM_RUN, key))
		write_failed(s, "UNIQUE", "run.id");
	if (request && first_of(rows_all(s, MEM_RUN, has_request, request, NULL)))
		write_failed(s, "UNIQUE", "run.request");
	if (!action || !persona || !machine)
		write_failed(s, "NOT NULL", "run.machine");
	row_put(s, row_create(MEM_RUN, key, texts, numbers, doc_pass(s, doc)));
	if (!s->failure.code && id > s->run_seq)
		s->run_seq = id;
}

void store_run_state(struct store *s, int64_t id, const char *state, const char *reason, bool ended)
{
	static const char *const states[] = { "running",     "undoing",	    "masking", "done",
					      "rolled_back", "quarantined", NULL };
	const struct row *row = run_row(s, id);
	const char *texts[ROW_TEXTS];
	int64_t numbers[ROW_NUMBERS];

	s->written = true;
	if (!row || !check_word(s, "state", state, states))
		return; /* an update of no row is none */
	memcpy(texts, row->text, sizeof(texts));
	memcpy(numbers, row->n, sizeof(numbers));
	texts[RUN_STATE] = state;
	texts[RUN_REASON] = reason;
	numbers[RUN_ENDED] = ended ? s->now_ms : NO_NUMBER;
	row_put(s, row_create(MEM_RUN, row->key + 1, texts, numbers, json_incref(row->doc)));
}

static json_t *run_json(struct store *s, const struct row *row)
{
	if (!row)
		return NULL;
	return json_pack("{s:I, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o}", "id",
			 (json_int_t)row->n[RUN_ID], "action", row->text[RUN_ACTION], "persona",
			 row->text[RUN_PERSONA], "machine", row->text[RUN_MACHINE], "doc",
			 doc_pass(s, row->doc), "state", row->text[RUN_STATE], "reason",
			 text_json(row->text[RUN_REASON]), "created",
			 number_json(row->n[RUN_CREATED]), "ended", number_json(row->n[RUN_ENDED]));
}

json_t *store_run_get(struct store *s, int64_t id)
{
	return run_json(s, run_row(s, id));
}

json_t *store_run_by_request(struct store *s, const char *request)
{
	return request ? run_json(s, first_of(rows_all(s, MEM_RUN, has_request, request, NULL)))
		       : NULL;
}

static int by_first_number(const void *a, const void *b)
{
	int64_t x = (*(const struct row *const *)a)->n[0],
		y = (*(const struct row *const *)b)->n[0];

	return (x > y) - (x < y);
}

static bool is_open(const struct row *row, const void *arg)
{
	(void)arg;
	return row->n[RUN_ENDED] == NO_NUMBER;
}

json_t *store_run_open(struct store *s)
{
	const struct row **rows = rows_all(s, MEM_RUN, is_open, NULL, by_first_number);
	json_t *out = json_array();
	size_t i;

	for (i = 0; rows[i]; i++)
		json_array_append_new(out, run_json(s, rows[i]));
	free(rows);
	return out;
}

static bool is_before(const struct row *row, const void *before)
{
	return row->n[RUN_ID] < *(const int64_t *)before;
}

json_t *store_run_recent(struct store *s, int64_t before, int limit)
{
	const struct row **rows = rows_all(s, MEM_RUN, is_before, &before, by_first_number);
	json_t *out = json_array();
	size_t n = 0;

	while (rows[n])
		n++;
	while (n && (limit < 0 || json_array_size(out) < (size_t)limit))
		json_array_append_new(out, run_json(s, rows[--n]));
	free(rows);
	return out;
}

static bool any(const struct row *row, const void *arg)
{
	(void)row;
	(void)arg;
	return true;
}

json_t *store_run_counts(struct store *s)
{
	const struct row **rows = rows_all(s, MEM_RUN, any, NULL, by_first_number);
	json_t *out = json_object(), *run;
	const char *state;
	size_t i;

	for (i = 0; rows[i]; i++) {
		run = run_json(s, rows[i]);
		state = json_str(run, "state", "");
		json_object_set_new(out, state, json_integer(json_int(out, state, 0) + 1));
		json_decref(run);
	}
	free(rows);
	return out;
}

static void step_key(char out[48], int64_t run, int n)
{
	snprintf(out, 48, "%lld/%d", (long long)run, n);
}

void store_step_add(struct store *s, int64_t run, int n, const json_t *doc)
{
	const char *texts[ROW_TEXTS] = { "pending" };
	int64_t numbers[ROW_NUMBERS] = { run, n, NO_NUMBER, NO_NUMBER };
	char key[48];

	step_key(key, run, n);
	if (row_get(s, MEM_STEP, key))
		write_failed(s, "UNIQUE", "step.run, step.n");
	if (!run_row(s, run))
		write_failed(s, "FOREIGN KEY", "step.run");
	row_put(s, row_create(MEM_STEP, key, texts, numbers, doc_pass(s, doc)));
}

void store_step_state(struct store *s, int64_t run, int n, const char *state, const char *reason,
		      bool ended)
{
	static const char *const states[] = { "pending", "intent",	"done",	   "failed", "undo",
					      "undone",	 "undo_failed", "skipped", NULL };
	const char *texts[ROW_TEXTS] = { state, reason };
	int64_t numbers[ROW_NUMBERS];
	const struct row *row;
	char key[48];

	step_key(key, run, n);
	row = row_get(s, MEM_STEP, key);
	s->written = true;
	if (!row || !check_word(s, "state", state, states))
		return;
	memcpy(numbers, row->n, sizeof(numbers));
	if (numbers[STEP_STARTED] == NO_NUMBER)
		numbers[STEP_STARTED] = s->now_ms;
	numbers[STEP_ENDED] = ended ? s->now_ms : NO_NUMBER;
	row_put(s, row_create(MEM_STEP, key, texts, numbers, json_incref(row->doc)));
}

static bool is_of_run(const struct row *row, const void *run)
{
	return row->n[STEP_RUN] == *(const int64_t *)run;
}

static int by_step(const void *a, const void *b)
{
	int64_t x = (*(const struct row *const *)a)->n[STEP_N],
		y = (*(const struct row *const *)b)->n[STEP_N];

	return (x > y) - (x < y);
}

json_t *store_step_all(struct store *s, int64_t run)
{
	const struct row **rows = rows_all(s, MEM_STEP, is_of_run, &run, by_step), *row;
	json_t *out = json_array();
	size_t i;

	for (i = 0; (row = rows[i]); i++)
		json_array_append_new(out, json_pack("{s:I, s:o, s:s, s:o, s:o, s:o}", "n",
						     (json_int_t)row->n[STEP_N], "doc",
						     doc_pass(s, row->doc), "state",
						     row->text[STEP_STATE], "reason",
						     text_json(row->text[STEP_REASON]), "started",
						     number_json(row->n[STEP_STARTED]), "ended",
						     number_json(row->n[STEP_ENDED])));
	free(rows);
	return out;
}

/* lock: text target; numbers run, epoch. */
void store_lock_add(struct store *s, const char *target, int64_t run, int64_t epoch)
{
	const char *texts[ROW_TEXTS] = { target };
	int64_t numbers[ROW_NUMBERS] = { run, epoch };

	if (row_get(s, MEM_LOCK, target))
		write_failed(s, "UNIQUE", "lock.target");
	if (!run_row(s, run))
		write_failed(s, "FOREIGN KEY", "lock.run");
	row_put(s, row_create(MEM_LOCK, target, texts, numbers, NULL));
}

void store_lock_release(struct store *s, int64_t run)
{
	const struct row **rows = rows_all(s, MEM_LOCK, is_of_run, &run, NULL);
	size_t i;

	s->written = true;
	for (i = 0; rows[i]; i++)
		row_delete(s, rows[i]);
	free(rows);
}

static int by_target(const void *a, const void *b)
{
	return strcmp((*(const struct row *const *)a)->text[0],
		      (*(const struct row *const *)b)->text[0]);
}

json_t *store_lock_of(struct store *s, int64_t run)
{
	const struct row **rows = rows_all(s, MEM_LOCK, is_of_run, &run, by_target);
	json_t *out = json_array();
	size_t i;

	for (i = 0; rows[i]; i++)
		json_array_append_new(out, json_string(rows[i]->text[0]));
	free(rows);
	return out;
}

void lock_epoch(struct store *s, int64_t epoch)
{
	const struct row **rows = rows_all(s, MEM_LOCK, NULL, NULL, NULL);
	int64_t numbers[ROW_NUMBERS] = { 0 };
	size_t i;

	s->written = true;
	for (i = 0; rows[i]; i++) {
		numbers[0] = rows[i]->n[0];
		numbers[1] = epoch;
		row_put(s, row_create(MEM_LOCK, rows[i]->text[0], rows[i]->text, numbers, NULL));
	}
	free(rows);
}

int64_t store_event_add(struct store *s, const char *type, int64_t run, const json_t *doc)
{
	s->last_event++;
	if (s->failure.code)
		return s->last_event;
	if (s->last_event <= s->disk->tables->event_seq)
		write_failed(s, "UNIQUE", "event.seq");
	else
		events_push(&s->events,
			    (struct event_row){ s->last_event, s->now_ms, run ? run : NO_NUMBER,
						xstrdup(type), doc_pass(s, doc) });
	s->written = true;
	return s->last_event;
}

static void add_events(struct store *s, const struct events *e, int64_t seq, int limit, json_t *out)
{
	const struct event_row *row;
	size_t i = 0;

	if (seq < s->trim_events)
		seq = s->trim_events;
	/* They are numbered without gaps, so the place of the first follows from its number. */
	if (e->n && seq >= e->rows[e->first].seq)
		i = (size_t)(seq - e->rows[e->first].seq) + 1;
	for (; i < e->n && (limit < 0 || json_array_size(out) < (size_t)limit); i++) {
		row = &e->rows[e->first + i];
		json_array_append_new(
			out, json_pack("{s:I, s:I, s:s, s:o, s:o}", "seq", (json_int_t)row->seq,
				       "time", (json_int_t)row->time, "type", row->type, "run",
				       number_json(row->run), "doc", doc_pass(s, row->doc)));
	}
}

int64_t store_event_last(const struct store *s)
{
	return s->disk->tables->event_seq;
}

json_t *store_event_after(struct store *s, int64_t seq, int limit)
{
	json_t *out = json_array();

	add_events(s, &s->disk->tables->events, seq, limit, out);
	add_events(s, &s->events, seq, limit, out);
	return out;
}

static bool is_ended_up_to(const struct row *row, const void *id)
{
	return row->n[RUN_ENDED] != NO_NUMBER && row->n[RUN_ID] <= *(const int64_t *)id;
}

static void delete_run(struct store *s, const struct row *run)
{
	int64_t id = run->n[RUN_ID];
	const struct row **rows = rows_all(s, MEM_STEP, is_of_run, &id, NULL);
	size_t i;

	if (first_of(rows_all(s, MEM_LOCK, is_of_run, &id, NULL)))
		write_failed(s, "FOREIGN KEY", "lock.run");
	for (i = 0; rows[i]; i++)
		row_delete(s, rows[i]);
	free(rows);
	row_delete(s, run);
}

void store_trim(struct store *s, int64_t keep_events, int64_t keep_runs)
{
	int64_t event = s->last_event - keep_events, run = s->run_seq - keep_runs;
	const struct row **rows;
	size_t i;

	if (event > s->oldest_event + keep_events / 10) {
		s->trim_events = event;
		s->oldest_event = event;
		s->written = true;
	}
	if (run > s->oldest_run + keep_runs / 10) {
		rows = rows_all(s, MEM_RUN, is_ended_up_to, &run, NULL);
		for (i = 0; rows[i]; i++)
			delete_run(s, rows[i]);
		free(rows);
		s->oldest_run = run;
		s->written = true;
	}
}
