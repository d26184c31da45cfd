/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Secrets and backup.
 */
#include "core.h"

#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void service_secret_put(struct core *c, struct answer *a, const char *name, json_t *body)
{
	json_t *value = json_object_get(body, "value");
	struct error err = { 0 };
	struct secret *s;

	if (secret_is_rotating(c, name)) {
		error_set(&err, ERROR_CONFLICT, "the password of its device is being changed");
		error_hint(&err, "`persona secret rotate %s` brings it to an end.", name);
	} else if (!text_is_name(name)) {
		error_set(&err, ERROR_USAGE, "`%s` is not a name: 1 to 63 of a-z 0-9 - . _", name);
	} else if (!json_is_string(value) || !json_string_length(value)) {
		error_set(&err, ERROR_USAGE, "`value` must be text and not empty");
	} else {
		store_set_time(c->store, env_wall(c->env));
		s = secret_create(json_string_value(value), json_string_length(value));
		secret_wipe((char *)json_string_value(value), json_string_length(value));
		store_secret_put(c->store, name, s, &err);
		secret_destroy(s);
	}
	if (err.code) {
		answer_error(c, a, &err);
		return;
	}
	core_event(c, "secret", 0, json_pack("{s:s, s:s, s:s}", "name", name, "action", "set", "by", a->caller.name));
	dispatch_refresh(c->dispatch);
	core_answer(c, a, 200, json_pack("{s:s}", "name", name), NULL);
}

void service_secret_list(struct core *c, struct answer *a)
{
	json_t *items = store_secret_names(c->store), *item;
	size_t i;

	json_array_foreach(items, i, item)
		json_object_set_new(item, "rotating", json_boolean(secret_is_rotating(c, json_str(item, "name", ""))));
	core_answer(c, a, 200, json_pack("{s:o}", "items", items), NULL);
}

void service_secret_delete(struct core *c, struct answer *a, const char *name)
{
	struct error err = { 0 };

	store_set_time(c->store, env_wall(c->env));
	if (secret_is_rotating(c, name)) {
		error_set(&err, ERROR_CONFLICT, "the password of its device is being changed");
		error_hint(&err, "`persona secret rotate %s` brings it to an end.", name);
		answer_error(c, a, &err);
		return;
	}
	if (!text_is_name(name) || !store_secret_delete(c->store, name)) {
		error_set(&err, ERROR_NOT_FOUND, "there is no secret `%s`", name);
		answer_error(c, a, &err);
		return;
	}
	core_event(c, "secret", 0, json_pack("{s:s, s:s, s:s}", "name", name, "action", "deleted", "by", a->caller.name));
	core_answer(c, a, 200, json_pack("{s:s}", "name", name), NULL);
}

void service_backup(struct core *c, struct answer *a, const json_t *body)
{
	const char *path = json_str(body, "path", "");
	struct error err = { 0 };
	int64_t bytes = 0;

	if (core_commit(c, &err) < 0 || store_backup(c->store, path, &bytes, &err) < 0) {
		answer_error(c, a, &err);
		return;
	}
	core_answer(c, a, 200, json_pack("{s:s, s:I}", "path", path, "bytes", (json_int_t)bytes), NULL);
}
