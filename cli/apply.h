/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wishes: the bodies that `plan` and the commands that start runs have in common, and starting a
 * run.
 */
#ifndef RECAST_CLI_APPLY_H
#define RECAST_CLI_APPLY_H

#include "app.h"

#include <jansson.h>
#include <stdint.h>

/* {action, persona, with?, machine?, group?}; NULLs are left out. */
json_t *wish(const char *action, const char *persona, const char *with, const char *machine,
	     const char *group);

/* Of two personas or more. */
struct values;
json_t *wish_swap(const struct values *personas);

/* {plan: …} from a file that `persona plan -o FILE` saved, or NULL. */
json_t *read_plan(const char *file, struct error *err);

/* Print the steps of a plan, phase by phase (plan.c). */
void show_plan(const struct app *app, const json_t *plan);

/* Send @body (taken over; or NULL) to @path by @method, print the id of the run, and with --wait follow it.  Returns
 * what the command returns. */
int start_run(struct app *app, const struct invocation *inv, const char *method, const char *path, json_t *body,
	      struct error *err);

/* The two halves of start_run().  start_only() takes @body over and gives the id of the run in *id,
 * to be freed, or NULL when there was nothing to do. */
int start_only(struct app *app, const char *method, const char *path, json_t *body, char **id, struct error *err);
int follow_to_end(struct app *app, const char *id, int64_t within_ms, struct error *err);

#endif
