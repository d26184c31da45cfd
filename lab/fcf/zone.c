/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zoning as FC-GS-6, 6.4 has it.  Who is in no zone is in the default zone, whose access is all or none.  In a peer zone
 * (FC-GS-7) principals talk to everyone and peers to principals only.  Membership is by port name.
 */
#include "zone.h"

#include "arena.h"
#include "text.h"

#include <string.h>

struct member {
	uint64_t wwpn;
	bool principal;
};

struct zone {
	const char *name;
	bool peer;
	struct member *members;
	size_t n;
};

struct zoneset {
	struct arena arena; /* all of it but the document */
	bool default_all;
	struct zone *zones;
	size_t n;
	json_t *document;
};

struct zoneset *zoneset_empty(bool default_all)
{
	struct zoneset *set = xcalloc(1, sizeof(*set));

	arena_init(&set->arena);
	set->default_all = default_all;
	set->document = json_pack("{s:s, s:s, s:[]}", "name", "", "default", default_all ? "all" : "none", "zones");
	return set;
}

void zoneset_destroy(struct zoneset *set)
{
	if (!set)
		return;
	arena_fini(&set->arena);
	json_decref(set->document);
	free(set);
}

static int read_members(struct zone *zone, const json_t *list, bool principal, struct error *err)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		struct member *m = &zone->members[zone->n];
		const char *name = json_is_string(item) ? json_string_value(item) : "";

		if (text_parse_octets(name, &m->wwpn) != 8)
			return error_set(err, ERROR_INVALID, "zone %s: \"%s\" is no WWPN", zone->name, name);
		m->principal = principal;
		zone->n++;
	}
	return 0;
}

static int read_zone(struct zoneset *set, struct zone *zone, const json_t *from, struct error *err)
{
	const json_t *members = json_object_get(from, "members"), *peers = json_object_get(from, "peers"),
		     *principals = json_object_get(from, "principals");
	size_t size = json_array_size(members) + json_array_size(peers) + json_array_size(principals);

	zone->name = arena_strdup(&set->arena, json_str(from, "name", ""));
	if (!*zone->name)
		return error_set(err, ERROR_INVALID, "a zone has no name");
	if (!!members == !!(peers || principals))
		return error_set(err, ERROR_INVALID, "zone %s: give either members, or principals and peers", zone->name);
	if (!size)
		return error_set(err, ERROR_INVALID, "zone %s has nobody in it", zone->name);
	zone->peer = !members;
	zone->members = arena_alloc(&set->arena, size * sizeof(*zone->members));
	if (read_members(zone, members, false, err) < 0 || read_members(zone, principals, true, err) < 0)
		return -1;
	return read_members(zone, peers, false, err);
}

static int read_zones(struct zoneset *set, const json_t *list, struct error *err)
{
	if (!json_is_array(list))
		return error_set(err, ERROR_INVALID, "\"zones\" is no list");
	set->zones = arena_alloc(&set->arena, (json_array_size(list) + 1) * sizeof(*set->zones));
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (read_zone(set, &set->zones[i], json_array_get(list, i), err) < 0)
			return -1;
		for (size_t other = 0; other < i; other++)
			if (!strcmp(set->zones[i].name, set->zones[other].name))
				return error_set(err, ERROR_INVALID, "two zones are called %s", set->zones[i].name);
		set->n++;
	}
	return 0;
}

struct zoneset *zoneset_read(const json_t *order, struct error *err)
{
	const char *access = json_str(order, "default", "none");
	struct zoneset *set = zoneset_empty(!strcmp(access, "all"));

	json_setf(set->document, "name", "%s", json_str(order, "name", ""));
	if (!set->default_all && strcmp(access, "none"))
		error_set(err, ERROR_INVALID, "the default access is \"none\" or \"all\", not \"%s\"", access);
	else if (read_zones(set, json_object_get(order, "zones"), err) == 0) {
		json_object_set_new(set->document, "zones", json_deep_copy(json_object_get(order, "zones")));
		return set;
	}
	zoneset_destroy(set);
	return NULL;
}

json_t *zoneset_show(const struct zoneset *set)
{
	return json_deep_copy(set->document);
}

static const struct member *member_of(const struct zone *zone, uint64_t wwpn)
{
	for (size_t i = 0; i < zone->n; i++)
		if (zone->members[i].wwpn == wwpn)
			return &zone->members[i];
	return NULL;
}

bool zoneset_allows(const struct zoneset *set, uint64_t a, uint64_t b)
{
	bool a_zoned = false, b_zoned = false;

	if (a == b)
		return true;
	for (size_t i = 0; i < set->n; i++) {
		const struct zone *zone = &set->zones[i];
		const struct member *ma = member_of(zone, a), *mb = member_of(zone, b);

		if (ma && mb && (!zone->peer || ma->principal || mb->principal))
			return true;
		a_zoned |= ma != NULL;
		b_zoned |= mb != NULL;
	}
	return !a_zoned && !b_zoned && set->default_all;
}
