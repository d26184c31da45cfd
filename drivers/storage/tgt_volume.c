/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Volumes: the file POOL/NAME.img is the volume NAME.  Other files are nobody's business here.
 *
 * A clone is copied to a hidden temporary name by a thread of its own (large ones take longer than a
 * request may), synced, and renamed: the volume is there whole or not at all.  Holes stay holes.  When the process
 * dies the temporary file is left, and the next attempt replaces it.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { CLONE_WAIT_MS = 1000, CLONE_AGAIN_MS = 500, COPY_CHUNK = 4 * 1024 * 1024 };

struct tgt_clone {
	struct tgt_clone *next;
	char *volume, *from, *tmp, *to, *pool;
	int64_t size_bytes; /* of the clone; 0: as the source */
	pthread_t thread;
	pthread_cond_t ended;
	pthread_mutex_t *lock; /* of done */
	bool done;
	volatile bool cancel;
	struct error error; /* code 0: went well */
};

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

static int disk_error(struct error *err, const char *what, const char *path)
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
		return disk_error(err, "look at", t->pool);
	available = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	if (available >= needed || (t->overcommit && available > 0))
		return 0;
	error_set(err, ERROR_REFUSED, "the pool %s has %lld MiB free, the volume needs %lld MiB", t->pool,
		  (long long)(available >> 20), (long long)((needed + (1 << 20) - 1) >> 20));
	return error_hint(err, "Free space in the pool, or set `overcommit: true` on the array.");
}

static int sync_folder(const char *path, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? disk_error(err, "sync", path) : 0;
}

/* A file of @size_bytes with nothing but a hole, under its final name at once. */
static int create_empty(const struct tgt *t, const char *path, int64_t size_bytes, struct error *err)
{
	_cleanup_(closep) int fd = -1;

	if (check_space(t, size_bytes, err))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return disk_error(err, "create", path);
	if (ftruncate(fd, size_bytes) || fsync(fd))
		disk_error(err, "create", path);
	else if (!sync_folder(t->pool, err))
		return 0;
	unlink(path);
	return -1;
}

/* Copy [from, to) by whatever the file system offers. */
static int copy_range(struct tgt_clone *c, int in, int out, off_t from, off_t to)
{
	_cleanup_(freep) char *buffer = NULL;

	while (from < to && !c->cancel) {
		size_t want = to - from < COPY_CHUNK ? (size_t)(to - from) : COPY_CHUNK;
		off_t at = from, at_out = from;
		ssize_t n = buffer ? -1 : copy_file_range(in, &at, out, &at_out, want, 0);

		if (n < 0) {
			if (!buffer)
				buffer = xrealloc(NULL, COPY_CHUNK);
			n = pread(in, buffer, want, from);
			if (n > 0)
				n = pwrite(out, buffer, (size_t)n, from);
		}
		if (n <= 0)
			return disk_error(&c->error, "copy to", c->tmp);
		from += n;
	}
	return 0;
}

static int copy_data(struct tgt_clone *c, int in, int out, off_t size)
{
	off_t data = 0, hole;

	if (!ioctl(out, FICLONE, in))
		return 0;
	while (data < size && !c->cancel) {
		data = lseek(in, data, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : disk_error(&c->error, "read", c->from);
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			return disk_error(&c->error, "read", c->from);
		if (copy_range(c, in, out, data, hole))
			return -1;
		data = hole;
	}
	return 0;
}

static int clone_file(struct tgt_clone *c)
{
	_cleanup_(closep) int in = open(c->from, O_RDONLY | O_CLOEXEC), out = -1;
	struct stat st;
	off_t size;

	if (in < 0 || fstat(in, &st))
		return disk_error(&c->error, "open", c->from);
	unlink(c->tmp);
	out = open(c->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return disk_error(&c->error, "create", c->tmp);
	size = st.st_size > c->size_bytes ? st.st_size : c->size_bytes;
	if (copy_data(c, in, out, st.st_size))
		return -1;
	if (c->cancel)
		return error_set(&c->error, ERROR_REFUSED, "the clone was cancelled");
	if (ftruncate(out, size) || fsync(out) || rename(c->tmp, c->to))
		return disk_error(&c->error, "finish", c->tmp);
	return sync_folder(c->pool, &c->error);
}

static void *clone_thread(void *arg)
{
	struct tgt_clone *c = arg;

	if (clone_file(c))
		unlink(c->tmp);
	pthread_mutex_lock(c->lock);
	c->done = true;
	pthread_cond_broadcast(&c->ended);
	pthread_mutex_unlock(c->lock);
	return NULL;
}

/* The thread has been joined, or never was. */
static void clone_free(struct tgt_clone *c)
{
	pthread_cond_destroy(&c->ended);
	free(c->volume);
	free(c->from);
	free(c->tmp);
	free(c->to);
	free(c->pool);
	free(c);
}

static struct tgt_clone *clone_start(struct tgt *t, const char *volume, const struct volume_wish *wish,
				     struct error *err)
{
	struct tgt_clone *c = xcalloc(1, sizeof(*c));
	pthread_condattr_t attr;

	c->volume = xstrdup(volume);
	c->from = tgt_volume_path(t, wish->source);
	c->to = tgt_volume_path(t, volume);
	c->tmp = xasprintf("%s/.%s.recast-clone", t->pool, volume);
	c->pool = xstrdup(t->pool);
	c->size_bytes = wish->size_bytes;
	c->lock = &t->clone_lock;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->ended, &attr);
	pthread_condattr_destroy(&attr);
	if (!pthread_create(&c->thread, NULL, clone_thread, c)) {
		c->next = t->clones;
		t->clones = c;
		return c;
	}
	error_set(err, ERROR_BUSY, "no thread for the clone");
	clone_free(c);
	return NULL;
}

/* Wait for the clone of @volume, if one is under way: 1 and its error in *err (code 0: well), 0 when it
 * is not finished, -1 when there is none.  With t->clone_lock held. */
static int clone_poll(struct tgt *t, const char *volume, int64_t until, struct error *err)
{
	struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	struct tgt_clone **link, *c;

	for (link = &t->clones; *link && strcmp((*link)->volume, volume); link = &(*link)->next)
		;
	c = *link;
	if (!c)
		return -1;
	while (!c->done && pthread_cond_timedwait(&c->ended, &t->clone_lock, &at) != ETIMEDOUT)
		;
	if (!c->done)
		return 0;
	/* Another request may have taken it off while we waited for it. */
	for (link = &t->clones; *link && *link != c; link = &(*link)->next)
		;
	if (!*link)
		return -1;
	*link = c->next;
	*err = c->error;
	pthread_mutex_unlock(&t->clone_lock);
	pthread_join(c->thread, NULL);
	clone_free(c);
	pthread_mutex_lock(&t->clone_lock);
	return 1;
}

void tgt_clones_end(struct tgt *t)
{
	struct tgt_clone *c;

	while ((c = t->clones)) {
		t->clones = c->next;
		c->cancel = true;
		pthread_join(c->thread, NULL);
		clone_free(c);
	}
}

static int clone_volume(struct tgt *t, const char *name, const struct volume_wish *wish, struct driver_change *c,
			int64_t deadline_ms, struct error *err)
{
	int64_t until = clock_mono_ms() + CLONE_WAIT_MS;
	struct error ended = { 0 };
	int rc;

	pthread_mutex_lock(&t->clone_lock);
	rc = clone_poll(t, name, 0, &ended);
	if (rc < 0 && clone_start(t, name, wish, &ended))
		rc = 0;
	if (!rc)
		rc = clone_poll(t, name, until < deadline_ms ? until : deadline_ms, &ended);
	pthread_mutex_unlock(&t->clone_lock);
	if (ended.code) {
		*err = ended;
		return -1;
	}
	if (rc > 0)
		change_done(c, true, tgt_volume_document(t, name));
	else
		change_again(c, CLONE_AGAIN_MS);
	return 0;
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
		return disk_error(err, "delete", path);
	change_done(c, true, json_pack("{s:b}", "exists", 0));
	if (sync_folder(t->pool, err))
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

	if (volume_wish_parse(&wish, c, err))
		return -1;
	there = !lstat(path, &st);
	if (there && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_REFUSED, "%s is not a regular file", path);
	if (there && !wish.exists)
		return delete_volume(t, name, path, c, deadline_ms, err);
	if (there && st.st_size < wish.size_bytes)
		return error_set(err, ERROR_REFUSED, "volume %s has %lld bytes, %lld are wished", name,
				 (long long)st.st_size, (long long)wish.size_bytes);
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
	if (check_space(t, t->overcommit ? (int64_t)from.st_blocks * 512 :
					   (from.st_size > wish.size_bytes ? from.st_size : wish.size_bytes), err))
		return -1;
	return clone_volume(t, name, &wish, c, deadline_ms, err);
}
