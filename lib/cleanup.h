/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Scope-bound release of what a short function owns: `_cleanup_(freep) char *s = …`, and
 * `steal_ptr(s)` to hand it over.
 */
#ifndef RECAST_CLEANUP_H
#define RECAST_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define steal_ptr(p)                          \
	({                                    \
		__typeof__(p) stolen_ = (p);  \
		(p) = NULL;                   \
		stolen_;                      \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
