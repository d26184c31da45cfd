/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * LUNs: a group (of a target, of a port) exports a volume under a number; an entry of its access list is granted what is
 * exported, under a number of the entry's own.
 */
#include "target.h"

#include "cleanup.h"

#include <string.h>

int lun_export(const struct lio *l, const char *tpg, const char *lun, const char *volume, struct error *err)
{
	_cleanup_(freep) char *has = tree_link_of(l, "%s/lun/%s", tpg, lun), *to = NULL, *from = NULL;

	if (has)
		return 0;
	to = tree_path(l, "core/%s/%s", LIO_HBA, volume);
	from = tree_path(l, "%s/lun/%s/%s", tpg, lun, volume);
	if ((l->plain && tree_make(l, err, "%s/lun", tpg)) || tree_make(l, err, "%s/lun/%s", tpg, lun))
		return -1;
	return tree_link(l, to, from, err);
}

int lun_grant(const struct lio *l, const char *tpg, const char *entry, const char *lun, const char *exported, struct error *err)
{
	_cleanup_(freep) char *has = tree_link_of(l, "%s/acls/%s/lun_%s", tpg, entry, lun), *to = NULL, *from = NULL;

	if (has)
		return 0;
	to = tree_path(l, "%s/lun/%s", tpg, exported);
	from = tree_path(l, "%s/acls/%s/lun_%s/granted", tpg, entry, lun);
	if (tree_make(l, err, "%s/acls/%s/lun_%s", tpg, entry, lun))
		return -1;
	return tree_link(l, to, from, err);
}

int entry_remove(const struct lio *l, const char *tpg, const char *entry, struct error *err)
{
	json_auto_t *luns = tree_list(l, "lun_", "%s/acls/%s", tpg, entry);
	const json_t *lun;
	size_t i;

	json_array_foreach(luns, i, lun)
		if (tree_unlink(l, err, "%s/acls/%s/%s", tpg, entry, json_string_value(lun)))
			return -1;
	return tree_remove(l, err, "%s/acls/%s", tpg, entry);
}

int luns_remove(const struct lio *l, const char *tpg, struct error *err)
{
	json_auto_t *luns = tree_list(l, "lun_", "%s/lun", tpg);
	const json_t *lun;
	size_t i;

	json_array_foreach(luns, i, lun)
		if (tree_unlink(l, err, "%s/lun/%s", tpg, json_string_value(lun)))
			return -1;
	return 0;
}
