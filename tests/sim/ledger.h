/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The durable journal as a story sees it: told of each commit by the store in memory, it keeps runs, steps and locks, and
 * checks what must hold in every crash image: locks (I5), order of steps and of undo (I9), identities (I7), one run for a
 * key (I8), and how long runs take once nothing goes wrong any more (I12).  Used by story.c and witness.c.
 */
#ifndef RECAST_SIM_LEDGER_H
#define RECAST_SIM_LEDGER_H

#include "engine.h"
#include "table.h"

struct story;
struct capture;

enum { LEDGER_LOCKS = 64, LEDGER_IDENTITIES = 64, LEDGER_MACHINES = 8, LEDGER_PERSONAS = 16 };

struct ledger_step {
	enum step_state state;
	int phase;
	bool mask;
	json_t *doc;
	const char *device, *object; /* inside of doc */
	int64_t started, ended; /* NO_NUMBER: not yet */
	bool locked_out;	/* it ended because the device refuses the password */
};

struct ledger_run {
	int64_t id, created;
	enum run_state state;
	bool ended, fresh; /* fresh: changed in this commit */
	json_t *doc;
	char request[32];
	struct ledger_step *steps;
	int n_steps;
	struct capture *prior; /* the room when the run was created (witness.c) */
};

struct ledger_lock {
	char target[64];
	int64_t run; /* 0: free */
};

struct ledger_identity {
	char value[64], persona[32];
	int64_t released; /* 0: active */
};

struct ledger {
	struct ledger_run **runs;
	int n_runs;
	struct ledger_lock locks[LEDGER_LOCKS];
	struct ledger_identity identities[LEDGER_IDENTITIES];
	bool quarantined[LEDGER_MACHINES];
	int64_t generations[LEDGER_PERSONAS]; /* the highest that was ever to be granted */
};

/* Rows of the store in memory have become durable; @arg is the story. */
void ledger_committed(void *arg, const struct table *rows);
/* The engine that lives holds what the journal says, no more and no less. */
void ledger_compare(struct story *s);
void ledger_fini(struct ledger *l);

struct ledger_run *ledger_run(const struct ledger *l, int64_t id);
/* The step of an open run that is under way for this object, or NULL; @of may be NULL. */
const struct ledger_step *ledger_under_way(const struct ledger *l, const char *device, const char *object,
					   const struct ledger_run **of);
/* How long a run may take when nothing goes wrong: the deadlines of its phases, forward, backward and masking. */
int64_t ledger_bound(const struct ledger_run *run);
static inline bool ledger_is_open(const struct ledger_run *run)
{
	return !run->ended;
}

#endif
