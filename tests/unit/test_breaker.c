/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/dispatch/breaker.h: when a device gets a rest, and for how long.
 */
#include "unit.h"

#include "breaker.h"

TEST(stays_closed_below_the_limit)
{
	struct breaker b = { 0 };
	int i;

	assert_false(breaker_open(&b, 1000));
	for (i = 0; i < BREAKER_LIMIT - 1; i++)
		breaker_failure(&b, 1000);
	assert_false(breaker_open(&b, 1000));
}

TEST(opens_at_the_limit_for_the_first_delay)
{
	struct breaker b = { 0 };
	int i;

	for (i = 0; i < BREAKER_LIMIT; i++)
		breaker_failure(&b, 1000);
	assert_true(breaker_open(&b, 1000));
	assert_true(breaker_open(&b, 1000 + BREAKER_FIRST_MS - 1));
	assert_false(breaker_open(&b, 1000 + BREAKER_FIRST_MS));
}

TEST(doubles_the_delay_up_to_the_last)
{
	static const int64_t delays[] = { 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000 };
	struct breaker b = { .failures = BREAKER_LIMIT - 1 };
	int64_t now = 5000;
	size_t i;

	for (i = 0; i < COUNT(delays); i++) {
		breaker_failure(&b, now);
		assert_int_equal(b.open_until, now + delays[i]);
		now = b.open_until;
		assert_false(breaker_open(&b, now)); /* one attempt goes through */
	}
	b.failures = 1000000;
	breaker_failure(&b, 0);
	assert_int_equal(b.open_until, BREAKER_LAST_MS);
}

TEST(closes_with_one_success)
{
	struct breaker b = { 0 };
	int i;

	for (i = 0; i < 10; i++)
		breaker_failure(&b, 1000);
	breaker_success(&b);
	assert_false(breaker_open(&b, 1000));
	breaker_failure(&b, 1000);
	assert_false(breaker_open(&b, 1000)); /* failures are counted in a row */
}

UNIT_MAIN(T(stays_closed_below_the_limit), T(opens_at_the_limit_for_the_first_delay),
	  T(doubles_the_delay_up_to_the_last), T(closes_with_one_success))
