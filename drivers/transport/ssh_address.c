/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The notation of an address over SSH.  See ssh.h.
 */
#include "ssh.h"

#include <string.h>

static const char notation[] = "ssh://USER@ADDRESS[:PORT]/PATH", host_notation[] = "ssh://USER@ADDRESS[:PORT]";

/* Is there a port behind the address?  One in brackets may hold colons of its own. */
static bool has_port(const char *where)
{
	const char *behind = where[0] == '[' ? strchr(where, ']') : where;

	return behind && strchr(behind, ':');
}

static bool take(char *out, size_t size, const char *from, size_t len)
{
	if (!len || len >= size)
		return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

/* User and address; what is behind them, or NULL. */
static const char *take_host(const char *text, struct remote_address *out)
{
	const char *rest = text + strlen("ssh://"), *at;
	size_t len;

	if (strncmp(text, "ssh://", strlen("ssh://")) != 0 || !(at = strchr(rest, '@')))
		return NULL;
	len = strcspn(at + 1, "/");
	if (!take(out->user, sizeof(out->user), rest, (size_t)(at - rest)) ||
	    !take(out->where, sizeof(out->where) - sizeof(":22"), at + 1, len))
		return NULL;
	if (!has_port(out->where))
		strcat(out->where, ":22");
	return at + 1 + len;
}

int remote_address_parse(const char *text, struct remote_address *out, struct error *err)
{
	const char *rest = take_host(text, out);

	if (!rest || !take(out->path, sizeof(out->path), rest, strlen(rest)))
		return error_set(err, ERROR_INVALID, "the address must be %s", notation);
	return 0;
}

int remote_host_parse(const char *text, struct remote_address *out, struct error *err)
{
	const char *rest = take_host(text, out);

	out->path[0] = '\0';
	if (!rest || (*rest && strcmp(rest, "/") != 0))
		return error_set(err, ERROR_INVALID, "the address must be %s", host_notation);
	return 0;
}
