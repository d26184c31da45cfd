/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/table: against a naive model, with the same random operations on every run.
 */
#include "unit.h"

#include "table.h"

enum { KEYS = 400, OPERATIONS = 60000 };

static uint32_t seed = 20260131;

static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

struct naive {
	char keys[KEYS][12];
	void *values[KEYS]; /* NULL: not in the table */
	size_t n;
};

static void check_all(const struct table *t, const struct naive *m)
{
	size_t i, found = 0;

	assert_int_equal(table_count(t), m->n);
	for (i = 0; i < KEYS; i++) {
		assert_ptr_equal(table_get(t, m->keys[i]), m->values[i]);
		found += m->values[i] != NULL;
	}
	assert_int_equal(found, m->n);
	for (i = 0; i < table_count(t); i++)
		assert_ptr_equal(table_get(t, table_key_at(t, i)), table_at(t, i));
}

static void add_or_remove(struct table *t, struct naive *m, uint32_t k, int grow, int *value)
{
	if (pick(10) < (uint32_t)grow) {
		assert_int_equal(table_add(t, m->keys[k], value), m->values[k] ? -1 : 0);
		if (!m->values[k]) {
			m->values[k] = value;
			m->n++;
		}
	} else {
		assert_ptr_equal(table_remove(t, m->keys[k]), m->values[k]);
		m->n -= m->values[k] != NULL;
		m->values[k] = NULL;
	}
}

TEST(does_what_a_naive_model_does)
{
	static int values[OPERATIONS];
	static struct naive m;
	struct table *t = table_create();
	int i;

	for (i = 0; i < KEYS; i++)
		snprintf(m.keys[i], sizeof(m.keys[i]), "key-%d", i);
	for (i = 0; i < OPERATIONS; i++) {
		/* it fills, shrinks and fills again */
		add_or_remove(t, &m, pick(KEYS), i / 10000 % 2 ? 2 : 8, &values[i]);
		if (i % 97 == 0)
			check_all(t, &m);
	}
	check_all(t, &m);
	table_destroy(t);
}

TEST(refuses_a_second_entry_of_a_key)
{
	struct table *t = table_create();
	int a, b;

	assert_int_equal(table_add(t, "k", &a), 0);
	assert_int_equal(table_add(t, "k", &b), -1);
	assert_ptr_equal(table_get(t, "k"), &a);
	assert_int_equal(table_count(t), 1);
	table_destroy(t);
}

TEST(remembers_the_order_of_insertion)
{
	static const char *const keys[] = { "zeta", "alpha", "m", "", "beta" };
	struct table *t = table_create();
	size_t i;

	for (i = 0; i < COUNT(keys); i++)
		assert_int_equal(table_add(t, keys[i], (void *)keys[i]), 0);
	for (i = 0; i < COUNT(keys); i++)
		assert_ptr_equal(table_key_at(t, i), keys[i]);
	assert_null(table_at(t, COUNT(keys)));
	assert_null(table_key_at(t, COUNT(keys)));
	table_destroy(t);
}

TEST(grows_and_finds_all)
{
	struct table *t = table_create();
	static char keys[5000][8];
	int i;

	for (i = 0; i < 5000; i++) {
		snprintf(keys[i], sizeof(keys[i]), "n%d", i);
		assert_int_equal(table_add(t, keys[i], keys[i]), 0);
	}
	for (i = 0; i < 5000; i++)
		assert_ptr_equal(table_get(t, keys[i]), keys[i]);
	assert_null(table_get(t, "n5000"));
	table_destroy(t);
}

TEST(is_content_with_nothing)
{
	struct table *t = table_create();
	int a;

	assert_null(table_get(t, "x"));
	assert_null(table_remove(t, "x"));
	assert_int_equal(table_count(t), 0);
	assert_null(table_at(t, 0));
	assert_int_equal(table_count(NULL), 0);
	assert_null(table_get(NULL, "x"));
	assert_null(table_at(NULL, 0));
	table_add(t, "x", &a);
	assert_ptr_equal(table_remove(t, "x"), &a);
	assert_null(table_get(t, "x"));
	assert_null(table_remove(t, "x"));
	table_destroy(t);
	table_destroy(NULL);
}

UNIT_MAIN(T(does_what_a_naive_model_does), T(refuses_a_second_entry_of_a_key), T(remembers_the_order_of_insertion),
	  T(grows_and_finds_all), T(is_content_with_nothing))
