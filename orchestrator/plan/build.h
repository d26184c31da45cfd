/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the plan: the planner's state, and the wishes that wiring.c computes.
 */
#ifndef RECAST_PLAN_BUILD_H
#define RECAST_PLAN_BUILD_H

#include "plan.h"

struct planner {
	const struct model *m;
	const struct cast *casts;
	int n;
	const json_t *observed;
	struct plan *plan;
	struct error *err;
	json_t *used; /* the part of the observation that the plan rests on */
};

/* A new step with an owner's stamp; set and undo are stolen. */
struct plan_step *plan_add(struct planner *pl, enum phase phase, const struct device *device,
			   const char *object, json_t *set, json_t *undo);

/* What was seen of "ports"/"maps"/"volumes" NAME on a device, noted as used; NULL when not seen. */
const json_t *plan_seen(struct planner *pl, const char *device, const char *section, const char *name);

/* The wish for the port of nic @nic when @persona plays with vnic @i on it; @booting while the
 * machine boots.  @persona NULL: parked. */
json_t *wish_port(const struct model *m, const struct persona *persona, int i, bool booting,
		  int64_t generation);

/* The wish for a LUN map of @persona on @array in @generation. */
json_t *wish_map(struct planner *pl, const struct cast *c, const struct device *array, int64_t generation);

/* Whether the observed object has all members of the wish (descriptions and secrets excepted). */
bool wish_met(const json_t *wish, const json_t *seen);

/* The vnic that lies on nic @nic, or -1. */
int plan_vnic_of(const struct persona *persona, const struct machine *machine, const struct nic *nic);

int plan_ports(struct planner *pl, const struct cast *c, const struct machine *machine,
	       enum phase phase, int64_t generation);
int plan_volumes(struct planner *pl, const struct cast *c);
int plan_verify(struct planner *pl, const struct cast *c);
int plan_grants(struct planner *pl, const struct cast *c);
int plan_unmaps(struct planner *pl, const struct cast *c);


#endif
