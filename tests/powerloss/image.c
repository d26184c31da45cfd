/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a power loss leaves on the simulated disk: for each sector under way one of the contents that it
 * went through, for each file one of its sizes, for each name one of the files it stood for.
 */
#include "disk.h"

#include "arena.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const image_kind_names[IMAGE_KINDS] = { "all",     "synced", "sectors", "pages",
						    "but-one", "one",	 "garbage" };

/* The one sector of IMAGE_BUT_ONE and IMAGE_ONE, and how the chance is used for one file. */
struct draw {
	enum image_kind kind;
	uint64_t chance;
	unsigned eagerness; /* of 8: how often a sector has reached its newest content */
	int inode, write;
	int64_t sector;
};

static void draw_sector(struct draw *draw, const struct disk *d)
{
	const struct pending *p;
	int i, total = 0, pick;

	draw->inode = -1;
	for (i = 0; i < d->log->n_inodes; i++)
		total += d->inodes[i].n_pending;
	if (!total)
		return;
	pick = (int)(mix(draw->chance, 1) % (unsigned)total);
	for (i = 0; pick >= d->inodes[i].n_pending; i++)
		pick -= d->inodes[i].n_pending;
	p = &d->inodes[i].pending[pick];
	draw->inode = i;
	draw->write = pick;
	draw->sector = p->first / SECTOR +
		       (int64_t)(p->span ? mix(draw->chance, 2) % (p->span / SECTOR) : 0);
}

/* Writes with a number below this have reached the place with this hash; @n is how many there are. */
static int reached(const struct draw *draw, uint64_t place, int n)
{
	uint64_t r = mix(draw->chance, place);

	if ((r & 7) < draw->eagerness)
		return n;
	return (r & 8) ? 0 : (int)((r >> 8) % (unsigned)(n + 1));
}

static int cutoff(const struct draw *draw, int inode, int64_t sector, int n)
{
	bool the_one = inode == draw->inode && sector == draw->sector;
	uint64_t place = (uint64_t)sector;

	switch (draw->kind) {
	case IMAGE_ALL:
		return n;
	case IMAGE_SYNCED:
		return 0;
	case IMAGE_BUT_ONE:
		return the_one ? draw->write : n;
	case IMAGE_ONE:
		return the_one ? n : 0;
	case IMAGE_PAGES:
		place /= 4096 / SECTOR;
		break;
	case IMAGE_SECTORS:
	case IMAGE_GARBAGE:
	case IMAGE_KINDS:
		break;
	}
	return reached(draw, mix((uint64_t)inode + 10, place), n);
}

static int64_t draw_size(const struct draw *draw, const struct inode *f, int inode)
{
	int cut = f->n_pending;

	if (draw->kind == IMAGE_SYNCED)
		cut = 0;
	else if (draw->kind != IMAGE_ALL && draw->kind != IMAGE_BUT_ONE && draw->kind != IMAGE_ONE)
		cut = reached(draw, mix((uint64_t)inode, 0x512e), f->n_pending);
	return cut ? f->pending[cut - 1].size : f->durable_size;
}

/* Noise in the bytes of this sector that the write meant to change, and in no others. */
static void make_noise(unsigned char *bytes, const struct pending *p, int64_t at, uint64_t chance)
{
	int64_t i, from = p->offset > at ? p->offset : at, to = p->offset + (int64_t)p->len;

	for (i = from; i < to && i < at + SECTOR; i++)
		bytes[i] = (unsigned char)mix(chance, (uint64_t)i);
}

static void apply(unsigned char *bytes, const struct draw *draw, int inode, const struct inode *f,
		  int write)
{
	const struct pending *p = &f->pending[write];
	uint64_t noise;
	int64_t at;

	for (at = p->first; at < p->first + (int64_t)p->span; at += SECTOR) {
		if (write >= cutoff(draw, inode, at / SECTOR, f->n_pending))
			continue;
		memcpy(bytes + at, p->sectors + (at - p->first), SECTOR);
		noise = mix(draw->chance ^ 0x6e6f, (uint64_t)at);
		if (draw->kind == IMAGE_GARBAGE && !(noise & 7))
			make_noise(bytes, p, at, noise);
	}
}

static void build_file(struct image_file *out, const struct draw *draw, const struct disk *d,
		       int inode)
{
	const struct inode *f = &d->inodes[inode];
	size_t size = (size_t)draw_size(draw, f, inode), most;
	int i;

	most = (size_t)(f->cache_size > f->durable_size ? f->cache_size : f->durable_size);
	for (i = 0; i < f->n_pending; i++)
		if ((size_t)f->pending[i].first + f->pending[i].span > most)
			most = (size_t)f->pending[i].first + f->pending[i].span;
	if (most + SECTOR > out->room) {
		out->room = most + 65536;
		out->bytes = xrealloc(out->bytes, out->room);
	}
	if (most)
		memcpy(out->bytes, f->durable, most);
	for (i = 0; i < f->n_pending; i++)
		apply(out->bytes, draw, inode, f, i);
	out->size = size;
	out->there = true;
}

static int draw_version(const struct draw *draw, const struct entry *e, int name)
{
	uint64_t r = mix(draw->chance, (uint64_t)name + 0x6e616d65);

	if (draw->kind == IMAGE_ALL)
		return e->versions[e->n - 1];
	if (draw->kind == IMAGE_SYNCED)
		return e->versions[0];
	return e->versions[(r & 1) ? e->n - 1 : (int)((r >> 8) % (unsigned)e->n)];
}

void image_build(struct image *image, const struct disk *d, enum image_kind kind, uint64_t chance)
{
	struct draw draw = { .kind = kind,
			     .chance = chance,
			     .eagerness = (unsigned)(mix(chance, 3) % 8) };
	int i, inode;

	draw_sector(&draw, d);
	for (i = 0; i < d->log->n_names; i++) {
		inode = draw_version(&draw, &d->entries[i], i);
		image->files[i].there = false;
		if (inode >= 0)
			build_file(&image->files[i], &draw, d, inode);
	}
}

void image_fini(struct image *image)
{
	int i;

	for (i = 0; i < MAX_NAMES; i++)
		free(image->files[i].bytes);
	memset(image, 0, sizeof(*image));
}

static uint64_t hash_bytes(uint64_t h, const unsigned char *bytes, size_t n)
{
	uint64_t word;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, bytes + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	for (; i < n; i++)
		h = mix(h, bytes[i]);
	return h;
}

uint64_t image_hash(const struct image *image, const struct disk *d)
{
	uint64_t h = mix((uint64_t)d->acked, (uint64_t)d->n_backups);
	int i;

	for (i = 0; i < d->log->n_names; i++)
		if (image->files[i].there)
			h = hash_bytes(mix(h, (uint64_t)i), image->files[i].bytes,
				       image->files[i].size);
	return h;
}

static void put_file(const struct image_file *file, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, file->bytes, file->size) != (ssize_t)file->size) {
		perror(path);
		abort();
	}
	close(fd);
}

void image_put(const struct image *image, const struct oplog *log, const char *dir)
{
	char path[512];
	int i;

	for (i = 0; i < log->n_names; i++) {
		if (!strncmp(log->names[i], "backup/", 7))
			continue; /* compared in memory */
		snprintf(path, sizeof(path), "%s/%s", dir, log->names[i]);
		unlink(path);
		if (image->files[i].there)
			put_file(&image->files[i], path);
	}
}

bool image_lacks_backup(const struct image *image, const struct disk *d)
{
	const struct image_file *file;
	int i;

	for (i = 0; i < d->n_backups; i++) {
		file = &image->files[d->backups[i].name];
		if (!file->there || file->size != (size_t)d->backups[i].size ||
		    memcmp(file->bytes, d->backups[i].bytes, file->size))
			return true;
	}
	return false;
}
