/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames (lib/frame.c) and strict JSON (lib/json.c): the same frames come out however the bytes are cut, and what was
 * read is written and read again as the same.
 */
#include "fuzz.h"

#include "frame.h"

FUZZ_TARGET

struct digest {
	int frames, rc;
	char hash[JSON_HASH_TEXT];
};

static void check_frame(const json_t *frame)
{
	size_t len;
	char *text;
	json_t *again;

	fuzz_assert(json_is_object(frame));
	fuzz_check_json(frame);
	text = frame_encode(frame, &len);
	fuzz_assert(len && memchr(text, '\n', len) == text + len - 1);
	again = json_decode(text, len - 1, NULL);
	fuzz_assert(json_equal(frame, again));
	json_decref(again);
	free(text);
}

/* All frames up to the first fault, fed @step bytes at a time. */
static struct digest take(const char *bytes, size_t len, size_t step)
{
	struct frame_reader reader = { 0 };
	struct digest d = { 0 };
	struct error err = { 0 };
	size_t at, n;
	json_t *frame;

	for (at = 0; at < len && d.rc >= 0; at += n) {
		n = len - at < step ? len - at : step;
		frame_feed(&reader, bytes + at, n);
		while ((d.rc = frame_next(&reader, &frame, &err)) > 0) {
			d.frames++;
			check_frame(frame);
			json_hash(frame, d.hash);
			json_decref(frame);
		}
	}
	if (d.rc < 0)
		fuzz_check_error(&err);
	frame_fini(&reader);
	return d;
}

static void fuzz(const char *bytes, size_t len)
{
	struct digest whole = take(bytes, len, len + 1), pieces = take(bytes, len, 1 + len / 5);

	fuzz_assert(whole.frames == pieces.frames && whole.rc == pieces.rc && !strcmp(whole.hash, pieces.hash));
}
