/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * configfs: groups are folders, attributes are files that are there with their group, relations are symbolic links.
 *
 * With `plain` the tree is an ordinary folder, which makes no files by itself: then an attribute is made by writing it, and
 * a group is removed with the files in it, as the kernel would.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "secret.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTRIBUTE_MAX = 4096 };

static char *vpath(const struct lio *l, const char *fmt, va_list args)
{
	char *rest = NULL, *path;

	if (vasprintf(&rest, fmt, args) < 0)
		abort();
	path = xasprintf("%s/%s", l->root, rest);
	free(rest);
	return path;
}

#define PATH_FROM(l, fmt, path)                \
	do {                                   \
		va_list args_;                 \
		va_start(args_, fmt);          \
		path = vpath(l, fmt, args_);   \
		va_end(args_);                 \
	} while (0)

char *tree_path(const struct lio *l, const char *fmt, ...)
{
	char *path;

	PATH_FROM(l, fmt, path);
	return path;
}

static int refused(struct error *err, const char *what, const char *path)
{
	return error_set(err, ERROR_REFUSED, "the kernel does not %s %s: %s", what, path, strerror(errno));
}

char *tree_get(const struct lio *l, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;
	char *text;
	size_t len;

	PATH_FROM(l, fmt, path);
	text = text_read_file(path, ATTRIBUTE_MAX, &len);
	while (text && len && (text[len - 1] == '\n' || !text[len - 1]))
		text[--len] = '\0';
	return text;
}

int tree_put(const struct lio *l, const char *value, struct error *err, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int fd = -1;
	size_t len = strlen(value);

	PATH_FROM(l, fmt, path);
	fd = open(path, O_WRONLY | O_CLOEXEC | (l->plain ? O_CREAT | O_TRUNC : 0), 0600);
	/* One write is one value; the kernel answers through its return code. */
	if (fd < 0 || write(fd, value, len) != (ssize_t)len)
		return refused(err, "take a value for", path);
	return 0;
}

int tree_make(const struct lio *l, struct error *err, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;

	PATH_FROM(l, fmt, path);
	return mkdir(path, 0755) && errno != EEXIST ? refused(err, "make", path) : 0;
}

/* What the kernel would take away with a group: attributes, and groups that came with it, which hold no links. */
static void empty_plain(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_type == DT_REG) {
			_cleanup_(freep) char *file = xasprintf("%s/%s", path, e->d_name);

			unlink(file);
		} else if (e->d_type == DT_DIR && e->d_name[0] != '.') {
			_cleanup_(freep) char *group = xasprintf("%s/%s", path, e->d_name);

			empty_plain(group);
			rmdir(group);
		}
	if (dir)
		closedir(dir);
}

static int remove_group(const struct lio *l, const char *path, struct error *err)
{
	if (l->plain)
		empty_plain(path);
	return rmdir(path) && errno != ENOENT ? refused(err, "remove", path) : 0;
}

int tree_remove(const struct lio *l, struct error *err, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;

	PATH_FROM(l, fmt, path);
	return remove_group(l, path, err);
}

int tree_unlink(const struct lio *l, struct error *err, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;
	const struct dirent *e;
	int rc = 0;
	DIR *dir;

	PATH_FROM(l, fmt, path);
	dir = opendir(path);
	while (dir && !rc && (e = readdir(dir)))
		if (e->d_type == DT_LNK) {
			_cleanup_(freep) char *link = xasprintf("%s/%s", path, e->d_name);

			rc = unlink(link) && errno != ENOENT ? refused(err, "unlink", link) : 0;
		}
	if (dir)
		closedir(dir);
	return rc ? rc : remove_group(l, path, err);
}

int tree_link(const struct lio *l, const char *to, const char *from, struct error *err)
{
	(void)l;
	return symlink(to, from) && errno != EEXIST ? refused(err, "link", from) : 0;
}

bool tree_has(const struct lio *l, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;

	PATH_FROM(l, fmt, path);
	return !access(path, F_OK);
}

json_t *tree_list(const struct lio *l, const char *prefix, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;
	json_auto_t *names = json_array();
	const struct dirent *e;
	DIR *dir;

	PATH_FROM(l, fmt, path);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.' && !strncmp(e->d_name, prefix, strlen(prefix)))
			json_array_append_new(names, json_string(e->d_name));
	if (dir)
		closedir(dir);
	return initiators_sorted(names);
}

/* The last two names of a path. */
static char *last_two(const char *to)
{
	const char *last = strrchr(to, '/'), *before = last;

	while (before && before > to && before[-1] != '/')
		before--;
	return before ? xstrdup(before) : NULL;
}

char *tree_link_of(const struct lio *l, const char *fmt, ...)
{
	_cleanup_(freep) char *path = NULL;
	const struct dirent *e;
	char to[1024], *found = NULL;
	ssize_t len;
	DIR *dir;

	PATH_FROM(l, fmt, path);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir)))
		if (e->d_type == DT_LNK) {
			len = readlinkat(dirfd(dir), e->d_name, to, sizeof(to) - 1);
			to[len > 0 ? len : 0] = '\0';
			found = last_two(to);
		}
	if (dir)
		closedir(dir);
	return found;
}
