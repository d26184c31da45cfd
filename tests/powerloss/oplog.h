/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The operation log of the power-loss rig: in one order, everything that the store asked of the disk and
 * everything that it acknowledged.  Written by shim.c, libc.c and workload.c, played again by disk.c.
 * Positions count operations; position p means "the power went after p operations".
 */
#ifndef RECAST_POWERLOSS_OPLOG_H
#define RECAST_POWERLOSS_OPLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_NAMES = 24, MAX_DIRS = 4 };

enum op_kind {
	OP_NAME,  /* a directory entry: @name now stands for @inode, or for nothing (-1) */
	OP_WRITE, /* @len bytes of @data at @offset of @inode */
	OP_SIZE,  /* truncated to @offset */
	OP_SYNC,  /* fsync of @inode returned 0 */
	OP_SYNC_FAILED, /* fsync of @inode returned an error: any part of it may be on disk, the rest never will */
	OP_DIRSYNC, /* fsync of directory @name returned 0 */
	OP_BEGIN,   /* turn @n begins */
	OP_ACK,	    /* store_commit() of turn @n returned 0 */
	OP_FAILED, /* store_commit() of turn @n returned -1; @offset: the commit record was written before */
	OP_BACKUP, /* store_backup() into @name returned 0 */
};

struct op {
	enum op_kind kind;
	int name, inode;
	int64_t offset, n;
	size_t len;
	unsigned char *data;
};

struct oplog {
	char root[160]; /* everything below this folder is logged */
	struct op *ops;
	size_t n, room;
	char names[MAX_NAMES][64], dirs[MAX_DIRS][64]; /* relative to root */
	int dir_of[MAX_NAMES];
	int current[MAX_NAMES]; /* inode or -1 */
	int n_names, n_dirs, n_inodes;
	uint64_t writes, syncs, dirsyncs, wal_starts; /* what the workload has covered */
};

void oplog_init(struct oplog *log, const char *root);
void oplog_fini(struct oplog *log);

/* The number of a path below root, or -1 when it lies elsewhere. */
int oplog_name(struct oplog *log, const char *path);
int oplog_dir(struct oplog *log, const char *path);

/* What the shims saw happen.  create returns the new inode. */
int oplog_create(struct oplog *log, int name);
void oplog_set_name(struct oplog *log, int name, int inode);
void oplog_write(struct oplog *log, int inode, int64_t offset, const void *data, size_t len);
void oplog_size(struct oplog *log, int inode, int64_t size);
void oplog_sync(struct oplog *log, int inode, bool failed);
void oplog_dirsync(struct oplog *log, int dir);
/* BEGIN, ACK, FAILED and BACKUP. */
void oplog_mark(struct oplog *log, enum op_kind kind, int64_t n, int name, int64_t detail);

/* A hash of two numbers that is good enough to be the rig's only source of chance. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#endif
