/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whole lives of a store, one for each setting of `synchronous`, and power losses all over them.  FULL is
 * the product's; NORMAL and OFF are there to be caught.  Called by powerloss.c.
 */
#include "rig.h"

#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const world_names[WORLDS] = { "full", "normal", "off" };

static const char *const weaken[WORLDS] = { NULL, "PRAGMA synchronous = NORMAL",
					    "PRAGMA synchronous = OFF" };

/* The store is opened anew for each; one that is not left clean has to be recovered by the next. */
static const struct session {
	int turns;
	const char *pragmas;
	bool backup, clean;
} sessions[] = {
	{ 60, NULL, true, false }, /* as the product does it: a checkpoint each 1000 frames */
	{ 80, NULL, false, true },
	{ 130, "PRAGMA wal_autocheckpoint = 40", true, false },
	{ 100, "PRAGMA wal_autocheckpoint = 25; PRAGMA cache_size = 8", false,
	  true }, /* spills before the commit */
	{ 50, "PRAGMA wal_autocheckpoint = 60", false, false },
};

enum { N_SESSIONS = sizeof(sessions) / sizeof(sessions[0]), PASSES = 12 };

static int live_session(struct load *l, int i, struct tally *t, struct error *err)
{
	const struct session *s = &sessions[i];
	char path[256];
	int n;

	if (load_open(l, s->pragmas, err) < 0)
		return -1;
	for (n = 0; n < s->turns; n++) {
		if (load_turn(l, err) < 0)
			return error_wrap(err, "turn %lld", (long long)l->turn);
		if (!s->backup || n != s->turns / 2)
			continue;
		if (load_backup(l, i, err) < 0)
			return -1;
		snprintf(path, sizeof(path), "%s/%d.db", l->backups, i);
		t->backups++;
		t->backups_whole = t->backups_whole && verify_backup(path, l->digest[l->turn]);
	}
	t->turns += s->turns;
	t->reopened++;
	t->killed += !s->clean;
	load_close(l, s->clean);
	return 0;
}

static int live(struct load *l, const struct rig *rig, enum world_mode mode, struct tally *t,
		struct error *err)
{
	char root[160];
	int i, rc = 0;

	memset(t, 0, sizeof(*t));
	t->backups_whole = true;
	snprintf(root, sizeof(root), "%s/%s", rig->dir, world_names[mode]);
	load_init(l, root, rig->seed, weaken[mode]);
	for (i = 0; i < N_SESSIONS && rc == 0; i++)
		rc = live_session(l, i, t, err);
	t->operations = l->log.n;
	t->wal_starts = l->log.wal_starts;
	return rc;
}

/* Images that were judged already, by hash. */
struct seen {
	uint64_t *slots;
	size_t size;
};

static bool seen_before(struct seen *s, uint64_t hash)
{
	size_t i;

	hash |= 1;
	for (i = hash % s->size; s->slots[i]; i = (i + 1) % s->size)
		if (s->slots[i] == hash)
			return true;
	s->slots[i] = hash;
	return false;
}

struct hunt {
	const struct rig *rig;
	enum world_mode mode;
	struct load *load;
	struct tally *tally;
	struct image image;
	struct seen seen;
	char dir[160];
	long wanted, told;
};

static uint64_t chance_of(const struct rig *rig, size_t position, long n)
{
	return mix(mix(rig->seed, position), (uint64_t)n);
}

static void judge(struct hunt *h, const struct disk *d, enum image_kind kind, long n)
{
	char why[256];
	enum verdict verdict = verify_image(h->load, d, &h->image, h->dir, why);

	h->tally->images++;
	h->tally->verdicts[verdict]++;
	if (verdict == GOOD || h->mode != WORLD_FULL || h->told++ >= 5)
		return;
	printf("# %s: %s; again: recast-powerloss --replay %llu:%zu:%s-%s-%ld\n",
	       verdict_names[verdict], why, (unsigned long long)h->rig->seed, d->position,
	       world_names[h->mode], image_kind_names[kind], n);
}

static void try_position(struct hunt *h, const struct disk *d, int pass)
{
	enum image_kind kind = (enum image_kind)(mix(d->position, (uint64_t)pass) % IMAGE_KINDS);

	if (!disk_uncertain(d))
		kind = IMAGE_ALL;
	image_build(&h->image, d, kind, chance_of(h->rig, d->position, pass));
	if (!seen_before(&h->seen, image_hash(&h->image, d)))
		judge(h, d, kind, pass);
}

/* One way through the log; each position has the same chance, such that the images last for all passes. */
static void pass_through(struct hunt *h, int pass)
{
	const struct oplog *log = &h->load->log;
	uint64_t share = (uint64_t)(h->wanted - h->tally->images) * 65536 * 5 / 4 / log->n;
	struct disk *d = calloc(1, sizeof(*d));
	size_t position;

	disk_init(d, log, h->rig->seed);
	for (position = 1; position <= log->n && !rig_stop && h->tally->images < h->wanted;
	     position++) {
		disk_play(d, position);
		if ((mix(chance_of(h->rig, position, pass), 7) & 65535) < share)
			try_position(h, d, pass);
	}
	disk_fini(d);
	free(d);
}

static void hunt_dir(char *dir, size_t size, const struct rig *rig)
{
	static const char *const folders[] = { "data", "keys" };
	char path[192];
	int i;

	snprintf(dir, size, "%s/image", rig->dir);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
		folder_make(path);
	}
}

int world_run(const struct rig *rig, enum world_mode mode, long images, struct tally *t)
{
	struct load *l = calloc(1, sizeof(*l));
	struct hunt h = { .rig = rig, .mode = mode, .load = l, .tally = t, .wanted = images };
	struct error err = { 0 };
	int pass, rc = live(l, rig, mode, t, &err);

	if (rc < 0)
		printf("# the workload does not run: %s\n", err.text);
	hunt_dir(h.dir, sizeof(h.dir), rig);
	h.seen.size = (size_t)images * 2 + 1024;
	h.seen.slots = calloc(h.seen.size, sizeof(*h.seen.slots));
	for (pass = 0; pass < PASSES && rc == 0 && t->images < images; pass++)
		pass_through(&h, pass);
	image_fini(&h.image);
	free(h.seen.slots);
	load_fini(l);
	free(l);
	return rc;
}

static int read_spec(const char *spec, struct rig *rig, enum world_mode *mode,
		     enum image_kind *kind, long *n)
{
	unsigned long long seed, position;
	char world[8], rest[24];
	int m, k;

	if (sscanf(spec, "%llu:%llu:%7[a-z]-%23s", &seed, &position, world, rest) != 4 ||
	    !strrchr(rest, '-'))
		return -1;
	*n = atol(strrchr(rest, '-') + 1);
	*strrchr(rest, '-') = '\0';
	rig->seed = seed;
	rig->only_position = (size_t)position;
	for (m = 0; m < WORLDS && strcmp(world_names[m], world); m++)
		;
	for (k = 0; k < IMAGE_KINDS && strcmp(image_kind_names[k], rest); k++)
		;
	*mode = (enum world_mode)m;
	*kind = (enum image_kind)k;
	return m < WORLDS && k < IMAGE_KINDS ? 0 : -1;
}

static void describe(const struct load *l, const struct disk *d, const struct image *image,
		     const char *dir)
{
	int i;

	printf("turn acknowledged %lld, begun %lld; the files, in %s:\n", (long long)d->acked,
	       (long long)d->begun, dir);
	for (i = 0; i < l->log.n_names; i++)
		if (image->files[i].there)
			printf("  %-22s %8zu bytes\n", l->log.names[i], image->files[i].size);
	for (i = 0; i < l->log.n_inodes; i++)
		if (d->inodes[i].n_pending)
			printf("  file %d: %d writes under way\n", i, d->inodes[i].n_pending);
}

int world_replay(const struct rig *given, const char *spec)
{
	struct load *l = calloc(1, sizeof(*l));
	struct disk *d = calloc(1, sizeof(*d));
	struct image image = { 0 };
	struct rig rig = *given;
	struct error err = { 0 };
	enum verdict verdict;
	enum world_mode mode;
	enum image_kind kind;
	struct tally t;
	char dir[160], why[256];
	long n;

	if (read_spec(spec, &rig, &mode, &kind, &n) < 0) {
		fprintf(stderr,
			"recast-powerloss: --replay SEED:POSITION:KIND, as the suite prints it\n");
		return 2;
	}
	if (live(l, &rig, mode, &t, &err) < 0)
		printf("the workload does not run: %s\n", err.text);
	hunt_dir(dir, sizeof(dir), &rig);
	disk_init(d, &l->log, rig.seed);
	disk_play(d, rig.only_position);
	image_build(&image, d, kind, chance_of(&rig, rig.only_position, n));
	verdict = verify_image(l, d, &image, dir, why);
	image_put(&image, &l->log, dir); /* once more, as it was before the recovery */
	describe(l, d, &image, dir);
	printf("%s%s%s\n", verdict_names[verdict], why[0] ? ": " : "", why);
	load_fini(l);
	return verdict == GOOD ? 0 : 1;
}
