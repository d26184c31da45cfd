/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona get KIND [NAME]`: one table that says for each kind where it is and which columns it
 * has.
 */
#include "get.h"

#include "app.h"
#include "cleanup.h"
#include "json.h"
#include "output.h"
#include "table.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct kind {
	const char *plural, *singular;
	const char *path;
	bool has_one;	  /* there is also GET path/{name} */
	const char *name; /* the member that names an item */
	struct column columns[10];
};

static const struct kind kinds[] = {
	{ "machines",
	  "machine",
	  "/v1/machines",
	  true,
	  "name",
	  { { "NAME", "name" },
	    { "STATE", "state", CELL_STATE },
	    { "PERSONA", "persona" },
	    { "ARCH", "arch" },
	    { "CORES", "cores" },
	    { "MEMORY", "memory_bytes", CELL_BYTES },
	    { "BMC", "bmc.address" },
	    { "GROUPS", "groups", CELL_LIST, true },
	    { "RUN", "run", CELL_TEXT, true },
	    { "UUID", "uuid", CELL_TEXT, true } } },
	{ "personas",
	  "persona",
	  "/v1/personas",
	  true,
	  "name",
	  { { "NAME", "name" },
	    { "STATE", "state", CELL_STATE },
	    { "MACHINE", "machine" },
	    { "BOOT", "boot.method" },
	    { "FROM", "from" },
	    { "GENERATION", "generation", CELL_TEXT, true },
	    { "RUN", "run", CELL_TEXT, true } } },
	{ "networks",
	  "network",
	  "/v1/networks",
	  false,
	  "name",
	  { { "NAME", "name" }, { "VLAN", "vlan" }, { "SUBNET", "subnet" }, { "POOL", "pool" } } },
	{ "groups",
	  "group",
	  "/v1/groups",
	  false,
	  "name",
	  { { "NAME", "name" }, { "MACHINES", "machines", CELL_LIST }, { "SPARES", "spares" } } },
	{ "devices",
	  "device",
	  "/v1/devices",
	  true,
	  "name",
	  { { "NAME", "name" },
	    { "CLASS", "class" },
	    { "DRIVER", "driver" },
	    { "STATE", "state", CELL_STATE },
	    { "QUEUED", "queued" },
	    { "INFLIGHT", "inflight" },
	    { "TRUST", "trust.state", CELL_STATE },
	    { "PINNED", "trust.pinned.fingerprint", CELL_TEXT, true },
	    { "LAST ERROR", "last_error.text" } } },
	{ "templates",
	  "template",
	  "/v1/templates",
	  true,
	  "name",
	  { { "NAME", "name" }, { "FROM", "document.from" } } },
	{ "identities",
	  "identity",
	  "/v1/identities",
	  false,
	  "name",
	  { { "NAME", "name" },
	    { "KIND", "kind" },
	    { "RANGE", "range" },
	    { "USED", "used" },
	    { "SIZE", "size" } } },
	{ "runs",
	  "run",
	  "/v1/runs",
	  true,
	  "id",
	  { { "ID", "id" },
	    { "ACTION", "action" },
	    { "PERSONA", "persona" },
	    { "MACHINE", "machine" },
	    { "STATE", "state", CELL_STATE },
	    { "CREATED", "created", CELL_TIME },
	    { "FROM", "from", CELL_TEXT, true },
	    { "ENDED", "ended", CELL_TIME, true },
	    { "ERROR", "error.text", CELL_TEXT, true } } },
	{ "secrets", "secret", "/v1/secrets", false, "name", { { "NAME", "name" } } },
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct kind *find_kind(const char *word, struct error *err)
{
	const char *words[2 * N_KINDS], *near;
	size_t i;

	for (i = 0; i < N_KINDS; i++) {
		if (!strcmp(word, kinds[i].plural) || !strcmp(word, kinds[i].singular))
			return &kinds[i];
		words[2 * i] = kinds[i].plural;
		words[2 * i + 1] = kinds[i].singular;
	}
	near = text_nearest(word, words, 2 * N_KINDS);
	error_set(err, ERROR_USAGE, "there are no `%s` to list", word);
	if (near)
		error_hint(err, "did you mean `persona get %s`?", near);
	else
		error_hint(err, "the kinds are machines, personas, networks, groups, devices, "
				"templates, identities, "
				"runs and secrets.");
	return NULL;
}

void get_offer_kinds(const char *prefix,
		     void (*offer)(const char *word, size_t len, const char *prefix))
{
	size_t i;

	for (i = 0; i < N_KINDS; i++)
		offer(kinds[i].plural, strlen(kinds[i].plural), prefix);
}

/* Of runs the newest: there may be very many. */
static json_t *list(struct client *client, const struct kind *kind, struct error *err)
{
	return client_list(client, kind->path, !strcmp(kind->plural, "runs") ? 50 : SIZE_MAX, err);
}

json_t *get_items(struct client *client, const char *word, struct error *err)
{
	const struct kind *kind = find_kind(word, err);

	return kind ? list(client, kind, err) : NULL;
}

static void guess(const struct kind *kind, const json_t *items, const char *name, struct error *err)
{
	const char **names = calloc(json_array_size(items) + 1, sizeof(*names)), *near;
	json_t *item;
	size_t i, n = 0;

	json_array_foreach(items, i, item)
		if (names && json_str(item, kind->name, NULL))
			names[n++] = json_str(item, kind->name, NULL);
	near = names ? text_nearest(name, names, n) : NULL;
	if (near)
		error_hint(err, "did you mean `%s`?", near);
	else
		error_hint(err, "`persona get %s` lists what there is.", kind->plural);
	free(names);
}

void get_guess(struct client *client, const char *word, const char *name, struct error *err)
{
	const struct kind *kind = find_kind(word, NULL);
	json_t *items = NULL;

	if (err->code != ERROR_NOT_FOUND ||
	    (*err->hint && strcmp(err->hint, error_advice(err->code)) != 0))
		return; /* the controller knew better */
	if (kind)
		items = list(client, kind, NULL);
	if (items)
		guess(kind, items, name, err);
	json_decref(items);
}

/* The item @name of a kind that the API has no path for. */
static json_t *pick(struct client *client, const struct kind *kind, const char *name,
		    struct error *err)
{
	json_t *items = list(client, kind, err), *item, *found = NULL;
	size_t i;

	json_array_foreach(items, i, item)
		if (!strcmp(json_str(item, kind->name, ""), name))
			found = json_incref(item);
	if (items && !found) {
		error_set(err, ERROR_NOT_FOUND, "there is no %s `%s`", kind->singular, name);
		guess(kind, items, name, err);
	}
	json_decref(items);
	return found;
}

static json_t *get_one(struct client *client, const struct kind *kind, const char *name,
		       struct error *err)
{
	_cleanup_(freep) char *path = client_path(kind->path, name, NULL);
	json_t *item;

	if (!kind->has_one)
		return pick(client, kind, name, err);
	item = client_get(client, path, err);
	if (!item)
		get_guess(client, kind->plural, name, err);
	return item;
}

static size_t n_columns(const struct kind *kind)
{
	size_t n = 0;

	while (n < 10 && kind->columns[n].header)
		n++;
	return n;
}

int cmd_get(struct app *app, const struct invocation *inv, struct error *err)
{
	const struct kind *kind = find_kind(inv->args.items[0], err);
	const char *name = inv->args.n > 1 ? inv->args.items[1] : NULL;
	json_t *value;

	if (!kind)
		return -1;
	value = name ? get_one(app->client, kind, name, err) : list(app->client, kind, err);
	if (!value)
		return -1;
	if (name && output_value(app, value)) {
		json_decref(value);
		return 0;
	}
	if (name) {
		json_t *one = json_array();

		json_array_append_new(one, value);
		value = one;
	}
	table_print(app, kind->columns, n_columns(kind), value, kind->name);
	if (json_array_size(value) == 0 && app->format <= OUTPUT_WIDE)
		say("There are no %s.", kind->plural);
	json_decref(value);
	return 0;
}
