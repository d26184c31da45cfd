/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's hands: journal writes go into the turn's transaction, device operations into the outbox
 * that opens after the commit, timers to libevent.
 */
#include "core.h"
#include "reconcile.h"
#include "rights.h"

#include "arena.h"
#include "json.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { OBSERVE_DEADLINE_MS = 10000 };

/* Which step of which attempt an answer belongs to. */
struct token {
	struct core *core;
	uint64_t era;
	int64_t run;
	int step, attempt;
};

struct outgoing {
	struct outgoing *next;
	char *device;
	json_t *change;	 /* or */
	json_t *objects; /* an observation */
	bool urgent;
	int64_t deadline_ms;
	struct token *token;
};

static struct token *token_create(struct core *c, int64_t run, int step, int attempt)
{
	struct token *t = xcalloc(1, sizeof(*t));

	*t = (struct token){ c, c->era, run, step, attempt };
	return t;
}

static struct outgoing *push(struct core *c, const char *device, const struct run *run,
			     const struct step *step)
{
	struct outgoing *o = xcalloc(1, sizeof(*o));

	o->device = xstrdup(device);
	o->token = token_create(c, run->id, step->n, step->attempt);
	*c->out_last = o;
	c->out_last = &o->next;
	core_turn_soon(c);
	return o;
}

static int64_t hand_now(void *ctx)
{
	return env_wall(((struct core *)ctx)->env);
}

static void hand_apply(void *ctx, const struct run *run, const struct step *step, const json_t *change,
		       bool urgent, int64_t deadline_ms)
{
	struct outgoing *o = push(ctx, step->device, run, step);

	o->change = json_incref((json_t *)change);
	o->urgent = urgent;
	o->deadline_ms = deadline_ms > 1000 ? deadline_ms : 1000;
}

static void hand_observe(void *ctx, const struct run *run, const struct step *step, const char *device,
			 const json_t *objects)
{
	struct outgoing *o = push(ctx, device, run, step);

	o->objects = json_incref((json_t *)objects);
	o->deadline_ms = OBSERVE_DEADLINE_MS;
}

/* Timers are listed, so that those that are still running can be freed at the end. */
struct timer {
	struct timer *next, **back;
	struct env_timer *due;
	struct token token;
};

static void timer_free(struct timer *t)
{
	*t->back = t->next;
	if (t->next)
		t->next->back = t->back;
	free(t);
}

void timers_drop(struct core *c)
{
	while (c->timers) {
		env_cancel(c->env, c->timers->due);
		timer_free(c->timers);
	}
}

static void on_timer(void *arg)
{
	struct timer *timer = arg;
	struct token t = timer->token;

	timer_free(timer);
	if (t.era != t.core->era)
		return;
	store_set_time(t.core->store, env_wall(t.core->env));
	engine_timer(t.core->engine, t.run, t.step, t.attempt);
}

static void hand_timer(void *ctx, int64_t run, int step, int attempt, int64_t delay_ms)
{
	struct core *c = ctx;
	struct timer *timer = xcalloc(1, sizeof(*timer));

	timer->token = (struct token){ c, c->era, run, step, attempt };
	timer->next = c->timers;
	timer->back = &c->timers;
	if (c->timers)
		c->timers->back = &timer->next;
	c->timers = timer;
	timer->due = env_after(c->env, delay_ms, on_timer, timer);
}

static json_t *reason_json(const struct error *err)
{
	if (!err || !err->code)
		return NULL;
	return json_pack("{s:s, s:s, s:s}", "code", error_name(err->code), "text", err->text, "hint",
			 err->hint[0] ? err->hint : error_advice(err->code));
}

static void run_event(struct core *c, const struct run *run)
{
	json_t *doc = json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)run->id, "action", run->action,
				"persona", run->n_casts ? run->casts[0].persona : "", "machine", run->machine,
				"state", run_state_name(run->state));
	json_t *reason = reason_json(&run->reason);

	if (reason)
		json_object_set_new(doc, "error", reason);
	core_event(c, "run", run->id, doc);
}

static void hand_run_added(void *ctx, const struct run *run, const json_t *doc, const char *request)
{
	struct core *c = ctx;
	int i;

	store_run_add(c->store, run->id, run->action, run->n_casts ? run->casts[0].persona : "", run->machine, doc,
		      request);
	for (i = 0; i < run->n_steps; i++)
		store_step_add(c->store, run->id, i, run->steps[i].doc);
	for (i = 0; i < run->n_locks; i++)
		store_lock_add(c->store, run->locks[i], run->id, c->epoch);
	for (i = 0; i < run->n_casts; i++)
		if (run->casts[i].activates) {
			const struct run_cast *cast = &run->casts[i];
			const struct assignment *a = roster_of(c->roster, cast->persona);

			roster_put(c->roster, cast->persona, a ? a->machine : NULL, cast->generation,
				   cast->next_generation);
			store_assignment_put(c->store, cast->persona, a ? a->machine : NULL, cast->generation,
					     cast->next_generation);
		}
	run_event(c, run);
}

static void hand_run_changed(void *ctx, const struct run *run)
{
	struct core *c = ctx;
	bool ended = run->state == RUN_DONE || run->state == RUN_ROLLED_BACK || run->state == RUN_QUARANTINED;
	json_t *reason = reason_json(&run->reason);
	char *text = reason ? json_dumps(reason, JSON_COMPACT) : NULL;

	store_run_state(c->store, run->id, run_state_name(run->state), text, ended);
	free(text);
	json_decref(reason);
	run_event(c, run);
}

static void hand_step_added(void *ctx, const struct run *run, const struct step *step)
{
	struct core *c = ctx;

	store_step_add(c->store, run->id, step->n, step->doc);
}

static const char *persona_of(const struct run *run)
{
	return run->n_casts ? run->casts[0].persona : "";
}

/* For who looks for a machine or a device in the log; events tell of all steps. */
static void log_step(const struct run *run, const struct step *step)
{
	if (step->state == STEP_FAILED || step->state == STEP_UNDO_FAILED)
		log_warn("core", "run %lld: step %d is %s: %s run=%lld step=%d device=%s persona=%s machine=%s", (long long)run->id,
			 step->n, step_state_name(step->state), step->error ? step->error->text : "", (long long)run->id, step->n,
			 step->device, persona_of(run), run->machine ? run->machine : "");
}

static void hand_step_changed(void *ctx, const struct run *run, const struct step *step)
{
	struct core *c = ctx;
	bool ended = step->state != STEP_INTENT && step->state != STEP_UNDO;
	json_t *reason = reason_json(step->error), *doc;
	char *text;

	if (reason && step->state == STEP_FAILED && !step->seen_unknown)
		json_object_set_new(reason, "certain", json_true()); /* it did not take effect: for a restart */
	text = reason ? json_dumps(reason, JSON_COMPACT) : NULL;
	store_step_state(c->store, run->id, step->n, step_state_name(step->state), text, ended);
	free(text);
	log_step(run, step);
	unfenced_settle(c, step);
	if (step->state == STEP_SKIPPED)
		return; /* nothing happened that anybody waits for */
	doc = json_pack("{s:I, s:i, s:s, s:s, s:s, s:s}", "run", (json_int_t)run->id, "n", step->n, "device",
			step->device, "object", step->object, "state", step_state_name(step->state), "summary",
			json_str(step->doc, "summary", ""));
	if (reason)
		json_object_set_new(doc, "error", reason);
	core_event(c, "step", run->id, doc);
}

static void forget_secret(struct core *c, const char *persona, int64_t generation)
{
	char *name;

	if (!generation)
		return;
	name = xasprintf("chap/%s.g%lld", persona, (long long)generation);
	store_secret_delete(c->store, name);
	free(name);
}

static void cast_done(struct core *c, const struct run_cast *cast)
{
	const struct assignment *a = roster_of(c->roster, cast->persona);
	int64_t generation = cast->activates ? cast->next_generation : cast->generation;
	int64_t last = a && a->last > generation ? a->last : generation;

	if (cast->activates || !cast->to)
		forget_secret(c, cast->persona, cast->generation);
	roster_put(c->roster, cast->persona, cast->to, generation, last);
	store_assignment_put(c->store, cast->persona, cast->to, generation, last);
}

static void quarantine(struct core *c, const struct run *run, const char *machine, const char *reason)
{
	const char *word = machine ? roster_confirmed(c->roster, machine) : NULL;
	char *confirmed = word ? xstrdup(word) : NULL; /* it holds until somebody returns the machine */

	if (!machine)
		return;
	roster_set_quarantine(c->roster, machine, reason, confirmed);
	store_quarantine_put(c->store, machine, reason, run->id, confirmed);
	free(confirmed);
	core_event(c, "machine", run->id,
		   json_pack("{s:s, s:s, s:s}", "machine", machine, "state", "quarantined", "reason", reason));
}

static void end_quarantine(struct core *c, const struct run *run)
{
	roster_end_quarantine(c->roster, run->machine);
	store_quarantine_delete(c->store, run->machine);
	core_event(c, "machine", run->id, json_pack("{s:s, s:s}", "machine", run->machine, "state", "returned"));
}

static const char fell_back[] = "its BMC did not answer when it was to be powered off; its storage and ports were taken away";

static void hand_run_ended(void *ctx, const struct run *run)
{
	struct core *c = ctx;
	int i;

	for (i = 0; i < run->n_casts; i++) {
		if (run->state == RUN_DONE) {
			cast_done(c, &run->casts[i]);
			if (run->casts[i].from && engine_fell_back(run, run->casts[i].from))
				quarantine(c, run, run->casts[i].from, fell_back);
		} else if (run->state == RUN_ROLLED_BACK && run->casts[i].activates)
			forget_secret(c, run->casts[i].persona, run->casts[i].next_generation);
		else if (run->state == RUN_QUARANTINED) {
			quarantine(c, run, run->casts[i].from, run->reason.text);
			quarantine(c, run, run->casts[i].to, run->reason.text);
		}
	}
	if (!run->n_casts && run->state == RUN_QUARANTINED && run->machine[0])
		quarantine(c, run, run->machine, run->reason.text);
	if (!strcmp(run->action, "return") && run->state == RUN_DONE)
		end_quarantine(c, run);
	audit_run_ended(c, run);
	reconcile_run_ended(c->reconcile, run);
	store_lock_release(c->store, run->id);
	log_info("core", "run %lld (%s) ended: %s%s%s run=%lld persona=%s machine=%s", (long long)run->id, run->action,
		 run_state_name(run->state), run->reason.code ? ": " : "", run->reason.text, (long long)run->id,
		 persona_of(run), run->machine ? run->machine : "");
}

const struct engine_ops core_engine_ops = {
	.now = hand_now,
	.apply = hand_apply,
	.observe = hand_observe,
	.timer = hand_timer,
	.run_added = hand_run_added,
	.run_changed = hand_run_changed,
	.step_added = hand_step_added,
	.step_changed = hand_step_changed,
	.run_ended = hand_run_ended,
};

static void on_changed(void *arg, const struct op_result *r)
{
	static const enum change_outcome outcomes[] = { [OP_DONE] = OUTCOME_DONE,
							[OP_NOT_APPLIED] = OUTCOME_NOT_APPLIED,
							[OP_UNKNOWN] = OUTCOME_UNKNOWN,
							[OP_AGAIN] = OUTCOME_AGAIN };
	struct token *t = arg;

	if (t->era == t->core->era) {
		store_set_time(t->core->store, env_wall(t->core->env));
		engine_changed(t->core->engine, t->run, t->step, t->attempt, outcomes[r->outcome], r->after_ms,
			       &r->error);
	}
	free(t);
}

static void on_observed(void *arg, const struct op_result *r)
{
	struct token *t = arg;

	if (t->era == t->core->era) {
		store_set_time(t->core->store, env_wall(t->core->env));
		engine_observed(t->core->engine, t->run, t->step, t->attempt, r->document, &r->error);
	}
	free(t);
}

/* A copy of @change with the secret in place of its reference. */
static json_t *with_secret(struct core *c, const json_t *change, struct error *err)
{
	const json_t *chap = json_object_get(json_object_get(change, "set"), "chap");
	struct secret *secret;
	json_t *copy, *in;

	if (!chap)
		return json_incref((json_t *)change);
	secret = store_secret_get(c->store, json_str(chap, "secret_ref", ""), err);
	if (!secret)
		return NULL;
	copy = json_deep_copy(change);
	in = json_object_get(json_object_get(copy, "set"), "chap");
	json_object_del(in, "secret_ref");
	json_object_set_new(in, "secret", json_stringn(secret_reveal(secret), secret_len(secret)));
	secret_destroy(secret);
	return copy;
}

static void send_change(struct core *c, struct outgoing *o)
{
	struct op_result failed = { .outcome = OP_NOT_APPLIED };
	json_t *change = with_secret(c, o->change, &failed.error);

	if (change)
		dispatch_apply(c->dispatch, o->device, change, o->urgent, o->deadline_ms, on_changed, o->token);
	else
		on_changed(o->token, &failed);
	json_decref(change);
}

static void outgoing_free(struct outgoing *o)
{
	json_decref(o->change);
	json_decref(o->objects);
	free(o->device);
	free(o);
}

void outgoing_flush(struct core *c)
{
	struct outgoing *o = c->out_first, *next;

	c->out_first = NULL;
	c->out_last = &c->out_first;
	for (; o; o = next) {
		next = o->next;
		if (o->change)
			send_change(c, o);
		else
			dispatch_observe(c->dispatch, o->device, o->objects, o->deadline_ms, on_observed, o->token);
		outgoing_free(o);
	}
}

void outgoing_drop(struct core *c)
{
	struct outgoing *o = c->out_first, *next;

	c->out_first = NULL;
	c->out_last = &c->out_first;
	for (; o; o = next) {
		next = o->next;
		free(o->token);
		outgoing_free(o);
	}
}
