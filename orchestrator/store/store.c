/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Opening, migrating, committing and backing up the database, and the statement helpers.
 */
#include "private.h"

#include "arena.h"
#include "cleanup.h"
#include "log.h"
#include "migrations.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const statement_sql[STMT_COUNT] = {
#define STMT(id, sql) [STMT_##id] = sql,
#include "statements.def"
#undef STMT
};

static int fail(struct store *s, const char *what, struct error *err)
{
	int code = sqlite3_errcode(s->db);

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
		error_set(err, ERROR_STORAGE, "%s: the database is damaged (%s)", what, sqlite3_errmsg(s->db));
		return error_hint(err, "Stop recastd and put the newest file made by `persona backup` in its place.");
	}
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
		error_set(err, ERROR_STORAGE, "%s: another process has the database open", what);
		return error_hint(err, "Only one recastd may run on a database; stop the other one.");
	}
	error_set(err, ERROR_STORAGE, "%s: %s", what, sqlite3_errmsg(s->db));
	if (code == SQLITE_FULL || code == SQLITE_IOERR)
		error_hint(err, "Free space on the disk of the database; what was not acknowledged was not changed.");
	return -1;
}

static int run_sql(struct store *s, const char *sql, struct error *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, "database", err);
}

static int pragma_int(struct store *s, const char *sql)
{
	sqlite3_stmt *stmt;
	int value = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static int run_migrations(struct store *s, int version, struct error *err)
{
	char sql[64];
	int i;

	for (i = version; i < n_migrations; i++)
		if (run_sql(s, migrations[i], err) < 0)
			return error_wrap(err, "migration %d", i + 1);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", n_migrations);
	return run_sql(s, sql, err);
}

/* All or none: nobody meets a database between two versions. */
static int migrate(struct store *s, struct error *err)
{
	int version = pragma_int(s, "PRAGMA user_version");

	if (version < 0)
		return fail(s, "database", err);
	if (version > n_migrations) {
		error_set(err, ERROR_STORAGE, "the database has schema %d, this recastd knows only up to %d", version,
			  n_migrations);
		return error_hint(err, "Start the newer recastd that made it; going back needs a backup of that time.");
	}
	if (version == n_migrations)
		return 0;
	if (run_sql(s, "BEGIN IMMEDIATE", err) == 0 && run_migrations(s, version, err) == 0 && run_sql(s, "COMMIT", err) == 0)
		return 0;
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

static int quick_check(struct store *s, struct error *err)
{
	sqlite3_stmt *stmt;
	int bad = 1;

	if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK)
		return fail(s, "database", err);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		bad = strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0;
	sqlite3_finalize(stmt);
	if (!bad)
		return 0;
	error_set(err, ERROR_STORAGE, "the database is damaged");
	return error_hint(err, "Stop recastd and put the newest file made by `persona backup` in its place.");
}

static int prepare_all(struct store *s, struct error *err)
{
	int i;

	for (i = 0; i < STMT_COUNT; i++)
		if (sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i],
				       NULL) != SQLITE_OK)
			return fail(s, statement_sql[i], err);
	return 0;
}

static int open_database(struct store *s, const char *path, struct error *err)
{
	static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
				      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
				      "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -2048;"
				      "PRAGMA secure_delete = FAST;";
	mode_t old = umask(077);
	int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				 NULL);

	if (rc == SQLITE_OK)
		rc = run_sql(s, pragmas, err);
	else
		rc = fail(s, path, err);
	if (rc == 0)
		rc = migrate(s, err);
	umask(old);
	return rc == 0 && quick_check(s, err) == 0 && prepare_all(s, err) == 0 ? 0 : error_wrap(err, "%s", path);
}

/* -1 when it cannot be read: beginning again at 1 would be worse than not to begin. */
static int64_t last_event(struct store *s, struct error *err)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_EVENT_LAST, "");
	int64_t last = -1;

	if (sqlite3_step(stmt) == SQLITE_ROW)
		last = sqlite3_column_int64(stmt, 0);
	else
		fail(s, "the last event", err);
	sqlite3_reset(stmt);
	return last;
}

struct store *store_open(const char *path, const char *key_path, struct error *err)
{
	struct store *s = xcalloc(1, sizeof(*s));
	bool fresh = access(path, F_OK) != 0;

	if (store_key_load(s, key_path, fresh, err) == 0 && open_database(s, path, err) == 0)
		s->last_event = s->committed_event = last_event(s, err);
	else
		s->last_event = -1;
	if (s->last_event >= 0 && store_key_settle(s, fresh, err) == 0)
		return s;
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	int i;

	if (!s)
		return;
	for (i = 0; i < STMT_COUNT; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	sodium_memzero(s->key, sizeof(s->key));
	sodium_memzero(s->root, sizeof(s->root));
	free(s->key_path);
	free(s);
}

bool store_dirty(const struct store *s)
{
	return s->in_transaction || s->failure.code;
}

uint64_t store_commits(const struct store *s)
{
	return s->commits;
}

void store_set_time(struct store *s, int64_t now_ms)
{
	s->now_ms = now_ms;
}

static void note_failure(struct store *s, const char *what)
{
	if (!s->failure.code)
		fail(s, what, &s->failure);
}

static int64_t stored_epoch(struct store *s)
{
	char *text = store_meta_get(s, "epoch");
	int64_t epoch = text ? strtoll(text, NULL, 10) : 0;

	free(text);
	return epoch;
}

int store_claim(struct store *s, int64_t *epoch, struct error *err)
{
	char text[24];

	s->epoch = stored_epoch(s) + 1;
	snprintf(text, sizeof(text), "%lld", (long long)s->epoch);
	store_meta_set(s, "epoch", text);
	store_write(s, STMT_LOCK_EPOCH, "i", s->epoch);
	*epoch = s->epoch;
	return store_commit(s, err);
}

bool store_in_term(struct store *s)
{
	return !s->epoch || stored_epoch(s) <= s->epoch;
}

/* Inside of the transaction, so nobody can come between this and the commit.  A write that failed because another has
 * written already is no failure of the disk: the later term tells. */
static void check_term(struct store *s)
{
	if (s->failure.code ? !store_in_term(s) : s->epoch && stored_epoch(s) != s->epoch)
		error_set(&s->failure, ERROR_SUPERSEDED, "another controller has taken over: the term is not %lld any more",
			  (long long)s->epoch);
}

static void roll_back(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_transaction = false;
	s->last_event = s->committed_event; /* not read: the disk may not be up to that just now */
	s->oldest_event = s->oldest_run = 0;
}

void store_abandon(struct store *s)
{
	roll_back(s);
	error_clear(&s->failure);
}

int store_commit(struct store *s, struct error *err)
{
	if (!store_dirty(s))
		return 0;
	check_term(s);
	if (!s->failure.code && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		note_failure(s, "commit");
	s->in_transaction = false;
	if (!s->failure.code) {
		s->commits++;
		s->committed_event = s->last_event;
		return 0;
	}
	roll_back(s);
	if (err)
		*err = s->failure;
	error_clear(&s->failure);
	return -1;
}

static void bind_one(sqlite3_stmt *stmt, int i, char type, va_list *ap)
{
	const char *text;
	char *dump;

	switch (type) {
	case 't':
		text = va_arg(*ap, const char *);
		sqlite3_bind_text(stmt, i, text, -1, SQLITE_TRANSIENT);
		break;
	case 'i':
		sqlite3_bind_int64(stmt, i, va_arg(*ap, int64_t));
		break;
	case 'j':
		dump = json_dumps(va_arg(*ap, const json_t *), JSON_COMPACT | JSON_ENCODE_ANY);
		sqlite3_bind_text(stmt, i, dump, -1, free);
		break;
	default: /* '0': an int64_t that is not to be stored */
		(void)va_arg(*ap, int64_t);
		sqlite3_bind_null(stmt, i);
		break;
	}
}

static sqlite3_stmt *vbind(struct store *s, enum statement id, const char *types, va_list *ap)
{
	sqlite3_stmt *stmt = s->statements[id];
	int i;

	sqlite3_reset(stmt);
	for (i = 0; types[i]; i++)
		bind_one(stmt, i + 1, types[i], ap);
	return stmt;
}

sqlite3_stmt *store_bind(struct store *s, enum statement id, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;

	va_start(ap, types);
	stmt = vbind(s, id, types, &ap);
	va_end(ap);
	return stmt;
}

void store_write(struct store *s, enum statement id, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;

	if (s->failure.code)
		return; /* the turn is lost already; store_commit() tells */
	if (s->in_transaction && sqlite3_get_autocommit(s->db)) {
		/* SQLite has rolled back by itself.  Written now, this would be a transaction of its own. */
		error_set(&s->failure, ERROR_STORAGE, "write: the transaction of this turn was rolled back");
		return;
	}
	if (!s->in_transaction) {
		if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
			note_failure(s, "begin");
			return;
		}
		s->in_transaction = true;
	}
	va_start(ap, types);
	stmt = vbind(s, id, types, &ap);
	va_end(ap);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		note_failure(s, "write");
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

bool store_row(struct store *s, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE) {
		log_error("store", "read failed: %s", sqlite3_errmsg(s->db));
		if (s->in_transaction)
			note_failure(s, "read"); /* it was rolled back, or rests on something that was not read */
	}
	sqlite3_reset(stmt);
	return false;
}

const char *column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

json_t *column_json(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? json_string(text) : json_null();
}

json_t *column_doc(sqlite3_stmt *stmt, int column)
{
	json_t *doc = json_loads(column_text(stmt, column), JSON_DECODE_ANY, NULL);

	return doc ? doc : json_null();
}

json_t *column_int(sqlite3_stmt *stmt, int column)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return json_null();
	return json_integer(sqlite3_column_int64(stmt, column));
}

char *store_meta_get(struct store *s, const char *key)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_META_GET, "t", key);
	char *value = store_row(s, stmt) ? xstrdup(column_text(stmt, 0)) : NULL;

	sqlite3_reset(stmt);
	return value;
}

void store_meta_set(struct store *s, const char *key, const char *value)
{
	store_write(s, STMT_META_SET, "tt", key, value);
}

static int copy_into(struct store *s, const char *path, struct error *err)
{
	sqlite3_stmt *stmt;
	int rc;

	if (sqlite3_prepare_v2(s->db, "VACUUM INTO ?1", -1, &stmt, NULL) != SQLITE_OK)
		return fail(s, "backup", err);
	sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : fail(s, "backup", err);
}

static int sync_file(const char *path, int64_t *bytes, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fsync(fd) < 0 || fstat(fd, &st) < 0)
		return error_set(err, ERROR_STORAGE, "backup: %s: %s", path, strerror(errno));
	*bytes = st.st_size;
	return 0;
}

int store_sync_folder(const char *path)
{
	_cleanup_(freep) char *folder = xstrdup(path);
	_cleanup_(closep) int fd = -1;
	char *slash = strrchr(folder, '/');

	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int store_backup(struct store *s, const char *path, int64_t *bytes, struct error *err)
{
	_cleanup_(freep) char *tmp = xasprintf("%s.part", path);
	mode_t old;
	int rc;

	if (path[0] != '/')
		return error_set(err, ERROR_USAGE, "the path of a backup must be absolute");
	if (access(path, F_OK) == 0)
		return error_set(err, ERROR_CONFLICT, "%s exists already", path);
	if (store_commit(s, err) < 0)
		return -1;
	unlink(tmp);
	old = umask(077);
	rc = copy_into(s, tmp, err);
	umask(old);
	if (rc == 0)
		rc = sync_file(tmp, bytes, err);
	if (rc == 0 && link(tmp, path) < 0)
		rc = error_set(err, ERROR_STORAGE, "backup: %s: %s", path, strerror(errno));
	unlink(tmp);
	if (rc == 0 && store_sync_folder(path) < 0) {
		rc = error_set(err, ERROR_STORAGE, "backup: the folder of %s: %s", path, strerror(errno));
		unlink(path);
	}
	return rc;
}
