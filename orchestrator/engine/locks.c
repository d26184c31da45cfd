/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Locks: each thing that a run touches belongs to at most one run.  They are rows of the journal (the
 * run's targets) and this table in memory; there is no way to take one away by hand.
 */
#include "private.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

int64_t engine_holder(const struct engine *e, const char *target)
{
	const struct held *h = table_get(e->locks, target);

	return h ? h->run : 0;
}

static void drop(struct engine *e, const char *target, int64_t run)
{
	struct held *h = table_get(e->locks, target);

	if (!h || h->run != run)
		return;
	table_remove(e->locks, target);
	free(h->target);
	free(h);
}

void engine_close(struct engine *e)
{
	e->closed = true;
}

void engine_open(struct engine *e)
{
	e->closed = false;
}

int engine_reserve(struct engine *e, int64_t id, const json_t *targets, struct error *err)
{
	const json_t *item;
	struct held *h;
	size_t i;

	if (e->closed)
		return error_set(err, ERROR_STORAGE, "the journal is read again after a commit that failed");
	json_array_foreach(targets, i, item) {
		h = table_get(e->locks, json_string_value(item));
		if (h && h->run != id) {
			error_set(err, ERROR_CONFLICT, "%s is held by run %lld", json_string_value(item),
				  (long long)h->run);
			return error_hint(err, "Wait for it with `persona run show %lld`, or cancel it.",
					  (long long)h->run);
		}
	}
	json_array_foreach(targets, i, item) {
		if (table_get(e->locks, json_string_value(item)))
			continue;
		h = xcalloc(1, sizeof(*h));
		h->target = xstrdup(json_string_value(item));
		h->run = id;
		table_add(e->locks, h->target, h);
	}
	return 0;
}

void engine_unreserve(struct engine *e, int64_t id, const json_t *targets)
{
	const json_t *item;
	size_t i;

	json_array_foreach(targets, i, item)
		drop(e, json_string_value(item), id);
}

void locks_release(struct engine *e, struct run *run)
{
	int i;

	for (i = 0; i < run->n_locks; i++)
		drop(e, run->locks[i], run->id);
}
