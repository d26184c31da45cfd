/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Defining: documents become objects, the whole model is built with them and checked, and only then are
 * the objects that differ written.  A site document is the whole truth about its site: what it does not
 * name any more is removed.
 */
#include "core.h"
#include "trust.h"

#include "json.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct defining {
	struct core *core;
	struct objects wanted; /* from the documents */
	struct objects all;    /* wanted over stored */
	struct table *wanted_by_key;
	struct problems problems;
	json_t *changes;
	const char *collection, *name; /* what to answer with; NULL: the changes */
	bool has_site;
	size_t writes;
};

static bool of_site(enum object_kind kind)
{
	return kind != KIND_PERSONA && kind != KIND_TEMPLATE;
}

static char *key_of(enum object_kind kind, const char *name)
{
	return xasprintf("%s/%s", kind_name(kind), name);
}

static void list_fields(json_t *out, const char *path, const json_t *from, const json_t *to)
{
	json_t *item;
	const char *key;
	json_t *v;
	char *below;

	if (json_equal(from, to) || json_array_size(out) >= 50)
		return;
	if (json_is_object(from) && json_is_object(to)) {
		json_object_foreach((json_t *)from, key, v) {
			below = xasprintf("%s/%s", path, key);
			list_fields(out, below, v, json_object_get(to, key));
			free(below);
		}
		json_object_foreach((json_t *)to, key, v) {
			below = xasprintf("%s/%s", path, key);
			if (!json_object_get(from, key))
				list_fields(out, below, NULL, v);
			free(below);
		}
		return;
	}
	item = json_pack("{s:s}", "path", path);
	json_object_set(item, "from", from ? (json_t *)from : json_null());
	json_object_set(item, "to", to ? (json_t *)to : json_null());
	json_array_append_new(out, item);
}

static void note_change(struct defining *d, enum object_kind kind, const char *name, const char *action,
			const json_t *from, const json_t *to)
{
	json_t *change = json_pack("{s:s, s:s, s:s}", "kind", kind_name(kind), "name", name, "action", action);
	json_t *fields = json_array();

	if (from && to)
		list_fields(fields, "", from, to);
	json_object_set_new(change, "fields", fields);
	json_array_append_new(d->changes, change);
}

/* An object that an open run or an assignment stands on may not change under it. */
static void check_free(struct defining *d, enum object_kind kind, const char *name, const struct place *at,
		       bool removed)
{
	char *target = key_of(kind, name);
	const struct assignment *on = kind == KIND_MACHINE ? roster_on(d->core->roster, name) : NULL;
	int64_t run;

	*strchr(target, '/') = ':';
	run = engine_holder(d->core->engine, target);
	if (run)
		problems_add(&d->problems, at, "wait for the run, or cancel it", "%s %s is held by run %lld",
			     kind_name(kind), name, (long long)run);
	if (removed && on)
		problems_add(&d->problems, at, "release the persona first", "machine %s plays %s and cannot be removed",
			     name, on->persona);
	free(target);
}

static void take_stored(void *arg, const char *kind, const char *name, json_t *doc)
{
	static const struct place stored = { .document = -1 };
	enum object_kind k = kind_by_name(kind);
	struct defining *d = arg;
	char *key = key_of(k, name);
	struct object *wanted = table_get(d->wanted_by_key, key);

	free(key);
	if (!wanted && d->has_site && of_site(k)) {
		check_free(d, k, name, &stored, true);
		note_change(d, k, name, "delete", doc, NULL);
		d->writes++;
		return;
	}
	if (!wanted) {
		objects_add(&d->all, k, name, doc, NULL);
		return;
	}
	if (!json_equal(doc, wanted->doc)) {
		check_free(d, k, name, &wanted->at, false);
		note_change(d, k, name, "update", doc, wanted->doc);
		d->writes++;
	} else {
		note_change(d, k, name, "unchanged", NULL, NULL);
		wanted->unchanged = true;
	}
	key = key_of(k, name);
	table_remove(d->wanted_by_key, key);
	free(key);
}

static void collect(struct defining *d, const json_t *documents)
{
	const json_t *item;
	struct object *o;
	size_t i;

	json_array_foreach(documents, i, item) {
		d->has_site |= json_object_get(json_object_get(item, "value"), "site") != NULL;
		document_split(json_object_get(item, "value"), (int)i, &d->wanted, &d->problems);
	}
	for (i = 0; i < d->wanted.n; i++) {
		o = &d->wanted.items[i];
		objects_add(&d->all, o->kind, o->name, o->doc, &o->at);
	}
}

static void index_wanted(struct defining *d, char **keys)
{
	size_t i;

	for (i = 0; i < d->wanted.n; i++) {
		keys[i] = key_of(d->wanted.items[i].kind, d->wanted.items[i].name);
		table_add(d->wanted_by_key, keys[i], &d->wanted.items[i]);
	}
}

static void note_new(struct defining *d)
{
	const struct object *o;
	size_t i;

	for (i = 0; (o = table_at(d->wanted_by_key, i)); i++) {
		note_change(d, o->kind, o->name, "create", NULL, NULL);
		d->writes++;
	}
}

static void settle_personas(struct defining *d, const struct model *m, bool write)
{
	const struct persona *p;
	const struct object *o;
	size_t i;

	for (i = 0; i < d->all.n; i++) {
		o = &d->all.items[i];
		if (o->kind == KIND_PERSONA && (p = model_persona(m, o->name)))
			identities_settle(d->core, m, p, &o->at, write, &d->problems);
	}
}

static void check_site_name(struct defining *d, const struct model *m)
{
	size_t i;

	if (!d->has_site || !d->core->model->site[0] || !strcmp(m->site, d->core->model->site))
		return;
	for (i = 0; i < d->wanted.n; i++)
		if (d->wanted.items[i].kind == KIND_SITE)
			problems_add(&d->problems, &d->wanted.items[i].at, "each site has a controller of its own",
				     "this controller holds site %s, not %s", d->core->model->site, m->site);
}

static void write_all(struct defining *d)
{
	const json_t *change;
	const char *action;
	size_t i, k;

	store_set_time(d->core->store, env_wall(d->core->env));
	json_array_foreach(d->changes, i, change) {
		action = json_str(change, "action", "");
		if (!strcmp(action, "delete"))
			store_object_delete(d->core->store, json_str(change, "kind", ""), json_str(change, "name", ""));
	}
	for (k = 0; k < d->wanted.n; k++)
		if (!d->wanted.items[k].unchanged)
			store_object_put(d->core->store, kind_name(d->wanted.items[k].kind), d->wanted.items[k].name,
					 d->wanted.items[k].doc);
}

static void answer_problems(struct defining *d, struct answer *a)
{
	struct error err = { 0 };
	json_t *body;

	error_set(&err, ERROR_INVALID, "%zu mistake%s in the documents; nothing was changed",
		  json_array_size(d->problems.items) + d->problems.dropped,
		  json_array_size(d->problems.items) + d->problems.dropped == 1 ? "" : "s");
	body = problem_json(&err);
	json_object_set(body, "errors", d->problems.items);
	core_answer(d->core, a, error_http(ERROR_INVALID), body, NULL);
}

static bool is_new(const struct defining *d)
{
	const json_t *change;
	size_t i;

	json_array_foreach(d->changes, i, change)
		if (!strcmp(json_str(change, "action", ""), "create") && !strcmp(json_str(change, "name", ""), d->name))
			return true;
	return false;
}

static void answer_changes(struct defining *d, struct answer *a, bool dry_run)
{
	struct error err = { 0 };

	if (d->collection)
		core_answer(d->core, a, is_new(d) ? 201 : 200, service_object(d->core, d->collection, d->name, "document", &err), NULL);
	else
		core_answer(d->core, a, 200, json_pack("{s:b, s:O}", "dry_run", dry_run, "changes", d->changes), NULL);
}

/* Commit by itself: a model that is not durable must not be planned with. */
static void take_effect(struct defining *d, struct answer *a, struct model *m)
{
	struct error err = { 0 };

	write_all(d);
	settle_personas(d, m, true);
	trust_settle(d->core, m);
	core_event(d->core, "define", 0, json_pack("{s:I}", "changes", (json_int_t)d->writes));
	if (core_commit(d->core, &err) < 0) {
		model_destroy(m);
		answer_error(d->core, a, &err);
		return;
	}
	model_destroy(d->core->model);
	d->core->model = m;
	dispatch_refresh(d->core->dispatch);
	answer_changes(d, a, false);
}

static void define(struct defining *d, struct answer *a, bool dry_run)
{
	struct error err = { 0 };
	struct model *m;

	if (store_object_each(d->core->store, take_stored, d, &err) < 0) {
		answer_error(d->core, a, &err);
		return;
	}
	note_new(d);
	m = problems_any(&d->problems) ? NULL : model_build(&d->all, &d->problems);
	if (m) {
		check_site_name(d, m);
		settle_personas(d, m, false);
	}
	if (problems_any(&d->problems)) {
		model_destroy(m);
		answer_problems(d, a);
	} else if (dry_run || !d->writes) {
		model_destroy(m);
		answer_changes(d, a, dry_run);
	} else {
		take_effect(d, a, m);
	}
}

static void define_documents(struct defining *d, struct answer *a, const json_t *documents, bool dry_run)
{
	struct core *c = d->core;
	struct error err = { 0 };
	char **keys;
	size_t i;

	d->changes = json_array();
	d->wanted_by_key = table_create();
	if (core_commit(c, &err) < 0) { /* nothing of others may ride on this commit */
		answer_error(c, a, &err);
	} else {
		collect(d, documents);
		keys = xcalloc(d->wanted.n + 1, sizeof(*keys));
		index_wanted(d, keys);
		define(d, a, dry_run);
		for (i = 0; i < d->wanted.n; i++)
			free(keys[i]);
		free(keys);
	}
	table_destroy(d->wanted_by_key);
	objects_fini(&d->wanted);
	objects_fini(&d->all);
	problems_fini(&d->problems);
	json_decref(d->changes);
}

void service_define(struct core *c, struct answer *a, const json_t *body)
{
	const json_t *documents = json_object_get(body, "documents");
	struct defining d = { .core = c };
	struct error err = { 0 };

	if (json_is_array(documents) && json_array_size(documents)) {
		define_documents(&d, a, documents, json_bool(body, "dry_run", false));
		return;
	}
	error_set(&err, ERROR_USAGE, "`documents` must be a list of {name, value}");
	answer_error(c, a, &err);
}

/* "personas": persona; and so on. */
static const char *kind_of(const char *collection)
{
	return !strcmp(collection, "personas") ? "persona" : !strcmp(collection, "templates") ? "template" : "site";
}

void service_document_put(struct core *c, struct answer *a, const char *collection, const char *name, const json_t *body)
{
	const char *kind = kind_of(collection), *inside = json_str(body, kind, "");
	json_auto_t *documents = json_pack("[{s:s, s:O}]", "name", "", "value", (json_t *)body);
	struct defining d = { .core = c, .collection = collection, .name = *name ? name : inside };
	struct error err = { 0 };

	if (!strcmp(d.name, inside) && *inside) {
		define_documents(&d, a, documents, false);
		return;
	}
	error_set(&err, ERROR_INVALID, *name ? "the document must say `%s: %s`, as its path does" : "the document must say `%s: NAME`%.0s",
		  kind, name);
	answer_error(c, a, &err);
}

static int persona_is_idle(struct core *c, const char *name, struct error *err)
{
	const struct assignment *on = roster_of(c->roster, name);
	int64_t run = core_holder(c, "persona", name);

	if (!core_persona(c, name, err))
		return -1;
	if (run)
		return error_set(err, ERROR_CONFLICT, "%s is held by run %lld", name, (long long)run);
	if (!on || !on->machine)
		return 0;
	error_set(err, ERROR_CONFLICT, "%s plays on %s", name, on->machine);
	return error_hint(err, "Release it first: persona release %s", name);
}

struct users {
	const char *template;
	char *user;
};

static void find_user(void *arg, const char *kind, const char *name, json_t *doc)
{
	struct users *u = arg;

	if (!u->user && !strcmp(json_str(doc, "from", ""), u->template))
		u->user = xasprintf("%s %s", kind, name);
}

static int template_is_unused(struct core *c, const char *name, struct error *err)
{
	json_auto_t *doc = store_object_get(c->store, "template", name);
	struct users u = { .template = name };

	if (!doc)
		return error_set(err, ERROR_NOT_FOUND, "there is no template `%s`", name);
	if (store_object_each(c->store, find_user, &u, err) < 0)
		return -1;
	if (u.user)
		error_set(err, ERROR_CONFLICT, "%s is made from template %s", u.user, name);
	free(u.user);
	return err->code ? -1 : 0;
}

static void release_identities(struct core *c, const char *persona)
{
	json_auto_t *ids = store_identity_of(c->store, persona);
	const json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
		store_identity_release(c->store, json_str(id, "kind", ""), json_str(id, "value", ""));
}

void service_definition_delete(struct core *c, struct answer *a, const char *collection, const char *name)
{
	const char *kind = kind_of(collection);
	bool is_persona = !strcmp(kind, "persona");
	struct error err = { 0 };
	struct model *m = NULL;

	if ((is_persona ? persona_is_idle(c, name, &err) : template_is_unused(c, name, &err)) == 0 && core_commit(c, &err) == 0) {
		store_set_time(c->store, env_wall(c->env));
		if (is_persona)
			release_identities(c, name);
		store_object_delete(c->store, kind, name);
		core_event(c, "define", 0, json_pack("{s:s, s:s, s:s}", "kind", kind, "name", name, "action", "delete"));
		m = core_load_model(c, &err);
	}
	if (!m || core_commit(c, &err) < 0) {
		model_destroy(m);
		answer_error(c, a, &err);
		return;
	}
	model_destroy(c->model);
	c->model = m;
	core_answer(c, a, 200, json_pack("{s:s, s:s}", "kind", kind, "name", name), NULL);
}
