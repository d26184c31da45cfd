/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Casts and observation to a plan.  The order is break-before-make: what the old holder had is proved
 * gone before the new holder gets anything.
 */
#include "build.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

static struct plan_step *push(struct plan_step **steps, int *n, int *size)
{
	if (*n == *size) {
		*size = *size ? *size * 2 : 16;
		*steps = xrealloc(*steps, (size_t)*size * sizeof(**steps));
	}
	return &(*steps)[(*n)++];
}

struct plan_step *plan_add(struct planner *pl, enum phase phase, const struct device *device,
			   const char *object, json_t *set, json_t *undo)
{
	struct plan *p = pl->plan;
	struct plan_step *s = phase >= PHASE_RESTORE_READ ? push(&p->restore, &p->n_restore, &p->restore_size)
							  : push(&p->steps, &p->n_steps, &p->size);

	*s = (struct plan_step){ .phase = phase, .device = device->name, .cls = device->cls, .object = object,
				 .verb = '~', .set = set, .undo = undo, .deadline_ms = 60000 };
	return s;
}

struct plan_step *plan_add_on(struct planner *pl, enum phase phase, const struct device *device, char *object,
			      json_t *set, json_t *undo, const struct cast *c, const struct machine *machine,
			      int64_t generation)
{
	struct plan_step *s = plan_add(pl, phase, device, object, set, undo);

	s->owner = c->persona ? c->persona->name : NULL;
	s->machine = machine ? machine->name : NULL;
	s->generation = generation;
	return s;
}

const json_t *plan_seen(struct planner *pl, const char *device, const char *section, const char *name)
{
	json_t *seen = json_object_get(json_object_get(json_object_get(pl->observed, device), section), name);
	json_t *used = json_object_get(pl->used, device);

	if (!used) {
		used = json_object();
		json_object_set_new(pl->used, device, used);
	}
	/* A volume may be called like the persona whose map it is in. */
	json_object_set(used, arena_printf(&pl->plan->arena, "%s/%s", section, name), seen ? seen : json_null());
	return seen;
}

bool machine_is_source(const struct planner *pl, const struct machine *m)
{
	int i;

	for (i = 0; i < pl->n; i++)
		if (pl->casts[i].from == m)
			return true;
	return false;
}

/* The machines that have to be off before anything else. */
static int plan_offs(struct planner *pl, const struct cast *c)
{
	const char *power;

	if (c->from) {
		power = power_of(pl, c->from);
		if (plan_off(pl, c, c->from, c->persona != NULL) < 0)
			return -1;
		/* A BMC that is silent now may answer when it is told to power off. */
		if (strcmp(power, "off") != 0 && strcmp(power, "confirmed") != 0 && c->kind == CAST_PLAY)
			plan_restore(pl, c);
	}
	return c->to && !machine_is_source(pl, c->to) ? plan_off(pl, c, c->to, false) : 0;
}

/* What the role had on arrays and fabrics. */
static int plan_take_storage(struct planner *pl, const struct cast *c)
{
	if (!c->persona)
		return 0;
	if (plan_check_fabrics(pl, c) < 0 || plan_unmaps(pl, c) < 0)
		return -1;
	plan_unzones(pl, c);
	if (c->from)
		plan_shut_ports(pl, c);
	plan_shut_unfenced(pl, c);
	return 0;
}

static int plan_play(struct planner *pl, const struct cast *c)
{
	if (plan_offs(pl, c) < 0 || plan_take_storage(pl, c) < 0)
		return -1;
	if (c->from && !machine_is_target(pl, c->from) && plan_ports(pl, c, c->from, PHASE_PARK, c->generation) < 0)
		return -1;
	if (!c->to)
		return 0;
	if (model_fits(c->persona, c->to, pl->err) < 0 ||
	    plan_ports(pl, c, c->to, PHASE_PREPARE, c->next_generation) < 0 || plan_volumes(pl, c) < 0)
		return -1;
	plan_open_ports(pl, c);
	plan_boot(pl, c, PHASE_PREPARE);
	plan_logged_out(pl, c);
	plan_zones(pl, c);
	if (plan_verify(pl, c, false) < 0 || plan_grants(pl, c) < 0)
		return -1;
	plan_on(pl, c, PHASE_ON);
	plan_proofs(pl, c, PHASE_PROOF, false);
	plan_confirm(pl, c);
	plan_paths(pl, c);
	plan_portal_paths(pl, c);
	return plan_ports(pl, c, c->to, PHASE_FINAL, c->next_generation);
}

static int plan_cast(struct planner *pl, int i)
{
	const struct cast *c = &pl->casts[i];

	switch (c->kind) {
	case CAST_REPAIR:
		return plan_repair(pl, c);
	case CAST_ADOPT:
		pl->plan->activates[i] = true;
		return plan_adopt(pl, c);
	case CAST_RETURN:
		return plan_play(pl, c);
	case CAST_PLAY:
		break;
	}
	if (c->from && c->from == c->to && plan_in_force(pl, c))
		return plan_in_place(pl, c);
	pl->plan->activates[i] = c->to != NULL;
	return plan_play(pl, c);
}

static int by_phase(const void *a, const void *b)
{
	const struct plan_step *x = a, *y = b;

	return x->phase != y->phase ? (int)x->phase - (int)y->phase : x->n - y->n;
}

static void sort(struct plan_step *steps, int n)
{
	int i;

	for (i = 0; i < n; i++)
		steps[i].n = i;
	if (n)
		qsort(steps, (size_t)n, sizeof(*steps), by_phase);
	for (i = 0; i < n; i++)
		steps[i].n = i;
}

void plan_finish(struct planner *pl)
{
	struct plan *p = pl->plan;
	int i;

	sort(p->steps, p->n_steps);
	sort(p->restore, p->n_restore);
	for (i = 0; i < p->n_steps; i++) {
		p->changes += p->steps[i].verb != '=';
		if (p->steps[i].impact > p->impact)
			p->impact = p->steps[i].impact;
	}
	plan_chain_final(pl);
	p->fence = plan_fence(pl);
	p->used = json_incref(pl->used);
}

struct plan *plan_build(const struct model *m, const struct cast *casts, int n, const json_t *observed,
			struct error *err)
{
	struct planner pl = { m, casts, n, observed, xcalloc(1, sizeof(*pl.plan)), err, json_object() };
	int i;

	for (i = 0; i < n; i++)
		if (plan_cast(&pl, i) < 0)
			break;
	if (i == n) {
		plan_finish(&pl);
	} else {
		plan_destroy(pl.plan);
		pl.plan = NULL;
	}
	json_decref(pl.used);
	return pl.plan;
}

static void free_steps(struct plan_step *steps, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		json_decref(steps[i].set);
		json_decref(steps[i].undo);
	}
	free(steps);
}

void plan_destroy(struct plan *plan)
{
	if (!plan)
		return;
	free_steps(plan->steps, plan->n_steps);
	free_steps(plan->restore, plan->n_restore);
	json_decref(plan->used);
	json_decref(plan->unfenced);
	json_decref(plan->warnings);
	json_decref(plan->differences);
	arena_fini(&plan->arena);
	free(plan);
}
