/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The wait of those who try passwords.
 */
#include "unit.h"

#include "throttle.h"

static void try_wrong(struct throttle *t, const char *name, int times, int64_t now)
{
	while (times--)
		throttle_failed(t, name, now);
}

TEST(the_wait_grows_with_each_failure_up_to_a_minute)
{
	struct throttle *t = throttle_create();

	try_wrong(t, "kim", 4, 1000);
	assert_int_equal(throttle_wait_ms(t, "kim", 1000), 0);
	try_wrong(t, "kim", 1, 1000);
	assert_int_equal(throttle_wait_ms(t, "kim", 1000), 1000);
	assert_int_equal(throttle_wait_ms(t, "kim", 1900), 100);
	assert_int_equal(throttle_wait_ms(t, "kim", 2000), 0);
	try_wrong(t, "kim", 1, 2000);
	assert_int_equal(throttle_wait_ms(t, "kim", 2000), 2000);
	try_wrong(t, "kim", 1000, 5000);
	assert_int_equal(throttle_wait_ms(t, "kim", 5000), 60000);
	throttle_destroy(t);
}

TEST(the_right_password_forgives_and_others_are_not_meant)
{
	struct throttle *t = throttle_create();

	try_wrong(t, "kim", 9, 1000);
	assert_int_equal(throttle_wait_ms(t, "lee", 1000), 0);
	throttle_passed(t, "kim");
	assert_int_equal(throttle_wait_ms(t, "kim", 1000), 0);
	try_wrong(t, "kim", 4, 1000);
	assert_int_equal(throttle_wait_ms(t, "kim", 1000), 0);
	throttle_destroy(t);
}

TEST(a_crowd_of_names_pushes_out_only_the_oldest)
{
	struct throttle *t = throttle_create();
	char name[32];
	int i;

	for (i = 0; i < 10 * THROTTLE_NAMES; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		try_wrong(t, name, 6, 1000 + i);
	}
	assert_true(throttle_wait_ms(t, name, 1000 + i) > 0);
	assert_int_equal(throttle_wait_ms(t, "name0", 1001), 0);
	throttle_destroy(t);
}

UNIT_MAIN(T(the_wait_grows_with_each_failure_up_to_a_minute), T(the_right_password_forgives_and_others_are_not_meant),
	  T(a_crowd_of_names_pushes_out_only_the_oldest))
