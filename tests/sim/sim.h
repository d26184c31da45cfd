/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Virtual time and chance for one simulated story.  Everything that happens is an event in one heap, run in order of
 * time, ties in order of insertion; everything that is by chance comes from one generator.  So a story is a pure
 * function of its seed.  Used by the simulated rack (rack.h) and by the programs that embed the core.
 */
#ifndef RECAST_SIM_H
#define RECAST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

struct sim_event; /* a handle, valid until it fired or was cancelled */
struct sim_block;

struct sim_slot {
	int64_t at;
	uint64_t order;
	struct sim_event *event;
};

struct sim {
	uint64_t seed;
	int64_t now; /* ms of UTC */
	uint64_t fired;

	/* The rest belongs to sim.c. */
	uint64_t random[4];
	uint64_t order;
	struct sim_slot *heap;
	size_t n, size;
	struct sim_event *free;
	struct sim_block *blocks;
};

void sim_init(struct sim *s, uint64_t seed);
/* Events that are still waiting are forgotten; their functions are not called. */
void sim_fini(struct sim *s);

/* Call @fn(@arg) in @delay_ms (less than 0 is 0). */
struct sim_event *sim_after(struct sim *s, int64_t delay_ms, void (*fn)(void *arg), void *arg);
/* NULL is allowed. */
void sim_cancel(struct sim *s, struct sim_event *e);

/* Run the earliest event; false when none is left. */
bool sim_step(struct sim *s);
/* Run all events up to @until and let it be @until then. */
void sim_run_until(struct sim *s, int64_t until);
/* When the earliest event is due; -1 when there is none. */
int64_t sim_next(const struct sim *s);

uint64_t sim_random(struct sim *s);
/* 0 … @n - 1; 0 when @n is less than 2. */
int sim_below(struct sim *s, int n);
/* @first … @last. */
int64_t sim_between(struct sim *s, int64_t first, int64_t last);
/* True @of_10000 times of 10,000.  0 and less takes no number from the generator. */
bool sim_chance(struct sim *s, int of_10000);

#endif
