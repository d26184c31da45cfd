/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tables on stdout, by libsmartcols, and the columns of JSON objects that fill them.
 */
#ifndef RECAST_CLI_TABLE_H
#define RECAST_CLI_TABLE_H

#include "app.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum cell { CELL_TEXT, CELL_STATE, CELL_BYTES, CELL_TIME, CELL_DURATION, CELL_LIST, CELL_COUNT };

struct column {
	const char *header;
	const char *path; /* "bmc.address" within the object */
	enum cell cell;
	bool wide; /* only with -o wide */
};

/* Print @items (an array of objects) as a table, or as json, yaml or names as @app says.  @name is
 * the member that -o name prints. */
void table_print(const struct app *app, const struct column *columns, size_t n, const json_t *items,
		 const char *name);

/* The member at a dotted path; NULL when there is none. */
json_t *table_member(const json_t *object, const char *path);

#endif
