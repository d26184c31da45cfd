/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast.conf: lines "key = value", # for comments.  One table (schema/config.def) makes the struct, the
 * parser and the manual.
 */
#ifndef RECAST_CONFIG_H
#define RECAST_CONFIG_H

#include "error.h"

struct config {
#define CONFIG(name, missing, help) char *name;
#include "../schema/config.def"
#undef CONFIG
};

/* The defaults. */
void config_init(struct config *c);
/* Read @path over what is there; errors carry file and line, and the nearest key. */
int config_read(struct config *c, const char *path, struct error *err);
/* Set one key, as "key=value" on the command line. */
int config_set(struct config *c, const char *assignment, struct error *err);
/* Print all keys with their values and meanings on stdout. */
void config_print(const struct config *c);
void config_fini(struct config *c);

#endif
