/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The audit: each request that changes something is recorded in the turn that it changes it in, so that no device is
 * written to without a committed record; what became of it is a second record.  The records are a chain (chain.h), whose
 * head is signed and logged; it is evidence only where that log is kept elsewhere.
 */
#include "rights.h"

#include "json.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_EVERY_MS = 60000, BATCH = 1000 };

/* What of a body is recorded: never a secret. */
static json_t *told(const json_t *body)
{
	static const char *const keys[] = { "action", "persona", "machine", "group", "with", "power", "because", "name", "role", "volume", "source", "snapshot", "size_bytes",
					    "scopes", "expires", "cert", "dry_run", "path", "seconds", "plan",
					    "fingerprint", "first_use", "tokens" };
	json_t *out = json_object(), *v;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		v = json_object_get(body, keys[i]);
		if (v && !strcmp(keys[i], "plan") && json_is_object(v))
			v = json_object_get(v, "id"); /* the hash binds the rest */
		if (v)
			json_object_set(out, keys[i], v);
	}
	return out;
}

static void head_soon(struct core *c);

static int64_t add(struct core *c, json_t *doc)
{
	int64_t seq;

	json_object_set_new(doc, "time", json_integer(env_wall(c->env)));
	store_set_time(c->store, env_wall(c->env));
	seq = store_audit_add(c->store, doc);
	json_decref(doc);
	head_soon(c);
	core_turn_soon(c);
	return seq;
}

void service_audit_request(struct core *c, struct answer *a, const char *method, const char *path, const json_t *body,
			   const struct error *denied)
{
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:o}", "who", a->caller.name, "from", a->caller.from, "method", method,
				"path", path, "what", told(body));

	if (denied)
		json_object_set_new(doc, "denied", json_string(error_name(denied->code)));
	a->audit = add(c, doc);
}

void audit_login(struct core *c, struct answer *a)
{
	a->audit = add(c, json_pack("{s:s, s:s, s:s, s:s, s:{}}", "who", a->caller.name, "from", a->caller.from, "method", "POST",
				    "path", "/v1/login", "what"));
}

void audit_outcome(struct core *c, const struct answer *a, int status, const json_t *body)
{
	json_t *doc, *run = json_object_get(body, "id"), *code = json_object_get(body, "code");

	if (!a->audit)
		return;
	doc = json_pack("{s:I, s:i}", "of", (json_int_t)a->audit, "status", status);
	if (status == 202 && run) {
		json_object_set(doc, "run", run);
		json_object_set(doc, "plan", json_object_get(body, "plan"));
	}
	if (status >= 400 && code)
		json_object_set(doc, "code", code);
	add(c, doc);
}

void audit_note(struct core *c, json_t *doc)
{
	add(c, doc);
}

void audit_run_ended(struct core *c, const struct run *run)
{
	add(c, json_pack("{s:I, s:s, s:s, s:s}", "run", (json_int_t)run->id, "action", run->action, "state",
			 run_state_name(run->state), "why", run->reason.text));
}

static void log_head(struct core *c)
{
	char hash[CHAIN_TEXT], text[128], signature[129], key[65];
	int64_t seq = store_audit_head(c->store, hash);

	if (seq == c->audit_logged)
		return;
	c->audit_logged = seq;
	snprintf(text, sizeof(text), "recast audit %lld %s", (long long)seq, hash);
	store_sign(c->store, text, signature, key);
	log_info("audit", "head audit_seq=%lld audit_head=%s audit_signature=%s audit_key=%s", (long long)seq, hash, signature, key);
}

static void on_head(void *arg)
{
	struct core *c = arg;

	c->audit_head = NULL;
	if (!store_dirty(c->store))
		log_head(c);
	else
		head_soon(c); /* only what is durable is signed */
}

static void head_soon(struct core *c)
{
	if (!c->audit_head)
		c->audit_head = env_after(c->env, HEAD_EVERY_MS, on_head, c);
}

/* The whole chain from its beginning. */
void service_audit_verify(struct core *c, struct answer *a)
{
	char hash[CHAIN_TEXT], text[128], signature[129], key[65];
	json_t *rows, *row;
	int64_t seq = 0, bad = 0;
	size_t i, n;

	chain_begin(hash);
	do {
		rows = store_audit_after(c->store, seq, BATCH);
		n = json_array_size(rows);
		json_array_foreach(rows, i, row) {
			if (json_int(row, "seq", 0) != seq + 1 && !bad)
				bad = seq + 1;
			seq = json_int(row, "seq", 0);
			chain_next(hash, seq, json_object_get(row, "doc"));
			if (strcmp(hash, json_str(row, "hash", "")) != 0 && !bad)
				bad = seq;
		}
		json_decref(rows);
	} while (n == BATCH && !bad);
	snprintf(text, sizeof(text), "recast audit %lld %s", (long long)seq, hash);
	store_sign(c->store, text, signature, key);
	core_answer(c, a, 200, json_pack("{s:b, s:I, s:o, s:s, s:s, s:s}", "ok", !bad, "records", (json_int_t)seq, "broken_at",
					 bad ? json_integer(bad) : json_null(), "head", hash, "signature", signature, "key", key),
		    NULL);
}
