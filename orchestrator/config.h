/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast.conf: lines "key = value", # for comments.  One table (schema/config.def) makes the struct, the
 * parser and the manual.
 */
#ifndef RECAST_CONFIG_H
#define RECAST_CONFIG_H

#include "error.h"

enum config_key {
#define CONFIG(name, missing, help) CONFIG_##name,
#include "../schema/config.def"
#undef CONFIG
	CONFIG_KEYS
};

struct config {
#define CONFIG(name, missing, help) char *name;
#include "../schema/config.def"
#undef CONFIG
	char *file;	       /* that was read last; NULL: none */
	int line[CONFIG_KEYS]; /* of @file that set the key; 0: nobody did, -1: the command line */
};

/* The defaults. */
void config_init(struct config *c);
/* Read @path over what is there.  Each line that is not understood is given to @wrong with its number and the reason, perhaps
 * with the nearest key; line 0: the file cannot be read. */
void config_scan(struct config *c, const char *path, void (*wrong)(void *arg, int line, const struct error *err), void *arg);
/* The same, for whom one mistake is enough: the error carries file and line. */
int config_read(struct config *c, const char *path, struct error *err);
/* Set one key, as "key=value" on the command line. */
int config_set(struct config *c, const char *assignment, struct error *err);
const char *config_name(enum config_key key);
const char *config_value(const struct config *c, enum config_key key);
/* Print all keys with their values and meanings on stdout. */
void config_print(const struct config *c);
void config_fini(struct config *c);

#endif
