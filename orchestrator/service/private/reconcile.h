/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the services: every device is read on an interval and when it tells of a change, and compared with the
 * wiring in force.  What differs is drift, kept with the time since when; what carries our mark and belongs to nobody is
 * an orphan.  Nothing is judged that an open run holds, nor from a reading that was asked for before a run ended.
 */
#ifndef RECAST_RECONCILE_H
#define RECAST_RECONCILE_H

#include "core.h"

struct reconcile;

struct reconcile *reconcile_create(struct core *c);
void reconcile_destroy(struct reconcile *r);
/* The state was read from the store (anew). */
void reconcile_load(struct reconcile *r);
/* An event {"event": "changed", device, objects?} of a driver. */
void reconcile_changed(struct reconcile *r, const json_t *event);
/* A run has ended: what was found of its personas before is not known any more. */
void reconcile_run_ended(struct reconcile *r, const struct run *run);
/* How many differences and orphans are known now. */
size_t reconcile_drifts(const struct reconcile *r);
size_t reconcile_orphans(const struct reconcile *r);

/* drift.c: what was found. */
struct drifts;
struct drifts *drifts_create(struct core *c);
void drifts_destroy(struct drifts *d);
void drifts_load(struct drifts *d);
/* What @device shows of @persona on @machine now, as plan_drift() tells it; replaces what was known. */
void drifts_put(struct drifts *d, const char *persona, const char *machine, const char *device, const json_t *items);
void drifts_forget(struct drifts *d, const char *persona);
/* Of @persona, or of all (NULL). */
json_t *drifts_json(const struct drifts *d, const char *persona);
size_t drifts_count(const struct drifts *d);

/* repair.c: start repairs by itself where a persona wants it, and give up when somebody changes it back again and again. */
struct repairs;
struct repairs *repairs_create(struct core *c);
void repairs_destroy(struct repairs *r);
void repairs_consider(struct repairs *r, const struct persona *p, const json_t *items);

/* orphans.c */
/* What must be read to find them all: {device: {"class": …, "objects": null}}. */
json_t *orphans_reads(const struct model *m);
/* Those in @observed {device: document} that no open run holds and whose machine is not in quarantine. */
json_t *orphans_find(struct core *c, const json_t *observed);
/* Add what must be locked to sweep them to @targets. */
void orphans_lock(struct core *c, const json_t *orphans, json_t *targets);

#endif
