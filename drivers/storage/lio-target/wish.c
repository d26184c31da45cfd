/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wishes that drivers/sdk/map.h does not know: maps over Fibre Channel, and what volumes can do with snapshots.  Pure.
 */
#include "target.h"

#include "json.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

enum { MARK_MAX = 63 }; /* of an entry's tag */

bool is_wwn(const char *s)
{
	int i;

	for (i = 0; i < 23; i++)
		if (i % 3 == 2 ? s[i] != ':' : !isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	return !s[i];
}

bool is_snapshot_name(const char *s)
{
	const char *at = strchr(s, '@');
	char volume[64];

	if (!at || at - s >= (long)sizeof(volume))
		return false;
	memcpy(volume, s, (size_t)(at - s));
	volume[at - s] = '\0';
	return text_is_name(volume) && text_is_name(at + 1);
}

static int check_wwns(const json_t *list, const char *what, struct error *err)
{
	const json_t *one;
	size_t i;

	if (!json_array_size(list))
		return error_set(err, ERROR_INVALID, "a map over Fibre Channel needs %s", what);
	json_array_foreach(list, i, one)
		if (!json_is_string(one) || !is_wwn(json_string_value(one)))
			return error_set(err, ERROR_INVALID, "%s[%zu] is not a WWPN", what, i);
	return 0;
}

/* Let map.h judge what both kinds have, with names in place of what only this one has. */
static int parse_rest(struct lio_map *m, const struct driver_change *c, struct error *err)
{
	json_auto_t *rest = json_copy((json_t *)(uintptr_t)c->set);
	struct driver_change as_iscsi = *c;
	struct map_wish wish;

	json_object_del(rest, "protocol");
	json_object_del(rest, "ports");
	json_object_set_new(rest, "target", json_string("iqn.fc"));
	json_object_set_new(rest, "initiators", json_pack("[s]", "iqn.fc"));
	as_iscsi.set = rest;
	if (json_object_get(c->set, "chap") || json_object_get(c->set, "target") || json_object_get(c->set, "adopt"))
		return error_set(err, ERROR_INVALID, "a map over Fibre Channel has neither target nor chap, nor can it be adopted");
	if (map_wish_parse(&wish, &as_iscsi, err))
		return -1;
	m->wish = (struct map_wish){ .exists = wish.exists, .initiators = json_object_get(c->set, "initiators"),
				     .luns = json_object_get(c->set, "luns"), .generation = wish.generation };
	return 0;
}

static int parse_fc(struct lio_map *m, const struct driver_change *c, struct error *err)
{
	char mark[128];

	m->fc = true;
	m->ports = json_object_get(c->set, "ports");
	if (strcmp(json_str(c->set, "protocol", "fc"), "fc") != 0)
		return error_set(err, ERROR_INVALID, "the protocol is not fc");
	if (parse_rest(m, c, err))
		return -1;
	if (!m->wish.exists)
		return 0;
	if (check_wwns(m->ports, "ports", err) || check_wwns(m->wish.initiators, "initiators", err))
		return -1;
	if (!mark_format(mark, sizeof(mark), m->name, m->wish.generation) || strlen(mark) > MARK_MAX)
		return error_set(err, ERROR_INVALID, "map %s: the name is too long for the tag of an entry (%d characters in all)",
				 m->name, MARK_MAX);
	return 0;
}

int lio_map_parse(struct lio_map *m, const char *name, const struct driver_change *c, struct error *err)
{
	*m = (struct lio_map){ .name = name };
	if (json_object_get(c->set, "protocol") || json_object_get(c->set, "ports"))
		return parse_fc(m, c, err);
	return map_wish_parse(&m->wish, c, err);
}

static int parse_restored(struct lio_volume_wish *w, const json_t *restored, struct error *err)
{
	w->snapshot = json_str(restored, "snapshot", NULL);
	w->token = json_str(restored, "token", NULL);
	if (!w->snapshot || !text_is_name(w->snapshot) || !w->token || !*w->token || strlen(w->token) > 200 ||
	    json_object_size(restored) != 2)
		return error_set(err, ERROR_INVALID, "restored needs the name of a snapshot and a token");
	return 0;
}

int lio_volume_parse(struct lio_volume_wish *w, const struct driver_change *c, json_t **rest, struct error *err)
{
	const json_t *restored = json_object_get(c->set, "restored");
	const char *source = json_str(c->set, "source", NULL);
	struct driver_change plain = *c;

	*w = (struct lio_volume_wish){ 0 };
	*rest = json_copy((json_t *)(uintptr_t)c->set);
	plain.set = *rest;
	json_object_del(*rest, "restored");
	if (source && is_snapshot_name(source))
		json_object_del(*rest, "source");
	if (volume_wish_parse(&w->wish, &plain, err) || (restored && parse_restored(w, restored, err)))
		return -1;
	if (source && is_snapshot_name(source))
		w->wish.source = source;
	if (restored && !w->wish.exists)
		return error_set(err, ERROR_INVALID, "a volume that is to be removed cannot be restored");
	return 0;
}
