/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store of orchestrator/store/store.h in memory, linked instead of libstore.a.  A disk outlives the stores that are
 * opened on it: store_open(memdisk_path(disk), …).  What a store has written and not committed is gone when it closes,
 * and never seen by another store on the same disk.  tests/unit/test_store.c holds both stores to one contract.
 */
#ifndef RECAST_MEMSTORE_H
#define RECAST_MEMSTORE_H

#include "store.h"

struct memtables;
struct table;

struct memdisk {
	/* For tests to set. */
	int fail_commits; /* the next n commits fail as on a full disk; the whole turn is rolled back */
	bool share; /* keep and hand out documents without copying: nobody may change one then */
	/* Around each commit that has something to write; what they find is consistent, so that they may leave by
	 * longjmp: nothing of the turn is durable at the first, all of it is at the second. */
	void (*before_commit)(void *arg);
	void (*after_commit)(void *arg);
	/* The rows (memrow.h) that become durable at this very moment.  May not leave. */
	void (*committed)(void *arg, const struct table *rows);
	/* A turn is refused for what was written in it, and not because the disk is full or another has taken over. */
	void (*refused)(void *arg, const char *why);
	void *arg;

	/* For tests to read. */
	uint64_t commits;	 /* durable ones */
	uint64_t commits_failed; /* refused as full or as stale */
	int64_t epoch;		 /* the durable one, meta "epoch" as a number */

	struct memtables *tables; /* belongs to memstore.c */
	char path[32];
};

struct memdisk *memdisk_create(void);
/* Every store on it must be closed. */
void memdisk_destroy(struct memdisk *d);
/* What store_open() takes for a path.  Stays the disk's. */
const char *memdisk_path(const struct memdisk *d);

#endif
