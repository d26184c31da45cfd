/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A world for the engine: its operations are written down as lines, time stands still until a test moves
 * it, and answers are given by hand.  Nothing happens by itself.
 */
#ifndef RECAST_UNIT_WORLD_H
#define RECAST_UNIT_WORLD_H

#include "unit.h"

#include "arena.h"
#include "engine.h"
#include "json.h"
#include "text.h"

struct world {
	struct engine *e;
	struct text log;
	int64_t now;
	int attempts[16]; /* of the last operation of each step */
	char ended[16];	  /* state of the run that ended last */
	char reason[400];
};

static inline void world_line(struct world *w, const char *what, const struct step *step)
{
	text_printf(&w->log, "%s %d\n", what, step->n);
	w->attempts[step->n] = step->attempt;
}

static inline int64_t world_now(void *ctx)
{
	return ((struct world *)ctx)->now;
}

static inline void world_apply(void *ctx, const struct run *run, const struct step *step, const json_t *change,
			       bool urgent, int64_t deadline_ms)
{
	char *set = json_canonical(json_object_get(change, "set"));
	struct world *w = ctx;

	(void)run;
	assert_true(step->state == STEP_INTENT || step->state == STEP_UNDO);
	assert_true(deadline_ms >= 0);
	assert_string_equal(json_str(change, "object", ""), step->object);
	text_printf(&w->log, "send %d %s%s\n", step->n, set, urgent ? " urgent" : "");
	w->attempts[step->n] = step->attempt;
	free(set);
}

static inline void world_observe(void *ctx, const struct run *run, const struct step *step, const char *device,
				 const json_t *objects)
{
	struct world *w = ctx;
	size_t i;

	(void)run;
	text_printf(&w->log, "read %d %s", step->n, device);
	for (i = 0; i < json_array_size(objects); i++)
		text_printf(&w->log, " %s", json_string_value(json_array_get(objects, i)));
	text_append(&w->log, "\n");
	w->attempts[step->n] = step->attempt;
}

static inline void world_timer(void *ctx, int64_t run, int step, int attempt, int64_t delay_ms)
{
	struct world *w = ctx;

	(void)run;
	text_printf(&w->log, "timer %d %lld\n", step, (long long)delay_ms);
	w->attempts[step] = attempt;
}

static inline void world_run_added(void *ctx, const struct run *run, const json_t *doc, const char *request)
{
	(void)doc;
	text_printf(&((struct world *)ctx)->log, "run %lld added%s%s\n", (long long)run->id, request ? " " : "",
		    request ? request : "");
}

static inline void world_run_changed(void *ctx, const struct run *run)
{
	text_printf(&((struct world *)ctx)->log, "run %s%s\n", run_state_name(run->state), run->stopping &&
		    run->state == RUN_RUNNING ? " stopping" : "");
}

static inline void world_step_added(void *ctx, const struct run *run, const struct step *step)
{
	(void)run;
	text_printf(&((struct world *)ctx)->log, "step %d added %s %s\n", step->n, step->device, step->object);
}

static inline void world_step_changed(void *ctx, const struct run *run, const struct step *step)
{
	(void)run;
	world_line(ctx, step_state_name(step->state), step);
}

static inline void world_run_ended(void *ctx, const struct run *run)
{
	struct world *w = ctx;

	snprintf(w->ended, sizeof(w->ended), "%s", run_state_name(run->state));
	snprintf(w->reason, sizeof(w->reason), "%s", run->reason.text);
	text_append(&w->log, "ended\n");
}

static inline void world_open(struct world *w)
{
	static const struct engine_ops ops = { world_now,	world_apply,	   world_observe,
					       world_timer,	world_run_added,   world_run_changed,
					       world_step_added, world_step_changed, world_run_ended };

	*w = (struct world){ .now = 1000000 };
	text_append(&w->log, "");
	w->e = engine_create(&ops, w);
}

static inline void world_close(struct world *w)
{
	engine_destroy(w->e);
	text_fini(&w->log);
}

/* JSON written with ' for ". */
static inline json_t *world_json(const char *text)
{
	char *copy = xstrdup(text), *c;
	struct error err = { 0 };
	json_t *value;

	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_decode(copy, strlen(copy), &err);
	if (!value)
		fail_msg("%s: %s", text, err.text);
	free(copy);
	return value;
}

/* What was written down since the last time; forgets it. */
static inline void unit_saw(struct world *w, const char *wanted, const char *file, int line)
{
	if (strcmp(w->log.data, wanted) != 0) {
		printf("saw:\n%swanted:\n%s", w->log.data, wanted);
		_fail(file, line);
	}
	w->log.len = 0;
	w->log.data[0] = '\0';
}
#define assert_saw(w, wanted) unit_saw(w, wanted, __FILE__, __LINE__)

static inline void forget_log(struct world *w)
{
	w->log.len = 0;
	w->log.data[0] = '\0';
}

static inline void answer(struct world *w, int step, enum change_outcome outcome, enum error_code code)
{
	struct error err = { 0 };

	if (code)
		error_set(&err, code, "the device says %s", error_name(code));
	engine_changed(w->e, 1, step, w->attempts[step], outcome, 0, &err);
}

static inline void done(struct world *w, int step)
{
	answer(w, step, OUTCOME_DONE, ERROR_NONE);
}

static inline void fire(struct world *w, int step)
{
	engine_timer(w->e, 1, step, w->attempts[step]);
}

static inline void seen(struct world *w, int step, const char *document)
{
	json_t *doc = document ? world_json(document) : NULL;
	struct error err = { 0 };

	if (!doc)
		error_set(&err, ERROR_UNREACHABLE, "no answer");
	engine_observed(w->e, 1, step, w->attempts[step], doc, &err);
	json_decref(doc);
}

/* A move in small: off, two maps in one phase, on, proof.  4 has no undo. */
static const char world_steps[] =
	"[{'phase': 1, 'device': 'bmc', 'object': 'power', 'machine': 'node1', 'generation': 4, 'set': {'power': 'off'},"
	"  'undo': {'power': 'on'}, 'deadline_ms': 10000, 'summary': 'power off'},"
	" {'phase': 2, 'device': 'san1', 'object': 'map:a', 'generation': 4, 'owner': 'web', 'set': {'m': 1}, 'undo': {'m': 0}},"
	" {'phase': 2, 'device': 'san2', 'object': 'map:b', 'generation': 4, 'set': {'m': 2}, 'undo': {'m': 0}},"
	" {'phase': 6, 'device': 'bmc', 'object': 'power', 'machine': 'node1', 'generation': 4, 'set': {'power': 'on'},"
	"  'undo': {'power': 'off'}},"
	" {'phase': 7, 'device': 'bmc', 'object': 'proof', 'machine': 'node1', 'set': {'report': 'script'}, 'deadline_ms': 30000}]";
static const char world_doc[] =
	"{'action': 'move', 'machine': 'node1', 'casts': [{'persona': 'web', 'from': 'node2', 'to': 'node1',"
	" 'generation': 3, 'next_generation': 4, 'activates': true}]}";
static const char world_targets[] = "['machine:node1', 'persona:web']";

static inline void world_start(struct world *w, const char *steps_text)
{
	json_t *doc = world_json(world_doc), *steps = world_json(steps_text), *targets = world_json(world_targets);

	assert_int_equal(engine_reserve(w->e, 1, targets, NULL), 0);
	engine_start(w->e, 1, doc, steps, targets, "req-1");
	json_decref(doc);
	json_decref(steps);
	json_decref(targets);
}

#endif
