/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona runs`, `persona run show`, `persona run cancel`.
 */
#include "app.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "follow.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "show.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct column run_columns[] = {
	{ "ID", "id" },
	{ "ACTION", "action" },
	{ "PERSONA", "persona" },
	{ "FROM", "from" },
	{ "MACHINE", "machine" },
	{ "STATE", "state", CELL_STATE },
	{ "CREATED", "created", CELL_TIME },
	{ "ENDED", "ended", CELL_TIME, true },
	{ "VOLUME", "volume", CELL_TEXT, true },
	{ "ERROR", "error.text", CELL_TEXT, true },
};

int cmd_runs(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *limit = option_value(inv, OPTION_LIMIT);
	_cleanup_(freep) char *path = NULL;
	json_auto_t *items = NULL;
	int64_t n = 20;

	if (limit && text_parse_int(limit, 1, 10000, &n))
		return error_set(err, ERROR_USAGE, "--limit takes a number from 1 to 10000");
	path = xasprintf("/v1/runs?limit=%" PRId64 "%s", n < 1000 ? n : 1000,
			 has_option(inv, OPTION_OPEN) ? "&state=open" : "");
	items = client_list(app->client, path, (size_t)n, err);
	if (!items)
		return -1;
	if (json_array_size(items) == 0 && app->format <= OUTPUT_WIDE)
		say(has_option(inv, OPTION_OPEN) ? "No run is open."
						 : "There has been no run yet.");
	table_print(app, run_columns, sizeof(run_columns) / sizeof(run_columns[0]),
		    items, "id");
	return 0;
}

static const struct column step_columns[] = {
	{ "STEP", "step" },
	{ "PHASE", "phase" },
	{ "DEVICE", "device" },
	{ "OBJECT", "object" },
	{ "STATE", "state", CELL_STATE },
	{ "SUMMARY", "summary" },
	{ "STARTED", "started", CELL_TIME, true },
	{ "ENDED", "ended", CELL_TIME, true },
};

void show_run(const struct app *app, const json_t *run)
{
	json_t *error = json_object_get(run, "error"), *steps = json_object_get(run, "steps"),
	       *step;
	const char *state = json_str(run, "state", "?");
	size_t i;

	fact("run", "%s", follow_id(run) ? follow_id(run) : "?");
	fact("action", "%s", follow_subject(run));
	fact("state", "%s%s%s", tone(stdout, tone_of_state(state)), safe(state), tone_end(stdout));
	fact("created", "%s", show_time(json_object_get(run, "created")));
	if (json_is_integer(json_object_get(run, "ended")))
		fact("ended", "%s, after %s", show_time(json_object_get(run, "ended")),
		     show_duration(json_int(run, "ended", 0) - json_int(run, "created", 0)));
	if (json_is_object(error)) {
		fact("error", "%s (%s)", safe(json_str(error, "text", "?")),
		     safe(json_str(error, "code", "?")));
		fact("try", "%s",
		     safe(json_str(error, "hint",
				   error_advice(error_by_name(json_str(error, "code", ""))))));
	}
	if (json_array_size(steps) == 0)
		return;
	json_array_foreach(steps, i, step)
		json_object_set_new(
			step, "step",
			json_integer((json_int_t)i + 1)); /* counted as the progress does */
	putchar('\n');
	table_print(app, step_columns, sizeof(step_columns) / sizeof(step_columns[0]), steps,
		    "step");
	json_array_foreach(steps, i, step) {
		error = json_object_get(step, "error");
		if (json_is_object(error))
			printf("step %zu: %s\n", i + 1, safe(json_str(error, "text", "?")));
	}
}

int cmd_run_show(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/runs", inv->args.items[0], NULL);
	json_auto_t *run = client_get(app->client, path, err);

	if (!run) {
		if (err->code == ERROR_NOT_FOUND)
			error_hint(err, "`persona runs` lists them.");
		return -1;
	}
	if (app->format == OUTPUT_NAME)
		puts(follow_id(run) ? follow_id(run) : "");
	else if (!output_value(app, run))
		show_run(app, run);
	return 0;
}

int cmd_run_cancel(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/runs", inv->args.items[0], "cancel", NULL);
	json_auto_t *run = NULL;

	if (client_call(app->client, "POST", path, NULL, false, &run, NULL, err))
		return -1;
	if (run)
		output_value(app, run);
	say("Run %s is being undone. Follow it: persona watch --run %s", inv->args.items[0],
	    inv->args.items[0]);
	return 0;
}
