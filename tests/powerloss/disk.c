/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Playing the operation log on a simulated disk; see disk.h.  Called by worlds.c and faults.c.
 */
#include "disk.h"

#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t floor_sector(int64_t n)
{
	return n / SECTOR * SECTOR;
}

static int64_t ceil_sector(int64_t n)
{
	return (n + SECTOR - 1) / SECTOR * SECTOR;
}

void disk_init(struct disk *d, const struct oplog *log, uint64_t seed)
{
	int i;

	memset(d, 0, sizeof(*d));
	d->log = log;
	d->seed = seed;
	d->acked = d->begun = -1;
	for (i = 0; i < MAX_NAMES; i++)
		d->entries[i] = (struct entry){ .versions = { -1 }, .n = 1 };
}

static void forget_pending(struct inode *f)
{
	int i;

	for (i = 0; i < f->n_pending; i++)
		free(f->pending[i].sectors);
	f->n_pending = 0;
}

void disk_fini(struct disk *d)
{
	int i;

	for (i = 0; i < MAX_INODES; i++) {
		forget_pending(&d->inodes[i]);
		free(d->inodes[i].pending);
		free(d->inodes[i].cache);
		free(d->inodes[i].durable);
	}
	for (i = 0; i < d->n_backups; i++)
		free(d->backups[i].bytes);
}

/* Bytes past the end of a file are zero in both copies. */
static void make_room(struct inode *f, int64_t size)
{
	size_t room = f->room ? f->room : 16384;

	while (room < (size_t)ceil_sector(size))
		room *= 2;
	if (room == f->room)
		return;
	f->cache = xrealloc(f->cache, room);
	f->durable = xrealloc(f->durable, room);
	memset(f->cache + f->room, 0, room - f->room);
	memset(f->durable + f->room, 0, room - f->room);
	f->room = room;
}

static void note_pending(struct inode *f, int64_t offset, int64_t end)
{
	struct pending *p;

	if (f->n_pending == f->pending_room) {
		f->pending_room = f->pending_room ? 2 * f->pending_room : 64;
		f->pending = xrealloc(f->pending, (size_t)f->pending_room * sizeof(*f->pending));
	}
	p = &f->pending[f->n_pending++];
	p->offset = offset;
	p->len = (size_t)(end - offset);
	p->size = f->cache_size;
	p->first = floor_sector(offset);
	p->span = (size_t)(ceil_sector(end) - p->first);
	p->sectors = xrealloc(NULL, p->span ? p->span : 1);
	memcpy(p->sectors, f->cache + p->first, p->span);
}

static void play_write(struct inode *f, const struct op *op)
{
	int64_t end = op->offset + (int64_t)op->len;

	make_room(f, end);
	memcpy(f->cache + op->offset, op->data, op->len);
	if (end > f->cache_size)
		f->cache_size = end;
	note_pending(f, op->offset, end);
}

/* Shrinking is a write of zeros over what is cut off; growing changes only the size. */
static void play_size(struct inode *f, int64_t size)
{
	int64_t old = f->cache_size;

	make_room(f, size);
	f->cache_size = size;
	if (size < old)
		memset(f->cache + size, 0, (size_t)(old - size));
	note_pending(f, size, size < old ? old : size);
}

static void play_sync(struct inode *f)
{
	int i;

	for (i = 0; i < f->n_pending; i++)
		memcpy(f->durable + f->pending[i].first, f->cache + f->pending[i].first,
		       f->pending[i].span);
	f->durable_size = f->cache_size;
	forget_pending(f);
}

/* The kernel has marked the pages clean: what is not on disk now gets there only when it is written again. */
static void play_failed_sync(struct inode *f, uint64_t chance)
{
	int64_t at;
	int i;

	for (i = 0; i < f->n_pending; i++)
		for (at = f->pending[i].first;
		     at < f->pending[i].first + (int64_t)f->pending[i].span; at += SECTOR)
			if (mix(chance, (uint64_t)at) & 1)
				memcpy(f->durable + at, f->cache + at, SECTOR);
	if (chance & 2)
		f->durable_size = f->cache_size;
	else if (f->durable_size < f->cache_size)
		memset(f->durable + f->durable_size, 0, (size_t)(f->cache_size - f->durable_size));
	forget_pending(f);
}

static void play_name(struct entry *e, int inode)
{
	if (e->n == MAX_VERSIONS) { /* forget one in the middle */
		memmove(&e->versions[1], &e->versions[2],
			(MAX_VERSIONS - 2) * sizeof(e->versions[0]));
		e->n--;
	}
	e->versions[e->n++] = inode;
}

static void play_dirsync(struct disk *d, int dir)
{
	int i;

	for (i = 0; i < d->log->n_names; i++)
		if (d->log->dir_of[i] == dir) {
			d->entries[i].versions[0] = d->entries[i].versions[d->entries[i].n - 1];
			d->entries[i].n = 1;
		}
}

static void play_backup(struct disk *d, int name)
{
	const struct entry *e = &d->entries[name];
	struct backup *b = &d->backups[d->n_backups];
	int inode = e->versions[e->n - 1];

	if (inode < 0 || d->n_backups == MAX_BACKUPS)
		abort();
	b->name = name;
	b->size = d->inodes[inode].cache_size;
	b->bytes = xrealloc(NULL, (size_t)b->size + 1);
	memcpy(b->bytes, d->inodes[inode].cache, (size_t)b->size);
	d->n_backups++;
}

/* What the store was asked for and answered. */
static void play_mark(struct disk *d, const struct op *op)
{
	if (op->kind == OP_BACKUP)
		play_backup(d, op->name);
	else if (op->kind == OP_BEGIN)
		d->begun = op->n;
	else if (op->kind == OP_ACK)
		d->acked = op->n;
	d->refused = op->kind == OP_FAILED ? !op->offset : op->kind == OP_BACKUP && d->refused;
}

static void play_one(struct disk *d, const struct op *op)
{
	struct inode *f = op->inode >= 0 ? &d->inodes[op->inode] : NULL;

	if (op->inode >= MAX_INODES)
		abort();
	switch (op->kind) {
	case OP_NAME:
		play_name(&d->entries[op->name], op->inode);
		break;
	case OP_WRITE:
		play_write(f, op);
		break;
	case OP_SIZE:
		play_size(f, op->offset);
		break;
	case OP_SYNC:
		play_sync(f);
		break;
	case OP_SYNC_FAILED:
		play_failed_sync(f, mix(d->seed, d->position));
		break;
	case OP_DIRSYNC:
		play_dirsync(d, op->name);
		break;
	case OP_BEGIN:
	case OP_ACK:
	case OP_FAILED:
	case OP_BACKUP:
		play_mark(d, op);
		break;
	}
}

void disk_play(struct disk *d, size_t position)
{
	for (; d->position < position && d->position < d->log->n; d->position++)
		play_one(d, &d->log->ops[d->position]);
}

bool disk_uncertain(const struct disk *d)
{
	int i;

	for (i = 0; i < d->log->n_inodes; i++)
		if (d->inodes[i].n_pending)
			return true;
	for (i = 0; i < d->log->n_names; i++)
		if (d->entries[i].n > 1)
			return true;
	return false;
}
