/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Clones.  A clone is copied to a hidden temporary name by a thread of its own (large ones take
 * longer than a request may), synced, and renamed: the volume is there whole or not at all.  Holes
 * stay holes. When the process dies the temporary file is left, and the next attempt replaces it.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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
			return tgt_disk_error(&c->error, "copy to", c->tmp);
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
			return errno == ENXIO ? 0 : tgt_disk_error(&c->error, "read", c->from);
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			return tgt_disk_error(&c->error, "read", c->from);
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
		return tgt_disk_error(&c->error, "open", c->from);
	unlink(c->tmp);
	out = open(c->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return tgt_disk_error(&c->error, "create", c->tmp);
	size = st.st_size > c->size_bytes ? st.st_size : c->size_bytes;
	if (copy_data(c, in, out, st.st_size))
		return -1;
	if (c->cancel)
		return error_set(&c->error, ERROR_REFUSED, "the clone was cancelled");
	if (ftruncate(out, size) || fsync(out) || rename(c->tmp, c->to))
		return tgt_disk_error(&c->error, "finish", c->tmp);
	return tgt_sync_folder(c->pool, &c->error);
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

static struct tgt_clone *clone_start(struct tgt *t, const char *volume,
				     const struct volume_wish *wish, struct error *err)
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

/* Wait for the clone of @volume, if one is under way: 1 and its error in *err (code 0: well), 0
 * when it is not finished, -1 when there is none.  With t->clone_lock held. */
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

int tgt_clone_volume(struct tgt *t, const char *name, const struct volume_wish *wish,
		     struct driver_change *c, int64_t deadline_ms, struct error *err)
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
