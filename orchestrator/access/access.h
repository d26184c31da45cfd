/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rights: a principal has a role (a set of verbs) over scopes.  A scope is "group:NAME" or "persona:NAME"; without any
 * it is the whole site.  Pure: who it is was found out before, and what the objects are is told by the caller.
 */
#ifndef RECAST_ACCESS_H
#define RECAST_ACCESS_H

#include "error.h"
#include "model.h"

#include <jansson.h>
#include <stdbool.h>

enum verb {
#define VERB(id, name, what) VERB_##id,
#include "roles.def"
#undef VERB
	VERB_COUNT
};
enum role {
#define ROLE(id, name, verbs, whom) ROLE_##id,
#include "roles.def"
#undef ROLE
	ROLE_COUNT
};

struct principal {
	char name[96]; /* "uid 0", "token ci", "cert CN=ci", "user kim" */
	enum role role;
	const json_t *scopes; /* array of text; NULL or empty: the whole site.  Borrowed */
};

const char *verb_name(enum verb verb);
const char *verb_what(enum verb verb);
const char *role_name(enum role role);
/* ROLE_COUNT when there is none of that name. */
enum role role_by_name(const char *name);
/* VERB_COUNT when there is none. */
enum verb verb_by_name(const char *name);

/* Whether @scopes is a list of scopes that can be; complaints name the first that cannot. */
int scopes_check(const json_t *scopes, struct error *err);
/* Whether all that @inner covers @outer covers too. */
bool scopes_within(const json_t *inner, const json_t *outer);

bool access_has(const struct principal *p, enum verb verb);
/* Whether it is for the whole site. */
bool access_is_wide(const struct principal *p);
bool access_covers_persona(const struct principal *p, const struct persona *persona);
/* @plays: the persona that plays on it, or NULL. */
bool access_covers_machine(const struct principal *p, const struct machine *machine, const struct persona *plays);

/* {name, role, verbs: [...], scopes: [...]} */
json_t *access_json(const struct principal *p);

#endif
