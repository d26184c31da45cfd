/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a step does in the world: its change is sent, its effect is watched, it is retried until its
 * deadline, it succeeds or fails.  Everything here may happen twice: changes are absolute.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

void step_note(struct step *step, const struct error *err)
{
	if (!step->error)
		step->error = xcalloc(1, sizeof(*step->error));
	*step->error = *err;
}

/* The change as a driver gets it: the step's `set`, or its `undo` when that is what the state says. */
static json_t *change_of(const struct step *step)
{
	const char *which = step->state == STEP_UNDO ? "undo" : "set";
	json_t *change = json_pack("{s:s, s:O}", "object", step->object, "set",
				   json_object_get(step->doc, which));
	json_t *owner = json_object_get(step->doc, "owner");

	if (owner)
		json_object_set(change, "owner", owner);
	/* An undo restores what an older generation left: it carries the stamp of this one. */
	json_object_set(change, "generation", json_object_get(step->doc, "generation"));
	return change;
}

static bool is_urgent(const struct run *run, const struct step *step, const json_t *change)
{
	const char *power = json_str(json_object_get(change, "set"), "power", "");

	return run->state != RUN_RUNNING && !strcmp(step->object, "power") && !strcmp(power, "off");
}

static void observe(struct engine *e, struct run *run, struct step *step, const char *device, json_t *objects)
{
	step->outstanding = true;
	e->ops->observe(e->ctx, run, step, device, objects);
	json_decref(objects);
}

/* All that can reach the volumes: an array tells each map that holds a volume which is named. */
static void send_exclusive(struct engine *e, struct run *run, struct step *step)
{
	const json_t *volumes = json_object_get(json_object_get(step->doc, "set"), "volumes"), *v;
	json_t *objects = json_array();
	size_t i;

	json_array_foreach(volumes, i, v)
		json_array_append_new(objects, json_sprintf("volume:%s", json_string_value(v)));
	observe(e, run, step, step->device, objects);
}

static void send_proof(struct engine *e, struct run *run, struct step *step)
{
	const json_t *wish = json_object_get(step->doc, "set");
	const char *serial = json_str(wish, "serial", NULL), *tcp = json_str(wish, "tcp", NULL);
	const char *login = json_str(wish, "login", NULL), *map = json_str(json_object_get(wish, "session"), "map", NULL);

	if (map) {
		observe(e, run, step, step->device, json_pack("[o]", json_sprintf("map:%s", map)));
		return;
	}
	if (login) {
		observe(e, run, step, step->device, json_pack("[o]", json_sprintf("login:%s", login)));
		return;
	}
	if (serial || tcp) {
		observe(e, run, step, serial ? step->device : "probe",
			json_pack("[o]", json_sprintf("%s:%s", serial ? "console" : "tcp", serial ? serial : tcp)));
		return;
	}
	/* A report comes by itself; the timer is the deadline. */
	e->ops->timer(e->ctx, run->id, step->n, step->attempt, step->deadline - e->ops->now(e->ctx));
}

void step_send(struct engine *e, struct run *run, struct step *step)
{
	int64_t left = step->deadline - e->ops->now(e->ctx);
	json_t *change;

	step->attempt++;
	step->tries++;
	step->sent = e->ops->now(e->ctx);
	if (step_is_proof(step) && step->state == STEP_INTENT) {
		send_proof(e, run, step);
		return;
	}
	if (step->polling || step_is_down(step)) {
		observe(e, run, step, step->device, json_pack("[s]", "power"));
		return;
	}
	if (step_is_exclusive(step)) {
		send_exclusive(e, run, step);
		return;
	}
	change = change_of(step);
	step->outstanding = true;
	e->ops->apply(e->ctx, run, step, change, is_urgent(run, step, change), left);
	json_decref(change);
}

void step_retry(struct engine *e, struct run *run, struct step *step)
{
	int64_t delay = RETRY_FIRST_MS, left = step->deadline - e->ops->now(e->ctx);
	int i;

	for (i = 1; i < step->tries && delay < RETRY_LAST_MS; i++)
		delay *= 2;
	e->ops->timer(e->ctx, run->id, step->n, step->attempt, delay < left ? delay : left);
}

void run_stop(struct engine *e, struct run *run, const struct error *err)
{
	if (!run->reason.code)
		run->reason = *err;
	if (run->state == RUN_RUNNING && !run->stopping) {
		run->stopping = true;
		e->ops->run_changed(e->ctx, run);
	}
}

/* A machine that cannot be powered off because its BMC is dead loses storage and ports instead (F2, F3): the
 * steps for that stand in the same plan and may not fail.  A BMC that answers and refuses is no dead one. */
static bool falls_back(const struct step *step, const struct error *err)
{
	return json_bool(step->doc, "fallback", false) && err->code == ERROR_UNREACHABLE;
}

void step_fail(struct engine *e, struct run *run, struct step *step, const struct error *err)
{
	struct error reason = *err;

	step_note(step, err);
	if (step->state == STEP_UNDO) {
		step_move(e, run, step, STEP_UNDO_FAILED);
		return;
	}
	if (json_bool(step->doc, "optional", false)) {
		step_move(e, run, step, STEP_DONE);
		return;
	}
	step_move(e, run, step, STEP_FAILED);
	if (step_kind(step) != STEP_PLANNED || falls_back(step, err))
		return;
	error_wrap(&reason, "step %d, %s", step->n, json_str(step->doc, "summary", step->object));
	run_stop(e, run, &reason);
}

void run_judge_groups(struct engine *e, struct run *run)
{
	struct error reason;
	const char *group;
	int i, k;

	for (i = 0; i < run->n_steps; i++) {
		group = json_str(run->steps[i].doc, "group", NULL);
		if (!group || run->steps[i].state != STEP_DONE || !run->steps[i].error)
			continue;
		/* The last of them that failed speaks for all. */
		for (k = 0; k < run->n_steps; k++)
			if (!strcmp(json_str(run->steps[k].doc, "group", ""), group) &&
			    (run->steps[k].state != STEP_DONE || !run->steps[k].error))
				break;
		if (k < run->n_steps)
			continue;
		reason = *run->steps[i].error;
		error_wrap(&reason, "none of the %s is up", group);
		run_stop(e, run, &reason);
		return;
	}
}

void step_succeed(struct engine *e, struct run *run, struct step *step)
{
	free(step->error); /* what it waited for */
	step->error = NULL;
	step_move(e, run, step, step->state == STEP_UNDO ? STEP_UNDONE : STEP_DONE);
}
