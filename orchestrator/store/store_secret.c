/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Secrets at rest: XChaCha20-Poly1305 under a master key that lives in its own 0400 file.
 */
#include "private.h"

#include "arena.h"
#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With the version it must fit into the associated data whole. */
enum { NAME_MAX_BYTES = 200 };

/* A whole key in a file that nobody looks for yet. */
static int write_key(struct store *s, const char *path)
{
	_cleanup_(closep) int fd = -1;

	unlink(path); /* of a first start that did not come further */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (fd < 0)
		return -1;
	randombytes_buf(s->key, sizeof(s->key));
	errno = ENOSPC; /* for a write that is only short */
	return write(fd, s->key, sizeof(s->key)) == sizeof(s->key) && fsync(fd) == 0 ? 0 : -1;
}

/* The key appears under its name only when it is whole, and its name is durable before anything rests on it: a
 * database without its key has lost all its secrets. */
static int create_key(struct store *s, const char *path, struct error *err)
{
	_cleanup_(freep) char *tmp = xasprintf("%s.part", path);

	if (write_key(s, tmp) == 0 && link(tmp, path) == 0) {
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

int store_key_load(struct store *s, const char *path, bool may_create, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (sodium_init() < 0)
		return error_set(err, ERROR_INTERNAL, "libsodium cannot start");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && may_create)
		return create_key(s, path, err);
	if (fd < 0) {
		error_set(err, ERROR_STORAGE, "cannot read the key file %s: %s", path, strerror(errno));
		return error_hint(err, "The database is there but its key is not; put back the key file that belongs to it.");
	}
	if (fstat(fd, &st) < 0 || !secret_file_is_private(&st, geteuid())) {
		error_set(err, ERROR_STORAGE, "the key file %s may be read by others (mode %03o)", path,
			  (unsigned)st.st_mode & 0777);
		return error_hint(err, "chmod 0400 %s, and rotate the secrets if somebody may have read it.", path);
	}
	if (read(fd, s->key, sizeof(s->key)) != sizeof(s->key))
		return error_set(err, ERROR_STORAGE, "the key file %s is shorter than %zu bytes", path,
				 sizeof(s->key));
	return 0;
}

/* Associated data that ties a box to its row. */
static size_t bind_to_row(char *out, size_t size, const char *name, int64_t version)
{
	return (size_t)snprintf(out, size, "secret|%s|%lld", name, (long long)version);
}

struct secret *store_secret_get(struct store *s, const char *name, struct error *err)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_SECRET_GET, "t", name);
	unsigned char plain[4096];
	unsigned long long plain_len = 0;
	struct secret *out = NULL;
	int64_t version;
	char ad[256];
	size_t ad_len;

	if (strlen(name) > NAME_MAX_BYTES || !store_row(s, stmt)) {
		sqlite3_reset(stmt);
		error_set(err, ERROR_NOT_FOUND, "there is no secret `%s`", name);
		error_hint(err, "Enter it with `persona secret set %s`.", name);
		return NULL;
	}
	version = sqlite3_column_int64(stmt, 0);
	ad_len = bind_to_row(ad, sizeof(ad), name, version);
	if (sqlite3_column_bytes(stmt, 1) == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
	    sqlite3_column_bytes(stmt, 2) >= (int)crypto_aead_xchacha20poly1305_ietf_ABYTES &&
	    sqlite3_column_bytes(stmt, 2) <= (int)sizeof(plain) &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &plain_len, NULL, sqlite3_column_blob(stmt, 2),
						       (unsigned long long)sqlite3_column_bytes(stmt, 2),
						       (unsigned char *)ad, ad_len,
						       sqlite3_column_blob(stmt, 1), s->key) == 0)
		out = secret_create(plain, (size_t)plain_len);
	else
		error_set(err, ERROR_STORAGE, "secret `%s` cannot be opened with this key file", name);
	sqlite3_reset(stmt);
	secret_wipe(plain, sizeof(plain));
	return out;
}

static int64_t next_version(struct store *s, const char *name)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_SECRET_GET, "t", name);
	int64_t version = store_row(s, stmt) ? sqlite3_column_int64(stmt, 0) + 1 : 1;

	sqlite3_reset(stmt);
	return version;
}

int store_secret_put(struct store *s, const char *name, const struct secret *value, struct error *err)
{
	unsigned char nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
	unsigned char box[4096];
	unsigned long long box_len;
	int64_t version = next_version(s, name);
	sqlite3_stmt *stmt;
	char ad[256];
	size_t ad_len = bind_to_row(ad, sizeof(ad), name, version);

	if (strlen(name) > NAME_MAX_BYTES)
		return error_set(err, ERROR_INVALID, "the name of a secret may not be longer than %d bytes", NAME_MAX_BYTES);
	if (secret_len(value) > sizeof(box) - crypto_aead_xchacha20poly1305_ietf_ABYTES)
		return error_set(err, ERROR_TOO_LARGE, "a secret may not be longer than 4000 bytes");
	randombytes_buf(nonce, sizeof(nonce));
	crypto_aead_xchacha20poly1305_ietf_encrypt(box, &box_len, (const unsigned char *)secret_reveal(value),
						   secret_len(value), (unsigned char *)ad, ad_len, NULL, nonce,
						   s->key);
	stmt = store_bind(s, STMT_SECRET_PUT, "");
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, version);
	sqlite3_bind_blob(stmt, 3, nonce, sizeof(nonce), SQLITE_TRANSIENT);
	sqlite3_bind_blob(stmt, 4, box, (int)box_len, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 5, s->now_ms);
	store_write(s, STMT_SECRET_PUT, ""); /* keeps the bindings made above */
	return 0;
}

bool store_secret_delete(struct store *s, const char *name)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_SECRET_GET, "t", name);
	bool there = store_row(s, stmt);

	sqlite3_reset(stmt);
	if (there)
		store_write(s, STMT_SECRET_DELETE, "t", name);
	return there;
}

json_t *store_secret_names(struct store *s)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_SECRET_NAMES, "");
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, json_pack("{s:s, s:I}", "name", column_text(stmt, 0), "changed",
						     (json_int_t)sqlite3_column_int64(stmt, 1)));
	return out;
}
