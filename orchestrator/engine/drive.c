/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What comes next for a run: forward phase by phase, backward in reverse, and at worst masking.
 * run_drive() looks only at states, so it does the same after a restart as before it.
 */
#include "private.h"

#include "json.h"

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

/* The lowest phase with a step that has not begun; -1 when there is none. */
static int next_phase(const struct run *run, bool mask)
{
	int phase = -1, i;

	for (i = 0; i < run->n_steps; i++)
		if (run->steps[i].state == STEP_PENDING && step_is_mask(&run->steps[i]) == mask &&
		    (phase < 0 || run->steps[i].phase < phase))
			phase = run->steps[i].phase;
	return phase;
}

static void begin_phase(struct engine *e, struct run *run, int phase, bool mask)
{
	struct step *step;
	int i;

	for (i = 0; i < run->n_steps; i++) {
		step = &run->steps[i];
		if (step->state == STEP_PENDING && step->phase == phase && step_is_mask(step) == mask)
			begin(e, run, step, STEP_INTENT,
			      mask ? MASK_DEADLINE_MS : json_int(step->doc, "deadline_ms", 60000));
	}
}

static void drive_forward(struct engine *e, struct run *run)
{
	int phase;

	if (outstanding(run))
		return;
	if (run->stopping) {
		run_move(e, run, RUN_UNDOING);
		run_drive(e, run);
		return;
	}
	phase = next_phase(run, false);
	if (phase < 0)
		end(e, run, RUN_DONE);
	else
		begin_phase(e, run, phase, false);
}

/* A step needs undoing when it took effect or may have. */
static bool needs_undo(const struct step *step)
{
	return (step->state == STEP_DONE || (step->state == STEP_FAILED && step->seen_unknown)) &&
	       json_is_object(json_object_get(step->doc, "undo"));
}

static bool any_undo_failed(const struct run *run)
{
	int i;

	for (i = 0; i < run->n_steps; i++)
		if (run->steps[i].state == STEP_UNDO_FAILED)
			return true;
	return false;
}

static void skip_pending(struct engine *e, struct run *run)
{
	int i;

	for (i = 0; i < run->n_steps; i++)
		if (run->steps[i].state == STEP_PENDING && !step_is_mask(&run->steps[i]))
			step_move(e, run, &run->steps[i], STEP_SKIPPED);
}

static void drive_back(struct engine *e, struct run *run)
{
	int phase = -1, i;

	if (outstanding(run))
		return;
	skip_pending(e, run);
	if (any_undo_failed(run)) {
		run_move(e, run, RUN_MASKING);
		run_drive(e, run);
		return;
	}
	for (i = 0; i < run->n_steps; i++)
		if (needs_undo(&run->steps[i]) && run->steps[i].phase > phase)
			phase = run->steps[i].phase;
	if (phase < 0) {
		end(e, run, RUN_ROLLED_BACK);
		return;
	}
	for (i = 0; i < run->n_steps; i++)
		if (needs_undo(&run->steps[i]) && run->steps[i].phase == phase)
			begin(e, run, &run->steps[i], STEP_UNDO, UNDO_DEADLINE_MS);
}

/* The run can go neither forward nor back: hold its machines off and its volumes unmapped.  The steps
 * for it were journalled with the run; what cannot be masked is told in the run. */
static void drive_masking(struct engine *e, struct run *run)
{
	int phase;

	if (outstanding(run))
		return;
	phase = next_phase(run, true);
	if (phase < 0)
		end(e, run, RUN_QUARANTINED);
	else
		begin_phase(e, run, phase, true);
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
