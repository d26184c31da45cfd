/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * iSCSI targets: made, unmade, their sessions dropped.  Called by map.c, which has compared.
 *
 * Nobody may log in to a group that is not enabled, and disabling one ends its sessions, whatever their number; so that is
 * how a grant ends and how a revocation begins.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { GONE_WAIT_MS = 600, GONE_LOOK_MS = 10 };

int iscsi_mark(const struct lio *l, const char *iqn, const char *map, int64_t generation, struct error *err)
{
	char mark[128];

	mark_format(mark, sizeof(mark), map, generation);
	if (l->plain && tree_make(l, err, "iscsi/%s/tpgt_1/param", iqn))
		return -1;
	return tree_put(l, mark, err, "iscsi/%s/tpgt_1/param/TargetAlias", iqn);
}

static int make_group(const struct lio *l, const struct lio_map *m, struct error *err)
{
	static const char *const plain[] = { "acls", "lun", "np", "attrib", NULL };
	const char *iqn = m->wish.target;
	int i;

	if (tree_make(l, err, "iscsi") || tree_make(l, err, "iscsi/%s", iqn) || tree_make(l, err, "iscsi/%s/tpgt_1", iqn))
		return -1;
	for (i = 0; l->plain && plain[i]; i++)
		if (tree_make(l, err, "iscsi/%s/tpgt_1/%s", iqn, plain[i]))
			return -1;
	return iscsi_mark(l, iqn, m->name, m->wish.generation, err);
}

static bool has_credentials(const struct lio_map *m)
{
	return m->wish.chap_user || json_object_size(m->credentials);
}

/* Only those that are named may come, and only as they are asked to prove it. */
static int set_attributes(const struct lio *l, const struct lio_map *m, struct error *err)
{
	const struct {
		const char *name, *value;
	} attributes[] = { { "generate_node_acls", "0" },
			   { "cache_dynamic_acls", "0" },
			   { "demo_mode_discovery", "0" },
			   { "demo_mode_write_protect", "1" },
			   { "authentication", has_credentials(m) ? "1" : "0" } };
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (tree_put(l, attributes[i].value, err, "iscsi/%s/tpgt_1/attrib/%s", m->wish.target, attributes[i].name))
			return -1;
	return 0;
}

static int make_portals(const struct lio *l, const char *iqn, struct error *err)
{
	const json_t *portal;
	size_t i;

	if (!json_array_size(l->portals))
		return tree_make(l, err, "iscsi/%s/tpgt_1/np/0.0.0.0:3260", iqn);
	json_array_foreach(l->portals, i, portal)
		if (tree_make(l, err, "iscsi/%s/tpgt_1/np/%s", iqn, json_string_value(portal)))
			return -1;
	return 0;
}

static int set_credential(const struct lio *l, const struct lio_map *m, const char *initiator, struct error *err)
{
	const json_t *own = json_object_get(m->credentials, initiator);
	const char *user = json_str(own, "user", m->wish.chap_user), *secret = json_str(own, "secret", m->wish.chap_secret);

	if (!user)
		return 0;
	if (l->plain && tree_make(l, err, "iscsi/%s/tpgt_1/acls/%s/auth", m->wish.target, initiator))
		return -1;
	if (tree_put(l, user, err, "iscsi/%s/tpgt_1/acls/%s/auth/userid", m->wish.target, initiator))
		return -1;
	return tree_put(l, secret, err, "iscsi/%s/tpgt_1/acls/%s/auth/password", m->wish.target, initiator);
}

int iscsi_grow(const struct lio *l, const struct lio_map *m, struct error *err)
{
	_cleanup_(freep) char *tpg = xasprintf("iscsi/%s/tpgt_1", m->wish.target);
	const json_t *volume, *initiator;
	const char *lun;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)m->wish.luns, lun, volume) {
		_cleanup_(freep) char *exported = xasprintf("lun_%s", lun);

		if (backstore_make(l, json_string_value(volume), m->serials, err) ||
		    lun_export(l, tpg, exported, json_string_value(volume), err))
			return error_wrap(err, "LUN %s", lun);
		json_array_foreach(m->wish.initiators, i, initiator)
			if (lun_grant(l, tpg, json_string_value(initiator), lun, exported, err))
				return error_wrap(err, "LUN %s", lun);
	}
	return 0;
}

int iscsi_make(const struct lio *l, const struct lio_map *m, struct error *err)
{
	const json_t *initiator;
	size_t i;

	if (make_group(l, m, err) || set_attributes(l, m, err) || make_portals(l, m->wish.target, err))
		return -1;
	json_array_foreach(m->wish.initiators, i, initiator)
		if (tree_make(l, err, "iscsi/%s/tpgt_1/acls/%s", m->wish.target, json_string_value(initiator)) ||
		    set_credential(l, m, json_string_value(initiator), err))
			return -1;
	if (iscsi_grow(l, m, err))
		return -1;
	return tree_put(l, "1", err, "iscsi/%s/tpgt_1/enable", m->wish.target);
}

static int enable(const struct lio *l, const char *iqn, const char *value, struct error *err)
{
	json_auto_t *tpgs = tree_list(l, "tpgt_", "iscsi/%s", iqn);
	const json_t *tpg;
	size_t i;

	json_array_foreach(tpgs, i, tpg) {
		_cleanup_(freep) char *is = tree_get(l, "iscsi/%s/%s/enable", iqn, json_string_value(tpg));

		/* The kernel refuses to be told what is so already. */
		if (is && strcmp(is, value) != 0 &&
		    tree_put(l, value, err, "iscsi/%s/%s/enable", iqn, json_string_value(tpg)))
			return -1;
	}
	return 0;
}

/* The kernel ends sessions before it says that a group is disabled, but for those in the middle of their login. */
static int await_gone(const struct lio *l, const char *iqn)
{
	int64_t until = clock_mono_ms() + GONE_WAIT_MS;

	while (view_session_count(l, iqn) > 0) {
		if (clock_mono_ms() > until)
			return 1;
		poll(NULL, 0, GONE_LOOK_MS);
	}
	return 0;
}

int iscsi_drop(const struct lio *l, const char *iqn, struct error *err)
{
	int rc;

	if (enable(l, iqn, "0", err))
		return -1;
	/* Whether all are gone or not, the map stays one that can be used. */
	rc = await_gone(l, iqn);
	return enable(l, iqn, "1", err) ? -1 : rc;
}

static int remove_group(const struct lio *l, const char *tpg, struct error *err)
{
	static const char *const plain[] = { "acls", "lun", "np", "attrib", "param", NULL };
	json_auto_t *entries = tree_list(l, "", "%s/acls", tpg), *portals = tree_list(l, "", "%s/np", tpg);
	const json_t *one;
	size_t i;

	json_array_foreach(entries, i, one)
		if (entry_remove(l, tpg, json_string_value(one), err))
			return -1;
	if (luns_remove(l, tpg, err))
		return -1;
	json_array_foreach(portals, i, one)
		if (tree_remove(l, err, "%s/np/%s", tpg, json_string_value(one)))
			return -1;
	/* The mark goes last, with its group. */
	for (i = 0; l->plain && plain[i]; i++)
		if (strcmp(plain[i], "param") != 0)
			tree_remove(l, NULL, "%s/%s", tpg, plain[i]);
	return tree_remove(l, err, "%s", tpg);
}

int iscsi_remove(const struct lio *l, const char *iqn, struct error *err)
{
	json_auto_t *tpgs = tree_list(l, "tpgt_", "iscsi/%s", iqn);
	size_t i;

	if (enable(l, iqn, "0", err))
		return -1;
	if (await_gone(l, iqn))
		return 1;
	/* The first group has the mark: it goes last. */
	for (i = json_array_size(tpgs); i > 0; i--) {
		_cleanup_(freep) char *tpg = xasprintf("iscsi/%s/%s", iqn, json_string_value(json_array_get(tpgs, i - 1)));

		if (remove_group(l, tpg, err))
			return -1;
	}
	if (tree_remove(l, err, "iscsi/%s", iqn))
		return -1;
	backstores_sweep(l);
	return 0;
}
