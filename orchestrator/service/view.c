/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What there is, for people and programs: one machine, persona, device, run, and how the controller is.  Reads only.
 * Lists of them are in list.c.
 */
#include "trust.h"
#include "view.h"

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

json_t *view_machine(struct core *c, const struct machine *m)
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

json_t *view_persona(struct core *c, const struct persona *p)
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

json_t *view_device(struct core *c, const struct device *d)
{
	json_t *out = json_pack("{s:s, s:s, s:s}", "name", d->name, "class", class_name(d->cls), "driver", d->driver);
	json_t *live = dispatch_describe(c->dispatch, d->name);

	json_object_update(out, live);
	json_object_set_new(out, "trust", trust_json(c, d));
	json_decref(live);
	return out;
}

/* A site's sections are objects of their own here; this is the document that they came from. */
static void add_to_site(void *arg, const char *kind, const char *name, json_t *doc)
{
	const char *key = document_section(kind_by_name(kind));
	json_t *site = arg, *section;

	if (!strcmp(kind, "site"))
		json_object_update(site, doc);
	if (!key)
		return;
	section = json_object_get(site, key);
	if (!section) {
		section = json_object();
		json_object_set_new(site, key, section);
	}
	json_object_set(section, name, doc);
}

static json_t *site_document(struct core *c, struct error *err)
{
	json_t *site = json_object();

	if (store_object_each(c->store, add_to_site, site, err) == 0 && json_object_get(site, "site"))
		return site;
	if (!err->code) {
		error_set(err, ERROR_NOT_FOUND, "no site is defined");
		error_hint(err, "Define one: persona define -f site.yaml");
	}
	json_decref(site);
	return NULL;
}

static json_t *stored_document(struct core *c, const char *kind, const char *name, struct error *err)
{
	json_t *doc = store_object_get(c->store, kind, name);

	if (!doc)
		error_set(err, ERROR_NOT_FOUND, "there is no %s `%s`", kind, name);
	return doc;
}

json_t *view_template(struct core *c, const char *name)
{
	json_t *doc = store_object_get(c->store, "template", name);

	return doc ? json_pack("{s:s, s:o}", "name", name, "document", doc) : NULL;
}

static json_t *device_object(struct core *c, const char *name, struct error *err)
{
	const struct device *d = model_device(c->model, name);

	if (d)
		return view_device(c, d);
	error_set(err, ERROR_NOT_FOUND, "there is no device `%s`", name);
	return NULL;
}

static json_t *template_object(struct core *c, const char *name, struct error *err)
{
	json_t *template = view_template(c, name);

	if (!template)
		error_set(err, ERROR_NOT_FOUND, "there is no template `%s`", name);
	return template;
}

json_t *service_object(struct core *c, const char *collection, const char *name, const char *part, struct error *err)
{
	bool document = !strcmp(part, "document");
	const struct machine *m;
	const struct persona *p;

	if (!strcmp(collection, "site"))
		return site_document(c, err);
	if (!strcmp(collection, "personas") && !document) {
		p = core_persona(c, name, err);
		return p ? view_persona(c, p) : NULL;
	}
	if (!strcmp(collection, "personas"))
		return stored_document(c, "persona", name, err);
	if (!strcmp(collection, "templates"))
		return document ? stored_document(c, "template", name, err) : template_object(c, name, err);
	if (!strcmp(collection, "devices"))
		return device_object(c, name, err);
	m = core_machine(c, name, err);
	return m ? view_machine(c, m) : NULL;
}

void service_show(struct core *c, struct answer *a, const char *collection, const char *name, const char *part)
{
	struct error err = { 0 };
	json_t *object = service_object(c, collection, name, part, &err);

	if (object)
		core_answer(c, a, 200, object, NULL);
	else
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
	json_object_set_new(out, "volume", text_or_null(json_str(json_object_get(row, "doc"), "volume", NULL)));
	json_object_set_new(out, "plan", text_or_null(json_str(json_object_get(row, "doc"), "plan", NULL)));
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
