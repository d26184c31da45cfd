/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The libc calls that the store makes beside SQLite, for its key file and its backups.  The linker's
 * --wrap leads them here; what lies outside of the log's folder passes through.  Part of the shims.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *buf, size_t n);
int __real_fsync(int fd);
int __real_link(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_close(int fd);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *buf, size_t n);
int __wrap_fsync(int fd);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_close(int fd);

enum { MAX_FDS = 64 };
static struct open_file {
	bool logged;
	int inode, dir; /* one of them is -1 */
	int64_t offset;
} files[MAX_FDS];

static struct open_file *logged(int fd)
{
	return shim_log && fd >= 0 && fd < MAX_FDS && files[fd].logged ? &files[fd] : NULL;
}

static void note_open(int fd, const char *path, bool fresh)
{
	struct open_file *f = &files[fd];
	struct stat st;
	int name;

	*f = (struct open_file){ .inode = -1, .dir = -1 };
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		f->dir = oplog_dir(shim_log, path);
		f->logged = f->dir >= 0;
		return;
	}
	name = oplog_name(shim_log, path);
	if (name < 0)
		return;
	f->inode = fresh ? oplog_create(shim_log, name) : shim_log->current[name];
	f->logged = true;
}

int __wrap_open(const char *path, int flags, ...)
{
	bool fresh = access(path, F_OK) != 0;
	mode_t mode = 0;
	va_list ap;
	int fd;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	fd = __real_open(path, flags, mode);
	if (fd >= 0 && fd < MAX_FDS && shim_log)
		note_open(fd, path, fresh);
	return fd;
}

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	struct open_file *f = logged(fd);
	ssize_t wrote;

	if (f && fault_due(CALL_WRITE)) {
		errno = shim_fault.kind == FAULT_NO_SPACE ? ENOSPC : EIO;
		return -1;
	}
	wrote = __real_write(fd, buf, n);
	if (f && wrote > 0) {
		oplog_write(shim_log, f->inode, f->offset, buf, (size_t)wrote);
		f->offset += wrote;
	}
	return wrote;
}

int __wrap_fsync(int fd)
{
	struct open_file *f = logged(fd);
	bool fails = f && fault_due(CALL_SYNC);

	if (f && f->dir >= 0 && !fails)
		oplog_dirsync(shim_log, f->dir);
	if (f && f->inode >= 0)
		oplog_sync(shim_log, f->inode, fails);
	if (!fails)
		return __real_fsync(fd);
	errno = EIO;
	return -1;
}

int __wrap_link(const char *from, const char *to)
{
	int rc = __real_link(from, to), old, name;

	if (rc < 0 || !shim_log)
		return rc;
	old = oplog_name(shim_log, from);
	name = oplog_name(shim_log, to);
	if (old >= 0 && name >= 0)
		oplog_set_name(shim_log, name, shim_log->current[old]);
	return rc;
}

int __wrap_unlink(const char *path)
{
	int rc = __real_unlink(path), name;

	name = rc == 0 && shim_log ? oplog_name(shim_log, path) : -1;
	if (name >= 0)
		oplog_set_name(shim_log, name, -1);
	return rc;
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd < MAX_FDS)
		files[fd].logged = false;
	return __real_close(fd);
}
