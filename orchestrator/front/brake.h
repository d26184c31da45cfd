/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A brake for those who try tokens: who was answered 401 ten times within a minute is not asked for the rest of that
 * minute.  Pure; used by conn.c for connections over TLS.
 */
#ifndef RECAST_FRONT_BRAKE_H
#define RECAST_FRONT_BRAKE_H

#include <stdint.h>

enum { BRAKE_TRIES = 10, BRAKE_MS = 60000, BRAKE_KEY = 16 };

struct brake;

struct brake *brake_create(void);
void brake_destroy(struct brake *b);

/* Whoever is @key has been answered 401 at @now (monotonic, ms). */
void brake_count(struct brake *b, const unsigned char key[BRAKE_KEY], int64_t now);
/* How many seconds @key must still wait; 0: it may ask. */
int brake_wait_s(const struct brake *b, const unsigned char key[BRAKE_KEY], int64_t now);

#endif
