/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP connections.  See conn.h.  Invariants: a connection has at most one request at the core;
 * c->id is not 0 exactly while it has; an answer for an id that is not c->id is never written.
 *
 * c->in and c->out hold what the client says and is told.  Without TLS they are the buffers of the socket; with it,
 * take() and flush() decrypt and encrypt between the two, and never more than the state has room for.
 */
#include "conn.h"

#include "arena.h"
#include "brake.h"
#include "clock.h"
#include "front.h"
#include "http.h"
#include "json.h"
#include "link.h"
#include "log.h"
#include "reply.h"
#include "secret.h"
#include "tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOT_BITS = 11, LINGER_MS = 2000, HEARTBEAT_MS = 20000, WRITE_STALL_S = 30, WIRE_MAX = 32 * 1024 };

enum conn_state { CONN_SHAKE, CONN_HEAD, CONN_BODY, CONN_WAIT, CONN_STREAM, CONN_LINGER };

struct conn {
	struct front *front;
	unsigned slot;
	struct conn_peer peer;
	enum conn_state state;
	struct bufferevent *bev;
	struct tls_session *tls; /* NULL: none */
	struct evbuffer *in, *out;
	size_t in_max;		     /* bytes that may wait in @in */
	struct event *deadline;	     /* of the present state */
	struct http_request request; /* being read */
	struct reply_style style;
	size_t scanned; /* bytes of the head already looked at */
	uint64_t id;	/* of the request at the core */
	bool eof;	/* the client sends no more */
	bool said_bye;	/* so it says by TLS, or its TLS is broken */
	bool asking;	/* the core was asked who this is, before a large body */
	bool is_known;	/* a whole request has come in */
	bool tell;	/* the core when what a stream was given has left */
	uint64_t number; /* in order of arrival */
};

static void proceed(struct conn *c);

const struct conn_peer *conn_peer(const struct conn *c)
{
	return &c->peer;
}

/* What has not left yet. */
static struct evbuffer *wire(struct conn *c)
{
	return bufferevent_get_output(c->bev);
}

/* Send what stands in c->out. */
static void flush(struct conn *c)
{
	if (c->tls)
		tls_write(c->tls, c->out, wire(c));
}

/* Fill c->in as far as there is room. */
static void take(struct conn *c)
{
	if (c->tls && !c->said_bye &&
	    tls_read(c->tls, bufferevent_get_input(c->bev), c->in, c->in_max, wire(c)) > TLS_OPEN)
		c->said_bye = true;
}

static void limit_input(struct conn *c, size_t max)
{
	c->in_max = max;
	bufferevent_setwatermark(c->bev, EV_READ, 0, c->tls ? WIRE_MAX : max);
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
static void linger(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->tls)
		tls_bye(c->tls, wire(c));
	enter(c, CONN_LINGER, evbuffer_get_length(wire(c)) ? WRITE_STALL_S * 1000 : LINGER_MS);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (evbuffer_get_length(wire(c)) == 0)
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void refuse_for(struct conn *c, int status, int wait_s, const struct error *err)
{
	log_debug("conn", "%s %s refused with %d", c->request.method,
		  c->request.path ? c->request.path : "?", status);
	c->front->counters.refused++;
	c->style.keep_alive = false;
	reply_problem(c->out, c->style, status, wait_s, err);
	flush(c);
	linger(c);
}

static void refuse(struct conn *c, int status, const struct error *err)
{
	refuse_for(c, status, status == 503, err);
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
	flush(c);
	if (!c->style.keep_alive || c->eof || c->said_bye) {
		linger(c);
		return;
	}
	http_request_fini(&c->request);
	c->scanned = 0;
	enter(c, CONN_HEAD, c->front->options.idle_ms);
	proceed(c);
}

static json_t *peer_json(const struct conn_peer *peer)
{
	json_t *out;

	if (peer->door == DOOR_BOOT)
		return json_pack("{s:s,s:s}", "kind", "boot", "address", peer->address);
	if (peer->door == DOOR_TLS) {
		out = json_pack("{s:s,s:s}", "kind", "tls", "address", peer->address);
		if (peer->subject)
			json_object_set_new(out, "subject", json_string(peer->subject));
		return out;
	}
	return json_pack("{s:s,s:I,s:I,s:I}", "kind", "unix", "uid", (json_int_t)peer->uid, "gid",
			 (json_int_t)peer->gid, "pid", (json_int_t)peer->pid);
}

static json_t *by_door(const uint64_t n[DOOR_COUNT])
{
	return json_pack("{s:I,s:I,s:I}", "unix", (json_int_t)n[DOOR_UNIX], "boot", (json_int_t)n[DOOR_BOOT], "tls",
			 (json_int_t)n[DOOR_TLS]);
}

/* Only we know these, and they are told when somebody asks the core for its metrics. */
static json_t *counters_json(const struct front *front)
{
	const struct front_counters *n = &front->counters;
	uint64_t open[DOOR_COUNT] = { 0 };
	int i;

	for (i = 0; i < FRONT_SLOTS; i++)
		if (front->slots[i])
			open[front->slots[i]->peer.door]++;
	return json_pack("{s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "open", by_door(open), "accepted",
			 by_door(n->accepted), "turned_away", by_door(n->turned_away), "handshakes",
			 (json_int_t)n->handshakes, "handshakes_failed", (json_int_t)n->handshakes_failed, "requests",
			 (json_int_t)n->requests, "refused", (json_int_t)n->refused, "braked", (json_int_t)n->braked,
			 "late", (json_int_t)n->late, "cut", (json_int_t)n->cut, "certificate_not_after",
			 (json_int_t)(front->tls ? tls_not_after(front->tls) : 0));
}

/* Hand a request with what stands in its head and @body (taken over, may be NULL) to the core. */
static void send_frame(struct conn *c, const char *method, const char *path, json_t *query, json_t *body)
{
	uint64_t id = ++c->front->last_request << SLOT_BITS | c->slot;
	struct error err = { 0 };
	json_t *frame;
	int rc;

	c->is_known = true;
	c->front->counters.requests++;
	frame = json_pack("{s:I,s:s,s:s,s:O,s:O,s:o,s:o}", "id", (json_int_t)id, "method",
			  method, "path", path, "query", query,
			  "headers", c->request.headers, "body", body ? body : json_null(), "peer",
			  peer_json(&c->peer));
	if (!strcmp(path, "/metrics"))
		json_object_set_new(frame, "front", counters_json(c->front));
	rc = link_send(c->front->link, frame, &err);
	json_decref(frame);
	if (rc) {
		refuse(c, error_http(err.code), &err);
		return;
	}
	c->id = id;
	enter(c, CONN_WAIT, c->front->options.answer_ms);
}

static void send_to_core(struct conn *c, json_t *body)
{
	send_frame(c, c->request.method, c->request.path, c->request.query, body);
}

/* A stranger does not get megabytes into two processes: what it showed must be good before its body is read. */
static void ask_who(struct conn *c)
{
	json_t *none = json_object();

	c->asking = true;
	send_frame(c, "GET", "/v1/whoami", none, NULL);
	json_decref(none);
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
		refuse(c, 400, &err);
		return;
	}
	limit_input(c, FRONT_HEAD_MAX);
	send_to_core(c, body);
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

static void read_body(struct conn *c)
{
	if (c->request.expects_continue)
		evbuffer_add_printf(c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	flush(c);
	limit_input(c, c->request.length);
	enter(c, CONN_BODY, c->front->options.body_ms);
	take(c);
	try_body(c);
}

static void begin_body(struct conn *c)
{
	if (!is_welcome(c))
		return;
	if (c->request.length == 0)
		send_to_core(c, NULL);
	else if (c->peer.door == DOOR_TLS && c->request.length > FRONT_STRANGER_MAX)
		ask_who(c);
	else
		read_body(c);
}

static void try_head(struct conn *c)
{
	struct evbuffer *in = c->in;
	size_t have = evbuffer_get_length(in);
	struct error err = { 0 };
	int status = 400, rc;
	char *bytes;
	ssize_t n;

	if (evbuffer_get_length(wire(c)) > FRONT_STREAM_MAX)
		return; /* it asks on without reading: later, see on_written() */
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

/* Read on, in the state that we are in. */
static void proceed(struct conn *c)
{
	take(c);
	if (c->state == CONN_HEAD && evbuffer_get_length(c->in))
		try_head(c);
	else if (c->state == CONN_BODY)
		try_body(c);
	if (c->said_bye && (c->state == CONN_HEAD || c->state == CONN_BODY))
		linger(c); /* the rest of it will not come */
}

static void shake(struct conn *c)
{
	enum tls_state state =
		tls_read(c->tls, bufferevent_get_input(c->bev), c->in, FRONT_HEAD_MAX, wire(c));

	if (state == TLS_OPEN) {
		c->front->counters.handshakes++;
		if (tls_subject(c->tls)[0])
			c->peer.subject = tls_subject(c->tls);
		enter(c, CONN_HEAD, c->front->options.head_ms);
		proceed(c);
	} else if (state != TLS_SHAKING) {
		c->front->counters.handshakes_failed++;
		log_debug("conn", "no TLS with %s: %s", c->peer.address, tls_complaint(c->tls));
		linger(c);
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
		take(c);
		if (evbuffer_get_length(c->in) || c->said_bye)
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
		enter(c, CONN_LINGER, LINGER_MS);
		if (c->eof)
			destroy(c);
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
	     (c->state == CONN_LINGER && evbuffer_get_length(wire(c))))) {
		c->eof = true;
		bufferevent_disable(bev, EV_READ);
		return;
	}
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	c->front->counters.cut += (what & BEV_EVENT_TIMEOUT) != 0;
	c->front->counters.handshakes_failed += c->state == CONN_SHAKE;
	destroy(c);
}

/* Middle boxes forget a silent connection, and readers cannot tell it from one that died. */
static void beat(struct conn *c)
{
	reply_stream_chunk(c->out, c->style, ":\n\n", 3);
	flush(c);
	enter(c, CONN_STREAM, HEARTBEAT_MS);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_SHAKE:
		c->front->counters.handshakes_failed++;
		destroy(c);
		break;
	case CONN_HEAD:
		c->front->counters.late += !c->is_known || c->scanned;
		if (c->scanned == 0) {
			destroy(c);
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
		destroy(c);
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
	c->out = wire(c);
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
		enter(c, CONN_SHAKE, front->options.shake_ms);
	else
		enter(c, CONN_HEAD, front->options.head_ms);
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
		destroy(oldest);
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

static void on_chunk(struct conn *c, const json_t *frame)
{
	json_t *chunk = json_object_get(frame, "chunk");

	c->tell |= json_bool(frame, "tell", false);
	if (json_is_string(chunk))
		reply_stream_chunk(c->out, c->style, json_string_value(chunk),
				   json_string_length(chunk));
	flush(c);
	if (evbuffer_get_length(wire(c)) > FRONT_STREAM_MAX) {
		c->front->counters.cut++;
		log_warn("conn", "a reader of %s does not keep up and is cut off", c->request.path);
		destroy(c);
		return;
	}
	if (json_bool(frame, "end", false)) {
		c->tell = false;
		reply_stream_end(c->out, c->style);
		c->style.keep_alive = c->style.keep_alive && !c->style.http10;
		finish_answer(c);
	}
}

static void on_answer(struct conn *c, const json_t *frame)
{
	int status = (int)json_int(frame, "status", 0);
	bool asked = c->asking;

	c->asking = false;
	if (asked && status == 200) {
		c->id = 0;
		read_body(c);
		if (c->said_bye && c->state == CONN_BODY)
			linger(c); /* the rest of it will not come */
		return;
	}
	if (asked)
		c->style.keep_alive = false; /* the body is not read */
	log_debug("conn", "%s %s answered with %d", c->request.method, c->request.path, status);
	if (status == 401 && c->peer.door == DOOR_TLS)
		brake_count(c->front->brake, c->peer.source, clock_mono_ms());
	reply_whole(c->out, c->style, frame);
	finish_answer(c);
}

void conn_on_frame(struct front *front, const json_t *frame)
{
	uint64_t id = (uint64_t)json_int(frame, "id", 0);
	struct conn *c = front->slots[id & (FRONT_SLOTS - 1)];
	bool opens = json_bool(frame, "stream", false);

	if (!id || !c || c->id != id) {
		if (opens)
			link_send_about(front->link, id, "closed");
		return; /* the client has gone, or has been told that it took too long */
	}
	if (opens && c->state != CONN_STREAM)
		take(c);
	if (c->state == CONN_STREAM) {
		on_chunk(c, frame);
	} else if (opens && (c->eof || c->said_bye || evbuffer_get_length(c->in))) {
		link_send_about(front->link, id, "closed");
		destroy(c);
	} else if (opens) {
		if (c->style.http10)
			c->style.keep_alive = false;
		reply_stream_begin(c->out, c->style, frame);
		flush(c);
		enter(c, CONN_STREAM, !strcmp(json_str(frame, "type", ""), "text/event-stream") ? HEARTBEAT_MS : 0);
	} else {
		on_answer(c, frame);
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
			reply_problem(c->out, c->style, 503, 1, &err);
			flush(c);
		}
		if (c->tls)
			tls_bye(c->tls, wire(c));
		if (evbuffer_get_length(wire(c))) {
			/* Out of the socket buffer's hands or not at all: nobody runs the loop any
			 * more. */
			bufferevent_disable(c->bev, EV_WRITE);
			evbuffer_unfreeze(wire(c), 1);
			evbuffer_write(wire(c), bufferevent_getfd(c->bev));
		}
		destroy(c);
	}
}
