/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands about people: login, logout, passwd, user.  What logging in gives is kept like any token of a context.
 */
#include "app.h"
#include "arena.h"
#include "ask.h"
#include "cleanup.h"
#include "client.h"
#include "context.h"
#include "grant.h"
#include "json.h"
#include "output.h"
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whom to log in as: named, or as at this host. */
static const char *user_of(const struct invocation *inv)
{
	const char *user = inv->args.n ? inv->args.items[0] : getenv("USER");

	return user && *user ? user : "root";
}

int cmd_login(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *user = user_of(inv);
	_cleanup_(freep) char *prompt = xasprintf("Password of %s", user);
	json_auto_t *body = NULL, *session = NULL;

	if (!client_is_far(app->client)) {
		error_set(err, ERROR_USAGE, "the socket of this host takes you for whom you are; nobody logs in there");
		return error_hint(err, "name a context: persona --context NAME login");
	}
	ask_begin();
	body = json_pack("{s:s}", "user", user);
	if (ask_into(body, "password", prompt, option_value(inv, OPTION_FILE), false, err) ||
	    client_call(app->client, "POST", "/v1/login", body, false, &session, NULL, err) ||
	    session_save(inv, json_str(session, "token", ""), err))
		return -1;
	say("You are %s, %s, until %s.", user, json_str(session, "role", "?"), show_time(json_object_get(session, "expires")));
	return 0;
}

int cmd_logout(struct app *app, const struct invocation *inv, struct error *err)
{
	struct error gone = { 0 };

	if (!client_is_far(app->client))
		return error_set(err, ERROR_USAGE, "nobody logs in at the socket of this host");
	/* A session that has ended by itself is as good. */
	if (client_call(app->client, "POST", "/v1/logout", NULL, false, NULL, NULL, &gone) && gone.code != ERROR_UNAUTHENTICATED) {
		*err = gone;
		return -1;
	}
	session_forget(inv);
	say("You are logged out.");
	return 0;
}

int cmd_passwd(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *body = NULL;

	(void)inv;
	if (!client_is_far(app->client))
		return error_set(err, ERROR_USAGE, "nobody logs in at the socket of this host, so there is no password to change");
	ask_begin();
	body = json_object();
	if (ask_into(body, "old", "Password until now", NULL, false, err) || ask_into(body, "new", "New password", NULL, true, err) ||
	    client_call(app->client, "POST", "/v1/password", body, false, NULL, NULL, err))
		return -1;
	say("Changed. Your sessions have ended: log in again.");
	return 0;
}

static bool is_there(struct app *app, const char *name)
{
	json_auto_t *answer = client_get(app->client, "/v1/users", NULL);
	const json_t *user;
	size_t i;

	json_array_foreach(json_object_get(answer, "items"), i, user)
		if (!strcmp(json_str(user, "name", ""), name))
			return true;
	return false;
}

int cmd_user_set(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *name = inv->args.items[0], *file = option_value(inv, OPTION_FILE);
	_cleanup_(freep) char *path = client_path("/v1/users", name, NULL), *prompt = xasprintf("Password of %s", name);
	json_auto_t *body = NULL, *user = NULL;
	bool has_password = file || has_option(inv, OPTION_PASSWORD) || !is_there(app, name);

	ask_begin();
	body = json_object();
	if (grant_put(body, inv, err) || (has_password && ask_into(body, "password", prompt, file, true, err)) ||
	    client_call(app->client, "PUT", path, body, false, &user, NULL, err))
		return -1;
	if (!output_value(app, user))
		say("%s may log in as %s.%s", name, json_str(user, "role", ""), has_password ? "" : " The password stays.");
	return 0;
}

int cmd_user_list(struct app *app, const struct invocation *inv, struct error *err)
{
	(void)inv;
	return grants_show(app, "/v1/users", err);
}
