/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Writes HTTP answers into an evbuffer: whole ones, the beginning of a stream, its chunks and end,
 * and the problem bodies (RFC 9457) for what recast-front refuses by itself.  Knows no connection.
 */
#ifndef RECAST_FRONT_REPLY_H
#define RECAST_FRONT_REPLY_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>

struct evbuffer;

/* How the connection wants its answers framed. */
struct reply_style {
	bool http10; /* a stream is then ended by closing, not chunked */
	bool keep_alive;
};

/* The answer in @frame ({status, headers?, body | text + type}) with its length. */
void reply_whole(struct evbuffer *out, struct reply_style style, const json_t *frame);

/* The head of the stream that @frame ({status, headers?, type}) opens. */
void reply_stream_begin(struct evbuffer *out, struct reply_style style, const json_t *frame);
void reply_stream_chunk(struct evbuffer *out, struct reply_style style, const char *bytes,
			size_t len);
void reply_stream_end(struct evbuffer *out, struct reply_style style);

/* A problem body for @err under HTTP @status; with @wait_s the client is told to wait so many seconds. */
void reply_problem(struct evbuffer *out, struct reply_style style, int status, int wait_s,
		   const struct error *err);

#endif
