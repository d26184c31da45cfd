/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store in memory: meta, what people define, identities, assignments, quarantine, secrets.  Sibling of
 * orchestrator/store/store_object.c and store_secret.c.
 */
#include "memrow.h"

#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXTS(...)                     \
	(const char *const[ROW_TEXTS]) \
	{                              \
		__VA_ARGS__            \
	}
#define NUMBERS(...)                 \
	(const int64_t[ROW_NUMBERS]) \
	{                            \
		__VA_ARGS__          \
	}

enum { KEY_BYTES = 400 };

static const char *pair(char out[KEY_BYTES], const char *a, const char *b)
{
	snprintf(out, KEY_BYTES, "%s\037%s", a, b);
	return out;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct row *const *)a)->key, (*(const struct row *const *)b)->key);
}

char *store_meta_get(struct store *s, const char *key)
{
	const struct row *row = row_get(s, MEM_META, key);

	return row ? xstrdup(row->text[0]) : NULL;
}

void store_meta_set(struct store *s, const char *key, const char *value)
{
	if (!value)
		write_failed(s, "NOT NULL", "meta.value");
	row_put(s, row_create(MEM_META, key, TEXTS(value), NULL, NULL));
}

int store_object_each(struct store *s, store_object_fn fn, void *arg, struct error *err)
{
	const struct row **rows = rows_all(s, MEM_OBJECT, NULL, NULL, by_key);
	json_t *doc;
	size_t i;

	(void)err;
	for (i = 0; rows[i]; i++) {
		doc = doc_pass(s, rows[i]->doc);
		fn(arg, rows[i]->text[0], rows[i]->text[1], doc);
		json_decref(doc);
	}
	free(rows);
	return 0;
}

json_t *store_object_get(struct store *s, const char *kind, const char *name)
{
	char key[KEY_BYTES];
	const struct row *row = row_get(s, MEM_OBJECT, pair(key, kind, name));

	return row ? doc_pass(s, row->doc) : NULL;
}

void store_object_put(struct store *s, const char *kind, const char *name, const json_t *doc)
{
	static const char *const kinds[] = { "site",	 "network", "switch", "fabric",
					     "array",	 "machine", "group",  "identity",
					     "template", "persona", NULL };
	char key[KEY_BYTES];

	check_word(s, "kind", kind, kinds);
	row_put(s, row_create(MEM_OBJECT, pair(key, kind, name), TEXTS(kind, name), NULL,
			      doc_pass(s, doc)));
}

void store_object_delete(struct store *s, const char *kind, const char *name)
{
	char key[KEY_BYTES];
	const struct row *row = row_get(s, MEM_OBJECT, pair(key, kind, name));

	s->written = true;
	if (row)
		row_delete(s, row);
}

/* identity: text kind, value, persona, slot, state; numbers number, since. */
enum { ID_KIND, ID_VALUE, ID_PERSONA, ID_SLOT, ID_STATE };

static bool is_active_of(const struct row *row, const void *persona)
{
	return !strcmp(row->text[ID_PERSONA], persona) && !strcmp(row->text[ID_STATE], "active");
}

static int by_kind_and_slot(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
	int kinds = strcmp(x->text[ID_KIND], y->text[ID_KIND]);

	if (kinds)
		return kinds;
	kinds = strcmp(x->text[ID_SLOT], y->text[ID_SLOT]);
	return kinds ? kinds : strcmp(x->text[ID_VALUE], y->text[ID_VALUE]);
}

json_t *store_identity_of(struct store *s, const char *persona)
{
	const struct row **rows =
		rows_all(s, MEM_IDENTITY, is_active_of, persona, by_kind_and_slot);
	json_t *out = json_array();
	size_t i;

	for (i = 0; rows[i]; i++)
		json_array_append_new(
			out, json_pack("{s:s, s:s, s:s}", "kind", rows[i]->text[ID_KIND], "value",
				       rows[i]->text[ID_VALUE], "slot", rows[i]->text[ID_SLOT]));
	free(rows);
	return out;
}

json_t *store_identity_holder(struct store *s, const char *kind, const char *value)
{
	char key[KEY_BYTES];
	const struct row *row = row_get(s, MEM_IDENTITY, pair(key, kind, value));

	if (!row)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I}", "persona", row->text[ID_PERSONA], "slot",
			 row->text[ID_SLOT], "state", row->text[ID_STATE], "since",
			 (json_int_t)row->n[1]);
}

void store_identity_put(struct store *s, const char *kind, const char *value, int64_t number,
			const char *persona, const char *slot)
{
	static const char *const kinds[] = { "mac", "wwpn", "wwnn", "iqn", "uuid", "ip", NULL };
	char key[KEY_BYTES];
	const struct row *row = row_get(s, MEM_IDENTITY, pair(key, kind, value));

	check_word(s, "kind", kind, kinds);
	if (row)
		number = row->n[0];
	else if (number < 0)
		number = NO_NUMBER;
	row_put(s, row_create(MEM_IDENTITY, key, TEXTS(kind, value, persona, slot, "active"),
			      NUMBERS(number, s->now_ms), NULL));
}

void store_identity_release(struct store *s, const char *kind, const char *value)
{
	char key[KEY_BYTES];
	const struct row *row = row_get(s, MEM_IDENTITY, pair(key, kind, value));

	s->written = true;
	if (row)
		row_put(s, row_create(MEM_IDENTITY, key,
				      TEXTS(kind, value, row->text[ID_PERSONA], row->text[ID_SLOT],
					    "released"),
				      NUMBERS(row->n[0], s->now_ms), NULL));
}

static bool is_released_before(const struct row *row, const void *before)
{
	return !strcmp(row->text[ID_STATE], "released") && row->n[1] < *(const int64_t *)before;
}

void store_identity_purge(struct store *s, int64_t before_ms)
{
	const struct row **rows = rows_all(s, MEM_IDENTITY, is_released_before, &before_ms, NULL);
	size_t i;

	s->written = true;
	for (i = 0; rows[i]; i++)
		row_delete(s, rows[i]);
	free(rows);
}

struct range {
	const char *kind;
	int64_t first, last;
	bool active, any;
};

static bool is_in_range(const struct row *row, const void *arg)
{
	const struct range *r = arg;

	return !strcmp(row->text[ID_KIND], r->kind) &&
	       (!r->active || !strcmp(row->text[ID_STATE], "active")) &&
	       (r->any || (row->n[0] >= r->first && row->n[0] <= r->last));
}

static int by_number(const void *a, const void *b)
{
	int64_t x = (*(const struct row *const *)a)->n[0],
		y = (*(const struct row *const *)b)->n[0];

	return (x > y) - (x < y);
}

int64_t store_identity_count(struct store *s, const char *kind, int64_t first, int64_t last)
{
	struct range range = { kind, first, last, .active = true, .any = last == 0 };
	const struct row **rows = rows_all(s, MEM_IDENTITY, is_in_range, &range, NULL);
	int64_t n = 0;

	while (rows[n])
		n++;
	free(rows);
	return n;
}

int64_t store_identity_free(struct store *s, const char *kind, int64_t first, int64_t last)
{
	struct range range = { kind, first, last };
	const struct row **rows = rows_all(s, MEM_IDENTITY, is_in_range, &range, by_number);
	int64_t highest = -1, gap = -1;
	size_t i;

	for (i = 0; rows[i]; i++) {
		if (gap < 0 && rows[i]->n[0] < last &&
		    (!rows[i + 1] || rows[i + 1]->n[0] > rows[i]->n[0] + 1))
			gap = rows[i]->n[0] + 1;
		highest = rows[i]->n[0];
	}
	if (highest < 0 || (highest == last && rows[0]->n[0] != first))
		gap = first;
	else if (highest < last)
		gap = highest + 1;
	free(rows);
	return gap;
}

int store_assignment_each(struct store *s, store_assignment_fn fn, void *arg, struct error *err)
{
	const struct row **rows = rows_all(s, MEM_ASSIGNMENT, NULL, NULL, by_key);
	size_t i;

	(void)err;
	for (i = 0; rows[i]; i++)
		fn(arg, rows[i]->text[0], rows[i]->text[1], rows[i]->n[0], rows[i]->n[1]);
	free(rows);
	return 0;
}

void store_assignment_put(struct store *s, const char *persona, const char *machine,
			  int64_t generation, int64_t last)
{
	if (last < generation)
		write_failed(s, "CHECK", "last >= generation");
	row_put(s, row_create(MEM_ASSIGNMENT, persona, TEXTS(persona, machine),
			      NUMBERS(generation, last, s->now_ms), NULL));
}

int store_quarantine_each(struct store *s, store_quarantine_fn fn, void *arg, struct error *err)
{
	const struct row **rows = rows_all(s, MEM_QUARANTINE, NULL, NULL, by_key);
	size_t i;

	(void)err;
	for (i = 0; rows[i]; i++)
		fn(arg, rows[i]->text[0], rows[i]->text[1], rows[i]->text[2]);
	free(rows);
	return 0;
}

void store_quarantine_put(struct store *s, const char *machine, const char *reason, int64_t run,
			  const char *confirmed)
{
	if (!reason)
		write_failed(s, "NOT NULL", "quarantine.reason");
	row_put(s, row_create(MEM_QUARANTINE, machine, TEXTS(machine, reason, confirmed), NUMBERS(run, s->now_ms), NULL));
}

void store_quarantine_delete(struct store *s, const char *machine)
{
	const struct row *row = row_get(s, MEM_QUARANTINE, machine);

	s->written = true;
	if (row)
		row_delete(s, row);
}

/* secret: text[0] is its name; the bytes, which may hold NUL, follow in text[1]. */
enum { SECRET_NAME_BYTES = 200, SECRET_BYTES = 4096 - 16 };

struct secret *store_secret_get(struct store *s, const char *name, struct error *err)
{
	const struct row *row =
		strlen(name) <= SECRET_NAME_BYTES ? row_get(s, MEM_SECRET, name) : NULL;

	if (row)
		return secret_create(row->text[1], row->len);
	error_set(err, ERROR_NOT_FOUND, "there is no secret `%s`", name);
	error_hint(err, "Enter it with `persona secret set %s`.", name);
	return NULL;
}

int store_secret_put(struct store *s, const char *name, const struct secret *value,
		     struct error *err)
{
	char room[SECRET_BYTES + 1];
	struct row *row;

	if (strlen(name) > SECRET_NAME_BYTES)
		return error_set(err, ERROR_INVALID,
				 "the name of a secret may not be longer than %d bytes",
				 SECRET_NAME_BYTES);
	if (secret_len(value) > SECRET_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
				 "a secret may not be longer than 4000 bytes");
	memset(room, 'x', secret_len(value));
	room[secret_len(value)] = '\0';
	row = row_create(MEM_SECRET, name, TEXTS(name, room), NUMBERS(s->now_ms), NULL);
	row->len = secret_len(value);
	/* Kept in clear: nothing of a story is worth hiding. */
	memcpy((char *)(uintptr_t)row->text[1], secret_reveal(value), row->len);
	row_put(s, row);
	return 0;
}

bool store_secret_delete(struct store *s, const char *name)
{
	const struct row *row = row_get(s, MEM_SECRET, name);

	if (row)
		row_delete(s, row);
	return row != NULL;
}

static bool is_peoples(const struct row *row, const void *arg)
{
	(void)arg;
	return strncasecmp(row->text[0], "chap/", 5) != 0;
}

json_t *store_secret_names(struct store *s)
{
	const struct row **rows = rows_all(s, MEM_SECRET, is_peoples, NULL, by_key);
	json_t *out = json_array();
	size_t i;

	for (i = 0; rows[i]; i++)
		json_array_append_new(out, json_pack("{s:s, s:I}", "name", rows[i]->text[0],
						     "changed", (json_int_t)rows[i]->n[0]));
	free(rows);
	return out;
}
