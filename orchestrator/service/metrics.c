/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whether the controller is ready to work, and its numbers for monitoring.
 */
#include "core.h"
#include "reconcile.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

enum { COMMIT_FRESH_MS = 5000 };

static int not_ready(const struct core *c, struct error *err)
{
	if (c->superseded)
		return error_set(err, ERROR_SUPERSEDED, "another controller has taken over the database");
	if (c->reload)
		return error_set(err, ERROR_STORAGE, "a commit failed and the state is being read from the database again");
	return 0;
}

void service_ready(struct core *c, struct answer *a)
{
	struct error err = { 0 };
	char text[24];

	if (not_ready(c, &err)) {
		answer_error(c, a, &err);
		return;
	}
	/* Nobody knows whether the disk still takes anything when nothing was written for a while. */
	if (c->commit_failed || env_mono(c->env) - c->committed_at >= COMMIT_FRESH_MS) {
		store_set_time(c->store, env_wall(c->env));
		snprintf(text, sizeof(text), "%lld", (long long)env_wall(c->env)); /* the same again would not be written */
		store_meta_set(c->store, "probed", text);
	}
	core_answer(c, a, 200, json_pack("{s:b}", "ready", 1), NULL);
}

static json_t *run_counts(struct core *c)
{
	json_auto_t *counts = store_run_counts(c->store);
	json_t *out = json_object();
	int i;

	for (i = 0; i < RUN_STATE_COUNT; i++)
		json_object_set_new(out, run_state_name((enum run_state)i),
				    json_integer(json_int(counts, run_state_name((enum run_state)i), 0)));
	return out;
}

static bool is_unreachable(struct core *c, const char *device)
{
	json_auto_t *live = dispatch_describe(c->dispatch, device);
	const char *code = json_str(json_object_get(live, "last_error"), "code", "");

	return !strcmp(json_str(live, "state", ""), "backoff") || !strcmp(code, "unreachable") || !strcmp(code, "timeout");
}

static void add_devices(struct core *c, json_t *out)
{
	const struct device *d;
	json_int_t unreachable = 0;
	size_t n;

	for (n = 0; (d = model_device_at(c->model, n)); n++)
		unreachable += is_unreachable(c, d->name);
	json_object_set_new(out, "devices", json_integer((json_int_t)n));
	json_object_set_new(out, "devices_unreachable", json_integer(unreachable));
}

static void add_roles(struct core *c, json_t *out)
{
	const struct assignment *a;
	const struct machine *m;
	json_int_t quarantined = 0, active = 0;
	size_t i;

	for (i = 0; (m = model_at(c->model, KIND_MACHINE, i)); i++)
		quarantined += roster_quarantine(c->roster, m->name) != NULL;
	for (i = 0; (a = roster_at(c->roster, i)); i++)
		active += a->machine != NULL;
	json_object_set_new(out, "machines", json_integer((json_int_t)model_count(c->model, KIND_MACHINE)));
	json_object_set_new(out, "quarantined", json_integer(quarantined));
	json_object_set_new(out, "personas", json_integer((json_int_t)model_count(c->model, KIND_PERSONA)));
	json_object_set_new(out, "personas_active", json_integer(active));
}

static void add_counters(struct core *c, json_t *out)
{
	const struct dispatch_counters *n = dispatch_counters(c->dispatch);
	char hash[CHAIN_TEXT];
	json_t *more = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "driver_starts",
				 (json_int_t)n->driver_starts, "driver_kills", (json_int_t)n->kills, "requests",
				 (json_int_t)n->requests, "observes", (json_int_t)n->observes, "changes",
				 (json_int_t)n->changes, "merged", (json_int_t)n->merged, "commits",
				 (json_int_t)store_commits(c->store), "events", (json_int_t)store_event_last(c->store),
				 "audit", (json_int_t)store_audit_head(c->store, hash), "cpu_us",
				 (json_int_t)c->env->ops->cpu_us(c->env), "started", (json_int_t)c->started);

	json_object_update(out, more);
	json_decref(more);
}

json_t *service_metrics(struct core *c)
{
	json_t *out = json_pack("{s:{s:i}, s:I, s:i, s:o, s:I}", "version", PACKAGE_VERSION, 1, "epoch", (json_int_t)c->epoch,
				"ready", !c->commit_failed && !c->reload && !c->superseded, "runs", run_counts(c), "runs_open",
				(json_int_t)engine_count(c->engine));

	add_roles(c, out);
	add_devices(c, out);
	json_object_set_new(out, "drift", json_integer((json_int_t)reconcile_drifts(c->reconcile)));
	json_object_set_new(out, "orphans", json_integer((json_int_t)reconcile_orphans(c->reconcile)));
	add_counters(c, out);
	return out;
}
