/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Secrets at rest: XChaCha20-Poly1305 under the master key (store_key.c), one box per row.
 */
#include "private.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* With the version the name must fit into the associated data whole. */
enum { NAME_MAX_BYTES = 200, BOX_MAX = 4096 };

/* Associated data that ties a box to its row. */
static size_t bind_to_row(char *out, size_t size, const char *name, int64_t version)
{
	return (size_t)snprintf(out, size, "secret|%s|%lld", name, (long long)version);
}

/* What stands in @stmt's columns version, nonce and box; NULL when @s's key does not open it. */
static struct secret *open_box(struct store *s, sqlite3_stmt *stmt, const char *name)
{
	unsigned char plain[BOX_MAX];
	unsigned long long plain_len = 0;
	struct secret *out = NULL;
	char ad[256];
	size_t ad_len = bind_to_row(ad, sizeof(ad), name, sqlite3_column_int64(stmt, 0));
	int len = sqlite3_column_bytes(stmt, 2);

	if (sqlite3_column_bytes(stmt, 1) == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
	    len >= (int)crypto_aead_xchacha20poly1305_ietf_ABYTES && len <= (int)sizeof(plain) &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &plain_len, NULL, sqlite3_column_blob(stmt, 2),
						       (unsigned long long)len, (unsigned char *)ad, ad_len,
						       sqlite3_column_blob(stmt, 1), s->key) == 0)
		out = secret_create(plain, (size_t)plain_len);
	secret_wipe(plain, sizeof(plain));
	return out;
}

struct secret *store_secret_get(struct store *s, const char *name, struct error *err)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_SECRET_GET, "t", name);
	struct secret *out;

	if (strlen(name) > NAME_MAX_BYTES || !store_row(s, stmt)) {
		sqlite3_reset(stmt);
		error_set(err, ERROR_NOT_FOUND, "there is no secret `%s`", name);
		error_hint(err, "Enter it with `persona secret set %s`.", name);
		return NULL;
	}
	out = open_box(s, stmt, name);
	if (!out)
		error_set(err, ERROR_STORAGE, "secret `%s` cannot be opened with this key file", name);
	sqlite3_reset(stmt);
	return out;
}

static int64_t next_version(struct store *s, const char *name)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_SECRET_GET, "t", name);
	int64_t version = store_row(s, stmt) ? sqlite3_column_int64(stmt, 0) + 1 : 1;

	sqlite3_reset(stmt);
	return version;
}

/* Box @value under @key and write it with @id, a statement of name, version, nonce and box; a new value also has a time. */
static void put_box(struct store *s, enum statement id, const unsigned char key[32], const char *name, const struct secret *value)
{
	unsigned char nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES], box[BOX_MAX];
	unsigned long long box_len;
	int64_t version = next_version(s, name);
	sqlite3_stmt *stmt;
	char ad[256];
	size_t ad_len = bind_to_row(ad, sizeof(ad), name, version);

	randombytes_buf(nonce, sizeof(nonce));
	crypto_aead_xchacha20poly1305_ietf_encrypt(box, &box_len, (const unsigned char *)secret_reveal(value), secret_len(value),
						   (unsigned char *)ad, ad_len, NULL, nonce, key);
	stmt = store_bind(s, id, "");
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, version);
	sqlite3_bind_blob(stmt, 3, nonce, sizeof(nonce), SQLITE_TRANSIENT);
	sqlite3_bind_blob(stmt, 4, box, (int)box_len, SQLITE_TRANSIENT);
	if (id == STMT_SECRET_PUT)
		sqlite3_bind_int64(stmt, 5, s->now_ms);
	store_write(s, id, ""); /* keeps the bindings made above */
}

int store_secret_put(struct store *s, const char *name, const struct secret *value, struct error *err)
{
	if (strlen(name) > NAME_MAX_BYTES)
		return error_set(err, ERROR_INVALID, "the name of a secret may not be longer than %d bytes", NAME_MAX_BYTES);
	if (secret_len(value) > BOX_MAX - crypto_aead_xchacha20poly1305_ietf_ABYTES)
		return error_set(err, ERROR_TOO_LARGE, "a secret may not be longer than 4000 bytes");
	put_box(s, STMT_SECRET_PUT, s->key, name, value);
	return 0;
}

static json_t *all_names(struct store *s)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_SECRET_ALL, "");
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, json_string(column_text(stmt, 0)));
	return out;
}

int store_secrets_rewrap(struct store *s, const unsigned char key[32], struct error *err)
{
	json_auto_t *names = all_names(s);
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		struct secret *value = store_secret_get(s, json_string_value(name), err);

		if (!value)
			return -1;
		put_box(s, STMT_SECRET_REWRAP, key, json_string_value(name), value);
		secret_destroy(value);
	}
	return (int)json_array_size(names);
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
