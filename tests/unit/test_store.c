/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/store: what it opens and refuses, what is durable, what is rolled back.  Each test has a
 * database of its own in a folder of its own.  test_memstore.c includes this file with MEMSTORE set: what is no
 * matter of files must hold for the store in memory as well.
 */
#include "unit.h"

#include "json.h"
#include "migrations.h"
#include "store.h"
#include "text.h"

#ifndef MEMSTORE
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

struct place {
	char dir[40], db[56], key[56], copy[56];
	struct memdisk *disk;
	struct store *s;
};

static void open_again(struct place *p)
{
	struct error err = { 0 };

	p->s = store_open(p->db, p->key, &err);
	if (!p->s)
		printf("%s\n", err.text);
	assert_non_null(p->s);
	store_set_time(p->s, 1000);
}

static void close_store(struct place *p)
{
	store_close(p->s);
	p->s = NULL;
}

#ifdef MEMSTORE
static void place_open(struct place *p)
{
	*p = (struct place){ .disk = memdisk_create() };
	snprintf(p->db, sizeof(p->db), "%s", memdisk_path(p->disk));
	open_again(p);
}

static void place_close(struct place *p)
{
	close_store(p);
	memdisk_destroy(p->disk);
}
#else
static void place_open(struct place *p)
{
	strcpy(p->dir, "/tmp/recast-unit-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->db, sizeof(p->db), "%s/db", p->dir);
	snprintf(p->key, sizeof(p->key), "%s/key", p->dir);
	snprintf(p->copy, sizeof(p->copy), "%s/copy", p->dir);
	open_again(p);
}

static void place_close(struct place *p)
{
	static const char *const ends[] = { "db", "db-wal", "db-shm", "key", "key.part", "copy", "copy.part" };
	char path[80];
	size_t i;

	close_store(p);
	for (i = 0; i < COUNT(ends); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, ends[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(p->dir), 0);
}
#endif

static void commit(struct place *p)
{
	struct error err = { 0 };

	if (store_commit(p->s, &err) < 0)
		fail_msg("%s", err.text);
}

#ifndef MEMSTORE
/* Statements behind the store's back, while it is closed. */
static void meddle(const struct place *p, const char *sql)
{
	sqlite3 *db = NULL;
	char *why = NULL;

	assert_null(p->s);
	assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static void refused(const struct place *p, const char *why, const char *hint)
{
	struct error err = { 0 };

	assert_null(store_open(p->db, p->key, &err));
	assert_int_equal(err.code, ERROR_STORAGE);
	assert_contains(err.text, why);
	assert_contains(err.hint, hint);
}

static int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

TEST(makes_a_database_and_key_that_only_the_owner_reads)
{
	struct place p;

	place_open(&p);
	assert_int_equal(mode_of(p.key), 0400);
	assert_int_equal(mode_of(p.db) & 077, 0);
	assert_false(store_dirty(p.s));
	place_close(&p);
}
#endif

TEST(finds_again_what_it_committed)
{
	struct place p;
	char *value;

	place_open(&p);
	store_meta_set(p.s, "epoch", "7");
	store_meta_set(p.s, "epoch", "8");
	assert_true(store_dirty(p.s));
	commit(&p);
	store_meta_set(p.s, "lost", "x"); /* never committed */
	close_store(&p);
	open_again(&p);
	value = store_meta_get(p.s, "epoch");
	assert_string_equal(value, "8");
	free(value);
	assert_null(store_meta_get(p.s, "lost"));
	place_close(&p);
}

#ifndef MEMSTORE
TEST(refuses_a_newer_database)
{
	char sql[64];
	struct place p;

	place_open(&p);
	close_store(&p);
	meddle(&p, "PRAGMA user_version = 99");
	refused(&p, "the database has schema 99", "newer recastd");
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", n_migrations);
	meddle(&p, sql);
	open_again(&p);
	place_close(&p);
}

TEST(refuses_a_database_that_is_open_already)
{
	struct place p;

	place_open(&p);
	refused(&p, "another process has the database open", "Only one recastd");
	place_close(&p);
}

TEST(refuses_what_is_no_database)
{
	struct place p;
	FILE *f;

	place_open(&p);
	close_store(&p);
	f = fopen(p.db, "w");
	fputs("this is not a database, whatever its name says, and it is long enough to be looked at as one", f);
	fclose(f);
	refused(&p, "damaged", "persona backup");
	place_close(&p);
}

TEST(refuses_a_key_that_others_may_read)
{
	struct place p;

	place_open(&p);
	close_store(&p);
	assert_int_equal(chmod(p.key, 0440), 0);
	refused(&p, "may be read by others (mode 440)", "chmod 0400");
	assert_int_equal(chmod(p.key, 0600), 0);
	open_again(&p);
	place_close(&p);
}

TEST(refuses_a_database_without_its_key)
{
	struct place p;

	place_open(&p);
	close_store(&p);
	unlink(p.key);
	refused(&p, "cannot read the key file", "put back the key file");
	assert_int_equal(access(p.key, F_OK), -1); /* and makes no new one */
	place_close(&p);
}

TEST(refuses_a_key_that_was_cut)
{
	struct error err = { 0 };
	struct place p;

	place_open(&p);
	close_store(&p);
	chmod(p.key, 0600);
	assert_int_equal(truncate(p.key, 31), 0);
	assert_null(store_open(p.db, p.key, &err));
	assert_contains(err.text, "shorter than 32 bytes");
	place_close(&p);
}
#endif

static void put_secret(struct place *p, const char *name, const char *bytes, size_t len)
{
	struct secret *v = secret_create(bytes, len);

	assert_int_equal(store_secret_put(p->s, name, v, NULL), 0);
	secret_destroy(v);
}

static void assert_secret(struct place *p, const char *name, const char *bytes, size_t len)
{
	struct secret *got = store_secret_get(p->s, name, NULL);

	assert_non_null(got);
	assert_int_equal(secret_len(got), len);
	assert_memory_equal(secret_reveal(got), bytes, len);
	secret_destroy(got);
}

#ifndef MEMSTORE
TEST(makes_its_key_anew_when_the_first_start_was_cut_off)
{
	struct place p;
	char part[64];
	int fd;

	place_open(&p);
	close_store(&p);
	assert_int_equal(unlink(p.db), 0);
	assert_int_equal(unlink(p.key), 0);
	snprintf(part, sizeof(part), "%s.part", p.key);
	fd = open(part, O_WRONLY | O_CREAT, 0400);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	open_again(&p);
	assert_int_equal(mode_of(p.key), 0400);
	assert_int_equal(access(part, F_OK), -1);
	close_store(&p);
	open_again(&p);
	place_close(&p);
}
#endif

TEST(gives_secrets_back_as_they_were)
{
	struct error err = { 0 };
	struct place p;
	json_t *names;
#ifndef MEMSTORE
	char *file;
	size_t len, i;
#endif

	place_open(&p);
	put_secret(&p, "san1", "hunter2-hunter2", 15);
	put_secret(&p, "binary", "a\0b", 3);
	put_secret(&p, "empty", "", 0);
	put_secret(&p, "chap/web.g1", "once", 4);
	put_secret(&p, "chap/web.g1", "twice", 5);
	commit(&p);
	close_store(&p);
	open_again(&p);
	assert_secret(&p, "san1", "hunter2-hunter2", 15);
	assert_secret(&p, "binary", "a\0b", 3);
	assert_secret(&p, "empty", "", 0);
	assert_secret(&p, "chap/web.g1", "twice", 5);
	names = store_secret_names(p.s);
	assert_int_equal(json_array_size(names), 3); /* those that Recast makes are not shown */
	json_decref(names);
	assert_null(store_secret_get(p.s, "none", &err));
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_contains(err.hint, "persona secret set none");
	assert_true(store_secret_delete(p.s, "san1"));
	assert_false(store_secret_delete(p.s, "san1"));
	commit(&p);
	close_store(&p);
#ifndef MEMSTORE
	file = text_read_file(p.db, 1 << 24, &len);
	assert_non_null(file);
	for (i = 0; i + 7 <= len; i++)
		assert_memory_not_equal(file + i, "hunter2", 7);
	free(file);
#endif
	place_close(&p);
}

TEST(refuses_secrets_and_names_that_are_too_long)
{
	char bytes[5000] = { 0 }, name[400] = { 0 };
	struct error err = { 0 };
	struct secret *v = secret_create(bytes, sizeof(bytes)), *fits = secret_create(bytes, 4000);
	struct place p;

	place_open(&p);
	assert_int_equal(store_secret_put(p.s, "x", v, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_int_equal(store_secret_put(p.s, "x", fits, &err), 0);
	memset(name, 'n', sizeof(name) - 1);
	assert_int_equal(store_secret_put(p.s, name, fits, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	assert_null(store_secret_get(p.s, name, &err));
	assert_secret(&p, "x", bytes, 4000);
	secret_destroy(v);
	secret_destroy(fits);
	place_close(&p);
}

#ifndef MEMSTORE
/* What somebody does to the rows must not open: another name, another version, another bit, another key. */
TEST(detects_secrets_that_were_swapped_or_changed)
{
	static const char *const meddling[] = {
		"UPDATE secret SET box = (SELECT box FROM secret WHERE name = 'b'), nonce = (SELECT nonce FROM secret WHERE name = 'b') WHERE name = 'a'",
		"UPDATE secret SET version = version + 1 WHERE name = 'a'",
		"UPDATE secret SET box = zeroblob(length(box)) WHERE name = 'a'",
		"UPDATE secret SET nonce = x'00' WHERE name = 'a'",
		"UPDATE secret SET box = x'' WHERE name = 'a'",
		"UPDATE secret SET box = zeroblob(100000) WHERE name = 'a'",
	};
	struct error err;
	struct place p;
	size_t i;

	for (i = 0; i < COUNT(meddling); i++) {
		error_clear(&err);
		place_open(&p);
		put_secret(&p, "a", "first", 5);
		put_secret(&p, "b", "other", 5);
		commit(&p);
		close_store(&p);
		meddle(&p, meddling[i]);
		open_again(&p);
		assert_row(meddling[i], store_secret_get(p.s, "a", &err) == NULL);
		assert_contains(err.text, "cannot be opened with this key file");
		assert_secret(&p, "b", "other", 5);
		place_close(&p);
	}
}
#endif

TEST(counts_one_commit_for_all_writes_of_a_turn)
{
	struct place p;
	uint64_t before;
	json_t *doc = json_object();
	int i;

	place_open(&p);
	before = store_commits(p.s);
	commit(&p); /* nothing was written */
	assert_int_equal(store_commits(p.s), before);
	for (i = 0; i < 100; i++)
		store_event_add(p.s, "x", 0, doc);
	assert_true(store_dirty(p.s));
	commit(&p);
	assert_int_equal(store_commits(p.s), before + 1);
	assert_false(store_dirty(p.s));
	json_decref(doc);
	place_close(&p);
}

static void add_run(struct place *p, int64_t id, const char *request)
{
	json_t *doc = json_pack("{s:s}", "action", "move");

	store_run_add(p->s, id, "move", "web", "node1", doc, request);
	store_step_add(p->s, id, 0, doc);
	store_step_add(p->s, id, 1, doc);
	json_decref(doc);
}

TEST(rolls_a_whole_turn_back_when_one_write_fails)
{
	struct error err = { 0 };
	struct place p;
	json_t *run;
	char *v;

	place_open(&p);
	add_run(&p, 1, NULL);
	store_lock_add(p.s, "machine:node1", 1, 1);
	commit(&p);
	store_meta_set(p.s, "before", "x");
	add_run(&p, 2, NULL);
	store_lock_add(p.s, "machine:node1", 2, 1); /* held by run 1 */
	store_meta_set(p.s, "after", "x");
	assert_true(store_dirty(p.s));
	assert_int_equal(store_commit(p.s, &err), -1);
	assert_int_equal(err.code, ERROR_STORAGE);
	assert_contains(err.text, "UNIQUE");
	assert_false(store_dirty(p.s));
	assert_null(store_meta_get(p.s, "before"));
	assert_null(store_meta_get(p.s, "after"));
	assert_null(store_run_get(p.s, 2));
	run = store_run_get(p.s, 1);
	assert_non_null(run);
	json_decref(run);
	store_meta_set(p.s, "next", "y"); /* the next turn is a new one */
	commit(&p);
	v = store_meta_get(p.s, "next");
	assert_string_equal(v, "y");
	free(v);
	place_close(&p);
}

#ifndef MEMSTORE
static sqlite3 *newest_connection;

static int note_connection(sqlite3 *db, char **why, const struct sqlite3_api_routines *api)
{
	(void)why;
	(void)api;
	newest_connection = db;
	return SQLITE_OK;
}

/* The WAL may not grow any more.  With a cache of two pages the next read has to write changed pages there. */
static void fill_disk(const struct place *p, struct rlimit *before)
{
	struct rlimit none;
	struct stat st;
	char wal[64];

	snprintf(wal, sizeof(wal), "%s-wal", p->db);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, before), 0);
	none = (struct rlimit){ (rlim_t)st.st_size, before->rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static void put_wide(struct place *p, const char *kind, const char *name)
{
	char wide[3000] = { 0 };
	json_t *doc;

	memset(wide, 'w', sizeof(wide) - 1);
	doc = json_pack("{s:s}", "text", wide);
	store_object_put(p->s, kind, name, doc);
	json_decref(doc);
}

static void count_object(void *arg, const char *kind, const char *name, json_t *doc)
{
	(void)kind;
	(void)name;
	(void)doc;
	++*(int *)arg;
}

TEST(rolls_a_whole_turn_back_when_a_read_between_its_writes_fails)
{
	struct error err = { 0 };
	struct rlimit before;
	struct place p;
	char name[24];
	int i, n = 0;

	sqlite3_auto_extension((void (*)(void))note_connection);
	place_open(&p);
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "node%d", i);
		put_wide(&p, "machine", name);
	}
	store_event_add(p.s, "before", 0, json_null());
	commit(&p);
	fill_disk(&p, &before);
	store_event_add(p.s, "during", 0, json_null());
	put_wide(&p, "persona", "first");
	sqlite3_exec(newest_connection, "PRAGMA cache_size = 2", NULL, NULL, NULL);
	store_object_each(p.s, count_object, &n, &err); /* SQLite ends the transaction here */
	setrlimit(RLIMIT_FSIZE, &before);
	put_wide(&p, "persona", "second");
	store_meta_set(p.s, "second", "x");
	i = store_commit(p.s, &err);
	assert_true(n < 61);
	assert_int_equal(i, -1);
	assert_int_equal(err.code, ERROR_STORAGE);
	assert_null(store_object_get(p.s, "persona", "first"));
	assert_null(store_object_get(p.s, "persona", "second"));
	assert_null(store_meta_get(p.s, "second"));
	assert_int_equal(store_event_add(p.s, "after", 0, json_null()), 2);
	commit(&p);
	sqlite3_reset_auto_extension();
	place_close(&p);
}
#endif

TEST(refuses_states_that_do_not_exist)
{
	struct place p;

	place_open(&p);
	add_run(&p, 1, NULL);
	commit(&p);
	store_run_state(p.s, 1, "finished", NULL, true);
	assert_int_equal(store_commit(p.s, NULL), -1);
	store_step_state(p.s, 1, 0, "maybe", NULL, false);
	assert_int_equal(store_commit(p.s, NULL), -1);
	store_lock_add(p.s, "machine:x", 77, 1); /* a run that is not there */
	assert_int_equal(store_commit(p.s, NULL), -1);
	place_close(&p);
}

TEST(keeps_runs_steps_and_locks)
{
	struct place p;
	json_t *j, *step;

	place_open(&p);
	add_run(&p, 1, "req-a");
	add_run(&p, 2, NULL);
	store_lock_add(p.s, "persona:web", 1, 3);
	store_lock_add(p.s, "machine:node1", 1, 3);
	store_step_state(p.s, 1, 0, "intent", NULL, false);
	store_set_time(p.s, 2000);
	store_step_state(p.s, 1, 0, "failed", "{\"code\":\"refused\"}", true);
	store_run_state(p.s, 2, "done", NULL, true);
	commit(&p);
	close_store(&p);
	open_again(&p);
	assert_int_equal(store_run_last(p.s), 2);
	j = store_run_open(p.s);
	assert_int_equal(json_array_size(j), 1);
	assert_int_equal(json_int(json_array_get(j, 0), "id", 0), 1);
	json_decref(j);
	j = store_step_all(p.s, 1);
	step = json_array_get(j, 0);
	assert_string_equal(json_str(step, "state", ""), "failed");
	assert_string_equal(json_str(json_object_get(step, "reason"), "code", ""), "refused");
	assert_int_equal(json_int(step, "started", 0), 1000);
	assert_int_equal(json_int(step, "ended", 0), 2000);
	assert_string_equal(json_str(json_array_get(j, 1), "state", ""), "pending");
	json_decref(j);
	j = store_lock_of(p.s, 1);
	assert_int_equal(json_array_size(j), 2);
	assert_string_equal(json_string_value(json_array_get(j, 0)), "machine:node1");
	json_decref(j);
	j = store_run_by_request(p.s, "req-a");
	assert_int_equal(json_int(j, "id", 0), 1);
	json_decref(j);
	assert_null(store_run_by_request(p.s, "req-b"));
	j = store_run_recent(p.s, 2, 10);
	assert_int_equal(json_array_size(j), 1);
	json_decref(j);
	store_lock_release(p.s, 1);
	commit(&p);
	j = store_lock_of(p.s, 1);
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
	place_close(&p);
}

TEST(refuses_one_request_twice)
{
	struct place p;

	place_open(&p);
	add_run(&p, 1, "req-a");
	add_run(&p, 2, "req-a");
	assert_int_equal(store_commit(p.s, NULL), -1);
	place_close(&p);
}

TEST(gives_the_number_after_the_highest_then_the_gaps)
{
	char value[8];
	struct place p;
	int i;

	place_open(&p);
	assert_int_equal(store_identity_free(p.s, "mac", 10, 14), 10);
	for (i = 10; i <= 12; i++) {
		snprintf(value, sizeof(value), "m%d", i);
		store_identity_put(p.s, "mac", value, i, "web", "eth0");
	}
	assert_int_equal(store_identity_free(p.s, "mac", 10, 14), 13);
	assert_int_equal(store_identity_free(p.s, "ip", 10, 14), 10); /* of another kind */
	store_identity_put(p.s, "mac", "m14", 14, "web", "eth1");
	assert_int_equal(store_identity_free(p.s, "mac", 10, 14), 13);
	store_identity_put(p.s, "mac", "m13", 13, "web", "eth2");
	assert_int_equal(store_identity_free(p.s, "mac", 10, 14), -1);
	assert_int_equal(store_identity_free(p.s, "mac", 9, 14), 9);
	assert_int_equal(store_identity_count(p.s, "mac", 0, 0), 5);
	assert_int_equal(store_identity_count(p.s, "mac", 11, 12), 2);
	store_identity_release(p.s, "mac", "m11"); /* in quarantine: not free yet */
	assert_int_equal(store_identity_free(p.s, "mac", 10, 14), -1);
	assert_int_equal(store_identity_count(p.s, "mac", 0, 0), 4);
	store_identity_purge(p.s, 1000);
	assert_int_equal(store_identity_free(p.s, "mac", 10, 14), -1);
	store_identity_purge(p.s, 1001);
	assert_int_equal(store_identity_free(p.s, "mac", 10, 14), 11);
	commit(&p);
	place_close(&p);
}

TEST(tells_who_holds_an_identity)
{
	struct place p;
	json_t *j;

	place_open(&p);
	store_identity_put(p.s, "iqn", "iqn.x:web", -1, "web", "iqn");
	j = store_identity_holder(p.s, "iqn", "iqn.x:web");
	assert_string_equal(json_str(j, "persona", ""), "web");
	assert_string_equal(json_str(j, "state", ""), "active");
	json_decref(j);
	store_set_time(p.s, 5000);
	store_identity_release(p.s, "iqn", "iqn.x:web");
	j = store_identity_holder(p.s, "iqn", "iqn.x:web");
	assert_string_equal(json_str(j, "state", ""), "released");
	assert_int_equal(json_int(j, "since", 0), 5000);
	json_decref(j);
	j = store_identity_of(p.s, "web");
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
	assert_null(store_identity_holder(p.s, "iqn", "iqn.x:db"));
	commit(&p);
	place_close(&p);
}

static void add_events(struct place *p, int n)
{
	json_t *doc = json_object();

	while (n--)
		store_event_add(p->s, "tick", 0, doc);
	json_decref(doc);
}

/* The numbers after @seq are seq + 1, seq + 2 … up to @last. */
static void assert_gapless(struct place *p, int64_t seq, int64_t last)
{
	json_t *events = store_event_after(p->s, seq, 100000), *event;
	size_t i;

	json_array_foreach(events, i, event)
		assert_int_equal(json_int(event, "seq", 0), seq + 1 + (int64_t)i);
	assert_int_equal(seq + (int64_t)json_array_size(events), last);
	json_decref(events);
}

TEST(numbers_events_without_gaps)
{
	struct place p;

	place_open(&p);
	add_events(&p, 5);
	commit(&p);
	add_events(&p, 3);
	store_run_state(p.s, 1, "done", NULL, true);
	store_lock_add(p.s, "x", 99, 1); /* fails: the three are lost and their numbers used again */
	assert_int_equal(store_commit(p.s, NULL), -1);
	add_events(&p, 2);
	commit(&p);
	assert_gapless(&p, 0, 7);
	close_store(&p);
	open_again(&p);
	add_events(&p, 1);
	commit(&p);
	assert_gapless(&p, 3, 8);
	place_close(&p);
}

TEST(trims_old_events_and_ended_runs_only)
{
	struct place p;
	json_t *j;
	int i;

	place_open(&p);
	add_events(&p, 50);
	for (i = 1; i <= 20; i++) {
		add_run(&p, i, NULL);
		if (i != 3)
			store_run_state(p.s, i, "done", NULL, true);
	}
	store_trim(p.s, 10, 5);
	commit(&p);
	assert_gapless(&p, 40, 50);
	j = store_event_after(p.s, 0, 100);
	assert_int_equal(json_array_size(j), 10);
	json_decref(j);
	j = store_run_recent(p.s, 1000, 100);
	assert_int_equal(json_array_size(j), 6); /* five, and the one that is open */
	assert_int_equal(json_int(json_array_get(j, 5), "id", 0), 3);
	json_decref(j);
	j = store_step_all(p.s, 4);
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
	add_events(&p, 1);
	commit(&p);
	assert_gapless(&p, 50, 51); /* numbers go on after what was trimmed */
	place_close(&p);
}

#ifndef MEMSTORE
TEST(backs_up_into_a_database_that_opens)
{
	struct error err = { 0 };
	struct place p, q;
	int64_t bytes = 0;
	char *v;

	place_open(&p);
	put_secret(&p, "san1", "hunter2", 7);
	store_meta_set(p.s, "k", "v");
	assert_int_equal(store_backup(p.s, p.copy, &bytes, &err), 0); /* commits what is waiting */
	assert_int_equal(mode_of(p.copy), 0600);
	assert_true(bytes > 4096);
	assert_int_equal(store_backup(p.s, p.copy, &bytes, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_int_equal(store_backup(p.s, "relative", &bytes, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_int_equal(store_backup(p.s, "/nowhere/at/all", &bytes, &err), -1);
	assert_int_equal(err.code, ERROR_STORAGE);
	close_store(&p);
	q = p;
	assert_int_equal(rename(p.copy, p.db), 0);
	open_again(&q);
	v = store_meta_get(q.s, "k");
	assert_string_equal(v, "v");
	free(v);
	assert_secret(&q, "san1", "hunter2", 7);
	place_close(&q);
}
#endif

static void collect_object(void *arg, const char *kind, const char *name, json_t *doc)
{
	text_printf(arg, "%s/%s=%lld ", kind, name, (long long)json_int(doc, "v", 0));
}

static void put_object(struct place *p, const char *kind, const char *name, int v)
{
	json_t *doc = json_pack("{s:i}", "v", v);

	store_object_put(p->s, kind, name, doc);
	json_decref(doc);
}

TEST(keeps_what_people_define)
{
	struct text t = { 0 };
	struct place p;
	json_t *doc;

	place_open(&p);
	put_object(&p, "persona", "web", 1);
	put_object(&p, "machine", "node1", 2);
	put_object(&p, "persona", "web", 3);
	put_object(&p, "persona", "db", 4);
	store_object_delete(p.s, "persona", "db");
	commit(&p);
	assert_int_equal(store_object_each(p.s, collect_object, &t, NULL), 0);
	assert_string_equal(t.data, "machine/node1=2 persona/web=3 ");
	doc = store_object_get(p.s, "persona", "web");
	assert_int_equal(json_int(doc, "v", 0), 3);
	json_decref(doc);
	assert_null(store_object_get(p.s, "persona", "db"));
	put_object(&p, "toaster", "x", 1); /* no such kind */
	assert_int_equal(store_commit(p.s, NULL), -1);
	text_fini(&t);
	place_close(&p);
}

static void collect_assignment(void *arg, const char *persona, const char *machine, int64_t generation, int64_t last)
{
	text_printf(arg, "%s@%s#%lld/%lld ", persona, machine ? machine : "-", (long long)generation, (long long)last);
}

static void collect_quarantine(void *arg, const char *machine, const char *reason, const char *confirmed)
{
	text_printf(arg, "%s: %s (%s) ", machine, reason, confirmed ? confirmed : "");
}

TEST(keeps_assignments_and_quarantine)
{
	struct text t = { 0 };
	struct place p;

	place_open(&p);
	store_assignment_put(p.s, "web", "node1", 1, 1);
	store_assignment_put(p.s, "web", NULL, 0, 1);
	store_assignment_put(p.s, "db", "node2", 4, 5);
	store_quarantine_put(p.s, "node3", "its array is gone", 9, "uid 0");
	store_quarantine_put(p.s, "node4", "x", 0, NULL);
	store_quarantine_put(p.s, "node5", "y", 0, NULL);
	store_quarantine_delete(p.s, "node4");
	commit(&p);
	store_assignment_each(p.s, collect_assignment, &t, NULL);
	assert_string_equal(t.data, "db@node2#4/5 web@-#0/1 ");
	t.len = 0;
	store_quarantine_each(p.s, collect_quarantine, &t, NULL);
	assert_string_equal(t.data, "node3: its array is gone (uid 0) node5: y () ");
	store_assignment_put(p.s, "db", "node2", 6, 5); /* the last generation never falls behind */
	assert_int_equal(store_commit(p.s, NULL), -1);
	text_fini(&t);
	place_close(&p);
}

static void gather(void *arg, const char *key, json_t *doc)
{
	text_printf(arg, "%s=%lld ", key, (long long)json_int(doc, "n", 0));
}

TEST(keeps_records_by_kind_and_key)
{
	json_t *one = json_pack("{s:i}", "n", 1), *two = json_pack("{s:i}", "n", 2), *got;
	struct text t = { 0 };
	struct place p;

	place_open(&p);
	store_record_put(p.s, "token", "b", one);
	store_record_put(p.s, "token", "a", one);
	store_record_put(p.s, "token", "a", two);
	store_record_put(p.s, "drift", "a", one);
	commit(&p);
	store_record_delete(p.s, "token", "b");
	store_record_delete(p.s, "token", "nobody");
	store_record_put(p.s, "token", "c", two);
	commit(&p);
	close_store(&p);
	open_again(&p);
	store_record_each(p.s, "token", gather, &t);
	assert_string_equal(t.data, "a=2 c=2 ");
	got = store_record_get(p.s, "drift", "a");
	assert_int_equal(json_int(got, "n", 0), 1);
	json_decref(got);
	assert_null(store_record_get(p.s, "token", "b"));
	store_record_put(p.s, "gossip", "a", one); /* kinds are listed */
	assert_int_equal(store_commit(p.s, NULL), -1);
	json_decref(one);
	json_decref(two);
	text_fini(&t);
	place_close(&p);
}

TEST(chains_the_audit_and_takes_a_failed_turn_out_of_it)
{
	char hash[CHAIN_TEXT], now[CHAIN_TEXT];
	json_t *doc = json_pack("{s:s}", "who", "uid 0"), *rows;
	struct place p;
	int i;

	place_open(&p);
	assert_int_equal(store_audit_head(p.s, hash), 0);
	for (i = 1; i <= 3; i++) {
		json_object_set_new(doc, "n", json_integer(i));
		assert_int_equal(store_audit_add(p.s, doc), i);
		chain_next(hash, i, doc);
	}
	commit(&p);
	assert_int_equal(store_audit_head(p.s, now), 3);
	assert_string_equal(now, hash);
	store_audit_add(p.s, doc);
	store_record_put(p.s, "gossip", "a", doc); /* the turn is lost */
	assert_int_equal(store_commit(p.s, NULL), -1);
	assert_int_equal(store_audit_head(p.s, now), 3);
	assert_string_equal(now, hash);
	rows = store_audit_after(p.s, 1, 10);
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(json_str(json_array_get(rows, 1), "hash", ""), hash);
	json_decref(rows);
	chain_begin(hash);
	json_object_set_new(doc, "who", json_string("uid 1")); /* another document, another hash */
	chain_next(hash, 3, doc);
	assert_string_not_equal(now, hash);
	json_decref(doc);
	place_close(&p);
}

#ifndef MEMSTORE
TEST(hashes_and_signs_under_its_own_key)
{
	char a[CHAIN_TEXT], b[CHAIN_TEXT], c[CHAIN_TEXT], signature[129], key[65], other[65];
	struct place p, q;

	place_open(&p);
	place_open(&q);
	store_keyed_hash(p.s, "tokens", "rct_x", 5, a);
	store_keyed_hash(p.s, "tokens", "rct_y", 5, b);
	store_keyed_hash(q.s, "tokens", "rct_x", 5, c);
	assert_string_not_equal(a, b);
	assert_string_not_equal(a, c); /* another controller, another hash */
	store_sign(p.s, "text", signature, key);
	store_sign(q.s, "text", signature, other);
	assert_string_not_equal(key, other);
	assert_int_equal(strlen(signature), 128);
	place_close(&q);
	place_close(&p);
}

TEST(refuses_the_commits_of_an_older_term)
{
	struct error err = { 0 };
	struct place p;
	int64_t epoch;
	json_t *locks;

	place_open(&p);
	assert_int_equal(store_claim(p.s, &epoch, &err), 0);
	assert_int_equal(epoch, 1);
	store_run_add(p.s, 1, "apply", "web", "node1", json_null(), NULL);
	store_lock_add(p.s, "machine:node1", 1, epoch);
	commit(&p);
	close_store(&p);
	open_again(&p);
	assert_int_equal(store_claim(p.s, &epoch, &err), 0);
	assert_int_equal(epoch, 2);
	locks = store_lock_of(p.s, 1); /* taken over, not lost */
	assert_int_equal(json_array_size(locks), 1);
	json_decref(locks);
	store_meta_set(p.s, "epoch", "3"); /* as another controller would, had it the same database */
	store_meta_set(p.s, "said", "by term 2");
	assert_int_equal(store_commit(p.s, &err), -1);
	assert_int_equal(err.code, ERROR_SUPERSEDED);
	assert_null(store_meta_get(p.s, "said"));
	place_close(&p);
}

TEST(tells_of_a_later_term_also_when_a_write_has_failed)
{
	struct error err = { 0 };
	struct place p;
	int64_t epoch;

	place_open(&p);
	assert_int_equal(store_claim(p.s, &epoch, &err), 0);
	assert_true(store_in_term(p.s));
	store_meta_set(p.s, "epoch", "2");
	assert_false(store_in_term(p.s));
	store_lock_add(p.s, "machine:node1", 99, epoch); /* of no run */
	assert_int_equal(store_commit(p.s, &err), -1);
	assert_int_equal(err.code, ERROR_SUPERSEDED);
	place_close(&p);
}
#endif

TEST(keeps_documents_as_they_were_when_they_were_written)
{
	json_t *doc = json_pack("{s:s, s:f, s:[i, n, b]}", "text", "\303\251", "real", 1.0, "list", 7, 1), *got;
	struct place p;

	place_open(&p);
	store_object_put(p.s, "persona", "web", doc);
	store_event_add(p.s, "x", 0, doc);
	json_object_set_new(doc, "text", json_string("changed by its owner"));
	got = store_object_get(p.s, "persona", "web");
	assert_string_equal(json_str(got, "text", ""), "\303\251");
	json_object_set_new(got, "text", json_string("changed by a reader"));
	json_decref(got);
	commit(&p);
	got = store_object_get(p.s, "persona", "web");
	assert_string_equal(json_str(got, "text", ""), "\303\251");
	assert_true(json_is_real(json_object_get(got, "real")));
	assert_true(json_is_null(json_array_get(json_object_get(got, "list"), 1)));
	json_decref(got);
	got = store_event_after(p.s, 0, 10);
	assert_string_equal(json_str(json_object_get(json_array_get(got, 0), "doc"), "text", ""), "\303\251");
	assert_true(json_is_null(json_object_get(json_array_get(got, 0), "run")));
	json_decref(got);
	json_decref(doc);
	place_close(&p);
}

TEST(a_turn_sees_its_own_writes_and_deletions)
{
	struct place p;
	json_t *j;

	place_open(&p);
	add_run(&p, 1, "req-a");
	store_lock_add(p.s, "machine:node1", 1, 1);
	store_quarantine_put(p.s, "node1", "x", 1, NULL);
	commit(&p);
	store_lock_release(p.s, 1);
	j = store_lock_of(p.s, 1);
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
	store_lock_add(p.s, "machine:node1", 1, 2); /* free again, in the same turn */
	store_run_state(p.s, 1, "undoing", "{\"code\":\"refused\"}", false);
	j = store_run_by_request(p.s, "req-a");
	assert_string_equal(json_str(j, "state", ""), "undoing");
	assert_string_equal(json_str(json_object_get(j, "reason"), "code", ""), "refused");
	assert_true(json_is_null(json_object_get(j, "ended")));
	json_decref(j);
	add_run(&p, 2, NULL);
	assert_int_equal(store_run_last(p.s), 2);
	close_store(&p); /* a crash: none of it was committed */
	open_again(&p);
	assert_int_equal(store_run_last(p.s), 1);
	j = store_run_get(p.s, 1);
	assert_string_equal(json_str(j, "state", ""), "running");
	json_decref(j);
	j = store_lock_of(p.s, 1);
	assert_int_equal(json_array_size(j), 1);
	json_decref(j);
	place_close(&p);
}

TEST(an_identity_that_comes_back_keeps_its_number)
{
	struct place p;
	json_t *j;

	place_open(&p);
	store_identity_put(p.s, "ip", "10.0.0.1", 1, "web", "eth0");
	store_identity_release(p.s, "ip", "10.0.0.1");
	store_identity_put(p.s, "ip", "10.0.0.1", 9, "db", "eth1");
	store_identity_put(p.s, "iqn", "iqn.x:db", -1, "db", "iqn");
	store_identity_put(p.s, "ip", "10.0.0.2", 2, "db", "eth0");
	assert_int_equal(store_identity_count(p.s, "ip", 1, 2), 2);
	assert_int_equal(store_identity_count(p.s, "ip", 9, 9), 0);
	j = store_identity_of(p.s, "db");
	assert_int_equal(json_array_size(j), 3);
	assert_string_equal(json_str(json_array_get(j, 0), "value", ""), "10.0.0.2"); /* by kind, then slot */
	assert_string_equal(json_str(json_array_get(j, 1), "slot", ""), "eth1");
	assert_string_equal(json_str(json_array_get(j, 2), "kind", ""), "iqn");
	json_decref(j);
	store_identity_put(p.s, "serial", "1", 1, "db", "x"); /* no such kind */
	assert_int_equal(store_commit(p.s, NULL), -1);
	place_close(&p);
}

TEST(refuses_steps_that_hang_in_the_air)
{
	json_t *doc = json_object();
	struct place p;

	place_open(&p);
	add_run(&p, 1, NULL);
	commit(&p);
	store_step_add(p.s, 1, 1, doc); /* there already */
	assert_int_equal(store_commit(p.s, NULL), -1);
	store_step_add(p.s, 7, 0, doc); /* of no run */
	assert_int_equal(store_commit(p.s, NULL), -1);
	store_run_add(p.s, 1, "move", "web", "node1", doc, NULL); /* the id is taken */
	assert_int_equal(store_commit(p.s, NULL), -1);
	store_step_state(p.s, 7, 0, "done", NULL, true); /* an update of nothing is no failure */
	store_run_state(p.s, 7, "done", NULL, true);
	commit(&p);
	json_decref(doc);
	place_close(&p);
}

#ifdef MEMSTORE
static void set_meta(struct store *s, const char *value)
{
	store_meta_set(s, "k", value);
}

static void assert_meta(struct store *s, const char *value)
{
	char *v = store_meta_get(s, "k");

	if (value)
		assert_string_equal(v, value);
	else
		assert_null(v);
	free(v);
}

TEST(a_full_disk_loses_the_turn_and_nothing_else)
{
	struct error err = { 0 };
	struct place p;

	place_open(&p);
	set_meta(p.s, "1");
	commit(&p);
	p.disk->fail_commits = 1;
	set_meta(p.s, "2");
	assert_int_equal(store_commit(p.s, &err), -1);
	assert_int_equal(err.code, ERROR_STORAGE);
	assert_contains(err.text, "full");
	assert_meta(p.s, "1");
	set_meta(p.s, "3");
	commit(&p);
	assert_meta(p.s, "3");
	assert_int_equal(p.disk->commits, 2);
	assert_int_equal(p.disk->commits_failed, 1);
	place_close(&p);
}

TEST(another_store_sees_only_what_is_committed)
{
	struct place p;
	struct store *other;
	json_t *doc = json_object(), *j;

	place_open(&p);
	set_meta(p.s, "1");
	commit(&p);
	set_meta(p.s, "2");
	store_event_add(p.s, "x", 0, doc);
	other = store_open(p.db, "", NULL);
	assert_meta(other, "1");
	j = store_event_after(other, 0, 10);
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
	commit(&p);
	assert_meta(other, "2");
	store_close(other);
	json_decref(doc);
	place_close(&p);
}

TEST(whoever_claimed_last_is_the_only_one_who_commits)
{
	struct error err = { 0 };
	int64_t first = 0, second = 0;
	struct store *other;
	struct place p;
	char *epoch;

	place_open(&p);
	assert_int_equal(store_claim(p.s, &first, &err), 0);
	assert_int_equal(first, 1);
	add_run(&p, 1, NULL);
	store_lock_add(p.s, "machine:node1", 1, first);
	commit(&p);
	set_meta(p.s, "of the old one"); /* under way when the other takes over */
	other = store_open(p.db, "", NULL);
	assert_int_equal(store_claim(other, &second, &err), 0);
	assert_int_equal(second, 2);
	assert_int_equal(store_commit(p.s, &err), -1);
	assert_int_equal(err.code, ERROR_SUPERSEDED);
	assert_meta(other, NULL);
	set_meta(other, "of the new one");
	assert_int_equal(store_commit(other, &err), 0);
	set_meta(p.s, "of the old one again");
	assert_int_equal(store_commit(p.s, &err), -1);
	assert_int_equal(err.code, ERROR_SUPERSEDED);
	epoch = store_meta_get(other, "epoch");
	assert_string_equal(epoch, "2");
	free(epoch);
	assert_meta(p.s, "of the new one");
	p.disk->fail_commits = 1; /* a claim that cannot be written is none */
	assert_int_equal(store_claim(p.s, &first, &err), -1);
	assert_int_equal(p.disk->epoch, 2);
	set_meta(other, "still");
	assert_int_equal(store_commit(other, &err), 0);
	store_close(other);
	place_close(&p);
}

static void look_before(void *arg)
{
	struct place *p = arg;
	struct store *other = store_open(p->db, "", NULL);

	assert_meta(other, NULL);
	store_close(other);
	strcat(p->dir, "before ");
}

static void look_after(void *arg)
{
	struct place *p = arg;
	struct store *other = store_open(p->db, "", NULL);

	assert_meta(other, "1");
	store_close(other);
	strcat(p->dir, "after");
}

TEST(a_crash_can_be_put_before_and_after_a_commit)
{
	struct place p;

	place_open(&p);
	p.disk->before_commit = look_before;
	p.disk->after_commit = look_after;
	p.disk->arg = &p;
	commit(&p); /* nothing is written: nothing can crash */
	assert_string_equal(p.dir, "");
	set_meta(p.s, "1");
	commit(&p);
	assert_string_equal(p.dir, "before after");
	place_close(&p);
}

TEST(refuses_a_path_that_is_no_disk)
{
	struct error err = { 0 };

	assert_null(store_open("/var/lib/recast/db", "", &err));
	assert_int_equal(err.code, ERROR_STORAGE);
}
#endif

#ifdef MEMSTORE
#define ITS_OWN                                                                                                        \
	T(a_full_disk_loses_the_turn_and_nothing_else), T(another_store_sees_only_what_is_committed),                  \
		T(whoever_claimed_last_is_the_only_one_who_commits), T(a_crash_can_be_put_before_and_after_a_commit),  \
		T(refuses_a_path_that_is_no_disk)
#else
#define ITS_OWN                                                                                                        \
	T(makes_a_database_and_key_that_only_the_owner_reads), T(refuses_a_newer_database),                            \
		T(refuses_a_database_that_is_open_already), T(refuses_what_is_no_database),                            \
		T(refuses_a_key_that_others_may_read), T(refuses_a_database_without_its_key),                          \
		T(refuses_a_key_that_was_cut), T(detects_secrets_that_were_swapped_or_changed),                        \
		T(backs_up_into_a_database_that_opens), T(makes_its_key_anew_when_the_first_start_was_cut_off),    \
		T(rolls_a_whole_turn_back_when_a_read_between_its_writes_fails),                                       \
		T(hashes_and_signs_under_its_own_key), T(refuses_the_commits_of_an_older_term), T(tells_of_a_later_term_also_when_a_write_has_failed)
#endif

UNIT_MAIN(ITS_OWN, T(finds_again_what_it_committed), T(gives_secrets_back_as_they_were),
	  T(refuses_secrets_and_names_that_are_too_long), T(counts_one_commit_for_all_writes_of_a_turn),
	  T(rolls_a_whole_turn_back_when_one_write_fails), T(refuses_states_that_do_not_exist),
	  T(keeps_runs_steps_and_locks), T(refuses_one_request_twice),
	  T(gives_the_number_after_the_highest_then_the_gaps), T(tells_who_holds_an_identity),
	  T(numbers_events_without_gaps), T(trims_old_events_and_ended_runs_only), T(keeps_what_people_define),
	  T(keeps_assignments_and_quarantine), T(keeps_records_by_kind_and_key), T(chains_the_audit_and_takes_a_failed_turn_out_of_it),
	  T(keeps_documents_as_they_were_when_they_were_written),
	  T(a_turn_sees_its_own_writes_and_deletions), T(an_identity_that_comes_back_keeps_its_number),
	  T(refuses_steps_that_hang_in_the_air))
