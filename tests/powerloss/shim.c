/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A SQLite VFS on top of the stock one that logs what it passes on.  Whether a directory was synced is
 * not guessed: the stock VFS opens the directory for that, and the shim watches that system call.
 */
#include "shim.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct shim_file {
	sqlite3_file base;
	int inode; /* -1: not logged */
	int dir;
	bool is_wal, is_database;
	sqlite3_int64 last_write;
	sqlite3_file *real;
};

struct oplog *shim_log;
struct fault shim_fault;
sqlite3 *shim_connection;
static sqlite3_vfs *stock, shim_vfs;
static uint64_t random_state;
static int seen_dir = -1; /* what the stock VFS has opened as a directory during this call */
static int (*stock_open_directory)(const char *path, int *fd);

bool fault_due(enum disk_call call)
{
	static const enum disk_call calls[FAULT_KINDS] = { CALL_WRITE, CALL_WRITE, CALL_SYNC,
							   CALL_READ };

	if (!shim_fault.armed || call != calls[shim_fault.kind])
		return false;
	if (shim_fault.countdown-- > 0)
		return false;
	shim_fault.armed = shim_fault.sticky;
	shim_fault.hits++;
	return true;
}

/* Due as above, and noted which file it hit. */
static bool hit(const struct shim_file *f, enum disk_call call)
{
	if (f->inode < 0 || !fault_due(call))
		return false;
	shim_fault.at_commit_record = f->is_wal && call == CALL_SYNC && f->last_write > 0;
	shim_fault.at_database = f->is_database;
	return true;
}

static struct shim_file *shim(sqlite3_file *file)
{
	return (struct shim_file *)file;
}

static int open_directory(const char *path, int *fd)
{
	int rc = stock_open_directory(path, fd);
	char dir[256], *slash;

	/* The stock VFS gives the name of a file whose directory it wants. */
	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (rc == SQLITE_OK && slash && shim_log) {
		*slash = '\0';
		seen_dir = oplog_dir(shim_log, dir);
	}
	return rc;
}

static int f_close(sqlite3_file *file)
{
	return shim(file)->real->pMethods->xClose(shim(file)->real);
}

static int f_read(sqlite3_file *file, void *buf, int n, sqlite3_int64 offset)
{
	if (hit(shim(file), CALL_READ))
		return SQLITE_IOERR_READ;
	return shim(file)->real->pMethods->xRead(shim(file)->real, buf, n, offset);
}

static int f_write(sqlite3_file *file, const void *buf, int n, sqlite3_int64 offset)
{
	struct shim_file *f = shim(file);
	bool fails = hit(f, CALL_WRITE);
	int rc = SQLITE_OK;

	f->last_write = offset;
	if (fails)
		n = shim_fault.kind == FAULT_NO_SPACE ? n / 2 : 0;
	if (n)
		rc = f->real->pMethods->xWrite(f->real, buf, n, offset);
	if (rc == SQLITE_OK && n && f->inode >= 0)
		oplog_write(shim_log, f->inode, offset, buf, (size_t)n);
	if (rc == SQLITE_OK && f->is_wal && offset == 0)
		shim_log->wal_starts++;
	if (fails)
		rc = shim_fault.kind == FAULT_NO_SPACE ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	return rc;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct shim_file *f = shim(file);
	int rc;

	if (hit(f, CALL_WRITE))
		return SQLITE_IOERR_TRUNCATE;
	rc = f->real->pMethods->xTruncate(f->real, size);
	if (rc == SQLITE_OK && f->inode >= 0)
		oplog_size(shim_log, f->inode, size);
	return rc;
}

static int f_sync(sqlite3_file *file, int flags)
{
	struct shim_file *f = shim(file);
	int rc;

	if (hit(f, CALL_SYNC)) {
		oplog_sync(shim_log, f->inode, true);
		return SQLITE_IOERR_FSYNC;
	}
	seen_dir = -1;
	rc = f->real->pMethods->xSync(f->real, flags);
	if (rc != SQLITE_OK || f->inode < 0)
		return rc;
	oplog_sync(shim_log, f->inode, false);
	if (seen_dir >= 0)
		oplog_dirsync(shim_log, seen_dir);
	return rc;
}

static int f_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return shim(file)->real->pMethods->xFileSize(shim(file)->real, size);
}

static int f_lock(sqlite3_file *file, int level)
{
	return shim(file)->real->pMethods->xLock(shim(file)->real, level);
}

static int f_unlock(sqlite3_file *file, int level)
{
	return shim(file)->real->pMethods->xUnlock(shim(file)->real, level);
}

static int f_check_reserved(sqlite3_file *file, int *result)
{
	return shim(file)->real->pMethods->xCheckReservedLock(shim(file)->real, result);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
	/* These would change the file behind the log's back; both are only hints. */
	if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
		return SQLITE_OK;
	return shim(file)->real->pMethods->xFileControl(shim(file)->real, op, arg);
}

static int f_sector_size(sqlite3_file *file)
{
	return shim(file)->real->pMethods->xSectorSize(shim(file)->real);
}

static int f_characteristics(sqlite3_file *file)
{
	return shim(file)->real->pMethods->xDeviceCharacteristics(shim(file)->real);
}

/* Version 1: without shared memory, which a store in exclusive mode does not use, and without mmap. */
static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = f_close,
	.xRead = f_read,
	.xWrite = f_write,
	.xTruncate = f_truncate,
	.xSync = f_sync,
	.xFileSize = f_file_size,
	.xLock = f_lock,
	.xUnlock = f_unlock,
	.xCheckReservedLock = f_check_reserved,
	.xFileControl = f_control,
	.xSectorSize = f_sector_size,
	.xDeviceCharacteristics = f_characteristics,
};

static int v_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
	struct shim_file *f = shim(file);
	int name = shim_log ? oplog_name(shim_log, path) : -1, rc;
	bool fresh = path && access(path, F_OK) != 0;

	(void)vfs;
	memset(f, 0, sizeof(*f));
	f->real = (sqlite3_file *)(f + 1);
	f->inode = -1;
	rc = stock->xOpen(stock, path, f->real, flags, out_flags);
	if (rc != SQLITE_OK)
		return rc;
	f->base.pMethods = &methods;
	if (name < 0)
		return SQLITE_OK;
	f->inode = fresh ? oplog_create(shim_log, name) : shim_log->current[name];
	f->is_wal = flags & SQLITE_OPEN_WAL;
	f->is_database = flags & SQLITE_OPEN_MAIN_DB;
	return SQLITE_OK;
}

static int v_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	int name = shim_log ? oplog_name(shim_log, path) : -1, rc;

	(void)vfs;
	seen_dir = -1;
	rc = stock->xDelete(stock, path, sync_dir);
	if (rc == SQLITE_OK && name >= 0) {
		oplog_set_name(shim_log, name, -1);
		if (seen_dir >= 0)
			oplog_dirsync(shim_log, seen_dir);
	}
	return rc;
}

static int v_randomness(sqlite3_vfs *vfs, int n, char *out)
{
	int i;

	(void)vfs;
	for (i = 0; i < n; i++)
		out[i] = (char)(random_state = mix(random_state, 0x73616c74));
	return n;
}

static int note_connection(sqlite3 *db, char **why, const struct sqlite3_api_routines *api)
{
	(void)why;
	(void)api;
	shim_connection = db;
	return SQLITE_OK;
}

void shim_register(void)
{
	sqlite3_initialize();
	stock = sqlite3_vfs_find("unix");
	stock_open_directory =
		(int (*)(const char *, int *))stock->xGetSystemCall(stock, "openDirectory");
	stock->xSetSystemCall(stock, "openDirectory", (sqlite3_syscall_ptr)open_directory);
	shim_vfs = *stock;
	shim_vfs.zName = "recast-powerloss";
	shim_vfs.szOsFile = (int)sizeof(struct shim_file) + stock->szOsFile;
	shim_vfs.xOpen = v_open;
	shim_vfs.xDelete = v_delete;
	shim_vfs.xRandomness = v_randomness;
	sqlite3_auto_extension((void (*)(void))note_connection);
}

void shim_use(bool use, uint64_t seed)
{
	sqlite3_vfs_register(stock, !use);
	sqlite3_vfs_register(&shim_vfs, use);
	random_state = seed;
	sqlite3_randomness(0, NULL);
}
