/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the engine: its state, and what its files share.
 */
#ifndef RECAST_ENGINE_PRIVATE_H
#define RECAST_ENGINE_PRIVATE_H

#include "engine.h"
#include "table.h"

enum {
	RETRY_FIRST_MS = 250,
	RETRY_LAST_MS = 8000,
	POLL_MS = 500,
	WAIT_TOLD_MS = 10000,
	LINGER_MS = 10000, /* in which an order to a BMC shows its effect */
	UNDO_DEADLINE_MS = 120000,
	MASK_DEADLINE_MS = 20000,
	MASK_POWER = 100, /* phases after all of the plan's */
	MASK_MAPS = 101,
};

struct held {
	char *target;
	int64_t run;
};

struct engine {
	const struct engine_ops *ops;
	void *ctx;
	struct table *runs;  /* by id as text */
	struct table *locks; /* target -> struct held */
	bool closed;
};

/* state.c: moves that are checked against states.def, journalled, and reported. */
void run_move(struct engine *e, struct run *run, enum run_state to);
void step_move(struct engine *e, struct run *run, struct step *step, enum step_state to);
enum run_state run_state_by_name(const char *name);
enum step_state step_state_by_name(const char *name);

/* run.c: the object. */
struct run *run_from_doc(int64_t id, const json_t *doc, const json_t *steps, const json_t *targets);
void run_add_step(struct run *run, json_t *doc); /* takes its own reference */
void run_free(struct run *run);
bool step_is_proof(const struct step *step);
bool step_is_quiesce(const struct step *step);
bool step_is_down(const struct step *step); /* reads whether a machine has lost its power */
/* Planned steps, those that bring lost roles back after an undo, and those of a run that can go neither way. */
enum step_kind { STEP_PLANNED, STEP_RESTORE, STEP_MASK };
enum step_kind step_kind(const struct step *step);
bool step_is_exclusive(const struct step *step); /* reads who else can reach a volume */

/* locks.c */
void locks_release(struct engine *e, struct run *run);

/* act.c: send what a step's state calls for; may be called again after a restart. */
void step_send(struct engine *e, struct run *run, struct step *step);
void step_retry(struct engine *e, struct run *run, struct step *step);
void step_note(struct step *step, const struct error *err);
/* When all optional steps of a group have failed: stop the run. */
void run_judge_groups(struct engine *e, struct run *run);
void step_fail(struct engine *e, struct run *run, struct step *step, const struct error *err);
void step_succeed(struct engine *e, struct run *run, struct step *step);
void run_stop(struct engine *e, struct run *run, const struct error *err);

/* drive.c: what comes next. */
void run_drive(struct engine *e, struct run *run);

#endif
