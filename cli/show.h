/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fact sheets: "key:  value" lines, for what does not fit a table.
 */
#ifndef RECAST_CLI_SHOW_H
#define RECAST_CLI_SHOW_H

#include "app.h"

#include <jansson.h>

/* One aligned line. */
void fact(const char *key, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "key:  text of the member at @path", or nothing when it is absent or null. */
void fact_member(const char *key, const json_t *object, const char *path);

/* All about a run, with its steps (run.c). */
void show_run(const struct app *app, const json_t *run);

#endif
