/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona power on|off|soft|status MACHINE…`.
 */
#include "app.h"
#include "apply.h"
#include "cleanup.h"
#include "client.h"
#include "json.h"
#include "output.h"
#include "table.h"

#include <string.h>

static const struct column power_columns[] = {
	{ "MACHINE", "machine" }, { "POWER", "power", CELL_STATE }, { "READ", "read_at", CELL_TIME },
	{ "ERROR", "error.text" },
};

static int power_status(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *items = json_array();
	int i;

	for (i = 1; i < inv->args.n; i++) {
		_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[i], "power", NULL);
		json_t *answer = client_get(app->client, path, err);

		if (!answer)
			return -1;
		json_array_append_new(items, answer);
	}
	if (app->format == OUTPUT_NAME) {
		for (i = 0; i < (int)json_array_size(items); i++)
			puts(json_str(json_array_get(items, (size_t)i), "power", "unknown"));
		return 0;
	}
	table_print(app, power_columns, sizeof(power_columns) / sizeof(power_columns[0]), items, "machine");
	return 0;
}

int cmd_power(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *wanted = inv->args.items[0];
	int i, rc, worst = 0;

	if (!strcmp(wanted, "status"))
		return power_status(app, inv, err);
	for (i = 1; i < inv->args.n; i++) {
		_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[i], "power", NULL);

		rc = start_run(app, inv, path, json_pack("{s:s}", "power", wanted), err);
		if (rc < 0 && i + 1 < inv->args.n) { /* the others are still asked for */
			say_error(err);
			rc = error_exit(err->code);
		}
		if (rc < 0)
			return rc;
		worst = rc ? rc : worst;
	}
	return worst;
}
