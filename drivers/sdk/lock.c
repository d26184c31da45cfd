/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Locks of a device's connection, between the requests that share it.  See driver.h.
 */
#include "driver.h"

#include <time.h>

int driver_lock(pthread_mutex_t *lock, int64_t deadline_ms, struct error *err)
{
	struct timespec at = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };

	if (!pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &at))
		return 0;
	return error_set(err, ERROR_BUSY, "other requests kept the connection busy until the deadline");
}
