/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads the head of one HTTP request, strictly.  Pure: bytes in, a request or a refusal out.
 *
 * General HTTP parsers forgive much: differing duplicate lengths, "+3", "Host :", bare line feeds.
 * Each such kindness is a way to make two programs disagree about where a request ends, so none is
 * shown here.  What Recast's own clients never send (chunked bodies, continuation lines, absolute
 * targets) is refused as well.
 */
#ifndef RECAST_FRONT_HTTP_H
#define RECAST_FRONT_HTTP_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct http_request {
	char method[8];
	char *path;	 /* percent-decoded; no empty, "." or ".." segment, no control characters */
	json_t *query;	 /* object of strings */
	json_t *headers; /* object of the few headers that the core is told, names in lower case */
	size_t length;	 /* of the body */
	bool has_length, is_json;
	bool http10, keep_alive, expects_continue;
};

/* The length of the head (with its empty line) in the first @len bytes, 0 when it is not complete
 * yet, -1 when what is there can never become one (a bare LF, a control character).  *scanned is
 * the caller's memory between calls for the same head, 0 at first. */
ssize_t http_head_length(const char *bytes, size_t len, size_t *scanned);

/* Parse the @len bytes of a head into the zeroed @out.  On failure returns -1 with *status the HTTP
 * status of the refusal.  In both cases free with http_request_fini(). */
int http_parse(const char *head, size_t len, struct http_request *out, int *status,
	       struct error *err);

void http_request_fini(struct http_request *r);

/* The reason phrase of a status; "Status" for one that is not known. */
const char *http_reason(int status);

/* Whether a header that the core asked for may be sent: a token, and one line of printable text. */
bool http_header_is_sane(const char *name, const char *value);

#endif
