/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Orphans: objects with our mark that no persona owns where they are.  A run that was given up long ago, a restored
 * backup or a second controller may leave them; they are listed, and swept away only on request.
 */
#include "build.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct looking {
	const struct model *m;
	const char *device;
	const char *(*machine_of)(void *arg, const char *persona);
	void *arg;
	json_t *found;
};

static void found(struct looking *l, json_t *object, const char *persona, int64_t generation, json_t *summary)
{
	json_array_append_new(l->found, json_pack("{s:s, s:o, s:s, s:I, s:o}", "device", l->device, "object", object, "persona",
						  persona, "generation", (json_int_t)generation, "summary", summary));
}

/* "recast PERSONA#GENERATION VNIC" */
static bool parse_mark(const char *text, char persona[64], int64_t *generation)
{
	long long g;

	if (sscanf(text, "recast %63[^#]#%lld", persona, &g) != 2)
		return false;
	*generation = g;
	return true;
}

static void look_at_port(struct looking *l, const char *port, const json_t *seen)
{
	const char *text = json_str(seen, "description", ""), *plays_on;
	char persona[64], key[192];
	const struct machine *m;
	int64_t generation;

	if (!parse_mark(text, persona, &generation))
		return;
	snprintf(key, sizeof(key), "%s/%s", l->device, port);
	m = model_machine_by_port(l->m, key);
	plays_on = l->machine_of(l->arg, persona);
	if (m && plays_on && !strcmp(m->name, plays_on))
		return;
	found(l, json_sprintf("port:%s", port), persona, generation,
	      json_sprintf("port %s/%s is marked \"%s\", and %s plays %s%s", l->device, port, text, persona,
			   plays_on ? "on " : "nowhere", plays_on ? plays_on : ""));
}

static bool has_volume_on(const struct persona *p, const char *array)
{
	int i;

	for (i = 0; p && i < p->n_volumes; i++)
		if (!strcmp(p->volumes[i].array->name, array))
			return true;
	return false;
}

static void look_at_map(struct looking *l, const char *name, const json_t *map)
{
	if (!json_bool(map, "managed", false) || !json_bool(map, "exists", true))
		return;
	if (l->machine_of(l->arg, name) && has_volume_on(model_persona(l->m, name), l->device))
		return;
	found(l, json_sprintf("map:%s", name), name, json_int(map, "generation", 0),
	      json_sprintf("map %s on %s is there, and %s %s", name, l->device, name,
			   l->machine_of(l->arg, name) ? "has no volume there" : "plays nowhere"));
}

static bool has_vhba_on(const struct persona *p, const char *fabric, const char *vhba)
{
	int i;

	for (i = 0; p && i < p->n_vhbas; i++)
		if (!strcmp(p->vhbas[i].fabric->name, fabric) && !strcmp(p->vhbas[i].name, vhba))
			return true;
	return false;
}

static void look_at_zone(struct looking *l, const char *key, const json_t *zone)
{
	const char *dot = strchr(key, '.');
	char persona[64];

	if (!json_bool(zone, "managed", false) || !json_bool(zone, "exists", true) || !dot || dot - key >= (long)sizeof(persona))
		return;
	snprintf(persona, sizeof(persona), "%.*s", (int)(dot - key), key);
	if (l->machine_of(l->arg, persona) && has_vhba_on(model_persona(l->m, persona), l->device, dot + 1))
		return;
	found(l, json_sprintf("zone:%s", key), persona, json_int(zone, "generation", 0),
	      json_sprintf("zone %s on %s is there, and %s %s", json_str(zone, "name", key), l->device, persona,
			   l->machine_of(l->arg, persona) ? "has no such vhba" : "plays nowhere"));
}

json_t *plan_orphans(const struct model *m, const char *device, const json_t *document,
		     const char *(*machine_of)(void *arg, const char *persona), void *arg)
{
	struct looking l = { m, device, machine_of, arg, json_array() };
	const char *name;
	json_t *v;

	json_object_foreach(json_object_get(document, "ports"), name, v)
		look_at_port(&l, name, v);
	json_object_foreach(json_object_get(document, "maps"), name, v)
		look_at_map(&l, name, v);
	json_object_foreach(json_object_get(document, "zones"), name, v)
		look_at_zone(&l, name, v);
	return l.found;
}

static void sweep_one(struct planner *pl, const struct device *d, const json_t *orphan)
{
	const char *object = json_str(orphan, "object", "");
	bool port = !strncmp(object, "port:", 5);
	struct arena *a = &pl->plan->arena;
	bool zone = !strncmp(object, "zone:", 5);
	enum phase phase = port ? PHASE_PARK : zone ? (enum phase)(PHASE_UNZONE_A + (unsigned)d->side) : PHASE_UNMAP;
	struct plan_step *s = plan_add(pl, phase, d, arena_strdup(a, object),
				       port ? wish_port(pl->m, NULL, -1, false, 0) : json_pack("{s:b}", "exists", 0), NULL);

	s->verb = '-';
	s->impact = zone ? IMPACT_NONE : IMPACT_LINK_BLIP;
	s->owner = port ? "" : arena_strdup(a, json_str(orphan, "persona", "")); /* "" takes the stamp off */
	s->generation = json_int(orphan, "generation", 0);
	s->summary = port ? arena_printf(a, "park port %s/%s and take its mark off", d->name, object + 5)
		   : zone ? arena_printf(a, "take the zone of %s off %s", object + 5, d->name)
			  : arena_printf(a, "unmap %s on %s, drop its sessions and see them gone", object + 4, d->name);
}

struct plan *plan_sweep(const struct model *m, const json_t *orphans, struct error *err)
{
	struct planner pl = { m, NULL, 0, NULL, xcalloc(1, sizeof(*pl.plan)), err, json_object() };
	const struct device *d;
	const json_t *orphan;
	size_t i;

	json_array_foreach(orphans, i, orphan) {
		d = model_device(m, json_str(orphan, "device", ""));
		if (d)
			sweep_one(&pl, d, orphan);
		json_object_set((json_t *)pl.used, json_str(orphan, "summary", ""), (json_t *)orphan);
	}
	plan_finish(&pl);
	json_decref(pl.used);
	return pl.plan;
}
