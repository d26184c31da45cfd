/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona secret set|list|delete`.  A secret comes from the terminal, a file or standard input,
 * never from argv or the environment; memory that held it is wiped, and this process leaves no core
 * file.
 */
#include "app.h"
#include "arena.h"
#include "ask.h"
#include "cleanup.h"
#include "client.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *place_of(const struct invocation *inv, struct error *err)
{
	const char *file = option_value(inv, OPTION_FILE);

	if (inv->args.n > 1 && strcmp(inv->args.items[1], "-") != 0) {
		error_set(err, ERROR_USAGE,
			  "a secret is never taken from the command line, where others can see it");
		error_hint(err, "leave it out to be asked for it, or use --file FILE, or - "
				"for standard input.");
	} else if (inv->args.n > 1 && file) {
		error_set(err, ERROR_USAGE,
			  "--file and - are two places to read from: give one of them");
	}
	return inv->args.n > 1 ? "-" : file;
}

int cmd_secret_set(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/secrets", inv->args.items[0], NULL),
			      *prompt = xasprintf("Secret %s", inv->args.items[0]);
	const char *file = place_of(inv, err);
	json_auto_t *body = NULL;

	ask_begin();
	if (!err->code)
		body = json_object();
	if (!body || ask_into(body, "value", prompt, file, true, err) ||
	    client_call(app->client, "PUT", path, body, false, NULL, NULL, err))
		return -1;
	say("Secret %s is stored.", inv->args.items[0]);
	return 0;
}

static int rotate_key(struct app *app, bool tokens, struct error *err)
{
	json_auto_t *body = json_pack("{s:b}", "tokens", tokens), *answer = NULL;

	if (client_call(app->client, "POST", "/v1/key/rotate", body, false, &answer, NULL, err))
		return -1;
	if (output_value(app, answer))
		return 0;
	say("There is a new master key, and every secret is encrypted under it. Keep a copy of the key file.");
	if (tokens)
		say("%" PRId64 " tokens have ended; the audit is signed with the key %s from now on.",
		    json_int(answer, "tokens_ended", 0), json_str(answer, "signing_key", ""));
	return 0;
}

int cmd_secret_rotate(struct app *app, const struct invocation *inv, struct error *err)
{
	int i;

	if (!inv->args.n)
		return rotate_key(app, has_option(inv, OPTION_TOKENS), err);
	if (has_option(inv, OPTION_TOKENS))
		return error_set(err, ERROR_USAGE, "--tokens belongs to the master key: leave the names out");
	for (i = 0; i < inv->args.n; i++) {
		_cleanup_(freep) char *path = client_path("/v1/secrets", inv->args.items[i], "rotate", NULL);
		json_auto_t *answer = NULL;

		if (client_call(app->client, "POST", path, NULL, false, &answer, NULL, err))
			return -1;
		say("%s has a new password.", json_str(answer, "device", "the device"));
	}
	return 0;
}

int cmd_secret_list(struct app *app, const struct invocation *inv, struct error *err)
{
	static const struct column columns[] = { { "NAME", "name" },
						 { "CHANGED", "changed", CELL_TIME } };
	json_auto_t *answer = client_get(app->client, "/v1/secrets", err);

	(void)inv;
	if (!answer)
		return -1;
	table_print(app, columns, 2, json_object_get(answer, "items"), "name");
	return 0;
}
