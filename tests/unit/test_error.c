/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/error: the one error value and its table of codes.
 */
#include "unit.h"

#include "error.h"

TEST(is_filled_with_code_and_text)
{
	struct error err = { .hint = "old", .retry_after_ms = 5 };

	assert_int_equal(error_set(&err, ERROR_UNREACHABLE, "leaf%d does not answer", 1), -1);
	assert_int_equal(err.code, ERROR_UNREACHABLE);
	assert_true(err.retryable);
	assert_int_equal(err.retry_after_ms, 0);
	assert_string_equal(err.text, "leaf1 does not answer");
	assert_string_equal(err.hint, "");
	error_set(&err, ERROR_AUTH, "x");
	assert_false(err.retryable);
}

TEST(is_wrapped_with_context_in_front)
{
	struct error err = { 0 };

	error_set(&err, ERROR_REFUSED, "no such port");
	error_hint(&err, "create port %d", 7);
	assert_int_equal(error_wrap(&err, "switch %s", "leaf1"), -1);
	assert_int_equal(error_wrap(&err, "step 3"), -1);
	assert_string_equal(err.text, "step 3: switch leaf1: no such port");
	assert_string_equal(err.hint, "create port 7");
	assert_int_equal(err.code, ERROR_REFUSED);
}

TEST(is_utf8_whatever_went_into_it)
{
	struct error err = { 0 };
	char umlauts[601];
	int i;

	error_set(&err, ERROR_INVALID, "a\xff" "b\xc3");
	assert_string_equal(err.text, "a?b?");
	error_hint(&err, "\xed\xa0\x80");
	assert_string_equal(err.hint, "???");
	for (i = 0; i < 600; i += 2)
		memcpy(umlauts + i, "\xc3\xa4", 3);
	error_set(&err, ERROR_INVALID, "%s", umlauts); /* cut within a character */
	assert_string_equal(err.text + sizeof(err.text) - 4, "\xc3\xa4?");
	error_set(&err, ERROR_INVALID, "%.200s", umlauts);
	error_wrap(&err, "%.182s", umlauts);
	assert_string_equal(err.text + sizeof(err.text) - 4, "\xc3\xa4?");
}

TEST(cuts_texts_that_are_too_long)
{
	struct error err = { 0 };
	char huge[1000];
	int i;

	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	error_set(&err, ERROR_INTERNAL, "%s", huge);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	for (i = 0; i < 50; i++)
		error_wrap(&err, "%s", "a long way down");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_wrap(&err, "%s", huge);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_hint(&err, "%s", huge);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

TEST(may_be_null)
{
	assert_int_equal(error_set(NULL, ERROR_AUTH, "x"), -1);
	assert_int_equal(error_wrap(NULL, "x"), -1);
	assert_int_equal(error_hint(NULL, "x"), -1);
	error_clear(NULL);
}

TEST(is_forgotten)
{
	struct error err;

	error_set(&err, ERROR_AUTH, "x");
	error_clear(&err);
	assert_int_equal(err.code, ERROR_NONE);
	assert_string_equal(err.text, "");
}

TEST(has_a_whole_row_for_every_code)
{
	int i, k;

	for (i = ERROR_NONE + 1; i < ERROR_COUNT; i++) {
		enum error_code code = (enum error_code)i;

		assert_int_equal(error_by_name(error_name(code)), code);
		assert_in_range(error_http(code), 400, 599);
		assert_in_set((unsigned long)error_exit(code),
			      ((const unsigned long[]){ 1, 2, 3, 4, 5, 6, 7, 8, 124 }), 9);
		assert_contains(error_meaning(code), ".");
		assert_contains(error_advice(code), ".");
		for (k = 1; k < i; k++)
			assert_string_not_equal(error_name(code), error_name((enum error_code)k));
	}
}

TEST(takes_an_unknown_code_for_internal)
{
	assert_int_equal(error_by_name("no-such-code"), ERROR_INTERNAL);
	assert_int_equal(error_by_name(NULL), ERROR_INTERNAL);
	assert_string_equal(error_name((enum error_code)999), "internal");
	assert_int_equal(error_http((enum error_code)999), 500);
}

TEST(retries_only_what_may_pass)
{
	static const enum error_code retryable[] = { ERROR_UNREACHABLE, ERROR_PROTOCOL, ERROR_BUSY,
							ERROR_SUPERSEDED, ERROR_TIMEOUT };
	size_t i, n = 0;

	for (i = 0; i < ERROR_COUNT; i++)
		n += error_is_retryable((enum error_code)i);
	assert_int_equal(n, COUNT(retryable));
	for (i = 0; i < COUNT(retryable); i++)
		assert_true(error_is_retryable(retryable[i]));
}

UNIT_MAIN(T(is_filled_with_code_and_text), T(is_wrapped_with_context_in_front), T(is_utf8_whatever_went_into_it),
	  T(cuts_texts_that_are_too_long),
	  T(may_be_null), T(is_forgotten), T(has_a_whole_row_for_every_code), T(takes_an_unknown_code_for_internal),
	  T(retries_only_what_may_pass))
