/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands about one machine: health, identify, fence confirm, machine return.
 */
#include "app.h"
#include "apply.h"
#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "show.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>

/* A request about the machine failed; perhaps its name was a slip. */
static int no_machine(struct app *app, const struct invocation *inv, struct error *err)
{
	get_guess(app->client, "machines", inv->args.items[0], err);
	return -1;
}

static void show_health(const struct app *app, const json_t *health)
{
	static const struct column sensors[] = { { "SENSOR", "name" },
						 { "VALUE", "value" },
						 { "UNIT", "unit" },
						 { "STATE", "state", CELL_STATE } };
	static const struct column events[] = { { "TIME", "time", CELL_TIME },
						{ "SENSOR", "sensor" },
						{ "EVENT", "text" } };
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(health, "identity"), key, value)
		fact_member(key, json_object_get(health, "identity"), key);
	if (json_array_size(json_object_get(health, "sensors"))) {
		putchar('\n');
		table_print(app, sensors, 4, json_object_get(health, "sensors"), "name");
	}
	if (json_array_size(json_object_get(health, "sel"))) {
		putchar('\n');
		table_print(app, events, 3, json_object_get(health, "sel"), "text");
	}
}

int cmd_health(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[0], "health",
						  NULL);
	json_auto_t *health = client_get(app->client, path, err);

	if (!health)
		return no_machine(app, inv, err);
	if (!output_value(app, health))
		show_health(app, health);
	return 0;
}

int cmd_identify(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[0], "identify",
						  NULL);
	const char *value = option_value(inv, OPTION_FOR);
	int64_t ms = value ? clock_parse_duration_ms(value) : 15000;
	json_auto_t *body = NULL;

	if (ms < 1000 || ms > 255000)
		return error_set(err, ERROR_USAGE, "--for takes a duration from 1s to 255s");
	body = json_pack("{s:I}", "seconds", (json_int_t)(ms / 1000));
	if (client_call(app->client, "POST", path, body, false, NULL, NULL, err))
		return no_machine(app, inv, err);
	say("%s shows its light for %" PRId64 " s.", inv->args.items[0], ms / 1000);
	return 0;
}

int cmd_fence_confirm(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[0], "fence", NULL);
	const char *because = option_value(inv, OPTION_BECAUSE);
	json_auto_t *body = NULL;

	if (!because) {
		error_set(err, ERROR_USAGE, "--because is missing: how do you know that %s is off?", inv->args.items[0]);
		return error_hint(err, "For instance: --because \"both power cords are pulled\"");
	}
	body = json_pack("{s:s}", "because", because);
	if (client_call(app->client, "POST", path, body, false, NULL, NULL, err))
		return no_machine(app, inv, err);
	say("%s counts as off by your word, and is quarantined until `persona machine return %s`.", inv->args.items[0],
	    inv->args.items[0]);
	return 0;
}

int cmd_machine_return(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/machines", inv->args.items[0], "return",
						  NULL);
	int rc = start_run(app, inv, "POST", path, json_object(), err);

	return rc == -1 && err->code == ERROR_NOT_FOUND ? no_machine(app, inv, err) : rc;
}
