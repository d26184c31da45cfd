/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wishes of the storage class.  See map.h.
 */
#include "map.h"

#include "arena.h"
#include "json.h"
#include "text.h"
#include "zone.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool is_iscsi_name(const char *s)
{
	size_t len = strlen(s), i;

	if (strncmp(s, "iqn.", 4) && strncmp(s, "eui.", 4) && strncmp(s, "naa.", 4))
		return false;
	for (i = 4; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    !strchr("-.:", s[i]))
			return false;
	return len > 4 && len <= 223;
}

static bool is_name_of(enum storage_kind kind, const char *name)
{
	switch (kind) {
	case STORAGE_SNAPSHOT:
		return text_is_snapshot_name(name);
	case STORAGE_VOLUME:
		return text_is_name(name);
	case STORAGE_MAP:
	case STORAGE_SESSIONS:
		break;
	}
	return text_is_name(name) || is_iscsi_name(name);
}

int storage_object(const char *object, enum storage_kind *kind, const char **name,
		   struct error *err)
{
	static const char *const prefixes[] = { "volume:", "map:", "sessions:", "snapshot:" };
	int i;

	for (i = STORAGE_VOLUME; i <= STORAGE_SNAPSHOT; i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(object, prefixes[i], len))
			continue;
		*kind = (enum storage_kind)i;
		*name = object + len;
		if (is_name_of(*kind, *name))
			return 0;
		return error_set(err, ERROR_INVALID, "\"%s\" is not a name", *name);
	}
	return error_set(err, ERROR_INVALID, "an array has no object \"%s\"", object);
}

static int check_members(const json_t *set, const char *const *known, struct error *err)
{
	const json_t *v;
	const char *key;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)set, key, v) {
		for (i = 0; known[i] && strcmp(key, known[i]); i++)
			;
		if (!known[i])
			return error_set(err, ERROR_INVALID,
					 "the wish has an unknown member \"%s\"", key);
	}
	if (!json_is_boolean(json_object_get(set, "exists")))
		return error_set(err, ERROR_INVALID, "the wish needs \"exists\": true or false");
	return 0;
}

static int parse_restored(struct volume_wish *w, const json_t *restored, struct error *err)
{
	if (!restored)
		return 0;
	w->snapshot = json_str(restored, "snapshot", NULL);
	w->token = json_str(restored, "token", NULL);
	if (!w->snapshot || !text_is_name(w->snapshot) || !w->token || !*w->token || strlen(w->token) > 200 ||
	    json_object_size(restored) != 2)
		return error_set(err, ERROR_INVALID, "restored needs the name of a snapshot and a token");
	if (!w->exists)
		return error_set(err, ERROR_INVALID, "a volume that is to be removed cannot be restored");
	return 0;
}

int volume_wish_parse(struct volume_wish *wish, const struct driver_change *c, struct error *err)
{
	static const char *const known[] = { "exists", "size_bytes", "source", "restored", NULL };

	if (check_members(c->set, known, err))
		return -1;
	*wish = (struct volume_wish){ .exists = json_bool(c->set, "exists", false),
				      .size_bytes = json_int(c->set, "size_bytes", 0),
				      .source = json_str(c->set, "source", NULL) };
	if (wish->source && !text_is_name(wish->source) && !text_is_snapshot_name(wish->source))
		return error_set(err, ERROR_INVALID, "the source is not a name of a volume");
	if (wish->size_bytes < 0)
		return error_set(err, ERROR_INVALID, "size_bytes must not be negative");
	return parse_restored(wish, json_object_get(c->set, "restored"), err);
}

int snapshot_wish_parse(bool *exists, const struct driver_change *c, struct error *err)
{
	static const char *const known[] = { "exists", NULL };

	*exists = json_bool(c->set, "exists", false);
	return check_members(c->set, known, err);
}

int volume_without_snapshots(const struct volume_wish *wish, struct error *err)
{
	if (wish->snapshot || (wish->source && strchr(wish->source, '@')))
		return error_set(err, ERROR_UNSUPPORTED, "this array has no snapshots");
	return 0;
}

static bool is_wwpn(const char *s)
{
	char wwn[WWN_SIZE];

	return wwn_canonical(s, wwn) && !strcmp(wwn, s);
}

static int check_names(const json_t *list, const char *what, bool (*right)(const char *), const char *kind, struct error *err)
{
	const json_t *one;
	size_t i;

	if (!json_array_size(list))
		return error_set(err, ERROR_INVALID, "a map needs at least one of %s", what);
	json_array_foreach(list, i, one)
		if (!json_is_string(one) || !right(json_string_value(one)))
			return error_set(err, ERROR_INVALID, "%s[%zu] is not %s", what, i, kind);
	return 0;
}

static int check_luns(const json_t *luns, struct error *err)
{
	const json_t *volume;
	const char *key;
	int64_t lun;

	if (!json_object_size(luns))
		return error_set(err, ERROR_INVALID, "a map needs at least one LUN");
	json_object_foreach((json_t *)(uintptr_t)luns, key, volume) {
		if (text_parse_int(key, 0, 16383, &lun))
			return error_set(err, ERROR_INVALID, "\"%s\" is not a LUN", key);
		if (!json_is_string(volume) || !text_is_name(json_string_value(volume)))
			return error_set(err, ERROR_INVALID, "the volume of LUN %s is not a name",
					 key);
	}
	return 0;
}

/* The user goes into comma-separated lists of some arrays: letters, digits and - . _ only. */
static int check_chap(const struct map_wish *wish, const json_t *chap, struct error *err)
{
	if (!chap)
		return 0;
	if (!wish->chap_user || !text_is_name(wish->chap_user) || strlen(wish->chap_user) > 60)
		return error_set(err, ERROR_INVALID, "chap.user is not a name");
	if (!wish->chap_secret || strlen(wish->chap_secret) < 12 ||
	    strlen(wish->chap_secret) > 100 || strchr(wish->chap_secret, ','))
		return error_set(err, ERROR_INVALID,
				 "chap.secret must be 12 to 100 characters without a comma");
	return 0;
}

static int check_fc(const struct map_wish *wish, const json_t *chap, struct error *err)
{
	if (wish->target || wish->adopt || chap)
		return error_set(err, ERROR_INVALID, "a map over Fibre Channel has no target, no chap and no adopt");
	if (check_names(wish->ports, "ports", is_wwpn, "a WWPN", err) ||
	    check_names(wish->initiators, "initiators", is_wwpn, "a WWPN", err))
		return -1;
	return check_luns(wish->luns, err);
}

static int check_iscsi(const struct map_wish *wish, const json_t *chap, struct error *err)
{
	if (wish->ports)
		return error_set(err, ERROR_INVALID, "a map over iSCSI has no ports");
	if (!wish->target || !is_iscsi_name(wish->target))
		return error_set(err, ERROR_INVALID, "the target is not an iSCSI name");
	if (check_names(wish->initiators, "initiators", is_iscsi_name, "an iSCSI name", err) || check_luns(wish->luns, err))
		return -1;
	return check_chap(wish, chap, err);
}

int map_wish_parse(struct map_wish *wish, const struct driver_change *c, struct error *err)
{
	static const char *const known[] = { "exists",	   "target", "initiators", "luns", "chap",
					     "generation", "adopt",  "protocol",   "ports", NULL };
	const char *protocol = json_str(c->set, "protocol", "iscsi");
	const json_t *chap = json_object_get(c->set, "chap");
	const char *adopt = json_str(c->set, "adopt", NULL);

	if (check_members(c->set, known, err))
		return -1;
	*wish = (struct map_wish){ .exists = json_bool(c->set, "exists", false),
				   .target = json_str(c->set, "target", adopt),
				   .adopt = json_object_get(c->set, "adopt") != NULL,
				   .fc = !strcmp(protocol, "fc"),
				   .ports = json_object_get(c->set, "ports"),
				   .initiators = json_object_get(c->set, "initiators"),
				   .luns = json_object_get(c->set, "luns"),
				   .chap_user = json_str(chap, "user", NULL),
				   .chap_secret = json_str(chap, "secret", NULL),
				   .generation = json_int(c->set, "generation", c->generation) };
	if (wish->adopt && (!wish->exists || !adopt || strcmp(wish->target, adopt) != 0 || chap))
		return error_set(err, ERROR_INVALID,
				 "adopt names a target that exists, and goes with no other target "
				 "and no chap");
	if (!wish->exists)
		return 0;
	if (!wish->fc && strcmp(protocol, "iscsi") != 0)
		return error_set(err, ERROR_INVALID, "the protocol of a map is iscsi or fc");
	return wish->fc ? check_fc(wish, chap, err) : check_iscsi(wish, chap, err);
}

bool luns_within(const json_t *now, const json_t *want)
{
	const json_t *volume;
	const char *lun;

	json_object_foreach((json_t *)(uintptr_t)now, lun, volume)
		if (!json_equal(volume, json_object_get(want, lun)))
			return false;
	return true;
}

static bool in_list(const json_t *list, const json_t *one)
{
	const json_t *other;
	size_t i;

	json_array_foreach(list, i, other)
		if (json_equal(one, other))
			return true;
	return false;
}

static int same_initiators(const struct map_wish *wish, const json_t *there, struct error *err)
{
	const json_t *one, *is = json_object_get(there, "initiators");
	size_t i;

	json_array_foreach(is, i, one)
		if (!in_list(wish->initiators, one))
			return error_set(err, ERROR_CONFLICT,
					 "target %s lets in %s, which is not wished", wish->target,
					 json_string_value(one));
	json_array_foreach(wish->initiators, i, one)
		if (!in_list(is, one))
			return error_set(err, ERROR_CONFLICT, "target %s does not let in %s",
					 wish->target, json_string_value(one));
	return 0;
}

static int same_luns(const struct map_wish *wish, const json_t *there, struct error *err)
{
	const json_t *is = json_object_get(there, "luns"), *volume;
	const char *lun, *wished;

	json_object_foreach((json_t *)(uintptr_t)is, lun, volume) {
		wished = json_str(wish->luns, lun, NULL);
		if (!wished || strcmp(wished, json_string_value(volume)) != 0)
			return error_set(err, ERROR_CONFLICT, "LUN %s of target %s is %s, not %s",
					 lun, wish->target, json_string_value(volume),
					 wished ? wished : "absent");
	}
	json_object_foreach((json_t *)(uintptr_t)wish->luns, lun, volume)
		if (!json_object_get(is, lun))
			return error_set(err, ERROR_CONFLICT, "target %s has no LUN %s",
					 wish->target, lun);
	return 0;
}

int map_adoptable(const struct map_wish *wish, const char *name, const json_t *there,
		  const char *its_name, const json_t *named, struct error *err)
{
	bool managed = json_bool(there, "managed", false);

	if (!text_is_name(name))
		return error_set(err, ERROR_INVALID, "an adopted map needs a name, not %s", name);
	if (named && strcmp(json_str(named, "target", ""), wish->target) != 0)
		return error_set(err, ERROR_CONFLICT, "map %s is there already, as target %s", name,
				 json_str(named, "target", ""));
	if (!there)
		return error_set(err, ERROR_CONFLICT, "there is no target %s to adopt",
				 wish->target);
	if (managed && strcmp(its_name, name) != 0)
		return error_set(err, ERROR_CONFLICT, "target %s is map %s already", wish->target,
				 its_name);
	if (managed && json_int(there, "generation", 0) != wish->generation)
		return error_set(err, ERROR_CONFLICT,
				 "map %s carries generation %lld, this change is of %lld", name,
				 (long long)json_int(there, "generation", 0),
				 (long long)wish->generation);
	if (same_initiators(wish, there, err) || same_luns(wish, there, err))
		return -1;
	return managed;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *initiators_sorted(const json_t *list)
{
	size_t n = json_array_size(list), i;
	const char **names = xcalloc(n + 1, sizeof(*names));
	json_t *sorted = json_array();

	for (i = 0; i < n; i++)
		names[i] = json_string_value(json_array_get(list, i));
	qsort(names, n, sizeof(*names), compare_strings);
	for (i = 0; i < n; i++)
		if (!i || strcmp(names[i], names[i - 1]))
			json_array_append_new(sorted, json_string(names[i]));
	free(names);
	return sorted;
}

int64_t generation_of_user(const char *user)
{
	const char *g = user ? strrchr(user, '.') : NULL;
	int64_t n;

	return g && g[1] == 'g' && !text_parse_int(g + 2, 1, INT64_MAX, &n) ? n : 0;
}
