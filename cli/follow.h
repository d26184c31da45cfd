/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Following a run to its end, and saying in one sentence how it ended.
 */
#ifndef RECAST_CLI_FOLLOW_H
#define RECAST_CLI_FOLLOW_H

#include "app.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Show the progress of run @id on stderr until it ends (or @within_ms has passed; 0: no limit).
 * Returns 0 when it is done; -1 with ERROR_ROLLED_BACK, ERROR_QUARANTINED or ERROR_TIMEOUT;
 * EXIT_INTERRUPTED when the person pressed Ctrl-C.  *last (may be NULL) is the run as last seen, a
 * new reference. */
int follow_run(struct app *app, const char *id, int64_t within_ms, json_t **last,
	       struct error *err);

/* --wait as milliseconds: -1 when not given, 0 without limit, -2 with *err when malformed. */
int64_t follow_wait_option(const struct invocation *inv, struct error *err);

bool follow_has_ended(const char *state);

/* The id of a run as text, in a static buffer; NULL when @run has none. */
const char *follow_id(const json_t *run);

/* "apply web on node4": what a run is about, in a static buffer. */
const char *follow_subject(const json_t *run);

/* The summary of one step, in a static buffer; device and object when it has none. */
const char *follow_step(const json_t *step);

/* From now on Ctrl-C sets a flag instead of ending the process. */
void follow_catch_interrupt(void);
bool follow_is_interrupted(void);

#endif
