/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lives in which the disk fails: the k-th write or sync does not succeed, once or from then on, for
 * every k.  Then what the store said, what it holds, what a power loss leaves, and whether it works again
 * once the disk does.  Called by powerloss.c.
 */
#include "rig.h"

#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_BEFORE = 8, TURNS_UNDER = 8, TURNS_AFTER = 3, IMAGES_PER_FAULT = 4, TOLD = 5 };

struct life {
	const struct rig *rig;
	struct load *load;
	struct fault_tally *tally;
	struct image image;
	enum fault_kind kind;
	bool sticky, spill;
	long k;
	uint64_t reference[TURNS_BEFORE + TURNS_UNDER + TURNS_AFTER +
			   1]; /* digests of a life without faults */
};

/* Checkpoints come often.  With the small cache changed pages spill before the commit, also for a read. */
static const char *session_of(const struct life *life)
{
	return life->spill ? "PRAGMA wal_autocheckpoint = 12; PRAGMA cache_size = 8"
			   : "PRAGMA wal_autocheckpoint = 12";
}

static void tell(const struct life *life, const char *what)
{
	static const char *const kinds[FAULT_KINDS] = { "no space", "write error", "sync error",
							"read error" };
	static int told;

	if (told++ < TOLD)
		printf("# %s%s%s at operation %ld, turn %lld: %s\n", kinds[life->kind],
		       life->sticky ? " from then on" : "", life->spill ? ", small cache," : "",
		       life->k, (long long)life->load->turn + 1, what);
}

static void arm(const struct life *life)
{
	shim_fault = (struct fault){
		.kind = life->kind, .armed = true, .sticky = life->sticky, .countdown = life->k
	};
}

static void disarm(void)
{
	shim_fault.armed = false;
}

/* The store shows what it held after the last acknowledged turn, and nothing of a later one. */
static bool holds_acknowledged(const struct life *life)
{
	const struct load *l = life->load;
	bool armed = shim_fault.armed;
	uint64_t digest;
	int64_t turn;
	int rc;

	shim_fault.armed = false; /* this is the rig's own reading */
	rc = digest_of(l->db, &digest, &turn);
	shim_fault.armed = armed;
	return rc == 0 && turn == l->turn && digest == life->reference[turn];
}

/* A turn that was acknowledged although something failed meanwhile: a checkpoint, after the commit.  That may not
 * have changed what the turn wrote. */
static void acknowledged(struct life *life, bool hit)
{
	bool checkpoint =
		life->kind == FAULT_SYNC || life->kind == FAULT_READ || shim_fault.at_database;

	life->tally->checkpoints += hit;
	if ((hit && !checkpoint) || !holds_acknowledged(life))
		life->tally->not_reported++,
			tell(life, "a turn that could not be written was acknowledged");
}

/* Turns while the fault is armed; whether one of them failed. */
static bool turns_under_fault(struct life *life)
{
	struct fault_tally *t = life->tally;
	struct error err = { 0 };
	long before;
	int i;

	for (i = 0; i < TURNS_UNDER; i++) {
		before = shim_fault.hits;
		if (load_turn(life->load, &err) == 0) {
			acknowledged(life, shim_fault.hits > before);
			continue;
		}
		t->failed++;
		t->either += shim_fault.at_commit_record;
		if (shim_fault.hits == before || err.code != ERROR_STORAGE)
			t->not_reported++, tell(life, err.text);
		if (!holds_acknowledged(life))
			t->half_in_memory++, tell(life, "the failed turn shows");
		return true;
	}
	return false;
}

/* With the disk in order again the same turn is written, and more; then all is there after a restart. */
static bool works_again(struct life *life)
{
	struct load *l = life->load;
	struct error err = { 0 };
	int i;

	for (i = 0; i < TURNS_AFTER; i++)
		if (load_turn(l, &err) < 0) {
			tell(life, err.text);
			return false;
		}
	load_close(l, life->k % 4 < 2);
	if (load_open(l, session_of(life), &err) < 0 || !holds_acknowledged(life)) {
		tell(life, err.code ? err.text : "the store lost something over a restart");
		return false;
	}
	return true;
}

static void lose_power(struct life *life, const struct disk *d, const char *dir, int n)
{
	enum image_kind kind = (enum image_kind)((n + life->k) % IMAGE_KINDS);
	char why[256], what[400];

	image_build(&life->image, d, kind, mix(d->position, (uint64_t)n));
	life->tally->images++;
	if (verify_image(life->load, d, &life->image, dir, why) == GOOD)
		return;
	life->tally->bad_images++;
	snprintf(what, sizeof(what), "after a power loss at %zu (%s): %s", d->position,
		 image_kind_names[kind], why);
	tell(life, what);
}

/* Power losses from @start to the end of the log, several right after the fault was reported. */
static void power_losses(struct life *life, size_t start)
{
	const struct oplog *log = &life->load->log;
	struct disk *d = calloc(1, sizeof(*d));
	size_t span = log->n - start + 1, i;
	char dir[160];
	int n;

	snprintf(dir, sizeof(dir), "%s/image", life->rig->dir);
	disk_init(d, log, mix(life->rig->seed, (uint64_t)life->k));
	for (i = start; i <= log->n && !rig_stop; i++) {
		disk_play(d, i);
		if (i && log->ops[i - 1].kind == OP_FAILED)
			for (n = 0; n < IMAGES_PER_FAULT / 2; n++)
				lose_power(life, d, dir, n);
		else if (mix(mix((uint64_t)life->k, i), life->rig->seed) % span <
			 IMAGES_PER_FAULT / 2)
			lose_power(life, d, dir, (int)i);
	}
	disk_fini(d);
	free(d);
}

static void begin_life(struct life *life)
{
	char root[160];

	snprintf(root, sizeof(root), "%s/faults", life->rig->dir);
	load_init(life->load, root, mix(life->rig->seed, 0x6661756c74), NULL);
}

/* The digests of all turns when nothing fails. */
static void live_undisturbed(struct life *life)
{
	struct error err = { 0 };
	size_t i, n = sizeof(life->reference) / sizeof(life->reference[0]);

	begin_life(life);
	if (load_open(life->load, session_of(life), &err) < 0)
		abort();
	for (i = 1; i < n; i++)
		if (load_turn(life->load, &err) < 0)
			abort();
	memcpy(life->reference, life->load->digest, sizeof(life->reference));
	load_fini(life->load);
}

/* A life in which the fault comes amid turns.  False when there was no k-th operation. */
static bool live_turns(struct life *life)
{
	struct load *l = life->load;
	struct error err = { 0 };
	bool failed, hit;
	size_t start;
	int i;

	begin_life(life);
	if (load_open(l, session_of(life), &err) < 0)
		abort();
	for (i = 0; i < TURNS_BEFORE; i++)
		if (load_turn(l, &err) < 0)
			abort();
	start = l->log.n;
	arm(life);
	failed = turns_under_fault(life);
	if (failed && life->sticky && load_turn(l, &err) < 0 && !holds_acknowledged(life))
		life->tally->half_in_memory++, tell(life, "the turn that failed again shows");
	hit = shim_fault.hits > 0;
	disarm();
	life->tally->scenarios += hit;
	if (hit && !works_again(life))
		life->tally->not_usable++;
	load_close(l, true);
	if (hit)
		power_losses(life, start);
	load_fini(l);
	return hit;
}

/* A life in which the fault comes while the store opens, for the first time or after a kill. */
static bool live_open(struct life *life, int turns)
{
	struct fault_tally *t = life->tally;
	struct load *l = life->load;
	struct error err = { 0 };
	bool failed, hit;
	int i;

	begin_life(life);
	for (i = 0; i < turns; i++)
		if ((!l->store && load_open(l, session_of(life), &err) < 0) ||
		    load_turn(l, &err) < 0)
			abort();
	load_close(l, false);
	arm(life);
	failed = load_open(l, session_of(life), &err) < 0;
	hit = shim_fault.hits > 0;
	disarm();
	t->opens += hit;
	t->opens_failed += failed;
	if (failed && err.code != ERROR_STORAGE)
		t->opens_bad++, tell(life, err.text);
	if (failed && l->store)
		load_close(l, false);
	if ((failed && load_open(l, session_of(life), &err) < 0) || !holds_acknowledged(life))
		t->opens_bad++, tell(life, err.code ? err.text : "the store lost something");
	load_close(l, true);
	power_losses(life, 0);
	load_fini(l);
	return hit;
}

/* The fault at each operation: amid turns, at the first opening, at an opening after a kill. */
static void live_all(struct life *life)
{
	for (life->k = 0; !rig_stop && live_turns(life); life->k++)
		;
	for (life->k = 0; !rig_stop && !life->spill && live_open(life, 0); life->k++)
		;
	for (life->k = 0; !rig_stop && !life->spill && live_open(life, TURNS_BEFORE); life->k++)
		;
}

void faults_run(const struct rig *rig, struct fault_tally *t)
{
	struct life life = { .rig = rig, .load = calloc(1, sizeof(*life.load)), .tally = t };
	int kind, variant;

	memset(t, 0, sizeof(*t));
	live_undisturbed(&life);
	for (kind = 0; kind < FAULT_KINDS; kind++)
		for (variant = 0; variant < 4; variant++) {
			life.kind = (enum fault_kind)kind;
			life.sticky = variant & 1;
			life.spill = variant & 2;
			live_all(&life);
		}
	image_fini(&life.image);
	free(life.load);
}
