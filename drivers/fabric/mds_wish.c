/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wishes about zones, and the names of ours.  See mds.h.
 */
#include "mds.h"

#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = "recast_";

/* What both a name of ours and a name of NX-OS may hold between two "_". */
static bool is_part(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-')
			return false;
	return len > 0 && len < 64;
}

bool mds_zone_name(const char *name, char key[2 * MDS_NAME_MAX], char owner[MDS_NAME_MAX], int64_t *generation)
{
	const char *o = name + strlen(prefix), *v, *g;

	if (strncmp(name, prefix, strlen(prefix)) != 0 || strlen(name) >= MDS_NAME_MAX)
		return false;
	v = strchr(o, '_');
	g = v ? strchr(v + 1, '_') : NULL;
	if (!g || g[1] != 'g' || !is_part(o, (size_t)(v - o)) || !is_part(v + 1, (size_t)(g - v - 1)) || !isdigit((unsigned char)g[2]) ||
	    (g[2] == '0' && g[3]) || text_parse_int(g + 2, 0, INT64_MAX, generation))
		return false;
	snprintf(owner, MDS_NAME_MAX, "%.*s", (int)(v - o), o);
	snprintf(key, 2 * MDS_NAME_MAX, "%s.%.*s", owner, (int)(g - v - 1), v + 1);
	return true;
}

bool mds_wwn(const char *s, char out[MDS_WWN_TEXT])
{
	uint64_t value;

	if (!s || text_parse_octets(s, &value) != 8)
		return false;
	text_format_octets(value, 8, out, MDS_WWN_TEXT);
	return true;
}

static int add_members(json_t *members, const json_t *list, const char *role, struct error *err)
{
	char wwn[MDS_WWN_TEXT];
	const json_t *one;
	size_t i;

	if (!json_is_array(list) || !json_array_size(list))
		return error_set(err, ERROR_INVALID, "the wish needs initiators and targets");
	json_array_foreach(list, i, one) {
		if (!mds_wwn(json_string_value(one), wwn))
			return error_set(err, ERROR_INVALID, "a member is no WWPN");
		if (json_object_get(members, wwn))
			return error_set(err, ERROR_INVALID, "%s is a member twice", wwn);
		json_object_set_new(members, wwn, json_string(role));
	}
	return 0;
}

static int take_members(struct mds_wish *wish, const json_t *set, bool smart, struct error *err)
{
	const json_t *initiators = json_object_get(set, "initiators"), *targets = json_object_get(set, "targets");

	if (json_array_size(initiators) != 1 || json_array_size(targets) > MDS_TARGETS_MAX)
		return error_set(err, ERROR_INVALID, "a zone has one initiator, and up to %d targets", MDS_TARGETS_MAX);
	wish->members = json_object();
	if (add_members(wish->members, initiators, smart ? "init" : "", err) ||
	    add_members(wish->members, targets, smart ? "target" : "", err))
		return -1;
	return 0;
}

static int take_key(struct mds_wish *wish, const char *key, struct error *err)
{
	const char *dot = strrchr(key, '.');

	if (!dot || !is_part(key, (size_t)(dot - key)) || !is_part(dot + 1, strlen(dot + 1)))
		return error_set(err, ERROR_INVALID, "\"%s\" cannot be a zone: OWNER.VHBA, of letters, digits and \"-\" each", key);
	snprintf(wish->owner, sizeof(wish->owner), "%.*s", (int)(dot - key), key);
	snprintf(wish->vhba, sizeof(wish->vhba), "%s", dot + 1);
	return 0;
}

static int check_keys(const json_t *set, struct error *err)
{
	static const char *const known[] = { "exists", "initiators", "targets", "generation" };
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)set, key, v) {
		for (i = 0; i < 4 && strcmp(key, known[i]); i++)
			;
		if (i == 4)
			return error_set(err, ERROR_INVALID, "the wish has an unknown member \"%s\"", key);
	}
	if (!json_is_boolean(json_object_get(set, "exists")))
		return error_set(err, ERROR_INVALID, "the wish needs \"exists\": true or false");
	return 0;
}

int mds_wish_parse(struct mds_wish *wish, const struct driver_change *c, bool smart, struct error *err)
{
	*wish = (struct mds_wish){ .exists = json_bool(c->set, "exists", false),
				   .generation = json_int(c->set, "generation", c->generation) };
	if (take_key(wish, c->object + strlen("zone:"), err) || check_keys(c->set, err))
		return -1;
	if (!wish->exists)
		return 0;
	if (wish->generation < 0 || snprintf(wish->zone, sizeof(wish->zone), "%s%s_%s_g%lld", prefix, wish->owner, wish->vhba,
					      (long long)wish->generation) >= (int)sizeof(wish->zone))
		return error_set(err, ERROR_INVALID, "the zone's name would be longer than 64 characters");
	return take_members(wish, c->set, smart, err);
}

void mds_wish_fini(struct mds_wish *wish)
{
	json_decref(wish->members);
	wish->members = NULL;
}
