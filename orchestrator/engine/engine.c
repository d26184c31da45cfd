/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doors of the engine: start, resume, cancel, and the events that drive runs.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct engine *engine_create(const struct engine_ops *ops, void *ctx)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->ops = ops;
	e->ctx = ctx;
	e->runs = table_create();
	e->locks = table_create();
	return e;
}

static void run_key(int64_t id, char out[24])
{
	snprintf(out, 24, "%lld", (long long)id);
}

static struct run *find(const struct engine *e, int64_t id)
{
	char key[24];

	run_key(id, key);
	return table_get(e->runs, key);
}

static void forget(struct engine *e, struct run *run)
{
	table_remove(e->runs, run->key);
	run_free(run);
}

void engine_destroy(struct engine *e)
{
	struct held *h;

	while (table_count(e->runs))
		forget(e, table_at(e->runs, 0));
	while ((h = table_at(e->locks, 0))) {
		table_remove(e->locks, h->target);
		free(h->target);
		free(h);
	}
	table_destroy(e->runs);
	table_destroy(e->locks);
	free(e);
}

static void remember(struct engine *e, struct run *run)
{
	run_key(run->id, run->key);
	table_add(e->runs, run->key, run);
}

static void drive(struct engine *e, struct run *run)
{
	run_drive(e, run);
	if (run->state == RUN_DONE || run->state == RUN_ROLLED_BACK || run->state == RUN_QUARANTINED)
		forget(e, run);
}

struct run *engine_start(struct engine *e, int64_t id, const json_t *doc, const json_t *steps,
			 const json_t *targets, const char *request)
{
	struct run *run = run_from_doc(id, doc, steps, targets);

	run->created = e->ops->now(e->ctx);
	remember(e, run);
	e->ops->run_added(e->ctx, run, doc, request);
	drive(e, run);
	return find(e, id);
}

static void resume_step(struct step *step, const json_t *row)
{
	const json_t *reason = json_object_get(row, "reason");

	step->state = step_state_by_name(json_str(row, "state", "pending"));
	/* What was under way may or may not have reached the device; of what had failed the journal knows. */
	step->seen_unknown = step->state != STEP_PENDING && !json_bool(reason, "certain", false);
	if (!json_is_object(reason))
		return;
	step->error = xcalloc(1, sizeof(*step->error));
	error_set(step->error, error_by_name(json_str(reason, "code", "")), "%s", json_str(reason, "text", ""));
}

void engine_resume(struct engine *e, const json_t *row, const json_t *steps, const json_t *targets)
{
	json_auto_t *docs = json_array();
	const json_t *item, *reason = json_object_get(row, "reason");
	struct run *run;
	struct step *step;
	size_t i;

	json_array_foreach(steps, i, item)
		json_array_append(docs, json_object_get(item, "doc"));
	run = run_from_doc(json_int(row, "id", 0), json_object_get(row, "doc"), docs, targets);
	run->created = json_int(row, "created", 0);
	run->state = run_state_by_name(json_str(row, "state", "running"));
	if (json_is_object(reason)) {
		error_set(&run->reason, error_by_name(json_str(reason, "code", "")), "%s",
			  json_str(reason, "text", ""));
		run->stopping = run->state == RUN_RUNNING;
	}
	engine_reserve(e, run->id, targets, NULL);
	remember(e, run);
	json_array_foreach(steps, i, item) {
		step = &run->steps[i];
		resume_step(step, item);
		if (step->state != STEP_INTENT && step->state != STEP_UNDO)
			continue;
		step->deadline = e->ops->now(e->ctx) + (step->state == STEP_UNDO ? UNDO_DEADLINE_MS :
								json_int(step->doc, "deadline_ms", 60000));
		step_send(e, run, step);
	}
	drive(e, run);
}

int engine_cancel(struct engine *e, int64_t id, const char *who, struct error *err)
{
	struct run *run = find(e, id);
	struct error reason = { 0 };
	int i;

	if (!run)
		return error_set(err, ERROR_CONFLICT, "run %lld has ended already", (long long)id);
	if (run->state != RUN_RUNNING)
		return error_set(err, ERROR_CONFLICT, "run %lld is being undone already", (long long)id);
	error_set(&reason, ERROR_CONFLICT, "cancelled by %s", who);
	run_stop(e, run, &reason);
	/* Waiting for the world ends at once; device work is waited for, since it cannot be called back. */
	for (i = 0; i < run->n_steps; i++)
		if (run->steps[i].state == STEP_INTENT && step_is_proof(&run->steps[i]))
			step_fail(e, run, &run->steps[i], &reason);
	drive(e, run);
	return 0;
}

/* The step that an answer is for, or NULL when it has moved on. */
static struct step *expected(struct engine *e, int64_t id, int n, int attempt, struct run **run)
{
	struct step *step;

	*run = find(e, id);
	if (!*run || n < 0 || n >= (*run)->n_steps)
		return NULL;
	step = &(*run)->steps[n];
	if (step->attempt != attempt || (step->state != STEP_INTENT && step->state != STEP_UNDO))
		return NULL;
	step->outstanding = false;
	return step;
}

static bool time_is_up(const struct engine *e, const struct step *step)
{
	return e->ops->now(e->ctx) >= step->deadline;
}

/* What cannot go forward any more is not tried again, unless it may have taken effect.  Masking goes on until its time
 * is over, whatever a device says: what is not masked can be written to. */
static bool is_hopeless(const struct run *run, const struct step *step, const struct error *err)
{
	switch (step_kind(step)) {
	case STEP_MASK:
		return err->code == ERROR_AUTH; /* repeating a password may lock its account */
	case STEP_RESTORE:
		return !err->retryable;
	case STEP_PLANNED:
		break;
	}
	return !err->retryable || (run->stopping && step->state == STEP_INTENT && !step->seen_unknown);
}

/* Unknown, or a failure that may pass: settle it by sending again until the deadline. */
static void retry_or_fail(struct engine *e, struct run *run, struct step *step, const struct error *err)
{
	if (is_hopeless(run, step, err) || time_is_up(e, step))
		step_fail(e, run, step, err);
	else
		step_retry(e, run, step);
}

static void succeeded(struct engine *e, struct run *run, struct step *step)
{
	if (step_is_quiesce(step) && step->state == STEP_INTENT) {
		step->polling = true;
		e->ops->timer(e->ctx, run->id, step->n, step->attempt, POLL_MS);
		return;
	}
	step_succeed(e, run, step);
}

/* The device does not do it yet.  With @why nothing was done so far: who is waited for is told, anew every WAIT_TOLD_MS. */
static void not_yet(struct engine *e, struct run *run, struct step *step, int64_t after_ms, const struct error *why)
{
	struct error timeout = { 0 };
	int64_t now = e->ops->now(e->ctx);

	error_set(&timeout, ERROR_UNREACHABLE, "%s has not reached the wished state in time", step->device);
	if (!why || !why->code)
		why = NULL;
	step->seen_unknown = step->seen_unknown || !why;
	if (time_is_up(e, step)) {
		step_fail(e, run, step, why ? why : &timeout);
		return;
	}
	if (why && (!step->error || now - step->told >= WAIT_TOLD_MS)) {
		step_note(step, why);
		step->told = now;
		e->ops->step_changed(e->ctx, run, step);
	}
	e->ops->timer(e->ctx, run->id, step->n, step->attempt, after_ms > 0 ? after_ms : POLL_MS);
}

void engine_changed(struct engine *e, int64_t id, int n, int attempt, enum change_outcome outcome,
		    int64_t after_ms, const struct error *err)
{
	struct run *run;
	struct step *step = expected(e, id, n, attempt, &run);

	if (!step)
		return;
	switch (outcome) {
	case OUTCOME_DONE:
		succeeded(e, run, step);
		break;
	case OUTCOME_AGAIN:
		not_yet(e, run, step, after_ms, err);
		break;
	case OUTCOME_UNKNOWN:
		step->seen_unknown = true;
		retry_or_fail(e, run, step, err);
		break;
	case OUTCOME_NOT_APPLIED:
		retry_or_fail(e, run, step, err);
		break;
	}
	drive(e, run);
}

/* Is the nth session of the map from the address there?  What follows the address is a port. */
static bool has_session(const json_t *wish, const json_t *document)
{
	const char *map = json_str(wish, "map", ""), *from = json_str(wish, "address", ""), *address;
	int64_t left = json_int(wish, "nth", 1);
	const json_t *session;
	size_t i, len = strlen(from);

	json_array_foreach(json_object_get(document, "sessions"), i, session) {
		address = json_str(session, "address", "");
		if (!strcmp(json_str(session, "map", ""), map) && !strncmp(address, from, len) && (!address[len] || address[len] == ':'))
			left--;
	}
	return left <= 0;
}

/* Is the port open that was asked for? */
static bool is_open(const char *tcp, const json_t *document)
{
	json_auto_t *object = json_sprintf("tcp:%s", tcp);

	return json_bool(json_object_get(document, json_string_value(object)), "open", false);
}

/* What a reading says about the step that waits for it.  The reading may hold what others asked for at the same time. */
static bool judge(const struct step *step, const json_t *document)
{
	const json_t *wish = json_object_get(step->doc, "set");
	const char *login = json_str(wish, "login", NULL), *tcp = json_str(wish, "tcp", NULL);

	if (step_is_quiesce(step))
		return !strcmp(json_str(document, "power", ""), "off");
	if (login)
		return json_bool(json_object_get(json_object_get(document, "logins"), login), "online", false);
	if (json_object_get(wish, "session"))
		return has_session(json_object_get(wish, "session"), document);
	if (json_object_get(wish, "serial"))
		return json_bool(json_object_get(document, "console"), "seen", false);
	return tcp && is_open(tcp, document);
}

static void waited_in_vain(struct engine *e, struct run *run, struct step *step)
{
	struct error err = { 0 };

	if (step_is_quiesce(step)) {
		step_succeed(e, run, step); /* the power goes off hard next */
		return;
	}
	error_set(&err, ERROR_UNREACHABLE, "%s gave no sign in time", json_str(step->doc, "machine", step->device));
	error_hint(&err, "Look at its console with `persona console %s`.", json_str(step->doc, "machine", ""));
	step_fail(e, run, step, &err);
}

/* A map of ours would be as wrong as a foreign one: it was seen gone before. */
static void judge_exclusive(struct engine *e, struct run *run, struct step *step, const json_t *document)
{
	const json_t *volumes = json_object_get(json_object_get(step->doc, "set"), "volumes"), *wanted;
	const char *name, *lun;
	struct error err = { 0 };
	json_t *map, *volume;
	size_t i;

	json_object_foreach(json_object_get(document, "maps"), name, map)
		json_object_foreach(json_object_get(map, "luns"), lun, volume)
			json_array_foreach(volumes, i, wanted)
				if (json_equal(wanted, volume))
					error_set(&err, ERROR_CONFLICT, "volume %s is reachable through map %s, LUN %s, of %s",
						  json_string_value(volume), name, lun, step->device);
	if (!err.code) {
		step_succeed(e, run, step);
		return;
	}
	error_hint(&err, "Somebody mapped it while the run was under way. Remove that map on the array, then apply again.");
	step_fail(e, run, step, &err);
}

/* What was read of a step that needs it: the truth, or a failure that may pass. */
static void settle_exclusive(struct engine *e, struct run *run, struct step *step, const json_t *document,
			     const struct error *err)
{
	if (document)
		judge_exclusive(e, run, step, document);
	else if (!err->retryable || run->stopping || time_is_up(e, step))
		step_fail(e, run, step, err);
	else
		step_retry(e, run, step);
}

/* A role that never lost its power is not touched: the other steps of its machine are skipped. */
static void spare(struct engine *e, struct run *run, const struct step *step)
{
	const char *machine = json_str(step->doc, "machine", "");
	int i;

	for (i = 0; i < run->n_steps; i++)
		if (step_kind(&run->steps[i]) == STEP_RESTORE && run->steps[i].state == STEP_PENDING &&
		    !strcmp(json_str(run->steps[i].doc, "machine", ""), machine))
			step_move(e, run, &run->steps[i], STEP_SKIPPED);
}

/* An order to go off of which nobody knows what became may take effect yet, and so may the request to shut down.  What
 * counts is when the reading was asked for: its answer may be late. */
static bool may_still_go_off(const struct run *run, const struct step *step)
{
	int64_t began = step->deadline - json_int(step->doc, "deadline_ms", 60000);
	const char *machine = json_str(step->doc, "machine", "");
	const struct step *off;
	int i;

	for (i = 0; i < run->n_steps && step->sent - began < LINGER_MS; i++) {
		off = &run->steps[i];
		if (step_kind(off) == STEP_PLANNED && !strcmp(json_str(off->doc, "machine", ""), machine) &&
		    ((off->state == STEP_FAILED && !strcmp(off->object, "power")) || (off->state == STEP_DONE && step_is_quiesce(off))))
			return true;
	}
	return false;
}

static void settle_down(struct engine *e, struct run *run, struct step *step, const json_t *document,
			const struct error *err)
{
	const char *power = json_str(document, "power", "unknown");
	struct error unknown = { 0 };

	if (!strcmp(power, "on") && may_still_go_off(run, step)) {
		e->ops->timer(e->ctx, run->id, step->n, step->attempt, POLL_MS);
		return;
	}
	if (!strcmp(power, "on"))
		spare(e, run, step);
	if (!strcmp(power, "on") || !strcmp(power, "off")) {
		step_succeed(e, run, step);
		return;
	}
	if (document)
		error_set(&unknown, ERROR_UNREACHABLE, "%s does not know the power state", step->device);
	retry_or_fail(e, run, step, document ? &unknown : err);
}

void engine_observed(struct engine *e, int64_t id, int n, int attempt, const json_t *document,
		     const struct error *err)
{
	struct run *run;
	struct step *step = expected(e, id, n, attempt, &run);

	if (!step)
		return;
	if (step_is_exclusive(step))
		settle_exclusive(e, run, step, document, err);
	else if (step_is_down(step))
		settle_down(e, run, step, document, err);
	else if (document && judge(step, document))
		step_succeed(e, run, step);
	else if (time_is_up(e, step))
		waited_in_vain(e, run, step);
	else
		e->ops->timer(e->ctx, id, n, step->attempt, POLL_MS);
	drive(e, run);
}

void engine_timer(struct engine *e, int64_t id, int n, int attempt)
{
	struct run *run;
	struct step *step = expected(e, id, n, attempt, &run);

	if (!step)
		return;
	if (time_is_up(e, step) && step_is_proof(step))
		waited_in_vain(e, run, step);
	else
		step_send(e, run, step);
	drive(e, run);
}

bool engine_reported(struct engine *e, const char *machine, const char *stage)
{
	const char *wanted;
	struct step *step;
	struct run *run;
	size_t i;
	int n;

	for (i = 0; (run = table_at(e->runs, i)); i++)
		for (n = 0; n < run->n_steps; n++) {
			step = &run->steps[n];
			wanted = json_str(json_object_get(step->doc, "set"), "report", NULL);
			if (step->state != STEP_INTENT || !wanted || !step_is_proof(step) ||
			    strcmp(json_str(step->doc, "machine", ""), machine) != 0 || strcmp(wanted, stage) != 0)
				continue;
			step_succeed(e, run, step);
			drive(e, run);
			return true;
		}
	return false;
}

bool engine_fell_back(const struct run *run, const char *machine)
{
	const struct step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (step->state == STEP_FAILED && json_bool(step->doc, "fallback", false) &&
		    !strcmp(json_str(step->doc, "machine", ""), machine))
			return true;
	}
	return false;
}

const struct run *engine_at(const struct engine *e, size_t i)
{
	return table_at(e->runs, i);
}

size_t engine_count(const struct engine *e)
{
	return table_count(e->runs);
}

const struct run *engine_run(const struct engine *e, int64_t id)
{
	return find(e, id);
}

static bool powering_on(const struct run *run, const char *machine)
{
	const struct step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (!strcmp(step->object, "power") && step_kind(step) == STEP_PLANNED &&
		    !strcmp(json_str(json_object_get(step->doc, "set"), "power", ""), "on") &&
		    !strcmp(json_str(step->doc, "machine", ""), machine))
			return step->state == STEP_INTENT || step->state == STEP_DONE;
	}
	return false;
}

const struct run_cast *engine_booting(const struct engine *e, const char *machine, const struct run **out)
{
	const struct run *run;
	size_t i;
	int c;

	for (i = 0; (run = table_at(e->runs, i)); i++)
		for (c = 0; run->state == RUN_RUNNING && c < run->n_casts; c++)
			if (run->casts[c].activates && !strcmp(run->casts[c].to, machine) &&
			    powering_on(run, machine)) {
				*out = run;
				return &run->casts[c];
			}
	return NULL;
}

static bool is_brought_back(const struct run *run, const char *machine)
{
	const struct step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (step_kind(step) == STEP_RESTORE && !strcmp(step->object, "power") &&
		    !strcmp(json_str(step->doc, "machine", ""), machine) && (step->state == STEP_INTENT || step->state == STEP_DONE))
			return true;
	}
	return false;
}

/* Also while it is undone: the role may still be up on the other machine. */
bool engine_leaving(const struct engine *e, const char *machine)
{
	const struct run *run;
	size_t i;
	int c;

	for (i = 0; (run = table_at(e->runs, i)); i++)
		for (c = 0; c < run->n_casts; c++)
			if (run->casts[c].from && !strcmp(run->casts[c].from, machine) && !is_brought_back(run, machine))
				return true;
	return false;
}
