/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A story: the core of recastd in a simulated room, with virtual time, a seed, an operator who wants things, and
 * faults.  The core is the one of recastd, byte for byte; story.c brings its clocks, its driver processes and its
 * store, and can let it die between any two of its deeds.
 */
#ifndef RECAST_SIM_STORY_H
#define RECAST_SIM_STORY_H

#include "core.h"
#include "ledger.h"
#include "memstore.h"
#include "rack.h"
#include "witness.h"

#include "driver.h"

enum { STORY_ACKED = 256, STORY_WHY = 400, STORY_KEY = 16, STORY_KEYS = 16 };

/* Where the core can die.  Each is counted; a crash is asked for as the n-th of its kind. */
enum seam {
	SEAM_BEFORE_COMMIT, /* nothing of the turn is durable */
	SEAM_AFTER_COMMIT,  /* all of it is, and nothing was sent yet */
	SEAM_SENT,	    /* an order is on its way to a device */
	SEAM_ANSWERED,	    /* an answer has come and was not taken yet */
	SEAM_DISK_FULL,	    /* no death: the commit fails, and the core lives on */
	SEAM_COUNT
};
extern const char *const seam_names[SEAM_COUNT];

struct story_options {
	uint64_t seed;
	int machines, personas, wishes;
	bool faults;	   /* of all kinds; after the last wish they stop, and everything must come to rest */
	bool danger;	   /* they never stop, and nothing must come to rest, but all else must hold */
	int crash_percent; /* of a hundred wishes: the core dies somewhere after it */
	int rival_percent; /* of a hundred wishes: another controller takes over while the first lives */
	bool trace;
	bool fabrics;  /* two of them; every second persona has its disk over Fibre Channel */
	bool no_drift; /* the core does not look for drift by itself */
};

/* A request with an Idempotency-Key, and the run that it was answered with. */
struct story_key {
	char key[STORY_KEY];
	json_t *body;
	int64_t run;
};

struct story {
	struct env env; /* first: what the core has is this */
	struct sim sim;
	struct story_options options;
	struct memdisk *disk;
	struct rack *rack;
	struct core *core; /* NULL: dead */
	struct core *old;  /* one that does not know yet that it was taken over from */
	bool second, old_done; /* the core uses the second set of drivers; the older one is to end after this event */
	struct sim_event *old_ends;
	struct ledger ledger;
	struct witness witness;
	int64_t born, calm_since; /* the core; when the last fault had passed (0: not yet) */
	bool dead;	   /* it dies at the end of this event: nothing that it does counts any more */
	struct sim_event *rebirth;
	uint64_t lives, seams[SEAM_COUNT];
	enum seam crash_seam;
	uint64_t crash_at; /* seams[crash_seam] at which it dies; 0: not asked for */
	int wishes_left;
	int64_t acked[STORY_ACKED]; /* runs that somebody was told of */
	struct story_key keys[STORY_KEYS];
	int n_keys, n_acked, ended[RUN_STATE_COUNT], asked, refused, takeovers;
	char why[STORY_WHY]; /* a violation; empty: none */

	/* Who tells the story instead of the operator; both may be NULL. */
	void (*heard)(struct story *s, int tag, int status, const json_t *body);
	enum rack_verdict (*verdict)(struct story *s, const char *device, const struct driver_change *change);
	int tag;	 /* of the next answer */
	const char *key; /* Idempotency-Key of the next answer, taken by it; NULL: none */
};

/* Play a whole story.  False when an invariant was broken: story_why() says which, until the next one. */
bool story_play(struct story *s, const struct story_options *options);
void story_fini(struct story *s);

/* The parts of story_play(), for who tells it otherwise: the core is born; one event, false when there is none left;
 * no wish and no run is open; what must hold then. */
void story_begin(struct story *s, const struct story_options *options);
bool story_step(struct story *s);
bool story_at_rest(const struct story *s);
void story_check_end(struct story *s);

/* story.c, for the checks and for operator.c */
void story_violation(struct story *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A second core opens the same disk. */
void story_take_over(struct story *s);

/* doors.c */
extern const struct env_ops story_env_ops;
extern const struct rack_ops story_rack_ops;
void story_before_commit(void *arg);
void story_after_commit(void *arg);
/* An answer that notes what the core says. */
struct answer *story_answer(struct story *s);

/* operator.c: define the site, and want something every now and then. */
void operator_begin(struct story *s);
void operator_end(struct story *s);

#endif
