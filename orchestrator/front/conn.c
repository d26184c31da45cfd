/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP connections.  See conn.h.  Invariants: a connection has at most one request at the core;
 * c->id is not 0 exactly while it has; an answer for an id that is not c->id is never written.
 *
 * c->in and c->out hold what the client says and is told.  Without TLS they are the buffers of the socket; with it,
 * conn_take() and conn_flush() decrypt and encrypt between the two, and never more than the state has room for.
 */
#include "conn_private.h"

#include "arena.h"
#include "brake.h"
#include "clock.h"
#include "json.h"
#include "link.h"
#include "log.h"
#include "secret.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 2000, WRITE_STALL_S = 30, WIRE_MAX = 32 * 1024 };

static void proceed(struct conn *c);

const struct conn_peer *conn_peer(const struct conn *c)
{
	return &c->peer;
}

/* What has not left yet. */
struct evbuffer *conn_wire(struct conn *c)
{
	return bufferevent_get_output(c->bev);
}

/* Send what stands in c->out. */
void conn_flush(struct conn *c)
{
	if (c->tls)
		tls_write(c->tls, c->out, conn_wire(c));
}

/* Fill c->in as far as there is room. */
void conn_take(struct conn *c)
{
	if (c->tls && !c->said_bye &&
	    tls_read(c->tls, bufferevent_get_input(c->bev), c->in, c->in_max, conn_wire(c)) > TLS_OPEN)
		c->said_bye = true;
}

static void limit_input(struct conn *c, size_t max)
{
	c->in_max = max;
	bufferevent_setwatermark(c->bev, EV_READ, 0, c->tls ? WIRE_MAX : max);
}

void conn_enter(struct conn *c, enum conn_state state, int64_t within_ms)
{
	struct timeval tv = { within_ms / 1000, within_ms % 1000 * 1000 };

	c->state = state;
	if (within_ms)
		event_add(c->deadline, &tv);
	else
		event_del(c->deadline);
}

void conn_destroy(struct conn *c)
{
	if (c->state == CONN_STREAM)
		link_send_about(c->front->link, c->id, "closed");
	c->front->slots[c->slot] = NULL;
	event_free(c->deadline);
	if (c->tls) {
		evbuffer_free(c->in);
		evbuffer_free(c->out);
		tls_session_destroy(c->tls);
	}
	bufferevent_free(c->bev);
	http_request_fini(&c->request);
	free(c);
}

/* The last answer is on its way.  Closing with unread input would reset the connection and take the
 * answer with it, so what still comes is read and thrown away for a moment. */
void conn_linger(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->tls)
		tls_bye(c->tls, conn_wire(c));
	conn_enter(c, CONN_LINGER, evbuffer_get_length(conn_wire(c)) ? WRITE_STALL_S * 1000 : LINGER_MS);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (evbuffer_get_length(conn_wire(c)) == 0)
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void refuse_for(struct conn *c, int status, int wait_s, const struct error *err)
{
	log_debug("conn", "%s %s refused with %d", c->request.method,
		  c->request.path ? c->request.path : "?", status);
	c->front->counters.refused++;
	c->style.keep_alive = false;
	reply_problem(c->out, c->style, status, wait_s, err);
	conn_flush(c);
	conn_linger(c);
}

void conn_refuse(struct conn *c, int status, const struct error *err)
{
	refuse_for(c, status, status == 503, err);
}

static void refuse_text(struct conn *c, int status, enum error_code code, const char *text)
{
	struct error err = { 0 };

	error_set(&err, code, "%s", text);
	conn_refuse(c, status, &err);
}

/* The answer is written: wait for the next request, or say goodbye. */
void conn_finish_answer(struct conn *c)
{
	c->id = 0;
	conn_flush(c);
	if (!c->style.keep_alive || c->eof || c->said_bye) {
		conn_linger(c);
		return;
	}
	http_request_fini(&c->request);
	c->scanned = 0;
	conn_enter(c, CONN_HEAD, c->front->options.idle_ms);
	proceed(c);
}

static void try_body(struct conn *c)
{
	struct evbuffer *in = c->in;
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
		conn_refuse(c, 400, &err);
		return;
	}
	limit_input(c, FRONT_HEAD_MAX);
	conn_send_to_core(c, body);
}

static size_t body_max(const struct conn *c)
{
	static const char *const whole_sites[][2] = { { "POST", "/v1/define" }, { "PUT", "/v1/site" } };
	size_t i;

	for (i = 0; i < 2; i++)
		if (!strcmp(c->request.method, whole_sites[i][0]) && !strcmp(c->request.path, whole_sites[i][1]))
			return FRONT_DEFINE_MAX;
	return FRONT_BODY_MAX;
}

/* Whether too many wrong tokens came from there a moment ago; it has been told then. */
static bool is_braked(struct conn *c)
{
	struct error err = { 0 };
	int wait_s;

	if (c->peer.door != DOOR_TLS)
		return false;
	wait_s = brake_wait_s(c->front->brake, c->peer.source, clock_mono_ms());
	if (!wait_s)
		return false;
	c->front->counters.braked++;
	error_set(&err, ERROR_RATE_LIMITED, "too many wrong tokens or passwords came from your address");
	error_hint(&err, "Wait %d s, then try again with one that is good.", wait_s);
	refuse_for(c, 429, wait_s, &err);
	return true;
}

/* What may be said before a body is read.  Returns false when the request has been refused. */
static bool is_welcome(struct conn *c)
{
	const struct http_request *r = &c->request;

	if (is_braked(c))
		return false;
	if ((c->peer.door == DOOR_BOOT && strncmp(r->path, "/boot/", 6)) ||
	    (c->peer.door == DOOR_TLS && !strncmp(r->path, "/boot/", 6))) {
		refuse_text(c, 404, ERROR_NOT_FOUND, "there is nothing here");
		return false;
	}
	if (c->peer.door == DOOR_BOOT && (strcmp(r->method, "GET") || r->length)) {
		refuse_text(c, 405, ERROR_USAGE, "the boot port answers GET without a body");
		return false;
	}
	if (c->peer.door != DOOR_BOOT && r->length > body_max(c)) {
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

void conn_read_body(struct conn *c)
{
	if (c->request.expects_continue)
		evbuffer_add_printf(c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	conn_flush(c);
	limit_input(c, c->request.length);
	conn_enter(c, CONN_BODY, c->front->options.body_ms);
	conn_take(c);
	try_body(c);
}

static void begin_body(struct conn *c)
{
	if (!is_welcome(c))
		return;
	if (c->request.length == 0)
		conn_send_to_core(c, NULL);
	else if (c->peer.door == DOOR_TLS && c->request.length > FRONT_STRANGER_MAX)
		conn_ask_who(c);
	else
		conn_read_body(c);
}

static void try_head(struct conn *c)
{
	struct evbuffer *in = c->in;
	size_t have = evbuffer_get_length(in);
	struct error err = { 0 };
	int status = 400, rc;
	char *bytes;
	ssize_t n;

	if (evbuffer_get_length(conn_wire(c)) > FRONT_STREAM_MAX)
		return; /* it asks on without reading: later, see on_written() */
	if (have > FRONT_HEAD_MAX)
		have = FRONT_HEAD_MAX;
	if (c->scanned == 0)
		conn_enter(c, CONN_HEAD, c->front->options.head_ms);
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
		conn_refuse(c, status, &err);
	else
		begin_body(c);
}

/* Read on, in the state that we are in. */
static void proceed(struct conn *c)
{
	conn_take(c);
	if (c->state == CONN_HEAD && evbuffer_get_length(c->in))
		try_head(c);
	else if (c->state == CONN_BODY)
		try_body(c);
	if (c->said_bye && (c->state == CONN_HEAD || c->state == CONN_BODY))
		conn_linger(c); /* the rest of it will not come */
}

static void shake(struct conn *c)
{
	enum tls_state state =
		tls_read(c->tls, bufferevent_get_input(c->bev), c->in, FRONT_HEAD_MAX, conn_wire(c));

	if (state == TLS_OPEN) {
		c->front->counters.handshakes++;
		if (tls_subject(c->tls)[0])
			c->peer.subject = tls_subject(c->tls);
		conn_enter(c, CONN_HEAD, c->front->options.head_ms);
		proceed(c);
	} else if (state != TLS_SHAKING) {
		c->front->counters.handshakes_failed++;
		log_debug("conn", "no TLS with %s: %s", c->peer.address, tls_complaint(c->tls));
		conn_linger(c);
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn *c = arg;

	switch (c->state) {
	case CONN_SHAKE:
		shake(c);
		break;
	case CONN_HEAD:
	case CONN_BODY:
		proceed(c);
		break;
	case CONN_WAIT:
		break; /* the next request already: it waits in the buffer */
	case CONN_STREAM:
		conn_take(c);
		if (evbuffer_get_length(c->in) || c->said_bye)
			conn_destroy(c); /* a reader of a stream has nothing to say */
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
		conn_enter(c, CONN_LINGER, LINGER_MS);
		if (c->eof)
			conn_destroy(c);
	} else if (c->state == CONN_HEAD && c->scanned == 0) {
		proceed(c); /* see try_head() */
	} else if (c->state == CONN_STREAM && c->tell) {
		c->tell = false;
		link_send_about(c->front->link, c->id, "written");
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	/* A client may close its sending half and still wait for its answer. */
	if (what & BEV_EVENT_EOF && !c->eof &&
	    (c->state == CONN_WAIT ||
	     (c->state == CONN_LINGER && evbuffer_get_length(conn_wire(c))))) {
		c->eof = true;
		bufferevent_disable(bev, EV_READ);
		return;
	}
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	c->front->counters.cut += (what & BEV_EVENT_TIMEOUT) != 0;
	c->front->counters.handshakes_failed += c->state == CONN_SHAKE;
	conn_destroy(c);
}

/* Middle boxes forget a silent connection, and readers cannot tell it from one that died. */
static void beat(struct conn *c)
{
	reply_stream_chunk(c->out, c->style, ":\n\n", 3);
	conn_flush(c);
	conn_enter(c, CONN_STREAM, HEARTBEAT_MS);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_SHAKE:
		c->front->counters.handshakes_failed++;
		conn_destroy(c);
		break;
	case CONN_HEAD:
		c->front->counters.late += !c->is_known || c->scanned;
		if (c->scanned == 0) {
			conn_destroy(c);
			break;
		}
		refuse_text(c, 408, ERROR_TIMEOUT, "the request did not arrive in time");
		break;
	case CONN_BODY:
		c->front->counters.late++;
		refuse_text(c, 408, ERROR_TIMEOUT,
			    "the body of the request did not arrive in time");
		break;
	case CONN_WAIT:
		c->id = 0;
		refuse_text(c, 504, ERROR_TIMEOUT,
			    "the controller did not answer this request in time");
		break;
	case CONN_STREAM:
		beat(c);
		break;
	case CONN_LINGER:
		conn_destroy(c);
		break;
	}
}

void conn_create(struct front *front, int fd, const struct conn_peer *peer)
{
	struct tls_session *tls = peer->door == DOOR_TLS ? tls_session_create(front->tls) : NULL;
	struct timeval stall = { WRITE_STALL_S, 0 };
	struct conn *c;

	if (peer->door == DOOR_TLS && !tls) {
		front->counters.handshakes_failed++;
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	while (front->slots[c->slot])
		c->slot++; /* the caller has seen that one is free */
	front->slots[c->slot] = c;
	c->front = front;
	c->peer = *peer;
	c->number = ++front->counters.accepted[peer->door];
	evutil_make_socket_nonblocking(fd);
	c->bev = bufferevent_socket_new(front->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->deadline = evtimer_new(front->base, on_deadline, c);
	c->in = bufferevent_get_input(c->bev);
	c->out = conn_wire(c);
	if (tls) {
		c->tls = tls;
		c->in = evbuffer_new();
		c->out = evbuffer_new();
	}
	limit_input(c, FRONT_HEAD_MAX);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	if (c->tls)
		conn_enter(c, CONN_SHAKE, front->options.shake_ms);
	else
		conn_enter(c, CONN_HEAD, front->options.head_ms);
}

bool conn_make_room(struct front *front)
{
	struct conn *oldest = NULL;
	int i;

	for (i = 0; i < FRONT_SLOTS; i++) {
		struct conn *c = front->slots[i];

		if (c && c->peer.door == DOOR_TLS && !c->is_known && c->state <= CONN_HEAD &&
		    (!oldest || c->number < oldest->number))
			oldest = c;
	}
	if (oldest)
		conn_destroy(oldest);
	return oldest != NULL;
}

void conn_turn_away(int fd)
{
	struct reply_style style = { 0 };
	struct error err = { 0 };
	struct evbuffer *out = evbuffer_new();

	error_set(&err, ERROR_BUSY, "too many connections are open");
	reply_problem(out, style, 503, 1, &err);
	evutil_make_socket_nonblocking(fd);
	evbuffer_write(out, fd);
	evbuffer_free(out);
	close(fd);
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
			reply_problem(c->out, c->style, 503, 1, &err);
			conn_flush(c);
		}
		if (c->tls)
			tls_bye(c->tls, conn_wire(c));
		if (evbuffer_get_length(conn_wire(c))) {
			/* Out of the socket buffer's hands or not at all: nobody runs the loop any
			 * more. */
			bufferevent_disable(c->bev, EV_WRITE);
			evbuffer_unfreeze(conn_wire(c), 1);
			evbuffer_write(conn_wire(c), bufferevent_getfd(c->bev));
		}
		conn_destroy(c);
	}
}
