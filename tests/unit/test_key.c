/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The master key and the root (orchestrator/store/store_key.c): another key, and every place where a crash can leave one.
 */
#include "unit.h"

#include "secret.h"
#include "store.h"
#include "text.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char dir[40], db[56], key[56], next[64];
	struct store *s;
};

static void open_store(struct place *p)
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

static void place_open(struct place *p)
{
	strcpy(p->dir, "/tmp/recast-unit-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->db, sizeof(p->db), "%s/db", p->dir);
	snprintf(p->key, sizeof(p->key), "%s/key", p->dir);
	snprintf(p->next, sizeof(p->next), "%s/key.next", p->dir);
	open_store(p);
}

static void place_close(struct place *p)
{
	char command[64];

	close_store(p);
	snprintf(command, sizeof(command), "rm -r %s", p->dir);
	assert_int_equal(system(command), 0);
}

static void put(struct place *p, const char *name, const char *value)
{
	struct secret *s = secret_create(value, strlen(value));
	struct error err = { 0 };

	store_secret_put(p->s, name, s, &err);
	secret_destroy(s);
	assert_int_equal(store_commit(p->s, &err), 0);
}

static void assert_value(struct place *p, const char *name, const char *value)
{
	struct error err = { 0 };
	struct secret *s = store_secret_get(p->s, name, &err);

	if (!s)
		printf("%s\n", err.text);
	assert_non_null(s);
	assert_string_equal(secret_reveal(s), value);
	secret_destroy(s);
}

static void rotate(struct place *p, bool new_root, int secrets)
{
	struct error err = { 0 };

	assert_int_equal(store_key_rotate(p->s, new_root, &err), secrets);
}

static void read_file(const char *path, char out[32])
{
	size_t len = 0;
	char *bytes = text_read_file(path, 32, &len);

	assert_int_equal(len, 32);
	memcpy(out, bytes, 32);
	free(bytes);
}

static void write_file(const char *path, const char bytes[32])
{
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_int_equal(fwrite(bytes, 1, 32, f), 32);
	fclose(f);
	chmod(path, 0400);
}

static void hash(struct place *p, char out[CHAIN_TEXT])
{
	store_keyed_hash(p->s, "tokens", "word", 4, out);
}

TEST(all_secrets_are_there_under_a_new_key_and_tokens_stay_known)
{
	char before[32], after[32], known[CHAIN_TEXT], again[CHAIN_TEXT];
	struct place p;
	struct stat st;

	place_open(&p);
	put(&p, "one", "first");
	put(&p, "chap/web/1", "second");
	hash(&p, known);
	read_file(p.key, before);
	rotate(&p, false, 3); /* and the root */
	assert_value(&p, "one", "first");
	read_file(p.key, after);
	assert_memory_not_equal(before, after, 32);
	assert_int_equal(stat(p.key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
	assert_int_not_equal(access(p.next, F_OK), 0);
	close_store(&p);
	open_store(&p);
	assert_value(&p, "one", "first");
	assert_value(&p, "chap/web/1", "second");
	hash(&p, again);
	assert_string_equal(known, again);
	place_close(&p);
}

TEST(a_new_root_knows_no_token_and_signs_with_another_key)
{
	char known[CHAIN_TEXT], again[CHAIN_TEXT], signature[129], key[65], other[65];
	struct place p;

	place_open(&p);
	hash(&p, known);
	store_sign(p.s, "x", signature, key);
	rotate(&p, true, 1);
	hash(&p, again);
	store_sign(p.s, "x", signature, other);
	assert_string_not_equal(known, again);
	assert_string_not_equal(key, other);
	close_store(&p);
	open_store(&p);
	hash(&p, known);
	assert_string_equal(known, again);
	place_close(&p);
}

TEST(the_old_key_opens_nothing_any_more)
{
	struct error err = { 0 };
	char before[32];
	struct place p;

	place_open(&p);
	put(&p, "one", "first");
	read_file(p.key, before);
	rotate(&p, false, 2);
	close_store(&p);
	write_file(p.key, before);
	assert_null(store_open(p.db, p.key, &err));
	assert_contains(err.text, "does not belong to this database");
	assert_contains(err.hint, "Put back");
	place_close(&p);
}

TEST(a_crash_before_the_commit_leaves_the_old_key_in_force)
{
	char key[32], other[32];
	struct place p;

	place_open(&p);
	put(&p, "one", "first");
	close_store(&p);
	read_file(p.key, key);
	memset(other, 7, sizeof(other));
	write_file(p.next, other);
	open_store(&p);
	assert_value(&p, "one", "first");
	assert_int_not_equal(access(p.next, F_OK), 0);
	place_close(&p);
}

TEST(a_crash_after_the_commit_finds_the_new_key_beside_the_old_one)
{
	char before[32], after[32], now[32];
	struct place p;

	place_open(&p);
	put(&p, "one", "first");
	read_file(p.key, before);
	rotate(&p, false, 2);
	close_store(&p);
	read_file(p.key, after);
	write_file(p.key, before); /* as if it had not been moved yet */
	write_file(p.next, after);
	open_store(&p);
	assert_value(&p, "one", "first");
	read_file(p.key, now);
	assert_memory_equal(now, after, 32);
	assert_int_not_equal(access(p.next, F_OK), 0);
	place_close(&p);
}

/* A database of before: no root, no name of the key. */
TEST(tokens_of_a_database_without_a_root_stay_known)
{
	char known[CHAIN_TEXT], again[CHAIN_TEXT];
	sqlite3 *db = NULL;
	struct place p;

	place_open(&p);
	close_store(&p);
	assert_int_equal(sqlite3_open(p.db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM secret; DELETE FROM meta WHERE key = 'key'", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	open_store(&p); /* the root is the master key from now on */
	hash(&p, known);
	rotate(&p, false, 1);
	close_store(&p);
	open_store(&p);
	hash(&p, again);
	assert_string_equal(known, again);
	place_close(&p);
}

TEST(a_key_that_cannot_be_written_changes_nothing)
{
	struct error err = { 0 };
	char before[32], after[32];
	struct place p;

	place_open(&p);
	put(&p, "one", "first");
	read_file(p.key, before);
	assert_int_equal(mkdir(p.next, 0700), 0); /* nothing can be written under that name */
	assert_int_equal(store_key_rotate(p.s, false, &err), -1);
	assert_contains(err.text, "key.next");
	read_file(p.key, after);
	assert_memory_equal(before, after, 32);
	assert_value(&p, "one", "first");
	place_close(&p);
}

UNIT_MAIN(T(all_secrets_are_there_under_a_new_key_and_tokens_stay_known), T(a_new_root_knows_no_token_and_signs_with_another_key),
	  T(the_old_key_opens_nothing_any_more), T(a_crash_before_the_commit_leaves_the_old_key_in_force),
	  T(a_crash_after_the_commit_finds_the_new_key_beside_the_old_one), T(tokens_of_a_database_without_a_root_stay_known),
	  T(a_key_that_cannot_be_written_changes_nothing))
