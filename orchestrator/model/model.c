/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Building a model of all objects, in the order in which kinds refer to each other, and lookups.
 */
#include "build.h"

#include "table.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void complain(struct build *b, const struct object *o, const char *key, const char *fmt, ...)
{
	struct place at = *key ? place_below(&o->at, key) : o->at;
	char text[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problems_add(b->p, &at, NULL, "%s%s%s: %s", kind_name(o->kind), o->kind == KIND_SITE ? "" : " ",
		     o->kind == KIND_SITE ? "" : o->name, text);
}

void complain_nearest(struct build *b, const struct object *o, const char *key, enum object_kind kind,
		      const char *name)
{
	const struct table *t = b->m->tables[kind];
	const char **names = xcalloc(table_count(t) + 1, sizeof(*names)), *near;
	struct place at = place_below(&o->at, key);
	char hint[128];
	size_t i;

	for (i = 0; i < table_count(t); i++)
		names[i] = table_key_at(t, i);
	near = text_nearest(name ? name : "", names, table_count(t));
	if (near)
		snprintf(hint, sizeof(hint), "did you mean `%s`?", near);
	problems_add(b->p, &at, near ? hint : NULL, "%s %s: there is no %s `%s`", kind_name(o->kind),
		     o->name, kind_name(kind), name ? name : "");
	free(names);
}

const char *build_intern(struct build *b, const char *text)
{
	char *copy = table_get(b->interned, text);

	if (!copy) {
		copy = arena_strdup(&b->m->arena, text);
		table_add(b->interned, copy, copy);
	}
	return copy;
}

void build_add(struct build *b, const struct object *o, const char *name, void *value)
{
	if (table_add(b->m->tables[o->kind], name, value) < 0)
		problems_add(b->p, &o->at, NULL, "%s `%s` is defined twice", kind_name(o->kind), name);
}

/* Kinds in an order in which each refers only to those before it. */
static const struct {
	enum object_kind kind;
	void (*build)(struct build *b, const struct object *o);
} order[] = {
	{ KIND_NETWORK, build_network },   { KIND_SWITCH, build_device }, { KIND_FABRIC, build_device },
	{ KIND_ARRAY, build_device },	   { KIND_MODEL, build_machine_model }, { KIND_MACHINE, build_machine },
	{ KIND_GROUP, build_group },
	{ KIND_IDENTITY, build_identity }, { KIND_SITE, build_site },	  { KIND_TEMPLATE, build_template },
	{ KIND_PERSONA, build_persona },
};

struct model *model_build(const struct objects *objects, struct problems *p)
{
	struct build b = { .p = p, .objects = objects };
	size_t i, k;

	b.m = xcalloc(1, sizeof(*b.m));
	b.m->site = "";
	b.m->devices = table_create();
	b.m->ports = table_create();
	b.m->fabric_ports = table_create();
	b.m->macs = table_create();
	b.interned = table_create();
	for (k = 0; k < KIND_COUNT; k++)
		b.m->tables[k] = table_create();
	for (k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		for (i = 0; i < objects->n; i++)
			if (objects->items[i].kind == order[k].kind)
				order[k].build(&b, &objects->items[i]);
	table_destroy(b.interned);
	if (!problems_any(p))
		return b.m;
	model_destroy(b.m);
	return NULL;
}

void model_destroy(struct model *m)
{
	size_t k;

	if (!m)
		return;
	for (k = 0; k < KIND_COUNT; k++)
		table_destroy(m->tables[k]);
	for (k = 0; k <= KIND_COUNT; k++)
		free(m->sorted[k]);
	table_destroy(m->devices);
	table_destroy(m->ports);
	table_destroy(m->fabric_ports);
	table_destroy(m->macs);
	arena_fini(&m->arena);
	free(m);
}

const char *class_name(enum device_class cls)
{
	static const char *const names[CLASS_COUNT] = { "switch", "fabric", "storage", "bmc", "probe" };

	return names[cls];
}

const struct network *model_network(const struct model *m, const char *name)
{
	return table_get(m->tables[KIND_NETWORK], name);
}

const struct machine *model_machine(const struct model *m, const char *name)
{
	return table_get(m->tables[KIND_MACHINE], name);
}

const struct machine *model_machine_by_port(const struct model *m, const char *port)
{
	return table_get(m->ports, port);
}

const struct machine *model_machine_by_fabric_port(const struct model *m, const char *port)
{
	return table_get(m->fabric_ports, port);
}

const struct machine *model_machine_by_mac(const struct model *m, uint64_t mac)
{
	char text[18];

	text_format_octets(mac, 6, text, sizeof(text));
	return table_get(m->macs, text);
}

const struct persona *model_persona(const struct model *m, const char *name)
{
	return table_get(m->tables[KIND_PERSONA], name);
}

const struct group *model_group(const struct model *m, const char *name)
{
	return table_get(m->tables[KIND_GROUP], name);
}

const struct device *model_device(const struct model *m, const char *name)
{
	return table_get(m->devices, name);
}

const struct pool *model_pool(const struct model *m, const char *kind, const char *name)
{
	const struct pool *pool;
	char full[128];
	size_t i;

	if (name) {
		snprintf(full, sizeof(full), "%s/%s", kind, name);
		return table_get(m->tables[KIND_IDENTITY], full);
	}
	for (i = 0; (pool = table_at(m->tables[KIND_IDENTITY], i)); i++)
		if (!strcmp(pool->kind, kind))
			return pool;
	return NULL;
}

bool group_has(const struct group *g, const struct machine *machine)
{
	const struct membership *in;

	for (in = machine->groups; in; in = in->next)
		if (in->group == g)
			return true;
	return false;
}

const void *model_at(const struct model *m, enum object_kind kind, size_t i)
{
	return table_at(m->tables[kind], i);
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

const struct named *model_sorted(struct model *m, enum object_kind kind, size_t *n)
{
	const struct table *t = kind == KIND_COUNT ? m->devices : m->tables[kind];
	struct named *all = m->sorted[kind];
	size_t i;

	*n = table_count(t);
	if (all)
		return all;
	all = xcalloc(*n + 1, sizeof(*all));
	for (i = 0; i < *n; i++)
		all[i] = (struct named){ table_key_at(t, i), table_at(t, i) };
	qsort(all, *n, sizeof(*all), by_name);
	m->sorted[kind] = all;
	return all;
}

size_t model_count(const struct model *m, enum object_kind kind)
{
	return table_count(m->tables[kind]);
}

const struct device *model_device_at(const struct model *m, size_t i)
{
	return table_at(m->devices, i);
}

int model_fits(const struct persona *persona, const struct machine *machine, struct error *err)
{
	if (persona->arch && strcmp(persona->arch, machine->arch) != 0)
		return error_set(err, ERROR_CONFLICT, "%s needs a machine of arch %s, but %s is %s",
				 persona->name, persona->arch, machine->name, machine->arch);
	if (persona->cores > machine->cores)
		return error_set(err, ERROR_CONFLICT, "%s needs %d cores, but %s has %d", persona->name,
				 persona->cores, machine->name, machine->cores);
	if (persona->memory > machine->memory)
		return error_set(err, ERROR_CONFLICT, "%s needs %lld MiB of memory, but %s has %lld MiB",
				 persona->name, (long long)(persona->memory >> 20), machine->name,
				 (long long)(machine->memory >> 20));
	if (persona->group && !group_has(persona->group, machine))
		return error_set(err, ERROR_CONFLICT, "%s must run in group %s, and %s is not in it",
				 persona->name, persona->group->name, machine->name);
	if (persona->n_vnics > machine->n_nics)
		return error_set(err, ERROR_CONFLICT, "%s has %d vnics, but %s has only %d nics",
				 persona->name, persona->n_vnics, machine->name, machine->n_nics);
	return fibre_fits(persona, machine, err);
}
