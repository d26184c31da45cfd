/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What NX-OS shows (drivers/fabric/mds_read.c): JSON of the shape that the rest of the driver stands on, out of any text.
 */
#include "fuzz.h"

#include "mds.h"

FUZZ_TARGET

static void check_zonesets(const char *text)
{
	json_t *sets = mds_zonesets_parse(text), *aliases = mds_aliases_parse(text), *set, *zone, *role;
	const char *name, *member;
	void *next;

	fuzz_check_json(aliases);
	mds_resolve(sets, aliases);
	fuzz_check_json(sets);
	json_object_foreach_safe(sets, next, name, set)
		json_object_foreach(set, member, zone) {
			const char *one;

			json_object_foreach(zone, one, role)
				fuzz_assert(*one && json_is_string(role));
		}
	json_decref(sets);
	json_decref(aliases);
}

static void check_logins(const char *text)
{
	json_t *logins = mds_fcns_parse(text), *ports = mds_ports_parse(text, 10), *one;
	char wwn[WWN_SIZE];
	const char *name;

	fuzz_assert(!mds_fcns_is_whole(text, logins) || strstr(text, "Total number of entries ="));
	mds_flogi_parse(text, logins);
	fuzz_check_json(logins);
	fuzz_check_json(ports);
	json_object_foreach(logins, name, one)
		fuzz_assert(wwn_canonical(name, wwn) && !strcmp(wwn, name) && strlen(json_str(one, "fcid", "")) == 8);
	json_object_foreach(ports, name, one)
		fuzz_assert(json_is_boolean(json_object_get(one, "enabled")) && json_is_boolean(json_object_get(one, "link")));
	json_decref(logins);
	json_decref(ports);
}

static void check_status(const char *text)
{
	struct mds_status s;
	struct error err = { 0 };

	if (mds_status_parse(text, &s, &err)) {
		fuzz_assert(err.code == ERROR_PROTOCOL);
		return;
	}
	fuzz_assert(s.used_bytes >= 0 && s.limit_bytes >= 0 && (s.locked || (!s.user[0] && !s.from[0])));
	fuzz_assert(!s.has_failed || !s.unchanged);
}

static void fuzz(const char *bytes, size_t len)
{
	char *text = fuzz_string(bytes, len), line[192];
	const char *trouble;

	check_zonesets(text);
	check_logins(text);
	check_status(text);
	trouble = mds_trouble(text, line, sizeof(line));
	fuzz_assert(!trouble || (trouble == line && *line));
	mds_pending_is_ours(text);
	free(text);
}
