/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wishes of the fabric class.  See zone.h.
 */
#include "zone.h"

#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool wwn_canonical(const char *text, char out[WWN_SIZE])
{
	uint64_t n;

	if (text_parse_octets(text, &n) != 8)
		return false;
	text_format_octets(n, 8, out, WWN_SIZE);
	return true;
}

static int check_login_name(const char *name, struct error *err)
{
	char wwn[WWN_SIZE];

	if (wwn_canonical(name, wwn) && !strcmp(wwn, name))
		return 0;
	return error_set(err, ERROR_INVALID, "\"%s\" is not a WWPN of eight lower-case octets with colons", name);
}

int fabric_object(const char *object, enum fabric_kind *kind, const char **name, struct error *err)
{
	static const char *const prefixes[] = { "zone:", "port:", "login:" }, *const whole[] = { "config", "lock", "capacity" };
	int i;

	for (i = 0; i < 3; i++) {
		size_t len = strlen(prefixes[i]);

		if (!strcmp(object, whole[i])) {
			*kind = (enum fabric_kind)(FABRIC_CONFIG + i);
			*name = "";
			return 0;
		}
		if (strncmp(object, prefixes[i], len) || !object[len])
			continue;
		*kind = (enum fabric_kind)i;
		*name = object + len;
		return *kind == FABRIC_LOGIN ? check_login_name(*name, err) : 0;
	}
	return error_set(err, ERROR_INVALID, "a fabric has no object \"%s\"", object);
}

static int only_member(const struct driver_change *c, const char *member, struct error *err)
{
	if (json_object_size(c->set) == 1 && json_is_boolean(json_object_get(c->set, member)))
		return 0;
	return error_set(err, ERROR_INVALID, "the wish for %s is {\"%s\": true or false}", c->object, member);
}

int fabric_port_wish_parse(bool *enabled, const struct driver_change *c, struct error *err)
{
	*enabled = json_bool(c->set, "enabled", false);
	return only_member(c, "enabled", err);
}

int login_wish_check(const struct driver_change *c, struct error *err)
{
	if (only_member(c, "online", err))
		return -1;
	return json_bool(c->set, "online", true) ? error_set(err, ERROR_INVALID, "a login cannot be wished for, only that it is gone")
						 : 0;
}

static int take_wwn(const json_t *v, char out[WWN_SIZE], struct error *err)
{
	const char *text = json_string_value(v);

	if (text && wwn_canonical(text, out))
		return 0;
	return error_set(err, ERROR_INVALID, "\"%s\" is not a WWPN", text ? text : "");
}

static int take_members(struct zone_wish *wish, const json_t *initiators, const json_t *targets, struct error *err)
{
	const json_t *one;
	size_t i;

	if (json_array_size(initiators) != 1)
		return error_set(err, ERROR_INVALID, "a zone has one initiator");
	if (!json_array_size(targets) || json_array_size(targets) > ZONE_TARGETS_MAX)
		return error_set(err, ERROR_INVALID, "a zone has from 1 to %d targets", ZONE_TARGETS_MAX);
	if (take_wwn(json_array_get(initiators, 0), wish->initiator, err))
		return -1;
	json_array_foreach(targets, i, one)
		if (take_wwn(one, wish->targets[wish->n_targets++], err))
			return -1;
	return 0;
}

int zone_wish_parse(struct zone_wish *wish, const struct driver_change *c, struct error *err)
{
	static const char *const known[] = { "exists", "initiators", "targets", "generation" };
	const json_t *v;
	const char *key;
	size_t i;

	*wish = (struct zone_wish){ .exists = json_bool(c->set, "exists", false),
				    .generation = json_int(c->set, "generation", c->generation) };
	json_object_foreach((json_t *)(uintptr_t)c->set, key, v) {
		for (i = 0; i < 4 && strcmp(key, known[i]); i++)
			;
		if (i == 4)
			return error_set(err, ERROR_INVALID, "the wish has an unknown member \"%s\"", key);
	}
	if (!json_is_boolean(json_object_get(c->set, "exists")))
		return error_set(err, ERROR_INVALID, "the wish needs \"exists\": true or false");
	if (!wish->exists)
		return 0;
	if (wish->generation < 1)
		return error_set(err, ERROR_INVALID, "a zone needs a generation from 1");
	return take_members(wish, json_object_get(c->set, "initiators"), json_object_get(c->set, "targets"), err);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *zone_texts(const char **texts, size_t n)
{
	json_t *list = json_array();
	size_t i;

	if (n)
		qsort(texts, n, sizeof(*texts), by_text);
	for (i = 0; i < n; i++)
		if (!i || strcmp(texts[i], texts[i - 1]) != 0)
			json_array_append_new(list, json_string(texts[i]));
	return list;
}

json_t *zone_members(const struct zone_wish *wish)
{
	const char *all[ZONE_TARGETS_MAX + 1];
	int i;

	all[0] = wish->initiator;
	for (i = 0; i < wish->n_targets; i++)
		all[i + 1] = wish->targets[i];
	return zone_texts(all, (size_t)wish->n_targets + 1);
}

int zone_name(const char *key, int64_t generation, char out[ZONE_NAME_SIZE], struct error *err)
{
	const char *dot = strchr(key, '.');
	int n;

	if (!dot || dot == key || !dot[1] || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-.") != strlen(key) ||
	    strchr(dot + 1, '.'))
		return error_set(err, ERROR_INVALID, "\"%s\" is not OWNER.VHBA of a-z 0-9 and -", key);
	n = snprintf(out, ZONE_NAME_SIZE, "recast_%.*s_%s_g%" PRId64, (int)(dot - key), key, dot + 1, generation);
	if (n < ZONE_NAME_SIZE)
		return 0;
	return error_set(err, ERROR_INVALID, "the zone of %s would have a name of %d characters; fabrics take %d", key, n,
			 ZONE_NAME_SIZE - 1);
}

bool zone_name_parse(const char *name, char key[ZONE_KEY_SIZE], int64_t *generation)
{
	const char *owner = name + strlen("recast_"), *vhba, *mark;
	char again[ZONE_NAME_SIZE];
	struct error err = { 0 };

	if (strncmp(name, "recast_", 7) != 0 || !(vhba = strchr(owner, '_')) || !(mark = strstr(vhba + 1, "_g")) ||
	    text_parse_int(mark + 2, 1, INT64_MAX, generation) || strlen(name) >= ZONE_NAME_SIZE)
		return false;
	snprintf(key, ZONE_KEY_SIZE, "%.*s.%.*s", (int)(vhba - owner), owner, (int)(mark - vhba - 1), vhba + 1);
	return !zone_name(key, *generation, again, &err) && !strcmp(again, name);
}

bool zone_is_ours(const char *name)
{
	char key[ZONE_KEY_SIZE];
	int64_t generation;

	return zone_name_parse(name, key, &generation);
}

void zone_highest(const json_t *zones, const char *key, const char **name, int64_t *generation)
{
	char its[ZONE_KEY_SIZE];
	const char *one;
	int64_t n;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)zones, one, v)
		if (zone_name_parse(one, its, &n) && !strcmp(its, key) && n > *generation) {
			*name = one;
			*generation = n;
		}
}

json_t *zone_to_document(const char *name, json_t *members, const char *kind, bool active)
{
	char key[ZONE_KEY_SIZE];
	int64_t generation;
	bool ours = zone_name_parse(name, key, &generation);
	json_t *v = json_pack("{s:b, s:s, s:o, s:s, s:b, s:b}", "exists", 1, "name", name, "members", members, "kind", kind, "active",
			      active, "managed", ours);

	if (!ours)
		return v;
	json_object_set_new(v, "owner", json_stringn(key, strcspn(key, ".")));
	json_object_set_new(v, "generation", json_integer(generation));
	return v;
}
