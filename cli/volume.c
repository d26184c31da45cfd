/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona volume list|create|clone|snapshot|resize|restore|delete`: volumes are named ARRAY/VOLUME, their snapshots
 * ARRAY/VOLUME@SNAPSHOT.
 */
#include "app.h"
#include "apply.h"
#include "arena.h"
#include "ask.h"
#include "cleanup.h"
#include "client.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "table.h"
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE_MIN = 1024 * 1024, BLOCK = 512 };

struct place {
	char *array;
	char *volume;	/* without the snapshot */
	char *snapshot; /* or NULL */
	char *whole;	/* volume and snapshot as they were given */
};

static void place_fini(struct place *p)
{
	free(p->array);
	free(p->volume);
	free(p->snapshot);
	free(p->whole);
}

/* @snapshot: 1 it has to be one, 0 it must not be, -1 either. */
static int place_read(struct place *p, const char *word, int snapshot, struct error *err)
{
	const char *slash = strchr(word, '/'), *at = slash ? strchr(slash, '@') : NULL;

	*p = (struct place){ 0 };
	if (!slash || slash == word || !slash[1] || at == slash + 1 || (at && !at[1]) || (snapshot == 1 && !at) || (!snapshot && at)) {
		error_set(err, ERROR_USAGE, "`%s` is not %s", word,
			  snapshot == 1 ? "ARRAY/VOLUME@SNAPSHOT" : snapshot ? "ARRAY/VOLUME[@SNAPSHOT]" : "ARRAY/VOLUME");
		return error_hint(err, "`persona volume list` shows what there is.");
	}
	p->array = xasprintf("%.*s", (int)(slash - word), word);
	p->whole = xstrdup(slash + 1);
	p->volume = xasprintf("%.*s", (int)strcspn(slash + 1, "@"), slash + 1);
	p->snapshot = at ? xstrdup(at + 1) : NULL;
	return 0;
}

static char *volumes_path(const struct place *p)
{
	return client_path("/v1/arrays", p->array, "volumes", NULL);
}

/* Of --size; 0 when it is not given and need not be; -1 with *err. */
static int64_t size_option(const struct invocation *inv, bool needed, struct error *err)
{
	const char *text = option_value(inv, OPTION_SIZE);
	int64_t size = text ? text_parse_size(text) : 0;

	if (!text && !needed)
		return 0;
	if (!text)
		error_set(err, ERROR_USAGE, "--size is missing");
	else if (size < SIZE_MIN || size % BLOCK != 0)
		error_set(err, ERROR_USAGE, "`%s` is not the size of a volume: whole blocks of 512 bytes, 1 MiB or more", text);
	else
		return size;
	error_hint(err, "Such as --size 20GiB.");
	return -1;
}

static int create(struct app *app, const struct invocation *inv, const struct place *p, const char *source, int64_t size,
		  struct error *err)
{
	_cleanup_(freep) char *path = volumes_path(p);
	json_t *body = json_pack("{s:s}", "volume", p->whole);

	if (source)
		json_object_set_new(body, "source", json_string(source));
	if (size)
		json_object_set_new(body, "size_bytes", json_integer(size));
	return start_run(app, inv, "POST", path, body, err);
}

int cmd_volume_create(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(place_fini) struct place p = { 0 };
	int64_t size = size_option(inv, true, err);

	if (size < 0 || place_read(&p, inv->args.items[0], 0, err) < 0)
		return -1;
	return create(app, inv, &p, NULL, size, err);
}

int cmd_volume_clone(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(place_fini) struct place from = { 0 }, to = { 0 };
	int64_t size = size_option(inv, false, err);

	if (size < 0 || place_read(&from, inv->args.items[0], -1, err) < 0 || place_read(&to, inv->args.items[1], 0, err) < 0)
		return -1;
	if (strcmp(from.array, to.array) != 0)
		return error_set(err, ERROR_USAGE, "a clone is on the array of its source, %s", from.array);
	return create(app, inv, &to, from.whole, size, err);
}

int cmd_volume_snapshot(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(place_fini) struct place p = { 0 };

	return place_read(&p, inv->args.items[0], 1, err) < 0 ? -1 : create(app, inv, &p, NULL, 0, err);
}

int cmd_volume_resize(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(place_fini) struct place p = { 0 };
	_cleanup_(freep) char *base = NULL, *path = NULL;
	int64_t size = size_option(inv, true, err);

	if (size < 0 || place_read(&p, inv->args.items[0], 0, err) < 0)
		return -1;
	base = volumes_path(&p);
	path = client_path(base, p.volume, "resize", NULL);
	return start_run(app, inv, "POST", path, json_pack("{s:I}", "size_bytes", (json_int_t)size), err);
}

/* What is lost cannot be had back: only a yes is a yes. */
static int sure(const struct invocation *inv, const char *question, struct error *err)
{
	_cleanup_(freep) char *whole = xasprintf("%s  This cannot be undone", question);

	if (has_option(inv, OPTION_YES))
		return 0;
	if (!isatty(STDIN_FILENO)) {
		error_set(err, ERROR_USAGE, "%s", whole);
		return error_hint(err, "Say --yes to do it without being asked.");
	}
	if (ask_yes(whole))
		return 0;
	return error_set(err, ERROR_CONFLICT, "nothing was changed");
}

int cmd_volume_restore(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(place_fini) struct place p = { 0 };
	_cleanup_(freep) char *question = NULL, *base = NULL, *path = NULL;

	if (place_read(&p, inv->args.items[0], 1, err) < 0)
		return -1;
	question = xasprintf("Put %s/%s back to its snapshot %s, and lose what was written since?", p.array, p.volume, p.snapshot);
	if (sure(inv, question, err) < 0)
		return -1;
	base = volumes_path(&p);
	path = client_path(base, p.volume, "restore", NULL);
	return start_run(app, inv, "POST", path, json_pack("{s:s}", "snapshot", p.snapshot), err);
}

int cmd_volume_delete(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(place_fini) struct place p = { 0 };
	_cleanup_(freep) char *question = NULL, *base = NULL, *path = NULL;

	if (place_read(&p, inv->args.items[0], -1, err) < 0)
		return -1;
	question = xasprintf("Delete the %s %s/%s?", p.snapshot ? "snapshot" : "volume", p.array, p.whole);
	if (sure(inv, question, err) < 0)
		return -1;
	base = volumes_path(&p);
	path = client_path(base, p.whole, NULL);
	return start_run(app, inv, "DELETE", path, NULL, err);
}

static json_t *names_of(const json_t *list)
{
	json_t *out = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		json_array_append(out, json_object_get(one, "name"));
	return out;
}

static int add_array(struct app *app, const char *array, json_t *items, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/arrays", array, "volumes", NULL);
	json_auto_t *answer = client_get(app->client, path, err);

	if (!answer)
		return -1;
	return json_array_extend(items, json_object_get(answer, "items"));
}

/* Those that are named, or all of the site. */
static int add_arrays(struct app *app, const struct invocation *inv, json_t *items, struct error *err)
{
	json_auto_t *devices = NULL;
	const json_t *device;
	size_t i;

	if (inv->args.n)
		return add_array(app, inv->args.items[0], items, err);
	devices = client_list(app->client, "/v1/devices", SIZE_MAX, err);
	if (!devices)
		return -1;
	json_array_foreach(devices, i, device)
		if (!strcmp(json_str(device, "class", ""), "storage") && add_array(app, json_str(device, "name", ""), items, err) < 0)
			return -1;
	return 0;
}

int cmd_volume_list(struct app *app, const struct invocation *inv, struct error *err)
{
	static const struct column columns[] = { { "ARRAY", "array" },
						 { "VOLUME", "name" },
						 { "SIZE", "size_bytes", CELL_BYTES },
						 { "SNAPSHOTS", "snapshots", CELL_LIST },
						 { "MAPS", "maps", CELL_LIST },
						 { "PERSONAS", "personas", CELL_LIST } };
	json_auto_t *items = json_array();
	json_t *item;
	size_t i;

	if (add_arrays(app, inv, items, err) < 0)
		return -1;
	if (output_value(app, items))
		return 0;
	json_array_foreach(items, i, item)
		json_object_set_new(item, "snapshots", names_of(json_object_get(item, "snapshots")));
	table_print(app, columns, sizeof(columns) / sizeof(columns[0]), items, "name");
	return 0;
}
