/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Time in milliseconds.  The pure parts of the project never call this; they take `now` as a
 * parameter.
 */
#ifndef RECAST_CLOCK_H
#define RECAST_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of UTC since 1970 (may jump), and of a clock that never goes back. */
int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);

/* CPU time of the calling process in microseconds. */
int64_t clock_cpu_us(void);

/* RFC 3339 in UTC with milliseconds: "2026-01-31T12:00:00.000Z"; times outside of 1970 to 9999 as the nearest
 * in them.  Returns @buf. */
char *clock_format(int64_t wall_ms, char *buf, size_t size);

/* Parse a duration "90s", "5m", "2h", "250ms", or plain seconds.  Returns -1 when it is none or
 * longer than a year. */
int64_t clock_parse_duration_ms(const char *text);

#endif
