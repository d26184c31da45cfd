/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/frame: one JSON object per line, however the bytes arrive.
 */
#include "unit.h"

#include "arena.h"
#include "frame.h"
#include "json.h"

static void feed(struct frame_reader *r, const char *s)
{
	frame_feed(r, s, strlen(s));
}

static int next_n(struct frame_reader *r)
{
	struct error err = { 0 };
	json_t *out = NULL;
	int n;

	if (frame_next(r, &out, &err) != 1)
		return -1;
	n = (int)json_int(out, "n", -2);
	json_decref(out);
	return n;
}

TEST(reads_a_frame_that_comes_byte_by_byte)
{
	static const char bytes[] = "{\"n\": 1, \"t\": \"\xe2\x82\xac\"}\n{\"n\":2}\n";
	struct frame_reader r = { 0 };
	json_t *out = NULL;
	int seen = 0;
	size_t i;

	for (i = 0; i < sizeof(bytes) - 1; i++) {
		frame_feed(&r, bytes + i, 1);
		if (bytes[i] != '\n') {
			assert_int_equal(frame_next(&r, &out, NULL), 0);
			continue;
		}
		assert_int_equal(next_n(&r), ++seen);
	}
	assert_int_equal(seen, 2);
	frame_fini(&r);
}

TEST(reads_many_frames_of_one_feed_in_order)
{
	struct frame_reader r = { 0 };
	struct text t = { 0 };
	json_t *out = NULL;
	int i;

	for (i = 0; i < 500; i++)
		text_printf(&t, "{\"n\":%d}\n", i);
	text_append(&t, "{\"n\":50");
	frame_feed(&r, t.data, t.len);
	for (i = 0; i < 500; i++)
		assert_int_equal(next_n(&r), i);
	assert_int_equal(frame_next(&r, &out, NULL), 0);
	feed(&r, "0}\n");
	assert_int_equal(next_n(&r), 500);
	assert_int_equal(frame_next(&r, &out, NULL), 0);
	text_fini(&t);
	frame_fini(&r);
}

TEST(needs_bytes_before_it_can_say_anything)
{
	struct frame_reader r = { 0 };
	json_t *out = NULL;

	assert_int_equal(frame_next(&r, &out, NULL), 0);
	feed(&r, "");
	assert_int_equal(frame_next(&r, &out, NULL), 0);
	frame_fini(&r);
}

/* A stream that is always one frame behind never gets rid of its head unless it is compacted. */
TEST(does_not_grow_with_the_length_of_the_stream)
{
	struct frame_reader r = { 0 };
	char frame[1100];
	int i, n;

	feed(&r, "{\"n\":0,");
	for (i = 0; i < 20000; i++) {
		n = snprintf(frame, sizeof(frame), "\"pad\":\"%0900d\"}\n{\"n\":%d,", 0, i + 1);
		frame_feed(&r, frame, (size_t)n);
		assert_int_equal(next_n(&r), i);
	}
	assert_true(r.buffer.size < 1024 * 1024);
	frame_fini(&r);
}

static void refused(const char *bytes, size_t len, const char *why)
{
	struct frame_reader r = { 0 };
	struct error err = { 0 };
	json_t *out = NULL;

	frame_feed(&r, bytes, len);
	assert_int_equal(frame_next(&r, &out, &err), -1);
	assert_null(out);
	assert_contains(err.text, why);
	frame_fini(&r);
}

TEST(gives_up_on_garbage)
{
	refused("hello\n", 6, "broken frame");
	refused("\n", 1, "broken frame");
	refused("[1]\n", 4, "not a JSON object");
	refused("{\"a\":1}{\"b\":2}\n", 15, "broken frame");
	refused("{\"a\":\0}\n", 8, "NUL");
	refused("{\"a\":\"\xff\xfe\"}\n", 11, "broken frame");
	refused("{\"a\":1,\"a\":2}\n", 14, "duplicate");
	refused("\x16\x03\x01\x02\n", 5, "broken frame");
}

TEST(takes_a_frame_of_the_limit_and_refuses_a_larger_one)
{
	size_t size = FRAME_MAX + 2;
	struct frame_reader r = { 0 };
	struct error err = { 0 };
	json_t *out = NULL;
	char *big = xrealloc(NULL, size);

	memset(big, ' ', size);
	memcpy(big, "{\"n\":3}", 7);
	big[FRAME_MAX] = '\n';
	frame_feed(&r, big, FRAME_MAX + 1);
	assert_int_equal(next_n(&r), 3);
	frame_fini(&r);
	big[FRAME_MAX] = ' ';
	big[FRAME_MAX + 1] = '\n';
	frame_feed(&r, big, FRAME_MAX + 2);
	assert_int_equal(frame_next(&r, &out, &err), -1);
	assert_int_equal(err.code, ERROR_PROTOCOL);
	assert_contains(err.text, "larger than");
	frame_fini(&r);
	free(big);
}

TEST(refuses_a_giant_frame_before_it_has_ended)
{
	size_t chunk = 1024 * 1024, i;
	struct frame_reader r = { 0 };
	struct error err = { 0 };
	char *big = xrealloc(NULL, chunk);
	json_t *out = NULL;
	int rc = 0;

	memset(big, 'x', chunk);
	for (i = 0; i < 20 && rc == 0; i++) {
		frame_feed(&r, big, chunk);
		rc = frame_next(&r, &out, &err);
	}
	assert_int_equal(rc, -1);
	assert_int_equal(i, 17);
	assert_contains(err.text, "larger than");
	frame_fini(&r);
	free(big);
}

TEST(encodes_one_line_that_it_can_read_again)
{
	json_t *o = json_pack("{s:i, s:s}", "n", 4, "t", "two\nlines"), *back = NULL;
	struct frame_reader r = { 0 };
	size_t len;
	char *bytes = frame_encode(o, &len);

	assert_int_equal(bytes[len - 1], '\n');
	assert_ptr_equal(memchr(bytes, '\n', len), bytes + len - 1);
	frame_feed(&r, bytes, len);
	assert_int_equal(frame_next(&r, &back, NULL), 1);
	assert_true(json_equal(o, back));
	json_decref(o);
	json_decref(back);
	free(bytes);
	frame_fini(&r);
}

UNIT_MAIN(T(reads_a_frame_that_comes_byte_by_byte), T(reads_many_frames_of_one_feed_in_order),
	  T(needs_bytes_before_it_can_say_anything), T(does_not_grow_with_the_length_of_the_stream),
	  T(gives_up_on_garbage), T(takes_a_frame_of_the_limit_and_refuses_a_larger_one),
	  T(refuses_a_giant_frame_before_it_has_ended), T(encodes_one_line_that_it_can_read_again))
