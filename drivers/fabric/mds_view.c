/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is asked of the switch, and the fabric document made of it.  See mds.h.
 */
#include "mds.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "show WHAT vsan N", to be freed. */
static char *show(const struct mds *m, const char *what, int64_t deadline_ms, struct error *err)
{
	char line[128];

	snprintf(line, sizeof(line), "show %s vsan %d", what, m->vsan);
	return mds_show(m->link, line, deadline_ms, err);
}

int mds_status_read(const struct mds *m, struct mds_status *out, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *text = show(m, "zone status", deadline_ms, err);

	return text ? mds_status_parse(text, out, err) : -1;
}

/* Nothing there is said in words; silence is no such word. */
json_t *mds_zonesets_read(const struct mds *m, const char *what, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *text = show(m, what, deadline_ms, err);

	if (!text)
		return NULL;
	if (strstr(text, " name ") || strstr(text, "not present"))
		return mds_zonesets_parse(text);
	error_set(err, ERROR_PROTOCOL, "\"show %s\" showed neither zones nor that there are none", what);
	return NULL;
}

static int resolve_aliases(const struct mds *m, struct mds_view *v, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	json_auto_t *aliases = NULL;

	if (!mds_has_aliases(v->sets) && !mds_has_aliases(v->zones) && !mds_has_aliases(v->active))
		return 0;
	text = mds_show(m->link, "show device-alias database", deadline_ms, err);
	if (!text)
		return -1;
	aliases = mds_aliases_parse(text);
	mds_resolve(v->active, aliases);
	mds_resolve(v->sets, aliases);
	mds_resolve(v->zones, aliases);
	return 0;
}

/* A lock in the name of our user, at this switch: ours when nothing but zones of Recast waits under it. */
static int judge_lock(const struct mds *m, struct mds_view *v, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *text = NULL;

	if (!v->status.locked || v->status.from[0] || strcmp(v->status.user, mds_link_user(m->link)) != 0)
		return 0;
	text = show(m, "zone pending-diff", deadline_ms, err);
	if (!text)
		return -1;
	v->ours = mds_pending_is_ours(text);
	return 0;
}

int mds_view_glance(const struct mds *m, struct mds_view *v, int64_t deadline_ms, struct error *err)
{
	if (!(v->active = mds_zonesets_read(m, "zoneset active", deadline_ms, err)) ||
	    !(v->sets = mds_zonesets_read(m, "zoneset", deadline_ms, err)) || resolve_aliases(m, v, deadline_ms, err)) {
		mds_view_fini(v);
		return -1;
	}
	if (json_object_size(v->active))
		v->config = json_object_iter_key(json_object_iter(v->active));
	return 0;
}

int mds_view_read(const struct mds *m, struct mds_view *v, int64_t deadline_ms, struct error *err)
{
	*v = (struct mds_view){ .config = "" };
	if (!mds_status_read(m, &v->status, deadline_ms, err) && !judge_lock(m, v, deadline_ms, err) &&
	    (v->zones = mds_zonesets_read(m, "zone", deadline_ms, err)))
		return mds_view_glance(m, v, deadline_ms, err);
	mds_view_fini(v);
	return -1;
}

void mds_view_fini(struct mds_view *v)
{
	json_decref(v->active);
	json_decref(v->sets);
	json_decref(v->zones);
	v->active = v->sets = v->zones = NULL;
}

const json_t *mds_view_active(const struct mds_view *v)
{
	return json_object_get(v->active, v->config);
}

const json_t *mds_view_set(const struct mds_view *v)
{
	return json_object_get(v->sets, v->config);
}

static json_t *sorted_members(const json_t *zone)
{
	const char **names = xcalloc(json_object_size(zone) + 1, sizeof(*names));
	json_t *list, *role;
	const char *member;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)zone, member, role)
		names[n++] = member;
	list = zone_texts(names, n);
	free(names);
	return list;
}

static bool is_smart(const json_t *zone)
{
	const char *member;
	json_t *role;

	json_object_foreach((json_t *)(uintptr_t)zone, member, role)
		if (*json_string_value(role))
			return true;
	return false;
}

static json_t *one_zone(const struct mds_view *v, const char *name)
{
	const json_t *active = json_object_get(mds_view_active(v), name);
	const json_t *zone = active ? active : json_object_get(json_object_get(v->zones, ""), name);

	return zone_to_document(name, sorted_members(zone), is_smart(zone) ? "smart" : "plain", active != NULL);
}

/* Add the zones of @from, by KEY; of two generations the higher one. */
static void add_zones(const struct mds_view *v, const json_t *from, json_t *out)
{
	char key[ZONE_KEY_SIZE];
	const char *name;
	json_t *zone;

	json_object_foreach((json_t *)(uintptr_t)from, name, zone) {
		int64_t generation;
		bool ours = zone_name_parse(name, key, &generation);

		if (ours && json_int(json_object_get(out, key), "generation", -1) > generation)
			continue;
		json_object_set_new(out, ours ? key : name, one_zone(v, name));
	}
}

json_t *mds_zone_documents(const struct mds_view *v)
{
	json_t *out = json_object();

	add_zones(v, json_object_get(v->zones, ""), out);
	add_zones(v, mds_view_active(v), out);
	return out;
}

json_t *mds_zone_document(const struct mds_view *v, const char *key)
{
	json_auto_t *all = mds_zone_documents(v);
	json_t *one = json_object_get(all, key);

	return one ? json_incref(one) : json_pack("{s:b}", "exists", 0);
}

json_t *mds_lock_document(const struct mds_view *v)
{
	json_t *lock = json_pack("{s:b}", "held", v->status.locked && !v->ours);

	if (!v->status.locked || v->ours)
		return lock;
	if (v->status.user[0])
		json_object_set_new(lock, "user", json_string(v->status.user));
	if (v->status.from[0])
		json_object_set_new(lock, "from", json_string(v->status.from));
	return lock;
}

json_t *mds_logins_read(const struct mds *m, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *names = show(m, "fcns database", deadline_ms, err);
	_cleanup_(freep) char *here = names ? show(m, "flogi database", deadline_ms, err) : NULL;
	json_t *logins;

	if (!here)
		return NULL;
	logins = mds_fcns_parse(names);
	if (!mds_fcns_is_whole(names, logins)) {
		error_set(err, ERROR_PROTOCOL, "its name server does not show as many logins as it counts");
		json_decref(logins);
		return NULL;
	}
	mds_flogi_parse(here, logins);
	return logins;
}

json_t *mds_ports_read(const struct mds *m, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *text = mds_show(m->link, "show interface brief", deadline_ms, err);

	if (text && strstr(text, "Interface"))
		return mds_ports_parse(text, m->vsan);
	if (text)
		error_set(err, ERROR_PROTOCOL, "it does not show its interfaces");
	return NULL;
}
