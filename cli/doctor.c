/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona doctor`: the controller's own checks, with what to do about each that failed.
 */
#include "app.h"
#include "client.h"
#include "json.h"
#include "output.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

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

int cmd_doctor(struct app *app, const struct invocation *inv, struct error *err)
{
	static const struct column columns[] = { { "STATE", "state", CELL_STATE },
						 { "CHECK", "name" },
						 { "OBJECT", "object" },
						 { "RESULT", "text" } };
	json_auto_t *answer = client_get(app->client, "/v1/doctor", err);
	bool ok = json_bool(answer, "ok", false);

	(void)inv;
	if (!answer)
		return -1;
	if (!output_value(app, answer)) {
		table_print(app, columns, 4, json_object_get(answer, "checks"), "name");
		show_hints(json_object_get(answer, "checks"));
	}
	say(ok ? "All is well." : "Not all is well.");
	return ok ? 0 : EXIT_FAILED;
}
