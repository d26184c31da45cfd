/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a wish and what was observed to an ordered list of changes.  Pure: the same casts and the same
 * observation give the same plan with the same id, which is how a plan that was printed can later be
 * refused when the world has moved.
 *
 * A wish is a set of casts: persona P goes from machine F (or nowhere) to machine T (or nowhere).
 * apply, move, release and swap differ only in their casts.  Phases run one after the other; the steps
 * of one phase run side by side and are merged per device.
 */
#ifndef RECAST_PLAN_H
#define RECAST_PLAN_H

#include "arena.h"
#include "error.h"
#include "model.h"

#include <jansson.h>
#include <stdint.h>

enum { CASTS_MAX = 8 };

/* The identities of a persona, as allocated. */
struct identities {
	const char *iqn;
	const char *uuid;
	struct {
		const char *vnic;
		const char *mac;     /* NULL: the machine's own */
		const char *address; /* "a.b.c.d" or NULL */
	} vnics[VNICS_MAX];
	int n_vnics;
	struct {
		const char *vhba;
		const char *wwpn, *wwnn;
	} vhbas[VHBAS_MAX];
	int n_vhbas;
};

enum cast_kind {
	CAST_PLAY,   /* from → to, either may be missing */
	CAST_REPAIR, /* from = to: put right what can be put right while the role runs; nothing else is touched */
	CAST_ADOPT,  /* to: the wiring is there already, made by others; it is marked and never changed */
	CAST_RETURN  /* from: out of quarantine: off, its role's maps gone, ports parked.  persona may be NULL */
};

enum { UNFENCED_MAX = 64 };

/* A port of a fabric that may be open, with cards behind it that carry WWPNs of the role. */
struct unfenced_port {
	const struct machine *machine;
	const struct hba *hba;
};

struct cast {
	const struct persona *persona;
	const struct machine *from, *to;
	int64_t generation;	 /* of the activation that is in force, 0: none */
	int64_t next_generation; /* that a new activation would get */
	const struct identities *identities;
	enum cast_kind kind;
	struct unfenced_port *unfenced; /* left by earlier casts of the persona */
	int n_unfenced;
};

/* In the order of execution; undo runs backwards. */
enum phase {
	PHASE_QUIESCE, /* the operating system is asked to stop */
	PHASE_OFF,     /* power is off, read twice */
	PHASE_UNMAP,   /* old LUN maps gone, sessions seen gone */
	PHASE_UNZONE_A, /* old zones gone, one side of the fabrics after the other */
	PHASE_UNZONE_B,
	PHASE_PARK,    /* ports of machines that are left */
	PHASE_PREPARE, /* boot ports, volumes, boot device */
	PHASE_VERIFY,  /* arrays are asked for all maps of each volume, name servers for each WWPN: there must be none left */
	PHASE_ZONE_A,  /* the new zones */
	PHASE_ZONE_B,
	PHASE_GRANT,   /* the new LUN map */
	PHASE_ON,
	PHASE_PROOF, /* the role shows that it is up */
	PHASE_FINAL, /* final ports */
	PHASE_CONFIRM, /* the role answers in its own network */
	/* Only after an undo, for a role that lost its power: see plan_restore(). */
	PHASE_RESTORE_READ,
	PHASE_RESTORE_WIRE,
	PHASE_RESTORE_ON,
	PHASE_RESTORE_PROOF,
	PHASE_RESTORE_FINAL,
	PHASE_COUNT
};
const char *phase_name(enum phase phase);

enum impact { IMPACT_NONE, IMPACT_LINK_BLIP, IMPACT_REBOOT, IMPACT_DOWNTIME };
const char *impact_name(enum impact impact);

struct plan_step {
	int n;
	enum phase phase;
	const char *device;
	enum device_class cls;
	const char *object; /* "port:node1-eth0" */
	char verb;	    /* + created, - removed, ~ changed, ! interrupts, = confirmed */
	enum impact impact;
	const char *summary;
	json_t *set, *undo; /* undo NULL: nothing to undo */
	const char *owner;  /* persona */
	const char *machine; /* whose power, port or proof it is */
	int64_t generation;
	int64_t deadline_ms;
	bool optional; /* its failure does not fail the run */
	const char *group; /* of optional steps, or NULL: when all of a group fail the run does */
	bool blind;    /* an off step: the BMC did not answer when it was planned */
	bool fallback; /* nor does this one's: storage and ports are taken from the machine all the same (F2, F3) */
};

struct plan {
	struct arena arena;
	char id[33];		/* hash of the plan, once plan_identify() was called */
	char observed_hash[33]; /* hash of what it rests on, likewise */
	json_t *used;		/* the part of the observation that it rests on */
	struct plan_step *steps;
	int n_steps, size;
	/* What brings the roles back that were running, once all steps are undone: a port in its final network boots nothing. */
	struct plan_step *restore;
	int n_restore, restore_size;
	json_t *unfenced; /* ports that it leaves unfenced, [{port: "FABRIC/PORT", machine, persona}]; or NULL */
	json_t *warnings; /* what a person should know before it is done, [text]; or NULL */
	json_t *differences; /* of an adoption: what is not as the persona says, [{device, object, summary}]; else NULL */
	int changes; /* steps that change something, not only confirm */
	enum impact impact;
	const char *fence;
	bool activates[CASTS_MAX]; /* cast i gets a new generation */
};

/* What must be read to plan: {device: {"class": …, "objects": […]}}.  A new reference. */
json_t *plan_reads(const struct model *m, const struct cast *casts, int n);

/* The plan from @observed {device: document}; NULL with a conflict when it may not be done. */
struct plan *plan_build(const struct model *m, const struct cast *casts, int n, const json_t *observed,
			struct error *err);
void plan_destroy(struct plan *plan);

/* Is the volume a LUN of the map, as a document tells it? */
bool plan_map_holds(const json_t *map, const char *volume);

/* The vnic of @p whose network the portal "a.b.c.d:port" lies in, and that has an address; or -1. */
int plan_portal_vnic(const struct persona *p, const struct identities *ids, const char *portal);

/* Fill in the hashes: for a plan that is shown, or compared with one that was. */
void plan_identify(struct plan *plan);

/* For people and for the API; identify it first. */
json_t *plan_json(const struct plan *plan);

/* What differs between the wiring of @cast in its generation in force and @observed, as [{device, object, what,
 * found, wanted, summary, impact, repairable}]; devices that were not observed are passed over.  Reads nothing but
 * what is in force: where no role should run, nothing drifts. */
json_t *plan_drift(const struct model *m, const struct cast *cast, const json_t *observed);

/* The generation that an adoption of @cast has to take: that of a map with our mark, else the next one, beyond those
 * that the ports are stamped with. */
int64_t plan_adopted_generation(const struct cast *cast, const json_t *observed);

/* Objects with our mark on @device whose persona does not play there: [{device, object, persona, generation, summary}].
 * @machine_of tells where a persona plays (NULL: nowhere). */
json_t *plan_orphans(const struct model *m, const char *device, const json_t *document,
		     const char *(*machine_of)(void *arg, const char *persona), void *arg);
/* The plan that sweeps @orphans away. */
struct plan *plan_sweep(const struct model *m, const json_t *orphans, struct error *err);

/* How a persona's vnics lie on a machine's nics: the nic for vnic @i. */
const struct nic *plan_nic(const struct persona *persona, int i, const struct machine *machine);

/* Each array that the persona has volumes on, once: the i-th, or NULL. */
const struct device *persona_array(const struct persona *persona, int i);

/* Whether the persona's volumes on @array are reached over Fibre Channel. */
bool persona_over_fc(const struct persona *persona, const struct device *array);

/* The name of the target that @persona gets on @array, into the arena. */
char *plan_target(struct arena *a, const struct device *array, const struct persona *persona);

#endif
