/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A device's options in the site file against what its driver says it takes.
 */
#include "private.h"

#include "json.h"

#include <string.h>

static const json_t *find_option(const json_t *hello, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(hello, "options"), i, o)
		if (!strcmp(json_str(o, "name", ""), name))
			return o;
	return NULL;
}

static bool type_fits(const char *type, const json_t *value)
{
	if (!strcmp(type, "string"))
		return json_is_string(value);
	if (!strcmp(type, "int"))
		return json_is_integer(value);
	if (!strcmp(type, "bool"))
		return json_is_boolean(value);
	if (!strcmp(type, "list"))
		return json_is_array(value);
	return true;
}

static int check_known(const struct queue *q, const json_t *hello, json_t *options, struct error *err)
{
	const json_t *option;
	const char *key;
	json_t *value;

	json_object_foreach(options, key, value) {
		option = find_option(hello, key);
		if (!option)
			return error_set(err, ERROR_INVALID, "%s: driver %s has no option `%s`", q->name,
					 q->driver->name, key);
		if (json_bool(option, "secret", false)) {
			error_set(err, ERROR_INVALID, "%s: option `%s` is a secret and may not stand in the site file", q->name,
				  key);
			return error_hint(err, "Write `secret: NAME` instead, and store it with `persona secret set NAME`.");
		}
		if (!type_fits(json_str(option, "type", ""), value))
			return error_set(err, ERROR_INVALID, "%s: option `%s` must be of type %s: %s", q->name, key,
					 json_str(option, "type", ""), json_str(option, "help", ""));
	}
	return 0;
}

static int add_secret(struct dispatch *d, const struct queue *q, const char *name, json_t *options,
		      struct error *err)
{
	struct secret *secret;

	if (!q->spec.secret)
		return 0;
	secret = d->ops->secret(d->ctx, q->spec.secret, err);
	if (!secret)
		return error_wrap(err, "%s", q->name);
	/* Into the frame for this one driver and device; nowhere else. */
	json_object_set_new(options, name, json_stringn(secret_reveal(secret), secret_len(secret)));
	secret_destroy(secret);
	return 0;
}

json_t *options_for_open(struct dispatch *d, const struct queue *q, const json_t *hello, struct error *err)
{
	json_t *options = json_loads(q->spec.options ? q->spec.options : "{}", 0, NULL);
	const json_t *o;
	const char *name;
	size_t i;
	int rc;

	if (!options)
		options = json_object();
	rc = check_known(q, hello, options, err);
	json_array_foreach(json_object_get(hello, "options"), i, o) {
		name = json_str(o, "name", "");
		if (rc == 0 && json_bool(o, "secret", false))
			rc = add_secret(d, q, name, options, err);
		if (rc == 0 && json_bool(o, "required", false) && !json_object_get(options, name))
			rc = error_set(err, ERROR_INVALID, "%s: option `%s` of driver %s is missing: %s", q->name,
				       name, q->driver->name, json_str(o, "help", ""));
	}
	if (rc == 0)
		return options;
	json_decref(options);
	return NULL;
}
