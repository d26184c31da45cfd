/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona status`, `persona version`, `persona backup`: the controller itself.
 */
#include "app.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "config.h"
#include "json.h"
#include "output.h"
#include "show.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_status(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *status = client_get(app->client, "/v1/status", err);
	json_t *counters, *value;
	const char *key;

	(void)inv;
	if (!status)
		return -1;
	if (output_value(app, status))
		return 0;
	fact_member("site", status, "site");
	fact_member("version", status, "version");
	fact("up", "%s (pid %" PRId64 ")", show_duration(json_int(status, "uptime_ms", 0)),
	     json_int(status, "pid", 0));
	fact_member("epoch", status, "epoch");
	fact_member("machines", status, "machines");
	fact_member("personas", status, "personas");
	fact_member("runs open", status, "runs_open");
	counters = json_object_get(status, "counters");
	if (app->format == OUTPUT_WIDE)
		json_object_foreach(counters, key, value)
			fact_member(key, counters, key);
	return 0;
}

int cmd_version(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *status = client_get(app->client, "/v1/status", err);

	(void)inv;
	printf("persona %s\n", PACKAGE_VERSION);
	if (status)
		printf("recastd %s\n", safe(json_str(status, "version", "?")));
	else
		say("recastd: no answer on %s", client_name(app->client));
	return 0;
}

int cmd_backup(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *file = inv->args.items[0];
	json_auto_t *body = NULL, *answer = NULL;
	_cleanup_(freep) char *path = NULL;
	char cwd[PATH_MAX];

	if (file[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return error_set(err, ERROR_USAGE, "the present directory has no name: %s",
				 strerror(errno));
	path = file[0] == '/' ? xstrdup(file) : xasprintf("%s/%s", cwd, file);
	body = json_pack("{s:s}", "path", path);
	if (!body)
		return error_set(err, ERROR_USAGE, "the file name is not UTF-8");
	if (client_call(app->client, "POST", "/v1/backup", body, false, &answer, NULL, err))
		return -1;
	if (!output_value(app, answer))
		printf("%s\n", safe(json_str(answer, "path", path)));
	say("The backup has %" PRId64 " bytes.", json_int(answer, "bytes", 0));
	return 0;
}
