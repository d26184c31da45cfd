/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a wish to a plan or a run: resolve the names, reserve what is touched, read the devices in
 * parallel, plan, and start the engine.  The same way serves `plan` (no reservation, nothing started)
 * and `apply`.
 */
#include "core.h"
#include "wish.h"

#include "json.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { READ_DEADLINE_MS = 10000, CHAP_CHARS = 16 };

struct planning {
	struct core *core;
	struct answer *answer;
	struct wish wish;
	bool apply;
	char *expected; /* id of the plan that was shown, or NULL */
	char *request;	/* Idempotency-Key, or NULL */
	int64_t run;	/* reserved under this id */
	json_t *targets;
	json_t *observed;
	size_t reads_left;
	struct error error;
};

struct reading {
	struct planning *planning;
	char device[];
};

static void planning_free(struct planning *p)
{
	p->core->planning--;
	wish_fini(&p->wish);
	free(p->expected);
	free(p->request);
	json_decref(p->targets);
	json_decref(p->observed);
	free(p);
}

/* Nothing was started: the things are free again, and the number too when it was the last. */
static void give_back(struct planning *p)
{
	engine_unreserve(p->core->engine, p->run, p->targets);
	if (p->core->last_run == p->run)
		p->core->last_run--;
}

static void give_up(struct planning *p, const struct error *err)
{
	struct core *c = p->core;
	struct answer *a = p->answer;

	if (p->apply)
		give_back(p);
	planning_free(p);
	answer_error(c, a, err);
}

static json_t *cast_json(const struct cast *cast, bool activates)
{
	json_t *j = json_pack("{s:s, s:I, s:I, s:b}", "persona", cast->persona->name, "generation",
			      (json_int_t)cast->generation, "next_generation", (json_int_t)cast->next_generation,
			      "activates", activates);

	if (cast->from)
		json_object_set_new(j, "from", json_string(cast->from->name));
	if (cast->to)
		json_object_set_new(j, "to", json_string(cast->to->name));
	return j;
}

static json_t *step_doc(const struct plan_step *s)
{
	char verb[2] = { s->verb, '\0' };
	json_t *j = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "phase", (int)s->phase, "phase_name",
			      phase_name(s->phase), "device", s->device, "object", s->object, "summary", s->summary,
			      "verb", verb, "deadline_ms", (json_int_t)s->deadline_ms, "generation",
			      (json_int_t)s->generation);

	if (s->set)
		json_object_set(j, "set", s->set);
	if (s->undo)
		json_object_set(j, "undo", s->undo);
	if (s->owner)
		json_object_set_new(j, "owner", json_string(s->owner));
	if (s->machine)
		json_object_set_new(j, "machine", json_string(s->machine));
	if (s->optional)
		json_object_set_new(j, "optional", json_true());
	if (s->fallback)
		json_object_set_new(j, "fallback", json_true());
	return j;
}

/* A fresh CHAP secret for each map that the plan grants. */
static int make_secrets(struct core *c, const struct plan *plan, struct error *err)
{
	const char *ref;
	uint16_t words[CHAP_CHARS];
	struct secret *s;
	int i, rc = 0;

	for (i = 0; i < plan->n_steps && rc == 0; i++) {
		ref = json_str(json_object_get(plan->steps[i].set, "chap"), "secret_ref", NULL);
		if (!ref)
			continue;
		env_random(c->env, words, sizeof(words));
		s = secret_from_random(words, CHAP_CHARS);
		rc = s ? store_secret_put(c->store, ref, s, err) : error_set(err, ERROR_INTERNAL, "no locked memory");
		secret_destroy(s);
	}
	secret_wipe(words, sizeof(words));
	return rc;
}

static json_t *plan_answer(const struct planning *p, const struct plan *plan)
{
	json_t *body = plan_json(plan);

	json_object_set_new(body, "action", json_string(p->wish.action));
	json_object_set_new(body, "persona", json_string(p->wish.persona));
	if (p->wish.machine)
		json_object_set_new(body, "machine", json_string(p->wish.machine));
	if (p->wish.with)
		json_object_set_new(body, "with", json_string(p->wish.with));
	return body;
}

static void start_run(struct planning *p, const struct plan *plan, const struct cast *casts, int n)
{
	struct core *c = p->core;
	struct error err = { 0 };
	json_t *doc = json_pack("{s:s, s:s, s:[]}", "action", p->wish.action, "machine",
				casts[0].to ? casts[0].to->name : "", "casts");
	json_t *steps = json_array();
	char location[48];
	int i;

	store_set_time(c->store, env_wall(c->env));
	if (make_secrets(c, plan, &err) < 0) {
		json_decref(doc);
		json_decref(steps);
		give_up(p, &err);
		return;
	}
	for (i = 0; i < n; i++)
		json_array_append_new(json_object_get(doc, "casts"), cast_json(&casts[i], plan->activates[i]));
	for (i = 0; i < plan->n_steps; i++)
		json_array_append_new(steps, step_doc(&plan->steps[i]));
	engine_start(c->engine, p->run, doc, steps, p->targets, p->request);
	snprintf(location, sizeof(location), "/v1/runs/%lld", (long long)p->run);
	core_answer(c, p->answer, 202, run_json_of(c, p->run), location);
	json_decref(doc);
	json_decref(steps);
	planning_free(p);
}

static void nothing_to_do(struct planning *p)
{
	struct answer *a = p->answer;
	struct core *c = p->core;
	json_t *body = json_pack("{s:s, s:i, s:s, s:s, s:o}", "state", "done", "changes", 0, "action", p->wish.action,
				 "persona", p->wish.persona, "message",
				 json_sprintf("nothing to do: %s is as wished", p->wish.persona));

	give_back(p);
	planning_free(p);
	core_answer(c, a, 200, body, NULL);
}

/* Another wish under the same key was quicker while this one was read: its run is the answer to both. */
static bool is_late(struct planning *p)
{
	json_t *earlier = p->apply && p->request ? store_run_by_request(p->core->store, p->request) : NULL;
	struct answer *a = p->answer;
	struct core *c = p->core;

	if (!earlier)
		return false;
	give_back(p);
	planning_free(p);
	core_answer(c, a, 202, run_json(earlier), NULL);
	json_decref(earlier);
	return true;
}

static void finish(struct planning *p)
{
	struct cast casts[CASTS_MAX];
	struct error err = { 0 };
	struct arena arena;
	struct plan *plan = NULL;
	int n;

	if (is_late(p))
		return;
	/* A failed commit may have rebuilt the engine meanwhile, and with it the reservations. */
	if (p->error.code || (p->apply && engine_reserve(p->core->engine, p->run, p->targets, &p->error) < 0)) {
		err = p->error;
		give_up(p, &err);
		return;
	}
	arena_init(&arena);
	n = wish_casts(p->core, &p->wish, casts, &arena, &err);
	if (n >= 0)
		plan = plan_build(p->core->model, casts, n, p->observed, &err);
	if (plan && (p->expected || !p->apply))
		plan_identify(plan);
	if (plan && p->expected && strcmp(p->expected, plan->id) != 0) {
		error_set(&err, ERROR_STALE, "the world has changed since this plan was made: it would be plan %s now", plan->id);
		plan_destroy(plan);
		plan = NULL;
	}
	if (!plan) {
		give_up(p, &err);
	} else if (!p->apply) {
		core_answer(p->core, p->answer, 200, plan_answer(p, plan), NULL);
		planning_free(p);
	} else if (!plan->n_steps) {
		nothing_to_do(p);
	} else {
		start_run(p, plan, casts, n);
	}
	plan_destroy(plan);
	arena_fini(&arena);
}

/* The plan decides what to do about it: refuse, or fence without it. */
static bool is_dead_bmc(struct core *c, const char *device, const struct error *err)
{
	const struct device *d = model_device(c->model, device);

	return d && d->cls == CLASS_BMC && err->code == ERROR_UNREACHABLE;
}

static void on_read(void *arg, const struct op_result *r)
{
	struct reading *reading = arg;
	struct planning *p = reading->planning;

	if (r->document)
		json_object_set(p->observed, reading->device, (json_t *)r->document);
	else if (is_dead_bmc(p->core, reading->device, &r->error))
		json_object_set_new(p->observed, reading->device,
				    json_pack("{s:s, s:s}", "power", "unknown", "why", r->error.text));
	else if (!p->error.code)
		p->error = r->error;
	free(reading);
	if (--p->reads_left == 0)
		finish(p);
}

/* The BMC of a machine that is off by somebody's word is not asked. */
static bool is_confirmed(struct core *c, const char *device)
{
	const struct machine *m;
	size_t i;

	for (i = 0; (m = model_at(c->model, KIND_MACHINE, i)); i++)
		if (!strcmp(m->bmc->name, device))
			return roster_confirmed(c->roster, m->name) != NULL;
	return false;
}

static void read_devices(struct planning *p, const json_t *reads)
{
	struct reading *reading;
	const char *device;
	json_t *entry;

	p->reads_left = json_object_size(reads) + 1;
	json_object_foreach((json_t *)reads, device, entry) {
		if (is_confirmed(p->core, device)) {
			json_object_set_new(p->observed, device, json_pack("{s:s}", "power", "confirmed"));
			p->reads_left--;
			continue;
		}
		reading = xcalloc(1, sizeof(*reading) + strlen(device) + 1);
		reading->planning = p;
		memcpy(reading->device, device, strlen(device) + 1);
		dispatch_observe(p->core->dispatch, device, json_object_get(entry, "objects"), READ_DEADLINE_MS,
				 on_read, reading);
	}
	core_turn_soon(p->core);
	if (--p->reads_left == 0)
		finish(p);
}

static void begin(struct core *c, struct answer *a, const json_t *body, bool apply, const char *request,
		  const char *expected)
{
	struct planning *p = xcalloc(1, sizeof(*p));
	struct cast casts[CASTS_MAX];
	struct error err = { 0 };
	struct arena arena;
	json_t *reads;
	int n;

	p->core = c;
	p->answer = a;
	p->expected = expected ? xstrdup(expected) : NULL;
	p->request = request ? xstrdup(request) : NULL;
	p->observed = json_object();
	c->planning++;
	arena_init(&arena);
	n = wish_parse(c, body, &p->wish, &err);
	if (n == 0)
		n = wish_casts(c, &p->wish, casts, &arena, &err);
	if (n >= 0) {
		p->targets = wish_targets(casts, n);
		p->run = c->last_run + 1;
		if (apply && engine_reserve(c->engine, p->run, p->targets, &err) < 0)
			n = -1;
		else
			p->apply = apply;
	}
	if (n < 0) {
		give_up(p, &err);
	} else {
		c->last_run += apply;
		reads = plan_reads(c->model, casts, n);
		read_devices(p, reads);
		json_decref(reads);
	}
	arena_fini(&arena);
}

void service_plan(struct core *c, struct answer *a, const json_t *body)
{
	begin(c, a, body, false, NULL, NULL);
}

void service_run(struct core *c, struct answer *a, const json_t *body, const char *request)
{
	const json_t *plan = json_object_get(body, "plan");
	json_t *earlier = request ? store_run_by_request(c->store, request) : NULL;

	if (earlier) { /* the same wish sent twice is one run */
		core_answer(c, a, 202, run_json(earlier), NULL);
		json_decref(earlier);
		return;
	}
	if (plan)
		begin(c, a, plan, true, request, json_str(plan, "id", ""));
	else
		begin(c, a, body, true, request, NULL);
}

void service_cancel(struct core *c, struct answer *a, int64_t run)
{
	json_auto_t *known = store_run_get(c->store, run);
	struct error err = { 0 };

	store_set_time(c->store, env_wall(c->env));
	if (!known) {
		error_set(&err, ERROR_NOT_FOUND, "there is no run %lld", (long long)run);
		error_hint(&err, "List them with `persona runs`.");
		answer_error(c, a, &err);
	} else if (engine_cancel(c->engine, run, a->caller.name, &err) < 0) {
		answer_error(c, a, &err);
	} else {
		service_run_show(c, a, run);
	}
}
