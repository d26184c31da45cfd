/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Volumes: the file POOL/NAME.img is the volume NAME.  Other files are nobody's business here.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

char *tgt_volume_path(const struct tgt *t, const char *name)
{
	return xasprintf("%s/%s%s", t->pool, name, t->suffix);
}

char *tgt_volume_of_path(const struct tgt *t, const char *path)
{
	size_t dir = strlen(t->pool), len = strlen(path), end = strlen(t->suffix);
	char *name;

	if (len > dir + 1 + end && !strncmp(path, t->pool, dir) && path[dir] == '/' &&
	    !strcmp(path + len - end, t->suffix)) {
		name = xasprintf("%.*s", (int)(len - dir - 1 - end), path + dir + 1);
		if (text_is_name(name))
			return name;
		free(name);
	}
	return xstrdup(path);
}

bool tgt_is_volume(const struct tgt *t, const char *path, const char *name)
{
	_cleanup_(freep) char *own = tgt_volume_path(t, name);
	struct stat a, b;

	if (!strcmp(own, path))
		return true;
	return !stat(own, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

json_t *tgt_volume_document(const struct tgt *t, const char *name)
{
	_cleanup_(freep) char *path = tgt_volume_path(t, name);
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode))
		return json_pack("{s:b}", "exists", 0);
	return json_pack("{s:b, s:I}", "exists", 1, "size_bytes", (json_int_t)st.st_size);
}

json_t *tgt_volumes(const struct tgt *t)
{
	json_t *all = json_object();
	DIR *dir = opendir(t->pool);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", t->pool, e->d_name);
		_cleanup_(freep) char *name = tgt_volume_of_path(t, path);

		if (name[0] != '/')
			json_object_set_new(all, name, tgt_volume_document(t, name));
	}
	if (dir)
		closedir(dir);
	return all;
}

int tgt_disk_error(struct error *err, const char *what, const char *path)
{
	if (errno == ENOSPC || errno == EDQUOT)
		error_set(err, ERROR_REFUSED, "the pool is full: cannot %s %s", what, path);
	else
		error_set(err, ERROR_REFUSED, "cannot %s %s: %s", what, path, strerror(errno));
	return -1;
}

/* Unless overcommitting is allowed, what a volume may grow to must be free now. */
static int check_space(const struct tgt *t, int64_t needed, struct error *err)
{
	struct statvfs fs;
	int64_t available;

	if (statvfs(t->pool, &fs))
		return tgt_disk_error(err, "look at", t->pool);
	available = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	if (available >= needed || (t->overcommit && available > 0))
		return 0;
	error_set(err, ERROR_REFUSED, "the pool %s has %lld MiB free, the volume needs %lld MiB",
		  t->pool, (long long)(available >> 20),
		  (long long)((needed + (1 << 20) - 1) >> 20));
	return error_hint(err, "Free space in the pool, or set `overcommit: true` on the array.");
}

int tgt_sync_folder(const char *path, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? tgt_disk_error(err, "sync", path) : 0;
}

/* A file of @size_bytes with nothing but a hole, under its final name at once. */
static int create_empty(const struct tgt *t, const char *path, int64_t size_bytes,
			struct error *err)
{
	_cleanup_(closep) int fd = -1;

	if (check_space(t, size_bytes, err))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return tgt_disk_error(err, "create", path);
	if (ftruncate(fd, size_bytes) || fsync(fd))
		tgt_disk_error(err, "create", path);
	else if (!tgt_sync_folder(t->pool, err))
		return 0;
	unlink(path);
	return -1;
}

static const char *mapped_by(const struct tgt *t, const json_t *view, const char *name)
{
	const json_t *target, *path;
	const char *lun;
	size_t i;

	json_array_foreach(view, i, target)
		json_object_foreach(json_object_get(target, "luns"), lun, path)
			if (tgt_is_volume(t, json_string_value(path), name))
				return json_string_value(json_object_get(target, "iqn"));
	return NULL;
}

static int delete_volume(struct tgt *t, const char *name, const char *path, struct driver_change *c,
			 int64_t deadline_ms, struct error *err)
{
	json_auto_t *view = tgt_view_read(t, deadline_ms, err);
	const char *by;

	if (!view)
		return -1;
	by = mapped_by(t, view, name);
	if (by)
		return error_set(err, ERROR_REFUSED, "volume %s is mapped by target %s", name, by);
	if (unlink(path))
		return tgt_disk_error(err, "delete", path);
	change_done(c, true, json_pack("{s:b}", "exists", 0));
	if (tgt_sync_folder(t->pool, err))
		change_failed(c, CHANGE_UNKNOWN, err);
	return 0;
}

int tgt_volume_change(struct tgt *t, const char *name, struct driver_change *c, int64_t deadline_ms,
		      struct error *err)
{
	_cleanup_(freep) char *path = tgt_volume_path(t, name), *source = NULL;
	struct volume_wish wish;
	struct stat st, from;
	bool there;

	if (volume_wish_parse(&wish, c, err) || volume_without_snapshots(&wish, err))
		return -1;
	there = !lstat(path, &st);
	if (there && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_REFUSED, "%s is not a regular file", path);
	if (there && !wish.exists)
		return delete_volume(t, name, path, c, deadline_ms, err);
	if (there && st.st_size < wish.size_bytes)
		return error_set(err, ERROR_REFUSED, "volume %s has %lld bytes, %lld are wished",
				 name, (long long)st.st_size, (long long)wish.size_bytes);
	if (there || !wish.exists) {
		change_done(c, false, tgt_volume_document(t, name));
		return 0;
	}
	if (!wish.source && !wish.size_bytes)
		return error_set(err, ERROR_INVALID, "a new volume needs size_bytes or source");
	if (!wish.source) {
		if (create_empty(t, path, wish.size_bytes, err))
			return -1;
		change_done(c, true, tgt_volume_document(t, name));
		return 0;
	}
	source = tgt_volume_path(t, wish.source);
	if (lstat(source, &from) || !S_ISREG(from.st_mode))
		return error_set(err, ERROR_REFUSED, "there is no volume %s to clone", wish.source);
	if (check_space(t,
			t->overcommit
				? (int64_t)from.st_blocks * 512
				: (from.st_size > wish.size_bytes ? from.st_size : wish.size_bytes),
			err))
		return -1;
	return tgt_clone_volume(t, name, &wish, c, deadline_ms, err);
}
