/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Checks the options of a device against the driver's table.  The core does so too before it starts
 * a driver; this is for the drivers' own safety and for those who run a driver by hand.
 */
#include "kit.h"

#include "arena.h"
#include "json.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static bool type_fits(const struct driver_option *o, const json_t *v)
{
	if (!strcmp(o->type, "string"))
		return json_is_string(v);
	if (!strcmp(o->type, "int"))
		return json_is_integer(v);
	if (!strcmp(o->type, "bool"))
		return json_is_boolean(v);
	return json_is_array(v);
}

json_t *option_default(const struct driver_option *o)
{
	if (!o->missing)
		return json_null();
	if (!strcmp(o->type, "int"))
		return json_integer(strtoll(o->missing, NULL, 10));
	if (!strcmp(o->type, "bool"))
		return json_boolean(!strcmp(o->missing, "true"));
	if (!strcmp(o->type, "list"))
		return json_array();
	return json_string(o->missing);
}

static const struct driver_option *option_find(const struct driver_option *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static int unknown_option(const struct driver_option *table, const char *name, struct error *err)
{
	const char *names[64], *near;
	size_t n = 0;

	for (; table->name && n < 64; table++)
		names[n++] = table->name;
	error_set(err, ERROR_INVALID, "driver %s has no option \"%s\"", kit_driver->name, name);
	near = text_nearest(name, names, n);
	if (near)
		error_hint(err, "Did you mean \"%s\"?", near);
	return -1;
}

/* Move the secret out of the JSON value: its bytes there are overwritten at once. */
static int take_secret(const struct driver_option *o, json_t *v, struct secret **secret,
		       struct error *err)
{
	char *bytes = (char *)(uintptr_t)json_string_value(v);
	size_t len = json_string_length(v);

	*secret = secret_create(bytes, len);
	secret_wipe(bytes, len);
	return *secret ? 0 : error_set(err, ERROR_BUSY, "no locked memory for option %s", o->name);
}

static int take_option(const struct driver_option *o, json_t *given, json_t *options,
		       struct secret **secret, struct error *err)
{
	json_t *v = json_object_get(given, o->name);

	if (!v || json_is_null(v)) {
		if (o->required)
			return error_set(err, ERROR_INVALID, "driver %s needs option \"%s\": %s",
					 kit_driver->name, o->name, o->help);
		if (o->missing)
			json_object_set_new(options, o->name, option_default(o));
		return 0;
	}
	if (!type_fits(o, v))
		return error_set(err, ERROR_INVALID,
				 "option \"%s\" of driver %s is not of type %s: %s", o->name,
				 kit_driver->name, o->type, o->help);
	if (o->secret)
		return take_secret(o, v, secret, err);
	json_object_set(options, o->name, v);
	return 0;
}

int options_check(const struct driver_option *table, json_t *given, json_t **options,
		  struct secret **secret, struct error *err)
{
	const struct driver_option *o;
	const char *name;
	json_t *v;

	*options = json_object();
	*secret = NULL;
	if (given && !json_is_object(given))
		return error_set(err, ERROR_INVALID, "options must be an object");
	for (o = table; o->name; o++)
		if (take_option(o, given, *options, secret, err))
			return -1;
	json_object_foreach(given, name, v)
		if (!option_find(table, name))
			return unknown_option(table, name, err);
	return 0;
}
