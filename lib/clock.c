/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Time in milliseconds.  See clock.h.
 */
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
	return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_cpu_us(void)
{
	return read_clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

char *clock_format(int64_t wall_ms, char *buf, size_t size)
{
	const int64_t last = INT64_C(253402300799999);
	time_t seconds;
	char stamp[32];
	struct tm tm;

	/* A peer may tell any number; beyond the year 9999 there is no such text, and further on no such struct tm. */
	wall_ms = wall_ms < 0 ? 0 : wall_ms > last ? last : wall_ms;
	seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%03dZ", stamp, (int)(wall_ms % 1000));
	return buf;
}

int64_t clock_parse_duration_ms(const char *text)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
	const int64_t year = (int64_t)366 * 86400000;
	char *end;
	long n;
	size_t i;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	if (errno)
		return -1;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].unit))
			return n <= year / units[i].ms ? n * units[i].ms : -1;
	return -1;
}
