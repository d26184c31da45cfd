/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Keeping the operation log; see oplog.h.  Called by the shims while the store works.
 */
#include "oplog.h"

#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void oplog_init(struct oplog *log, const char *root)
{
	memset(log, 0, sizeof(*log));
	snprintf(log->root, sizeof(log->root), "%s", root);
}

void oplog_fini(struct oplog *log)
{
	size_t i;

	for (i = 0; i < log->n; i++)
		free(log->ops[i].data);
	free(log->ops);
	log->ops = NULL;
	log->n = log->room = 0;
}

static struct op *add(struct oplog *log, enum op_kind kind)
{
	struct op *op;

	if (log->n == log->room) {
		log->room = log->room ? 2 * log->room : 1024;
		log->ops = xrealloc(log->ops, log->room * sizeof(*log->ops));
	}
	op = &log->ops[log->n++];
	*op = (struct op){ .kind = kind, .name = -1, .inode = -1 };
	return op;
}

/* The part of @path below root, or NULL. */
static const char *below(const struct oplog *log, const char *path)
{
	size_t n = strlen(log->root);

	return n && path && !strncmp(path, log->root, n) && path[n] == '/' ? path + n + 1 : NULL;
}

static int intern(char table[][64], int *n, int max, const char *text, size_t len)
{
	int i;

	for (i = 0; i < *n; i++)
		if (strlen(table[i]) == len && !memcmp(table[i], text, len))
			return i;
	if (*n == max || len >= 64) {
		fprintf(stderr, "powerloss: too many names, or a long one: %s\n", text);
		abort();
	}
	memcpy(table[i], text, len);
	table[i][len] = '\0';
	return (*n)++;
}

int oplog_dir(struct oplog *log, const char *path)
{
	const char *rest = below(log, path);

	return rest ? intern(log->dirs, &log->n_dirs, MAX_DIRS, rest, strlen(rest)) : -1;
}

int oplog_name(struct oplog *log, const char *path)
{
	const char *rest = below(log, path), *slash;
	int known = log->n_names, name;

	if (!rest)
		return -1;
	name = intern(log->names, &log->n_names, MAX_NAMES, rest, strlen(rest));
	if (name == known) {
		slash = strrchr(rest, '/');
		log->dir_of[name] = intern(log->dirs, &log->n_dirs, MAX_DIRS, rest,
					   slash ? (size_t)(slash - rest) : 0);
		log->current[name] = -1;
	}
	return name;
}

void oplog_set_name(struct oplog *log, int name, int inode)
{
	struct op *op = add(log, OP_NAME);

	op->name = name;
	op->inode = log->current[name] = inode;
}

int oplog_create(struct oplog *log, int name)
{
	oplog_set_name(log, name, log->n_inodes);
	return log->n_inodes++;
}

void oplog_write(struct oplog *log, int inode, int64_t offset, const void *data, size_t len)
{
	struct op *op = add(log, OP_WRITE);

	op->inode = inode;
	op->offset = offset;
	op->len = len;
	op->data = xrealloc(NULL, len ? len : 1);
	memcpy(op->data, data, len);
	log->writes++;
}

void oplog_size(struct oplog *log, int inode, int64_t size)
{
	struct op *op = add(log, OP_SIZE);

	op->inode = inode;
	op->offset = size;
}

void oplog_sync(struct oplog *log, int inode, bool failed)
{
	add(log, failed ? OP_SYNC_FAILED : OP_SYNC)->inode = inode;
	log->syncs++;
}

void oplog_dirsync(struct oplog *log, int dir)
{
	add(log, OP_DIRSYNC)->name = dir;
	log->dirsyncs++;
}

void oplog_mark(struct oplog *log, enum op_kind kind, int64_t n, int name, int64_t detail)
{
	struct op *op = add(log, kind);

	op->n = n;
	op->name = name;
	op->offset = detail;
}
