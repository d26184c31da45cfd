/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Orphans: what carries our mark and belongs to nobody.  plan/orphans.c finds them in one device's document; here open
 * runs and quarantine are taken into account.  Called by the sweep (cast.c) and by every reading (reconcile.c).
 */
#include "reconcile.h"
#include "wish.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

json_t *orphans_reads(const struct model *m)
{
	json_t *reads = json_object();
	const struct device *d;
	size_t i;

	for (i = 0; (d = model_device_at(m, i)); i++)
		if (d->cls == CLASS_SWITCH || d->cls == CLASS_STORAGE || d->cls == CLASS_FABRIC)
			json_object_set_new(reads, d->name, json_pack("{s:s, s:n}", "class", class_name(d->cls), "objects"));
	return reads;
}

static const char *machine_of(void *arg, const char *persona)
{
	const struct assignment *a = roster_of(((struct core *)arg)->roster, persona);

	return a ? a->machine : NULL;
}

static const struct machine *machine_at(struct core *c, const json_t *orphan)
{
	const char *object = json_str(orphan, "object", "");
	const struct machine *m;
	char *key;

	if (strncmp(object, "port:", 5) != 0)
		return NULL;
	key = xasprintf("%s/%s", json_str(orphan, "device", ""), object + 5);
	m = model_machine_by_port(c->model, key);
	free(key);
	return m;
}

/* Under a run it may be in its place in a moment; in quarantine, returning the machine sees to it. */
static bool is_spoken_for(struct core *c, const json_t *orphan)
{
	const struct machine *m = machine_at(c, orphan);

	return core_holder(c, "persona", json_str(orphan, "persona", "")) ||
	       (m && (core_holder(c, "machine", m->name) || roster_quarantine(c->roster, m->name)));
}

json_t *orphans_find(struct core *c, const json_t *observed)
{
	json_t *out = json_array(), *found, *orphan, *document;
	const char *device;
	size_t i;

	json_object_foreach((json_t *)observed, device, document) {
		found = plan_orphans(c->model, device, document, machine_of, c);
		json_array_foreach(found, i, orphan)
			if (!is_spoken_for(c, orphan))
				json_array_append(out, orphan);
		json_decref(found);
	}
	return out;
}

void orphans_lock(struct core *c, const json_t *orphans, json_t *targets)
{
	const struct machine *m;
	const json_t *orphan;
	size_t i;

	json_array_foreach(orphans, i, orphan) {
		targets_add(targets, "persona", json_str(orphan, "persona", ""), NULL);
		m = machine_at(c, orphan);
		if (m)
			targets_add(targets, "machine", m->name, NULL);
	}
}
