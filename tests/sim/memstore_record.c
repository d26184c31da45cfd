/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store in memory: records and the audit.  Sibling of orchestrator/store/store_record.c.
 */
#include "memrow.h"

#include "arena.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS(...) (const char *const[ROW_TEXTS]){ __VA_ARGS__ }
#define NUMBERS(...) (const int64_t[ROW_NUMBERS]){ __VA_ARGS__ }

static char *key_of(const char *kind, const char *key)
{
	return xasprintf("%s %s", kind, key);
}

static bool of_kind(const struct row *row, const void *kind)
{
	return !strcmp(row->text[0], kind);
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct row *const *)a)->text[1], (*(const struct row *const *)b)->text[1]);
}

void store_record_each(struct store *s, const char *kind, store_record_fn fn, void *arg)
{
	const struct row **rows = rows_all(s, MEM_RECORD, of_kind, kind, by_key);
	json_t *doc;
	size_t i;

	for (i = 0; rows[i]; i++) {
		doc = doc_pass(s, rows[i]->doc);
		fn(arg, rows[i]->text[1], doc);
		json_decref(doc);
	}
	free(rows);
}

json_t *store_record_get(struct store *s, const char *kind, const char *key)
{
	char *full = key_of(kind, key);
	const struct row *row = row_get(s, MEM_RECORD, full);

	free(full);
	return row ? doc_pass(s, row->doc) : NULL;
}

void store_record_put(struct store *s, const char *kind, const char *key, const json_t *doc)
{
	static const char *const kinds[] = { "drift", "token", "account", "approval", "unfenced", NULL };
	char *full = key_of(kind, key);

	if (check_word(s, "record.kind", kind, kinds))
		row_put(s, row_create(MEM_RECORD, full, TEXTS(kind, key), NULL, doc_pass(s, doc)));
	free(full);
}

void store_record_delete(struct store *s, const char *kind, const char *key)
{
	char *full = key_of(kind, key);
	const struct row *row = row_get(s, MEM_RECORD, full);

	s->written = true;
	if (row)
		row_delete(s, row);
	free(full);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = (*(const struct row *const *)a)->n[0], y = (*(const struct row *const *)b)->n[0];

	return (x > y) - (x < y);
}

int64_t store_audit_head(struct store *s, char hash[CHAIN_TEXT])
{
	const struct row **rows = rows_all(s, MEM_AUDIT, NULL, NULL, by_number);
	int64_t seq = 0;
	size_t i;

	chain_begin(hash);
	for (i = 0; rows[i]; i++)
		;
	if (i) {
		seq = rows[i - 1]->n[0];
		snprintf(hash, CHAIN_TEXT, "%s", rows[i - 1]->text[0]);
	}
	free(rows);
	return seq;
}

int64_t store_audit_add(struct store *s, const json_t *doc)
{
	char hash[CHAIN_TEXT], key[24];
	int64_t seq = store_audit_head(s, hash) + 1;

	chain_next(hash, seq, doc);
	snprintf(key, sizeof(key), "%lld", (long long)seq);
	row_put(s, row_create(MEM_AUDIT, key, TEXTS(hash), NUMBERS(seq), doc_pass(s, doc)));
	return seq;
}

static bool after(const struct row *row, const void *seq)
{
	return row->n[0] > *(const int64_t *)seq;
}

json_t *store_audit_after(struct store *s, int64_t seq, int limit)
{
	const struct row **rows = rows_all(s, MEM_AUDIT, after, &seq, by_number);
	json_t *out = json_array();
	size_t i;

	for (i = 0; rows[i] && i < (size_t)limit; i++)
		json_array_append_new(out, json_pack("{s:I, s:o, s:s}", "seq", (json_int_t)rows[i]->n[0], "doc",
						     doc_pass(s, rows[i]->doc), "hash", rows[i]->text[0]));
	free(rows);
	return out;
}

/* A disk in memory has no master key: the hashes are of the text alone. */
void store_keyed_hash(struct store *s, const char *purpose, const char *text, size_t len, char out[CHAIN_TEXT])
{
	unsigned char hash[32];

	(void)s;
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, len, (const unsigned char *)purpose,
			   strlen(purpose) < 16 ? 0 : strlen(purpose));
	sodium_bin2hex(out, CHAIN_TEXT, hash, sizeof(hash));
}

void store_sign(struct store *s, const char *text, char signature[129], char public_key[65])
{
	(void)s;
	(void)text;
	memset(signature, '0', 128);
	memset(public_key, '0', 64);
	signature[128] = public_key[64] = '\0';
}

int store_key_rotate(struct store *s, bool new_root, struct error *err)
{
	(void)s;
	(void)new_root;
	return error_set(err, ERROR_UNSUPPORTED, "a disk in memory has no master key");
}
