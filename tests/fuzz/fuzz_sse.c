/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Streams of events as persona(1) reads them (cli/sse.c): the same events however the bytes are cut, and never more kept
 * than is allowed.
 */
#include "fuzz.h"

#include "sse.h"

FUZZ_TARGET

enum { KEPT_MAX = 8 * 1024 * 1024 };

struct seen {
	struct text text;
};

static void on_event(void *arg, int64_t id, const char *event, const char *data)
{
	struct seen *seen = arg;

	fuzz_assert(id >= 0 && event && strlen(event) < 32 && data && *data);
	text_printf(&seen->text, "%lld %s %s\n", (long long)id, event, data);
}

static void take(struct seen *seen, const char *bytes, size_t len, size_t step)
{
	struct sse s = { 0 };
	size_t n;

	text_append(&seen->text, "");
	for (; len; bytes += n, len -= n) {
		n = len < step ? len : step;
		sse_feed(&s, bytes, n, on_event, seen);
		fuzz_assert(s.line.len <= KEPT_MAX && s.data.len <= KEPT_MAX && s.id >= 0);
	}
	sse_reset(&s);
	sse_fini(&s);
}

static void fuzz(const char *bytes, size_t len)
{
	struct seen whole = { 0 }, pieces = { 0 };

	take(&whole, bytes, len, len);
	take(&pieces, bytes, len, 3);
	fuzz_assert(!strcmp(whole.text.data, pieces.text.data));
	text_fini(&whole.text);
	text_fini(&pieces.text);
}
