/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Changes, results and errors between the frames' JSON and the driver's structs.  Last line of
 * defence for secrets: the secret of the device is cut out of every error text that leaves.
 */
#include "kit.h"

#include "arena.h"
#include "json.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

void change_done(struct driver_change *c, bool changed, json_t *observed)
{
	c->status = CHANGE_DONE;
	c->changed = changed;
	json_decref(c->observed);
	c->observed = observed;
	error_clear(&c->error);
}

void change_failed(struct driver_change *c, enum change_status status, const struct error *err)
{
	c->status = status;
	c->error = *err;
}

void change_again(struct driver_change *c, int64_t after_ms)
{
	c->status = CHANGE_AGAIN;
	c->after_ms = after_ms;
	error_clear(&c->error);
}

void change_waits(struct driver_change *c, int64_t after_ms, const struct error *why)
{
	change_again(c, after_ms);
	c->error = *why;
}

/* A JSON string of @s with invalid UTF-8 and the secret replaced. */
static json_t *clean_string(const char *s, const struct secret *secret)
{
	size_t i, len = strlen(s), hide = secret ? secret_len(secret) : 0;
	char *copy = xstrdup(s);
	json_t *v;

	for (i = 0; hide >= 4 && i + hide <= len; i++)
		/* Revealed only to be recognised and removed. */
		if (!memcmp(copy + i, secret_reveal(secret), hide))
			memset(copy + i, '*', hide);
	v = json_string(copy);
	for (i = 0; !v && i < len; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	if (!v)
		v = json_string(copy);
	free(copy);
	return v;
}

json_t *error_to_json(const struct error *err, const struct secret *secret)
{
	json_t *v = json_object();

	json_object_set_new(v, "code", json_string(error_name(err->code)));
	json_object_set_new(v, "text", clean_string(err->text, secret));
	if (err->hint[0])
		json_object_set_new(v, "hint", clean_string(err->hint, secret));
	if (err->presented.fingerprint[0])
		json_object_set_new(v, "presented", server_key_to_json(&err->presented));
	if (err->retry_after_ms)
		json_object_set_new(v, "retry_after_ms", json_integer(err->retry_after_ms));
	return v;
}

static int change_from_json(struct driver_change *c, const json_t *v, size_t i, struct error *err)
{
	c->object = json_str(v, "object", NULL);
	c->set = json_object_get(v, "set");
	c->owner = json_str(v, "owner", NULL);
	c->generation = json_int(v, "generation", 0);
	c->status = CHANGE_NOT_APPLIED;
	error_set(&c->error, ERROR_REFUSED, "not attempted");
	if (!c->object || !json_is_object(c->set))
		return error_set(err, ERROR_INVALID, "changes[%zu] needs an object and a set", i);
	return 0;
}

struct driver_change *changes_from_json(const json_t *list, size_t *n, struct error *err)
{
	struct driver_change *changes;
	size_t i;

	*n = json_array_size(list);
	if (!json_is_array(list)) {
		error_set(err, ERROR_INVALID, "apply needs a list of changes");
		return NULL;
	}
	changes = xcalloc(*n + 1, sizeof(*changes));
	for (i = 0; i < *n; i++)
		if (change_from_json(&changes[i], json_array_get(list, i), i, err)) {
			free(changes);
			return NULL;
		}
	return changes;
}

static json_t *change_to_json(const struct driver_change *c, const struct secret *secret)
{
	json_t *v = json_object();

	switch (c->status) {
	case CHANGE_DONE:
		json_object_set_new(v, "status", json_string("done"));
		json_object_set_new(v, "changed", json_boolean(c->changed));
		break;
	case CHANGE_NOT_APPLIED:
		json_object_set_new(v, "status", json_string("not_applied"));
		json_object_set_new(v, "error", error_to_json(&c->error, secret));
		break;
	case CHANGE_UNKNOWN:
		json_object_set_new(v, "status", json_string("unknown"));
		json_object_set_new(v, "error", error_to_json(&c->error, secret));
		break;
	case CHANGE_AGAIN:
		json_object_set_new(v, "status", json_string("again"));
		json_object_set_new(v, "after_ms", json_integer(c->after_ms));
		if (c->error.text[0])
			json_object_set_new(v, "error", error_to_json(&c->error, secret));
		break;
	}
	if (c->observed)
		json_object_set(v, "observed", c->observed);
	return v;
}

json_t *changes_to_json(const struct driver_change *changes, size_t n, const struct secret *secret)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, change_to_json(&changes[i], secret));
	return list;
}

void changes_free(struct driver_change *changes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		json_decref(changes[i].observed);
	free(changes);
}
