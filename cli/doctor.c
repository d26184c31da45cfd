/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona doctor`: the controller's own checks in groups, the worst first, what to do about each that is not well, and
 * how many there are of each kind.
 */
#include "app.h"
#include "client.h"
#include "json.h"
#include "output.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

static const char *const states[] = { "fail", "warn", "ok" }; /* in the order of showing */
enum { FAIL, WARN, OK, STATES };

static bool is_in(const json_t *check, const char *group, const char *state)
{
	return !strcmp(json_str(check, "group", "controller"), group) && !strcmp(json_str(check, "state", ""), state);
}

static size_t count(const json_t *checks, const char *state)
{
	const json_t *check;
	size_t i, n = 0;

	json_array_foreach(checks, i, check)
		n += !strcmp(json_str(check, "state", ""), state);
	return n;
}

/* The checks of a group, the worst first. */
static json_t *of_group(const json_t *checks, const char *group)
{
	json_t *out = json_array(), *check;
	size_t i, k;

	for (k = 0; k < STATES; k++)
		json_array_foreach(checks, i, check)
			if (is_in(check, group, states[k]))
				json_array_append(out, check);
	return out;
}

static void show_hints(const json_t *checks)
{
	json_t *check;
	size_t i;

	json_array_foreach(checks, i, check) {
		const char *hint = json_str(check, "hint", "");

		if (strcmp(json_str(check, "state", "ok"), "ok") != 0 && *hint)
			say("  %s %s: %s", safe(json_str(check, "name", "?")),
			    safe(json_str(check, "object", "")), safe(hint));
	}
}

static void show_group(const struct app *app, const char *group, const json_t *checks)
{
	static const struct column columns[] = { { "STATE", "state", CELL_STATE },
						 { "CHECK", "name" },
						 { "OBJECT", "object" },
						 { "RESULT", "text" } };
	json_auto_t *mine = of_group(checks, group);

	if (!json_array_size(mine))
		return;
	if (app->format != OUTPUT_NAME)
		printf("%s:\n", group);
	table_print(app, columns, 4, mine, "name");
	fflush(stdout);
	show_hints(mine);
}

int cmd_doctor(struct app *app, const struct invocation *inv, struct error *err)
{
	static const char *const groups[] = { "controller", "site", "devices" };
	json_auto_t *answer = client_get(app->client, "/v1/doctor", err);
	const json_t *checks = json_object_get(answer, "checks");
	bool ok = json_bool(answer, "ok", false);
	size_t i;

	(void)inv;
	if (!answer)
		return -1;
	if (!output_value(app, answer))
		for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
			show_group(app, groups[i], checks);
	say("%zu checks are ok, %zu to be looked at, %zu failed.  %s", count(checks, states[OK]), count(checks, states[WARN]),
	    count(checks, states[FAIL]), ok ? "All is well." : "Not all is well.");
	return ok ? 0 : EXIT_FAILED;
}
