/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop that reads every device and compares.  See reconcile.h.  A device has at most one such reading under way;
 * it merges with those of plans in the device's queue.
 */
#include "reconcile.h"
#include "rights.h"

#include "arena.h"
#include "json.h"
#include "log.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

enum { READ_MS = 15000, FIRST_MS = 10000, SOON_MS = 200 };

/* A device and its last reading. */
struct watch {
	struct reconcile *r;
	char *device;
	bool reading, again; /* again: it changed while it was read */
	struct env_timer *soon;
	int64_t asked, read_at; /* UTC ms; read_at 0: never */
	json_t *orphans;
	struct error error; /* of the last reading; code 0: none */
};

struct waiter { /* for a reading of everything */
	struct waiter *next;
	struct answer *answer;
	char *persona;
};

struct reconcile {
	struct core *core;
	struct table *watches;
	struct drifts *drifts;
	struct repairs *repairs;
	struct env_timer *tick;
	int reading;
	struct waiter *waiters;
};

struct reading { /* outlives its watch */
	struct core *core;
	char device[];
};

static void on_tick(void *arg);

struct reconcile *reconcile_create(struct core *c)
{
	struct reconcile *r = xcalloc(1, sizeof(*r));
	int64_t every = c->config.reconcile_ms;

	r->core = c;
	r->watches = table_create();
	r->drifts = drifts_create(c);
	r->repairs = repairs_create(c);
	if (every)
		r->tick = env_after(c->env, every < FIRST_MS ? every : FIRST_MS, on_tick, r);
	return r;
}

static void watch_free(struct reconcile *r, struct watch *w)
{
	table_remove(r->watches, w->device);
	env_cancel(r->core->env, w->soon);
	r->reading -= w->reading;
	json_decref(w->orphans);
	free(w->device);
	free(w);
}

void reconcile_destroy(struct reconcile *r)
{
	struct waiter *waiter;

	while ((waiter = r->waiters)) {
		r->waiters = waiter->next;
		free(waiter->persona);
		free(waiter);
	}
	while (table_count(r->watches))
		watch_free(r, table_at(r->watches, 0));
	env_cancel(r->core->env, r->tick);
	table_destroy(r->watches);
	drifts_destroy(r->drifts);
	repairs_destroy(r->repairs);
	free(r);
}

void reconcile_load(struct reconcile *r)
{
	drifts_load(r->drifts);
}

/* Whether the reading says something about this assignment as it is now. */
static bool is_settled(const struct watch *w, const struct assignment *a)
{
	struct core *c = w->r->core;

	return a->touched < w->asked && !core_holder(c, "persona", a->persona) && !core_holder(c, "machine", a->machine);
}

static bool uses_device(const struct persona *p, enum device_class cls, const char *device)
{
	const struct device *array;
	int i;

	for (i = 0; cls == CLASS_FABRIC && i < p->n_vhbas; i++)
		if (!strcmp(p->vhbas[i].fabric->name, device))
			return true;
	if (cls != CLASS_STORAGE)
		return cls != CLASS_FABRIC;
	for (i = 0; (array = persona_array(p, i)); i++)
		if (!strcmp(array->name, device))
			return true;
	return false;
}

static void compare(struct watch *w, const struct assignment *a, enum device_class cls, const json_t *observed)
{
	struct core *c = w->r->core;
	struct cast cast = { model_persona(c->model, a->persona), model_machine(c->model, a->machine), NULL, a->generation,
			     0, NULL, CAST_REPAIR };
	struct arena arena;
	json_t *items;

	if (!cast.persona || !cast.from || !is_settled(w, a) || !uses_device(cast.persona, cls, w->device))
		return;
	arena_init(&arena);
	if (cls == CLASS_STORAGE || cls == CLASS_FABRIC)
		cast.identities = identities_load(c, cast.persona, &arena);
	items = roster_quarantine(c->roster, a->machine) ? json_array() : plan_drift(c->model, &cast, observed);
	drifts_put(w->r->drifts, a->persona, a->machine, w->device, items);
	repairs_consider(w->r->repairs, cast.persona, items);
	json_decref(items);
	arena_fini(&arena);
}

static void take(struct watch *w, const struct device *d, const json_t *document)
{
	struct core *c = w->r->core;
	const struct machine *m = d->cls == CLASS_BMC ? core_machine_of_bmc(c, w->device) : NULL;
	const struct assignment *a;
	json_t *observed;
	size_t i;

	if (c->reload)
		return; /* the engine does not know its runs at this moment */
	observed = json_pack("{s:O}", w->device, document);
	if (m && (a = roster_on(c->roster, m->name)))
		compare(w, a, d->cls, observed);
	for (i = 0; d->cls != CLASS_BMC && (a = roster_at(c->roster, i)); i++)
		if (a->machine)
			compare(w, a, d->cls, observed);
	json_decref(w->orphans);
	w->orphans = d->cls == CLASS_BMC ? NULL : orphans_find(c, observed);
	json_decref(observed);
}

static json_t *device_json(const struct watch *w)
{
	json_t *out = json_pack("{s:s, s:o, s:o}", "device", w->device, "read_at",
				w->read_at ? json_integer(w->read_at) : json_null(), "error", json_null());

	if (w->error.code)
		json_object_set_new(out, "error", json_pack("{s:s, s:s}", "code", error_name(w->error.code), "text", w->error.text));
	return out;
}

/* Of a caller with a scope only what his personas show: orphans and devices are the site's. */
static json_t *report_within(const struct reconcile *r, const char *persona, const struct caller *caller)
{
	json_t *all = drifts_json(r->drifts, persona), *items = json_array(), *item;
	const struct persona *p;
	size_t i;

	json_array_foreach(all, i, item) {
		p = model_persona(r->core->model, json_str(item, "persona", ""));
		if (p && rights_persona(r->core, caller, p))
			json_array_append(items, item);
	}
	json_decref(all);
	return json_pack("{s:I, s:o, s:[], s:[]}", "interval_ms", (json_int_t)r->core->config.reconcile_ms, "items", items, "orphans",
			 "devices");
}

static json_t *report(const struct reconcile *r, const char *persona, const struct caller *caller)
{
	struct principal who = principal_of(caller);
	json_t *devices = json_array(), *orphans = json_array();
	const struct watch *w;
	size_t i;

	if (!access_is_wide(&who)) {
		json_decref(devices);
		json_decref(orphans);
		return report_within(r, persona, caller);
	}
	for (i = 0; (w = table_at(r->watches, i)); i++) {
		json_array_append_new(devices, device_json(w));
		if (w->orphans)
			json_array_extend(orphans, w->orphans);
	}
	return json_pack("{s:I, s:o, s:o, s:o}", "interval_ms", (json_int_t)r->core->config.reconcile_ms, "items",
			 drifts_json(r->drifts, persona), "orphans", orphans, "devices", devices);
}

static void answer_waiters(struct reconcile *r)
{
	struct waiter *w;

	while (!r->reading && (w = r->waiters)) {
		r->waiters = w->next;
		core_answer(r->core, w->answer, 200, report(r, w->persona, &w->answer->caller), NULL);
		free(w->persona);
		free(w);
	}
}

static void on_soon(void *arg);

static void soon(struct watch *w)
{
	if (!w->soon)
		w->soon = env_after(w->r->core->env, SOON_MS, on_soon, w);
}

static void note_failure(struct watch *w, const struct error *err)
{
	if (!w->error.code)
		log_warn("reconcile", "%s cannot be read: %s device=%s", w->device, err->text, w->device);
	w->error = *err;
}

static void on_read(void *arg, const struct op_result *result)
{
	struct reading *reading = arg;
	struct reconcile *r = reading->core->reconcile;
	struct watch *w = table_get(r->watches, reading->device);
	const struct device *d = model_device(reading->core->model, reading->device);

	free(reading);
	if (!w || !w->reading)
		return;
	w->reading = false;
	r->reading--;
	if (!d) {
		watch_free(r, w);
	} else if (!result->document) {
		note_failure(w, &result->error);
	} else {
		error_clear(&w->error);
		w->read_at = env_wall(r->core->env);
		take(w, d, result->document);
	}
	if (d && w->again)
		soon(w);
	answer_waiters(r);
}

static struct watch *watch_of(struct reconcile *r, const char *device)
{
	struct watch *w = table_get(r->watches, device);

	if (w)
		return w;
	w = xcalloc(1, sizeof(*w));
	w->r = r;
	w->device = xstrdup(device);
	table_add(r->watches, w->device, w);
	return w;
}

/* Switches, fabrics and arrays whole, since an orphan may be anywhere; of a BMC its power. */
static void read_device(struct watch *w)
{
	struct core *c = w->r->core;
	const struct device *d = model_device(c->model, w->device);
	json_auto_t *objects = NULL;
	struct reading *reading;
	size_t len = strlen(w->device) + 1;

	w->again = w->reading;
	if (w->reading || !d)
		return;
	objects = d->cls == CLASS_BMC ? json_pack("[s]", "power") : NULL;
	reading = xcalloc(1, sizeof(*reading) + len);
	reading->core = c;
	memcpy(reading->device, w->device, len);
	w->reading = true;
	w->r->reading++;
	w->asked = env_wall(c->env);
	dispatch_observe(c->dispatch, w->device, objects, READ_MS, on_read, reading);
	core_turn_soon(c);
}

static void on_soon(void *arg)
{
	struct watch *w = arg;

	w->soon = NULL;
	read_device(w);
}

static void read_all(struct reconcile *r)
{
	const struct device *d;
	size_t i;

	for (i = 0; (d = model_device_at(r->core->model, i)); i++)
		if (d->cls != CLASS_PROBE)
			read_device(watch_of(r, d->name));
}

static void on_tick(void *arg)
{
	struct reconcile *r = arg;

	r->tick = env_after(r->core->env, r->core->config.reconcile_ms, on_tick, r);
	read_all(r);
}

/* What an open run holds it changes itself. */
static bool any_of_others(struct core *c, const char *device, const json_t *objects)
{
	const json_t *object;
	const char *name;
	char *target;
	size_t i;
	bool ours = json_array_size(objects) > 0;

	json_array_foreach(objects, i, object) {
		name = json_string_value(object) ? json_string_value(object) : "";
		target = strncmp(name, "port:", 5) ? NULL : xasprintf("%s/%s", device, name + 5);
		ours = ours && target && core_holder(c, "port", target);
		free(target);
	}
	return !ours;
}

void reconcile_changed(struct reconcile *r, const json_t *event)
{
	const char *device = json_str(event, "device", "");

	if (model_device(r->core->model, device) && any_of_others(r->core, device, json_object_get(event, "objects")))
		soon(watch_of(r, device));
}

void reconcile_run_ended(struct reconcile *r, const struct run *run)
{
	struct watch *w;
	size_t i;
	int k;

	for (k = 0; k < run->n_casts; k++) {
		roster_touch(r->core->roster, run->casts[k].persona, env_wall(r->core->env));
		drifts_forget(r->drifts, run->casts[k].persona);
	}
	for (i = 0; !run->n_casts && (w = table_at(r->watches, i)); i++) {
		json_decref(w->orphans); /* they may have been swept */
		w->orphans = NULL;
	}
}

void service_drift(struct core *c, struct answer *a, const char *persona, bool now)
{
	struct reconcile *r = c->reconcile;
	struct error err = { 0 };
	struct waiter *w;

	if (persona && !core_persona(c, persona, &err)) {
		answer_error(c, a, &err);
		return;
	}
	if (!now) {
		core_answer(c, a, 200, report(r, persona, &a->caller), NULL);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->answer = a;
	w->persona = persona ? xstrdup(persona) : NULL;
	w->next = r->waiters;
	r->waiters = w;
	read_all(r);
	answer_waiters(r);
}

size_t reconcile_drifts(const struct reconcile *r)
{
	return drifts_count(r->drifts);
}

size_t reconcile_orphans(const struct reconcile *r)
{
	const struct watch *w;
	size_t n = 0, i;

	for (i = 0; (w = table_at(r->watches, i)); i++)
		n += json_array_size(w->orphans);
	return n;
}
