/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a command line sends (drivers/transport/screen.c): the same text in whatever pieces it comes, never more than its limit,
 * and a prompt that is found is one.
 */
#include "fuzz.h"

#include "screen.h"

FUZZ_TARGET

static void check_state(const struct screen *s)
{
	fuzz_assert(s->line <= s->cursor && s->cursor <= s->text.len && s->text.len <= SCREEN_MAX);
	fuzz_assert(!s->text.data || (s->text.data[s->text.len] == '\0' && strlen(s->text.data) == s->text.len));
}

static void check_end(const char *text, size_t len)
{
	size_t prompt = screen_prompt(text, len, "mds1");

	fuzz_assert(prompt <= len);
	if (!prompt)
		return;
	fuzz_assert(!memcmp(text + len - prompt, "mds1", 4) && (prompt == len || text[len - prompt - 1] == '\n'));
	fuzz_assert(screen_end(text, len, "mds1") == SCREEN_PROMPT);
	fuzz_assert(screen_prompt(text, len, NULL));
}

static void fuzz(const char *bytes, size_t len)
{
	struct screen whole = { 0 }, pieces = { 0 };
	size_t i, n;

	screen_feed(&whole, bytes, len);
	check_state(&whole);
	for (i = 0; i < len; i += n) {
		n = 1 + (unsigned char)bytes[i] % 7;
		n = n < len - i ? n : len - i;
		screen_feed(&pieces, bytes + i, n);
		check_state(&pieces);
	}
	fuzz_assert(whole.text.len == pieces.text.len && whole.line == pieces.line && whole.cursor == pieces.cursor);
	fuzz_assert(!whole.text.len || !memcmp(whole.text.data, pieces.text.data, whole.text.len));
	check_end(whole.text.data ? whole.text.data : "", whole.text.len);
	screen_clear_line(&whole);
	check_state(&whole);
	screen_fini(&whole);
	screen_fini(&pieces);
}
