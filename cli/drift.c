/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands about wiring that is not as it should be: drift, repair, sweep; and adopt, which takes over wiring
 * that others made.
 */
#include "app.h"
#include "apply.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "json.h"
#include "output.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What puts the item right, in one word or a command. */
static void add_repairs(const json_t *items)
{
	const char *impact;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)items, i, item) {
		impact = json_str(item, "impact", "none");
		json_object_set_new(item, "repair",
				    !json_bool(item, "repairable", false) ? json_string("by hand")
				    : !strcmp(impact, "none")		  ? json_string("no impact")
									  : json_string(impact));
	}
}

static json_t *unread(const json_t *devices)
{
	json_t *out = json_array(), *device;
	size_t i;

	json_array_foreach((json_t *)devices, i, device)
		if (json_is_object(json_object_get(device, "error")))
			json_array_append(out, device);
	return out;
}

static void show_section(const struct app *app, const char *title, const struct column *columns, size_t n,
			 const json_t *items)
{
	if (!json_array_size(items))
		return;
	printf("%s%s%s\n", tone(stdout, TONE_BOLD), title, tone_end(stdout));
	table_print(app, columns, n, items, "object");
}

static void show_drift(const struct app *app, const json_t *answer)
{
	static const struct column drift[] = { { "PERSONA", "persona" },       { "MACHINE", "machine", CELL_TEXT, true },
					       { "DEVICE", "device" },	       { "SINCE", "since", CELL_TIME },
					       { "REPAIR", "repair" },	       { "WHAT", "summary" } };
	static const struct column orphans[] = { { "DEVICE", "device" }, { "WHAT", "summary" } };
	static const struct column devices[] = { { "DEVICE", "device" }, { "LAST READ", "read_at", CELL_TIME },
						 { "WHY", "error.text" } };
	json_auto_t *silent = unread(json_object_get(answer, "devices"));
	const json_t *items = json_object_get(answer, "items"), *lost = json_object_get(answer, "orphans");

	add_repairs(items);
	if (app->format == OUTPUT_NAME) {
		table_print(app, drift, 6, items, "persona");
		return;
	}
	if (json_array_size(items))
		table_print(app, drift, 6, items, "persona");
	else
		puts("No drift: every device that was read is as wired.");
	show_section(app, "\nMarked by Recast, and nobody's (persona sweep):", orphans, 2, lost);
	show_section(app, "\nNot read:", devices, 3, silent);
}

int cmd_drift(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *persona = inv->args.n ? inv->args.items[0] : NULL;
	_cleanup_(freep) char *path = xasprintf("/v1/drift%s%s%s", has_option(inv, OPTION_NOW) ? "/check" : "",
						persona ? "?persona=" : "", persona ? persona : "");
	json_auto_t *answer = NULL;

	if (persona && !text_is_name(persona))
		return error_set(err, ERROR_USAGE, "`%s` is not the name of a persona", persona);
	if (client_call(app->client, has_option(inv, OPTION_NOW) ? "POST" : "GET", path, NULL, false, &answer, NULL, err))
		return -1;
	if (!output_value(app, answer))
		show_drift(app, answer);
	return json_array_size(json_object_get(answer, "items")) ? 1 : 0;
}

int cmd_repair(struct app *app, const struct invocation *inv, struct error *err)
{
	return start_run(app, inv, "POST", "/v1/runs", wish("repair", inv->args.items[0], NULL, NULL, NULL), err);
}

static int show_sweep(struct app *app, json_t *body, struct error *err)
{
	json_auto_t *request = body, *plan = NULL;

	if (client_call(app->client, "POST", "/v1/plans", request, false, &plan, NULL, err))
		return -1;
	if (output_value(app, plan))
		return 0;
	if (!json_array_size(json_object_get(plan, "steps"))) {
		puts("Nothing to sweep: all that Recast has marked belongs to a persona.");
		return 0;
	}
	show_plan(app, plan);
	say("Next: persona sweep --wait");
	return 0;
}

int cmd_sweep(struct app *app, const struct invocation *inv, struct error *err)
{
	json_t *body = json_pack("{s:s}", "action", "sweep");

	return has_option(inv, OPTION_DRY_RUN) ? show_sweep(app, body, err) : start_run(app, inv, "POST", "/v1/runs", body, err);
}

static int show_differences(const json_t *differences, const char *persona, const char *machine, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(differences, i, item)
		printf("%s~%s %s: %s\n", tone(stdout, TONE_WARN), tone_end(stdout), safe(json_str(item, "device", "")),
		       safe(json_str(item, "summary", "")));
	error_set(err, ERROR_CONFLICT, "%s is not wired as %s; nothing was changed", machine, persona);
	return error_hint(err, "Change the persona, or the wiring, until nothing differs.");
}

static int look(struct app *app, json_t *body, const char *persona, const char *machine, struct error *err)
{
	json_auto_t *request = body, *plan = NULL;
	const json_t *differences;

	if (client_call(app->client, "POST", "/v1/plans", request, false, &plan, NULL, err))
		return -1;
	if (output_value(app, plan))
		return 0;
	differences = json_object_get(plan, "differences");
	if (json_array_size(differences))
		return show_differences(differences, persona, machine, err);
	show_plan(app, plan);
	printf("%s is wired as %s. Taking it over only marks it; nothing is changed yet.\n", machine, persona);
	say("Next: persona adopt %s --on %s --take --wait", persona, machine);
	return 0;
}

int cmd_adopt(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *on = option_value(inv, OPTION_ON), *persona = inv->args.items[0];
	json_t *body;

	if (!on) {
		error_set(err, ERROR_USAGE, "`adopt` needs --on MACHINE: where does %s run?", persona);
		return error_hint(err, "persona adopt %s --on node4", persona);
	}
	body = wish("adopt", persona, NULL, on, NULL);
	return has_option(inv, OPTION_TAKE) ? start_run(app, inv, "POST", "/v1/runs", body, err) : look(app, body, persona, on, err);
}
