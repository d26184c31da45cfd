/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP connections.  See conn.h.  Invariants: a connection has at most one request at the core;
 * c->id is not 0 exactly while it has; an answer for an id that is not c->id is never written.
 */
#include "conn.h"

#include "arena.h"
#include "front.h"
#include "http.h"
#include "json.h"
#include "link.h"
#include "log.h"
#include "reply.h"
#include "secret.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOT_BITS = 10, LINGER_MS = 2000, WRITE_STALL_S = 30 };

enum conn_state { CONN_HEAD, CONN_BODY, CONN_WAIT, CONN_STREAM, CONN_LINGER };

struct conn {
	struct front *front;
	unsigned slot;
	struct conn_peer peer;
	enum conn_state state;
	struct bufferevent *bev;
	struct event *deadline;	     /* of the present state */
	struct http_request request; /* being read */
	struct reply_style style;
	size_t scanned; /* bytes of the head already looked at */
	uint64_t id;	/* of the request at the core */
	bool eof;	/* the client sends no more */
};

static void try_head(struct conn *c);

const struct conn_peer *conn_peer(const struct conn *c)
{
	return &c->peer;
}

static struct evbuffer *output(struct conn *c)
{
	return bufferevent_get_output(c->bev);
}

static void enter(struct conn *c, enum conn_state state, int64_t within_ms)
{
	struct timeval tv = { within_ms / 1000, within_ms % 1000 * 1000 };

	c->state = state;
	if (within_ms)
		event_add(c->deadline, &tv);
	else
		event_del(c->deadline);
}

static void destroy(struct conn *c)
{
	if (c->state == CONN_STREAM)
		link_send_closed(c->front->link, c->id);
	c->front->slots[c->slot] = NULL;
	event_free(c->deadline);
	bufferevent_free(c->bev);
	http_request_fini(&c->request);
	free(c);
}

/* The last answer is on its way.  Closing with unread input would reset the connection and take the
 * answer with it, so what still comes is read and thrown away for a moment. */
static void linger(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	enter(c, CONN_LINGER, LINGER_MS);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (evbuffer_get_length(output(c)) == 0)
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void refuse(struct conn *c, int status, const struct error *err)
{
	log_debug("conn", "%s %s refused with %d", c->request.method,
		  c->request.path ? c->request.path : "?", status);
	c->style.keep_alive = false;
	reply_problem(output(c), c->style, status, err);
	linger(c);
}

static void refuse_text(struct conn *c, int status, enum error_code code, const char *text)
{
	struct error err = { 0 };

	error_set(&err, code, "%s", text);
	refuse(c, status, &err);
}

/* The answer is written: wait for the next request, or say goodbye. */
static void finish_answer(struct conn *c)
{
	c->id = 0;
	if (!c->style.keep_alive || c->eof) {
		linger(c);
		return;
	}
	http_request_fini(&c->request);
	c->scanned = 0;
	enter(c, CONN_HEAD, c->front->options.idle_ms);
	if (evbuffer_get_length(bufferevent_get_input(c->bev)))
		try_head(c);
}

static json_t *peer_json(const struct conn_peer *peer)
{
	if (peer->is_boot)
		return json_pack("{s:s,s:s}", "kind", "boot", "address", peer->address);
	return json_pack("{s:s,s:I,s:I,s:I}", "kind", "unix", "uid", (json_int_t)peer->uid, "gid",
			 (json_int_t)peer->gid, "pid", (json_int_t)peer->pid);
}

/* Hand the request with @body (taken over, may be NULL) to the core. */
static void send_to_core(struct conn *c, json_t *body)
{
	uint64_t id = ++c->front->last_request << SLOT_BITS | c->slot;
	struct error err = { 0 };
	json_t *frame;
	int rc;

	frame = json_pack("{s:I,s:s,s:s,s:O,s:O,s:o,s:o}", "id", (json_int_t)id, "method",
			  c->request.method, "path", c->request.path, "query", c->request.query,
			  "headers", c->request.headers, "body", body ? body : json_null(), "peer",
			  peer_json(&c->peer));
	rc = link_send(c->front->link, frame, &err);
	json_decref(frame);
	if (rc) {
		refuse(c, error_http(err.code), &err);
		return;
	}
	c->id = id;
	enter(c, CONN_WAIT, c->front->options.answer_ms);
}

static void try_body(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct error err = { 0 };
	unsigned char *bytes;
	json_t *body;

	if (evbuffer_get_length(in) < c->request.length)
		return;
	bytes = evbuffer_pullup(in, (ev_ssize_t)c->request.length);
	body = json_decode((const char *)bytes, c->request.length, &err);
	secret_wipe(bytes, c->request.length);
	evbuffer_drain(in, c->request.length);
	if (!body) {
		err.code = ERROR_USAGE;
		error_wrap(&err, "the body is not JSON");
		error_hint(&err, "Send one JSON object in UTF-8, each key once.");
		refuse(c, 400, &err);
		return;
	}
	bufferevent_setwatermark(c->bev, EV_READ, 0, FRONT_HEAD_MAX);
	send_to_core(c, body);
}

static size_t body_max(const struct conn *c)
{
	if (!strcmp(c->request.method, "POST") && !strcmp(c->request.path, "/v1/define"))
		return FRONT_DEFINE_MAX;
	return FRONT_BODY_MAX;
}

/* What may be said before a body is read.  Returns false when the request has been refused. */
static bool is_welcome(struct conn *c)
{
	const struct http_request *r = &c->request;

	if (c->peer.is_boot && strncmp(r->path, "/boot/", 6)) {
		refuse_text(c, 404, ERROR_NOT_FOUND, "there is nothing here");
		return false;
	}
	if (c->peer.is_boot && (strcmp(r->method, "GET") || r->length)) {
		refuse_text(c, 405, ERROR_USAGE, "the boot port answers GET without a body");
		return false;
	}
	if (!c->peer.is_boot && r->length > body_max(c)) {
		refuse_text(c, 413, ERROR_TOO_LARGE, "the body is larger than is accepted here");
		return false;
	}
	if (r->length && !r->is_json) {
		refuse_text(c, 415, ERROR_USAGE,
			    "a body is sent with `Content-Type: application/json`");
		return false;
	}
	return true;
}

static void begin_body(struct conn *c)
{
	if (!is_welcome(c))
		return;
	if (c->request.length == 0) {
		send_to_core(c, NULL);
		return;
	}
	if (c->request.expects_continue)
		evbuffer_add_printf(output(c), "HTTP/1.1 100 Continue\r\n\r\n");
	bufferevent_setwatermark(c->bev, EV_READ, 0, c->request.length);
	enter(c, CONN_BODY, c->front->options.body_ms);
	try_body(c);
}

static void try_head(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t have = evbuffer_get_length(in);
	struct error err = { 0 };
	int status = 400, rc;
	char *bytes;
	ssize_t n;

	if (have > FRONT_HEAD_MAX)
		have = FRONT_HEAD_MAX;
	if (c->scanned == 0)
		enter(c, CONN_HEAD, c->front->options.head_ms);
	bytes = (char *)evbuffer_pullup(in, (ev_ssize_t)have);
	n = http_head_length(bytes, have, &c->scanned);
	if (n == 0 && have < FRONT_HEAD_MAX)
		return;
	c->style = (struct reply_style){ 0 };
	if (n <= 0) {
		refuse_text(c, n ? 400 : 431, n ? ERROR_USAGE : ERROR_TOO_LARGE,
			    n ? "the request holds a control character or a line that ends without "
				"CR"
			      : "the head of the request is larger than 16 KiB");
		return;
	}
	rc = http_parse(bytes, (size_t)n, &c->request, &status, &err);
	evbuffer_drain(in, (size_t)n);
	c->style.http10 = c->request.http10;
	c->style.keep_alive = c->request.keep_alive;
	if (rc)
		refuse(c, status, &err);
	else
		begin_body(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn *c = arg;

	switch (c->state) {
	case CONN_HEAD:
		try_head(c);
		break;
	case CONN_BODY:
		try_body(c);
		break;
	case CONN_WAIT:
		break; /* the next request already: it waits in the buffer */
	case CONN_STREAM:
		destroy(c); /* a reader of a stream has nothing to say */
		break;
	case CONN_LINGER:
		evbuffer_drain(in, evbuffer_get_length(in));
		break;
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_LINGER) {
		shutdown(bufferevent_getfd(bev), SHUT_WR);
		if (c->eof)
			destroy(c);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	/* A client may close its sending half and still wait for its answer. */
	if (what & BEV_EVENT_EOF && !c->eof &&
	    (c->state == CONN_WAIT ||
	     (c->state == CONN_LINGER && evbuffer_get_length(output(c))))) {
		c->eof = true;
		bufferevent_disable(bev, EV_READ);
		return;
	}
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		destroy(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_HEAD:
		if (c->scanned == 0) {
			destroy(c);
			break;
		}
		refuse_text(c, 408, ERROR_TIMEOUT, "the request did not arrive in time");
		break;
	case CONN_BODY:
		refuse_text(c, 408, ERROR_TIMEOUT,
			    "the body of the request did not arrive in time");
		break;
	case CONN_WAIT:
		c->id = 0;
		refuse_text(c, 504, ERROR_TIMEOUT,
			    "the controller did not answer this request in time");
		break;
	case CONN_STREAM:
	case CONN_LINGER:
		destroy(c);
		break;
	}
}

void conn_create(struct front *front, int fd, const struct conn_peer *peer)
{
	struct timeval stall = { WRITE_STALL_S, 0 };
	struct conn *c = xcalloc(1, sizeof(*c));

	while (front->slots[c->slot])
		c->slot++; /* the caller has seen that one is free */
	front->slots[c->slot] = c;
	c->front = front;
	c->peer = *peer;
	evutil_make_socket_nonblocking(fd);
	c->bev = bufferevent_socket_new(front->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->deadline = evtimer_new(front->base, on_deadline, c);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, FRONT_HEAD_MAX);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	enter(c, CONN_HEAD, front->options.head_ms);
}

void conn_turn_away(int fd)
{
	struct reply_style style = { 0 };
	struct error err = { 0 };
	struct evbuffer *out = evbuffer_new();

	error_set(&err, ERROR_BUSY, "too many connections are open");
	reply_problem(out, style, 503, &err);
	evutil_make_socket_nonblocking(fd);
	evbuffer_write(out, fd);
	evbuffer_free(out);
	close(fd);
}

static void on_chunk(struct conn *c, const json_t *frame)
{
	json_t *chunk = json_object_get(frame, "chunk");

	if (json_is_string(chunk))
		reply_stream_chunk(output(c), c->style, json_string_value(chunk),
				   json_string_length(chunk));
	if (evbuffer_get_length(output(c)) > FRONT_STREAM_MAX) {
		log_warn("conn", "a reader of %s does not keep up and is cut off", c->request.path);
		destroy(c);
		return;
	}
	if (json_bool(frame, "end", false)) {
		reply_stream_end(output(c), c->style);
		c->style.keep_alive = c->style.keep_alive && !c->style.http10;
		finish_answer(c);
	}
}

void conn_on_frame(struct front *front, const json_t *frame)
{
	uint64_t id = (uint64_t)json_int(frame, "id", 0);
	struct conn *c = front->slots[id & (FRONT_SLOTS - 1)];
	bool opens = json_bool(frame, "stream", false);

	if (!id || !c || c->id != id) {
		if (opens)
			link_send_closed(front->link, id);
		return; /* the client has gone, or has been told that it took too long */
	}
	if (c->state == CONN_STREAM) {
		on_chunk(c, frame);
	} else if (opens && (c->eof || evbuffer_get_length(bufferevent_get_input(c->bev)))) {
		link_send_closed(front->link, id);
		destroy(c);
	} else if (opens) {
		if (c->style.http10)
			c->style.keep_alive = false;
		reply_stream_begin(output(c), c->style, frame);
		enter(c, CONN_STREAM, 0);
	} else {
		log_debug("conn", "%s %s answered with %d", c->request.method, c->request.path,
			  (int)json_int(frame, "status", 0));
		reply_whole(output(c), c->style, frame);
		finish_answer(c);
	}
}

void conn_close_all(struct front *front)
{
	struct error err = { 0 };
	int i;

	error_set(&err, ERROR_UNREACHABLE, "the controller stopped before it answered");
	error_hint(&err, "See `persona runs` once it is back: what it had accepted goes on.");
	for (i = 0; i < FRONT_SLOTS; i++) {
		struct conn *c = front->slots[i];

		if (!c)
			continue;
		if (c->state == CONN_WAIT) {
			c->style.keep_alive = false;
			reply_problem(output(c), c->style, 503, &err);
		}
		if (evbuffer_get_length(output(c))) {
			/* Out of the socket buffer's hands or not at all: nobody runs the loop any
			 * more. */
			bufferevent_disable(c->bev, EV_WRITE);
			evbuffer_unfreeze(output(c), 1);
			evbuffer_write(output(c), bufferevent_getfd(c->bev));
		}
		destroy(c);
	}
}
