/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of recast-powerloss share: the folder they work in, the tallies, and the two suites.
 */
#ifndef RECAST_POWERLOSS_RIG_H
#define RECAST_POWERLOSS_RIG_H

#include "verify.h"

enum world_mode { WORLD_FULL, WORLD_NORMAL, WORLD_OFF, WORLDS };
extern const char *const world_names[WORLDS];

struct tally {
	long images, verdicts[VERDICTS];
	long turns, reopened, killed, backups; /* what the workload did */
	uint64_t operations, wal_starts, wal_frames;
	bool backups_whole;
};

struct fault_tally {
	long scenarios, failed, not_reported, half_in_memory, not_usable, images, bad_images,
		either, checkpoints;
	long opens, opens_failed, opens_bad;
};

struct rig {
	char dir[96];
	uint64_t seed;
	long images, control_images;
	size_t only_position; /* of a replay */
};

/* Set by SIGINT and SIGTERM; the loops end. */
extern volatile int rig_stop;

static inline long tally_bad(const struct tally *t)
{
	return t->images - t->verdicts[GOOD];
}

/* A life of the store in one mode, and @images power losses of it. */
int world_run(const struct rig *rig, enum world_mode mode, long images, struct tally *t);
/* One image, told in words. */
int world_replay(const struct rig *rig, const char *spec);

/* Lives in which the disk fails. */
void faults_run(const struct rig *rig, struct fault_tally *t);

#endif
