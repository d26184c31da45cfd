/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The way back of a role that was running and loses its power in a run.  After an undo its machine is off and its
 * ports are in their final networks, where nothing boots; so it is cast anew: boot network, power on, proof, final ports.
 * The engine does this only for a machine that may have lost its power and is read to be off.
 */
#include "build.h"

#include "json.h"

#include <string.h>

static void restore_port(struct planner *pl, const struct cast *back, enum phase phase, json_t *set)
{
	const struct nic *nic = plan_nic(back->persona, 0, back->to);
	struct arena *a = &pl->plan->arena;
	struct plan_step *s;

	s = plan_add_on(pl, phase, nic->sw, arena_printf(a, "port:%s", nic->port), set, NULL, back, back->to,
			back->next_generation);
	s->summary = arena_printf(a, "port %s/%s -> %s", nic->sw->name, nic->port, describe_port(a, pl->m, set));
}

void plan_restore(struct planner *pl, const struct cast *c)
{
	const struct persona *p = c->persona;
	const struct nic *nic = p->n_vnics ? plan_nic(p, 0, c->from) : NULL;
	struct cast back = *c;
	const json_t *seen;
	struct plan_step *s;
	bool boots_elsewhere;

	back.to = c->from;
	back.next_generation = c->generation;
	s = plan_add_on(pl, PHASE_RESTORE_READ, back.to->bmc, arena_strdup(&pl->plan->arena, "down"),
			json_pack("{s:s}", "power", "off"), NULL, &back, back.to, c->generation);
	s->verb = '=';
	s->optional = strcmp(power_of(pl, c->from), "on") != 0; /* nobody knew before, either */
	s->summary = arena_printf(&pl->plan->arena, "read whether %s is still on", back.to->name);
	seen = nic ? plan_seen(pl, nic->sw->name, "ports", nic->port) : NULL;
	boots_elsewhere = p->boot_network && seen && json_bool(seen, "exists", true);
	if (boots_elsewhere)
		restore_port(pl, &back, PHASE_RESTORE_WIRE, wish_port(pl->m, p, 0, true, c->generation));
	plan_boot(pl, &back, PHASE_RESTORE_WIRE);
	plan_on(pl, &back, PHASE_RESTORE_ON);
	plan_proofs(pl, &back, PHASE_RESTORE_PROOF, true);
	if (boots_elsewhere)
		restore_port(pl, &back, PHASE_RESTORE_FINAL, port_undo(pl->m, seen));
}
