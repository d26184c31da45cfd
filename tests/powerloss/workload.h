/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The workload: a store that lives through realistic turns under the shims, and the digest of its whole
 * content after each of them.  Used by worlds.c and faults.c.
 */
#ifndef RECAST_POWERLOSS_WORKLOAD_H
#define RECAST_POWERLOSS_WORKLOAD_H

#include "error.h"
#include "oplog.h"
#include "store.h"

#include <sqlite3.h>

enum { MAX_TURNS = 1200 };

struct load {
	char root[160], database[192], key[192], backups[192];
	uint64_t seed;
	const char *pragmas; /* for the whole life: what a control weakens; or NULL */
	struct oplog log;
	struct store *store;
	sqlite3 *db;			/* the store's own connection, only for reading digests */
	int64_t turn;			/* the last that was acknowledged */
	uint64_t digest[MAX_TURNS + 1]; /* by turn; [0] is the empty store */
};

/* Make the folders below @root. */
void load_init(struct load *l, const char *root, uint64_t seed, const char *pragmas);
void load_fini(struct load *l);

/* Open the store under the shims; @session are further pragmas of this opening, or NULL. */
int load_open(struct load *l, const char *session, struct error *err);
/* Close; not @clean is what a killed process leaves behind. */
void load_close(struct load *l, bool clean);
/* One turn, number l->turn + 1.  0 when it was acknowledged. */
int load_turn(struct load *l, struct error *err);
int load_backup(struct load *l, int n, struct error *err);

/* The digest of everything in a database, and the turn that it says it holds (-1: it has no schema yet).
 * -1 when it cannot be read. */
int digest_of(sqlite3 *db, uint64_t *digest, int64_t *turn);

/* Make a folder and all above it; remove a folder and all in it. */
void folder_make(const char *path);
void folder_remove(const char *path);

#endif
