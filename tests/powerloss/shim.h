/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The two shims that stand between the store and the disk: a SQLite VFS (shim.c), and the few libc calls
 * that the store makes itself for its key and its backups (libc.c).  Both write the operation log, and
 * both fail when the fault that is armed is due.  With no log set they only pass on.
 */
#ifndef RECAST_POWERLOSS_SHIM_H
#define RECAST_POWERLOSS_SHIM_H

#include "oplog.h"

#include <sqlite3.h>

enum fault_kind {
	FAULT_NO_SPACE, /* a write of half of the bytes, then ENOSPC */
	FAULT_WRITE,	/* EIO, nothing written */
	FAULT_SYNC,	/* EIO; the kernel forgets what it could not write */
	FAULT_READ,	/* EIO */
	FAULT_KINDS
};

struct fault {
	enum fault_kind kind;
	bool armed, sticky; /* sticky: until disarmed */
	long countdown;	    /* how many operations of this kind still succeed */
	long hits;
	bool at_commit_record; /* the last hit was the sync of a WAL whose frames were all written */
	bool at_database;      /* the last hit was the database itself: for a write, a checkpoint */
};

extern struct oplog *shim_log; /* NULL: nothing is logged */
extern struct fault shim_fault;

enum disk_call { CALL_WRITE, CALL_SYNC, CALL_READ };

/* True when this call has to fail now. */
bool fault_due(enum disk_call call);

/* Register the shim as "recast-powerloss"; make it or the stock VFS the default one.  @seed makes the
 * salts of the WAL the same in each run. */
void shim_register(void);
void shim_use(bool shim, uint64_t seed);

/* The connection that was opened last, by whomever. */
extern sqlite3 *shim_connection;

#endif
