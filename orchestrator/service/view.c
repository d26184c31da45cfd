/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What there is, for people and programs: machines, personas, devices, runs.  Reads only.
 */
#include "core.h"
#include "rights.h"

#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *run_or_null(int64_t run)
{
	return run ? json_integer(run) : json_null();
}

/* Text, or null where there is none. */
static json_t *text_or_null(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static json_t *nics_json(const struct machine *m)
{
	json_t *out = json_array();
	char mac[18];
	int i;

	for (i = 0; i < m->n_nics; i++) {
		text_format_octets(m->nics[i].mac, 6, mac, sizeof(mac));
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s}", "name", m->nics[i].name, "mac", mac, "switch",
						     m->nics[i].sw->name, "port", m->nics[i].port));
	}
	return out;
}

static json_t *groups_json(const struct machine *m)
{
	json_t *out = json_array();
	const struct membership *in;

	for (in = m->groups; in; in = in->next)
		json_array_append_new(out, json_string(in->group->name));
	return out;
}

static json_t *machine_json(struct core *c, const struct machine *m)
{
	const struct assignment *on = roster_on(c->roster, m->name);
	const char *quarantine = roster_quarantine(c->roster, m->name);
	int64_t run = core_holder(c, "machine", m->name);
	const char *state = quarantine ? "quarantined" : run ? "busy" : on ? "active" : "free";
	json_t *options = json_loads(m->bmc->options, 0, NULL);
	json_t *out = json_pack("{s:s, s:s, s:i, s:I, s:o, s:s, s:o, s:I, s:o, s:{s:s, s:s, s:s}, s:o}", "name", m->name,
				"arch", m->arch, "cores", m->cores, "memory_bytes", (json_int_t)m->memory, "uuid", text_or_null(m->uuid),
				"state", state, "persona", on ? json_string(on->persona) : json_null(), "generation",
				(json_int_t)(on ? on->generation : 0), "run", run_or_null(run), "bmc", "device",
				m->bmc->name, "driver", m->bmc->driver, "address", json_str(options, "address", ""), "nics",
				nics_json(m));

	json_decref(options);
	if (quarantine)
		json_object_set_new(out, "reason", json_string(quarantine));
	json_object_set_new(out, "groups", groups_json(m));
	return out;
}

static json_t *identities_json(struct core *c, const char *persona)
{
	json_t *ids = store_identity_of(c->store, persona), *id, *slot;
	size_t i;

	json_array_foreach(ids, i, id) {
		slot = json_object_get(id, "slot");
		json_object_set(id, "for", json_string_length(slot) ? slot : json_null());
		json_object_del(id, "slot");
	}
	return ids;
}

static json_t *requires_json(const struct persona *p)
{
	json_t *out = json_pack("{s:i, s:I}", "cores", p->cores, "memory_bytes", (json_int_t)p->memory);

	if (p->arch)
		json_object_set_new(out, "arch", json_string(p->arch));
	if (p->group)
		json_object_set_new(out, "group", json_string(p->group->name));
	return out;
}

/* As written, with its templates merged in. */
static json_t *document_json(struct core *c, const struct persona *p)
{
	json_t *doc = store_object_get(c->store, "persona", p->name), *parent, *merged;
	const char *from;
	int depth;

	for (depth = 0; depth < 8 && (from = json_str(doc, "from", NULL)); depth++) {
		parent = store_object_get(c->store, "template", from);
		if (!parent)
			break;
		merged = role_merge(parent, doc);
		from = json_str(parent, "from", NULL);
		if (from)
			json_object_set_new(merged, "from", json_string(from));
		else
			json_object_del(merged, "from");
		json_object_del(merged, "template");
		json_decref(parent);
		json_decref(doc);
		doc = merged;
	}
	return doc ? doc : json_object();
}

static json_t *persona_json(struct core *c, const struct persona *p)
{
	const struct assignment *a = roster_of(c->roster, p->name);
	int64_t run = core_holder(c, "persona", p->name);
	bool playing = a && a->machine;
	bool held = playing && roster_quarantine(c->roster, a->machine);
	json_t *boot = json_pack("{s:s, s:o}", "method", p->boot_method, "network",
				 p->boot_network ? json_string(p->boot_network->name) : json_null());

	return json_pack("{s:s, s:o, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "name", p->name, "from",
			 p->from ? json_string(p->from) : json_null(), "state",
			 run	   ? "busy"
			 : held	   ? "quarantined"
			 : playing ? "active"
				   : "defined",
			 "machine", playing ? json_string(a->machine) : json_null(), "generation",
			 (json_int_t)(a ? a->generation : 0), "run", run_or_null(run), "boot", boot, "requires",
			 requires_json(p), "identities", identities_json(c, p->name), "document", document_json(c, p));
}

static json_t *network_json(const struct network *n)
{
	json_t *out = json_pack("{s:s, s:i}", "name", n->name, "vlan", n->vlan);
	char a[16];

	format_ipv4(n->subnet, a);
	json_object_set_new(out, "subnet", n->prefix_len ? json_sprintf("%s/%d", a, n->prefix_len) : json_null());
	return out;
}

static json_t *group_json(const struct group *g)
{
	json_t *members = json_array();
	int i;

	for (i = 0; i < g->n_members; i++)
		json_array_append_new(members, json_string(g->members[i]->name));
	return json_pack("{s:s, s:i, s:o}", "name", g->name, "spares", g->spares, "machines", members);
}

static json_t *device_json(struct core *c, const struct device *d)
{
	json_t *out = json_pack("{s:s, s:s, s:s}", "name", d->name, "class", class_name(d->cls), "driver", d->driver);
	json_t *live = dispatch_describe(c->dispatch, d->name);

	json_object_update(out, live);
	json_decref(live);
	return out;
}

static json_t *pool_json(struct core *c, const struct pool *p)
{
	bool counted = !p->pattern;
	int octets = !strcmp(p->kind, "mac") ? 6 : 8;
	char first[32], last[32];
	json_t *out;

	text_format_octets(p->first, octets, first, sizeof(first));
	text_format_octets(p->last, octets, last, sizeof(last));
	out = json_pack("{s:s, s:s, s:o, s:I}", "name", p->name, "kind", p->kind, "range",
			counted ? json_sprintf("%s-%s", first, last) : json_string(p->pattern), "used",
			(json_int_t)store_identity_count(c->store, p->kind, counted ? (int64_t)p->first : 0,
							 counted ? (int64_t)p->last : 0));
	json_object_set_new(out, "size", counted ? json_integer((json_int_t)(p->last - p->first + 1)) : json_null());
	return out;
}

/* Only what the caller may see. */
static json_t *list_of(struct core *c, const struct caller *caller, const char *kind)
{
	json_t *items = json_array();
	const void *x;
	size_t i;

	for (i = 0; !strcmp(kind, "machines") && (x = model_at(c->model, KIND_MACHINE, i)); i++)
		if (rights_machine(c, caller, x))
			json_array_append_new(items, machine_json(c, x));
	for (i = 0; !strcmp(kind, "personas") && (x = model_at(c->model, KIND_PERSONA, i)); i++)
		if (rights_persona(c, caller, x))
			json_array_append_new(items, persona_json(c, x));
	for (i = 0; !strcmp(kind, "networks") && (x = model_at(c->model, KIND_NETWORK, i)); i++)
		json_array_append_new(items, network_json(x));
	for (i = 0; !strcmp(kind, "groups") && (x = model_at(c->model, KIND_GROUP, i)); i++)
		json_array_append_new(items, group_json(x));
	for (i = 0; !strcmp(kind, "devices") && (x = model_device_at(c->model, i)); i++)
		json_array_append_new(items, device_json(c, x));
	for (i = 0; !strcmp(kind, "templates") && (x = model_at(c->model, KIND_TEMPLATE, i)); i++)
		json_array_append_new(items, json_pack("{s:s, s:o}", "name", x, "document", store_object_get(c->store, "template", x)));
	for (i = 0; !strcmp(kind, "identities") && (x = model_at(c->model, KIND_IDENTITY, i)); i++)
		json_array_append_new(items, pool_json(c, x));
	return items;
}

void service_list(struct core *c, struct answer *a, const char *kind)
{
	core_answer(c, a, 200, json_pack("{s:o}", "items", list_of(c, &a->caller, kind)), NULL);
}

void service_show(struct core *c, struct answer *a, const char *kind, const char *name)
{
	struct error err = { 0 };
	const struct machine *m;
	const struct persona *p;
	const struct device *d;

	if (!strcmp(kind, "machines")) {
		m = core_machine(c, name, &err);
		if (m)
			core_answer(c, a, 200, machine_json(c, m), NULL);
	} else if (!strcmp(kind, "personas")) {
		p = core_persona(c, name, &err);
		if (p)
			core_answer(c, a, 200, persona_json(c, p), NULL);
	} else {
		d = model_device(c->model, name);
		if (d)
			core_answer(c, a, 200, device_json(c, d), NULL);
		else
			error_set(&err, ERROR_NOT_FOUND, "there is no device `%s`", name);
	}
	if (err.code)
		answer_error(c, a, &err);
}

void service_status(struct core *c, struct answer *a)
{
	const struct dispatch_counters *n = dispatch_counters(c->dispatch);

	core_answer(c, a, 200,
		    json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "version",
			      PACKAGE_VERSION, "site", c->model->site, "epoch", (json_int_t)c->epoch, "runs_open",
			      (json_int_t)engine_count(c->engine), "machines",
			      (json_int_t)model_count(c->model, KIND_MACHINE), "personas",
			      (json_int_t)model_count(c->model, KIND_PERSONA), "pid", (int)getpid(), "uptime_ms",
			      (json_int_t)(env_wall(c->env) - c->started), "counters", "commits",
			      (json_int_t)store_commits(c->store), "frames_sent", (json_int_t)n->requests, "changes",
			      (json_int_t)n->changes, "merged", (json_int_t)n->merged, "observes",
			      (json_int_t)n->observes, "driver_kills", (json_int_t)n->kills, "driver_starts",
			      (json_int_t)n->driver_starts, "cpu_us", (json_int_t)c->env->ops->cpu_us(c->env)),
		    NULL);
}

void service_summary(struct core *c, char *out, size_t size)
{
	const char *site = c->model->site;
	size_t open = engine_count(c->engine);

	snprintf(out, size, "%s%s: %zu machines, %zu run%s open%s", *site ? "site " : "no site yet", site,
		 model_count(c->model, KIND_MACHINE), open, open == 1 ? "" : "s", c->reload ? "; the database takes no commits" : "");
}

json_t *run_json(const json_t *row)
{
	json_t *out = json_pack("{s:O, s:O, s:o, s:o, s:O, s:O}", "id", json_object_get(row, "id"), "action",
				json_object_get(row, "action"), "persona", text_or_null(json_str(row, "persona", NULL)),
				"machine", text_or_null(json_str(row, "machine", NULL)), "state",
				json_object_get(row, "state"), "error", json_object_get(row, "reason"));
	const json_t *cast = json_array_get(json_object_get(json_object_get(row, "doc"), "casts"), 0);
	const json_t *other = json_array_get(json_object_get(json_object_get(row, "doc"), "casts"), 1);
	json_t *from = json_object_get(cast, "from"), *with = json_object_get(other, "persona");

	json_object_set(out, "from", from ? from : json_null());
	json_object_set(out, "with", with ? with : json_null());
	json_object_set(out, "created", json_object_get(row, "created"));
	json_object_set(out, "ended", json_object_get(row, "ended"));
	return out;
}

json_t *run_json_of(struct core *c, int64_t id)
{
	json_auto_t *row = store_run_get(c->store, id);

	return row ? run_json(row) : json_object();
}

static json_t *step_view(const json_t *row)
{
	static const char *const keys[] = { "device", "object", "summary", "verb" };
	const json_t *doc = json_object_get(row, "doc");
	json_t *out = json_pack("{s:O, s:O, s:O}", "n", json_object_get(row, "n"), "state",
				json_object_get(row, "state"), "error", json_object_get(row, "reason"));
	size_t i;

	for (i = 0; i < 4; i++)
		json_object_set(out, keys[i], json_object_get(doc, keys[i]));
	json_object_set_new(out, "phase", json_string(json_str(doc, "phase_name", "")));
	json_object_set(out, "started", json_object_get(row, "started"));
	json_object_set(out, "ended", json_object_get(row, "ended"));
	return out;
}

void service_runs(struct core *c, struct answer *a, bool open_only, int limit)
{
	json_auto_t *rows = open_only ? store_run_open(c->store) : store_run_recent(c->store, INT64_MAX, limit);
	json_t *items = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (rights_run(c, &a->caller, row))
			json_array_append_new(items, run_json(row));
	core_answer(c, a, 200, json_pack("{s:o}", "items", items), NULL);
}

void service_run_show(struct core *c, struct answer *a, int64_t id)
{
	json_auto_t *row = store_run_get(c->store, id), *rows = NULL;
	struct error err = { 0 };
	json_t *steps, *out, *step;
	size_t i;

	if (!row) {
		error_set(&err, ERROR_NOT_FOUND, "there is no run %lld", (long long)id);
		error_hint(&err, "List them with `persona runs`.");
		answer_error(c, a, &err);
		return;
	}
	out = run_json(row);
	steps = json_array();
	rows = store_step_all(c->store, id);
	json_array_foreach(rows, i, step)
		json_array_append_new(steps, step_view(step));
	json_object_set_new(out, "steps", steps);
	core_answer(c, a, 200, out, NULL);
}

void service_errors(struct core *c, struct answer *a)
{
	json_t *items = json_array();
	int i;

	for (i = ERROR_NONE + 1; i < ERROR_COUNT; i++)
		json_array_append_new(items, json_pack("{s:s, s:i, s:i, s:b, s:s, s:s}", "code", error_name(i), "status",
						       error_http(i), "exit", error_exit(i), "retryable",
						       error_is_retryable(i), "meaning", error_meaning(i), "advice",
						       error_advice(i)));
	core_answer(c, a, 200, json_pack("{s:o}", "items", items), NULL);
}
