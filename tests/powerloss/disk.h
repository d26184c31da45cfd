/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The simulated disk: plays the operation log up to a position, and says what may be found there after
 * the power went.  Per file it keeps what is in the page cache, what is durable, and what is under way;
 * per directory entry all that it has stood for since its directory was last synced.
 */
#ifndef RECAST_POWERLOSS_DISK_H
#define RECAST_POWERLOSS_DISK_H

#include "oplog.h"

enum { SECTOR = 512, MAX_INODES = 48, MAX_VERSIONS = 16, MAX_BACKUPS = 4 };

/* What the power loss leaves of the writes that were not synced. */
enum image_kind {
	IMAGE_ALL,     /* everything written so far */
	IMAGE_SYNCED,  /* nothing */
	IMAGE_SECTORS, /* chance per 512 bytes: torn and reordered */
	IMAGE_PAGES,   /* chance per 4096 bytes: reordered by the page cache */
	IMAGE_BUT_ONE, /* everything but one sector */
	IMAGE_ONE,     /* nothing but one sector */
	IMAGE_GARBAGE, /* as SECTORS, and some of what was being written is noise */
	IMAGE_KINDS
};
extern const char *const image_kind_names[IMAGE_KINDS];

struct pending {
	int64_t offset, size; /* where the write began; the size of the file after it */
	size_t len;
	int64_t first; /* the sectors that it touched, as the page cache had them afterwards */
	size_t span;
	unsigned char *sectors;
};

struct inode {
	unsigned char *cache, *durable;
	int64_t cache_size, durable_size;
	size_t room;
	struct pending *pending;
	int n_pending, pending_room;
};

struct entry {
	int versions[MAX_VERSIONS]; /* inodes or -1; [0] is durable, the last one current */
	int n;
};

struct backup {
	int name;
	unsigned char *bytes;
	int64_t size;
};

struct disk {
	const struct oplog *log;
	size_t position;
	uint64_t seed;
	struct inode inodes[MAX_INODES];
	struct entry entries[MAX_NAMES];
	int64_t acked, begun; /* turns; -1: none */
	bool refused;	      /* the turn `begun` failed before its commit record was written */
	struct backup backups[MAX_BACKUPS];
	int n_backups;
};

struct image_file {
	bool there;
	unsigned char *bytes;
	size_t size, room;
};

struct image {
	struct image_file files[MAX_NAMES];
};

void disk_init(struct disk *d, const struct oplog *log, uint64_t seed);
void disk_fini(struct disk *d);
/* Play the operations from where the disk stands up to @position. */
void disk_play(struct disk *d, size_t position);
/* Whether anything is under way, so that kinds of images differ. */
bool disk_uncertain(const struct disk *d);

/* What is found after the power went here.  @chance decides; the image is reused, begin with zeros. */
void image_build(struct image *image, const struct disk *d, enum image_kind kind, uint64_t chance);
void image_fini(struct image *image);
uint64_t image_hash(const struct image *image, const struct disk *d);
/* Put the files into @dir, which holds the folders of the log's names; other files of it vanish. */
void image_put(const struct image *image, const struct oplog *log, const char *dir);
/* Whether an acknowledged backup is missing or differs. */
bool image_lacks_backup(const struct image *image, const struct disk *d);

#endif
