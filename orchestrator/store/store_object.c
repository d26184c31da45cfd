/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What people define, the identities of personas, assignments and quarantine.
 */
#include "private.h"

int store_object_each(struct store *s, store_object_fn fn, void *arg, struct error *err)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_OBJECT_ALL, "");
	json_t *doc;

	while (store_row(s, stmt)) {
		doc = column_doc(stmt, 2);
		if (json_is_null(doc)) {
			sqlite3_reset(stmt);
			return error_set(err, ERROR_STORAGE, "the stored %s is damaged", column_text(stmt, 0));
		}
		fn(arg, column_text(stmt, 0), column_text(stmt, 1), doc);
		json_decref(doc);
	}
	return 0;
}

json_t *store_object_get(struct store *s, const char *kind, const char *name)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_OBJECT_GET, "tt", kind, name);
	json_t *doc = store_row(s, stmt) ? column_doc(stmt, 0) : NULL;

	sqlite3_reset(stmt);
	return doc;
}

void store_object_put(struct store *s, const char *kind, const char *name, const json_t *doc)
{
	store_write(s, STMT_OBJECT_PUT, "ttji", kind, name, doc, s->now_ms);
}

void store_object_delete(struct store *s, const char *kind, const char *name)
{
	store_write(s, STMT_OBJECT_DELETE, "tt", kind, name);
}

json_t *store_identity_of(struct store *s, const char *persona)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_IDENTITY_OF, "t", persona);
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "kind", column_text(stmt, 0), "value",
						     column_text(stmt, 1), "slot", column_text(stmt, 2)));
	return out;
}

static int64_t number_of(struct store *s, enum statement id, const char *kind, int64_t first, int64_t last)
{
	sqlite3_stmt *stmt = store_bind(s, id, "tii", kind, first, last);
	int64_t n = -1;

	if (store_row(s, stmt) && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return n;
}

int64_t store_identity_count(struct store *s, const char *kind, int64_t first, int64_t last)
{
	return number_of(s, STMT_IDENTITY_COUNT, kind, first, last);
}

json_t *store_identity_holder(struct store *s, const char *kind, const char *value)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_IDENTITY_HOLDER, "tt", kind, value);
	json_t *out = NULL;

	if (store_row(s, stmt))
		out = json_pack("{s:s, s:s, s:s, s:I}", "persona", column_text(stmt, 0), "slot",
				column_text(stmt, 1), "state", column_text(stmt, 2), "since",
				(json_int_t)sqlite3_column_int64(stmt, 3));
	sqlite3_reset(stmt);
	return out;
}

void store_identity_put(struct store *s, const char *kind, const char *value, int64_t number,
			const char *persona, const char *slot)
{
	store_write(s, STMT_IDENTITY_PUT, number < 0 ? "tt0tti" : "ttitti", kind, value, number, persona, slot,
		    s->now_ms);
}

void store_identity_release(struct store *s, const char *kind, const char *value)
{
	store_write(s, STMT_IDENTITY_RELEASE, "tti", kind, value, s->now_ms);
}

void store_identity_purge(struct store *s, int64_t before_ms)
{
	store_write(s, STMT_IDENTITY_PURGE, "i", before_ms);
}

int64_t store_identity_free(struct store *s, const char *kind, int64_t first, int64_t last)
{
	int64_t highest = number_of(s, STMT_IDENTITY_LAST, kind, first, last);

	if (highest < 0)
		return first;
	if (highest < last)
		return highest + 1;
	if (number_of(s, STMT_IDENTITY_LAST, kind, first, first) < 0)
		return first;
	return number_of(s, STMT_IDENTITY_GAP, kind, first, last);
}

int store_assignment_each(struct store *s, store_assignment_fn fn, void *arg, struct error *err)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_ASSIGNMENT_ALL, "");

	(void)err;
	while (store_row(s, stmt))
		fn(arg, column_text(stmt, 0),
		   sqlite3_column_type(stmt, 1) == SQLITE_NULL ? NULL : column_text(stmt, 1),
		   sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3));
	return 0;
}

void store_assignment_put(struct store *s, const char *persona, const char *machine, int64_t generation,
			  int64_t last)
{
	store_write(s, STMT_ASSIGNMENT_PUT, "ttiii", persona, machine, generation, last, s->now_ms);
}

int store_quarantine_each(struct store *s, store_quarantine_fn fn, void *arg, struct error *err)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_QUARANTINE_ALL, "");

	(void)err;
	while (store_row(s, stmt))
		fn(arg, column_text(stmt, 0), column_text(stmt, 1),
		   sqlite3_column_type(stmt, 2) == SQLITE_NULL ? NULL : column_text(stmt, 2));
	return 0;
}

void store_quarantine_put(struct store *s, const char *machine, const char *reason, int64_t run,
			  const char *confirmed)
{
	store_write(s, STMT_QUARANTINE_PUT, run ? "ttiit" : "tt0it", machine, reason, run, s->now_ms, confirmed);
}

void store_quarantine_delete(struct store *s, const char *machine)
{
	store_write(s, STMT_QUARANTINE_DELETE, "t", machine);
}
