/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/clock: durations as people write them, and RFC 3339.
 */
#include "unit.h"

#include "clock.h"

TEST(parses_durations)
{
	static const struct {
		const char *s;
		int64_t ms;
	} rows[] = {
		{ "250ms", 250 }, { "90s", 90000 }, { "90", 90000 }, { "5m", 300000 }, { "2h", 7200000 },
		{ "1d", 86400000 }, { "0", 0 }, { "366d", 366LL * 86400000 }, { "367d", -1 },
		{ "31622400s", 31622400000 }, { "31622401s", -1 }, { "9223372036854775807h", -1 },
		{ "9223372036854775808", -1 }, { "", -1 }, { "-5s", -1 }, { "+5s", -1 }, { "s", -1 }, { "5 m", -1 },
		{ "5min", -1 }, { "1.5h", -1 }, { " 5s", -1 }, { "5S", -1 },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		assert_row(rows[i].s, clock_parse_duration_ms(rows[i].s) == rows[i].ms);
}

TEST(formats_utc_with_milliseconds)
{
	char buf[40], tiny[11];

	assert_string_equal(clock_format(0, buf, sizeof(buf)), "1970-01-01T00:00:00.000Z");
	assert_string_equal(clock_format(1769860800007, buf, sizeof(buf)), "2026-01-31T12:00:00.007Z");
	assert_string_equal(clock_format(951782399999, buf, sizeof(buf)), "2000-02-28T23:59:59.999Z");
	assert_string_equal(clock_format(951782400000, buf, sizeof(buf)), "2000-02-29T00:00:00.000Z");
	assert_string_equal(clock_format(0, tiny, sizeof(tiny)), "1970-01-01");
}

TEST(formats_absurd_times_as_the_nearest_that_has_a_form)
{
	static const int64_t late[] = { INT64_C(253402300799999), INT64_C(253402300800000), INT64_MAX };
	char buf[40];
	size_t i;

	for (i = 0; i < COUNT(late); i++)
		assert_string_equal(clock_format(late[i], buf, sizeof(buf)), "9999-12-31T23:59:59.999Z");
	assert_string_equal(clock_format(-1, buf, sizeof(buf)), "1970-01-01T00:00:00.000Z");
	assert_string_equal(clock_format(INT64_MIN, buf, sizeof(buf)), "1970-01-01T00:00:00.000Z");
}

TEST(never_goes_back)
{
	int64_t before = clock_mono_ms(), cpu = clock_cpu_us(), now;
	int i;

	for (i = 0; i < 1000; i++) {
		now = clock_mono_ms();
		assert_true(now >= before);
		before = now;
	}
	assert_true(clock_cpu_us() >= cpu);
	assert_true(clock_wall_ms() > 1700000000000);
}

UNIT_MAIN(T(parses_durations), T(formats_utc_with_milliseconds),
	  T(formats_absurd_times_as_the_nearest_that_has_a_form), T(never_goes_back))
