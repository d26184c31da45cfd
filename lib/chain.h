/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A chain of records: the hash of each covers that of the one before, so none can be changed or taken out without a
 * trace in all that follow.  BLAKE2b-256 over the previous hash, the number and the canonical document.  Pure.
 */
#ifndef RECAST_CHAIN_H
#define RECAST_CHAIN_H

#include <jansson.h>
#include <stdint.h>

enum { CHAIN_TEXT = 65 }; /* 64 hex digits */

/* The hash before the first record. */
void chain_begin(char hash[CHAIN_TEXT]);
/* From the hash of the record before to that of record @seq. */
void chain_next(char hash[CHAIN_TEXT], int64_t seq, const json_t *doc);

#endif
