/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the driver kit is asked (drivers/sdk): options, changes, ports, volumes, maps.  A frame is an open or an apply of
 * doc/driver-protocol.md.  A secret never stays in the options, and a port that was merged is one that can be said.
 */
#include "fuzz.h"

#include "kit.h"
#include "map.h"
#include "port.h"

FUZZ_TARGET

static const struct driver_option options[] = {
	{ "address", "string", true, false, NULL, "where" },
	{ "port", "int", false, false, "623", "which" },
	{ "fast", "bool", false, false, "true", "how" },
	{ "ciphers", "list", false, false, NULL, "with what" },
	{ "password", "string", false, true, NULL, "for whom" },
	{ NULL },
};
static const struct recast_driver driver = { .name = "fuzz", .cls = "*", .options = options };

static void check_options(const json_t *frame)
{
	json_t *given = json_deep_copy(json_object_get(frame, "options")), *kept = NULL;
	struct secret *secret = NULL;
	struct error err = { 0 };

	if (options_check(options, given, &kept, &secret, &err))
		fuzz_check_error(&err);
	else
		fuzz_assert(json_str(kept, "address", NULL) && json_is_integer(json_object_get(kept, "port")));
	fuzz_assert(!json_object_get(kept, "password"));
	secret_destroy(secret);
	json_decref(kept);
	json_decref(given);
}

static void check_port(const struct driver_change *c)
{
	struct port_config port = { .mode = PORT_OPEN, .enabled = true }, again;
	struct error err = { 0 };
	json_t *shown;

	if (port_merge(&port, c, &err)) {
		fuzz_check_error(&err);
		return;
	}
	fuzz_assert(port.native >= 0 && port.native <= VLAN_MAX && port.rate_kbit >= 0);
	again = port;
	fuzz_assert(!port_merge(&again, c, NULL) && port_equal(&port, &again));
	shown = port_to_json(&port);
	fuzz_check_json(shown);
	json_decref(shown);
}

static void check_storage(const struct driver_change *c)
{
	struct error err = { 0 };
	struct volume_wish volume = { 0 };
	struct map_wish map = { 0 };
	enum storage_kind kind;
	const char *name;

	if (storage_object(c->object, &kind, &name, &err))
		fuzz_check_error(&err);
	else
		fuzz_assert(*name);
	if (volume_wish_parse(&volume, c, &err))
		fuzz_check_error(&err);
	if (map_wish_parse(&map, c, &err))
		fuzz_check_error(&err);
	else
		fuzz_assert(!map.exists || ((map.fc ? json_array_size(map.ports) > 0 : map.target != NULL) && json_array_size(map.initiators) && json_object_size(map.luns)));
}

static void check_changes(const json_t *frame)
{
	struct error err = { 0 };
	size_t n, i;
	struct driver_change *changes = changes_from_json(json_object_get(frame, "changes"), &n, &err);
	json_t *results;

	if (!changes) {
		fuzz_check_error(&err);
		return;
	}
	for (i = 0; i < n; i++) {
		check_port(&changes[i]);
		check_storage(&changes[i]);
	}
	results = changes_to_json(changes, n, NULL);
	fuzz_assert(json_array_size(results) == n);
	json_decref(results);
	changes_free(changes, n);
}

static void fuzz(const char *bytes, size_t len)
{
	json_t *frame = json_decode(bytes, len, NULL);

	kit_driver = &driver;
	check_options(frame);
	check_changes(frame);
	json_decref(frame);
}
