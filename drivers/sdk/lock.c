/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Locks of a device's connection, between the requests that share it.  See driver.h.
 */
#include "driver.h"

#include "clock.h"

#include <errno.h>
#include <time.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
/* ThreadSanitizer of GCC 12 and of LLVM 14 does not see pthread_mutex_clocklock(), and takes the unlock for a mistake. */
static int lock_until(pthread_mutex_t *lock, int64_t deadline_ms)
{
	struct timespec pause = { 0, 1000000 };
	int rc;

	while ((rc = pthread_mutex_trylock(lock)) == EBUSY && clock_mono_ms() < deadline_ms)
		nanosleep(&pause, NULL);
	return rc;
}
#else
static int lock_until(pthread_mutex_t *lock, int64_t deadline_ms)
{
	struct timespec at = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };

	return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &at);
}
#endif

int driver_lock(pthread_mutex_t *lock, int64_t deadline_ms, struct error *err)
{
	if (!lock_until(lock, deadline_ms))
		return 0;
	return error_set(err, ERROR_BUSY, "other requests kept the connection busy until the deadline");
}
