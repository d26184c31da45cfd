/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The server key of a simulated device, and what it tells of its security.  Called by mock.c for each request.
 *
 * The key is judged where a real driver shakes hands: before the "login" that would carry the password, which is told in
 * the tally so that tests can see which of the two came first.
 */
#include "mock.h"

#include "clock.h"
#include "json.h"
#include "pin.h"

#include <string.h>

enum { DAY_MS = 24 * 3600 * 1000 };

/* False when the device has none. */
static bool key_of(const struct mock_device *m, struct server_key *key)
{
	const char *shown = json_str(m->dev->options, "server_key", NULL);
	int64_t days = json_int(m->dev->options, "key_days", 0);

	*key = (struct server_key){ .kind = "tls", .algorithm = "mock" };
	if (days)
		key->not_after = clock_wall_ms() + days * DAY_MS;
	return shown && fingerprint_parse(shown, key->fingerprint);
}

int mock_key_check(const struct mock_device *m, struct error *err)
{
	struct server_key key;

	if (!json_object_get(m->dev->options, "server_key") || key_of(m, &key))
		return 0;
	return error_set(err, ERROR_INVALID, "%s: server_key is no fingerprint", m->name);
}

int mock_login(const struct mock_device *m, struct error *err)
{
	struct server_key key;

	if (!key_of(m, &key))
		return 0;
	if (pin_check(m->dev->pin, &key, err))
		return error_wrap(err, "%s", m->name);
	mock_tally(m, "login", 0);
	return 0;
}

json_t *mock_without_security(const json_t *objects)
{
	json_t *rest = objects ? json_array() : NULL;
	const json_t *one;
	size_t i;

	json_array_foreach(objects, i, one)
		if (strcmp(json_string_value(one), "security") != 0)
			json_array_append_new(rest, json_string(json_string_value(one)));
	return rest;
}

json_t *mock_security(const struct mock_device *m)
{
	json_t *security = json_object();
	struct server_key key;
	const json_t *one;
	size_t i;

	if (key_of(m, &key))
		json_object_set_new(security, "key", server_key_to_json(&key));
	json_array_foreach(json_object_get(m->dev->options, "weaknesses"), i, one)
		json_object_set_new(security, json_string_value(one), json_true());
	return security;
}
