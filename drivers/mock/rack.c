/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The racks of this process and their state files.  See mock.h.
 */
#include "mock.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { STATE_MAX = 256 * 1024 * 1024, LOCK_WAIT_MS = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rack *racks;

void rack_lock(void)
{
	pthread_mutex_lock(&lock);
}

void rack_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

json_t *rack_child(json_t *object, const char *key)
{
	json_t *child = json_object_get(object, key);

	if (child)
		return child;
	json_object_set_new(object, key, json_object());
	return json_object_get(object, key);
}

json_t *rack_device(struct rack *rack, const char *group, const char *name)
{
	return rack_child(rack_child(rack->root, group), name);
}

/* Two processes with one rack would overwrite each other's view of it.  One that was killed with its
 * core may take a moment to be gone. */
static int state_lock(struct rack *rack, struct error *err)
{
	_cleanup_(freep) char *path = xasprintf("%s.lock", rack->state);
	const struct timespec pause = { .tv_nsec = 5 * 1000000 };
	int64_t until = clock_mono_ms() + LOCK_WAIT_MS;

	rack->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (rack->lock_fd < 0)
		return error_set(err, ERROR_REFUSED, "%s: %s", path, strerror(errno));
	while (flock(rack->lock_fd, LOCK_EX | LOCK_NB)) {
		if (clock_mono_ms() >= until)
			return error_set(err, ERROR_CONFLICT, "%s is in use by another process",
					 rack->state);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int state_load(struct rack *rack, struct error *err)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t len;

	if (state_lock(rack, err))
		return -1;
	bytes = text_read_file(rack->state, STATE_MAX, &len);
	if (!bytes)
		return errno == ENOENT ? 0
				       : error_set(err, ERROR_REFUSED, "%s: %s", rack->state,
						   strerror(errno));
	json_decref(rack->root);
	rack->root = json_decode(bytes, len, err);
	return rack->root ? 0 : error_wrap(err, "%s", rack->state);
}

static int state_write(const struct rack *rack, const char *path)
{
	_cleanup_(freep) char *bytes = json_dumps(rack->root, JSON_COMPACT);
	FILE *f = fopen(path, "we");

	if (!f)
		return -1;
	fputs(bytes, f);
	fputc('\n', f);
	return fclose(f);
}

/* One more line, in one write: whoever reads the file never meets half a state in the middle of it. */
static void history_add(const struct rack *rack)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *line = NULL, *bytes = NULL;

	if (!rack->history)
		return;
	bytes = json_dumps(rack->root, JSON_COMPACT);
	line = xasprintf("%s\n", bytes);
	fd = open(rack->history, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		log_error("mock", "cannot write %s: %s", rack->history, strerror(errno));
}

void rack_save(struct rack *rack)
{
	_cleanup_(freep) char *tmp = NULL;

	if (!rack->dirty || !rack->state)
		return;
	rack->dirty = false;
	history_add(rack);
	tmp = xasprintf("%s.tmp", rack->state);
	if (state_write(rack, tmp) || rename(tmp, rack->state))
		log_error("mock", "cannot save %s: %s", rack->state, strerror(errno));
}

static void rack_destroy(struct rack *rack)
{
	closep(&rack->lock_fd);
	json_decref(rack->root);
	json_decref(rack->watched);
	json_decref(rack->open);
	free(rack->control);
	free(rack->tally);
	free(rack->name);
	free(rack->state);
	free(rack->history);
	free(rack);
}

static void rack_use(struct rack *rack, const json_t *options)
{
	const char *control = json_str(options, "control", NULL);
	const char *tally = json_str(options, "tally", NULL);

	rack->users++;
	if (tally && !rack->tally)
		rack->tally = xstrdup(tally);
	if (control && !rack->control)
		rack->control = xstrdup(control);
	if (rack->control && !rack->watch)
		rack->watch = driver_watch_start(rack->name, mock_watch, rack);
}

struct rack *rack_get(const json_t *options, struct error *err)
{
	const char *name = json_str(options, "rack", "rack");
	const char *state = json_str(options, "state", NULL);
	const char *history = json_str(options, "history", NULL);
	struct rack *rack;

	for (rack = racks; rack; rack = rack->next)
		if (!strcmp(rack->name, name)) {
			rack_use(rack, options);
			return rack;
		}
	rack = xcalloc(1, sizeof(*rack));
	*rack = (struct rack){ .next = racks, .name = xstrdup(name), .lock_fd = -1 };
	rack->state = state ? xstrdup(state) : NULL;
	rack->history = history ? xstrdup(history) : NULL;
	rack->root = json_object();
	rack->open = json_object();
	rack->watched = json_object();
	if (state && state_load(rack, err)) {
		rack_destroy(rack);
		return NULL;
	}
	racks = rack;
	rack_use(rack, options);
	return rack;
}

/* A rack outlives its devices as long as the process does, as a real one would. */
struct driver_watch *rack_put(struct rack *rack)
{
	struct driver_watch *watch = rack->watch;

	rack_save(rack);
	if (--rack->users)
		return NULL;
	rack->watch = NULL;
	return watch;
}

void rack_tell(const struct rack *rack, const char *device, const char *object)
{
	if (json_object_get(rack->open, device))
		driver_emit_changed(device, json_pack("[s]", object));
}
