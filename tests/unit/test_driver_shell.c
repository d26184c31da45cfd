/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drivers/transport/screen.c and shell.c: what a command line shows, in whatever pieces it comes, and a dialogue with one that
 * is played from a script.
 */
#include "clock.h"
#include "screen.h"
#include "shell.h"
#include "stream_kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *shown(const char *bytes, size_t len, size_t cut)
{
	struct screen s = { 0 };
	char *text;

	if (cut)
		screen_feed(&s, bytes, cut);
	screen_feed(&s, bytes + cut, len - cut);
	text = strdup(s.text.data ? s.text.data : "");
	screen_fini(&s);
	return text;
}

static void assert_shown(const char *bytes, const char *expected)
{
	size_t len = strlen(bytes), cut;

	for (cut = 0; cut < len; cut++) {
		char *text = shown(bytes, len, cut);

		assert_string_equal(text, expected);
		free(text);
	}
}

static void text_is_what_a_terminal_shows_in_whatever_pieces_it_comes(void **state)
{
	(void)state;
	assert_shown("a\r\nb\r\n", "a\nb\n");
	assert_shown("\033[1;31mred\033[0m text\r\n", "red text\n");
	assert_shown("--More--\r        \rline\r\n", "line    \n");
	assert_shown("--More--\b\b\b\b\b\b\b\b\033[Kline", "line");
	assert_shown("--More--\r\033[Kline", "line");
	assert_shown("abc\r\033[2Kx", "x");
	assert_shown("\033]0;title\007x\033]0;t\033\\y", "xy");
	assert_shown("\033(Bx\033=y\033[?1hz", "xyz");
	assert_shown("abc\033[2DX\033[CY\033[1GZ", "ZXcY");
	assert_shown("\b\b\033[99D\033[99Cok\033[99999999999999999999Dx", "xk");
	assert_shown("bell\a nul tab\t.", "bell nul tab\t.");
}

static void a_terminal_has_a_last_byte(void **state)
{
	struct screen s = { 0 };
	char block[4096];
	size_t i;

	(void)state;
	memset(block, 'x', sizeof(block));
	for (i = 0; i < SCREEN_MAX / sizeof(block); i++)
		screen_feed(&s, block, sizeof(block));
	assert_false(s.full);
	screen_feed(&s, "y\n", 2);
	assert_true(s.full);
	assert_int_equal(s.text.len, SCREEN_MAX);
	screen_clear(&s);
	screen_feed(&s, "z", 1);
	assert_string_equal(s.text.data, "z");
	screen_fini(&s);
}

static enum screen_end end_of(const char *text, const char *host)
{
	return screen_end(text, strlen(text), host);
}

static void prompts_pagers_and_questions_are_told_from_text(void **state)
{
	(void)state;
	assert_int_equal(end_of("x\nmds1# ", "mds1"), SCREEN_PROMPT);
	assert_int_equal(end_of("mds1(config-zone)# ", "mds1"), SCREEN_PROMPT);
	assert_int_equal(end_of("mds1>", NULL), SCREEN_PROMPT);
	assert_int_equal(end_of("welcome to mds1# ", "mds1"), SCREEN_MORE_TO_COME);
	assert_int_equal(end_of("mds1# show", "mds1"), SCREEN_MORE_TO_COME);
	assert_int_equal(end_of("mds2# ", "mds1"), SCREEN_MORE_TO_COME);
	assert_int_equal(end_of("mds1)# ", "mds1"), SCREEN_MORE_TO_COME);
	assert_int_equal(end_of("# ", NULL), SCREEN_MORE_TO_COME);
	assert_int_equal(end_of("x\n--More--", "mds1"), SCREEN_PAGER);
	assert_int_equal(end_of("x\n--More-- ", "mds1"), SCREEN_PAGER);
	assert_int_equal(end_of("x\n--More--\n", "mds1"), SCREEN_MORE_TO_COME);
	assert_int_equal(end_of("Do you want to continue? (y/n) [n] ", "mds1"), SCREEN_QUESTION);
	assert_int_equal(end_of("sure (yes/no)?", "mds1"), SCREEN_QUESTION);
	assert_int_equal(end_of("", "mds1"), SCREEN_MORE_TO_COME);
}

/* A device that says its next piece when it is listened to, and remembers what was typed. */
struct script {
	struct stream s;
	const char *const *pieces;
	char heard[512];
};

static ssize_t script_send(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err)
{
	struct script *script = (struct script *)s;

	(void)deadline_ms;
	(void)err;
	strncat(script->heard, bytes, len);
	return (ssize_t)len;
}

static ssize_t script_recv(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err)
{
	struct script *script = (struct script *)s;
	const char *piece = *script->pieces;

	(void)deadline_ms;
	(void)err;
	if (!piece)
		return 0;
	script->pieces++;
	assert_true(strlen(piece) <= size);
	memcpy(bytes, piece, strlen(piece));
	return (ssize_t)strlen(piece);
}

static void script_close(struct stream *s)
{
	(void)s;
}

static const struct stream_ops script_ops = { .send = script_send, .recv = script_recv, .close = script_close };

static struct shell *open_script(struct script *script, const char *const *pieces)
{
	struct error err = { 0 };
	struct shell *sh;

	*script = (struct script){ .s = { .ops = &script_ops, .fd = -1 }, .pieces = pieces };
	sh = shell_open(&script->s, clock_mono_ms() + 1000, &err);
	assert_non_null(sh);
	script->heard[0] = '\0';
	return sh;
}

#define HELLO "Banner with a # \r\nnot-me# ", "\r\nCopyright\r\n", "mds1# ", "\r\nmds1# "

static void a_banner_that_looks_like_a_prompt_is_none(void **state)
{
	static const char *const pieces[] = { HELLO, NULL };
	struct script script;
	struct shell *sh = open_script(&script, pieces);

	(void)state;
	assert_string_equal(shell_host(sh), "mds1");
	shell_close(sh);
}

static void output_is_whole_although_the_prompt_stands_in_its_midst(void **state)
{
	static const char *const pieces[] = { HELLO, "sho", "w x\r\none\r\nmds1# ", "\r\ntwo\r\n", "mds1# ", "\r\n", "mds1# ", NULL };
	struct script script;
	struct shell *sh = open_script(&script, pieces);
	char *out = shell_run(sh, &(struct shell_command){ .line = "show x", .prove = true }, clock_mono_ms() + 1000, NULL);

	(void)state;
	assert_non_null(out);
	assert_string_equal(out, "one\nmds1# \ntwo\n");
	assert_string_equal(script.heard, "show x\n\n");
	free(out);
	shell_close(sh);
}

static void a_pager_is_turned_and_an_empty_line_that_it_took_is_typed_again(void **state)
{
	static const char *const pieces[] = { HELLO, "show x\r\none\r\nmds1# ", "\r\n--More--", "\r        \rtwo\r\nmds1# ",
					      "\r\nmds1# ", NULL };
	struct script script;
	struct shell *sh = open_script(&script, pieces);
	char *out = shell_run(sh, &(struct shell_command){ .line = "show x", .prove = true }, clock_mono_ms() + 1000, NULL);

	(void)state;
	assert_non_null(out);
	assert_true(strstr(out, "two") && !strstr(out, "More"));
	assert_string_equal(script.heard, "show x\n\n \n");
	free(out);
	shell_close(sh);
}

static void questions_are_answered_when_there_is_an_answer(void **state)
{
	static const char *const pieces[] = { HELLO,  "reload\r\nSure? (y/n) [n] ", "y\r\nok\r\nmds1# ", "reload\r\nSure? (y/n) [n] ",
					      NULL };
	struct error err = { 0 };
	struct script script;
	struct shell *sh = open_script(&script, pieces);
	char *out = shell_run(sh, &(struct shell_command){ .line = "reload", .answer = "y" }, clock_mono_ms() + 1000, NULL);

	(void)state;
	assert_non_null(out);
	assert_true(strstr(out, "ok"));
	free(out);
	assert_null(shell_run(sh, &(struct shell_command){ .line = "reload" }, clock_mono_ms() + 1000, &err));
	assert_int_equal(err.code, ERROR_PROTOCOL);
	shell_close(sh);
}

static void a_connection_that_ends_says_what_was_typed(void **state)
{
	static const char *const pieces[] = { HELLO, "zone commit vsan 10\r\n", NULL };
	struct error err = { 0 };
	struct script script;
	struct shell *sh = open_script(&script, pieces);

	(void)state;
	assert_null(shell_run(sh, &(struct shell_command){ .line = "zone commit vsan 10" }, clock_mono_ms() + 1000, &err));
	assert_int_equal(err.code, ERROR_UNREACHABLE);
	assert_non_null(strstr(err.text, "zone commit vsan 10"));
	shell_close(sh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_what_a_terminal_shows_in_whatever_pieces_it_comes),
		cmocka_unit_test(a_terminal_has_a_last_byte),
		cmocka_unit_test(prompts_pagers_and_questions_are_told_from_text),
		cmocka_unit_test(a_banner_that_looks_like_a_prompt_is_none),
		cmocka_unit_test(output_is_whole_although_the_prompt_stands_in_its_midst),
		cmocka_unit_test(a_pager_is_turned_and_an_empty_line_that_it_took_is_typed_again),
		cmocka_unit_test(questions_are_answered_when_there_is_an_answer),
		cmocka_unit_test(a_connection_that_ends_says_what_was_typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
