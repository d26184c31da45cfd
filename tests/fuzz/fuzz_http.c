/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reader of requests (orchestrator/front/http.c): what it accepts is a plain path and UTF-8, and it finds the end of
 * a head in the same place however the bytes arrive.
 */
#include "fuzz.h"

#include "http.h"

FUZZ_TARGET

static ssize_t head_in_pieces(const char *bytes, size_t len, size_t step)
{
	size_t scanned = 0, have = 0;
	ssize_t n;

	do {
		have = have + step < len ? have + step : len;
		n = http_head_length(bytes, have, &scanned);
		fuzz_assert(scanned <= have);
	} while (!n && have < len);
	return n;
}

static void check_accepted(const struct http_request *r)
{
	const char *s;

	fuzz_assert(r->path[0] == '/' && fuzz_is_utf8(r->path));
	fuzz_assert(!strstr(r->path, "//") && !strstr(r->path, "/../") && !strstr(r->path, "/./"));
	for (s = r->path; *s; s++)
		fuzz_assert((unsigned char)*s >= 0x20 && *s != 0x7f);
	fuzz_assert(!strcmp(r->method, "GET") || !strcmp(r->method, "POST") || !strcmp(r->method, "PUT") ||
		    !strcmp(r->method, "DELETE"));
	fuzz_check_json(r->query);
	fuzz_check_json(r->headers);
	fuzz_assert(r->has_length || !r->length);
}

static void fuzz(const char *bytes, size_t len)
{
	struct http_request r = { 0 };
	struct error err = { 0 };
	ssize_t head = head_in_pieces(bytes, len, len ? len : 1);
	int status = 0;

	fuzz_assert(head <= (ssize_t)len);
	fuzz_assert(head == head_in_pieces(bytes, len, 1) && head == head_in_pieces(bytes, len, 7));
	if (head <= 0)
		return;
	if (!http_parse(bytes, (size_t)head, &r, &status, &err)) {
		check_accepted(&r);
	} else {
		fuzz_check_error(&err);
		fuzz_assert(status >= 400 && status < 600 && strcmp(http_reason(status), "Status") != 0);
	}
	http_request_fini(&r);
}
