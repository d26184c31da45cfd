/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tokens and accounts: who may come in besides the local socket.  A token is shown once, when it is made; what is kept
 * is its hash under a key of the controller.
 */
#include "rights.h"
#include "token.h"

#include "json.h"
#include "text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_BYTES = 32 };

json_t *grant_of(struct core *c, const struct caller *by, const json_t *body, struct error *err)
{
	enum role role = role_by_name(json_str(body, "role", ""));
	const json_t *scopes = json_object_get(body, "scopes");
	int64_t expires = json_int(body, "expires", 0);
	json_t *doc;

	if (role == ROLE_COUNT) {
		error_set(err, ERROR_USAGE, "`role` must be viewer, operator, approver or admin");
		return NULL;
	}
	if (scopes_check(scopes, err) < 0)
		return NULL;
	if (!scopes_within(scopes, by->scopes)) {
		error_set(err, ERROR_DENIED, "%s cannot give more than its own scope", by->name);
		return NULL;
	}
	if (expires && expires <= env_wall(c->env)) {
		error_set(err, ERROR_USAGE, "`expires` lies in the past");
		return NULL;
	}
	doc = json_pack("{s:s, s:o, s:o, s:I, s:s}", "role", role_name(role), "scopes",
			scopes ? json_deep_copy(scopes) : json_array(), "expires", expires ? json_integer(expires) : json_null(),
			"created", (json_int_t)env_wall(c->env), "by", by->name);
	return doc;
}

struct looking_for {
	const char *name;
	char key[CHAIN_TEXT];
};

static void match(void *arg, const char *key, json_t *doc)
{
	struct looking_for *l = arg;

	if (!strcmp(json_str(doc, "name", ""), l->name))
		snprintf(l->key, sizeof(l->key), "%s", key);
}

static bool token_by_name(struct core *c, const char *name, struct looking_for *l)
{
	*l = (struct looking_for){ .name = name };
	store_record_each(c->store, "token", match, l);
	return l->key[0] != '\0';
}

static void make_token(struct core *c, char out[64])
{
	unsigned char bytes[TOKEN_BYTES];

	env_random(c->env, bytes, sizeof(bytes));
	strcpy(out, "rct_");
	sodium_bin2base64(out + 4, 60, bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	secret_wipe(bytes, sizeof(bytes));
}

void service_token_create(struct core *c, struct answer *a, const json_t *body)
{
	const char *name = json_str(body, "name", "");
	char token[64], hash[CHAIN_TEXT];
	struct looking_for l;
	struct error err = { 0 };
	json_t *doc = NULL;

	if (!text_is_name(name))
		error_set(&err, ERROR_USAGE, "`name` must be a name: lower-case letters, digits and -");
	else if (token_by_name(c, name, &l))
		error_set(&err, ERROR_CONFLICT, "there is a token `%s` already", name);
	else
		doc = grant_of(c, &a->caller, body, &err);
	if (!doc) {
		answer_error(c, a, &err);
		return;
	}
	store_set_time(c->store, env_wall(c->env));
	make_token(c, token);
	store_keyed_hash(c->store, "tokens", token, strlen(token), hash);
	json_object_set_new(doc, "name", json_string(name));
	store_record_put(c->store, "token", hash, doc);
	core_event(c, "access", 0, json_pack("{s:s, s:s, s:s}", "token", name, "action", "created", "by", a->caller.name));
	json_object_set_new(doc, "token", json_string(token)); /* this once */
	core_answer(c, a, 201, doc, NULL);
	secret_wipe(token, sizeof(token));
}

json_t *session_begin(struct core *c, json_t *doc)
{
	char token[64], hash[CHAIN_TEXT];

	store_set_time(c->store, env_wall(c->env));
	make_token(c, token);
	store_keyed_hash(c->store, "tokens", token, strlen(token), hash);
	json_object_set_new(doc, "name", json_sprintf("%s-%.8s", json_str(doc, "user", ""), hash));
	store_record_put(c->store, "token", hash, doc);
	json_object_set_new(doc, "token", json_string(token)); /* this once */
	secret_wipe(token, sizeof(token));
	return doc;
}

struct ending {
	struct core *core;
	const char *user;
	json_t *keys;
};

static void find_session(void *arg, const char *key, json_t *doc)
{
	struct ending *e = arg;

	if (!strcmp(json_str(doc, "user", ""), e->user))
		json_array_append_new(e->keys, json_string(key));
}

void sessions_end(struct core *c, const char *user)
{
	struct ending e = { .core = c, .user = user, .keys = json_array() };
	const json_t *key;
	size_t i;

	store_record_each(c->store, "token", find_session, &e);
	json_array_foreach(e.keys, i, key)
		store_record_delete(c->store, "token", json_string_value(key));
	json_decref(e.keys);
}

static void list_record(void *arg, const char *key, json_t *doc)
{
	json_t *item = json_deep_copy(doc);

	if (!json_object_get(item, "name"))
		json_object_set_new(item, "name", json_string(key));
	json_object_del(item, "verifier");
	json_array_append_new(arg, item);
}

static void list(struct core *c, struct answer *a, const char *kind)
{
	json_t *items = json_array();

	store_record_each(c->store, kind, list_record, items);
	core_answer(c, a, 200, json_pack("{s:o}", "items", items), NULL);
}

void service_token_list(struct core *c, struct answer *a)
{
	list(c, a, "token");
}

void service_user_list(struct core *c, struct answer *a)
{
	list(c, a, "user");
}

void service_token_revoke(struct core *c, struct answer *a, const char *name)
{
	struct error err = { 0 };
	struct looking_for l;

	if (!token_by_name(c, name, &l)) {
		error_set(&err, ERROR_NOT_FOUND, "there is no token `%s`", name);
		answer_error(c, a, &err);
		return;
	}
	store_set_time(c->store, env_wall(c->env));
	store_record_delete(c->store, "token", l.key);
	core_event(c, "access", 0, json_pack("{s:s, s:s, s:s}", "token", name, "action", "revoked", "by", a->caller.name));
	core_answer(c, a, 200, json_pack("{s:s}", "name", name), NULL);
}

/* Accounts: certificates by their subject. */

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			return false;
	return true;
}

void service_account_put(struct core *c, struct answer *a, const json_t *body)
{
	const char *subject = json_str(body, "cert", "");
	struct error err = { 0 };
	json_t *doc = NULL;
	char key[256];

	if (!*subject || strlen(subject) > 200 || !is_printable(subject))
		error_set(&err, ERROR_USAGE, "`cert` must be the subject of a certificate, such as CN=ci");
	else
		doc = grant_of(c, &a->caller, body, &err);
	if (!doc) {
		answer_error(c, a, &err);
		return;
	}
	snprintf(key, sizeof(key), "cert %s", subject);
	store_set_time(c->store, env_wall(c->env));
	store_record_put(c->store, "account", key, doc);
	json_object_set_new(doc, "name", json_string(key));
	core_event(c, "access", 0, json_pack("{s:s, s:s, s:s}", "account", key, "action", "set", "by", a->caller.name));
	core_answer(c, a, 200, doc, NULL);
}

void service_account_list(struct core *c, struct answer *a)
{
	list(c, a, "account");
}

void service_account_delete(struct core *c, struct answer *a, const json_t *body)
{
	const char *subject = json_str(body, "cert", "");
	struct error err = { 0 };
	json_t *doc;
	char key[256];

	snprintf(key, sizeof(key), "cert %s", subject);
	doc = store_record_get(c->store, "account", key);
	if (!doc) {
		error_set(&err, ERROR_NOT_FOUND, "there is no account for the certificate `%s`", subject);
		answer_error(c, a, &err);
		return;
	}
	json_decref(doc);
	store_set_time(c->store, env_wall(c->env));
	store_record_delete(c->store, "account", key);
	core_event(c, "access", 0, json_pack("{s:s, s:s, s:s}", "account", key, "action", "deleted", "by", a->caller.name));
	core_answer(c, a, 200, json_pack("{s:s}", "name", key), NULL);
}
