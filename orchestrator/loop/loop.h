/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The environment of recastd: the system's clocks and random source, and timers of a libevent loop.
 */
#ifndef RECAST_LOOP_H
#define RECAST_LOOP_H

#include "env.h"

#include <event2/event.h>

struct env *loop_create(struct event_base *base);
void loop_destroy(struct env *env);

/* The base, for what reads and writes descriptors. */
struct event_base *loop_base(struct env *env);

#endif
