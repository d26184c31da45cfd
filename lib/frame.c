/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames: one JSON object per line.  See frame.h.
 */
#include "frame.h"

#include "arena.h"
#include "json.h"

#include <string.h>

void frame_feed(struct frame_reader *r, const char *bytes, size_t len)
{
	if (r->taken == r->buffer.len) {
		r->buffer.len = r->taken = r->scanned = 0;
	} else if (r->taken > 65536 && r->taken > r->buffer.len / 2) {
		memmove(r->buffer.data, r->buffer.data + r->taken, r->buffer.len - r->taken);
		r->buffer.len -= r->taken;
		r->scanned -= r->taken;
		r->taken = 0;
	}
	text_append_len(&r->buffer, bytes, len);
}

int frame_next(struct frame_reader *r, json_t **out, struct error *err)
{
	const char *start = r->buffer.data + r->taken;
	const char *end;
	size_t len;

	if (r->taken == r->buffer.len)
		return 0;
	end = memchr(r->buffer.data + r->scanned, '\n', r->buffer.len - r->scanned);
	if (!end) {
		r->scanned = r->buffer.len;
		if (r->buffer.len - r->taken > FRAME_MAX)
			return error_set(err, ERROR_PROTOCOL, "a frame is larger than %d bytes", FRAME_MAX);
		return 0;
	}
	len = (size_t)(end - start);
	r->taken = r->scanned = (size_t)(end + 1 - r->buffer.data);
	if (len > FRAME_MAX)
		return error_set(err, ERROR_PROTOCOL, "a frame is larger than %d bytes", FRAME_MAX);
	*out = json_decode(start, len, err);
	if (*out && !json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		error_set(err, ERROR_PROTOCOL, "not a JSON object");
	}
	if (!*out)
		return error_wrap(err, "broken frame");
	return 1;
}

void frame_fini(struct frame_reader *r)
{
	text_fini(&r->buffer);
	*r = (struct frame_reader){ 0 };
}

char *frame_encode(const json_t *object, size_t *len)
{
	size_t n = json_dumpb(object, NULL, 0, JSON_COMPACT);
	char *out = xrealloc(NULL, n + 1);

	json_dumpb(object, out, n, JSON_COMPACT);
	out[n] = '\n';
	*len = n + 1;
	return out;
}
