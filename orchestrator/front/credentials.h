/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certificate and key arrive from recastd as open descriptors, since no file can be opened here: at the start, and anew
 * when they have changed.  Each time one byte goes back: '+' they are served now, '-' the ones before still are.
 */
#ifndef RECAST_FRONT_CREDENTIALS_H
#define RECAST_FRONT_CREDENTIALS_H

#include "error.h"

/* A certificate that ends sooner is worth a warning. */
#define CREDENTIALS_SOON_MS (14LL * 86400 * 1000)

struct credentials;
struct front;

/* Take over descriptor @fd, a SOCK_SEQPACKET socket, and load what waits there. */
struct credentials *credentials_open(struct front *front, int fd, struct error *err);
void credentials_close(struct credentials *c);

#endif
