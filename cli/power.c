/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona power on|off|soft|status MACHINE…`.
 */
#include "app.h"
#include "apply.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "follow.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

static const struct column power_columns[] = {
	{ "MACHINE", "machine" },
	{ "POWER", "power", CELL_STATE },
	{ "READ", "read_at", CELL_TIME },
	{ "ERROR", "error.text" },
};

static int power_status(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *items = json_array();
	int i;

	for (i = 1; i < inv->args.n; i++) {
		_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[i],
							  "power", NULL);
		json_t *answer = client_get(app->client, path, err);

		if (!answer) {
			get_guess(app->client, "machines", inv->args.items[i], err);
			return -1;
		}
		json_array_append_new(items, answer);
	}
	if (app->format == OUTPUT_NAME) {
		for (i = 0; i < (int)json_array_size(items); i++)
			puts(json_str(json_array_get(items, (size_t)i), "power", "unknown"));
		return 0;
	}
	table_print(app, power_columns, sizeof(power_columns) / sizeof(power_columns[0]), items,
		    "machine");
	return 0;
}

/* Show an error that does not stop the rest, and make it a status. */
static int shown(struct error *err)
{
	say_error(err);
	return error_exit(err->code);
}

int cmd_power(struct app *app, const struct invocation *inv, struct error *err)
{
	int64_t wait_ms = follow_wait_option(inv, err);
	const char *wanted = inv->args.items[0];
	int i, rc, worst = 0;
	char **ids;

	if (!strcmp(wanted, "status"))
		return power_status(app, inv, err);
	if (wait_ms == -2)
		return -1;
	app->waits = wait_ms >= 0;
	ids = xcalloc((size_t)inv->args.n, sizeof(*ids));
	for (i = 1; i < inv->args.n; i++) { /* all at once, then wait for each */
		_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[i],
							  "power", NULL);

		if (start_only(app, "POST", path, json_pack("{s:s}", "power", wanted), &ids[i], err)) {
			get_guess(app->client, "machines", inv->args.items[i], err);
			worst = shown(err);
		}
	}
	for (i = 1; i < inv->args.n; i++) {
		rc = ids[i] && app->waits && worst != EXIT_INTERRUPTED
			     ? follow_to_end(app, ids[i], wait_ms, err)
			     : 0;
		if (rc)
			worst = rc < 0 ? shown(err) : rc;
		free(ids[i]);
	}
	free(ids);
	return worst;
}
