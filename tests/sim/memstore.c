/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store in memory: disks, turns and commits, and the helpers on rows.  See memstore.h and memrow.h.
 */
#include "memrow.h"

#include "arena.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memdisk *memdisk_create(void)
{
	struct memdisk *d = xcalloc(1, sizeof(*d));
	int i;

	d->tables = xcalloc(1, sizeof(*d->tables));
	for (i = 0; i < MEM_TABLES; i++)
		d->tables->rows[i] = table_create();
	snprintf(d->path, sizeof(d->path), "mem:%llx", (unsigned long long)(uintptr_t)d);
	return d;
}

static void table_free_rows(struct table *t)
{
	size_t i;

	for (i = 0; i < table_count(t); i++)
		row_destroy(table_at(t, i));
	table_destroy(t);
}

void memdisk_destroy(struct memdisk *d)
{
	int i;

	if (!d)
		return;
	for (i = 0; i < MEM_TABLES; i++)
		table_free_rows(d->tables->rows[i]);
	events_drop(&d->tables->events, d->tables->events.n);
	free(d->tables->events.rows);
	free(d->tables);
	free(d);
}

const char *memdisk_path(const struct memdisk *d)
{
	return d->path;
}

struct store *store_open(const char *path, const char *key_path, struct error *err)
{
	unsigned long long address;
	struct store *s;

	(void)key_path;
	if (sscanf(path, "mem:%llx", &address) != 1) {
		error_set(err, ERROR_STORAGE, "%s: is no disk in memory", path);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->disk = (struct memdisk *)(uintptr_t)address;
	s->run_seq = s->disk->tables->run_seq;
	s->last_event = s->disk->tables->event_seq;
	return s;
}

/* Nothing of the turn has happened. */
static void drop_turn(struct store *s)
{
	if (s->mine)
		table_free_rows(s->mine);
	s->mine = NULL;
	events_drop(&s->events, s->events.n);
	s->trim_events = 0;
	s->written = false;
	s->run_seq = s->disk->tables->run_seq;
	s->last_event = s->disk->tables->event_seq;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	drop_turn(s);
	free(s->events.rows);
	free(s);
}

bool store_dirty(const struct store *s)
{
	return s->written || s->failure.code;
}

uint64_t store_commits(const struct store *s)
{
	return s->commits;
}

void store_set_time(struct store *s, int64_t now_ms)
{
	s->now_ms = now_ms;
}

static void keep_events(struct store *s)
{
	struct memtables *t = s->disk->tables;
	size_t i;

	for (i = 0; i < s->events.n; i++)
		events_push(&t->events, s->events.rows[s->events.first + i]);
	s->events.first = s->events.n = 0;
	if (s->last_event > t->event_seq)
		t->event_seq = s->last_event;
	while (t->events.n && t->events.rows[t->events.first].seq <= s->trim_events)
		events_drop(&t->events, 1);
	s->trim_events = 0;
}

static void keep_rows(struct store *s)
{
	struct memtables *t = s->disk->tables;
	struct row *row;
	size_t i;

	if (s->mine && s->disk->committed)
		s->disk->committed(s->disk->arg, s->mine);
	for (i = 0; (row = table_at(s->mine, i)); i++) {
		row_destroy(table_remove(t->rows[row->table], row->key));
		if (row->table == MEM_META && !strcmp(row->key, "0epoch"))
			s->disk->epoch = strtoll(row->text[0], NULL, 10);
		if (row->gone)
			row_destroy(row);
		else
			table_add(t->rows[row->table], row->key, row);
	}
	table_destroy(s->mine);
	s->mine = NULL;
	if (s->run_seq > t->run_seq)
		t->run_seq = s->run_seq;
}

static int refuse_commit(struct store *s, struct error *err)
{
	struct error why = s->failure;

	drop_turn(s);
	error_clear(&s->failure);
	s->disk->commits_failed++;
	if (s->disk->refused && !strncmp(why.text, "write:", 6))
		s->disk->refused(s->disk->arg, why.text);
	if (err)
		*err = why;
	return -1;
}

int store_commit(struct store *s, struct error *err)
{
	struct memdisk *d = s->disk;

	if (!store_dirty(s))
		return 0;
	if (d->before_commit)
		d->before_commit(d->arg);
	if (s->epoch && s->epoch != d->epoch) {
		error_set(&s->failure, ERROR_SUPERSEDED, "another controller has taken over");
	} else if (!s->failure.code && d->fail_commits > 0) {
		d->fail_commits--;
		error_set(&s->failure, ERROR_STORAGE, "commit: database or disk is full");
		error_hint(
			&s->failure,
			"Free space on the disk of the database; what was not acknowledged was not changed.");
	}
	if (s->failure.code)
		return refuse_commit(s, err);
	keep_events(s);
	keep_rows(s);
	s->written = false;
	s->commits++;
	d->commits++;
	if (d->after_commit)
		d->after_commit(d->arg);
	return 0;
}

int store_claim(struct store *s, int64_t *epoch, struct error *err)
{
	char *now = store_meta_get(s, "epoch"), text[24];
	int64_t next = (now ? strtoll(now, NULL, 10) : 0) + 1;

	free(now);
	snprintf(text, sizeof(text), "%lld", (long long)next);
	s->epoch = 0;
	if (!store_dirty(s)) { /* what others have added since we opened */
		s->run_seq = s->disk->tables->run_seq;
		s->last_event = s->disk->tables->event_seq;
	}
	store_meta_set(s, "epoch", text);
	lock_epoch(s, next);
	if (store_commit(s, err) < 0)
		return -1;
	s->epoch = *epoch = next;
	return 0;
}

bool store_in_term(struct store *s)
{
	return !s->epoch || s->disk->epoch <= s->epoch;
}

int store_backup(struct store *s, const char *path, int64_t *bytes, struct error *err)
{
	(void)s;
	(void)bytes;
	if (path[0] != '/')
		return error_set(err, ERROR_USAGE, "the path of a backup must be absolute");
	return error_set(err, ERROR_UNSUPPORTED, "a store in memory has no file to copy");
}

void write_failed(struct store *s, const char *constraint, const char *column)
{
	if (!s->failure.code)
		error_set(&s->failure, ERROR_STORAGE, "write: %s constraint failed: %s", constraint,
			  column);
}

bool check_word(struct store *s, const char *column, const char *word, const char *const *words)
{
	for (; word && *words; words++)
		if (!strcmp(word, *words))
			return true;
	write_failed(s, "CHECK", column);
	return false;
}

json_t *doc_pass(const struct store *s, const json_t *doc)
{
	return s->disk->share ? json_incref((json_t *)(uintptr_t)doc) : json_deep_copy(doc);
}

json_t *number_json(int64_t n)
{
	return n == NO_NUMBER ? json_null() : json_integer(n);
}

json_t *text_json(const char *text)
{
	json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return value ? value : json_null();
}

struct row *row_create(enum memtable table, const char *key, const char *const texts[ROW_TEXTS],
		       const int64_t numbers[ROW_NUMBERS], json_t *doc)
{
	size_t lens[ROW_TEXTS], key_len = strlen(key) + 1, need = sizeof(struct row) + 1 + key_len;
	struct row *row;
	char *at;
	int i;

	for (i = 0; i < ROW_TEXTS; i++)
		need += lens[i] = texts && texts[i] ? strlen(texts[i]) + 1 : 0;
	row = xcalloc(1, need);
	row->table = table;
	row->doc = doc;
	at = row->bytes;
	row->key = at;
	*at++ = (char)('0' + table);
	memcpy(at, key, key_len);
	at += key_len;
	for (i = 0; i < ROW_TEXTS; at += lens[i++])
		if (lens[i])
			row->text[i] = memcpy(at, texts[i], lens[i]);
	if (numbers)
		memcpy(row->n, numbers, sizeof(row->n));
	return row;
}

void row_destroy(struct row *row)
{
	if (!row)
		return;
	json_decref(row->doc);
	free(row);
}

const struct row *row_get(const struct store *s, enum memtable table, const char *key)
{
	char full[512] = { (char)('0' + table) };
	const struct row *row;

	snprintf(full + 1, sizeof(full) - 1, "%s", key);
	row = s->mine ? table_get(s->mine, full) : NULL;
	if (!row)
		return table_get(s->disk->tables->rows[table], full);
	return row->gone ? NULL : row;
}

void row_put(struct store *s, struct row *row)
{
	if (s->failure.code) {
		row_destroy(row); /* the turn is lost already; store_commit() tells */
		return;
	}
	if (!s->mine)
		s->mine = table_create();
	row_destroy(table_remove(s->mine, row->key));
	table_add(s->mine, row->key, row);
	s->written = true;
}

void row_delete(struct store *s, const struct row *row)
{
	struct row *gone = row_create(row->table, row->key + 1, NULL, NULL, NULL);

	gone->gone = true;
	row_put(s, gone);
}

const struct row **rows_all(const struct store *s, enum memtable table,
			    bool (*want)(const struct row *, const void *), const void *arg,
			    int (*compare)(const void *, const void *))
{
	const struct table *base = s->disk->tables->rows[table];
	const struct row **out = xcalloc(table_count(base) + table_count(s->mine) + 1,
					 sizeof(*out)),
			 *row;
	size_t n = 0, i;

	for (i = 0; (row = table_at(base, i)); i++)
		if ((!want || want(row, arg)) && !(s->mine && table_get(s->mine, row->key)))
			out[n++] = row;
	for (i = 0; (row = table_at(s->mine, i)); i++)
		if (row->table == table && !row->gone && (!want || want(row, arg)))
			out[n++] = row;
	if (compare)
		qsort(out, n, sizeof(*out), compare);
	return out;
}

void events_push(struct events *e, struct event_row row)
{
	if (e->first + e->n == e->size) {
		if (e->first > e->n) { /* most of it is behind us: move instead of growing */
			memmove(e->rows, e->rows + e->first, e->n * sizeof(*e->rows));
			e->first = 0;
		} else {
			e->size = e->size ? e->size * 2 : 64;
			e->rows = xrealloc(e->rows, e->size * sizeof(*e->rows));
		}
	}
	e->rows[e->first + e->n++] = row;
}

void events_drop(struct events *e, size_t n)
{
	for (; n && e->n; n--, e->n--, e->first++) {
		json_decref(e->rows[e->first].doc);
		free(e->rows[e->first].type);
	}
	if (!e->n)
		e->first = 0;
}
