/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the core writes in one turn of its loop, as the workload imitates it.
 */
#ifndef RECAST_POWERLOSS_TURN_H
#define RECAST_POWERLOSS_TURN_H

#include "store.h"

/* Write turn number @turn into the open transaction.  What it does depends only on the seed, the number
 * and the content of the store, so a turn that failed is written again just the same. */
void turn_write(struct store *s, uint64_t seed, int64_t turn);

#endif
