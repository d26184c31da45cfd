/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What tokens and the sessions of users have in common.
 */
#ifndef RECAST_SERVICE_TOKEN_H
#define RECAST_SERVICE_TOKEN_H

#include "core.h"

/* {role, scopes, expires, created, by} of a body, complete and within what the maker may himself; NULL with an error. */
json_t *grant_of(struct core *c, const struct caller *by, const json_t *body, struct error *err);

/* A token for a user who has logged in, from what it says of him (stolen); to be answered, with the token itself. */
json_t *session_begin(struct core *c, json_t *doc);
/* None of the user's tokens opens anything any more. */
void sessions_end(struct core *c, const char *user);

#endif
