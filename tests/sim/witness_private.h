/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to witness.c and ends.c: where an object is in the room, and what the room was before a run.
 */
#ifndef RECAST_SIM_WITNESS_PRIVATE_H
#define RECAST_SIM_WITNESS_PRIVATE_H

#include "story.h"

/* What was read for a plan may be as old as this when its run is created: another device may answer late, or hang. */
enum { READING_MS = 180000, MASKING_MS = 19000 };

struct capture {
	struct port_config ports[RACK_SWITCHES][RACK_PORTS];
	bool on[RACK_MACHINES];
	int up[RACK_MACHINES]; /* persona that runs there + 1, or 0 */
	struct {
		bool there;
		int64_t generation;
	} maps[RACK_ARRAYS][WITNESS_PERSONAS];
	int64_t zones[RACK_FABRICS][WITNESS_PERSONAS]; /* generation, 0: none */
};

/* An object of a step, found in the room. */
struct place_in_room {
	enum { ELSEWHERE, POWER, BOOT, PORT, MAP, ZONE } kind;
	int device, port;    /* machine, switch, array or fabric; of a switch */
	const char *persona; /* whose map or zone: "p1", "p1.hba0" */
};

/* Of "p1"; -1: not one of the operator's. */
int witness_persona(const char *name);
struct place_in_room witness_find(struct rack *r, const char *device, const char *object);
/* The generation of the zone of @persona on a fabric, 0: there is none. */
int64_t witness_zone(const struct rack *r, int fabric, const char *persona);
/* When anybody but a live order of the core touched it last. */
int64_t *witness_touch(struct story *s, const struct place_in_room *at);

#endif
