/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A hash table from text to pointer, open addressing over an array in order of insertion.
 */
#include "table.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	const char *key;
	void *value;
};

struct table {
	struct entry *entries;
	uint32_t *slots; /* index + 1 into entries, 0 = empty */
	size_t n, size, n_slots;
};

/* FNV-1a.  Keys are names that passed text_is_name() or come from our own store. */
static uint32_t hash(const char *key)
{
	uint32_t h = 2166136261u;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h;
}

struct table *table_create(void)
{
	return xcalloc(1, sizeof(struct table));
}

void table_destroy(struct table *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t->slots);
	free(t);
}

/* The slot that holds @key, or the empty slot where it would go. */
static size_t find_slot(const struct table *t, const char *key)
{
	size_t i = hash(key) & (t->n_slots - 1);

	while (t->slots[i] && strcmp(t->entries[t->slots[i] - 1].key, key) != 0)
		i = (i + 1) & (t->n_slots - 1);
	return i;
}

static void rebuild(struct table *t, size_t n_slots)
{
	size_t i;

	free(t->slots);
	t->n_slots = n_slots;
	t->slots = xcalloc(n_slots, sizeof(*t->slots));
	for (i = 0; i < t->n; i++)
		t->slots[find_slot(t, t->entries[i].key)] = (uint32_t)i + 1;
}

int table_add(struct table *t, const char *key, void *value)
{
	size_t slot;

	if ((t->n + 1) * 4 > t->n_slots * 3)
		rebuild(t, t->n_slots ? t->n_slots * 2 : 16);
	slot = find_slot(t, key);
	if (t->slots[slot])
		return -1;
	if (t->n == t->size) {
		t->size = t->size ? t->size + t->size / 2 : 8;
		t->entries = xrealloc(t->entries, t->size * sizeof(*t->entries));
	}
	t->entries[t->n++] = (struct entry){ key, value };
	t->slots[slot] = (uint32_t)t->n;
	return 0;
}

void *table_get(const struct table *t, const char *key)
{
	size_t slot;

	if (!t || !t->n)
		return NULL;
	slot = find_slot(t, key);
	return t->slots[slot] ? t->entries[t->slots[slot] - 1].value : NULL;
}

/* Close the gap at @slot so that no probe sequence is cut (Knuth 6.4 algorithm R). */
static void close_gap(struct table *t, size_t gap)
{
	size_t i = gap, home;

	for (;;) {
		i = (i + 1) & (t->n_slots - 1);
		if (!t->slots[i])
			break;
		home = hash(t->entries[t->slots[i] - 1].key) & (t->n_slots - 1);
		if (((i - home) & (t->n_slots - 1)) < ((i - gap) & (t->n_slots - 1)))
			continue;
		t->slots[gap] = t->slots[i];
		gap = i;
	}
	t->slots[gap] = 0;
}

void *table_remove(struct table *t, const char *key)
{
	size_t slot, index, last;
	void *value;

	if (!t->n)
		return NULL;
	slot = find_slot(t, key);
	if (!t->slots[slot])
		return NULL;
	index = t->slots[slot] - 1;
	value = t->entries[index].value;
	last = t->n - 1;
	if (index != last)
		t->slots[find_slot(t, t->entries[last].key)] = (uint32_t)index + 1;
	t->entries[index] = t->entries[last];
	/* The slot of the removed key still points into the table: empty it before it is probed. */
	close_gap(t, slot);
	t->n--;
	return value;
}

size_t table_count(const struct table *t)
{
	return t ? t->n : 0;
}

void *table_at(const struct table *t, size_t i)
{
	return t && i < t->n ? t->entries[i].value : NULL;
}

const char *table_key_at(const struct table *t, size_t i)
{
	return t && i < t->n ? t->entries[i].key : NULL;
}
