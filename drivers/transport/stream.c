/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Byte streams with deadlines.  See stream.h.
 */
#include "stream.h"

#include "clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static _Thread_local int interrupt = -1;

void stream_interrupted_by(int fd)
{
	interrupt = fd;
}

/* Wait for @events; 0, or -1 at the deadline. */
static int wait_for(int fd, short events, int64_t deadline_ms, struct error *err)
{
	struct pollfd p[] = { { .fd = fd, .events = events },
			      { .fd = interrupt, .events = POLLIN } };
	int64_t left;
	int n;

	do {
		left = deadline_ms - clock_mono_ms();
		n = poll(p, 2, left > 0 ? (int)(left < 3600000 ? left : 3600000) : 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0 && p[1].revents)
		return error_set(err, ERROR_UNREACHABLE, "the wait was interrupted");
	if (n > 0)
		return 0;
	return error_set(err, ERROR_UNREACHABLE, "no answer in time");
}

static int failed(int code, struct error *err)
{
	if (code == EACCES || code == EPERM)
		return error_set(err, ERROR_AUTH, "%s", strerror(code));
	return error_set(err, ERROR_UNREACHABLE, "%s", strerror(code));
}

static int connect_to(int fd, const struct sockaddr *sa, socklen_t len, int64_t deadline_ms,
		      struct error *err)
{
	socklen_t size = sizeof(int);
	int code = 0;

	if (!connect(fd, sa, len))
		return 0;
	/* A unix socket whose listener is full says EAGAIN and cannot be waited for. */
	if (errno == EAGAIN)
		return error_set(err, ERROR_UNREACHABLE, "too many connections wait already");
	if (errno != EINPROGRESS)
		return failed(errno, err);
	if (wait_for(fd, POLLOUT, deadline_ms, err))
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size))
		code = errno;
	return code ? failed(code, err) : 0;
}

static int open_socket(const struct sockaddr *sa, socklen_t len, int64_t deadline_ms,
		       struct error *err)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set(err, ERROR_BUSY, "no socket: %s", strerror(errno));
	if (connect_to(fd, sa, len, deadline_ms, err)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_unix(const char *path, int64_t deadline_ms, struct error *err)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (!*path || strlen(path) >= sizeof(un.sun_path))
		return error_set(err, ERROR_INVALID, "the path of the socket is empty or too long");
	strcpy(un.sun_path, path);
	return open_socket((struct sockaddr *)&un, sizeof(un), deadline_ms, err);
}

static int open_tcp(const char *where, int64_t deadline_ms, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(where, ':'), *host = where;
	struct addrinfo *ai = NULL;
	size_t len = colon ? (size_t)(colon - where) : 0;
	char name[64];
	int fd;

	if (len >= 2 && where[0] == '[' && where[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (!len || len >= sizeof(name) || !colon[1])
		return error_set(err, ERROR_INVALID, "the address must be tcp:ADDRESS:PORT");
	snprintf(name, sizeof(name), "%.*s", (int)len, host);
	if (getaddrinfo(name, colon + 1, &hints, &ai))
		return error_set(err, ERROR_INVALID, "\"%s\" is not a numeric address and port",
				 where);
	fd = open_socket(ai->ai_addr, ai->ai_addrlen, deadline_ms, err);
	freeaddrinfo(ai);
	return fd;
}

int stream_open(const char *address, int64_t deadline_ms, struct error *err)
{
	if (!strncmp(address, "tcp:", 4))
		return open_tcp(address + 4, deadline_ms, err);
	if (!strncmp(address, "unix:", 5))
		return open_unix(address + 5, deadline_ms, err);
	return error_set(err, ERROR_INVALID,
			 "the address \"%s\" begins neither with tcp: nor unix:", address);
}

int stream_send(int fd, const void *bytes, size_t len, int64_t deadline_ms, struct error *err)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			if (wait_for(fd, POLLOUT, deadline_ms, err))
				return -1;
		} else if (n < 0 && errno != EINTR) {
			return error_set(err, ERROR_UNREACHABLE, "%s", strerror(errno));
		}
	}
	return 0;
}

ssize_t stream_recv(int fd, void *bytes, size_t size, int64_t deadline_ms, struct error *err)
{
	for (;;) {
		ssize_t n = recv(fd, bytes, size, 0);

		if (n >= 0)
			return n;
		if (errno == EAGAIN) {
			if (wait_for(fd, POLLIN, deadline_ms, err))
				return -1;
		} else if (errno != EINTR) {
			return error_set(err, ERROR_UNREACHABLE, "%s", strerror(errno));
		}
	}
}
