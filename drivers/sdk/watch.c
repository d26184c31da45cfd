/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A driver's own thread for what it watches, and its end.  Called by drivers in open and close; see
 * driver.h.
 */
#include "driver.h"

#include "arena.h"
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* There may be one per device: each costs memory only as deep as it really goes. */
enum { STACK_SIZE = 512 * 1024 };

struct driver_watch {
	pthread_t thread;
	int stop_fd;
	void (*fn)(void *arg, int stop_fd);
	void *arg;
};

static void *run(void *arg)
{
	struct driver_watch *w = arg;

	w->fn(w->arg, w->stop_fd);
	return NULL;
}

struct driver_watch *driver_watch_start(const char *name, void (*fn)(void *arg, int stop_fd),
					void *arg)
{
	struct driver_watch *w = xcalloc(1, sizeof(*w));
	pthread_attr_t attr;
	int code;

	*w = (struct driver_watch){ .fn = fn, .arg = arg, .stop_fd = eventfd(0, EFD_CLOEXEC) };
	code = w->stop_fd < 0 ? errno : 0;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!code)
		code = pthread_create(&w->thread, &attr, run, w);
	pthread_attr_destroy(&attr);
	if (!code)
		return w;
	log_warn("watch", "%s is not watched: %s", name, strerror(code));
	if (w->stop_fd >= 0)
		close(w->stop_fd);
	free(w);
	return NULL;
}

void driver_watch_end(struct driver_watch *w)
{
	if (!w)
		return;
	while (eventfd_write(w->stop_fd, 1) && errno == EINTR)
		;
	pthread_join(w->thread, NULL);
	close(w->stop_fd);
	free(w);
}
