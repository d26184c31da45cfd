/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What systemd is told over NOTIFY_SOCKET: ready, reloading, stopping, a line of status; and the watchdog.  The watchdog
 * is fed by a timer of the loop that the core runs in: a core that is stuck in a turn, or stopped, does not feed it.  So
 * nothing else may ever feed it, such as a thread.
 */
#include "host.h"

#include "arena.h"
#include "clock.h"
#include "log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

/* Three chances within the time that the watchdog waits; and how late a status may be where there is no watchdog. */
enum { CHANCES = 3, STATUS_MS = 5000 };

struct host {
	void (*status)(void *arg, char *out, size_t size);
	void *arg;
	struct event *tick;
	bool has_watchdog, is_stopping;
	char told[256]; /* the status that was sent last */
};

#ifdef HAVE_SYSTEMD
static void tell(const char *state)
{
	int rc = sd_notify(0, state);

	if (rc < 0)
		log_warn("host", "systemd cannot be told: %s", strerror(-rc));
}

static uint64_t watchdog_us(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}

bool host_is_supported(void)
{
	return true;
}
#else
static void tell(const char *state)
{
	(void)state;
}

static uint64_t watchdog_us(void)
{
	return 0;
}

bool host_is_supported(void)
{
	return false;
}
#endif

/* "STATUS=…" for the front of a message when it has changed, else "". */
static void status_line(struct host *h, char *out, size_t size)
{
	char now[sizeof(h->told)];

	*out = '\0';
	h->status(h->arg, now, sizeof(now));
	if (!strcmp(now, h->told))
		return;
	strcpy(h->told, now);
	snprintf(out, size, "STATUS=%s\n", now);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	char text[sizeof(((struct host *)0)->told) + 32];
	struct host *h = arg;

	(void)fd;
	(void)what;
	if (h->is_stopping)
		return;
	status_line(h, text, sizeof(text) - 16);
	if (h->has_watchdog)
		strcat(text, "WATCHDOG=1");
	if (*text)
		tell(text);
}

struct host *host_create(struct event_base *base, void (*status)(void *arg, char *out, size_t size), void *arg)
{
	struct host *h = xcalloc(1, sizeof(*h));
	int64_t us = (int64_t)watchdog_us();
	int64_t ms = us ? us / 1000 / CHANCES : STATUS_MS;
	struct timeval every;

	if (ms > STATUS_MS)
		ms = STATUS_MS;
	every = (struct timeval){ ms / 1000, ms % 1000 * 1000 + !ms };
	h->status = status;
	h->arg = arg;
	h->has_watchdog = us > 0;
	h->tick = event_new(base, -1, EV_PERSIST, on_tick, h);
	event_add(h->tick, &every);
	on_tick(-1, 0, h); /* a start that takes long says what it does */
	return h;
}

void host_destroy(struct host *h)
{
	if (!h)
		return;
	event_free(h->tick);
	free(h);
}

void host_ready(struct host *h)
{
	char text[sizeof(h->told) + 32];

	if (h->is_stopping)
		return;
	status_line(h, text, sizeof(text) - 16);
	strcat(text, "READY=1");
	tell(text);
}

void host_reloading(struct host *h)
{
	struct timespec now;
	char text[80];

	(void)h;
	clock_gettime(CLOCK_MONOTONIC, &now); /* the clock and unit that the protocol names */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(text);
}

void host_stopping(struct host *h)
{
	h->is_stopping = true;
	tell("STOPPING=1\nSTATUS=stopping");
}
