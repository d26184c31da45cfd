/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The digest of a database: one number over the schema and every value of every row.  Two databases with
 * the same digest hold the same.  Used by workload.c while it writes and by verify.c after a power loss.
 */
#include "workload.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char schema_sql[] = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";
static const char tables_sql[] =
	"SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
static const char turn_sql[] = "SELECT value FROM meta WHERE key = 'powerloss'";

static void add(crypto_generichash_state *state, const void *bytes, int n)
{
	crypto_generichash_update(state, (const unsigned char *)&n, sizeof(n));
	if (n > 0)
		crypto_generichash_update(state, bytes, (unsigned long long)n);
}

static void add_value(crypto_generichash_state *state, sqlite3_stmt *stmt, int column)
{
	int type = sqlite3_column_type(stmt, column);
	int64_t n;

	add(state, &type, sizeof(type));
	if (type == SQLITE_INTEGER) {
		n = sqlite3_column_int64(stmt, column);
		add(state, &n, sizeof(n));
	} else if (type != SQLITE_NULL) {
		const void *bytes = sqlite3_column_blob(stmt, column);

		add(state, bytes, sqlite3_column_bytes(stmt, column));
	}
}

static int add_rows(crypto_generichash_state *state, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int rc, i;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		add(state, sql, (int)strlen(sql));
		for (i = 0; i < sqlite3_column_count(stmt); i++)
			add_value(state, stmt, i);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* The turn that the database says it holds; 0 before the first one. */
static int read_turn(sqlite3 *db, int64_t *turn)
{
	sqlite3_stmt *stmt;
	int rc;

	if (sqlite3_prepare_v2(db, turn_sql, -1, &stmt, NULL) != SQLITE_OK)
		return -1;
	rc = sqlite3_step(stmt);
	*turn = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* What a store writes by itself when it is opened, and what is random in it, is not of any turn; that it is whole shows when
 * an image is opened and its secrets are read. */
static const char *of_turns(const char *table)
{
	if (!strcmp(table, "meta"))
		return " WHERE key <> 'key'";
	return !strcmp(table, "secret") ? " WHERE name NOT LIKE 'internal/%'" : "";
}

/* All tables, whatever their names are; -1 when one cannot be read, else their number. */
static int add_tables(crypto_generichash_state *state, sqlite3 *db)
{
	sqlite3_stmt *stmt;
	char sql[160];
	int n = 0, rc;

	if (sqlite3_prepare_v2(db, tables_sql, -1, &stmt, NULL) != SQLITE_OK)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(stmt, 0);

		snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"%s", table, of_turns(table));
		if (add_rows(state, db, sql) < 0)
			break;
		n++;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? n : -1;
}

int digest_of(sqlite3 *db, uint64_t *digest, int64_t *turn)
{
	crypto_generichash_state state;
	unsigned char out[16];
	int n;

	*turn = -1;
	*digest = 0;
	crypto_generichash_init(&state, NULL, 0, sizeof(out));
	if (add_rows(&state, db, schema_sql) < 0)
		return -1;
	n = add_tables(&state, db);
	if (n <= 0)
		return n; /* damaged, or no schema yet */
	if (read_turn(db, turn) < 0)
		return -1;
	crypto_generichash_final(&state, out, sizeof(out));
	memcpy(digest, out, sizeof(*digest));
	return 0;
}
