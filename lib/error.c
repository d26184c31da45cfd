/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The error value and its table of codes.  See error.h.
 */
#include "error.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_info {
	const char *name;
	int http;
	bool retryable;
	int exit_code;
	const char *meaning;
	const char *advice;
};

static const struct code_info codes[ERROR_COUNT] = {
	[ERROR_NONE] = { "none", 200, false, 0, "No error.", "" },
#define ERROR_CODE(id, name, http, retry, exit_code, what, next) \
	[ERROR_##id] = { name, http, retry, exit_code, what, next },
#include "error_codes.def"
#undef ERROR_CODE
};

static const struct code_info *info(enum error_code code)
{
	return &codes[code < ERROR_COUNT ? code : ERROR_INTERNAL];
}

/* What others wrote may stand in an error, and its end may be cut off: it is UTF-8 all the same, or JSON cannot carry it. */
static __attribute__((format(printf, 3, 0))) void format(char *out, size_t size, const char *fmt, va_list ap)
{
	vsnprintf(out, size, fmt, ap);
	text_clean_utf8(out);
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->code = code;
	err->retryable = info(code)->retryable;
	err->retry_after_ms = 0;
	err->hint[0] = '\0';
	err->presented = (struct server_key){ 0 };
	va_start(ap, fmt);
	format(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	int n;

	if (!err)
		return -1;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", old);
	text_clean_utf8(err->text);
	return -1;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	format(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return -1;
}

void error_clear(struct error *err)
{
	if (err)
		*err = (struct error){ 0 };
}

const char *error_name(enum error_code code)
{
	return info(code)->name;
}

int error_http(enum error_code code)
{
	return info(code)->http;
}

int error_exit(enum error_code code)
{
	return info(code)->exit_code;
}

bool error_is_retryable(enum error_code code)
{
	return info(code)->retryable;
}

const char *error_meaning(enum error_code code)
{
	return info(code)->meaning;
}

const char *error_advice(enum error_code code)
{
	return info(code)->advice;
}

enum error_code error_by_name(const char *name)
{
	int i;

	for (i = ERROR_NONE + 1; name && i < ERROR_COUNT; i++)
		if (!strcmp(codes[i].name, name))
			return (enum error_code)i;
	return ERROR_INTERNAL;
}
