/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Byte streams with deadlines.  See stream.h.
 */
#include "stream_kind.h"

#include "arena.h"
#include "clock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static _Thread_local int interrupt = -1;

void stream_interrupted_by(int fd)
{
	interrupt = fd;
}

int stream_wait(int fd, short events, int64_t deadline_ms, struct error *err)
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
	if (stream_wait(fd, POLLOUT, deadline_ms, err))
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

/* Handshakes are small packets in a row; else each second one waits until the other side acknowledges the first. */
static void send_at_once(int fd)
{
	int on = 1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int stream_connect_tcp(const char *where, const char *notation, int64_t deadline_ms, struct error *err)
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
		return error_set(err, ERROR_INVALID, "the address must be %s", notation);
	snprintf(name, sizeof(name), "%.*s", (int)len, host);
	if (getaddrinfo(name, colon + 1, &hints, &ai))
		return error_set(err, ERROR_INVALID, "\"%s\" is not a numeric address and port",
				 where);
	fd = open_socket(ai->ai_addr, ai->ai_addrlen, deadline_ms, err);
	freeaddrinfo(ai);
	send_at_once(fd);
	return fd;
}

static ssize_t plain_send(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err)
{
	for (;;) {
		ssize_t n = send(s->fd, bytes, len, MSG_NOSIGNAL);

		if (n > 0)
			return n;
		if (n < 0 && errno == EAGAIN) {
			if (stream_wait(s->fd, POLLOUT, deadline_ms, err))
				return -1;
		} else if (n < 0 && errno != EINTR) {
			return error_set(err, ERROR_UNREACHABLE, "%s", strerror(errno));
		}
	}
}

static ssize_t plain_recv(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err)
{
	for (;;) {
		ssize_t n = recv(s->fd, bytes, size, 0);

		if (n >= 0)
			return n;
		if (errno == EAGAIN) {
			if (stream_wait(s->fd, POLLIN, deadline_ms, err))
				return -1;
		} else if (errno != EINTR) {
			return error_set(err, ERROR_UNREACHABLE, "%s", strerror(errno));
		}
	}
}

static void plain_close(struct stream *s)
{
	close(s->fd);
	free(s);
}

static const struct stream_ops plain_ops = { .send = plain_send, .recv = plain_recv, .close = plain_close };

struct stream *stream_plain(int fd)
{
	struct stream *s;

	if (fd < 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->ops = &plain_ops;
	s->fd = fd;
	return s;
}

struct stream *stream_open(const struct stream_peer *peer, int64_t deadline_ms, struct error *err)
{
	const char *address = peer->address;
	int fd;

	if (!strncmp(address, "tcp:", 4))
		return stream_plain(stream_connect_tcp(address + 4, "tcp:ADDRESS:PORT", deadline_ms, err));
	if (!strncmp(address, "unix:", 5))
		return stream_plain(open_unix(address + 5, deadline_ms, err));
	if (!strncmp(address, "ssl:", 4)) {
		fd = stream_connect_tcp(address + 4, "ssl:ADDRESS:PORT", deadline_ms, err);
		return fd < 0 ? NULL : tls_open(fd, peer, deadline_ms, err);
	}
	error_set(err, ERROR_INVALID, "the address \"%s\" begins neither with tcp: nor ssl: nor unix:", address);
	return NULL;
}

void stream_close(struct stream *s)
{
	if (s)
		s->ops->close(s);
}

int stream_send(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = s->ops->send(s, at, len, deadline_ms, err);

		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t stream_recv(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err)
{
	return s->ops->recv(s, bytes, size, deadline_ms, err);
}

int stream_fd(const struct stream *s)
{
	return s->fd;
}

bool stream_pending(const struct stream *s)
{
	return s->ops->pending && s->ops->pending(s);
}

const struct server_key *stream_key(const struct stream *s)
{
	return s->ops->key ? s->ops->key(s) : NULL;
}
