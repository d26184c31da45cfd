/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine: durable execution of plans.  Everything enters as an event (a start, a driver's answer,
 * a timer, a report, a cancel) and leaves through `struct engine_ops`: journal writes, device
 * operations, timers.  No I/O and no clock of its own, so the same code runs under a simulator.
 *
 * Rules: the intent of a step is journalled and committed before its change is sent (the caller holds
 * operations back until the commit).  Every change is absolute, so one whose outcome is unknown is sent
 * again: the driver begins with reading.  A run ends done, rolled_back or quarantined; nothing else.
 */
#ifndef RECAST_ENGINE_H
#define RECAST_ENGINE_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum run_state {
#define RUN_STATE(id, name, next) RUN_##id,
#include "states.def"
#undef RUN_STATE
	RUN_STATE_COUNT
};
enum step_state {
#define STEP_STATE(id, name, next) STEP_##id,
#include "states.def"
#undef STEP_STATE
	STEP_STATE_COUNT
};
const char *run_state_name(enum run_state state);
const char *step_state_name(enum step_state state);

enum { RUN_CASTS_MAX = 8 };

struct step {
	int n;
	enum step_state state;
	int phase;
	json_t *doc;	    /* as journalled: device, object, set, undo, … */
	const char *device; /* inside of doc */
	const char *object;
	int attempt;	    /* only grows; answers to older attempts are ignored */
	int tries;	    /* how often the state's change was sent */
	bool outstanding;   /* an operation is with the dispatcher */
	bool polling;	    /* the change is done, its effect is being watched */
	bool seen_unknown;  /* at least one attempt may have taken effect */
	int64_t told;		/* when it was last said what it waits for */
	int64_t sent, deadline; /* on the engine's clock; sent: the last time */
	struct error *error;
};

/* What a run does to an assignment when it ends well. */
struct run_cast {
	char *persona, *from, *to; /* from and to may be NULL */
	int64_t generation, next_generation;
	bool activates;
};

struct run {
	int64_t id;
	char key[24]; /* the id as text */
	enum run_state state;
	char *action;
	struct run_cast casts[RUN_CASTS_MAX];
	int n_casts;
	char *machine; /* for display, and for power runs */
	struct step *steps;
	int n_steps;
	json_t *restore; /* step documents that bring lost roles back after an undo, or NULL */
	char **locks;
	int n_locks;
	bool stopping;	     /* a step failed or somebody cancelled: wait for what is outstanding */
	struct error reason; /* code 0: none */
	int64_t created;
};

struct engine;

/* What the engine needs from the world.  All calls come from the thread that calls the engine. */
struct engine_ops {
	int64_t (*now)(void *ctx); /* ms; UTC */

	/* Send change (undo: the step's undo) to step->device once the turn is committed; the answer comes as
	 * engine_changed(). */
	void (*apply)(void *ctx, const struct run *run, const struct step *step, const json_t *change,
		      bool urgent, int64_t deadline_ms);
	/* Read @objects (an array of text; borrowed) of @device; the answer comes as engine_observed(). */
	void (*observe)(void *ctx, const struct run *run, const struct step *step, const char *device,
			const json_t *objects);
	void (*timer)(void *ctx, int64_t run, int step, int attempt, int64_t delay_ms);

	/* The journal. */
	void (*run_added)(void *ctx, const struct run *run, const json_t *doc, const char *request);
	void (*run_changed)(void *ctx, const struct run *run);
	void (*step_added)(void *ctx, const struct run *run, const struct step *step);
	void (*step_changed)(void *ctx, const struct run *run, const struct step *step);
	/* The run has ended: take its casts into the assignments (done) or not, release its locks. */
	void (*run_ended)(void *ctx, const struct run *run);
};

struct engine *engine_create(const struct engine_ops *ops, void *ctx);
void engine_destroy(struct engine *e);

/* Who holds @target ("machine:node1"): the run's id, or 0. */
int64_t engine_holder(const struct engine *e, const char *target);

/* Take and release reservations of run @id while it is still being planned; @targets is a JSON array of
 * text.  CONFLICT with the holder's id when one is taken; what another run holds is never released. */
int engine_reserve(struct engine *e, int64_t id, const json_t *targets, struct error *err);
void engine_unreserve(struct engine *e, int64_t id, const json_t *targets);

/* A new engine after a failed commit knows nothing of the open runs: until it was told of them nobody may reserve. */
void engine_close(struct engine *e);
void engine_open(struct engine *e);

/* Start a run whose locks are reserved under @id.  @doc is {action, machine, casts: [...], restore: [...]}, @steps an
 * array of step documents {phase, device, object, set, undo, deadline_ms, …} in order.  `restore` holds such documents
 * too: they are added to the run when it was undone and the machine that they name may have lost its power. */
struct run *engine_start(struct engine *e, int64_t id, const json_t *doc, const json_t *steps,
			 const json_t *targets, const char *request);

/* Take up a run from the journal after a restart (as store_run_open and store_step_all give it). */
void engine_resume(struct engine *e, const json_t *run, const json_t *steps, const json_t *targets);

/* Undo a run that is going forward. */
int engine_cancel(struct engine *e, int64_t id, const char *who, struct error *err);

/* Events. */
enum change_outcome { OUTCOME_DONE, OUTCOME_NOT_APPLIED, OUTCOME_UNKNOWN, OUTCOME_AGAIN };
void engine_changed(struct engine *e, int64_t run, int step, int attempt, enum change_outcome outcome,
		    int64_t after_ms, const struct error *err);
void engine_observed(struct engine *e, int64_t run, int step, int attempt, const json_t *document,
		     const struct error *err);
void engine_timer(struct engine *e, int64_t run, int step, int attempt);
/* A machine reported @stage; true when a run was waiting for it. */
bool engine_reported(struct engine *e, const char *machine, const char *stage);

/* Whether @machine was to be powered off by @run, did not answer, and was fenced without its BMC. */
bool engine_fell_back(const struct run *run, const char *machine);

/* Open runs, in no order; NULL at the end. */
const struct run *engine_at(const struct engine *e, size_t i);
size_t engine_count(const struct engine *e);
const struct run *engine_run(const struct engine *e, int64_t id);

/* The cast of an open run that brings a persona to @machine and has reached power-on; NULL when none. */
const struct run_cast *engine_booting(const struct engine *e, const char *machine, const struct run **run);
/* Whether an open run is taking the persona away from @machine, or has not yet begun to bring it back there. */
bool engine_leaving(const struct engine *e, const char *machine);

#endif
