/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the services: what somebody wants, in names, and as casts of the present model.
 */
#ifndef RECAST_WISH_H
#define RECAST_WISH_H

#include "core.h"

struct wish {
	char *action;  /* "apply", "move", "swap", "release", "repair", "adopt", "return", "sweep" */
	enum cast_kind kind;
	char *persona; /* NULL: of a machine that returns, and of a sweep */
	char *machine; /* chosen when the wish named a group; NULL for release, swap, repair and sweep */
	/* The other personas of a swap, each of which takes the machine of the next; of an apply or move, the one that
	 * has to leave the machine. */
	char *with[CASTS_MAX - 1];
	int n_with;
};

/* Parse and choose a machine where the wish leaves it open.  0 or -1. */
int wish_parse(struct core *c, const json_t *body, struct wish *w, struct error *err);
void wish_fini(struct wish *w);

/* The casts of the wish in the present model; identities live in @a.  Their number, or -1. */
int wish_casts(struct core *c, const struct wish *w, struct cast *casts, struct arena *a, struct error *err);

/* All that must be locked: machines, personas, ports, volumes.  A new array of text. */
json_t *wish_targets(const struct cast *casts, int n);

/* Add "KIND:A" or "KIND:A/B" (@b not NULL) to an array of targets, once. */
void targets_add(json_t *targets, const char *kind, const char *a, const char *b);

#endif
