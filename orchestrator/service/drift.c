/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What was found to differ, and since when: in memory by "DEVICE OBJECT WHAT", and in the store.  Changes are events.
 */
#include "reconcile.h"

#include "arena.h"
#include "json.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct drift {
	char *key;
	json_t *doc; /* as the API tells it: plan_drift()'s members, persona, machine, since */
};

struct drifts {
	struct core *core;
	struct table *by_key;
};

struct drifts *drifts_create(struct core *c)
{
	struct drifts *d = xcalloc(1, sizeof(*d));

	d->core = c;
	d->by_key = table_create();
	return d;
}

static void add(struct drifts *d, const char *key, json_t *doc)
{
	struct drift *x = xcalloc(1, sizeof(*x));

	x->key = xstrdup(key);
	x->doc = json_incref(doc);
	table_add(d->by_key, x->key, x);
}

static void drop(struct drifts *d, struct drift *x)
{
	table_remove(d->by_key, x->key);
	json_decref(x->doc);
	free(x->key);
	free(x);
}

static void clear(struct drifts *d)
{
	while (table_count(d->by_key))
		drop(d, table_at(d->by_key, 0));
}

void drifts_destroy(struct drifts *d)
{
	clear(d);
	table_destroy(d->by_key);
	free(d);
}

static void load(void *arg, const char *key, json_t *doc)
{
	add(arg, key, doc);
}

void drifts_load(struct drifts *d)
{
	clear(d);
	store_record_each(d->core->store, "drift", load, d);
}

static void tell(struct drifts *d, const json_t *doc, const char *state)
{
	static const char *const keys[] = { "persona", "machine", "device", "object", "what", "summary", "since" };
	json_t *event = json_pack("{s:s}", "state", state);
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set(event, keys[i], json_object_get(doc, keys[i]));
	core_event(d->core, "drift", 0, event);
}

static void gone(struct drifts *d, struct drift *x)
{
	store_record_delete(d->core->store, "drift", x->key);
	tell(d, x->doc, "gone");
	drop(d, x);
}

static void found(struct drifts *d, const char *key, json_t *doc)
{
	struct drift *known = table_get(d->by_key, key);

	if (known) {
		json_object_set(doc, "since", json_object_get(known->doc, "since"));
		if (json_equal(doc, known->doc))
			return;
		drop(d, known);
	} else {
		tell(d, doc, "found");
	}
	store_record_put(d->core->store, "drift", key, doc);
	add(d, key, doc);
}

static bool is_of(const struct drift *x, const char *persona, const char *device)
{
	return !strcmp(json_str(x->doc, "persona", ""), persona) &&
	       (!device || !strcmp(json_str(x->doc, "device", ""), device));
}

/* Those of @persona on @device that are not among @keys are gone. */
static void forget_others(struct drifts *d, const char *persona, const char *device, const json_t *keys)
{
	struct drift *x;
	size_t i = 0;

	while ((x = table_at(d->by_key, i)))
		if (is_of(x, persona, device) && !json_object_get(keys, x->key)) {
			gone(d, x);
			i = 0; /* the order may have changed */
		} else {
			i++;
		}
}

void drifts_put(struct drifts *d, const char *persona, const char *machine, const char *device, const json_t *items)
{
	json_auto_t *keys = NULL;
	json_t *item, *doc;
	char *key;
	size_t i;

	if (!table_count(d->by_key) && !json_array_size(items))
		return;
	store_set_time(d->core->store, env_wall(d->core->env));
	keys = json_object();
	json_array_foreach((json_t *)items, i, item) {
		key = xasprintf("%s %s %s", device, json_str(item, "object", ""), json_str(item, "what", ""));
		doc = json_copy(item);
		json_object_set_new(doc, "persona", json_string(persona));
		json_object_set_new(doc, "machine", json_string(machine));
		json_object_set_new(doc, "since", json_integer(env_wall(d->core->env)));
		json_object_set_new(keys, key, json_true());
		found(d, key, doc);
		json_decref(doc);
		free(key);
	}
	forget_others(d, persona, device, keys);
}

void drifts_forget(struct drifts *d, const char *persona)
{
	if (table_count(d->by_key))
		forget_others(d, persona, NULL, NULL);
}

static int by_persona(const void *a, const void *b)
{
	const struct drift *x = *(const struct drift *const *)a, *y = *(const struct drift *const *)b;
	int order = strcmp(json_str(x->doc, "persona", ""), json_str(y->doc, "persona", ""));

	return order ? order : strcmp(x->key, y->key);
}

json_t *drifts_json(const struct drifts *d, const char *persona)
{
	size_t n = table_count(d->by_key), i;
	struct drift **all = xcalloc(n + 1, sizeof(struct drift *));
	json_t *out = json_array();

	for (i = 0; i < n; i++)
		all[i] = table_at(d->by_key, i);
	qsort(all, n, sizeof(struct drift *), by_persona);
	for (i = 0; i < n; i++)
		if (!persona || is_of(all[i], persona, NULL))
			json_array_append(out, all[i]->doc);
	free(all);
	return out;
}

size_t drifts_count(const struct drifts *d)
{
	return table_count(d->by_key);
}
