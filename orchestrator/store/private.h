/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the store: the connection, and the helpers that bind, run and read statements.
 */
#ifndef RECAST_STORE_PRIVATE_H
#define RECAST_STORE_PRIVATE_H

#include "store.h"

#include <sqlite3.h>

enum statement {
#define STMT(id, sql) STMT_##id,
#include "statements.def"
#undef STMT
	STMT_COUNT
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STMT_COUNT];
	unsigned char key[32], root[32]; /* see store_key.c */
	char *key_path;
	bool in_transaction;
	struct error failure; /* what failed first in this turn; code 0: none */
	uint64_t commits;
	int64_t epoch; /* of our term; 0: not claimed */
	int64_t now_ms;
	int64_t last_event, committed_event;
	int64_t oldest_event, oldest_run; /* what store_trim() has removed up to */
};

/* Bind by @types ('t' text or NULL, 'i' int64_t, '0' an int64_t bound as NULL, 'j' json_t as text) and return the reset statement. */
sqlite3_stmt *store_bind(struct store *s, enum statement id, const char *types, ...);

/* Bind and run a write inside of the turn's transaction. */
void store_write(struct store *s, enum statement id, const char *types, ...);

/* The next row: true, or false at the end (the statement is reset then). */
bool store_row(struct store *s, sqlite3_stmt *stmt);

const char *column_text(sqlite3_stmt *stmt, int column); /* "" for NULL */
json_t *column_json(sqlite3_stmt *stmt, int column);	 /* text column as a JSON string or null */
json_t *column_doc(sqlite3_stmt *stmt, int column);	 /* JSON text parsed */
json_t *column_int(sqlite3_stmt *stmt, int column);	 /* integer or null */

/* Drop what the turn has written so far. */
void store_abandon(struct store *s);

/* store_key.c: the 32-byte master key from @path, made with mode 0400 when there is none; and once the database is open, the
 * key that it names, and the root. */
int store_key_load(struct store *s, const char *path, bool may_create, struct error *err);
int store_key_settle(struct store *s, bool fresh, struct error *err);

/* store_secret.c: box every secret anew under @key, in the turn.  How many there are, or -1. */
int store_secrets_rewrap(struct store *s, const unsigned char key[32], struct error *err);

/* Make the name of a new file durable: fsync of the folder that @path lies in.  -1 with errno. */
int store_sync_folder(const char *path);

#endif
