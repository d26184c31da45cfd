/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A program that can go back: all of its memory (what was allocated, and its variables) is copied aside and put back
 * later, so that many ends of one story are told from its middle.  Linked into recast-points, whose allocator this is.
 * The stack is not part of it: what a function has in its locals stays.
 */
#ifndef RECAST_SIM_SNAP_H
#define RECAST_SIM_SNAP_H

#include <stddef.h>

enum { SNAP_LEVELS = 8 };

/* Memory that no return touches, zeroed; for the life of the program. */
void *snap_outside(size_t size);
void snap_take(int level);
/* May be done any number of times. */
void snap_restore(int level);
/* Bytes that a copy holds now. */
size_t snap_size(void);

#endif
