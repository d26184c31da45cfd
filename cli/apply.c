/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands that start a run on a persona: apply, move, swap, release; and `delete persona`.
 */
#include "apply.h"

#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "follow.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_FILE_MAX = 1024 * 1024 };

json_t *wish(const char *action, const char *persona, const char *with, const char *machine,
	     const char *group)
{
	json_t *body = json_object();

	json_object_set_new(body, "action", json_string(action));
	json_object_set_new(body, "persona", json_string(persona));
	if (with)
		json_object_set_new(body, "with", json_string(with));
	if (machine)
		json_object_set_new(body, "machine", json_string(machine));
	if (group)
		json_object_set_new(body, "group", json_string(group));
	return body;
}

int start_only(struct app *app, const char *method, const char *path, json_t *body, char **id, struct error *err)
{
	json_auto_t *request = body, *run = NULL;

	*id = NULL;
	if (client_call(app->client, method, path, request, true, &run, NULL, err))
		return -1;
	if (!follow_id(run)) {
		say("%s",
		    safe(json_str(run, "message", "There is nothing to do: it is so already.")));
		output_value(app, run);
		return 0;
	}
	*id = xstrdup(follow_id(run));
	if (app->format != OUTPUT_JSON && app->format != OUTPUT_YAML)
		printf("%s\n", *id);
	fflush(stdout);
	if (!app->waits)
		output_value(app, run);
	if (!app->waits && app->format != OUTPUT_NAME)
		say("Run %s: %s. Follow it: persona watch --run %s", *id, follow_subject(run), *id);
	return 0;
}

int start_run(struct app *app, const struct invocation *inv, const char *method, const char *path, json_t *body,
	      struct error *err)
{
	int64_t wait_ms = follow_wait_option(inv, err);
	_cleanup_(freep) char *id = NULL;

	app->waits = wait_ms >= 0;
	if (wait_ms == -2) {
		json_decref(body);
		return -1;
	}
	if (start_only(app, method, path, body, &id, err))
		return -1;
	return id && app->waits ? follow_to_end(app, id, wait_ms, err) : 0;
}

int follow_to_end(struct app *app, const char *id, int64_t within_ms, struct error *err)
{
	json_auto_t *run = NULL;
	int rc = follow_run(app, id, within_ms, &run, err);

	if (run)
		output_value(app, run);
	return rc;
}

json_t *read_plan(const char *file, struct error *err)
{
	size_t len;
	char *bytes = text_read_file(!strcmp(file, "-") ? "/dev/stdin" : file, PLAN_FILE_MAX, &len);
	json_t *plan, *body;

	if (!bytes) {
		error_set(err, ERROR_NOT_FOUND, "%s: %s", file, strerror(errno));
		error_hint(err, "write one with `persona plan NAME --on MACHINE -o plan.json`.");
		return NULL;
	}
	plan = json_decode(bytes, len, err);
	free(bytes);
	if (!plan || !json_str(plan, "id", NULL) || !json_object_get(plan, "steps")) {
		error_set(err, ERROR_INVALID, "%s is not a plan", file);
		error_hint(err, "write one with `persona plan NAME --on MACHINE -o plan.json`.");
		json_decref(plan);
		return NULL;
	}
	body = json_object();
	json_object_set_new(body, "plan", plan);
	return body;
}

int cmd_apply(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *on = option_value(inv, OPTION_ON), *group = option_value(inv, OPTION_GROUP);
	const char *file = option_value(inv, OPTION_PLAN);
	const char *leaves = option_value(inv, OPTION_REPLACE);
	json_t *body;

	if (file && (inv->args.n || on || group || leaves))
		return error_set(err, ERROR_USAGE,
				 "--plan stands alone: persona, machine and group are in the plan");
	if (!file && inv->args.n == 0) {
		error_set(err, ERROR_USAGE, "`apply` needs a persona, or --plan FILE");
		return error_hint(err, "persona apply web --on node4");
	}
	if (on && group)
		return error_set(err, ERROR_USAGE,
				 "--on names one machine, --group lets Recast choose: give one of "
				 "them");
	if (leaves && !on)
		return error_set(err, ERROR_USAGE, "--replace goes with --on MACHINE");
	body = file ? read_plan(file, err) : wish("apply", inv->args.items[0], leaves, on, group);
	return body ? start_run(app, inv, "POST", "/v1/runs", body, err) : -1;
}

int cmd_move(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *to = option_value(inv, OPTION_TO);

	if (!to) {
		error_set(err, ERROR_USAGE, "`move` needs --to MACHINE");
		return error_hint(err, "persona move %s --to node5", inv->args.items[0]);
	}
	return start_run(app, inv, "POST", "/v1/runs",
			 wish("move", inv->args.items[0], option_value(inv, OPTION_REPLACE), to, NULL), err);
}

json_t *wish_swap(const struct values *personas)
{
	json_t *body = wish("swap", personas->items[0], personas->items[1], NULL, NULL), *with;
	int i;

	if (personas->n == 2)
		return body;
	with = json_array();
	for (i = 1; i < personas->n; i++)
		json_array_append_new(with, json_string(personas->items[i]));
	json_object_set_new(body, "with", with);
	return body;
}

int cmd_swap(struct app *app, const struct invocation *inv, struct error *err)
{
	return start_run(app, inv, "POST", "/v1/runs", wish_swap(&inv->args), err);
}

int cmd_release(struct app *app, const struct invocation *inv, struct error *err)
{
	return start_run(app, inv, "POST", "/v1/runs",
			 wish("release", inv->args.items[0], NULL, NULL, NULL), err);
}
