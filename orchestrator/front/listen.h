/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The two doors: the unix socket, and the boot port on TCP.  Counts who is in, learns who they are
 * (SO_PEERCRED, or the address) and hands accepted sockets to conn.h.
 */
#ifndef RECAST_FRONT_LISTEN_H
#define RECAST_FRONT_LISTEN_H

#include "error.h"

struct front;
struct listen;

/* Bind and listen on the unix socket of the options.  A socket file that nobody answers on is
 * replaced; one that somebody answers on is ERROR_CONFLICT. */
struct listen *listen_unix_open(struct front *front, struct error *err);

/* Bind and listen on the boot address of the options. */
struct listen *listen_boot_open(struct front *front, struct error *err);

/* Stop listening, and remove the socket file if it is still ours.  NULL is allowed. */
void listen_close(struct listen *l);

#endif
