/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What comes next for a run: forward phase by phase, backward in reverse, and at worst masking.
 * run_drive() looks only at states, so it does the same after a restart as before it.
 */
#include "private.h"

#include "json.h"

#include <limits.h>
#include <string.h>

static int outstanding(const struct run *run)
{
	int i, n = 0;

	for (i = 0; i < run->n_steps; i++)
		n += run->steps[i].state == STEP_INTENT || run->steps[i].state == STEP_UNDO;
	return n;
}

static void begin(struct engine *e, struct run *run, struct step *step, enum step_state state,
		  int64_t deadline_ms)
{
	step_move(e, run, step, state);
	step->tries = 0;
	step->deadline = e->ops->now(e->ctx) + deadline_ms;
	step_send(e, run, step);
}

static void end(struct engine *e, struct run *run, enum run_state state)
{
	run_move(e, run, state);
	e->ops->run_ended(e->ctx, run);
	locks_release(e, run);
}

/* The lowest phase of @kind with a step that has not begun; -1 when there is none. */
static int next_phase(const struct run *run, enum step_kind kind)
{
	int phase = -1, i;

	for (i = 0; i < run->n_steps; i++)
		if (run->steps[i].state == STEP_PENDING && step_kind(&run->steps[i]) == kind &&
		    (phase < 0 || run->steps[i].phase < phase))
			phase = run->steps[i].phase;
	return phase;
}

static void begin_phase(struct engine *e, struct run *run, int phase, enum step_kind kind)
{
	struct step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (step->state == STEP_PENDING && step->phase == phase && step_kind(step) == kind)
			begin(e, run, step, STEP_INTENT, json_int(step->doc, "deadline_ms", 60000));
	}
}

static void drive_forward(struct engine *e, struct run *run)
{
	int phase;

	if (outstanding(run))
		return;
	if (!run->stopping)
		run_judge_groups(e, run);
	if (run->stopping) {
		run_move(e, run, RUN_UNDOING);
		run_drive(e, run);
		return;
	}
	phase = next_phase(run, STEP_PLANNED);
	if (phase < 0)
		end(e, run, RUN_DONE);
	else
		begin_phase(e, run, phase, STEP_PLANNED);
}

/* A step needs undoing when it took effect or may have. */
static bool needs_undo(const struct step *step)
{
	return step_kind(step) == STEP_PLANNED &&
	       (step->state == STEP_DONE || (step->state == STEP_FAILED && step->seen_unknown)) &&
	       json_is_object(json_object_get(step->doc, "undo"));
}

/* Neither the new wiring nor the prior one can be had. */
static bool is_stranded(const struct run *run)
{
	const struct step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (step->state == STEP_UNDO_FAILED || (step->state == STEP_FAILED && step_kind(step) == STEP_RESTORE))
			return true;
	}
	return false;
}

static void skip_pending(struct engine *e, struct run *run)
{
	int i;

	for (i = 0; i < run->n_steps; i++)
		if (run->steps[i].state == STEP_PENDING && step_kind(&run->steps[i]) == STEP_PLANNED)
			step_move(e, run, &run->steps[i], STEP_SKIPPED);
}

/* Whether a masking step for this object is there already. */
static bool masked(const struct run *run, const struct step *like)
{
	int i;

	for (i = 0; i < run->n_steps; i++)
		if (step_kind(&run->steps[i]) == STEP_MASK && !strcmp(run->steps[i].device, like->device) &&
		    !strcmp(run->steps[i].object, like->object))
			return true;
	return false;
}

static void add_step(struct engine *e, struct run *run, json_t *doc)
{
	run_add_step(run, doc);
	e->ops->step_added(e->ctx, run, &run->steps[run->n_steps - 1]);
}

/* The highest that the run has put on the object: a device takes nothing older. */
static int64_t last_generation(const struct run *run, const struct step *like)
{
	int64_t generation, last = 0;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		generation = json_int(run->steps[i].doc, "generation", 0);
		if (generation > last && !strcmp(run->steps[i].device, like->device) && !strcmp(run->steps[i].object, like->object))
			last = generation;
	}
	return last;
}

static void add_mask(struct engine *e, struct run *run, const struct step *like, int phase, json_t *set)
{
	json_t *doc = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:s, s:b}", "phase", phase, "phase_name", "mask",
				"device", like->device, "object", like->object, "set", set, "summary",
				json_sprintf("hold %s of %s", like->object, like->device), "verb", "!", "mask", 1);

	json_object_set_new(doc, "generation", json_integer(last_generation(run, like)));
	json_object_set_new(doc, "deadline_ms", json_integer(MASK_DEADLINE_MS)); /* also after a restart */
	json_object_update_missing(doc, like->doc);
	json_object_del(doc, "undo");
	json_object_del(doc, "restore");
	add_step(e, run, doc);
	json_decref(doc);
}

/* The run can go neither forward nor back: every machine that it touched goes off, every map away, and every port of a
 * fabric is shut. */
static void plan_masking(struct engine *e, struct run *run)
{
	int n = run->n_steps, i;

	for (i = 0; i < n; i++) {
		if (masked(run, &run->steps[i]))
			continue;
		if (!strcmp(run->steps[i].object, "power"))
			add_mask(e, run, &run->steps[i], MASK_POWER, json_pack("{s:s}", "power", "off"));
		else if (!strncmp(run->steps[i].object, "map:", 4))
			add_mask(e, run, &run->steps[i], MASK_MAPS, json_pack("{s:b}", "exists", 0));
		else if (json_object_get(json_object_get(run->steps[i].doc, "set"), "enabled"))
			add_mask(e, run, &run->steps[i], MASK_MAPS, json_pack("{s:b}", "enabled", 0));
	}
}

/* A step that takes the power has begun, and was not refused for certain. */
static bool may_have_lost_power(const struct run *run, const char *machine)
{
	const struct step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (step_kind(step) != STEP_PLANNED || strcmp(json_str(step->doc, "machine", ""), machine) != 0 ||
		    step->state == STEP_PENDING || step->state == STEP_SKIPPED ||
		    (step->state == STEP_FAILED && !step->seen_unknown))
			continue;
		if (step_is_quiesce(step) || !strcmp(json_str(json_object_get(step->doc, "set"), "power", ""), "off"))
			return true;
	}
	return false;
}

/* Once, when all is undone.  They are journalled with the first of them: as long as none is there, none has begun. */
static void plan_restoring(struct engine *e, struct run *run)
{
	json_t *doc;
	size_t i;
	int n;

	for (n = 0; n < run->n_steps; n++)
		if (step_kind(&run->steps[n]) == STEP_RESTORE)
			return;
	json_array_foreach(run->restore, i, doc)
		if (may_have_lost_power(run, json_str(doc, "machine", "")))
			add_step(e, run, doc);
}

static void drive_restoring(struct engine *e, struct run *run)
{
	int phase;

	plan_restoring(e, run);
	phase = next_phase(run, STEP_RESTORE);
	if (phase < 0)
		end(e, run, RUN_ROLLED_BACK);
	else
		begin_phase(e, run, phase, STEP_RESTORE);
}

/* How far down the undo has come.  It never goes up again: after a restart a step that was refused counts as one that may
 * have taken effect, but what lies above was settled before. */
static int undone_down_to(const struct run *run)
{
	int phase = INT_MAX, i;

	for (i = 0; i < run->n_steps; i++)
		if ((run->steps[i].state == STEP_UNDO || run->steps[i].state == STEP_UNDONE) && run->steps[i].phase < phase)
			phase = run->steps[i].phase;
	return phase;
}

static void drive_back(struct engine *e, struct run *run)
{
	int phase = -1, top, i;

	if (outstanding(run))
		return;
	skip_pending(e, run);
	if (is_stranded(run)) {
		run_move(e, run, RUN_MASKING);
		plan_masking(e, run);
		run_drive(e, run);
		return;
	}
	top = undone_down_to(run);
	for (i = 0; i < run->n_steps; i++)
		if (needs_undo(&run->steps[i]) && run->steps[i].phase > phase && run->steps[i].phase <= top)
			phase = run->steps[i].phase;
	if (phase < 0) {
		drive_restoring(e, run);
		return;
	}
	for (i = 0; i < run->n_steps; i++)
		if (needs_undo(&run->steps[i]) && run->steps[i].phase == phase)
			begin(e, run, &run->steps[i], STEP_UNDO, UNDO_DEADLINE_MS);
}

/* What cannot be masked is told in the run. */
static void drive_masking(struct engine *e, struct run *run)
{
	int phase;

	if (outstanding(run))
		return;
	phase = next_phase(run, STEP_MASK);
	if (phase < 0)
		end(e, run, RUN_QUARANTINED);
	else
		begin_phase(e, run, phase, STEP_MASK);
}

void run_drive(struct engine *e, struct run *run)
{
	switch (run->state) {
	case RUN_RUNNING:
		drive_forward(e, run);
		break;
	case RUN_UNDOING:
		drive_back(e, run);
		break;
	case RUN_MASKING:
		drive_masking(e, run);
		break;
	case RUN_DONE:
	case RUN_ROLLED_BACK:
	case RUN_QUARANTINED:
	case RUN_STATE_COUNT:
		break;
	}
}
