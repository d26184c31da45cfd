/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads configfs into a view (see target.h): what we made and what others made, alike.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char mark_begin[] = "recast:";

bool mark_format(char *out, size_t size, const char *map, int64_t generation)
{
	int n = snprintf(out, size, "%s%s:%lld", mark_begin, map, (long long)generation);

	return n > 0 && (size_t)n < size;
}

bool mark_parse(const char *text, char map[64], int64_t *generation)
{
	const char *name = text + strlen(mark_begin), *colon;

	if (strncmp(text, mark_begin, strlen(mark_begin)) != 0 || !(colon = strrchr(name, ':')) || colon - name > 63)
		return false;
	snprintf(map, 64, "%.*s", (int)(colon - name), name);
	return text_is_name(map) && !text_parse_int(colon + 1, 0, INT64_MAX, generation);
}

json_t *view_find(const json_t *view, const char *name)
{
	json_t *map;
	size_t i;

	json_array_foreach(view, i, map)
		if (!strcmp(json_str(map, "map", ""), name))
			return map;
	return NULL;
}

json_t *view_find_target(const json_t *view, const char *iqn)
{
	json_t *map;
	size_t i;

	json_array_foreach(view, i, map)
		if (!strcmp(json_str(map, "target", ""), iqn))
			return map;
	return NULL;
}

/* The volumes of the LUNs of a group: {"lun_1": volume}. */
static json_t *group_luns(const struct lio *l, const char *tpg)
{
	json_auto_t *luns = tree_list(l, "lun_", "%s/lun", tpg);
	json_t *volumes = json_object();
	const json_t *lun;
	size_t i;

	json_array_foreach(luns, i, lun) {
		_cleanup_(freep) char *which = tree_link_of(l, "%s/lun/%s", tpg, json_string_value(lun));
		_cleanup_(freep) char *volume = which ? backstore_volume(l, which) : NULL;

		if (volume)
			json_object_set_new(volumes, json_string_value(lun), json_string(volume));
	}
	return volumes;
}

/* {"1": volume}: what an entry of an access list shows. */
static json_t *entry_luns(const struct lio *l, const char *tpg, const char *entry, const json_t *group)
{
	json_auto_t *luns = tree_list(l, "lun_", "%s/acls/%s", tpg, entry);
	json_t *volumes = json_object();
	const json_t *lun;
	size_t i;

	json_array_foreach(luns, i, lun) {
		_cleanup_(freep) char *to = tree_link_of(l, "%s/acls/%s/%s", tpg, entry, json_string_value(lun));
		const char *slash = to ? strchr(to, '/') : NULL, *volume = slash ? json_str(group, slash + 1, NULL) : NULL;

		if (volume)
			json_object_set_new(volumes, json_string_value(lun) + strlen("lun_"), json_string(volume));
	}
	return volumes;
}

/* Put the LUNs of one more entry to those of its map.  The first entry sets them; later ones have to have the same. */
static void join_luns(json_t *map, const json_t *luns)
{
	json_t *all = json_object_get(map, "luns");
	const json_t *volume;
	const char *lun;

	if (json_array_size(json_object_get(map, "initiators")) > 0 && !json_equal(all, luns))
		json_object_set_new(map, "short", json_true());
	json_object_foreach((json_t *)(uintptr_t)luns, lun, volume) {
		if (json_object_get(all, lun) && !json_equal(json_object_get(all, lun), volume))
			json_object_set_new(map, "broken", json_true());
		json_object_set(all, lun, (json_t *)(uintptr_t)volume);
	}
}

static void join_user(const struct lio *l, const char *tpg, const char *entry, json_t *map)
{
	_cleanup_(freep) char *is = tree_get(l, "%s/acls/%s/auth/userid", tpg, entry);
	const char *user = is && strcmp(is, "NULL") != 0 ? is : "";

	if (!json_object_get(map, "chap_user"))
		json_object_set_new(map, "chap_user", json_string(user));
	else if (strcmp(json_str(map, "chap_user", ""), user) != 0)
		json_object_set_new(map, "mixed", json_true());
}

static bool attribute_is(const struct lio *l, const char *value, const char *tpg, const char *name)
{
	_cleanup_(freep) char *text = tree_get(l, "%s/%s", tpg, name);

	return text && !strcmp(text, value);
}

static void add_group(const struct lio *l, const char *tpg, json_t *map)
{
	json_auto_t *group = group_luns(l, tpg), *entries = tree_list(l, "", "%s/acls", tpg);
	json_t *initiators = json_object_get(map, "initiators");
	const json_t *entry, *volume;
	const char *lun;
	size_t i;

	json_array_foreach(entries, i, entry) {
		json_auto_t *luns = entry_luns(l, tpg, json_string_value(entry), group);

		join_luns(map, luns);
		join_user(l, tpg, json_string_value(entry), map);
		json_array_append(initiators, (json_t *)(uintptr_t)entry);
	}
	if (attribute_is(l, "1", tpg, "attrib/generate_node_acls"))
		json_array_append_new(initiators, json_string("*"));
	/* Where nobody is named, or everybody may come, what the group has counts: a volume in it is not free. */
	if (!json_array_size(entries))
		json_object_foreach(group, lun, volume)
			json_object_set(json_object_get(map, "luns"), lun + strlen("lun_"), (json_t *)(uintptr_t)volume);
	if (!attribute_is(l, "1", tpg, "enable"))
		json_object_set_new(map, "broken", json_true());
}

static json_t *new_map(const char *name, bool fc, bool managed, int64_t generation)
{
	return json_pack("{s:s, s:b, s:b, s:I, s:[], s:{}}", "map", name, "fc", fc, "managed", managed, "generation",
			 (json_int_t)generation, "initiators", "luns");
}

static json_t *read_target(const struct lio *l, const char *iqn)
{
	_cleanup_(freep) char *alias = tree_get(l, "iscsi/%s/tpgt_1/param/TargetAlias", iqn);
	json_auto_t *tpgs = tree_list(l, "tpgt_", "iscsi/%s", iqn);
	const char *text = alias ? alias : "", *at = strstr(text, mark_begin);
	int64_t generation = 0;
	char name[64] = "";
	bool managed;
	const json_t *tpg;
	json_t *map;
	size_t i;

	/* The kernel shows the value alone, or behind the name of the parameter. */
	managed = at && mark_parse(at, name, &generation);
	map = new_map(managed ? name : iqn, false, managed, managed ? generation : 0);
	json_object_set_new(map, "target", json_string(iqn));
	json_array_foreach(tpgs, i, tpg) {
		_cleanup_(freep) char *path = xasprintf("iscsi/%s/%s", iqn, json_string_value(tpg));

		add_group(l, path, map);
	}
	if (!json_object_get(map, "chap_user"))
		json_object_set_new(map, "chap_user", json_string(""));
	json_object_set_new(map, "initiators", initiators_sorted(json_object_get(map, "initiators")));
	return map;
}

/* The map that an entry of a port's access list belongs to: one with its mark, or one of its own. */
static json_t *map_of_entry(json_t *view, const char *tag, const char *initiator)
{
	int64_t generation = 0;
	char name[64];
	bool managed = mark_parse(tag, name, &generation);
	json_t *map = view_find(view, managed ? name : initiator);

	if (!map) {
		map = new_map(managed ? name : initiator, true, managed, generation);
		json_object_set_new(map, "ports", json_array());
		json_array_append_new(view, map);
	}
	/* A change of the mark that was cut: the highest one counts, and is put everywhere. */
	if (managed && json_int(map, "generation", 0) != generation)
		json_object_set_new(map, "broken", json_true());
	if (json_int(map, "generation", 0) < generation)
		json_object_set_new(map, "generation", json_integer(generation));
	return map;
}

static void read_port(const struct lio *l, const char *port, json_t *view)
{
	_cleanup_(freep) char *tpg = xasprintf("fc/%s/tpgt_1", port);
	json_auto_t *group = group_luns(l, tpg), *entries = tree_list(l, "", "%s/acls", tpg);
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry) {
		const char *initiator = json_string_value(entry);
		_cleanup_(freep) char *tag = tree_get(l, "%s/acls/%s/tag", tpg, initiator);
		json_auto_t *luns = entry_luns(l, tpg, initiator, group);
		json_t *map = map_of_entry(view, tag ? tag : "", initiator);

		join_luns(map, luns);
		json_array_append_new(json_object_get(map, "ports"), json_string(port));
		json_array_append_new(json_object_get(map, "initiators"), json_string(initiator));
	}
}

/* Each initiator on each port, or the map is half of one. */
static void finish_fc(json_t *map)
{
	size_t entries = json_array_size(json_object_get(map, "ports"));
	json_t *ports = initiators_sorted(json_object_get(map, "ports")),
	       *initiators = initiators_sorted(json_object_get(map, "initiators"));

	if (json_array_size(ports) * json_array_size(initiators) != entries)
		json_object_set_new(map, "broken", json_true());
	json_object_set_new(map, "ports", ports);
	json_object_set_new(map, "initiators", initiators);
}

json_t *view_read(const struct lio *l)
{
	json_auto_t *iqns = tree_list(l, "", "iscsi"), *ports = tree_list(l, "", "fc");
	json_t *view = json_array(), *map;
	const json_t *one;
	size_t i;

	json_array_foreach(ports, i, one)
		read_port(l, json_string_value(one), view);
	json_array_foreach(view, i, map)
		finish_fc(map);
	json_array_foreach(iqns, i, one)
		/* "discovery_auth" is a group of the fabric's own. */
		if (is_iscsi_name(json_string_value(one)))
			json_array_append_new(view, read_target(l, json_string_value(one)));
	return view;
}

json_t *view_document(const json_t *map)
{
	json_t *document;

	if (!map)
		return json_pack("{s:b}", "exists", 0);
	document = json_pack("{s:b, s:O, s:O, s:O, s:O}", "exists", 1, "initiators", json_object_get(map, "initiators"), "luns",
			     json_object_get(map, "luns"), "generation", json_object_get(map, "generation"), "managed",
			     json_object_get(map, "managed"));
	if (json_bool(map, "fc", false)) {
		json_object_set_new(document, "protocol", json_string("fc"));
		json_object_set(document, "ports", json_object_get(map, "ports"));
	} else {
		json_object_set(document, "target", json_object_get(map, "target"));
		json_object_set(document, "chap_user", json_object_get(map, "chap_user"));
	}
	return document;
}

const char *view_mapped_by(const json_t *view, const char *volume)
{
	const json_t *map, *one;
	const char *lun;
	size_t i;

	json_array_foreach(view, i, map)
		json_object_foreach(json_object_get(map, "luns"), lun, one)
			if (!strcmp(json_string_value(one), volume))
				return json_str(map, "map", "");
	return NULL;
}

/* What stands behind a word in the text of an entry's `info`, up to a blank.  To be freed. */
static char *word_behind(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	if (!at)
		return NULL;
	at += strlen(word);
	at += strspn(at, " ");
	return xasprintf("%.*s", (int)strcspn(at, " \n"), at);
}

/* "[fd00::1]:3260" or "10.0.0.1:3260" without its port. */
static void cut_port(char *address)
{
	char *colon = strrchr(address, ':');
	size_t len;

	if (colon)
		*colon = '\0';
	len = strlen(address);
	if (address[0] == '[' && len > 2 && address[len - 1] == ']') {
		memmove(address, address + 1, len - 2);
		address[len - 2] = '\0';
	}
}

static void add_session(const struct lio *l, const char *tpg, const char *entry, const json_t *map, json_t *out)
{
	_cleanup_(freep) char *info = tree_get(l, "%s/acls/%s/info", tpg, entry);
	_cleanup_(freep) char *id = info ? word_behind(info, "LIO Session ID:") : NULL,
			      *address = info ? word_behind(info, "   Address ") : NULL;

	if (!id)
		return;
	if (address)
		cut_port(address);
	json_array_append_new(out, json_pack("{s:O, s:s, s:s, s:s}", "map", json_object_get(map, "map"), "initiator", entry,
					     "address", address ? address : "", "id", id));
}

void view_sessions(const struct lio *l, const json_t *map, json_t *out)
{
	const char *iqn = json_str(map, "target", NULL);
	json_auto_t *tpgs = iqn ? tree_list(l, "tpgt_", "iscsi/%s", iqn) : json_array();
	const json_t *tpg, *entry;
	size_t i, k;

	json_array_foreach(tpgs, i, tpg) {
		_cleanup_(freep) char *path = xasprintf("iscsi/%s/%s", iqn, json_string_value(tpg));
		json_auto_t *entries = tree_list(l, "", "%s/acls", path);

		json_array_foreach(entries, k, entry)
			add_session(l, path, json_string_value(entry), map, out);
	}
}

int view_session_count(const struct lio *l, const char *iqn)
{
	_cleanup_(freep) char *text = tree_get(l, "iscsi/%s/fabric_statistics/iscsi_instance/sessions", iqn);
	json_auto_t *map = json_pack("{s:s, s:s}", "target", iqn, "map", ""), *listed = json_array();
	int64_t counted = 0;

	view_sessions(l, map, listed);
	if (text && text_parse_int(text, 0, INT32_MAX, &counted))
		counted = 0;
	return (int64_t)json_array_size(listed) > counted ? (int)json_array_size(listed) : (int)counted;
}

bool view_volume_has_session(const struct lio *l, const json_t *view, const char *volume)
{
	const json_t *map, *one;
	const char *lun;
	size_t i;

	json_array_foreach(view, i, map)
		json_object_foreach(json_object_get(map, "luns"), lun, one)
			/* Who is logged in over Fibre Channel cannot be seen: a map is taken for a session. */
			if (!strcmp(json_string_value(one), volume) &&
			    (json_bool(map, "fc", false) || view_session_count(l, json_str(map, "target", "")) > 0))
				return true;
	return false;
}
