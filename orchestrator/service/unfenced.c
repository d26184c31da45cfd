/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ports of fabrics that a role was given a machine behind while the fabric did not answer.  Nobody knows whether they are
 * open, and no run of today can shut them; the cards behind them carry the WWPNs of the role.  They are remembered until
 * they are seen shut, or a role enters there with the fabric answering; and the next cast of that role shuts them before
 * it grants anything.
 */
#include "core.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "unfenced";

void unfenced_note(struct core *c, const struct plan *plan)
{
	const json_t *port;
	size_t i;

	json_array_foreach(plan->unfenced, i, port)
		store_record_put(c->store, kind, json_str(port, "port", ""), port);
}

void unfenced_settle(struct core *c, const struct step *step)
{
	char key[160];

	if ((step->state != STEP_DONE && step->state != STEP_UNDONE) || strncmp(step->object, "port:", 5) != 0 ||
	    !json_object_get(json_object_get(step->doc, "set"), "enabled"))
		return;
	snprintf(key, sizeof(key), "%s/%s", step->device, step->object + 5);
	store_record_delete(c->store, kind, key);
}

struct loading {
	struct core *core;
	struct cast *cast;
	struct arena *arena;
};

static void load_one(void *arg, const char *key, json_t *doc)
{
	struct loading *l = arg;
	struct cast *cast = l->cast;
	const char *slash = strchr(key, '/');
	const struct machine *m = model_machine(l->core->model, json_str(doc, "machine", ""));
	int i;

	/* Cabling may have changed since: then nothing of it is ours any more. */
	if (!slash || !m || m != model_machine_by_fabric_port(l->core->model, key) ||
	    strcmp(json_str(doc, "persona", ""), cast->persona->name) != 0)
		return;
	for (i = 0; i < m->n_hbas && cast->n_unfenced < UNFENCED_MAX; i++)
		if (!strcmp(m->hbas[i].port, slash + 1) && !strncmp(key, m->hbas[i].fabric->name, (size_t)(slash - key)) &&
		    !m->hbas[i].fabric->name[slash - key])
			cast->unfenced[cast->n_unfenced++] = (struct unfenced_port){ m, &m->hbas[i] };
}

void unfenced_load(struct core *c, struct cast *cast, struct arena *a)
{
	struct loading l = { c, cast, a };

	if (!cast->persona || !cast->persona->n_vhbas)
		return;
	cast->unfenced = arena_alloc(a, UNFENCED_MAX * sizeof(*cast->unfenced));
	store_record_each(c->store, kind, load_one, &l);
}
