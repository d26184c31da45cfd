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

/* A new step; set and undo are stolen.  One of a RESTORE phase goes into the plan's second list. */
struct plan_step *plan_add(struct planner *pl, enum phase phase, const struct device *device,
			   const char *object, json_t *set, json_t *undo);
/* One of @persona (NULL: nobody) on @machine. */
struct plan_step *plan_add_on(struct planner *pl, enum phase phase, const struct device *device, char *object,
			      json_t *set, json_t *undo, const struct cast *c, const struct machine *machine,
			      int64_t generation);

/* Sort, number, sum up. */
void plan_finish(struct planner *pl);

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

/* Parked, or for @persona at boot (PREPARE) and in the end (FINAL). */
int plan_ports(struct planner *pl, const struct cast *c, const struct machine *machine,
	       enum phase phase, int64_t generation);
/* The ports of a role that runs, to what they shall be in the end; each with its own impact. */
int plan_ports_live(struct planner *pl, const struct cast *c, int64_t generation);
/* The wish that puts a port back as it was seen; one that trunked everything is parked instead. */
json_t *port_undo(const struct model *m, const json_t *seen);
char *describe_port(struct arena *a, const struct model *m, const json_t *port);
/* What a role notices when its port goes from @seen to @wish while it runs. */
enum impact port_impact(const struct model *m, const json_t *wish, const json_t *seen);
/* The final state of a boot port follows its boot state: chain its undo. */
void plan_chain_final(struct planner *pl);

/* power.c */
const char *power_of(struct planner *pl, const struct machine *m);
bool machine_is_source(const struct planner *pl, const struct machine *m);
bool machine_is_target(const struct planner *pl, const struct machine *m);
int plan_off(struct planner *pl, const struct cast *c, const struct machine *m, bool plays);
/* Of c->to in c->next_generation. */
void plan_boot(struct planner *pl, const struct cast *c, enum phase phase);
void plan_on(struct planner *pl, const struct cast *c, enum phase phase);
void plan_proofs(struct planner *pl, const struct cast *c, enum phase phase, bool optional);
void plan_confirm(struct planner *pl, const struct cast *c);
/* How it is made sure that old holders cannot write any more. */
const char *plan_fence(struct planner *pl);

/* storage.c: what a person should know before it is done; @text is stolen. */
void plan_warn(struct planner *pl, json_t *text);
/* By which portals of its arrays the role has to be logged in in the end, where an array has more than one. */
void plan_portal_paths(struct planner *pl, const struct cast *c);
/* How long the system of the role may take to log in everywhere. */
int64_t plan_paths_ms(const struct cast *c);
/* The addresses of these paths on @array, for the simulated rack. */
json_t *plan_path_addresses(const struct cast *c, const struct device *array);

/* fabric.c.  A fabric that did not answer is silent: its vhbas get nothing, which is a warning as long as another one
 * reaches each array. */
bool plan_fabric_is_silent(const struct planner *pl, const struct device *fabric);
int plan_check_fabrics(struct planner *pl, const struct cast *c);
void plan_unzones(struct planner *pl, const struct cast *c);
void plan_logged_out(struct planner *pl, const struct cast *c);
void plan_zones(struct planner *pl, const struct cast *c);
void plan_zones_live(struct planner *pl, const struct cast *c);
/* The ports that the role used on c->from, and that no other comes to: nothing is logged in there any more (F3). */
void plan_shut_ports(struct planner *pl, const struct cast *c);
void plan_shut_unfenced(struct planner *pl, const struct cast *c);
void plan_open_ports(struct planner *pl, const struct cast *c);
void plan_open_ports_live(struct planner *pl, const struct cast *c);
void plan_paths(struct planner *pl, const struct cast *c);
/* [{fabric, port, wwpn}] of the vhbas on c->to. */
json_t *plan_boot_vhbas(const struct cast *c);
/* @luns is stolen. */
json_t *wish_fc_map(struct planner *pl, const struct cast *c, const struct device *array, json_t *luns, int64_t generation);
/* Zones in force that are not as wished, ports that are shut, WWPNs that are logged in elsewhere.  Takes the references. */
typedef void drift_note(void *arg, const struct device *fabric, const char *object, const char *what, json_t *found, json_t *wanted,
			bool repairable, const char *summary);
void drift_fabrics(struct planner *pl, const struct cast *c, drift_note *note, void *arg);

/* restore.c: for a role that runs on c->from and is about to lose its power. */
void plan_restore(struct planner *pl, const struct cast *c);

/* place.c: casts that leave the role running.  plan_in_force() tells whether it can stay so. */
bool plan_in_force(struct planner *pl, const struct cast *c);
int plan_in_place(struct planner *pl, const struct cast *c);
int plan_repair(struct planner *pl, const struct cast *c);
/* adopt.c */
int plan_adopt(struct planner *pl, const struct cast *c);

/* storage.c */
bool plan_has_volume(struct planner *pl, const struct volume *v);
enum map_state {
	MAP_SAME,    /* as wished, in this generation */
	MAP_GROWS,   /* as wished, but for LUNs that are still missing */
	MAP_MISSING,
	MAP_DIFFERS, /* other initiators, other volumes, another generation */
};
enum map_state plan_map_state(struct planner *pl, const struct cast *c, const struct device *array, const json_t *seen);
int plan_refuse_foreign(struct planner *pl, const struct cast *c, const struct device *array);
/* Right before a grant each array is asked again who can reach the volumes: nobody may.  @mapped: those that the
 * map of the persona holds already are left out. */
int plan_verify(struct planner *pl, const struct cast *c, bool mapped);
/* The maps in @generation; @undo: what takes a map back. */
struct plan_step *plan_grant(struct planner *pl, const struct cast *c, const struct device *array, int64_t generation,
			     json_t *undo);
int plan_volumes(struct planner *pl, const struct cast *c);
int plan_grants(struct planner *pl, const struct cast *c);
int plan_unmaps(struct planner *pl, const struct cast *c);

#endif
