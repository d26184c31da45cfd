/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recastd --check-config.  See check.h.
 *
 * What a value means is asked of settings.c, which recastd starts with; whether certificates can be served is asked of
 * recast-front (check_tls.c), which serves them.  Here are the files and folders.
 */
#include "check.h"
#include "check_private.h"

#include "arena.h"
#include "cleanup.h"
#include "secret.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { KEY_BYTES = 32 };

static void say_where(const struct check *c, enum config_key key)
{
	int line = c->config->line[key];

	if (line > 0)
		printf("%s:%d: ", c->config->file, line);
	else
		printf("%s: ", line < 0 ? "-o" : "default");
}

void check_wrong(struct check *c, enum config_key key, const char *hint, const char *fmt, ...)
{
	va_list ap;

	say_where(c, key);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n%s%s%s", *hint ? "  try: " : "", hint, *hint ? "\n" : "");
	c->mistakes++;
}

void check_unseen(struct check *c, enum config_key key, const char *fmt, ...)
{
	va_list ap;

	printf("not checked: ");
	say_where(c, key);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	c->unseen++;
}

static void on_value(void *arg, enum config_key key, const struct error *err)
{
	check_wrong(arg, key, err->hint, "%s", err->text);
}

static void on_line(void *arg, int line, const struct error *err)
{
	struct check *c = arg;

	if (line > 0)
		printf("%s:%d: ", c->config->file, line);
	else
		printf("%s: ", c->config->file);
	printf("%s\n%s%s%s", err->text, err->hint[0] ? "  try: " : "", err->hint, err->hint[0] ? "\n" : "");
	c->mistakes++;
}

bool check_stat(struct check *c, enum config_key key, const char *path, struct stat *st)
{
	if (stat(path, st) == 0)
		return true;
	if (errno == EACCES)
		check_unseen(c, key, "%s is in a folder that this user may not look into", path);
	else
		check_wrong(c, key, "", "%s: %s: %s", config_name(key), path, strerror(errno));
	return false;
}

static bool is_writable_by_others(const struct stat *st)
{
	return st->st_mode & 022;
}

/* That nobody but its owner can put something else in the place of a file. */
static void check_folder(struct check *c, enum config_key key, const char *file)
{
	_cleanup_(freep) char *copy = xstrdup(file);
	const char *folder = dirname(copy);
	struct stat st;

	if (stat(folder, &st) && errno == ENOENT && !c->config->line[key]) {
		check_unseen(c, key, "%s is not there; recastd.service makes it, otherwise create it", folder);
		return;
	}
	if (!check_stat(c, key, folder, &st))
		return;
	if (!S_ISDIR(st.st_mode))
		check_wrong(c, key, "", "%s: %s is not a folder", config_name(key), folder);
	else if (is_writable_by_others(&st))
		check_wrong(c, key, "chmod go-w it; only the user of recastd may write there.",
			    "%s: others may write to the folder %s (mode %04o)", config_name(key), folder, st.st_mode & 07777);
	else if (geteuid() == st.st_uid && access(folder, W_OK))
		check_wrong(c, key, "Its owner needs to write there.", "%s: %s cannot be written to: %s", config_name(key), folder,
			    strerror(errno));
	else if (geteuid() != 0 && geteuid() != st.st_uid)
		check_unseen(c, key, "whether recastd can write to %s: it belongs to another user", folder);
}

static void check_socket(struct check *c)
{
	struct sockaddr_un sun;

	if (strlen(c->config->socket) >= sizeof(sun.sun_path))
		check_wrong(c, CONFIG_socket, "", "socket: the path is longer than %zu bytes", sizeof(sun.sun_path) - 1);
	check_folder(c, CONFIG_socket, c->config->socket);
	if (*c->config->socket_group && !getgrnam(c->config->socket_group))
		check_wrong(c, CONFIG_socket_group, "Create it: groupadd --system NAME", "socket_group: there is no group `%s`",
			    c->config->socket_group);
}

static void check_key(struct check *c)
{
	const char *path = c->settings.key_file;
	struct stat st, database;

	if (!c->settings.is_credential)
		check_folder(c, CONFIG_key_file, path);
	if (stat(path, &st) && errno == ENOENT) {
		if (stat(c->config->database, &database) == 0)
			check_wrong(c, CONFIG_key_file, "Put back the key that belongs to the database.",
				    "key_file: %s is missing, and the database is there", path);
		return; /* the first start makes it */
	}
	if (!check_stat(c, CONFIG_key_file, path, &st))
		return;
	if (!secret_file_is_private(&st, geteuid()))
		check_wrong(c, CONFIG_key_file, "chmod 0400 it, and rotate the secrets if somebody may have read it.",
			    "key_file: others may read %s (mode %04o)", path, st.st_mode & 07777);
	if (!S_ISREG(st.st_mode) || st.st_size < KEY_BYTES)
		check_wrong(c, CONFIG_key_file, "", "key_file: %s is no file of at least %d bytes", path, KEY_BYTES);
}

/* A program that gets secrets: whoever can write to it has them. */
static void check_program(struct check *c, enum config_key key, const char *path)
{
	struct stat st;

	if (!check_stat(c, key, path, &st))
		return;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		check_wrong(c, key, "", "%s: %s cannot be executed", config_name(key), path);
	else if (is_writable_by_others(&st))
		check_wrong(c, key, "chmod go-w it.", "%s: others may write to %s", config_name(key), path);
}

static int check_drivers_in(struct check *c, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int n = 0;

	if (!dir && errno == EACCES)
		check_unseen(c, CONFIG_driver_path, "the drivers in %s: this user may not look into it", folder);
	else if (!dir)
		check_wrong(c, CONFIG_driver_path, "", "driver_path: %s: %s", folder, strerror(errno));
	while (dir && (entry = readdir(dir))) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", folder, entry->d_name);
		struct stat st;

		if (fnmatch("recast-driver-*", entry->d_name, 0) || strchr(entry->d_name, '.') || stat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		check_program(c, CONFIG_driver_path, path);
		n++;
	}
	if (dir)
		closedir(dir);
	return dir ? n : 1; /* one complaint is enough */
}

static void check_drivers(struct check *c)
{
	_cleanup_(freep) char *copy = xstrdup(c->config->driver_path);
	char *rest = copy, *folder;
	int n = 0;

	while ((folder = strsep(&rest, ":")))
		if (*folder)
			n += check_drivers_in(c, folder);
	if (!n)
		check_wrong(c, CONFIG_driver_path, "Install the drivers, or name their folder.", "driver_path: there is no recast-driver-NAME in `%s`",
			    c->config->driver_path);
}

static void check_front(struct check *c)
{
	const char *user = c->config->front_user;

	check_program(c, CONFIG_front, c->config->front);
	if (*user && !getpwnam(user))
		check_wrong(c, CONFIG_front_user, "Create it: useradd --system NAME", "front_user: there is no user `%s`", user);
	else if (*user && geteuid() != 0)
		check_unseen(c, CONFIG_front_user, "whether recastd may become `%s`: only root can, or %s itself", user, user);
}

struct check *check_create(struct config *config)
{
	struct check *c = xcalloc(1, sizeof(*c));

	c->config = config;
	return c;
}

void check_read(struct check *c, const char *path)
{
	config_scan(c->config, path, on_line, c);
}

void check_all(struct check *c)
{
	settings_read(&c->settings, c->config, on_value, c);
	check_folder(c, CONFIG_database, c->config->database);
	check_key(c);
	check_socket(c);
	check_drivers(c);
	check_front(c);
	check_tls(c);
}

bool check_end(struct check *c)
{
	bool ok = !c->mistakes;

	if (ok)
		printf("no mistakes in %s\n", c->config->file ? c->config->file : "the defaults");
	else
		printf("%d mistake%s\n", c->mistakes, c->mistakes == 1 ? "" : "s");
	settings_fini(&c->settings);
	free(c);
	return ok;
}
