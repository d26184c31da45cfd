/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections and the core: requests as frames, and frames as answers and streams.  See conn_private.h.
 */
#include "conn_private.h"

#include "brake.h"
#include "clock.h"
#include "json.h"
#include "link.h"
#include "log.h"

#include <event2/buffer.h>
#include <string.h>

enum { SLOT_BITS = 11 };

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
		conn_refuse(c, error_http(err.code), &err);
		return;
	}
	c->id = id;
	conn_enter(c, CONN_WAIT, c->front->options.answer_ms);
}

void conn_send_to_core(struct conn *c, json_t *body)
{
	send_frame(c, c->request.method, c->request.path, c->request.query, body);
}

/* A stranger does not get megabytes into two processes: what it showed must be good before its body is read. */
void conn_ask_who(struct conn *c)
{
	json_t *none = json_object();

	c->asking = true;
	send_frame(c, "GET", "/v1/whoami", none, NULL);
	json_decref(none);
}

static void on_chunk(struct conn *c, const json_t *frame)
{
	json_t *chunk = json_object_get(frame, "chunk");

	c->tell |= json_bool(frame, "tell", false);
	if (json_is_string(chunk))
		reply_stream_chunk(c->out, c->style, json_string_value(chunk),
				   json_string_length(chunk));
	conn_flush(c);
	if (evbuffer_get_length(conn_wire(c)) > FRONT_STREAM_MAX) {
		c->front->counters.cut++;
		log_warn("conn", "a reader of %s does not keep up and is cut off", c->request.path);
		conn_destroy(c);
		return;
	}
	if (json_bool(frame, "end", false)) {
		c->tell = false;
		reply_stream_end(c->out, c->style);
		c->style.keep_alive = c->style.keep_alive && !c->style.http10;
		conn_finish_answer(c);
	}
}

static void on_answer(struct conn *c, const json_t *frame)
{
	int status = (int)json_int(frame, "status", 0);
	bool asked = c->asking;

	c->asking = false;
	if (asked && status == 200) {
		c->id = 0;
		conn_read_body(c);
		if (c->said_bye && c->state == CONN_BODY)
			conn_linger(c); /* the rest of it will not come */
		return;
	}
	if (asked)
		c->style.keep_alive = false; /* the body is not read */
	log_debug("conn", "%s %s answered with %d", c->request.method, c->request.path, status);
	if (status == 401 && c->peer.door == DOOR_TLS)
		brake_count(c->front->brake, c->peer.source, clock_mono_ms());
	reply_whole(c->out, c->style, frame);
	conn_finish_answer(c);
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
		conn_take(c);
	if (c->state == CONN_STREAM) {
		on_chunk(c, frame);
	} else if (opens && (c->eof || c->said_bye || evbuffer_get_length(c->in))) {
		link_send_about(front->link, id, "closed");
		conn_destroy(c);
	} else if (opens) {
		if (c->style.http10)
			c->style.keep_alive = false;
		reply_stream_begin(c->out, c->style, frame);
		conn_flush(c);
		conn_enter(c, CONN_STREAM, !strcmp(json_str(frame, "type", ""), "text/event-stream") ? HEARTBEAT_MS : 0);
	} else {
		on_answer(c, frame);
	}
}
