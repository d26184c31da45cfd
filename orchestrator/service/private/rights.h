/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the services: the rights of a caller over single objects, for lists and streams that show only what one
 * may see.
 */
#ifndef RECAST_RIGHTS_H
#define RECAST_RIGHTS_H

#include "access.h"
#include "core.h"

struct principal principal_of(const struct caller *caller);

bool rights_machine(struct core *c, const struct caller *caller, const struct machine *m);
bool rights_persona(struct core *c, const struct caller *caller, const struct persona *p);
/* A row of the store, or what the API tells of a run: all that it concerns. */
bool rights_run(struct core *c, const struct caller *caller, const json_t *run);

/* approval.c: whether somebody else has approved @plan for @persona lately.  It is used up by approval_use(). */
int approval_check(struct core *c, const struct caller *caller, const char *persona, const char *plan, struct error *err);
void approval_use(struct core *c, const char *plan);

/* audit.c: a record of something that happens by itself. */
void audit_run_ended(struct core *c, const struct run *run);
/* The outcome of a request that was recorded; called for each answer. */
/* A record that is not of a request; steals @doc. */
void audit_note(struct core *c, json_t *doc);
/* Somebody has logged in; the answer is its outcome. */
void audit_login(struct core *c, struct answer *a);
void audit_outcome(struct core *c, const struct answer *a, int status, const json_t *body);

#endif
