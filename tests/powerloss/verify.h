/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The judgement of one image: what the stock SQLite and the store make of it, against what was
 * acknowledged.  Used by worlds.c and faults.c.
 */
#ifndef RECAST_POWERLOSS_VERIFY_H
#define RECAST_POWERLOSS_VERIFY_H

#include "disk.h"
#include "workload.h"

enum verdict {
	GOOD,
	LOST,	 /* an acknowledged turn is not there */
	HALF,	 /* the content is that of no turn, or of one that was refused */
	DAMAGED, /* SQLite cannot open or read it, or its integrity check complains */
	REFUSED, /* store_open() does not take it, or a secret cannot be opened */
	BACKUP,	 /* an acknowledged backup is not there */
	VERDICTS
};
extern const char *const verdict_names[VERDICTS];

/* Put the image into @dir and judge it; @why (256 bytes) tells what is wrong. */
enum verdict verify_image(const struct load *l, const struct disk *d, const struct image *image,
			  const char *dir, char *why);

/* Whether the backup at @path is a whole database with this digest. */
bool verify_backup(const char *path, uint64_t digest);

#endif
