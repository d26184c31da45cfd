/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How safe recastd's own files and certificates are, for the doctor.  The core is pure and cannot look at files; main.c
 * gives it this function (core_config.examine).
 */
#ifndef RECAST_HYGIENE_H
#define RECAST_HYGIENE_H

#include "config.h"
#include "service.h"

struct hygiene {
	const struct config *config;
	const char *file; /* that the configuration was read from, or NULL */
	const char *key_file;
};

/* Reports each thing that it looks at, good or not.  @arg is a struct hygiene. */
void hygiene_examine(void *arg, finding_fn note, void *x);

#endif
