/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast.conf (orchestrator/config.c), line by line: a line is taken or complained about, and what was taken stays as
 * it is when it is said again.
 */
#include "fuzz.h"

#include "../../orchestrator/config.h"

FUZZ_TARGET

static void fuzz(const char *bytes, size_t len)
{
	struct config config = { 0 };
	struct error err = { 0 };
	char *line;

	config_init(&config);
	while (len) {
		line = fuzz_piece(&bytes, &len);
		error_clear(&err);
		if (config_set(&config, line, &err))
			fuzz_check_error(&err);
		else
			fuzz_assert(strchr(line, '=') && !config_set(&config, line, &err));
		free(line);
	}
	config_fini(&config);
}
