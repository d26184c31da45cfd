/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What all fuzz targets share.  A target is one function, fuzz(), that hands bytes to a parser and asserts what must hold
 * of the answer whatever the bytes are.  clang's libFuzzer calls it (configure --enable-fuzz-targets); in any other build
 * replay.c does, with the bytes of files.
 *
 * Invariants of a target: the same bytes do the same thing each time, nothing stays allocated, no file is written and
 * nothing leaves the process.
 */
#ifndef RECAST_FUZZ_H
#define RECAST_FUZZ_H

#include "arena.h"
#include "error.h"
#include "json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Defines the target: static void fuzz(const char *bytes, size_t len) follows. */
#define FUZZ_TARGET                                                    \
	static void fuzz(const char *bytes, size_t len);               \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)   \
	{                                                              \
		fuzz(size ? (const char *)data : "", size);            \
		return 0;                                              \
	}

#define fuzz_assert(holds)                                                                      \
	do {                                                                                    \
		if (!(holds)) {                                                                 \
			fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #holds); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* The bytes as a string of exactly that size, so that a read beyond it is seen; NUL bytes end it early. */
static inline char *fuzz_string(const char *bytes, size_t len)
{
	char *s = xcalloc(1, len + 1);

	memcpy(s, bytes, len);
	return s;
}

/* Cuts an input into pieces: the next one, up to a NUL byte or the end, to be freed; empty when none is left. */
static inline char *fuzz_piece(const char **bytes, size_t *len)
{
	const char *end = memchr(*bytes, '\0', *len);
	size_t n = end ? (size_t)(end - *bytes) : *len;
	char *piece = fuzz_string(*bytes, n);

	n += end != NULL;
	*bytes += n;
	*len -= n;
	return piece;
}

static inline bool fuzz_is_utf8(const char *s)
{
	json_t *text = json_string(s);

	json_decref(text);
	return text != NULL;
}

/* What a function that failed must have said: which error, in words that JSON can carry. */
static inline void fuzz_check_error(const struct error *err)
{
	fuzz_assert(err->code > ERROR_NONE && err->code < ERROR_COUNT);
	fuzz_assert(err->text[0]);
	fuzz_assert(fuzz_is_utf8(err->text));
	fuzz_assert(fuzz_is_utf8(err->hint));
}

/* A value that came out of a parser can be written down, and read back as the same. */
static inline void fuzz_check_json(const json_t *value)
{
	char *text = json_canonical(value), *again;
	json_t *copy = json_loads(text, JSON_DECODE_ANY, NULL);

	fuzz_assert(copy);
	again = json_canonical(copy);
	fuzz_assert(!strcmp(text, again));
	free(again);
	free(text);
	json_decref(copy);
}

#endif
