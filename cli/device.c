/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona device trust|forget`: which server key a device is known by.  A key is pinned only after a person has said yes
 * to its fingerprint, or has given it, or has said that the first one is good enough.
 */
#include "app.h"
#include "arena.h"
#include "ask.h"
#include "cleanup.h"
#include "client.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed(struct app *app, const char *name, struct error *err)
{
	get_guess(app->client, "devices", name, err);
	return -1;
}

static const char *fingerprint(const json_t *trust, const char *member)
{
	return json_str(json_object_get(trust, member), "fingerprint", NULL);
}

static void show_trust(const json_t *trust)
{
	fact_member("device", trust, "device");
	fact_member("state", trust, "state");
	fact_member("presented", trust, "presented.fingerprint");
	fact_member("algorithm", trust, "presented.algorithm");
	fact_member("pinned", trust, "pinned.fingerprint");
	fact_member("pinned by", trust, "pinned.by");
}

static int confirm(const char *name, const char *shown, struct error *err)
{
	_cleanup_(freep) char *question = xasprintf("Is %s the key of %s?  Compare it at the device itself", shown, name);

	if (ask_yes(question))
		return 0;
	return error_set(err, ERROR_CONFLICT, "nothing was pinned for %s", name);
}

/* The body of the request, from the options or from the person at the terminal.  NULL with *err. */
static json_t *wish(const struct invocation *inv, const json_t *trust, struct error *err)
{
	const char *name = inv->args.items[0], *given = option_value(inv, OPTION_FINGERPRINT);
	const char *shown = fingerprint(trust, "presented");

	if (given)
		return json_pack("{s:s}", "fingerprint", given);
	if (has_option(inv, OPTION_FIRST_USE))
		return json_pack("{s:b}", "first_use", 1);
	if (!shown) {
		error_set(err, ERROR_CONFLICT, "%s has shown no key: %s", name,
			  json_str(json_object_get(trust, "error"), "text", "it answers without one"));
		error_hint(err, "Only devices that are spoken to over TLS or SSH have one.");
		return NULL;
	}
	if (!isatty(STDIN_FILENO)) {
		error_set(err, ERROR_USAGE, "there is no terminal to ask whether the key is the right one");
		error_hint(err, "Give the fingerprint that you expect with --fingerprint, or --first-use to trust what it shows.");
		return NULL;
	}
	return confirm(name, shown, err) ? NULL : json_pack("{s:s}", "fingerprint", shown);
}

static bool has_nothing_to_pin(const json_t *trust)
{
	return !strcmp(json_str(trust, "state", ""), "pinned") && json_is_null(json_object_get(trust, "error"));
}

int cmd_device_trust(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *name = inv->args.items[0];
	_cleanup_(freep) char *path = client_path("/v1/devices", name, "trust", NULL);
	json_auto_t *trust = client_get(app->client, path, err), *body = NULL, *answer = NULL;
	bool asks = !has_option(inv, OPTION_FINGERPRINT) && !has_option(inv, OPTION_FIRST_USE);

	if (!trust)
		return failed(app, name, err);
	if (asks && output_value(app, trust))
		return 0;
	if (asks)
		show_trust(trust);
	if (asks && has_nothing_to_pin(trust)) {
		say("The key of %s is pinned, and it is the one that %s shows.", name, name);
		return 0;
	}
	body = wish(inv, trust, err);
	if (!body || client_call(app->client, "PUT", path, body, false, &answer, NULL, err))
		return -1;
	if (!output_value(app, answer))
		say("%s is known by %s from now on.", name, safe(fingerprint(answer, "pinned")));
	return 0;
}

int cmd_device_forget(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *name = inv->args.items[0];
	_cleanup_(freep) char *path = client_path("/v1/devices", name, "trust", NULL);

	if (client_call(app->client, "DELETE", path, NULL, false, NULL, NULL, err))
		return failed(app, name, err);
	say("The key of %s is forgotten; nothing is sent to it until one is pinned.", name);
	return 0;
}
