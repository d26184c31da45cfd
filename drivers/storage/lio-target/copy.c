/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Copies of files of the pool.  Where the file system can share extents (FICLONE) a copy is one moment; elsewhere it is
 * made in pieces, a second's worth at each request, under a hidden name, with holes left holes; then it is synced and
 * renamed: it is there whole or not at all.  When we die the hidden file stays, and the next attempt begins it anew; its
 * lock says whether somebody is at it.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLICE_MS = 1000, CHUNK = 1024 * 1024 };

struct lio_copy {
	struct lio_copy *next;
	char *to, *tmp;
	int in, out;
	off_t at, size; /* of the source */
	off_t wanted;
};

static void copy_free(struct lio_copy *c)
{
	closep(&c->in);
	closep(&c->out);
	free(c->to);
	free(c->tmp);
	free(c);
}

void copies_end(struct lio *l)
{
	struct lio_copy *c;

	while ((c = l->copies)) {
		l->copies = c->next;
		unlink(c->tmp);
		copy_free(c);
	}
}

/* Copy one chunk of data, or skip a hole.  1: there is no more. */
static int step(int in, int out, off_t *at, off_t size, char *buffer)
{
	off_t data = *at < size ? lseek(in, *at, SEEK_DATA) : size;
	ssize_t n;

	if (data < 0 && errno == ENXIO)
		data = size;
	if (data < 0 || data >= size)
		return data < 0 ? -1 : 1;
	n = pread(in, buffer, CHUNK, data);
	if (n <= 0 || pwrite(out, buffer, (size_t)n, data) != n)
		return -1;
	*at = data + n;
	return 0;
}

static int copy_until(int in, int out, off_t *at, off_t size, int64_t until)
{
	_cleanup_(freep) char *buffer = xrealloc(NULL, CHUNK);
	int rc;

	while (!(rc = step(in, out, at, size, buffer)))
		if (clock_mono_ms() > until)
			return 0;
	return rc;
}

/* A hole copied as data would be a hole no more: only what is data is read, and a block of zeros in a file that is new is
 * written all the same, which does no harm. */
static struct lio_copy *begin(struct lio *l, const char *from, const char *to, int64_t size_bytes, struct error *err)
{
	_cleanup_(freep) char *source = volume_path(l, from);
	struct lio_copy *c = xcalloc(1, sizeof(*c));
	struct stat st;

	c->to = volume_path(l, to);
	c->tmp = xasprintf("%s/.%s.recast-part", l->pool, to);
	c->in = open(source, O_RDONLY | O_CLOEXEC);
	c->out = c->in < 0 ? -1 : open(c->tmp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->out < 0 || fstat(c->in, &st)) {
		disk_error(err, "copy", source);
	} else if (flock(c->out, LOCK_EX | LOCK_NB)) {
		error_set(err, ERROR_BUSY, "volume %s is just being made", to);
	} else if (ftruncate(c->out, 0)) {
		disk_error(err, "copy to", c->tmp);
	} else {
		c->size = st.st_size;
		c->wanted = size_bytes > c->size ? size_bytes : c->size;
		c->at = ioctl(c->out, FICLONE, c->in) ? 0 : c->size;
		c->next = l->copies;
		l->copies = c;
		return c;
	}
	copy_free(c);
	return NULL;
}

static void forget(struct lio *l, struct lio_copy *c)
{
	struct lio_copy **link;

	for (link = &l->copies; *link != c; link = &(*link)->next)
		;
	*link = c->next;
	copy_free(c);
}

static int finish(struct lio *l, struct lio_copy *c, struct error *err)
{
	if (ftruncate(c->out, c->wanted) || fsync(c->out) || rename(c->tmp, c->to))
		return disk_error(err, "finish", c->tmp);
	return sync_folder(l->pool, err);
}

int copy_file(struct lio *l, const char *from, const char *to, int64_t size_bytes, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *path = volume_path(l, to);
	int64_t until = clock_mono_ms() + SLICE_MS;
	struct lio_copy *c;
	int rc;

	for (c = l->copies; c && strcmp(c->to, path) != 0; c = c->next)
		;
	if (!c && !(c = begin(l, from, to, size_bytes, err)))
		return -1;
	rc = copy_until(c->in, c->out, &c->at, c->size, until < deadline_ms ? until : deadline_ms);
	if (!rc)
		return 0;
	rc = rc < 0 ? disk_error(err, "copy to", c->tmp) : finish(l, c, err);
	if (rc)
		unlink(c->tmp);
	forget(l, c);
	return rc ? -1 : 1;
}

bool copy_is_atomic(const struct lio *l, const char *from)
{
	_cleanup_(freep) char *source = volume_path(l, from), *probe = xasprintf("%s/.recast-probe", l->pool);
	_cleanup_(closep) int in = open(source, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int out = open(probe, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool can = in >= 0 && out >= 0 && !ioctl(out, FICLONE, in);

	unlink(probe);
	return can;
}

int copy_into(const struct lio *l, const char *from, const char *to, struct error *err)
{
	_cleanup_(freep) char *source = volume_path(l, from), *path = volume_path(l, to);
	_cleanup_(closep) int in = open(source, O_RDONLY | O_CLOEXEC), out = open(path, O_RDWR | O_CLOEXEC);
	off_t at = 0, size;
	struct stat st, is;

	if (in < 0 || out < 0 || fstat(in, &st) || fstat(out, &is))
		return disk_error(err, "copy to", path);
	size = is.st_size > st.st_size ? is.st_size : st.st_size;
	if (ioctl(out, FICLONE, in) &&
	    (ftruncate(out, 0) || copy_until(in, out, &at, st.st_size, INT64_MAX) < 0))
		return disk_error(err, "copy to", path);
	return ftruncate(out, size) || fsync(out) ? disk_error(err, "copy to", path) : 0;
}
