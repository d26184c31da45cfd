/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The master key: a file of its own, under which all secrets of the database are boxed (store_secret.c); and the root, a
 * secret like others, from which the keys of tokens and signatures are made, so that they outlive the master key.
 *
 * A new master key is first written beside the old one, as FILE.next; then one commit boxes all secrets anew and names the
 * key that they need; then the file takes the old one's place.  Whichever of these steps was the last one before a crash,
 * the next start finds the key that the database names.
 */
#include "private.h"

#include "arena.h"
#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_TEXT = 33 };
static const char root_name[] = "internal/root";

/* A name for a key that says nothing about it. */
static void id_of(const unsigned char key[32], char out[ID_TEXT])
{
	unsigned char hash[16];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)"recast key id", 13, key, 32);
	sodium_bin2hex(out, ID_TEXT, hash, sizeof(hash));
}

/* A whole key in a new file of mode 0400.  -1 with errno. */
static int write_key(const unsigned char key[32], const char *path)
{
	_cleanup_(closep) int fd = -1;

	unlink(path); /* of one that did not come further */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (fd < 0)
		return -1;
	errno = ENOSPC; /* for a write that is only short */
	return write(fd, key, 32) == 32 && fsync(fd) == 0 ? 0 : -1;
}

/* The key appears under its name only when it is whole, and its name is durable before anything rests on it: a
 * database without its key has lost all its secrets. */
static int create_key(struct store *s, const char *path, struct error *err)
{
	_cleanup_(freep) char *tmp = xasprintf("%s.part", path);

	randombytes_buf(s->key, sizeof(s->key));
	if (write_key(s->key, tmp) == 0 && link(tmp, path) == 0) {
		unlink(tmp);
		if (store_sync_folder(path) == 0)
			return 0;
		error_set(err, ERROR_STORAGE, "cannot sync the folder of the key file %s: %s", path, strerror(errno));
		unlink(path);
		return -1;
	}
	error_set(err, ERROR_STORAGE, "cannot make the key file %s: %s", path, strerror(errno));
	unlink(tmp);
	return -1;
}

static int read_key(const char *path, unsigned char key[32], struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		error_set(err, ERROR_STORAGE, "cannot read the key file %s: %s", path, strerror(errno));
		return error_hint(err, "The database is there but its key is not; put back the key file that belongs to it.");
	}
	if (fstat(fd, &st) < 0 || !secret_file_is_private(&st, geteuid())) {
		error_set(err, ERROR_STORAGE, "the key file %s may be read by others (mode %03o)", path, (unsigned)st.st_mode & 0777);
		return error_hint(err, "chmod 0400 %s, and rotate the secrets if somebody may have read it.", path);
	}
	if (read(fd, key, 32) != 32)
		return error_set(err, ERROR_STORAGE, "the key file %s is shorter than 32 bytes", path);
	return 0;
}

int store_key_load(struct store *s, const char *path, bool may_create, struct error *err)
{
	if (sodium_init() < 0)
		return error_set(err, ERROR_INTERNAL, "libsodium cannot start");
	s->key_path = xstrdup(path);
	if (may_create && access(path, F_OK) < 0 && errno == ENOENT)
		return create_key(s, path, err);
	return read_key(path, s->key, err);
}

static char *next_path(const struct store *s)
{
	return xasprintf("%s.next", s->key_path);
}

/* The new key takes the old one's place.  Where that cannot be, the next start finds it beside the old one as well. */
static void install(const struct store *s, const char *next)
{
	if (rename(next, s->key_path) < 0 || store_sync_folder(s->key_path) < 0)
		log_warn("store", "the new master key stays in %s: %s; put it in the place of %s yourself", next, strerror(errno),
			 s->key_path);
}

/* The key that the database names is the file's, or the one beside it. */
static int find_named_key(struct store *s, const char *wanted, struct error *err)
{
	_cleanup_(freep) char *next = next_path(s);
	unsigned char key[32];
	char id[ID_TEXT];

	id_of(s->key, id);
	if (!strcmp(id, wanted)) {
		unlink(next); /* a rotation that was not committed */
		return 0;
	}
	if (access(next, F_OK) == 0 && read_key(next, key, err) == 0) {
		id_of(key, id);
		if (!strcmp(id, wanted)) {
			memcpy(s->key, key, sizeof(key));
			secret_wipe(key, sizeof(key));
			install(s, next);
			return 0;
		}
	}
	error_set(err, ERROR_STORAGE, "the key file %s does not belong to this database", s->key_path);
	return error_hint(err, "Put back the key file that was there when the database was written.");
}

static void name_key(struct store *s, const unsigned char key[32])
{
	char id[ID_TEXT];

	id_of(key, id);
	store_meta_set(s, "key", id);
}

/* The root of a database that was made before there was one is its master key. */
static int settle_root(struct store *s, bool fresh, struct error *err)
{
	struct error none = { 0 };
	struct secret *root = store_secret_get(s, root_name, &none);
	int rc;

	if (root && secret_len(root) == sizeof(s->root)) {
		memcpy(s->root, secret_reveal(root), sizeof(s->root));
		secret_destroy(root);
		return 0;
	}
	secret_destroy(root);
	if (none.code && none.code != ERROR_NOT_FOUND) {
		if (err)
			*err = none;
		return -1;
	}
	if (fresh)
		randombytes_buf(s->root, sizeof(s->root));
	else
		memcpy(s->root, s->key, sizeof(s->root));
	root = secret_create(s->root, sizeof(s->root));
	rc = store_secret_put(s, root_name, root, err);
	secret_destroy(root);
	return rc;
}

int store_key_settle(struct store *s, bool fresh, struct error *err)
{
	_cleanup_(freep) char *wanted = store_meta_get(s, "key");

	if (wanted && find_named_key(s, wanted, err) < 0)
		return -1;
	if (settle_root(s, fresh, err) < 0)
		return -1;
	if (!wanted)
		name_key(s, s->key);
	return store_dirty(s) ? store_commit(s, err) : 0;
}

/* A new key beside the old one; where nothing can be written, the one that somebody has laid there. */
static int lay_next(const char *next, unsigned char key[32], struct error *err)
{
	randombytes_buf(key, 32);
	if (write_key(key, next) == 0 && store_sync_folder(next) == 0)
		return 0;
	if ((errno == EROFS || errno == EACCES || errno == EPERM) && access(next, F_OK) == 0)
		return read_key(next, key, err);
	error_set(err, ERROR_STORAGE, "cannot write the new key %s: %s", next, strerror(errno));
	return error_hint(err, "Where the key is given from outside, give the new one beside it under this name and try again.");
}

static int put_new_root(struct store *s, unsigned char root[32], struct error *err)
{
	struct secret *value;
	int rc;

	randombytes_buf(root, 32);
	value = secret_create(root, 32);
	rc = store_secret_put(s, root_name, value, err);
	secret_destroy(value);
	return rc;
}

/* All boxes under @key, and its name; not committed yet.  How many, or -1. */
static int rewrap(struct store *s, const unsigned char key[32], unsigned char root[32], bool new_root, struct error *err)
{
	int n;

	if (new_root && put_new_root(s, root, err) < 0)
		return -1;
	n = store_secrets_rewrap(s, key, err);
	if (n >= 0)
		name_key(s, key);
	return n;
}

static void adopt(struct store *s, const unsigned char key[32], const unsigned char root[32], const char *next)
{
	memcpy(s->key, key, sizeof(s->key));
	memcpy(s->root, root, sizeof(s->root));
	install(s, next);
	sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL); /* the old boxes are in the log, too */
}

int store_key_rotate(struct store *s, bool new_root, struct error *err)
{
	_cleanup_(freep) char *next = next_path(s);
	unsigned char key[32], root[32];
	int n;

	/* A rotation whose commit failed may be found on the disk after a power loss, and needs its key until then.  A commit
	 * that succeeds settles it. */
	name_key(s, s->key);
	if (store_commit(s, err) < 0 || lay_next(next, key, err) < 0)
		return -1;
	memcpy(root, s->root, sizeof(root));
	n = rewrap(s, key, root, new_root, err);
	if (n < 0) {
		store_abandon(s);
		unlink(next);
	} else if (store_commit(s, err) < 0) {
		n = -1; /* the new key stays where it is: see above */
	} else {
		adopt(s, key, root, next);
	}
	secret_wipe(key, sizeof(key));
	secret_wipe(root, sizeof(root));
	return n;
}
