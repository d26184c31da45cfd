/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control socket: a line of JSON in, a line of JSON out.
 */
#ifndef FCF_CONTROL_H
#define FCF_CONTROL_H

#include "error.h"
#include "fcf.h"

/* Listen at @path, which a socket left there by another process does not keep us from.  NULL on failure. */
struct control *control_open(struct fcf *fcf, const char *path, struct error *err);

/* Ends all connections and removes the socket.  Takes NULL. */
void control_close(struct control *control);

#endif
