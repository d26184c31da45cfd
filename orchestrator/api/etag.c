/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Entity tags, and what requests say about them (RFC 9110, sections 8.8.3, 13.1 and 13.2).  Pure; called by request.c.  A tag
 * is the hash of what GET answers, so it changes exactly when that does, over restarts too.
 */
#include "private.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

void etag_of(const json_t *body, char out[ETAG_SIZE])
{
	char hash[JSON_HASH_TEXT];

	json_hash(body, hash);
	snprintf(out, ETAG_SIZE, "\"%s\"", hash);
}

/* One tag of a list, up to its closing quote; NULL when there is none. */
static const char *tag_end(const char *tag)
{
	const char *p = tag;

	if (*p++ != '"')
		return NULL;
	while (*p && *p != '"' && (unsigned char)*p > ' ')
		p++;
	return *p == '"' ? p + 1 : NULL;
}

int etag_matches(const char *header, const char *tag, bool weak)
{
	const char *p = header + strspn(header, " \t"), *end;
	bool is_weak, found = false;

	if (!strcmp(p, "*"))
		return tag != NULL;
	for (;;) {
		is_weak = !strncmp(p, "W/", 2);
		p += is_weak ? 2 : 0;
		end = tag_end(p);
		if (!end)
			return -1;
		found |= tag && (weak || !is_weak) && strlen(tag) == (size_t)(end - p) && !memcmp(tag, p, (size_t)(end - p));
		p = end + strspn(end, " \t");
		if (!*p)
			return found;
		if (*p != ',')
			return -1;
		p += 1 + strspn(p + 1, " \t");
	}
}

static int malformed(const char *header, struct error *err)
{
	error_set(err, ERROR_USAGE, "`%s` must be * or entity tags in double quotes, separated by commas", header);
	return error_hint(err, "Send back the ETag of GET as it came, quotes included.");
}

int etag_check(const json_t *headers, const char *tag, bool needed, struct error *err)
{
	const char *match = json_str(headers, "if-match", NULL), *none = json_str(headers, "if-none-match", NULL);
	int rc = match ? etag_matches(match, tag, false) : 1;

	if (needed && !match && !none) {
		error_set(err, ERROR_PRECONDITION_REQUIRED, "the request must say what it changes: `If-Match` with the ETag of GET");
		return error_hint(err, "To make a new object send `If-None-Match: *`.");
	}
	if (rc < 0)
		return malformed("If-Match", err);
	if (rc == 0)
		return error_set(err, ERROR_PRECONDITION, tag ? "it has been changed since you read it"
							      : "there is nothing that `If-Match` could mean here");
	rc = none ? etag_matches(none, tag, true) : 0;
	if (rc < 0)
		return malformed("If-None-Match", err);
	return rc == 0 ? 0 : error_set(err, ERROR_PRECONDITION, "it is there already, and `If-None-Match` says that it must not be");
}
