/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The core: opening, the turn of the loop (group commit), and what happens when a commit fails.
 */
#include "core.h"
#include "reconcile.h"
#include "rights.h"
#include "throttle.h"
#include "trust.h"

#include "arena.h"
#include "json.h"
#include "log.h"
#include "text.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATHER_MAX_MS = 20, GATHER_RUNS_PER_MS = 25, RELOAD_MS = 1000 };

struct waiting {
	struct waiting *next;
	struct answer *answer;
	int status;
	json_t *body;
	char *location;
};

json_t *problem_json(const struct error *err)
{
	json_t *p = json_pack("{s:o, s:s, s:i, s:s, s:s, s:s}", "type",
			      json_sprintf("urn:recast:error:%s", error_name(err->code)), "title",
			      error_meaning(err->code), "status", error_http(err->code), "detail", err->text, "code",
			      error_name(err->code), "hint", err->hint[0] ? err->hint : error_advice(err->code));

	if (err->retry_after_ms)
		json_object_set_new(p, "retry_after_ms", json_integer(err->retry_after_ms));
	return p;
}

void answer_error(struct core *c, struct answer *a, const struct error *err)
{
	core_answer(c, a, error_http(err->code), problem_json(err), NULL);
}

void core_answer(struct core *c, struct answer *a, int status, json_t *body, const char *location)
{
	struct waiting *w;

	audit_outcome(c, a, status, body);
	if (!store_dirty(c->store)) {
		a->send(a, status, body, location);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->answer = a;
	w->status = status;
	w->body = body;
	w->location = location ? xstrdup(location) : NULL;
	*c->wait_last = w;
	c->wait_last = &w->next;
	core_turn_soon(c);
}

/* Let the answers go; with @err they become that error, since what they tell has not happened. */
static void release_answers(struct core *c, const struct error *err)
{
	struct waiting *w = c->wait_first, *next;

	c->wait_first = NULL;
	c->wait_last = &c->wait_first;
	for (; w; w = next) {
		next = w->next;
		if (err && w->status < 400) {
			json_decref(w->body);
			w->body = problem_json(err);
			w->status = error_http(err->code);
			free(w->location);
			w->location = NULL;
		}
		w->answer->send(w->answer, w->status, w->body, w->location);
		free(w->location);
		free(w);
	}
}

void core_event(struct core *c, const char *type, int64_t run, json_t *doc)
{
	store_event_add(c->store, type, run, doc);
	json_decref(doc);
	core_turn_soon(c);
}

json_t *core_events_after(struct core *c, int64_t seq, int limit)
{
	return store_event_after(c->store, seq, limit);
}

int64_t core_last_event(const struct core *c)
{
	return store_event_last(c->store);
}

int64_t core_time(const struct core *c)
{
	return env_wall(c->env);
}

void core_on_events(struct core *c, void (*fn)(void *arg), void *arg)
{
	c->events_fn = fn;
	c->events_arg = arg;
}

void core_on_console(struct core *c, void (*fn)(void *arg, const char *machine, const char *data), void *arg)
{
	c->console_fn = fn;
	c->console_arg = arg;
}

static void on_turn(void *arg);

/* With many runs in flight a short wait lets their events share one commit and one apply per device. */
void core_turn_soon(struct core *c)
{
	size_t busy = engine_count(c->engine) + (size_t)c->planning;
	int64_t wait_ms = (int64_t)(busy / GATHER_RUNS_PER_MS);

	if (!c->turn)
		c->turn = env_after(c->env, wait_ms > GATHER_MAX_MS ? GATHER_MAX_MS : wait_ms, on_turn, c);
}

static int load_state(struct core *c, struct error *err);

static void on_reload(void *arg)
{
	struct core *c = arg;
	struct error err = { 0 };

	c->reload = NULL;
	if (load_state(c, &err) < 0) {
		log_error("core", "cannot read the database again, trying on: %s", err.text);
		c->reload = env_after(c->env, RELOAD_MS, on_reload, c);
	}
	core_turn_soon(c);
}

/* Nothing of this turn has happened.  Memory is ahead of the journal now, so throw it away and take up
 * the runs from the journal as after a restart; a little later, since the disk may still be full. */
static void commit_failed(struct core *c, const struct error *err)
{
	log_error("core", "commit failed, nothing of this turn counts: %s", err->text);
	c->commit_failed = true;
	c->era++;
	outgoing_drop(c);
	engine_destroy(c->engine);
	c->engine = engine_create(&core_engine_ops, c);
	engine_close(c->engine); /* a wish that was read meanwhile must not start beside runs that are not there yet */
	release_answers(c, err);
	c->superseded = err->code == ERROR_SUPERSEDED;
	if (c->superseded) {
		dispatch_stop(c->dispatch);
		if (c->config.superseded)
			c->config.superseded(c->config.arg);
	} else if (!c->reload) {
		c->reload = env_after(c->env, RELOAD_MS, on_reload, c);
	}
}

int core_commit(struct core *c, struct error *err)
{
	bool wrote = store_dirty(c->store);

	if (store_commit(c->store, err) == 0) {
		if (wrote) {
			c->committed_at = env_mono(c->env);
			c->commit_failed = false;
		}
		return 0;
	}
	commit_failed(c, err);
	return -1;
}

static void on_turn(void *arg)
{
	struct core *c = arg;
	struct error err = { 0 };
	bool wrote = store_dirty(c->store);

	c->turn = NULL;
	store_set_time(c->store, env_wall(c->env));
	if (wrote)
		store_trim(c->store, c->config.keep_events, c->config.keep_runs);
	if (core_commit(c, &err) < 0)
		return;
	outgoing_flush(c);
	release_answers(c, NULL);
	if (wrote && c->events_fn)
		c->events_fn(c->events_arg);
	dispatch_crowd(c->dispatch, engine_count(c->engine) + (size_t)c->planning);
	dispatch_pump(c->dispatch);
}

static void load_object(void *arg, const char *kind, const char *name, json_t *doc)
{
	objects_add(arg, kind_by_name(kind), name, doc, NULL);
}

struct model *core_load_model(struct core *c, struct error *err)
{
	struct objects objects = { 0 };
	struct problems problems = { 0 };
	struct model *m = NULL;

	if (store_object_each(c->store, load_object, &objects, err) == 0)
		m = model_build(&objects, &problems);
	if (!m && problems_any(&problems))
		error_set(err, ERROR_STORAGE, "the stored documents do not fit together: %s",
			  json_str(json_array_get(problems.items, 0), "detail", ""));
	problems_fini(&problems);
	objects_fini(&objects);
	return m;
}

static void load_assignment(void *arg, const char *persona, const char *machine, int64_t generation,
			    int64_t last)
{
	roster_put(arg, persona, machine, generation, last);
}

static void load_quarantine(void *arg, const char *machine, const char *reason, const char *confirmed)
{
	roster_set_quarantine(arg, machine, reason, confirmed);
}

static void resume_runs(struct core *c)
{
	json_auto_t *open = store_run_open(c->store);
	json_t *run, *steps, *locks;
	size_t i;

	json_array_foreach(open, i, run) {
		int64_t id = json_int(run, "id", 0);

		steps = store_step_all(c->store, id);
		locks = store_lock_of(c->store, id);
		log_info("core", "run %lld (%s) goes on run=%lld persona=%s machine=%s", (long long)id,
			 json_str(run, "action", ""), (long long)id, json_str(run, "persona", ""), json_str(run, "machine", ""));
		engine_resume(c->engine, run, steps, locks);
		json_decref(steps);
		json_decref(locks);
	}
}

static int load_state(struct core *c, struct error *err)
{
	struct model *m = core_load_model(c, err);
	int64_t last;

	if (!m)
		return -1;
	model_destroy(c->model);
	c->model = m;
	if (c->roster)
		roster_destroy(c->roster);
	c->roster = roster_create();
	store_assignment_each(c->store, load_assignment, c->roster, err);
	store_quarantine_each(c->store, load_quarantine, c->roster, err);
	reconcile_load(c->reconcile);
	rotations_load(c);
	last = store_run_last(c->store);
	if (c->last_run < last) /* wishes that are being read have numbers beyond */
		c->last_run = last;
	engine_open(c->engine);
	resume_runs(c);
	malloc_trim(0); /* parsing the documents took many times what the model keeps */
	return 0;
}

static int device_of(void *ctx, const char *name, struct device_spec *spec, struct error *err)
{
	struct core *c = ctx;
	const struct device *d = model_device(c->model, name);
	char pin[FINGERPRINT_TEXT];

	if (!d && (!strcmp(name, "probe") || !strcmp(name, PASSWORDS))) { /* not of the site, but of Recast itself */
		snprintf(spec->cls, sizeof(spec->cls), "%s", name + (*name == '@'));
		snprintf(spec->driver, sizeof(spec->driver), "%s", spec->cls);
		return 0;
	}
	if (!d)
		return error_set(err, ERROR_NOT_FOUND, "there is no device `%s` any more", name);
	snprintf(spec->cls, sizeof(spec->cls), "%s", class_name(d->cls));
	snprintf(spec->driver, sizeof(spec->driver), "%s", d->driver);
	spec->options = xstrdup(d->options);
	spec->secret = d->secret ? xstrdup(d->secret) : NULL;
	spec->pin = trust_pin(c, d, pin) ? xstrdup(pin) : NULL;
	return 0;
}

static struct secret *secret_of(void *ctx, const char *name, struct error *err)
{
	return store_secret_get(((struct core *)ctx)->store, name, err);
}

static void on_driver_event(void *ctx, const json_t *event)
{
	struct core *c = ctx;
	const char *device = json_str(event, "device", ""), *data = json_str(event, "data", "");
	char machine[128];
	size_t n = strlen(device);

	if (!strcmp(json_str(event, "event", ""), "changed"))
		reconcile_changed(c->reconcile, event);
	if (strcmp(json_str(event, "event", ""), "console") != 0 || !c->console_fn)
		return;
	if (n > 4 && n < sizeof(machine) && !strcmp(device + n - 4, "-bmc")) {
		snprintf(machine, sizeof(machine), "%.*s", (int)(n - 4), device);
		c->console_fn(c->console_arg, machine, data);
	}
}

static void on_untrusted(void *ctx, const char *device, const struct server_key *shown)
{
	trust_shown(ctx, device, shown);
}

static bool in_term(void *ctx)
{
	return store_in_term(((struct core *)ctx)->store);
}

static const struct dispatch_ops dispatch_hands = { device_of, secret_of, on_driver_event, on_untrusted, in_term };

struct core *core_create(struct env *env, const struct core_config *config, struct error *err)
{
	struct core *c = xcalloc(1, sizeof(*c));

	c->env = env;
	c->config = *config;
	c->started = env_wall(env);
	c->out_last = &c->out_first;
	c->wait_last = &c->wait_first;
	c->store = store_open(config->database, config->key_file, err);
	if (!c->store) {
		free(c);
		return NULL;
	}
	store_set_time(c->store, c->started);
	c->dispatch = dispatch_create(env, config->driver_path, &dispatch_hands, c);
	c->engine = engine_create(&core_engine_ops, c);
	c->reconcile = reconcile_create(c);
	c->throttle = throttle_create();
	if (store_claim(c->store, &c->epoch, err) < 0 || load_state(c, err) < 0) {
		core_destroy(c);
		return NULL;
	}
	core_turn_soon(c);
	return c;
}

void core_destroy(struct core *c)
{
	dispatch_destroy(c->dispatch);
	reconcile_destroy(c->reconcile);
	throttle_destroy(c->throttle);
	outgoing_drop(c);
	timers_drop(c);
	rotations_drop(c);
	engine_destroy(c->engine);
	model_destroy(c->model);
	if (c->roster)
		roster_destroy(c->roster);
	store_close(c->store);
	env_cancel(c->env, c->turn);
	env_cancel(c->env, c->reload);
	env_cancel(c->env, c->audit_head);
	free(c);
}

static void nearest_hint(const struct model *m, enum object_kind kind, const char *name, struct error *err)
{
	size_t n = model_count(m, kind), i;
	const char **names = xcalloc(n + 1, sizeof(*names)), *near;

	/* Machine and persona both begin with their name. */
	for (i = 0; i < n; i++)
		names[i] = *(const char *const *)model_at(m, kind, i);
	near = text_nearest(name, names, n);
	if (near)
		error_hint(err, "Did you mean `%s`?", near);
	free(names);
}

const struct machine *core_machine(struct core *c, const char *name, struct error *err)
{
	const struct machine *m = model_machine(c->model, name);

	if (!m) {
		error_set(err, ERROR_NOT_FOUND, "there is no machine `%s`", name);
		nearest_hint(c->model, KIND_MACHINE, name, err);
	}
	return m;
}

int64_t core_holder(const struct core *c, const char *kind, const char *name)
{
	char *target = xasprintf("%s:%s", kind, name);
	int64_t run = engine_holder(c->engine, target);

	free(target);
	return run;
}

const struct machine *core_machine_of_bmc(struct core *c, const char *device)
{
	char *name = xstrdup(device);
	const struct machine *machine;

	if (strlen(name) > 4)
		name[strlen(name) - 4] = '\0'; /* "-bmc" */
	machine = model_machine(c->model, name);
	free(name);
	return machine;
}

const struct persona *core_persona(struct core *c, const char *name, struct error *err)
{
	const struct persona *p = model_persona(c->model, name);

	if (!p) {
		error_set(err, ERROR_NOT_FOUND, "there is no persona `%s`", name);
		nearest_hint(c->model, KIND_PERSONA, name, err);
	}
	return p;
}
