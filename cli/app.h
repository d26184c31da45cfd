/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every command is given: the connection to the controller and how to print.
 */
#ifndef RECAST_CLI_APP_H
#define RECAST_CLI_APP_H

#include "command.h"
#include "error.h"

#include <stdbool.h>

struct client;

enum output_format { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME };

struct app {
	struct client *client;
	enum output_format format;
	const char *output_file; /* -o NAME.json: where plan writes; else NULL */
	bool waits;		 /* the run that is started will be followed */
};

/* Exit statuses that are no error's. */
enum { EXIT_FAILED = 1, EXIT_BAD_USAGE = 2, EXIT_TIMED_OUT = 124, EXIT_INTERRUPTED = 130 };

#endif
