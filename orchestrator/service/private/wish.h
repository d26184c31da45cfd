/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the services: what somebody wants, in names, and as casts of the present model.
 */
#ifndef RECAST_WISH_H
#define RECAST_WISH_H

#include "core.h"

struct wish {
	char *action;  /* "apply", "move", "swap", "release" */
	char *persona;
	char *machine; /* chosen when the wish named a group; NULL for release and swap */
	char *with;    /* the other persona of a swap; of an apply or move, the one that has to leave the machine */
};

/* Parse and choose a machine where the wish leaves it open.  0 or -1. */
int wish_parse(struct core *c, const json_t *body, struct wish *w, struct error *err);
void wish_fini(struct wish *w);

/* The casts of the wish in the present model; identities live in @a.  Their number, or -1. */
int wish_casts(struct core *c, const struct wish *w, struct cast *casts, struct arena *a, struct error *err);

/* All that must be locked: machines, personas, ports, volumes.  A new array of text. */
json_t *wish_targets(const struct cast *casts, int n);

#endif
