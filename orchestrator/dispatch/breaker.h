/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A circuit breaker, pure: after BREAKER_LIMIT failures in a row it stays open for a growing time, then
 * lets one attempt through.
 */
#ifndef RECAST_BREAKER_H
#define RECAST_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_LIMIT = 3, BREAKER_FIRST_MS = 500, BREAKER_LAST_MS = 15000 };

struct breaker {
	int failures;
	int64_t open_until; /* 0: closed */
};

static inline bool breaker_open(const struct breaker *b, int64_t now)
{
	return b->open_until > now;
}

static inline void breaker_success(struct breaker *b)
{
	*b = (struct breaker){ 0 };
}

static inline void breaker_failure(struct breaker *b, int64_t now)
{
	int64_t delay = BREAKER_FIRST_MS;
	int i;

	if (++b->failures < BREAKER_LIMIT)
		return;
	for (i = BREAKER_LIMIT; i < b->failures && delay < BREAKER_LAST_MS; i++)
		delay *= 2;
	b->open_until = now + (delay < BREAKER_LAST_MS ? delay : BREAKER_LAST_MS);
}

#endif
