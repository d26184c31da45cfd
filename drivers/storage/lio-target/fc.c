/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Masking over Fibre Channel: an entry for each initiator in the access list of each port of the array that the map is
 * exported on.  Called by map.c.
 *
 * A port is a target for all maps, so the numbers of its own LUNs mean nothing: a volume is exported once, under the
 * lowest free number, and granted under the number that the map says.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_LUNS_MAX = 16384 };

static char *tag_of(const struct lio *l, const char *port, const char *entry)
{
	return tree_get(l, "fc/%s/tpgt_1/acls/%s/tag", port, entry);
}

/* Is the entry that of the map?  One without a mark and without LUNs is what we left when we died. */
static bool is_entry_of(const struct lio *l, const char *port, const char *entry, const char *map)
{
	_cleanup_(freep) char *tag = tag_of(l, port, entry);
	json_auto_t *luns = tree_list(l, "lun_", "fc/%s/tpgt_1/acls/%s", port, entry);
	int64_t generation;
	char name[64];

	if (tag && mark_parse(tag, name, &generation))
		return !strcmp(name, map);
	return (!tag || !*tag) && !json_array_size(luns);
}

int fc_check_free(const struct lio *l, const struct lio_map *m, struct error *err)
{
	const json_t *port, *initiator;
	size_t i, k;

	json_array_foreach(m->wish.ports, i, port)
		json_array_foreach(m->wish.initiators, k, initiator)
			if (tree_has(l, "fc/%s/tpgt_1/acls/%s", json_string_value(port), json_string_value(initiator)) &&
			    !is_entry_of(l, json_string_value(port), json_string_value(initiator), m->name))
				return error_set(err, ERROR_REFUSED,
						 "the access list of port %s has %s already, and not for this map",
						 json_string_value(port), json_string_value(initiator));
	return 0;
}

static int make_port(const struct lio *l, const char *port, struct error *err)
{
	if (tree_make(l, err, "fc") || tree_make(l, err, "fc/%s", port) || tree_make(l, err, "fc/%s/tpgt_1", port))
		return -1;
	return l->plain && (tree_make(l, err, "fc/%s/tpgt_1/acls", port) || tree_make(l, err, "fc/%s/tpgt_1/lun", port)) ? -1
														      : 0;
}

/* The port's LUN for the volume, made when there is none: "lun_3". */
static int export_volume(const struct lio *l, const char *tpg, const char *volume, char exported[16], struct error *err)
{
	_cleanup_(freep) char *ours = xasprintf("%s/%s", LIO_HBA, volume);
	json_auto_t *luns = tree_list(l, "lun_", "%s/lun", tpg);
	const json_t *lun;
	size_t i;

	json_array_foreach(luns, i, lun) {
		_cleanup_(freep) char *which = tree_link_of(l, "%s/lun/%s", tpg, json_string_value(lun));

		/* A LUN without a link is one that we left half made, or that somebody makes just now. */
		if (which && !strcmp(which, ours)) {
			snprintf(exported, 16, "%s", json_string_value(lun));
			return 0;
		}
	}
	for (i = 0; i < PORT_LUNS_MAX; i++) {
		snprintf(exported, 16, "lun_%d", (int)i);
		if (!tree_has(l, "%s/lun/%s", tpg, exported))
			return lun_export(l, tpg, exported, volume, err);
	}
	return error_set(err, ERROR_REFUSED, "port %s has no LUN free", tpg);
}

static int grant(const struct lio *l, const struct lio_map *m, const char *tpg, const char *initiator, struct error *err)
{
	const json_t *volume;
	const char *lun;
	char exported[16];

	json_object_foreach((json_t *)(uintptr_t)m->wish.luns, lun, volume)
		if (backstore_make(l, json_string_value(volume), m->serials, err) ||
		    export_volume(l, tpg, json_string_value(volume), exported, err) ||
		    lun_grant(l, tpg, initiator, lun, exported, err))
			return error_wrap(err, "LUN %s", lun);
	return 0;
}

static int put_mark(const struct lio *l, const struct lio_map *m, const char *tpg, const char *initiator, struct error *err)
{
	char mark[128];

	mark_format(mark, sizeof(mark), m->name, m->wish.generation);
	return tree_put(l, mark, err, "%s/acls/%s/tag", tpg, initiator);
}

int fc_make(const struct lio *l, const struct lio_map *m, struct error *err)
{
	const json_t *port, *initiator;
	size_t i, k;

	json_array_foreach(m->wish.ports, i, port) {
		_cleanup_(freep) char *tpg = xasprintf("fc/%s/tpgt_1", json_string_value(port));

		if (make_port(l, json_string_value(port), err))
			return -1;
		json_array_foreach(m->wish.initiators, k, initiator)
			if (tree_make(l, err, "%s/acls/%s", tpg, json_string_value(initiator)) ||
			    put_mark(l, m, tpg, json_string_value(initiator), err) ||
			    grant(l, m, tpg, json_string_value(initiator), err))
				return -1;
	}
	return 0;
}

int fc_mark(const struct lio *l, const struct lio_map *m, struct error *err)
{
	const json_t *port, *initiator;
	size_t i, k;

	json_array_foreach(m->wish.ports, i, port) {
		_cleanup_(freep) char *tpg = xasprintf("fc/%s/tpgt_1", json_string_value(port));

		json_array_foreach(m->wish.initiators, k, initiator)
			if (put_mark(l, m, tpg, json_string_value(initiator), err))
				return -1;
	}
	return 0;
}

/* Does an entry of the port's access list stand on this LUN of the port? */
static bool is_granted(const struct lio *l, const char *tpg, const char *exported)
{
	json_auto_t *entries = tree_list(l, "", "%s/acls", tpg);
	const json_t *entry, *lun;
	size_t i, k;

	json_array_foreach(entries, i, entry) {
		json_auto_t *luns = tree_list(l, "lun_", "%s/acls/%s", tpg, json_string_value(entry));

		json_array_foreach(luns, k, lun) {
			_cleanup_(freep) char *to = tree_link_of(l, "%s/acls/%s/%s", tpg, json_string_value(entry),
								 json_string_value(lun));

			if (to && !strcmp(strchr(to, '/') + 1, exported))
				return true;
		}
	}
	return false;
}

/* Take off the port what is exported of ours and granted to nobody. */
static int sweep_port(const struct lio *l, const char *tpg, struct error *err)
{
	json_auto_t *luns = tree_list(l, "lun_", "%s/lun", tpg);
	const json_t *lun;
	size_t i;

	json_array_foreach(luns, i, lun) {
		_cleanup_(freep) char *which = tree_link_of(l, "%s/lun/%s", tpg, json_string_value(lun));

		if ((!which || !strncmp(which, LIO_HBA "/", strlen(LIO_HBA "/"))) &&
		    !is_granted(l, tpg, json_string_value(lun)) &&
		    tree_unlink(l, err, "%s/lun/%s", tpg, json_string_value(lun)))
			return -1;
	}
	return 0;
}

static int remove_from_port(const struct lio *l, const char *port, const char *map, struct error *err)
{
	_cleanup_(freep) char *tpg = xasprintf("fc/%s/tpgt_1", port);
	json_auto_t *entries = tree_list(l, "", "%s/acls", tpg);
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry) {
		_cleanup_(freep) char *tag = tag_of(l, port, json_string_value(entry));
		int64_t generation;
		char name[64];

		/* With its entry the sessions of an initiator go, says the kernel's interface. */
		if (tag && mark_parse(tag, name, &generation) && !strcmp(name, map) &&
		    entry_remove(l, tpg, json_string_value(entry), err))
			return -1;
	}
	return sweep_port(l, tpg, err);
}

int fc_remove(const struct lio *l, const json_t *map, struct error *err)
{
	const json_t *port;
	size_t i;

	json_array_foreach(json_object_get(map, "ports"), i, port)
		if (remove_from_port(l, json_string_value(port), json_str(map, "map", ""), err))
			return -1;
	backstores_sweep(l);
	return 0;
}
