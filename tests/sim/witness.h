/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The room's truth beside what the core believes: who touched what, and when; the wiring before each run; and what must
 * hold of it: no order without a committed intent (I6), a run ends as it says (I4), no name on two machines (I7), no
 * stamp on two machines (I11), no grant over somebody else's map that could be seen (I1).  Used by story.c and ledger.c.
 */
#ifndef RECAST_SIM_WITNESS_H
#define RECAST_SIM_WITNESS_H

#include "rack.h"

struct story;
struct ledger_run;

enum { WITNESS_PERSONAS = 8 };

/* When anybody but a live order of the core touched it last; 0: never. */
struct witness {
	int64_t power[RACK_MACHINES], boot[RACK_MACHINES], ports[RACK_SWITCHES][RACK_PORTS], maps[RACK_ARRAYS][WITNESS_PERSONAS],
		zones[RACK_FABRICS][WITNESS_PERSONAS];
};

struct capture *witness_capture(struct story *s);

/* rack_ops.touched of a story. */
void witness_touched(void *arg, const char *device, const char *object, const json_t *set, enum touch by);
/* A machine is about to get this boot script. */
void witness_script(struct story *s, const struct rack_machine *m, const char *script);
/* After each physical change. */
void witness_changed(struct story *s);
/* The end of @run has just become durable. */
void witness_end(struct story *s, const struct ledger_run *run);
/* The managed map of @persona on an array, or NULL. */
const struct rack_map *witness_map(const struct rack *r, int array, const char *persona);
/* Could a run that masked @persona not take its map away? */
bool witness_left_map(const struct story *s, const char *persona);
/* Did anything but an order of the core that lived touch the zone of @persona? */
bool witness_zone_touched(const struct story *s, int fabric, const char *persona);
/* Did anybody else touch the map of @persona since @since? */
bool witness_map_touched(const struct story *s, int array, const char *persona, int64_t since);

#endif
