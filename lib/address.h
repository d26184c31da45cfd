/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses to listen on, as recast.conf has them: "10.0.0.1:8080", "[fd00::1]:8080".  Numbers only, so that no resolver is
 * asked.  For recast-front, which listens there, and for `recastd --check-config`.
 */
#ifndef RECAST_ADDRESS_H
#define RECAST_ADDRESS_H

#include "error.h"

#include <netdb.h>

/* For freeaddrinfo(); NULL when @text is none. */
struct addrinfo *address_parse(const char *text, struct error *err);

#endif
