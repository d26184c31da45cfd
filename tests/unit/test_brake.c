/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The brake on wrong tokens.
 */
#include "unit.h"

#include "brake.h"

static const unsigned char *key(unsigned n)
{
	static unsigned char k[BRAKE_KEY];

	memset(k, 0, sizeof(k));
	memcpy(k, &n, sizeof(n));
	return k;
}

static void try(struct brake *b, unsigned n, int times, int64_t now)
{
	while (times--)
		brake_count(b, key(n), now);
}

TEST(ten_wrong_answers_are_enough_for_the_rest_of_the_minute)
{
	struct brake *b = brake_create();

	try(b, 1, 9, 1000);
	assert_int_equal(brake_wait_s(b, key(1), 1000), 0);
	try(b, 1, 1, 21000);
	assert_int_equal(brake_wait_s(b, key(1), 21000), 40);
	assert_int_equal(brake_wait_s(b, key(1), 60001), 1);
	assert_int_equal(brake_wait_s(b, key(1), 61000), 0);
	try(b, 1, 1, 61000); /* a new minute, counted from one */
	assert_int_equal(brake_wait_s(b, key(1), 61000), 0);
	brake_destroy(b);
}

TEST(others_are_not_meant)
{
	struct brake *b = brake_create();

	try(b, 1, 50, 1000);
	assert_true(brake_wait_s(b, key(1), 1000) > 0);
	assert_int_equal(brake_wait_s(b, key(2), 1000), 0);
	brake_destroy(b);
}

TEST(a_crowd_takes_the_place_of_the_oldest_only)
{
	struct brake *b = brake_create();
	unsigned n, braked = 0;

	for (n = 0; n < 100000; n++)
		try(b, n, 10, 1000 + n);
	for (n = 99000; n < 100000; n++)
		braked += brake_wait_s(b, key(n), 101000 - 50000) > 0;
	assert_true(braked > 900);
	brake_destroy(b);
}

UNIT_MAIN(T(ten_wrong_answers_are_enough_for_the_rest_of_the_minute), T(others_are_not_meant),
	  T(a_crowd_takes_the_place_of_the_oldest_only))
