/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Volumes: the file POOL/NAME.img is the volume NAME, POOL/NAME@SNAPSHOT.img a snapshot of it.  Other files are nobody's
 * business here.  What is mapped is never deleted, grown or made anew; what has a session is never restored.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"
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

char *volume_path(const struct lio *l, const char *name)
{
	return xasprintf("%s/%s%s", l->pool, name, l->suffix);
}

/* The name of a volume or of a snapshot, or the path itself. */
char *volume_of_path(const struct lio *l, const char *path)
{
	size_t dir = strlen(l->pool), len = strlen(path), end = strlen(l->suffix);
	_cleanup_(freep) char *real = strncmp(path, l->pool, dir) ? realpath(path, NULL) : NULL;
	char *name;

	if (real) {
		path = real;
		len = strlen(path);
	}
	if (len > dir + 1 + end && !strncmp(path, l->pool, dir) && path[dir] == '/' && !strcmp(path + len - end, l->suffix)) {
		name = xasprintf("%.*s", (int)(len - dir - 1 - end), path + dir + 1);
		if (text_is_name(name) || text_is_snapshot_name(name))
			return name;
		free(name);
	}
	return xstrdup(path);
}

json_t *volume_document(const struct lio *l, const char *name)
{
	_cleanup_(freep) char *path = volume_path(l, name);
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode))
		return json_pack("{s:b}", "exists", 0);
	return json_pack("{s:b, s:I}", "exists", 1, "size_bytes", (json_int_t)st.st_size);
}

static bool exists(const struct lio *l, const char *name)
{
	json_auto_t *document = volume_document(l, name);

	return json_bool(document, "exists", false);
}

json_t *volumes_list(const struct lio *l, bool snapshots)
{
	json_t *all = json_object();
	DIR *dir = opendir(l->pool);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", l->pool, e->d_name);
		_cleanup_(freep) char *name = volume_of_path(l, path);

		if (name[0] != '/' && text_is_snapshot_name(name) == snapshots)
			json_object_set_new(all, name, volume_document(l, name));
	}
	if (dir)
		closedir(dir);
	return all;
}

int disk_error(struct error *err, const char *what, const char *path)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return error_set(err, ERROR_REFUSED, "the pool is full: cannot %s %s", what, path);
	return error_set(err, ERROR_REFUSED, "cannot %s %s: %s", what, path, strerror(errno));
}

/* Unless overcommitting is allowed, what a volume may grow to must be free now. */
int volume_check_space(const struct lio *l, int64_t needed, struct error *err)
{
	struct statvfs fs;
	int64_t available;

	if (statvfs(l->pool, &fs))
		return disk_error(err, "look at", l->pool);
	available = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	if (available >= needed || (l->overcommit && available > 0))
		return 0;
	error_set(err, ERROR_REFUSED, "the pool %s has %lld MiB free, %lld MiB are needed", l->pool, (long long)(available >> 20),
		  (long long)((needed + (1 << 20) - 1) >> 20));
	return error_hint(err, "Free space in the pool, or set `overcommit: true` on the array.");
}

int sync_folder(const char *path, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? disk_error(err, "sync", path) : 0;
}

/* A file of @size_bytes with nothing but a hole, under its final name at once. */
static int create_empty(const struct lio *l, const char *name, int64_t size_bytes, struct error *err)
{
	_cleanup_(freep) char *path = volume_path(l, name);
	_cleanup_(closep) int fd = -1;

	if (volume_check_space(l, size_bytes, err))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return disk_error(err, "create", path);
	if (ftruncate(fd, size_bytes) || fsync(fd))
		disk_error(err, "create", path);
	else if (!sync_folder(l->pool, err))
		return 0;
	unlink(path);
	return -1;
}

/* Nobody may have it: neither a map, nor a backstore that somebody else made. */
static int check_unused(const struct lio *l, const char *name, struct error *err)
{
	json_auto_t *view = view_read(l);
	const char *by = view_mapped_by(view, name);
	_cleanup_(freep) char *which = NULL;
	bool ours;

	if (by)
		return error_set(err, ERROR_REFUSED, "volume %s is mapped by %s", name, by);
	backstores_sweep(l);
	which = backstore_of(l, name, &ours);
	return which ? error_set(err, ERROR_REFUSED, "volume %s is in use as the backstore %s", name, which) : 0;
}

static const char *snapshot_of(const json_t *snapshots, const char *volume)
{
	const json_t *v;
	const char *key;
	size_t len = strlen(volume);

	json_object_foreach((json_t *)(uintptr_t)snapshots, key, v)
		if (!strncmp(key, volume, len) && key[len] == '@')
			return key;
	return NULL;
}

static char *token_path(const struct lio *l, const char *name)
{
	return xasprintf("%s/.%s.recast-restored", l->pool, name);
}

static int delete_file(const struct lio *l, const char *name, struct driver_change *c, struct error *err)
{
	_cleanup_(freep) char *path = volume_path(l, name), *token = token_path(l, name);

	unlink(token);
	if (unlink(path))
		return disk_error(err, "delete", path);
	change_done(c, true, json_pack("{s:b}", "exists", 0));
	if (sync_folder(l->pool, err))
		change_failed(c, CHANGE_UNKNOWN, err);
	return 0;
}

static int delete_volume(const struct lio *l, const char *name, struct driver_change *c, struct error *err)
{
	json_auto_t *snapshots = volumes_list(l, true);
	const char *snapshot = snapshot_of(snapshots, name);

	if (snapshot)
		return error_set(err, ERROR_REFUSED, "volume %s has the snapshot %s", name, snapshot);
	return check_unused(l, name, err) ? -1 : delete_file(l, name, c, err);
}

static int grow(const struct lio *l, const char *name, int64_t size_bytes, struct driver_change *c, struct error *err)
{
	_cleanup_(freep) char *path = volume_path(l, name);
	json_auto_t *document = volume_document(l, name);
	_cleanup_(closep) int fd = -1;

	/* The kernel reads the size of a file once, when its backstore is enabled. */
	if (check_unused(l, name, err))
		return error_hint(err, "Remove its maps first: the kernel learns no new size of a volume that is mapped.");
	if (volume_check_space(l, size_bytes - json_int(document, "size_bytes", 0), err))
		return -1;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || ftruncate(fd, size_bytes) || fsync(fd))
		return disk_error(err, "grow", path);
	change_done(c, true, volume_document(l, name));
	return 0;
}

int write_whole(const char *path, const char *bytes, size_t len, struct error *err)
{
	_cleanup_(freep) char *tmp = xasprintf("%s.new", path);
	_cleanup_(closep) int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;
	ssize_t n;

	while (fd >= 0 && done < len && (n = write(fd, bytes + done, len - done)) > 0)
		done += (size_t)n;
	if (fd >= 0 && done == len && !fsync(fd) && !rename(tmp, path))
		return 0;
	disk_error(err, "write", path);
	unlink(tmp);
	return -1;
}

static int restore_volume(const struct lio *l, const char *name, const struct volume_wish *w, struct driver_change *c,
			  struct error *err)
{
	_cleanup_(freep) char *from = xasprintf("%s@%s", name, w->snapshot), *path = token_path(l, name);
	_cleanup_(freep) char *token = text_read_file(path, 4096, NULL);
	json_auto_t *view = view_read(l);

	if (token && !strcmp(token, w->token)) {
		change_done(c, false, volume_document(l, name));
		return 0;
	}
	if (!exists(l, from))
		return error_set(err, ERROR_REFUSED, "there is no snapshot %s", from);
	if (view_volume_has_session(l, view, name))
		return error_set(err, ERROR_REFUSED, "volume %s is in use by a session", name);
	/* A token that was written means that all of the content was. */
	unlink(path);
	if (copy_into(l, from, name, err) || write_whole(path, w->token, strlen(w->token), err) || sync_folder(l->pool, err))
		change_failed(c, CHANGE_UNKNOWN, err);
	else
		change_done(c, true, volume_document(l, name));
	return 0;
}

/* A copy that may take several requests. */
static int make_copy(struct lio *l, const char *from, const char *to, int64_t size_bytes, struct driver_change *c,
		     int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *source = volume_path(l, from);
	struct stat st;
	int rc;

	if (lstat(source, &st) || !S_ISREG(st.st_mode))
		return error_set(err, ERROR_REFUSED, "there is no volume %s to clone", from);
	if (volume_check_space(l, l->overcommit ? (int64_t)st.st_blocks * 512 : st.st_size > size_bytes ? st.st_size : size_bytes,
			       err))
		return -1;
	rc = copy_file(l, from, to, size_bytes, deadline_ms, err);
	if (rc < 0)
		return -1;
	if (rc)
		change_done(c, true, volume_document(l, to));
	else
		change_again(c, 1);
	return 0;
}

static int put_volume(struct lio *l, const char *name, const struct volume_wish *w, int64_t is, struct driver_change *c,
		      struct error *err)
{
	if (w->snapshot)
		return restore_volume(l, name, w, c, err);
	if (w->size_bytes > is)
		return grow(l, name, w->size_bytes, c, err);
	change_done(c, false, volume_document(l, name));
	return 0;
}

int volume_change(struct lio *l, const char *name, struct driver_change *c, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *path = volume_path(l, name);
	struct volume_wish w;
	struct stat st;
	bool there;

	if (volume_wish_parse(&w, c, err))
		return -1;
	there = !lstat(path, &st);
	if (there && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_REFUSED, "%s is not a regular file", path);
	if (there)
		return w.exists ? put_volume(l, name, &w, st.st_size, c, err) : delete_volume(l, name, c, err);
	if (w.snapshot)
		return error_set(err, ERROR_REFUSED, "there is no volume %s to restore", name);
	if (w.exists && w.source)
		return make_copy(l, w.source, name, w.size_bytes, c, deadline_ms, err);
	if (w.exists && !w.size_bytes)
		return error_set(err, ERROR_INVALID, "a new volume needs size_bytes or source");
	if (w.exists && create_empty(l, name, w.size_bytes, err))
		return -1;
	change_done(c, w.exists, volume_document(l, name));
	return 0;
}

/* A copy in pieces of what is being written is a picture of no moment. */
static int check_quiet(const struct lio *l, const char *volume, struct error *err)
{
	json_auto_t *view = view_read(l);

	if (copy_is_atomic(l, volume) || !view_volume_has_session(l, view, volume))
		return 0;
	return error_set(err, ERROR_REFUSED,
			 "volume %s is in use by a session, and the pool's file system cannot copy it in one moment", volume);
}

int snapshot_change(struct lio *l, const char *name, struct driver_change *c, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *volume = xasprintf("%.*s", (int)strcspn(name, "@"), name);
	bool wished;

	if (snapshot_wish_parse(&wished, c, err))
		return -1;
	if (wished == exists(l, name)) {
		change_done(c, false, volume_document(l, name));
		return 0;
	}
	if (!wished)
		return delete_file(l, name, c, err);
	return check_quiet(l, volume, err) ? -1 : make_copy(l, volume, name, 0, c, deadline_ms, err);
}
