/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who asks, and what he may do with which object.  Called by the API for each request before anything else.
 */
#include "rights.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct principal principal_of(const struct caller *caller)
{
	struct principal p = { .role = (enum role)caller->role, .scopes = caller->scopes };

	snprintf(p.name, sizeof(p.name), "%s", caller->name);
	return p;
}

bool rights_persona(struct core *c, const struct caller *caller, const struct persona *p)
{
	struct principal who = principal_of(caller);

	(void)c;
	return access_covers_persona(&who, p);
}

bool rights_machine(struct core *c, const struct caller *caller, const struct machine *m)
{
	const struct assignment *on = roster_on(c->roster, m->name);
	struct principal who = principal_of(caller);

	return access_covers_machine(&who, m, on ? model_persona(c->model, on->persona) : NULL);
}

/* Names of what is gone are covered by the whole site only. */
static bool covers_names(struct core *c, const struct caller *caller, const char *persona, const char *machine)
{
	const struct persona *p = persona ? model_persona(c->model, persona) : NULL;
	const struct machine *m = machine && *machine ? model_machine(c->model, machine) : NULL;

	if (persona && *persona && !(p && rights_persona(c, caller, p)))
		return false;
	return !machine || !*machine || (m && (rights_machine(c, caller, m) || (p && rights_persona(c, caller, p))));
}

bool rights_run(struct core *c, const struct caller *caller, const json_t *run)
{
	struct principal who = principal_of(caller);
	const json_t *casts = json_object_get(json_object_get(run, "doc"), "casts"), *cast;
	size_t i;

	if (access_is_wide(&who))
		return true;
	json_array_foreach(casts, i, cast)
		if (!covers_names(c, caller, json_str(cast, "persona", ""), json_str(cast, "to", NULL)))
			return false;
	return covers_names(c, caller, json_str(run, "persona", NULL), json_str(run, "machine", NULL));
}

static bool covers_wish(struct core *c, const struct caller *caller, const json_t *wish)
{
	const json_t *with = json_object_get(wish, "with"), *one;
	size_t i;

	if (!covers_names(c, caller, json_str(wish, "persona", NULL), json_str(wish, "machine", NULL)))
		return false;
	if (json_is_string(with) && !covers_names(c, caller, json_string_value(with), NULL))
		return false;
	json_array_foreach(with, i, one)
		if (!covers_names(c, caller, json_string_value(one), NULL))
			return false;
	return json_object_get(wish, "persona") != NULL;
}

static bool covers(struct core *c, const struct caller *caller, enum target target, const char *name, const json_t *body)
{
	const struct principal who = principal_of(caller);
	const json_t *plan = json_object_get(body, "plan");
	json_t *run;
	int64_t id;
	bool yes;

	if (access_is_wide(&who))
		return true;
	switch (target) {
	case TARGET_ANY: /* what is shown is chosen by its service */
		return true;
	case TARGET_SITE:
		return false;
	case TARGET_MACHINE:
		return covers_names(c, caller, NULL, name) || !model_machine(c->model, name);
	case TARGET_PERSONA:
		return covers_names(c, caller, name, NULL) || !model_persona(c->model, name);
	case TARGET_WISH:
		return covers_wish(c, caller, plan ? plan : body);
	case TARGET_RUN:
		id = strtoll(name, NULL, 10);
		run = store_run_get(c->store, id);
		yes = !run || rights_run(c, caller, run);
		json_decref(run);
		return yes;
	}
	return false;
}

/* Adoption and sweeping are more than starting a run. */
static enum verb verb_of(const char *name, enum target target, const json_t *body)
{
	const json_t *plan = json_object_get(body, "plan");
	const char *action = json_str(plan ? plan : body, "action", "");
	enum verb verb = verb_by_name(name);

	if (target == TARGET_WISH && verb == VERB_APPLY && (!strcmp(action, "adopt") || !strcmp(action, "sweep")))
		return VERB_FORCE;
	return verb;
}

int service_may(struct core *c, const struct caller *caller, const char *name, enum target target, const char *object,
		const json_t *body, struct error *err)
{
	const struct principal who = principal_of(caller);
	enum verb verb = verb_of(name, target, body);

	if (!access_has(&who, verb)) {
		error_set(err, ERROR_DENIED, "%s may not %s (%s)", caller->name, verb_name(verb), verb_what(verb));
		return error_hint(err, "Its role is %s. `persona whoami` shows what it may do; ask an administrator for more.",
				  role_name(who.role));
	}
	if (covers(c, caller, target, object, body))
		return 0;
	error_set(err, ERROR_DENIED, "%s may %s only within its scope", caller->name, verb_name(verb));
	return error_hint(err, "`persona whoami` shows the scope.");
}

void service_whoami(struct core *c, struct answer *a)
{
	struct principal who = principal_of(&a->caller);

	core_answer(c, a, 200, access_json(&who), NULL);
}

void service_can(struct core *c, struct answer *a, const json_t *body)
{
	const char *verb = json_str(body, "verb", ""), *machine = json_str(body, "machine", NULL),
		   *persona = json_str(body, "persona", NULL);
	struct error err = { 0 };
	enum target target = machine ? TARGET_MACHINE : persona ? TARGET_PERSONA : TARGET_ANY;

	if (verb_by_name(verb) == VERB_COUNT) {
		error_set(&err, ERROR_USAGE, "`%s` is not one of view, plan, apply, approve, power, force, admin", verb);
		answer_error(c, a, &err);
		return;
	}
	service_may(c, &a->caller, verb, target, machine ? machine : persona ? persona : "", body, &err);
	core_answer(c, a, 200, json_pack("{s:b, s:o}", "allowed", !err.code, "why", err.code ? json_string(err.text) : json_null()),
		    NULL);
}

/* Who: from the socket, a token, or a certificate. */

static void as_admin(struct caller *caller, int64_t uid)
{
	caller->local = true;
	caller->uid = uid;
	caller->role = ROLE_ADMIN;
	snprintf(caller->name, sizeof(caller->name), "uid %lld", (long long)uid);
}

static int take_record(struct core *c, struct caller *caller, json_t *doc, const char *kind, const char *name, struct error *err)
{
	enum role role = role_by_name(json_str(doc, "role", ""));
	int64_t expires = json_int(doc, "expires", 0);

	if (role == ROLE_COUNT || json_bool(doc, "disabled", false))
		return error_set(err, ERROR_UNAUTHENTICATED, "%s %s may not come in any more", kind, name);
	if (expires && env_wall(c->env) >= expires)
		return error_set(err, ERROR_UNAUTHENTICATED, "%s %s has expired", kind, name);
	caller->role = (int)role;
	caller->scopes = json_incref(json_object_get(doc, "scopes"));
	snprintf(caller->name, sizeof(caller->name), "%s %s", kind, name);
	return 0;
}

static int by_token(struct core *c, struct caller *caller, const char *header, struct error *err)
{
	char hash[CHAIN_TEXT];
	bool is_session;
	json_t *doc;
	int rc;

	if (strncasecmp(header, "bearer ", 7) != 0)
		return error_set(err, ERROR_UNAUTHENTICATED, "`Authorization` must be `Bearer TOKEN`");
	store_keyed_hash(c->store, "tokens", header + 7, strlen(header + 7), hash);
	doc = store_record_get(c->store, "token", hash);
	if (!doc) {
		error_set(err, ERROR_UNAUTHENTICATED, "this token is not known, or was revoked");
		return error_hint(err, "Make one with `persona token create` where the controller runs.");
	}
	is_session = json_str(doc, "user", NULL);
	rc = take_record(c, caller, doc, is_session ? "user" : "token", json_str(doc, is_session ? "user" : "name", "?"), err);
	snprintf(caller->token, sizeof(caller->token), "%s", hash);
	json_decref(doc);
	return rc;
}

static int by_certificate(struct core *c, struct caller *caller, const char *subject, struct error *err)
{
	char key[256];
	json_t *doc;
	int rc;

	snprintf(key, sizeof(key), "cert %s", subject);
	doc = store_record_get(c->store, "account", key);
	if (!doc) {
		error_set(err, ERROR_UNAUTHENTICATED, "the certificate of %s has no account here", subject);
		return error_hint(err, "Give it one: persona account add --cert '%s' --role ROLE", subject);
	}
	rc = take_record(c, caller, doc, "cert", subject, err);
	snprintf(caller->account, sizeof(caller->account), "%s", key);
	json_decref(doc);
	return rc;
}

int service_authenticate(struct core *c, const struct credentials *k, struct caller *caller, struct error *err)
{
	caller->role = ROLE_VIEWER;
	snprintf(caller->from, sizeof(caller->from), "%s", k->from);
	if (k->authorization)
		return by_token(c, caller, k->authorization, err);
	if (k->uid >= 0 && k->trusted) {
		as_admin(caller, k->uid);
		return 0;
	}
	if (k->uid >= 0) {
		snprintf(caller->name, sizeof(caller->name), "uid %lld", (long long)k->uid);
		return error_set(err, ERROR_DENIED, "uid %lld may not use this controller", (long long)k->uid);
	}
	if (k->subject)
		return by_certificate(c, caller, k->subject, err);
	error_set(err, ERROR_UNAUTHENTICATED, "a token or a client certificate is needed here");
	return error_hint(err, "Send `Authorization: Bearer TOKEN`; make one with `persona token create`.");
}

/* A stream goes on only as long as what it was opened with. */
bool service_still_in(struct core *c, const struct caller *caller)
{
	json_t *doc;
	bool in;

	if (!caller->token[0] && !caller->account[0])
		return true;
	doc = caller->token[0] ? store_record_get(c->store, "token", caller->token)
			       : store_record_get(c->store, "account", caller->account);
	in = doc && (!json_int(doc, "expires", 0) || env_wall(c->env) < json_int(doc, "expires", 0)) &&
	     role_by_name(json_str(doc, "role", "")) == (enum role)caller->role &&
	     json_equal(json_object_get(doc, "scopes"), caller->scopes); /* what it may is another thing by now */
	json_decref(doc);
	return in;
}

bool service_shows_event(struct core *c, const struct caller *caller, const json_t *doc)
{
	struct principal who = principal_of(caller);
	const char *persona = json_str(doc, "persona", ""), *machine = json_str(doc, "machine", "");

	if (access_is_wide(&who))
		return true;
	return (*persona || *machine) && covers_names(c, caller, *persona ? persona : NULL, *machine ? machine : NULL);
}
