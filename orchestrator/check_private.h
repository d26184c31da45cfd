/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Shared by check.c and check_tls.c: what was found so far, and how it is told.
 */
#ifndef RECAST_CHECK_PRIVATE_H
#define RECAST_CHECK_PRIVATE_H

#include "config.h"
#include "settings.h"

#include <stdbool.h>

struct stat;

struct check {
	struct config *config;
	struct settings settings;
	int mistakes, unseen;
};

/* A mistake in @key, and what to do about it ("": the text says it). */
void check_wrong(struct check *c, enum config_key key, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Something about @key that this user cannot see. */
void check_unseen(struct check *c, enum config_key key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* stat(2) of what @key names; tells why when it cannot. */
bool check_stat(struct check *c, enum config_key key, const char *path, struct stat *st);

/* check_tls.c: certificate, key and CA. */
void check_tls(struct check *c);

#endif
