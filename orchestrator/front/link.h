/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The socketpair to the core: requests go out as frames, answers come in and are handed to the
 * connection that waits for them.  When the core goes, recast-front goes.
 */
#ifndef RECAST_FRONT_LINK_H
#define RECAST_FRONT_LINK_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct front;
struct link;

/* Take over descriptor @fd.  NULL when it is not a socket. */
struct link *link_open(struct front *front, int fd, struct error *err);
void link_close(struct link *link);

/* Send @frame, which stays the caller's.  Fails with ERROR_BUSY when the core has not read for so
 * long that FRONT_LINK_MAX bytes wait. */
int link_send(struct link *link, const json_t *frame, struct error *err);

/* Tell the core about stream @id: its reader has gone ("closed"), or has got all that was to be told of ("written").
 * Always sent: a core that does not learn it would wait for ever. */
void link_send_about(struct link *link, uint64_t id, const char *what);

/* Tell the core that the doors are open. */
void link_send_serving(struct link *link);

/* Whether the link ended by a fault (a broken frame) and not by the core closing it. */
bool link_is_broken(const struct link *link);

#endif
