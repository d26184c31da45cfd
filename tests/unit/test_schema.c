/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The migrations: what tools/embed-sql.sh refuses, and that the states of the engine are the states which
 * the database accepts.
 */
#include "unit.h"

#include "engine.h"
#include "text.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct folder {
	char path[64];
	char out[96], err[96];
};

static void folder_make(struct folder *f)
{
	strcpy(f->path, "/tmp/recast-unit-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	snprintf(f->out, sizeof(f->out), "%s/out", f->path);
	snprintf(f->err, sizeof(f->err), "%s/err", f->path);
}

static void folder_put(const struct folder *f, const char *name, const char *sql)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(sql, file);
	fclose(file);
}

static void folder_drop(const struct folder *f, const char *const *names)
{
	char path[160];

	for (; *names; names++) {
		snprintf(path, sizeof(path), "%s/%s", f->path, *names);
		unlink(path);
	}
	unlink(f->out);
	unlink(f->err);
	assert_int_equal(rmdir(f->path), 0);
}

/* Run embed-sql.sh on the folder; its exit status. */
static int embed(const struct folder *f)
{
	char *const argv[] = { (char *)SRCDIR "/tools/embed-sql.sh", (char *)f->path, NULL };
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, f->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_addopen(&actions, 2, f->err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The files of a folder in, the exit status and a word of the complaint (or of the output) expected. */
static void embeds(const char *const *names, int status, const char *word)
{
	const char *const *name;
	struct folder f;
	char *text;
	int got;

	folder_make(&f);
	for (name = names; *name; name++)
		folder_put(&f, *name, "-- a comment\nCREATE TABLE \"t\" (a TEXT DEFAULT '\\'); -- more\n\n");
	got = embed(&f);
	text = text_read_file(status ? f.err : f.out, 65536, NULL);
	folder_drop(&f, names);
	assert_int_equal(got, status);
	assert_contains(text, word);
	free(text);
}

TEST(embeds_migrations_in_order)
{
	embeds((const char *const[]){ "0001_first.sql", "0002_more.sql", NULL }, 0, "const int n_migrations = 2;");
	embeds((const char *const[]){ "0001_first.sql", NULL }, 0,
	       "\"CREATE TABLE \\\"t\\\" (a TEXT DEFAULT '\\\\'); \\n\"\n");
}

TEST(refuses_a_gap_between_migrations)
{
	embeds((const char *const[]){ "0001_first.sql", "0003_third.sql", NULL }, 1,
	       "expected number 0002, found 0003_third.sql");
	embeds((const char *const[]){ "0002_second.sql", NULL }, 1, "expected number 0001");
}

TEST(refuses_two_migrations_of_one_number)
{
	embeds((const char *const[]){ "0001_a.sql", "0001_b.sql", NULL }, 1, "expected number 0002, found 0001_b.sql");
}

TEST(refuses_a_migration_without_a_proper_name)
{
	embeds((const char *const[]){ "0001_first.sql", "2_second.sql", NULL }, 1, "2_second.sql is not NNNN_what.sql");
	embeds((const char *const[]){ "0001first.sql", NULL }, 1, "is not NNNN_what.sql");
}

TEST(refuses_a_folder_without_migrations)
{
	embeds((const char *const[]){ NULL }, 1, "");
}

/* The text between the parentheses of the n-th "state … CHECK (state IN (" of the schema. */
static char *check_list(const char *sql, const char *table)
{
	static const char opening[] = "CHECK (state IN (";
	char head[64], *at, *end, *list;

	snprintf(head, sizeof(head), "CREATE TABLE %s (", table);
	at = strstr(sql, head);
	assert_non_null(at);
	at = strstr(at, opening);
	assert_non_null(at);
	at += strlen(opening);
	end = strchr(at, ')');
	list = strndup(at, (size_t)(end - at));
	return list;
}

static void add_name(struct text *t, const char *name)
{
	text_printf(t, "%s'%s'", t->len ? "," : "", name);
}

TEST(lets_the_database_accept_exactly_the_states_of_the_engine)
{
	char *sql = text_read_file(SRCDIR "/schema/sql/0001_first.sql", 1 << 20, NULL), *list;
	struct text runs = { 0 }, steps = { 0 };
	int i;

	assert_non_null(sql);
	for (i = 0; i < RUN_STATE_COUNT; i++)
		add_name(&runs, run_state_name((enum run_state)i));
	for (i = 0; i < STEP_STATE_COUNT; i++)
		add_name(&steps, step_state_name((enum step_state)i));
	list = check_list(sql, "run");
	assert_string_equal(list, runs.data);
	free(list);
	list = check_list(sql, "step");
	assert_string_equal(list, steps.data);
	free(list);
	text_fini(&runs);
	text_fini(&steps);
	free(sql);
}

UNIT_MAIN(T(embeds_migrations_in_order), T(refuses_a_gap_between_migrations),
	  T(refuses_two_migrations_of_one_number), T(refuses_a_migration_without_a_proper_name),
	  T(refuses_a_folder_without_migrations), T(lets_the_database_accept_exactly_the_states_of_the_engine))
