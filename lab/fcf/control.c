/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections to the control socket.  Any number, each with any number of orders; orders are carried out in the order in
 * which they come, and one is over before its answer is written.  The socket's mode lets only its owner in.
 */
#include "control.h"

#include "arena.h"
#include "orders.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 << 20, BACKLOG = 16 };

struct connection {
	struct connection *next, **at;
	struct control *control;
	struct bufferevent *stream;
};

struct control {
	struct fcf *fcf;
	struct evconnlistener *listener;
	struct connection *connections;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void hang_up(struct connection *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	bufferevent_free(c->stream);
	free(c);
}

static void answer(struct connection *c, const char *line, size_t len)
{
	json_t *reply = orders_obey(c->control->fcf, line, len);
	char *text = json_dumps(reply, JSON_COMPACT);

	if (text)
		evbuffer_add_printf(bufferevent_get_output(c->stream), "%s\n", text);
	free(text);
	json_decref(reply);
}

static void on_read(struct bufferevent *stream, void *arg)
{
	struct connection *c = arg;
	struct evbuffer *in = bufferevent_get_input(stream);
	char *line;
	size_t len;

	while ((line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		answer(c, line, len);
		free(line);
	}
	if (evbuffer_get_length(in) > LINE_MAX_BYTES)
		hang_up(c);
}

static void on_event(struct bufferevent *stream, short what, void *arg);

static void on_drained(struct bufferevent *stream, void *arg)
{
	(void)stream;
	hang_up(arg);
}

/* Who says no more may still read: a pipe into socat ends before its answers are written. */
static void on_event(struct bufferevent *stream, short what, void *arg)
{
	if (what & BEV_EVENT_EOF && evbuffer_get_length(bufferevent_get_output(stream))) {
		bufferevent_disable(stream, EV_READ);
		bufferevent_setcb(stream, NULL, on_drained, on_event, arg);
	} else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		hang_up(arg);
	}
}

static void on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len, void *arg)
{
	struct control *control = arg;
	struct connection *c = xcalloc(1, sizeof(*c));

	(void)listener;
	(void)address;
	(void)len;
	c->control = control;
	c->stream = bufferevent_socket_new(control->fcf->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->next = control->connections;
	c->at = &control->connections;
	if (c->next)
		c->next->at = &c->next;
	control->connections = c;
	bufferevent_setcb(c->stream, on_read, NULL, on_event, c);
	bufferevent_enable(c->stream, EV_READ | EV_WRITE);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0177);
	int rc;

	strcpy(address.sun_path, path);
	unlink(path);
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct control *control_open(struct fcf *fcf, const char *path, struct error *err)
{
	struct control *control = xcalloc(1, sizeof(*control));
	int fd = -1;

	control->fcf = fcf;
	if (strlen(path) < sizeof(control->path)) {
		strcpy(control->path, path);
		fd = listen_at(path);
	} else {
		errno = ENAMETOOLONG;
	}
	if (fd >= 0)
		control->listener = evconnlistener_new(fcf->base, on_connect, control,
						       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (!control->listener) {
		error_set(err, ERROR_INVALID, "cannot listen at %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		free(control);
		return NULL;
	}
	return control;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->connections)
		hang_up(control->connections);
	evconnlistener_free(control->listener);
	unlink(control->path);
	free(control);
}
