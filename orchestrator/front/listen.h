/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doors: the unix socket, and the boot port and TLS on TCP.  Counts who is in, learns who they are
 * (SO_PEERCRED, or the address) and hands accepted sockets to conn.h.
 */
#ifndef RECAST_FRONT_LISTEN_H
#define RECAST_FRONT_LISTEN_H

#include "error.h"
#include "front.h"

/* Bind and listen on the unix socket of the options, or take the one over that is listened on already.  A socket file that nobody answers on is
 * replaced; one that somebody answers on is ERROR_CONFLICT. */
struct listen *listen_unix_open(struct front *front, struct error *err);

/* Bind and listen on @where, "10.0.0.1:8080" or "[fd00::1]:8080". */
struct listen *listen_tcp_open(struct front *front, enum door door, const char *where, struct error *err);

/* Stop listening.  The socket file stays, since by then nothing can be done to files; recastd removes it.  NULL is
 * allowed. */
void listen_close(struct listen *l);

#endif
