/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Receives certificate, key and CA.  See credentials.h.
 */
#include "credentials.h"

#include "arena.h"
#include "clock.h"
#include "front.h"
#include "log.h"
#include "secret.h"
#include "tls.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILES_MAX = 3, FILE_MAX = 1 << 20 };

struct credentials {
	struct front *front;
	struct event *readable;
	int fd;
};

struct text {
	char *bytes;
	size_t len;
};

static int slurp(int fd, struct text *out, struct error *err)
{
	ssize_t n;

	out->bytes = xcalloc(1, FILE_MAX + 1);
	while (out->len <= FILE_MAX &&
	       (n = pread(fd, out->bytes + out->len, FILE_MAX + 1 - out->len, (off_t)out->len)) > 0)
		out->len += (size_t)n;
	if (out->len == 0 || out->len > FILE_MAX)
		return error_set(err, ERROR_INVALID, "a file for TLS is empty, cannot be read or is larger than 1 MiB");
	return 0;
}

static int load(struct front *front, const int *fds, int n, struct error *err)
{
	struct text texts[FILES_MAX] = { 0 };
	struct tls_pem pem;
	int rc = 0, i;

	for (i = 0; i < n && rc == 0; i++)
		rc = slurp(fds[i], &texts[i], err);
	if (rc == 0) {
		pem = (struct tls_pem){ texts[0].bytes, texts[1].bytes, texts[2].bytes,
					texts[0].len,	texts[1].len,	texts[2].len };
		rc = tls_load(front->tls, &pem, err);
	}
	for (i = 0; i < n; i++) {
		if (texts[i].bytes)
			secret_wipe(texts[i].bytes, FILE_MAX + 1);
		free(texts[i].bytes);
	}
	return rc;
}

static void tell(const struct front *front)
{
	int64_t end = tls_not_after(front->tls);
	char text[40];

	clock_format(end * 1000, text, sizeof(text));
	if (end * 1000 < clock_wall_ms() + CREDENTIALS_SOON_MS)
		log_warn("tls", "the certificate ends at %s: renew it, then send recastd a SIGHUP", text);
	else
		log_info("tls", "serving a certificate that ends at %s", text);
}

/* The descriptors of one message; their number, 0 when nothing waits, -1 when the other end has gone. */
static int receive(int fd, int fds[FILES_MAX])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(FILES_MAX * sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t len;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	len = c->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(c), len);
	return (int)(len / sizeof(int));
}

/* Take one message; false when none waits. */
static bool take(struct credentials *c)
{
	struct error err = { 0 };
	int fds[FILES_MAX], n, i, rc = -1;

	n = receive(c->fd, fds);
	if (n < 0)
		event_del(c->readable); /* the link tells us that recastd has gone */
	if (n <= 0)
		return false;
	if (n >= 2)
		rc = load(c->front, fds, n, &err);
	for (i = 0; i < n; i++)
		close(fds[i]);
	if (rc == 0)
		tell(c->front);
	else
		log_error("tls", "%s; %s", err.text,
			  tls_not_after(c->front->tls) ? "the certificate before is still served"
						       : "nobody can come in by TLS");
	if (send(c->fd, rc == 0 ? "+" : "-", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("tls", "recastd does not want to know: %s", strerror(errno));
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	while (take(arg))
		;
}

struct credentials *credentials_open(struct front *front, int fd, struct error *err)
{
	struct credentials *c;
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET) {
		error_set(err, ERROR_USAGE, "descriptor %d is not the socket for certificates", fd);
		return NULL;
	}
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	c = xcalloc(1, sizeof(*c));
	c->front = front;
	c->fd = fd;
	c->readable = event_new(front->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_add(c->readable, NULL);
	on_readable(fd, EV_READ, c);
	return c;
}

void credentials_close(struct credentials *c)
{
	if (!c)
		return;
	event_free(c->readable);
	close(c->fd);
	free(c);
}
