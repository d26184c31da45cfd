/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * People and their passwords: users, logging in and out.  argon2id is worked out by a driver (drivers/password), so the core
 * goes on meanwhile; what is kept is its text.  A session is a token (token.c) that ends by itself; whatever changes a
 * user ends his sessions.
 */
#include "rights.h"
#include "throttle.h"
#include "token.h"

#include "json.h"
#include "log.h"
#include "secret.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWORD_MIN = 10, PASSWORD_MAX = 1024, ASK_MS = 20000, PENDING_MAX = 8 };
#define SESSION_MS ((int64_t)12 * 3600 * 1000)

/* Of a password that nobody knows: a name that is not there takes as long as one that is. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$8Ivz5mpafoNZoDOEkbra0Q$vzCm4XBd5lIJmSPCMGr4EvicUFV6qCFtJuCu2gxhdK4";

struct asking {
	struct core *core;
	struct answer *answer;
	char user[64];
	json_t *grant; /* of a user who is being defined: what is stored with the hash */
	char *verifier; /* that was asked about; NULL: none */
	void (*done)(struct asking *q, bool fits, const char *hash);
};

static void asking_free(struct asking *q)
{
	q->core->logins--;
	json_decref(q->grant);
	free(q->verifier);
	free(q);
}

static void refuse(struct asking *q, const struct error *err)
{
	answer_error(q->core, q->answer, err);
	asking_free(q);
}

static void on_worked_out(void *arg, const struct op_result *r)
{
	struct asking *q = arg;

	if (r->outcome == OP_DONE)
		q->done(q, json_bool(r->document, "fits", false), json_str(r->document, "hash", NULL));
	else
		refuse(q, &r->error);
}

/* Passwords are not kept longer than needed: the texts in @body are overwritten. */
static void wipe(const json_t *body, const char *key)
{
	const json_t *text = json_object_get(body, key);

	if (json_is_string(text))
		secret_wipe((char *)json_string_value(text), json_string_length(text));
}

static void work_out(struct asking *q, const json_t *body, const char *password, const char *new)
{
	json_t *set = json_pack("{s:s}", "password", json_str(body, password, "")), *change;
	static const char object[] = "password";

	if (q->verifier)
		json_object_set_new(set, "hash", json_string(q->verifier));
	if (new)
		json_object_set_new(set, "new", json_string(json_str(body, new, "")));
	change = json_pack("{s:s, s:o}", "object", object, "set", set);
	dispatch_apply(q->core->dispatch, PASSWORDS, change, false, ASK_MS, on_worked_out, q);
	json_decref(change);
	wipe(body, password);
	if (new)
		wipe(body, new);
	core_turn_soon(q->core);
}

/* NULL when too many wait already: each takes much memory, and a tenth of a second of a processor. */
static struct asking *asking_create(struct core *c, struct answer *a, const char *user, struct error *err)
{
	struct asking *q;

	if (c->logins >= PENDING_MAX) {
		error_set(err, ERROR_BUSY, "too many passwords are being checked at this moment");
		err->retry_after_ms = 1000;
		return NULL;
	}
	q = xcalloc(1, sizeof(*q));
	q->core = c;
	q->answer = a;
	snprintf(q->user, sizeof(q->user), "%s", user);
	c->logins++;
	return q;
}

static int check_password(const json_t *body, const char *key, struct error *err)
{
	const json_t *text = json_object_get(body, key);
	size_t n = json_string_length(text);

	if (json_is_string(text) && n >= PASSWORD_MIN && n <= PASSWORD_MAX)
		return 0;
	error_set(err, ERROR_INVALID, "`%s` must have from %d to %d characters", key, PASSWORD_MIN, PASSWORD_MAX);
	return error_hint(err, "A few words that nobody would guess are better than one with signs in it.");
}

/* Users. */

static void store_user(struct asking *q, const char *hash)
{
	struct core *c = q->core;
	json_t *before = store_record_get(c->store, "user", q->user), *doc = q->grant;

	json_object_set(doc, "verifier", hash ? json_string(hash) : json_object_get(before, "verifier"));
	if (hash) /* json_object_set() has its own reference */
		json_decref(json_object_get(doc, "verifier"));
	store_set_time(c->store, env_wall(c->env));
	store_record_put(c->store, "user", q->user, doc);
	sessions_end(c, q->user);
	core_event(c, "access", 0, json_pack("{s:s, s:s, s:s}", "user", q->user, "action", "set", "by", q->answer->caller.name));
	json_object_del(doc, "verifier");
	json_object_set_new(doc, "name", json_string(q->user));
	core_answer(c, q->answer, before ? 200 : 201, json_incref(doc), NULL);
	json_decref(before);
	asking_free(q);
}

static void user_hashed(struct asking *q, bool fits, const char *hash)
{
	(void)fits;
	store_user(q, hash);
}

void service_user_put(struct core *c, struct answer *a, const char *name, const json_t *body)
{
	json_auto_t *before = store_record_get(c->store, "user", name);
	bool has_password = json_object_get(body, "password") != NULL;
	struct error err = { 0 };
	struct asking *q = NULL;
	json_t *grant = NULL;

	if (!text_is_name(name))
		error_set(&err, ERROR_USAGE, "`%s` is not a name: 1 to 63 of a-z 0-9 - . _", name);
	else if ((before && !has_password) || check_password(body, "password", &err) == 0)
		grant = grant_of(c, &a->caller, body, &err);
	if (grant)
		q = asking_create(c, a, name, &err);
	if (!q) {
		json_decref(grant);
		answer_error(c, a, &err);
		return;
	}
	q->grant = grant;
	q->done = user_hashed;
	if (has_password)
		work_out(q, body, "password", NULL);
	else
		store_user(q, NULL);
}

void service_user_delete(struct core *c, struct answer *a, const char *name)
{
	json_auto_t *doc = store_record_get(c->store, "user", name);
	struct error err = { 0 };

	if (!doc) {
		error_set(&err, ERROR_NOT_FOUND, "there is no user `%s`", name);
		answer_error(c, a, &err);
		return;
	}
	store_set_time(c->store, env_wall(c->env));
	store_record_delete(c->store, "user", name);
	sessions_end(c, name);
	core_event(c, "access", 0, json_pack("{s:s, s:s, s:s}", "user", name, "action", "deleted", "by", a->caller.name));
	core_answer(c, a, 200, json_pack("{s:s}", "name", name), NULL);
}

/* Logging in. */

static void wrong(struct asking *q)
{
	struct error err = { 0 };

	throttle_failed(q->core->throttle, q->user, env_mono(q->core->env));
	log_warn("login", "refused user=%s from=%s", q->user, q->answer->caller.from);
	error_set(&err, ERROR_UNAUTHENTICATED, "user or password is wrong");
	error_hint(&err, "Who has lost a password gets a new one by `persona user set NAME` of an administrator.");
	refuse(q, &err);
}

/* He is in, when he still is who he was when the question was asked. */
static void checked(struct asking *q, bool fits, const char *hash)
{
	struct core *c = q->core;
	json_auto_t *user = store_record_get(c->store, "user", q->user);
	int64_t expires = json_int(user, "expires", 0), now = env_wall(c->env);
	json_t *session;

	(void)hash;
	if (!fits || !user || strcmp(json_str(user, "verifier", ""), q->verifier) != 0 || (expires && expires <= now)) {
		wrong(q);
		return;
	}
	throttle_passed(c->throttle, q->user);
	session = json_pack("{s:O, s:O, s:I, s:I, s:s, s:s}", "role", json_object_get(user, "role"), "scopes",
			    json_object_get(user, "scopes"), "expires",
			    (json_int_t)(expires && expires < now + SESSION_MS ? expires : now + SESSION_MS), "created",
			    (json_int_t)now, "by", "login", "user", q->user);
	snprintf(q->answer->caller.name, sizeof(q->answer->caller.name), "user %s", q->user);
	audit_login(c, q->answer);
	core_answer(c, q->answer, 201, session_begin(c, session), NULL);
	asking_free(q);
}

void service_login(struct core *c, struct answer *a, const char *from, const json_t *body)
{
	const char *user = json_str(body, "user", ""), *password = json_str(body, "password", "");
	int64_t wait = throttle_wait_ms(c->throttle, user, env_mono(c->env));
	json_auto_t *doc = store_record_get(c->store, "user", user);
	struct error err = { 0 };
	struct asking *q = NULL;

	snprintf(a->caller.from, sizeof(a->caller.from), "%s", from);
	if (!text_is_name(user) || !*password || strlen(password) > PASSWORD_MAX)
		error_set(&err, ERROR_USAGE, "the request needs `user`, which is a name, and `password`");
	else if (wait) {
		error_set(&err, ERROR_RATE_LIMITED, "too many wrong passwords were tried for this user");
		err.retry_after_ms = (unsigned)wait;
	} else
		q = asking_create(c, a, user, &err);
	if (!q) {
		answer_error(c, a, &err);
		return;
	}
	q->verifier = xstrdup(json_str(doc, "verifier", nobody));
	q->done = checked;
	work_out(q, body, "password", NULL);
}

/* Who has logged in; "" when it came in another way. */
static const char *user_of(const struct caller *caller)
{
	return !strncmp(caller->name, "user ", 5) ? caller->name + 5 : "";
}

void service_logout(struct core *c, struct answer *a)
{
	struct error err = { 0 };

	if (!*user_of(&a->caller)) {
		error_set(&err, ERROR_CONFLICT, "%s has not logged in, so there is no session to end", a->caller.name);
		answer_error(c, a, &err);
		return;
	}
	store_set_time(c->store, env_wall(c->env));
	store_record_delete(c->store, "token", a->caller.token);
	core_event(c, "access", 0, json_pack("{s:s, s:s}", "token", a->caller.name, "action", "ended"));
	core_answer(c, a, 200, json_pack("{s:s}", "name", a->caller.name), NULL);
}

/* Another password of one's own. */

static void changed(struct asking *q, bool fits, const char *hash)
{
	json_auto_t *user = store_record_get(q->core->store, "user", q->user);

	if (!fits || !hash || !user || strcmp(json_str(user, "verifier", ""), q->verifier) != 0) {
		wrong(q);
		return;
	}
	throttle_passed(q->core->throttle, q->user);
	q->grant = json_incref(user);
	store_user(q, hash);
}

void service_password(struct core *c, struct answer *a, const json_t *body)
{
	const char *user = user_of(&a->caller);
	int64_t wait = throttle_wait_ms(c->throttle, user, env_mono(c->env));
	json_auto_t *doc = store_record_get(c->store, "user", user);
	struct error err = { 0 };
	struct asking *q = NULL;

	if (!doc)
		error_set(&err, ERROR_CONFLICT, "%s has no password: only who has logged in can change his own", a->caller.name);
	else if (wait) {
		error_set(&err, ERROR_RATE_LIMITED, "too many wrong passwords were tried for this user");
		err.retry_after_ms = (unsigned)wait;
	} else if (check_password(body, "new", &err) == 0)
		q = asking_create(c, a, user, &err);
	if (!q) {
		answer_error(c, a, &err);
		return;
	}
	q->verifier = xstrdup(json_str(doc, "verifier", nobody));
	q->done = changed;
	work_out(q, body, "old", "new");
}
