/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Drift: what differs between the wiring that is in force and what the devices say now.  The same wishes are compared as
 * in a plan, so what a repair does and what drift tells cannot disagree.
 */
#include "build.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

struct drifting {
	struct planner pl;
	const struct cast *c;
	json_t *items;
};

static void note(struct drifting *d, const struct device *device, const char *object, const char *what, json_t *found,
		 json_t *wanted, enum impact impact, bool repairable, const char *summary)
{
	json_array_append_new(d->items, json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:b, s:s}", "device", device->name, "object",
						  object, "what", what, "found", found ? found : json_null(), "wanted",
						  wanted ? wanted : json_null(), "impact", impact_name(impact), "repairable",
						  repairable, "summary", summary));
}

static void drift_port(struct drifting *d, const struct nic *nic)
{
	struct arena *a = &d->pl.plan->arena;
	const struct persona *p = d->c->persona;
	const json_t *seen = plan_seen(&d->pl, nic->sw->name, "ports", nic->port), *text;
	json_t *wish = wish_port(d->pl.m, p, plan_vnic_of(p, d->c->from, nic), false, d->c->generation);
	char *object = arena_printf(a, "port:%s", nic->port);

	text = json_object_get(seen, "description");
	if (!seen || !json_bool(seen, "exists", true))
		note(d, nic->sw, object, "port", NULL, json_incref(wish), IMPACT_NONE, false,
		     arena_printf(a, "port %s/%s has gone", nic->sw->name, nic->port));
	else if (!wish_met(wish, seen))
		note(d, nic->sw, object, "port", port_undo(d->pl.m, seen), json_incref(wish), port_impact(d->pl.m, wish, seen),
		     true, arena_printf(a, "port %s/%s is %s, %s wants %s", nic->sw->name, nic->port,
					describe_port(a, d->pl.m, seen), p->name, describe_port(a, d->pl.m, wish)));
	else if (text && !json_equal(text, json_object_get(wish, "description")))
		note(d, nic->sw, object, "mark", json_incref((json_t *)text),
		     json_incref(json_object_get(wish, "description")), IMPACT_NONE, true,
		     arena_printf(a, "port %s/%s is marked \"%s\"", nic->sw->name, nic->port, json_string_value(text)));
	json_decref(wish);
}

static void drift_map(struct drifting *d, const struct device *array)
{
	struct arena *a = &d->pl.plan->arena;
	const char *persona = d->c->persona->name, *text = NULL;
	const json_t *seen = plan_seen(&d->pl, array->name, "maps", persona);
	enum map_state state = plan_map_state(&d->pl, d->c, array, seen);

	switch (state) {
	case MAP_SAME:
		return;
	case MAP_GROWS:
		text = arena_printf(a, "the map of %s on %s lacks LUNs", persona, array->name);
		break;
	case MAP_MISSING:
		text = arena_printf(a, "the map of %s on %s has gone: it has no disk", persona, array->name);
		break;
	case MAP_DIFFERS:
		text = arena_printf(a, "the map of %s on %s is another one than generation %lld has", persona, array->name,
				    (long long)d->c->generation);
		break;
	}
	note(d, array, arena_printf(a, "map:%s", persona), "map", json_incref((json_t *)seen),
	     wish_map(&d->pl, d->c, array, d->c->generation), state == MAP_DIFFERS ? IMPACT_DOWNTIME : IMPACT_NONE,
	     state != MAP_DIFFERS, text);
}

static void drift_foreign(struct drifting *d, const struct device *array)
{
	struct error err = { 0 };

	d->pl.err = &err;
	if (plan_refuse_foreign(&d->pl, d->c, array) < 0)
		note(d, array, arena_printf(&d->pl.plan->arena, "map:%s", d->c->persona->name), "foreign-map", NULL, NULL,
		     IMPACT_NONE, false, arena_strdup(&d->pl.plan->arena, err.text));
}

static void drift_volume(struct drifting *d, const struct volume *v)
{
	struct arena *a = &d->pl.plan->arena;

	if (!plan_has_volume(&d->pl, v))
		note(d, v->array, arena_printf(a, "volume:%s", v->volume), "volume", NULL, NULL, IMPACT_NONE, false,
		     arena_printf(a, "volume %s has gone from %s", v->volume, v->array->name));
}

static void note_fabric(void *arg, const struct device *fabric, const char *object, const char *what, json_t *found, json_t *wanted,
			bool repairable, const char *summary)
{
	note(arg, fabric, object, what, found, wanted, IMPACT_NONE, repairable, summary);
}

static void drift_power(struct drifting *d)
{
	const struct device *bmc = d->c->from->bmc;
	const char *power = json_str(json_object_get(d->pl.observed, bmc->name), "power", "unknown");

	if (!strcmp(power, "off"))
		note(d, bmc, "power", "power", json_string(power), json_string("on"), IMPACT_REBOOT, false,
		     arena_printf(&d->pl.plan->arena, "%s is off, and plays %s", d->c->from->name, d->c->persona->name));
}

static bool observed(const struct drifting *d, const struct device *device)
{
	return json_object_get(d->pl.observed, device->name) != NULL;
}

static void drift_all(struct drifting *d)
{
	const struct persona *p = d->c->persona;
	const struct machine *m = d->c->from;
	const struct device *array;
	int i;

	for (i = 0; i < m->n_nics; i++)
		if (observed(d, m->nics[i].sw))
			drift_port(d, &m->nics[i]);
	for (i = 0; (array = persona_array(p, i)); i++)
		if (observed(d, array)) {
			drift_map(d, array);
			drift_foreign(d, array);
		}
	drift_fabrics(&d->pl, d->c, note_fabric, d);
	for (i = 0; i < p->n_volumes; i++)
		if (observed(d, p->volumes[i].array))
			drift_volume(d, &p->volumes[i]);
	if (observed(d, m->bmc))
		drift_power(d);
}

json_t *plan_drift(const struct model *m, const struct cast *cast, const json_t *seen)
{
	struct drifting d = { { m, cast, 1, seen, xcalloc(1, sizeof(struct plan)), NULL, json_object() }, cast, json_array() };

	if (cast->from && cast->generation)
		drift_all(&d);
	json_decref(d.pl.used);
	plan_destroy(d.pl.plan);
	return d.items;
}
