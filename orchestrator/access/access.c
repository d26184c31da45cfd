/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rights.  See access.h.
 */
#include "access.h"

#include "text.h"

#include <string.h>

#define VERB_BIT(id) (1u << VERB_##id)

static const struct {
	const char *name, *what;
} verbs[VERB_COUNT] = {
#define VERB(id, name, what) [VERB_##id] = { name, what },
#include "roles.def"
#undef VERB
};

static const struct {
	const char *name;
	unsigned verbs;
} roles[ROLE_COUNT] = {
#define ROLE(id, name, verbs, whom) [ROLE_##id] = { name, verbs },
#include "roles.def"
#undef ROLE
};

const char *verb_name(enum verb verb)
{
	return verbs[verb].name;
}

const char *verb_what(enum verb verb)
{
	return verbs[verb].what;
}

const char *role_name(enum role role)
{
	return roles[role].name;
}

enum role role_by_name(const char *name)
{
	int i;

	for (i = 0; i < ROLE_COUNT && strcmp(roles[i].name, name) != 0; i++)
		;
	return (enum role)i;
}

enum verb verb_by_name(const char *name)
{
	int i;

	for (i = 0; i < VERB_COUNT && strcmp(verbs[i].name, name) != 0; i++)
		;
	return (enum verb)i;
}

/* The name in "group:NAME" when @scope is of @kind, else NULL. */
static const char *scope_of(const json_t *scope, const char *kind)
{
	const char *text = json_string_value(scope);
	size_t n = strlen(kind);

	return text && !strncmp(text, kind, n) && text[n] == ':' ? text + n + 1 : NULL;
}

int scopes_check(const json_t *scopes, struct error *err)
{
	const json_t *scope;
	const char *name;
	size_t i;

	if (scopes && !json_is_array(scopes))
		return error_set(err, ERROR_USAGE, "`scopes` must be a list such as [\"group:blades\"]");
	json_array_foreach(scopes, i, scope) {
		name = scope_of(scope, "group");
		if (!name)
			name = scope_of(scope, "persona");
		if (!name || !text_is_name(name))
			return error_set(err, ERROR_USAGE, "scope `%s` is neither group:NAME nor persona:NAME",
					 json_is_string(scope) ? json_string_value(scope) : "?");
	}
	return 0;
}

static bool has_scope(const json_t *scopes, const json_t *wanted)
{
	const json_t *scope;
	size_t i;

	json_array_foreach(scopes, i, scope)
		if (json_equal(scope, wanted))
			return true;
	return false;
}

bool scopes_within(const json_t *inner, const json_t *outer)
{
	const json_t *scope;
	size_t i;

	if (!json_array_size(outer))
		return true;
	if (!json_array_size(inner))
		return false;
	json_array_foreach(inner, i, scope)
		if (!has_scope(outer, scope))
			return false;
	return true;
}

bool access_has(const struct principal *p, enum verb verb)
{
	return roles[p->role].verbs & 1u << verb;
}

bool access_is_wide(const struct principal *p)
{
	return !json_array_size(p->scopes);
}

bool access_covers_persona(const struct principal *p, const struct persona *persona)
{
	const json_t *scope;
	const char *name;
	size_t i;

	if (access_is_wide(p))
		return true;
	json_array_foreach(p->scopes, i, scope) {
		name = scope_of(scope, "persona");
		if (name && !strcmp(name, persona->name))
			return true;
		name = scope_of(scope, "group");
		if (name && persona->group && !strcmp(name, persona->group->name))
			return true;
	}
	return false;
}

bool access_covers_machine(const struct principal *p, const struct machine *machine, const struct persona *plays)
{
	const struct membership *in;
	const json_t *scope;
	const char *name;
	size_t i;

	if (access_is_wide(p) || (plays && access_covers_persona(p, plays)))
		return true;
	json_array_foreach(p->scopes, i, scope) {
		name = scope_of(scope, "group");
		for (in = machine->groups; name && in; in = in->next)
			if (!strcmp(in->group->name, name))
				return true;
	}
	return false;
}

json_t *access_json(const struct principal *p)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < VERB_COUNT; i++)
		if (access_has(p, (enum verb)i))
			json_array_append_new(list, json_string(verbs[i].name));
	return json_pack("{s:s, s:s, s:o, s:o}", "name", p->name, "role", role_name(p->role), "verbs", list, "scopes",
			 p->scopes ? json_deep_copy(p->scopes) : json_array());
}
