/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the services: which server key of a device is pinned, and which it showed last.  Two small records by the
 * device's name, "trust" and "presented".  Each holds the address and driver that it was made for, and counts for no
 * other: what was said of one box says nothing about the next.
 */
#ifndef RECAST_TRUST_H
#define RECAST_TRUST_H

#include "core.h"

enum trust_state { TRUST_NONE, TRUST_UNPINNED, TRUST_PINNED, TRUST_MISMATCH };

/* The pinned fingerprint of @d in @out; false when there is none.  That of the site file wins. */
bool trust_pin(struct core *c, const struct device *d, char out[FINGERPRINT_TEXT]);

/* A driver has told that the device showed @shown, and stopped.  Remembered, told and audited when it is news. */
void trust_shown(struct core *c, const char *device, const struct server_key *shown);

/* The device was read with the key that is pinned: what it showed before is not true any more. */
void trust_held(struct core *c, const struct device *d);

/* NONE: it has shown no key, and none is pinned. */
enum trust_state trust_state(struct core *c, const struct device *d);

/* {state, pinned, presented} for people. */
json_t *trust_json(struct core *c, const struct device *d);

/* The model is about to be @m: forget what was kept for devices that are gone or have moved, or that the site file pins
 * otherwise.  Rides in the caller's commit. */
void trust_settle(struct core *c, const struct model *m);

/* What to read of a device to see whether it answers: dull, but it comes from the device. */
json_t *dull_objects(const struct device *d);

#endif
