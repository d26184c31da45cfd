/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands that make the controller forget things by their names.  The first that fails ends the command; those before
 * it are gone.
 */
#include "app.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "get.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

/* DELETE each argument in /v1/@collection; what is told then is @before, the name, @after. */
static int each(struct app *app, const struct invocation *inv, const char *collection, const char *before, const char *after,
		struct error *err)
{
	_cleanup_(freep) char *base = xasprintf("/v1/%s", collection);
	int i;

	for (i = 0; i < inv->args.n; i++) {
		const char *name = inv->args.items[i];
		_cleanup_(freep) char *path = client_path(base, name, NULL);

		if (client_call(app->client, "DELETE", path, NULL, false, NULL, NULL, err)) {
			get_guess(app->client, collection, name, err);
			return -1;
		}
		say("%s%s%s", before, name, after);
	}
	return 0;
}

int cmd_delete(struct app *app, const struct invocation *inv, struct error *err)
{
	return each(app, inv, "personas", "Persona ", " is forgotten.", err);
}

int cmd_delete_template(struct app *app, const struct invocation *inv, struct error *err)
{
	return each(app, inv, "templates", "Template ", " is forgotten.", err);
}

int cmd_secret_delete(struct app *app, const struct invocation *inv, struct error *err)
{
	return each(app, inv, "secrets", "Secret ", " is forgotten.", err);
}

int cmd_token_revoke(struct app *app, const struct invocation *inv, struct error *err)
{
	return each(app, inv, "tokens", "Token ", " opens nothing any more.", err);
}

int cmd_user_remove(struct app *app, const struct invocation *inv, struct error *err)
{
	return each(app, inv, "users", "", " may log in no more; his sessions have ended.", err);
}
