/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-probe: does something listen at a TCP address?  The proof that a persona's service
 * is up, and the eyes of the monitor.  All connects of one observe run in parallel, without
 * blocking, under one timer of our own; each is bounded by option timeout_ms and by the request's
 * deadline.
 */
#include "driver.h"

#include "arena.h"
#include "clock.h"
#include "json.h"
#include "text.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROBES_AT_ONCE = 256, REPLY_RESERVE_MS = 50 };

struct probe {
	const char *object;
	int fd;
	bool done, open;
	int64_t ms;
};

static const struct driver_option probe_options[] = {
	{ "timeout_ms", "int", .missing = "1000",
	  .help = "how long one connection may take to come about" },
	{ NULL },
};

static int probe_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	(void)call;
	if (json_int(dev->options, "timeout_ms", 0) < 1)
		return error_set(err, ERROR_INVALID, "timeout_ms must be at least 1");
	return 0;
}

static void probe_close(struct driver_device *dev)
{
	(void)dev;
}

/* "tcp:ADDRESS:PORT", the address numeric, IPv6 with or without brackets. */
static struct addrinfo *parse(const char *object, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM };
	const char *host = object + 4, *colon = strrchr(object, ':');
	struct addrinfo *ai = NULL;
	char name[64];
	int64_t port;
	int len;

	if (!strncmp(object, "tcp:", 4) && colon > host &&
	    !text_parse_int(colon + 1, 1, 65535, &port)) {
		len = (int)(colon - host);
		if (host[0] == '[' && colon[-1] == ']')
			host++, len -= 2;
		snprintf(name, sizeof(name), "%.*s", len, host);
		if (len < (int)sizeof(name) && !getaddrinfo(name, colon + 1, &hints, &ai))
			return ai;
	}
	error_set(err, ERROR_INVALID, "\"%s\" is not tcp:ADDRESS:PORT with a numeric address",
		  object);
	return NULL;
}

static int start(struct probe *p, const char *object, struct error *err)
{
	struct addrinfo *ai = parse(object, err);

	*p = (struct probe){ .object = object, .fd = -1 };
	if (!ai)
		return -1;
	p->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0) {
		freeaddrinfo(ai);
		return error_set(err, ERROR_BUSY, "no socket: %s", strerror(errno));
	}
	p->open = !connect(p->fd, ai->ai_addr, ai->ai_addrlen);
	p->done = p->open || errno != EINPROGRESS;
	freeaddrinfo(ai);
	return 0;
}

static void finish(struct probe *p, int64_t began)
{
	socklen_t size = sizeof(int);
	int code = 0;

	p->open = !getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &code, &size) && !code;
	p->ms = clock_mono_ms() - began;
	p->done = true;
}

/* Wait until every probe is done or time is up. */
static void wait_all(struct probe *probes, size_t n, int64_t began, int64_t until)
{
	struct pollfd fds[PROBES_AT_ONCE];
	size_t i, open;

	for (;;) {
		int64_t left = until - clock_mono_ms();

		for (i = 0, open = 0; i < n; i++) {
			fds[i] = (struct pollfd){ .fd = probes[i].done ? -1 : probes[i].fd,
						  .events = POLLOUT };
			open += !probes[i].done;
		}
		if (!open || left <= 0)
			return;
		if (poll(fds, n, (int)left) < 0 && errno != EINTR)
			return;
		for (i = 0; i < n; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				finish(&probes[i], began);
	}
}

static int probe_some(const json_t *objects, size_t from, size_t n, int64_t until, json_t *document,
		      struct error *err)
{
	struct probe probes[PROBES_AT_ONCE];
	int64_t began = clock_mono_ms();
	size_t i, started;
	int rc = 0;

	for (started = 0; started < n && !rc; started++)
		rc = start(&probes[started],
			   json_string_value(json_array_get(objects, from + started)), err);
	if (!rc)
		wait_all(probes, n, began, until);
	for (i = 0; i < started; i++) {
		if (!rc)
			json_object_set_new(document, probes[i].object,
					    probes[i].open
						    ? json_pack("{s:b, s:I}", "open", 1, "ms",
								(json_int_t)probes[i].ms)
						    : json_pack("{s:b}", "open", 0));
		if (probes[i].fd >= 0)
			close(probes[i].fd);
	}
	return rc;
}

static json_t *probe_observe(struct driver_device *dev, const struct driver_call *call,
			     const json_t *objects, struct error *err)
{
	int64_t timeout = json_int(dev->options, "timeout_ms", 1000);
	size_t n = json_array_size(objects), from, some;
	json_t *document = json_object();

	for (from = 0; from < n; from += some) {
		int64_t until = clock_mono_ms() + timeout,
			latest = call->deadline_ms - REPLY_RESERVE_MS;

		some = n - from < PROBES_AT_ONCE ? n - from : PROBES_AT_ONCE;
		if (probe_some(objects, from, some, until < latest ? until : latest, document,
			       err)) {
			json_decref(document);
			return NULL;
		}
	}
	return document;
}

static int probe_apply(struct driver_device *dev, const struct driver_call *call,
		       struct driver_change *changes, size_t n, struct error *err)
{
	(void)call;
	(void)changes;
	(void)n;
	return error_set(err, ERROR_UNSUPPORTED, "%s only looks; it changes nothing", dev->name);
}

static const struct recast_driver probe = {
	.name = "probe",
	.cls = "probe",
	.summary = "TCP connect probes",
	.caps = "tcp",
	.max_inflight = 8,
	.options = probe_options,
	.open = probe_open,
	.close = probe_close,
	.observe = probe_observe,
	.apply = probe_apply,
};

RECAST_DRIVER(probe)
