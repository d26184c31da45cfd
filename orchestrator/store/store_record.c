/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Small documents by kind and key, and the chain of the audit.
 */
#include "private.h"

#include <sodium.h>
#include <string.h>

void store_record_each(struct store *s, const char *kind, store_record_fn fn, void *arg)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_RECORD_ALL, "t", kind);
	json_t *doc;

	while (store_row(s, stmt)) {
		doc = column_doc(stmt, 1);
		fn(arg, column_text(stmt, 0), doc);
		json_decref(doc);
	}
}

json_t *store_record_get(struct store *s, const char *kind, const char *key)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_RECORD_GET, "tt", kind, key);
	json_t *doc = store_row(s, stmt) ? column_doc(stmt, 0) : NULL;

	sqlite3_reset(stmt);
	return doc;
}

void store_record_put(struct store *s, const char *kind, const char *key, const json_t *doc)
{
	store_write(s, STMT_RECORD_PUT, "ttj", kind, key, doc);
}

void store_record_delete(struct store *s, const char *kind, const char *key)
{
	store_write(s, STMT_RECORD_DELETE, "tt", kind, key);
}

int64_t store_audit_head(struct store *s, char hash[CHAIN_TEXT])
{
	sqlite3_stmt *stmt = store_bind(s, STMT_AUDIT_LAST, "");
	int64_t seq = 0;

	chain_begin(hash);
	if (store_row(s, stmt)) {
		seq = sqlite3_column_int64(stmt, 0);
		snprintf(hash, CHAIN_TEXT, "%s", column_text(stmt, 1));
	}
	sqlite3_reset(stmt);
	return seq;
}

int64_t store_audit_add(struct store *s, const json_t *doc)
{
	char hash[CHAIN_TEXT];
	int64_t seq = store_audit_head(s, hash) + 1;

	chain_next(hash, seq, doc);
	store_write(s, STMT_AUDIT_ADD, "ijt", seq, doc, hash);
	return seq;
}

json_t *store_audit_after(struct store *s, int64_t seq, int limit)
{
	sqlite3_stmt *stmt = store_bind(s, STMT_AUDIT_AFTER, "ii", seq, (int64_t)limit);
	json_t *out = json_array();

	while (store_row(s, stmt))
		json_array_append_new(out, json_pack("{s:I, s:o, s:s}", "seq", (json_int_t)sqlite3_column_int64(stmt, 0), "doc",
						     column_doc(stmt, 1), "hash", column_text(stmt, 2)));
	return out;
}

static void derive(const struct store *s, const char *purpose, unsigned char out[32])
{
	char context[crypto_kdf_CONTEXTBYTES + 1];

	snprintf(context, sizeof(context), "%-8s", purpose);
	crypto_kdf_derive_from_key(out, 32, 1, context, s->root);
}

void store_keyed_hash(struct store *s, const char *purpose, const char *text, size_t len, char out[CHAIN_TEXT])
{
	unsigned char key[32], hash[32];

	derive(s, purpose, key);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, len, key, sizeof(key));
	sodium_bin2hex(out, CHAIN_TEXT, hash, sizeof(hash));
	secret_wipe(key, sizeof(key));
}

void store_sign(struct store *s, const char *text, char signature[129], char public_key[65])
{
	unsigned char seed[32], pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES], sig[crypto_sign_BYTES];

	derive(s, "signing", seed);
	crypto_sign_seed_keypair(pk, sk, seed);
	crypto_sign_detached(sig, NULL, (const unsigned char *)text, strlen(text), sk);
	sodium_bin2hex(signature, 129, sig, sizeof(sig));
	sodium_bin2hex(public_key, 65, pk, sizeof(pk));
	secret_wipe(seed, sizeof(seed));
	secret_wipe(sk, sizeof(sk));
}
