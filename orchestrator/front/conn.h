/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One HTTP connection: reads a request, sends it to the core, writes the answer, and begins anew.
 * Every state has a deadline, every buffer a limit.
 *
 *   SHAKE (TLS) ──► HEAD
 *   HEAD ──► BODY ──► WAIT ──► (answer written) ──► HEAD
 *                       └────► STREAM ──► (end) ──► HEAD
 *   HEAD ──► WAIT ──► BODY over TLS, when the body is large: the core is asked who that is before it is read
 *   any refusal or close ──► LINGER (the answer leaves, more is thrown away) ──► gone
 */
#ifndef RECAST_FRONT_CONN_H
#define RECAST_FRONT_CONN_H

#include "front.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct conn_peer {
	enum door door;
	char address[64];	   /* boot, TLS */
	unsigned char source[16];  /* what counts as one address: IPv4 mapped, or the /64 of IPv6 */
	const char *subject;	   /* TLS: of a certificate that was verified, else NULL */
	uid_t uid;		   /* unix, as the kernel tells */
	gid_t gid;
	pid_t pid;
};

/* Serve the accepted socket @fd, which is taken over. */
void conn_create(struct front *front, int fd, const struct conn_peer *peer);

/* Answer "busy" on @fd without reading and close it. */
void conn_turn_away(int fd);

/* Drop the oldest connection over TLS that has shown nothing yet: no whole request.  False when there is none. */
bool conn_make_room(struct front *front);

const struct conn_peer *conn_peer(const struct conn *c);

/* Deliver a frame from the core to the connection that its id names; a stream that nobody reads any
 * more is reported back to the core. */
void conn_on_frame(struct front *front, const json_t *frame);

/* The core has gone: tell all who wait for an answer, then drop every connection. */
void conn_close_all(struct front *front);

#endif
