/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a wish to a plan or a run: resolve the names, reserve what is touched, read the devices in
 * parallel, plan, and start the engine.  The same way serves `plan` (no reservation, nothing started)
 * and `apply`.
 */
#include "core.h"
#include "reconcile.h"
#include "rights.h"
#include "wish.h"

#include "json.h"
#include "log.h"

#include <stdio.h>
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
	char what[JSON_HASH_TEXT]; /* the hash of the request under that key */
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
	if (!p->run)
		return;
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
	if (s->group)
		json_object_set_new(j, "group", json_string(s->group));
	if (s->fallback)
		json_object_set_new(j, "fallback", json_true());
	return j;
}

/* A secret is made once for a generation: a map that grows or is put back keeps its own. */
static int make_secret(struct core *c, const char *ref, struct error *err)
{
	struct secret *s = store_secret_get(c->store, ref, NULL);
	uint16_t words[CHAP_CHARS];
	int rc;

	if (s) {
		secret_destroy(s);
		return 0;
	}
	env_random(c->env, words, sizeof(words));
	s = secret_from_random(words, CHAP_CHARS);
	rc = s ? store_secret_put(c->store, ref, s, err) : error_set(err, ERROR_INTERNAL, "no locked memory");
	secret_destroy(s);
	secret_wipe(words, sizeof(words));
	return rc;
}

/* For each map that the plan grants, and for an adopted role, which needs one as soon as it is cast anew. */
static int make_secrets(struct core *c, const struct plan *plan, const struct cast *casts, int n, struct error *err)
{
	const char *ref;
	int i, rc = 0;
	char *name;

	for (i = 0; i < plan->n_steps && rc == 0; i++) {
		ref = json_str(json_object_get(plan->steps[i].set, "chap"), "secret_ref", NULL);
		if (ref)
			rc = make_secret(c, ref, err);
	}
	for (i = 0; i < n && rc == 0; i++)
		if (casts[i].kind == CAST_ADOPT) {
			name = xasprintf("chap/%s.g%lld", casts[i].persona->name, (long long)casts[i].next_generation);
			rc = make_secret(c, name, err);
			free(name);
		}
	return rc;
}

/* One name, a list of several, or nothing. */
static void put_with(json_t *body, const struct wish *w)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < w->n_with; i++)
		json_array_append_new(list, json_string(w->with[i]));
	if (w->n_with > 1)
		json_object_set(body, "with", list);
	else if (w->n_with)
		json_object_set(body, "with", json_array_get(list, 0));
	json_decref(list);
}

static json_t *plan_answer(const struct planning *p, const struct plan *plan)
{
	json_t *body = plan_json(plan);

	json_object_set_new(body, "action", json_string(p->wish.action));
	if (p->wish.persona)
		json_object_set_new(body, "persona", json_string(p->wish.persona));
	if (p->wish.machine)
		json_object_set_new(body, "machine", json_string(p->wish.machine));
	put_with(body, &p->wish);
	return body;
}

static json_t *restore_docs(const struct plan *plan)
{
	json_t *out = json_array(), *doc;
	int i;

	for (i = 0; i < plan->n_restore; i++) {
		doc = step_doc(&plan->restore[i]);
		json_object_set_new(doc, "restore", json_true());
		json_object_del(doc, "undo");
		json_array_append_new(out, doc);
	}
	return out;
}

/* What a return does is not to an assignment, so its casts are not part of the run. */
static json_t *run_doc(const struct planning *p, const struct plan *plan, const struct cast *casts, int n)
{
	const char *machine = p->wish.machine ? p->wish.machine : n && casts[0].to ? casts[0].to->name : "";
	json_t *doc = json_pack("{s:s, s:s, s:[]}", "action", p->wish.action, "machine", machine, "casts");
	int i;

	for (i = 0; i < n && p->wish.kind != CAST_RETURN; i++)
		json_array_append_new(json_object_get(doc, "casts"), cast_json(&casts[i], plan->activates[i]));
	if (plan->n_restore)
		json_object_set_new(doc, "restore", restore_docs(plan));
	json_object_set_new(doc, "request", json_string(p->what));
	json_object_set_new(doc, "plan", json_string(plan->id));
	return doc;
}

static void start_run(struct planning *p, const struct plan *plan, const struct cast *casts, int n)
{
	struct core *c = p->core;
	struct error err = { 0 };
	json_t *doc, *steps;
	char location[48];
	int i;

	store_set_time(c->store, env_wall(c->env));
	if (make_secrets(c, plan, casts, n, &err) < 0) {
		give_up(p, &err);
		return;
	}
	approval_use(c, plan->id);
	unfenced_note(c, plan);
	doc = run_doc(p, plan, casts, n);
	steps = json_array();
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
	const char *persona = p->wish.persona;
	struct answer *a = p->answer;
	struct core *c = p->core;
	json_t *body = json_pack("{s:s, s:i, s:s, s:o}", "state", "done", "changes", 0, "action", p->wish.action, "message",
				 persona ? json_sprintf("nothing to do: %s is as wished", persona)
					 : json_string("nothing to do"));

	if (persona)
		json_object_set_new(body, "persona", json_string(persona));
	give_back(p);
	planning_free(p);
	core_answer(c, a, 200, body, NULL);
}

/* An adoption takes over what is there as it is, or nothing. */
static int check_adoption(const struct planning *p, const struct plan *plan, struct error *err)
{
	size_t n = json_array_size(plan->differences);

	if (!n)
		return 0;
	error_set(err, ERROR_CONFLICT, "the wiring of %s is not that of %s (%zu difference%s): %s", p->wish.machine,
		  p->wish.persona, n, n == 1 ? "" : "s",
		  json_str(json_array_get(plan->differences, 0), "summary", ""));
	return error_hint(err, "See all: persona adopt %s --on %s. Change the persona or the wiring; an adoption changes neither.",
			  p->wish.persona, p->wish.machine);
}

/* The plan of @p in the present model; the casts are filled in.  NULL with an error. */
static struct plan *make_plan(struct planning *p, struct cast *casts, int *n, struct arena *arena, struct error *err)
{
	struct core *c = p->core;
	struct plan *plan;
	json_t *orphans;

	*n = wish_casts(c, &p->wish, casts, arena, err);
	if (*n < 0)
		return NULL;
	if (!*n) {
		orphans = orphans_find(c, p->observed);
		orphans_lock(c, orphans, p->targets);
		plan = plan_sweep(c->model, orphans, err);
		json_decref(orphans);
	} else {
		if (p->wish.kind == CAST_ADOPT)
			casts[0].next_generation = plan_adopted_generation(&casts[0], p->observed);
		plan = plan_build(c->model, casts, *n, p->observed, err);
	}
	if (plan)
		plan_identify(plan); /* what is done is recorded under this name, too */
	return plan;
}

/* A repair only restores what was approved before. */
static bool needs_approval(const struct cast *casts, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (casts[i].persona && casts[i].persona->needs_approval && casts[i].kind != CAST_REPAIR)
			return true;
	return false;
}

static int check_approvals(struct planning *p, struct plan *plan, const struct cast *casts, int n, struct error *err)
{
	if (!needs_approval(casts, n))
		return 0;
	return approval_check(p->core, &p->answer->caller, casts[0].persona->name, plan->id, err);
}

/* Whether a plan may be carried out: it is the one that was shown, and nothing holds what it touches. */
static int check_plan(struct planning *p, struct plan *plan, const struct cast *casts, int n, struct error *err)
{
	if (p->expected && strcmp(p->expected, plan->id) != 0)
		return error_set(err, ERROR_STALE, "the world has changed since this plan was made: it would be plan %s now", plan->id);
	if (!p->apply)
		return 0;
	/* A failed commit may have rebuilt the engine meanwhile, and with it the reservations. */
	if (engine_reserve(p->core->engine, p->run, p->targets, err) < 0 || check_adoption(p, plan, err) < 0)
		return -1;
	return plan->n_steps ? check_approvals(p, plan, casts, n, err) : 0;
}

/* Another wish under the same key was quicker while this one was read: its run is the answer to both. */
static bool is_late(struct planning *p)
{
	struct once once = { .key = p->apply ? p->request : NULL };

	memcpy(once.what, p->what, sizeof(once.what));
	if (!answered_before(p->core, p->answer, &once))
		return false;
	give_back(p);
	planning_free(p);
	return true;
}

static void finish(struct planning *p)
{
	struct error err = p->error;
	struct cast casts[CASTS_MAX];
	struct plan *plan = NULL;
	struct arena arena;
	int n = 0;

	if (is_late(p))
		return;
	arena_init(&arena);
	if (!err.code)
		plan = make_plan(p, casts, &n, &arena, &err);
	if (!plan || check_plan(p, plan, casts, n, &err) < 0) {
		give_up(p, &err);
	} else if (!p->apply) {
		core_answer(p->core, p->answer, 200, plan_answer(p, plan), NULL);
		planning_free(p);
	} else if (!plan->n_steps && p->wish.kind != CAST_ADOPT) {
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

/* A fabric that does not answer costs a path; whether that can be borne the plan decides, too. */
static bool is_dead_fabric(struct core *c, const char *device, const struct error *err)
{
	const struct device *d = model_device(c->model, device);

	return d && d->cls == CLASS_FABRIC && err->code == ERROR_UNREACHABLE;
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
	else if (is_dead_fabric(p->core, reading->device, &r->error))
		json_object_set_new(p->observed, reading->device, json_pack("{s:b, s:s}", "silent", 1, "why", r->error.text));
	else if (!p->error.code)
		p->error = r->error;
	free(reading);
	if (--p->reads_left == 0)
		finish(p);
}

/* The BMC of a machine that is off by somebody's word is not asked. */
static bool is_confirmed(struct core *c, const char *device)
{
	const struct device *d = model_device(c->model, device);
	const struct machine *m = d && d->cls == CLASS_BMC ? core_machine_of_bmc(c, device) : NULL;

	return m && roster_confirmed(c->roster, m->name);
}

static void read_devices(struct planning *p, const json_t *reads)
{
	struct reading *reading;
	const char *device;
	json_t *entry;

	p->reads_left = json_object_size(reads) + 1;
	json_object_foreach((json_t *)reads, device, entry) {
		if (is_confirmed(p->core, device) && p->wish.kind != CAST_RETURN) {
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

static struct planning *planning_create(struct core *c, struct answer *a, bool apply, const struct once *once,
					const char *expected)
{
	struct planning *p = xcalloc(1, sizeof(*p));

	p->core = c;
	p->answer = a;
	p->apply = apply;
	p->expected = expected ? xstrdup(expected) : NULL;
	if (once && once->key) {
		p->request = xstrdup(once->key);
		memcpy(p->what, once->what, sizeof(p->what));
	}
	p->observed = json_object();
	c->planning++;
	return p;
}

/* The wish is there: resolve it, reserve what it touches, read. */
static void begin(struct planning *p)
{
	struct core *c = p->core;
	struct cast casts[CASTS_MAX];
	struct error err = { 0 };
	struct arena arena;
	json_t *reads;
	int n;

	arena_init(&arena);
	n = wish_casts(c, &p->wish, casts, &arena, &err);
	if (n >= 0) {
		p->targets = wish_targets(casts, n);
		p->run = c->last_run + 1;
		if (p->apply && engine_reserve(c->engine, p->run, p->targets, &err) < 0)
			n = -1;
	}
	if (n < 0) {
		p->run = 0; /* it holds nothing */
		give_up(p, &err);
	} else {
		c->last_run += p->apply;
		reads = n ? plan_reads(c->model, casts, n) : orphans_reads(c->model);
		read_devices(p, reads);
		json_decref(reads);
	}
	arena_fini(&arena);
}

static void begin_parsed(struct planning *p, const json_t *body)
{
	struct error err = { 0 };

	if (wish_parse(p->core, body, &p->wish, &err) < 0)
		give_up(p, &err);
	else
		begin(p);
}

bool answered_before(struct core *c, struct answer *a, const struct once *once)
{
	json_auto_t *earlier = once->key ? store_run_by_request(c->store, once->key) : NULL;
	struct error err = { 0 };
	char location[48];

	if (!earlier)
		return false;
	snprintf(location, sizeof(location), "/v1/runs/%lld", (long long)json_int(earlier, "id", 0));
	if (!strcmp(json_str(json_object_get(earlier, "doc"), "request", once->what), once->what)) {
		core_answer(c, a, 202, run_json(earlier), location);
		return true;
	}
	error_set(&err, ERROR_INVALID, "this Idempotency-Key was used for another request, which became run %lld",
		  (long long)json_int(earlier, "id", 0));
	error_hint(&err, "Use a new key for each wish, and the same only to send the same wish again.");
	answer_error(c, a, &err);
	return true;
}

void service_return(struct core *c, struct answer *a, const char *machine, const struct once *once)
{
	struct planning *p;

	if (answered_before(c, a, once))
		return;
	p = planning_create(c, a, true, once, NULL);
	p->wish = (struct wish){ .action = xstrdup("return"), .kind = CAST_RETURN, .machine = xstrdup(machine) };
	begin(p);
}

void service_plan(struct core *c, struct answer *a, const json_t *body)
{
	begin_parsed(planning_create(c, a, false, NULL, NULL), body);
}

void service_run(struct core *c, struct answer *a, const json_t *body, const struct once *once)
{
	bool dry_run = json_bool(body, "dry_run", false);
	const json_t *plan = json_object_get(body, "plan");

	if (!dry_run && answered_before(c, a, once))
		return;
	begin_parsed(planning_create(c, a, !dry_run, once, plan ? json_str(plan, "id", "") : NULL), plan ? plan : body);
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
