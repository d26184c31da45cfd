/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every unit test program includes first: cmocka with its headers, a table of tests whose names are
 * sentences, and assertions on text that show what was found.  A program covers one module and is named
 * test_MODULE; `run` in this folder prefixes each test with that name.
 */
#ifndef RECAST_UNIT_H
#define RECAST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(name) static void name(void **unit_state __attribute__((unused)))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The main function: UNIT_MAIN(cmocka_unit_test(a), cmocka_unit_test(b)) */
#define UNIT_MAIN(...)                                                        \
	int main(void)                                                        \
	{                                                                     \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };            \
		setvbuf(stdout, NULL, _IOLBF, 0); /* a crash loses no line */ \
		return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;     \
	}
#define T(name) cmocka_unit_test(name)

static inline void unit_contains(const char *text, const char *part, const char *file, int line)
{
	if (!text || !strstr(text, part)) {
		printf("\"%s\" is not in \"%s\"\n", part, text ? text : "(null)");
		_fail(file, line);
	}
}

static inline void unit_lacks(const char *text, const char *part, const char *file, int line)
{
	if (text && strstr(text, part)) {
		printf("\"%s\" is in \"%s\"\n", part, text);
		_fail(file, line);
	}
}

#define assert_contains(text, part) unit_contains(text, part, __FILE__, __LINE__)
#define assert_lacks(text, part) unit_lacks(text, part, __FILE__, __LINE__)

/* Tell which row of a table an assertion is about. */
#define assert_row(row, condition)                                          \
	do {                                                                \
		if (!(condition)) {                                         \
			printf("row \"%s\": " #condition "\n", (row)); \
			_fail(__FILE__, __LINE__);                          \
		}                                                           \
	} while (0)

#endif
