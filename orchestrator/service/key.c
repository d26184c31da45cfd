/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Another master key (store/store_key.c), and when somebody may have had the old one together with the database, other keys
 * for tokens and for the signature of the audit as well.
 */
#include "rights.h"

#include "json.h"

static void public_key(struct core *c, char key[65])
{
	char signature[129];

	store_sign(c->store, "", signature, key);
}

static void find_key(void *arg, const char *key, json_t *doc)
{
	(void)doc;
	json_array_append_new(arg, json_string(key));
}

/* Tokens that no key can tell any more.  How many there were. */
static size_t drop_tokens(struct core *c)
{
	json_auto_t *keys = json_array();
	const json_t *key;
	size_t i;

	store_record_each(c->store, "token", find_key, keys);
	json_array_foreach(keys, i, key)
		store_record_delete(c->store, "token", json_string_value(key));
	return json_array_size(keys);
}

void service_key_rotate(struct core *c, struct answer *a, const json_t *body)
{
	bool tokens = json_bool(body, "tokens", false);
	struct error err = { 0 };
	char was[65], is[65];
	size_t ended;
	int n = -1;

	public_key(c, was);
	/* The request's record first: it is committed by itself, and the key in a turn of its own. */
	if (core_commit(c, &err) == 0)
		n = store_key_rotate(c->store, tokens, &err);
	if (n < 0) {
		answer_error(c, a, &err);
		return;
	}
	public_key(c, is);
	store_set_time(c->store, env_wall(c->env));
	ended = tokens ? drop_tokens(c) : 0;
	if (tokens)
		audit_note(c, json_pack("{s:s, s:s}", "signing_key", is, "was", was));
	core_event(c, "secret", 0, json_pack("{s:s, s:s}", "action", "key rotated", "by", a->caller.name));
	core_answer(c, a, 200, json_pack("{s:i, s:I, s:s}", "secrets", n, "tokens_ended", (json_int_t)ended, "signing_key", is), NULL);
}
