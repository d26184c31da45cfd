/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What tokens, accounts and users are given: a role within scopes, for a time.
 */
#ifndef RECAST_CLI_GRANT_H
#define RECAST_CLI_GRANT_H

#include "app.h"

#include <jansson.h>

/* Role, scopes and expiry of the options into @body. */
int grant_put(json_t *body, const struct invocation *inv, struct error *err);
/* The table of those at @path. */
int grants_show(struct app *app, const char *path, struct error *err);

#endif
