/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recastd --check-config: every mistake in recast.conf that can be found without starting, each with where it stands and
 * what to do.  Changes nothing.  Run as another user than the daemon it says what it could not see.  Called by main.c.
 */
#ifndef RECAST_CHECK_H
#define RECAST_CHECK_H

#include "config.h"

#include <stdbool.h>

struct check;

struct check *check_create(struct config *config);

/* Read @path into the configuration, and tell each line that is not understood. */
void check_read(struct check *c, const char *path);

/* Tell what is wrong with the values, and with the files and programs that they name. */
void check_all(struct check *c);

/* Sum up and free; whether nothing is wrong. */
bool check_end(struct check *c);

#endif
