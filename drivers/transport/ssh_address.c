/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The notation of an address over SSH.  See ssh.h.
 */
#include "ssh.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

static const char notation[] = "ssh://USER@ADDRESS[:PORT]/PATH";

static int take(char *out, size_t size, const char *from, size_t len, struct error *err)
{
	if (!len || len >= size)
		return error_set(err, ERROR_INVALID, "the address must be %s", notation);
	memcpy(out, from, len);
	out[len] = '\0';
	return 0;
}

/* Is there a port behind the address?  One in brackets may hold colons of its own. */
static bool has_port(const char *where)
{
	const char *behind = where[0] == '[' ? strchr(where, ']') : where;

	return behind && strchr(behind, ':');
}

int remote_address_parse(const char *text, struct remote_address *out, struct error *err)
{
	const char *rest = text + strlen("ssh://"), *at, *slash;
	size_t len;

	if (strncmp(text, "ssh://", strlen("ssh://")) != 0 || !(at = strchr(rest, '@')) || !(slash = strchr(at, '/')))
		return error_set(err, ERROR_INVALID, "the address must be %s", notation);
	if (take(out->user, sizeof(out->user), rest, (size_t)(at - rest), err) ||
	    take(out->where, sizeof(out->where) - sizeof(":22"), at + 1, (size_t)(slash - at - 1), err) ||
	    take(out->path, sizeof(out->path), slash, strlen(slash), err))
		return -1;
	len = strlen(out->where);
	if (!has_port(out->where))
		snprintf(out->where + len, sizeof(out->where) - len, ":22");
	return 0;
}
