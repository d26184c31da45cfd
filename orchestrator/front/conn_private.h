/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to connections: conn.c has their states and what the client says, conn_core.c what goes to the core and what
 * comes back from it.
 */
#ifndef RECAST_FRONT_CONN_PRIVATE_H
#define RECAST_FRONT_CONN_PRIVATE_H

#include "conn.h"
#include "http.h"
#include "reply.h"
#include "tls.h"

#include "error.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

enum { HEARTBEAT_MS = 20000 };

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

/* conn.c */
struct evbuffer *conn_wire(struct conn *c); /* what has not left yet */
void conn_flush(struct conn *c);	    /* send what stands in c->out */
void conn_take(struct conn *c);		    /* fill c->in as far as there is room */
void conn_enter(struct conn *c, enum conn_state state, int64_t within_ms);
void conn_read_body(struct conn *c);
void conn_refuse(struct conn *c, int status, const struct error *err);
/* The answer is written: wait for the next request, or say goodbye. */
void conn_finish_answer(struct conn *c);
void conn_linger(struct conn *c);
void conn_destroy(struct conn *c);

/* conn_core.c: hand a request to the core, with a body that is taken over (may be NULL); or ask who that is first. */
void conn_send_to_core(struct conn *c, json_t *body);
void conn_ask_who(struct conn *c);

#endif
