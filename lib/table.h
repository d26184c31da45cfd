/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A hash table from text to pointer that remembers the order of insertion.  Keys are not copied.
 */
#ifndef RECAST_TABLE_H
#define RECAST_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table;

struct table *table_create(void);
void table_destroy(struct table *t);

/* 0, or -1 when the key is there already (nothing is changed). */
int table_add(struct table *t, const char *key, void *value);
void *table_get(const struct table *t, const char *key);

/* Remove @key; returns its value or NULL.  The order of the others may change. */
void *table_remove(struct table *t, const char *key);

size_t table_count(const struct table *t);
void *table_at(const struct table *t, size_t i);
const char *table_key_at(const struct table *t, size_t i);

#endif
