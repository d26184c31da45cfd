/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The difference between the zones that are there and those that are wished.  See mds.h.  Pure.
 */
#include "mds.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

static const json_t *full_zones(const struct mds_view *v)
{
	return json_object_get(v->zones, "");
}

/* Is @name a zone of the wish's KEY, and of which generation? */
static bool is_of(const char *name, const struct mds_wish *wish, int64_t *generation)
{
	char key[ZONE_KEY_SIZE];

	return zone_name_parse(name, key, generation) && !strcmp(key, wish->key);
}

/* Does @zones hold a zone of the KEY that is not the wished one? */
static bool has_others(const json_t *zones, const struct mds_wish *wish)
{
	const char *name;
	int64_t generation;
	json_t *zone;

	json_object_foreach((json_t *)(uintptr_t)zones, name, zone)
		if (is_of(name, wish, &generation) && (!wish->exists || strcmp(name, wish->zone) != 0))
			return true;
	return false;
}

bool mds_zone_is_right(const struct mds_view *v, const struct mds_wish *wish)
{
	const json_t *active = mds_view_active(v);

	if (has_others(active, wish) || has_others(full_zones(v), wish))
		return false;
	return !wish->exists || (json_equal(json_object_get(active, wish->zone), wish->members) &&
				 json_equal(json_object_get(full_zones(v), wish->zone), wish->members) &&
				 json_object_get(mds_view_set(v), wish->zone));
}

int64_t mds_highest_generation(const struct mds_view *v, const struct mds_wish *wish)
{
	int64_t generation = -1;
	const char *name;

	zone_highest(mds_view_active(v), wish->key, &name, &generation);
	zone_highest(full_zones(v), wish->key, &name, &generation);
	return generation;
}

static void enter_zoneset(struct text *lines, const char *set, int vsan)
{
	text_printf(lines, "zoneset name %s vsan %d\n", set, vsan);
}

static void remove_zone(struct text *lines, const struct mds_view *v, const char *name, int vsan)
{
	const char *set;
	json_t *zones;

	json_object_foreach(v->sets, set, zones) {
		if (!json_object_get(zones, name))
			continue;
		enter_zoneset(lines, set, vsan);
		text_printf(lines, "no member %s\n", name);
	}
	text_printf(lines, "no zone name %s vsan %d\n", name, vsan);
}

static void remove_others(struct text *lines, const struct mds_view *v, const struct mds_wish *wish, int vsan)
{
	const char *name;
	int64_t generation;
	json_t *zone;

	json_object_foreach((json_t *)(uintptr_t)full_zones(v), name, zone)
		if (is_of(name, wish, &generation) && (!wish->exists || strcmp(name, wish->zone) != 0))
			remove_zone(lines, v, name, vsan);
}

static void edit_members(struct text *lines, const json_t *there, const struct mds_wish *wish)
{
	const char *member;
	json_t *role;

	json_object_foreach((json_t *)(uintptr_t)there, member, role)
		if (!json_equal(json_object_get(wish->members, member), role))
			text_printf(lines, "no member %s %s\n", strncmp(member, "alias ", 6) ? "pwwn" : "device-alias",
				    strncmp(member, "alias ", 6) ? member : member + 6);
	json_object_foreach(wish->members, member, role)
		if (!json_equal(json_object_get(there, member), role))
			text_printf(lines, "member pwwn %s%s%s\n", member, *json_string_value(role) ? " " : "",
				    json_string_value(role));
}

/* Others go first: the limit of the database is for both. */
void mds_edit(struct text *lines, const struct mds_view *v, const struct mds_wish *wish, int vsan)
{
	const json_t *there = json_object_get(full_zones(v), wish->zone);

	remove_others(lines, v, wish, vsan);
	if (!wish->exists)
		return;
	if (!json_equal(there, wish->members)) {
		text_printf(lines, "zone name %s vsan %d\n", wish->zone, vsan);
		edit_members(lines, there, wish);
	}
}

bool mds_edit_membership(struct text *lines, const struct mds_view *v, const struct mds_wish *wish, int vsan, bool inside)
{
	if (!wish->exists || json_object_get(mds_view_set(v), wish->zone))
		return inside;
	if (!inside)
		enter_zoneset(lines, v->config, vsan);
	text_printf(lines, "member %s\n", wish->zone);
	return true;
}

size_t mds_foreign_zones(const struct mds_view *v)
{
	const char *name;
	json_t *zone;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)mds_view_set(v), name, zone)
		n += !zone_is_ours(name);
	return n;
}

/* Members that are no WWNs are shown otherwise when they are in force; then only their number counts. */
static bool alike(const json_t *a, const json_t *b)
{
	char wwn[WWN_SIZE];
	const char *member;
	json_t *role;

	if (!a || !b || json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)(uintptr_t)a, member, role)
		if (wwn_canonical(member, wwn) && !json_object_get(b, member))
			return false;
	return true;
}

static const char *difference(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *zone;

	json_object_foreach((json_t *)(uintptr_t)a, name, zone)
		if (!zone_is_ours(name) && !alike(zone, json_object_get(b, name)))
			return name;
	return NULL;
}

const char *mds_open_change(const struct mds_view *v)
{
	const char *name = difference(mds_view_set(v), mds_view_active(v));

	return name ? name : difference(mds_view_active(v), mds_view_set(v));
}
