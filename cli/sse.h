/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Takes a stream of server-sent events apart.  Pure: bytes in, events out.
 */
#ifndef RECAST_CLI_SSE_H
#define RECAST_CLI_SSE_H

#include "text.h"

#include <stddef.h>
#include <stdint.h>

/* One event; the strings live until the function returns. */
typedef void (*sse_fn)(void *arg, int64_t id, const char *event, const char *data);

/* Zero-initialise, free with sse_fini(). */
struct sse {
	struct text line, data;
	char event[32];
	int64_t id; /* of the last event seen; what Last-Event-ID is set to */
};

void sse_feed(struct sse *s, const char *bytes, size_t len, sse_fn fn, void *arg);

/* Forget what is half read (the stream broke), but not the id. */
void sse_reset(struct sse *s);
void sse_fini(struct sse *s);

#endif
