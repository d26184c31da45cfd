/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the store in memory, and to ledger.c, which watches it.  A row is never changed, only replaced.  The disk holds the committed rows of each
 * table; a store holds those of its turn in `mine`, where a row may also say that it is gone.  To commit is to move
 * `mine` to the disk, to roll back is to drop it.
 */
#ifndef RECAST_MEMROW_H
#define RECAST_MEMROW_H

#include "memstore.h"
#include "table.h"

enum memtable {
	MEM_META,
	MEM_OBJECT,
	MEM_IDENTITY,
	MEM_ASSIGNMENT,
	MEM_QUARANTINE,
	MEM_RECORD,
	MEM_AUDIT,
	MEM_SECRET,
	MEM_RUN,
	MEM_STEP,
	MEM_LOCK,
	MEM_TABLES
};

enum { ROW_TEXTS = 6, ROW_NUMBERS = 4 };
#define NO_NUMBER INT64_MIN /* NULL */

struct row {
	enum memtable table;
	bool gone;
	const char *key; /* unique among all tables; in `bytes` */
	const char *text[ROW_TEXTS];
	int64_t n[ROW_NUMBERS];
	size_t len; /* of the secret in text[0] */
	json_t *doc;
	char bytes[];
};

struct event_row {
	int64_t seq, time, run;
	char *type;
	json_t *doc;
};

struct events {
	struct event_row *rows;
	size_t first, n, size; /* rows[first] … rows[first + n - 1] */
};

struct memtables {
	struct table *rows[MEM_TABLES];
	struct events events;
	int64_t run_seq, event_seq;
};

struct store {
	struct memdisk *disk;
	struct table *mine;
	struct events events;
	int64_t trim_events; /* drop events up to this one at the commit */
	bool written;
	struct error failure; /* first failed write of this turn; code 0: none */
	uint64_t commits;
	int64_t now_ms, epoch; /* 0: no claim */
	int64_t run_seq, last_event, oldest_event, oldest_run;
};

/* A row with copies of @texts; @key is what tells it apart inside of its table.  @doc is taken. */
struct row *row_create(enum memtable table, const char *key, const char *const texts[ROW_TEXTS],
		       const int64_t numbers[ROW_NUMBERS], json_t *doc);
void row_destroy(struct row *row);

/* The row as this store sees it, or NULL. */
const struct row *row_get(const struct store *s, enum memtable table, const char *key);
/* Write it into the turn; taken in any case.  Nothing happens when the turn has failed already. */
void row_put(struct store *s, struct row *row);
void row_delete(struct store *s, const struct row *row);
/* All rows of a table that @want accepts (NULL: all), sorted by @compare (NULL: in no order), ended by NULL.  Free it. */
const struct row **rows_all(const struct store *s, enum memtable table,
			    bool (*want)(const struct row *, const void *), const void *arg,
			    int (*compare)(const void *, const void *));

/* The turn is lost: a constraint does not hold, in the words of SQLite. */
/* Stamp all locks with the epoch of a new term. */
void lock_epoch(struct store *s, int64_t epoch);

void write_failed(struct store *s, const char *constraint, const char *column);
/* @word is one of the NULL-terminated @words; otherwise the turn fails. */
bool check_word(struct store *s, const char *column, const char *word, const char *const *words);

/* A document on its way in or out: a copy, or the same one when the disk shares. */
json_t *doc_pass(const struct store *s, const json_t *doc);
/* NO_NUMBER and NULL become null. */
json_t *number_json(int64_t n);
json_t *text_json(const char *text);

void events_push(struct events *e, struct event_row row);
void events_drop(struct events *e, size_t n); /* the oldest @n */

#endif
