/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lists, a page at a time: [{…}] of what the caller may see, and where the next page begins.  A page follows the name that
 * the one before ended with, so that what comes and goes in between moves nothing else.
 */
#include "rights.h"
#include "view.h"

#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static json_t *network_of(struct core *c, const void *x)
{
	(void)c;
	return network_json(x);
}

static json_t *group_of(struct core *c, const void *x)
{
	(void)c;
	return group_json(x);
}

static json_t *machine_of(struct core *c, const void *x)
{
	return view_machine(c, x);
}

static json_t *persona_of(struct core *c, const void *x)
{
	return view_persona(c, x);
}

static json_t *device_of(struct core *c, const void *x)
{
	return view_device(c, x);
}

static json_t *pool_of(struct core *c, const void *x)
{
	return pool_json(c, x);
}

static json_t *template_of(struct core *c, const void *x)
{
	return view_template(c, x);
}

static const void *any_at(const struct model *m, enum object_kind kind, size_t i)
{
	return kind == KIND_COUNT ? (const void *)model_device_at(m, i) : model_at(m, kind, i);
}

/* Objects that a list can be of.  KIND_COUNT: devices, which are of several kinds. */
static const struct listed {
	const char *collection;
	enum object_kind kind;
	json_t *(*view)(struct core *c, const void *x);
} lists[] = {
	{ "machines", KIND_MACHINE, machine_of },   { "personas", KIND_PERSONA, persona_of },
	{ "networks", KIND_NETWORK, network_of },   { "groups", KIND_GROUP, group_of },
	{ "devices", KIND_COUNT, device_of },	    { "templates", KIND_TEMPLATE, template_of },
	{ "identities", KIND_IDENTITY, pool_of },
};

struct entry {
	const char *name;
	const void *object;
};

/* node2 before node10. */
static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static bool may_see(struct core *c, const struct caller *caller, enum object_kind kind, const void *x)
{
	if (kind == KIND_MACHINE)
		return rights_machine(c, caller, x);
	return kind != KIND_PERSONA || rights_persona(c, caller, x);
}

/* All of them that the caller may see and that come after the cursor, in order. */
static struct entry *collect(struct core *c, const struct caller *caller, enum object_kind kind, const char *after, size_t *n)
{
	struct entry *all = NULL;
	size_t i, size = 0;
	const char *name;
	const void *x;

	for (i = 0; (x = any_at(c->model, kind, i)); i++) {
		name = kind == KIND_TEMPLATE ? x : *(const char *const *)x; /* each begins with its name */
		if ((after && strverscmp(name, after) <= 0) || !may_see(c, caller, kind, x))
			continue;
		if (*n == size) {
			size = size ? size * 2 : 64;
			all = xrealloc(all, size * sizeof(*all));
		}
		all[(*n)++] = (struct entry){ name, x };
	}
	if (*n)
		qsort(all, *n, sizeof(*all), by_name);
	return all;
}

static json_t *page_json(json_t *items, json_t *next)
{
	return json_pack("{s:o, s:o}", "items", items, "next", next ? next : json_null());
}

void service_list(struct core *c, struct answer *a, const char *collection, const struct list_page *page)
{
	const struct listed *l = lists;
	json_t *items = json_array();
	size_t n = 0, i, shown;
	struct entry *all;
	json_t *next;

	while (strcmp(l->collection, collection) != 0)
		l++; /* the routes know no other */
	all = collect(c, &a->caller, l->kind, page->after, &n);
	shown = n < (size_t)page->limit ? n : (size_t)page->limit;
	for (i = 0; i < shown; i++)
		json_array_append_new(items, l->view(c, all[i].object));
	next = shown < n ? json_string(all[shown - 1].name) : NULL;
	free(all);
	core_answer(c, a, 200, page_json(items, next), NULL);
}

static int number_of(const struct list_page *page, int64_t missing, int64_t *number, struct error *err)
{
	*number = missing;
	if (!page->after || text_parse_int(page->after, 0, INT64_MAX, number) == 0)
		return 0;
	error_set(err, ERROR_USAGE, "`cursor` is not one that a list has told");
	return error_hint(err, "Send back `next` of the page before as it came.");
}

enum { ROUNDS = 20 }; /* a reader who may see next to nothing gets a short page before he makes the others wait */

/* Rows that the caller may not see do not make a page shorter, within reason. */
static json_t *run_page(struct core *c, const struct caller *caller, int64_t before, int limit, json_t **next)
{
	json_t *items = json_array(), *rows, *row;
	int rounds = 0;
	size_t i, n;

	do {
		rows = store_run_recent(c->store, before, limit + 1);
		n = json_array_size(rows);
		json_array_foreach(rows, i, row) {
			if (!rights_run(c, caller, row))
				continue;
			if (json_array_size(items) == (size_t)limit) {
				*next = json_sprintf("%lld", (long long)before);
				break;
			}
			before = json_int(row, "id", 0);
			json_array_append_new(items, run_json(row));
		}
		if (n && !*next)
			before = json_int(json_array_get(rows, n - 1), "id", 0);
		json_decref(rows);
		if (n == (size_t)limit + 1 && !*next && ++rounds == ROUNDS)
			*next = json_sprintf("%lld", (long long)before);
	} while (n == (size_t)limit + 1 && !*next);
	return items;
}

static json_t *open_runs(struct core *c, const struct caller *caller)
{
	json_auto_t *rows = store_run_open(c->store);
	json_t *items = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (rights_run(c, caller, row))
			json_array_append_new(items, run_json(row));
	return items;
}

void service_runs(struct core *c, struct answer *a, bool open_only, const struct list_page *page)
{
	struct error err = { 0 };
	json_t *items, *next = NULL;
	int64_t before;

	if (number_of(page, INT64_MAX, &before, &err) < 0) {
		answer_error(c, a, &err);
		return;
	}
	items = open_only ? open_runs(c, &a->caller) : run_page(c, &a->caller, before, page->limit, &next);
	core_answer(c, a, 200, page_json(items, next), NULL);
}

void service_audit_list(struct core *c, struct answer *a, const struct list_page *page)
{
	struct error err = { 0 };
	json_t *items, *next = NULL;
	int64_t after;

	if (number_of(page, 0, &after, &err) < 0) {
		answer_error(c, a, &err);
		return;
	}
	items = store_audit_after(c->store, after, page->limit);
	if (json_array_size(items) == (size_t)page->limit)
		next = json_sprintf("%lld", (long long)json_int(json_array_get(items, json_array_size(items) - 1), "seq", 0));
	core_answer(c, a, 200, page_json(items, next), NULL);
}
