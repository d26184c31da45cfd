/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses to listen on.  See address.h.
 */
#include "address.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct addrinfo *address_parse(const char *text, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	const char *colon = strrchr(text, ':');
	struct addrinfo *found = NULL;
	char host[128];
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n > 2 && n < sizeof(host) && text[0] == '[' && text[n - 1] == ']')
		snprintf(host, sizeof(host), "%.*s", (int)n - 2, text + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)n, text);
	if (n == 0 || n >= sizeof(host) || !colon[1] ||
	    getaddrinfo(host, colon + 1, &hints, &found)) {
		error_set(err, ERROR_USAGE, "`%s` is not an address and port", text);
		error_hint(err, "Write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6, in numbers.");
		return NULL;
	}
	return found;
}
