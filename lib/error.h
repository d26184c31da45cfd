/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One error value for the whole project.  A function that can fail takes `struct error *err` as its
 * last parameter (NULL is allowed), returns -1 or NULL and fills it.  The text is a sentence for the
 * user; the hint says what to do next.  Both are UTF-8 whatever went into them.  Nothing here may carry a secret.
 */
#ifndef RECAST_ERROR_H
#define RECAST_ERROR_H

#include "serverkey.h"

#include <stdbool.h>

enum error_code {
	ERROR_NONE,
#define ERROR_CODE(id, name, http, retry, exit_code, what, next) ERROR_##id,
#include "error_codes.def"
#undef ERROR_CODE
	ERROR_COUNT
};

struct error {
	enum error_code code;
	bool retryable;		 /* only the engine acts on this */
	unsigned retry_after_ms; /* 0: no opinion */
	char text[384];
	char hint[224]; /* empty: the general advice of the code holds */
	struct server_key presented; /* with ERROR_UNTRUSTED: the key that the device showed */
};

/* Fill @err (may be NULL) with @code and a printf text; hint and key are cleared.  Always returns -1, so
 * that `return error_set(err, …)` is the idiom. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "context: " in front of the text that is there.  Always returns -1. */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the "what to do next" sentence.  Always returns -1. */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forget a previous error. */
void error_clear(struct error *err);

/* The name ("not-found"), HTTP status, exit code, meaning and advice of a code; never NULL. */
const char *error_name(enum error_code code);
int error_http(enum error_code code);
int error_exit(enum error_code code);
bool error_is_retryable(enum error_code code);
const char *error_meaning(enum error_code code);
const char *error_advice(enum error_code code);

/* The code of a name; ERROR_INTERNAL for a name that is not known. */
enum error_code error_by_name(const char *name);

#endif
