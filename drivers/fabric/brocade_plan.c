/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What has to be written for zones to be as wished.  See brocade.h.  Only zones that Recast made are ever named here.
 */
#include "brocade.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

void fos_plan_init(struct fos_plan *plan)
{
	*plan = (struct fos_plan){ .post = json_array(), .enlist = json_array(), .cut = json_array(), .unlist = json_array(),
				   .drop = json_array(), .repost = json_array(), .relist = json_array(), .dirty = json_object() };
}

void fos_plan_fini(struct fos_plan *plan)
{
	json_decref(plan->post);
	json_decref(plan->enlist);
	json_decref(plan->cut);
	json_decref(plan->unlist);
	json_decref(plan->drop);
	json_decref(plan->repost);
	json_decref(plan->relist);
	json_decref(plan->dirty);
	*plan = (struct fos_plan){ 0 };
}

static bool holds(const json_t *list, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_string_value(one) && !strcmp(json_string_value(one), name))
			return true;
	return false;
}

/* Of @a what is not in @b. */
static json_t *less(const json_t *a, const json_t *b)
{
	json_t *out = json_array(), *one;
	size_t i;

	json_array_foreach(a, i, one)
		if (!holds(b, json_string_value(one)))
			json_array_append(out, one);
	return out;
}

/* A zone as the switch takes it; the references to both lists are taken. */
static json_t *zone_body(const char *name, bool peer, json_t *members, json_t *principals)
{
	json_t *entry = json_object();

	if (json_array_size(principals))
		json_object_set(entry, "principal-entry-name", principals);
	if (json_array_size(members))
		json_object_set(entry, "entry-name", members);
	json_decref(members);
	json_decref(principals);
	return json_pack("{s:s, s:i, s:o}", "zone-name", name, "zone-type", peer ? 1 : 0, "member-entry", entry);
}

static bool is_peer(const json_t *zone)
{
	return !strcmp(json_str(zone, "kind", ""), "peer");
}

static void whole_zone(json_t *to, const char *name, const json_t *want)
{
	json_array_append_new(to, zone_body(name, is_peer(want), json_incref(json_object_get(want, "members")),
					    json_incref(json_object_get(want, "principals"))));
}

static void some_members(json_t *to, const char *name, const json_t *a, const json_t *b)
{
	json_t *members = less(json_object_get(a, "members"), json_object_get(b, "members"));
	json_t *principals = less(json_object_get(a, "principals"), json_object_get(b, "principals"));

	if (json_array_size(members) + json_array_size(principals)) {
		json_array_append_new(to, zone_body(name, is_peer(a), members, principals));
		return;
	}
	json_decref(members);
	json_decref(principals);
}

static void remove_zone(struct fos_plan *plan, const struct fos_view *view, const char *cfg, const char *name)
{
	if (holds(json_object_get(view->cfgs, cfg), name))
		json_array_append_new(plan->unlist, json_string(name));
	if (json_object_get(view->zones, name))
		json_array_append_new(plan->drop, json_string(name));
}

static void make_zone(struct fos_plan *plan, const struct fos_view *view, const char *cfg, const char *name, const json_t *want)
{
	const json_t *now = json_object_get(view->zones, name);
	bool listed = holds(json_object_get(view->cfgs, cfg), name);

	if (now && is_peer(now) != is_peer(want)) {
		remove_zone(plan, view, cfg, name);
		whole_zone(plan->repost, name, want);
		json_array_append_new(plan->relist, json_string(name));
		return;
	}
	if (!now)
		whole_zone(plan->post, name, want);
	else
		some_members(plan->post, name, want, now);
	if (now)
		some_members(plan->cut, name, now, want);
	if (!listed)
		json_array_append_new(plan->enlist, json_string(name));
}

/* Every name of zone @key that is defined, listed or in force, as keys. */
static json_t *names_of(const struct fos_view *view, const char *cfg, const char *key)
{
	json_t *names = json_object(), *v;
	const char *name, *one_key;
	char its[ZONE_KEY_SIZE];
	int64_t generation;
	void *next;
	size_t i;

	json_object_foreach(view->zones, name, v)
		json_object_set_new(names, name, json_true());
	json_object_foreach(view->active, name, v)
		json_object_set_new(names, name, json_true());
	json_array_foreach(json_object_get(view->cfgs, cfg), i, v)
		json_object_set_new(names, json_string_value(v), json_true());
	json_object_foreach_safe(names, next, one_key, v)
		if (!zone_name_parse(one_key, its, &generation) || strcmp(its, key) != 0)
			json_object_del(names, one_key);
	return names;
}

static int check_generation(const json_t *names, const char *key, const struct zone_wish *wish, struct error *err)
{
	int64_t generation = wish->generation;
	const char *name = NULL;

	zone_highest(names, key, &name, &generation);
	if (!name)
		return 0;
	return error_set(err, ERROR_CONFLICT, "zone %s is there, this change is of generation %lld", name, (long long)wish->generation);
}

static int check_name(const struct fos_view *view, const char *name, struct error *err)
{
	if (!json_object_get(view->aliases, name) && !json_object_get(view->cfgs, name))
		return 0;
	return error_set(err, ERROR_CONFLICT, "an alias or a configuration is called %s", name);
}

static void remove_others(struct fos_plan *plan, const struct fos_view *view, const char *cfg, const json_t *names,
			  const char *stays)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)names, name, v)
		if (strcmp(name, stays) != 0)
			remove_zone(plan, view, cfg, name);
}

static size_t work(const struct fos_plan *plan)
{
	return json_array_size(plan->post) + json_array_size(plan->enlist) + json_array_size(plan->cut) +
	       json_array_size(plan->unlist) + json_array_size(plan->drop) + json_array_size(plan->repost);
}

/* Is what is in force of these names just what is wanted (NULL: nothing)? */
static bool in_force(const struct fos_view *view, const json_t *names, const char *stays, const json_t *want)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)names, name, v)
		if (strcmp(name, stays) != 0 && json_object_get(view->active, name))
			return false;
	return !want || json_equal(json_object_get(view->active, stays), (json_t *)(uintptr_t)want);
}

int fos_plan_zone(struct fos_plan *plan, const struct fos_view *view, const char *cfg, const char *key,
		  const struct zone_wish *wish, bool peer, struct error *err)
{
	json_auto_t *names = names_of(view, cfg, key), *want = wish->exists ? fos_zone_new(wish, peer) : NULL;
	char name[ZONE_NAME_SIZE] = "";
	size_t before = work(plan);

	if (wish->exists && (zone_name(key, wish->generation, name, err) || check_name(view, name, err) ||
			     check_generation(names, key, wish, err)))
		return -1;
	if (want)
		make_zone(plan, view, cfg, name, want);
	remove_others(plan, view, cfg, names, name);
	if (work(plan) == before && in_force(view, names, name, want))
		return 0;
	json_object_set_new(plan->dirty, key, json_true());
	plan->differs = true;
	return 0;
}

bool fos_plan_empties(const struct fos_plan *plan, const struct fos_view *view, const char *cfg)
{
	json_auto_t *left = less(json_object_get(view->cfgs, cfg), plan->unlist);

	return !json_array_size(left) && !json_array_size(plan->enlist) && !json_array_size(plan->relist);
}

/* The members of a list with aliases in place of which stand theirs, as keys. */
static json_t *resolved(const struct fos_view *view, const json_t *list)
{
	json_t *out = json_object(), *one, *inner;
	size_t i, k;

	json_array_foreach(list, i, one) {
		const json_t *alias = json_object_get(view->aliases, json_string_value(one));

		json_array_foreach(alias, k, inner)
			json_object_set_new(out, json_string_value(inner), json_true());
		if (!alias)
			json_object_set_new(out, json_string_value(one), json_true());
	}
	return out;
}

static bool same(const struct fos_view *view, const json_t *defined, const json_t *active, const char *part)
{
	json_auto_t *a = resolved(view, json_object_get(defined, part)), *b = resolved(view, json_object_get(active, part));

	return json_equal(a, b);
}

static bool is_in_force(const struct fos_view *view, const char *name)
{
	const json_t *defined = json_object_get(view->zones, name), *active = json_object_get(view->active, name);

	return defined && active && same(view, defined, active, "members") && same(view, defined, active, "principals");
}

const char *fos_staged(const struct fos_view *view, const char *cfg)
{
	const json_t *list = json_object_get(view->cfgs, cfg);
	const char *name;
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (!zone_is_ours(json_string_value(v)) && !is_in_force(view, json_string_value(v)))
			return json_string_value(v);
	/* What targets made themselves is in force without being in any configuration; it is nowhere defined. */
	json_object_foreach(view->active, name, v)
		if (!zone_is_ours(name) && !holds(list, name) && json_object_get(view->zones, name))
			return name;
	return NULL;
}
