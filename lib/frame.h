/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames between Recast's processes: one JSON object per line, UTF-8, ended by one LF, never larger
 * than FRAME_MAX bytes.  This is the pure part: bytes go in, frames come out.  Who owns the descriptor
 * (libevent in the core, blocking reads in a driver) is not its business.
 */
#ifndef RECAST_FRAME_H
#define RECAST_FRAME_H

#include "error.h"
#include "text.h"

#include <jansson.h>
#include <stddef.h>

enum { FRAME_MAX = 16 * 1024 * 1024 };

/* Reassembles frames from a byte stream.  Zero-initialise. */
struct frame_reader {
	struct text buffer;
	size_t taken;	/* bytes of buffer already handed out */
	size_t scanned; /* bytes already searched for the LF */
};

/* Add bytes that arrived. */
void frame_feed(struct frame_reader *r, const char *bytes, size_t len);

/* The next whole frame: 1 and a new reference in *out; 0 when more bytes are needed; -1 when the
 * stream is broken (frame too large, not an object, NUL byte): give the peer up. */
int frame_next(struct frame_reader *r, json_t **out, struct error *err);

void frame_fini(struct frame_reader *r);

/* The bytes of one frame with its LF, to be freed by the caller. */
char *frame_encode(const json_t *object, size_t *len);

#endif
