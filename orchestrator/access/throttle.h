/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who tries passwords for a name has to wait longer each time.  Pure; used by service/login.c.  The first THROTTLE_FREE
 * failures in a row cost nothing, each further one twice the wait of the one before, up to THROTTLE_MAX_MS.
 */
#ifndef RECAST_ACCESS_THROTTLE_H
#define RECAST_ACCESS_THROTTLE_H

#include <stdint.h>

enum { THROTTLE_FREE = 5, THROTTLE_FIRST_MS = 1000, THROTTLE_MAX_MS = 60000, THROTTLE_NAMES = 512 };

struct throttle;

struct throttle *throttle_create(void);
void throttle_destroy(struct throttle *t);

/* How long @name must still wait at @now (monotonic ms); 0: it may be tried. */
int64_t throttle_wait_ms(const struct throttle *t, const char *name, int64_t now);
/* It was tried in vain; with the right password all is forgotten. */
void throttle_failed(struct throttle *t, const char *name, int64_t now);
void throttle_passed(struct throttle *t, const char *name);

#endif
