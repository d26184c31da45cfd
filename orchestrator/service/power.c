/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Machines by hand: power, health, identify, console.
 */
#include "core.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { READ_MS = 10000, OFF_MS = 90000, SOFT_MS = 60000 };

struct asking {
	struct core *core;
	struct answer *answer;
	char machine[64];
	bool power_only;
};

static struct asking *asking_create(struct core *c, struct answer *a, const char *machine)
{
	struct asking *q = xcalloc(1, sizeof(*q));

	q->core = c;
	q->answer = a;
	snprintf(q->machine, sizeof(q->machine), "%s", machine);
	return q;
}

static void on_document(void *arg, const struct op_result *r)
{
	struct asking *q = arg;
	json_t *body;

	if (!r->document) {
		answer_error(q->core, q->answer, &r->error);
	} else {
		body = q->power_only ? json_pack("{s:s}", "power", json_str(r->document, "power", "unknown"))
				     : json_copy((json_t *)r->document);
		json_object_set_new(body, "machine", json_string(q->machine));
		json_object_set_new(body, "read_at", json_integer(env_wall(q->core->env)));
		core_answer(q->core, q->answer, 200, body, NULL);
	}
	free(q);
}

static void read_bmc(struct core *c, struct answer *a, const char *name, json_t *objects, bool power_only)
{
	struct error err = { 0 };
	const struct machine *m = core_machine(c, name, &err);
	struct asking *q;

	if (!m) {
		answer_error(c, a, &err);
	} else {
		q = asking_create(c, a, name);
		q->power_only = power_only;
		dispatch_observe(c->dispatch, m->bmc->name, objects, READ_MS, on_document, q);
		core_turn_soon(c);
	}
	json_decref(objects);
}

void service_power_get(struct core *c, struct answer *a, const char *machine)
{
	read_bmc(c, a, machine, json_pack("[s]", "power"), true);
}

void service_health(struct core *c, struct answer *a, const char *machine)
{
	read_bmc(c, a, machine, json_pack("[s, s, s, s]", "power", "identity", "sensors", "sel"), false);
}

static json_t *power_step(const struct machine *m, const char *object, json_t *set, int phase,
			  const char *phase_text, int64_t deadline_ms, json_t *summary)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:o, s:s, s:I, s:s, s:s, s:o}", "phase", phase, "phase_name", phase_text,
			 "device", m->bmc->name, "object", object, "set", set, "machine", m->name, "deadline_ms",
			 (json_int_t)deadline_ms, "verb", "!", "owner", "", "summary", summary);
}

static json_t *power_steps(const struct machine *m, const char *power)
{
	json_t *steps = json_array(), *step;
	bool on = !strcmp(power, "on");

	if (!strcmp(power, "soft")) {
		step = power_step(m, "shutdown", json_pack("{s:b}", "requested", 1), PHASE_QUIESCE, "quiesce", SOFT_MS,
				  json_sprintf("ask %s to shut down", m->name));
		json_object_set_new(step, "optional", json_true());
		json_array_append_new(steps, step);
	}
	json_array_append_new(steps, power_step(m, "power", json_pack("{s:s}", "power", on ? "on" : "off"),
						on ? PHASE_ON : PHASE_OFF, on ? "on" : "off", OFF_MS,
						json_sprintf(on ? "power on %s" : "power off %s and read off twice",
							     m->name)));
	return steps;
}

static void start_power_run(struct core *c, struct answer *a, const struct machine *m, const char *power,
			    const struct once *once)
{
	json_t *targets = json_array(), *doc, *steps;
	struct error err = { 0 };
	int64_t id = c->last_run + 1;
	char location[48];

	json_array_append_new(targets, json_sprintf("machine:%s", m->name));
	if (engine_reserve(c->engine, id, targets, &err) < 0) {
		answer_error(c, a, &err);
		json_decref(targets);
		return;
	}
	c->last_run = id;
	store_set_time(c->store, env_wall(c->env));
	doc = json_pack("{s:o, s:s, s:[], s:s}", "action", json_sprintf("power-%s", power), "machine", m->name, "casts", "request",
			once->what);
	steps = power_steps(m, power);
	engine_start(c->engine, id, doc, steps, targets, once->key);
	snprintf(location, sizeof(location), "/v1/runs/%lld", (long long)id);
	core_answer(c, a, 202, run_json_of(c, id), location);
	json_decref(doc);
	json_decref(steps);
	json_decref(targets);
}

void service_power_set(struct core *c, struct answer *a, const char *machine, const json_t *body, const struct once *once)
{
	const char *power = json_str(body, "power", "");
	struct error err = { 0 };
	const struct machine *m = core_machine(c, machine, &err);
	const struct assignment *on;
	json_t *wish;

	if (m && strcmp(power, "on") != 0 && strcmp(power, "off") != 0 && strcmp(power, "soft") != 0)
		error_set(&err, ERROR_USAGE, "`power` must be on, off or soft");
	if (err.code) {
		answer_error(c, a, &err);
		return;
	}
	if (answered_before(c, a, once))
		return;
	on = roster_on(c->roster, machine);
	if (!strcmp(power, "on") && roster_quarantine(c->roster, machine)) {
		error_set(&err, ERROR_CONFLICT, "%s is quarantined: %s", machine, roster_quarantine(c->roster, machine));
		error_hint(&err, "Once it is repaired: persona machine return %s", machine);
		answer_error(c, a, &err);
	} else if (!strcmp(power, "on") && on) {
		/* A role needs its boot wiring: powering it on is applying it. */
		wish = json_pack("{s:s, s:s, s:s}", "action", "apply", "persona", on->persona, "machine", machine);
		service_run(c, a, wish, once);
		json_decref(wish);
	} else {
		start_power_run(c, a, m, power, once);
	}
}

static void on_done(void *arg, const struct op_result *r)
{
	struct asking *q = arg;

	if (r->outcome == OP_DONE)
		core_answer(q->core, q->answer, 200, json_pack("{s:s}", "machine", q->machine), NULL);
	else
		answer_error(q->core, q->answer, &r->error);
	free(q);
}

void service_identify(struct core *c, struct answer *a, const char *machine, const json_t *body)
{
	struct error err = { 0 };
	const struct machine *m = core_machine(c, machine, &err);
	json_t *change;

	if (!m) {
		answer_error(c, a, &err);
		return;
	}
	change = json_pack("{s:s, s:{s:I}}", "object", "identify", "set", "seconds",
			   (json_int_t)json_int(body, "seconds", 15));
	dispatch_apply(c->dispatch, m->bmc->name, change, false, READ_MS, on_done, asking_create(c, a, machine));
	json_decref(change);
	core_turn_soon(c);
}

void service_console(struct core *c, struct answer *a, const char *machine, const char *action,
		     const char *data)
{
	struct error err = { 0 };
	const struct machine *m = core_machine(c, machine, &err);

	if (!m) {
		answer_error(c, a, &err);
		return;
	}
	dispatch_console(c->dispatch, m->bmc->name, action, data, on_done, asking_create(c, a, machine));
	core_turn_soon(c);
}
