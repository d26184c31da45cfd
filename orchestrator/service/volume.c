/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Volumes by hand: list, create, clone, snapshot, restore, resize, delete.  Each change is a run of one step on one array.
 * The array is read first, so that what cannot be is said at once, and not by a run that fails; the step is judged once
 * more by its driver.
 */
#include "core.h"
#include "wish.h"

#include "cleanup.h"
#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MS = 10000, COPY_MS = 600000, SIZE_MIN = 1024 * 1024, BLOCK = 512 };

enum order_kind { VOLUME_CREATE, VOLUME_CLONE, VOLUME_SNAPSHOT, VOLUME_RESIZE, VOLUME_RESTORE, VOLUME_DELETE };

static const char *const actions[] = { "volume-create", "volume-clone",   "volume-snapshot",
				       "volume-resize", "volume-restore", "volume-delete" };

/* What is wished, while the array is read. */
struct order {
	struct core *core;
	struct answer *answer;
	enum order_kind kind;
	char array[64];
	char volume[136];  /* what is made, changed or deleted: VOLUME or VOLUME@SNAPSHOT */
	char source[136];  /* of a clone; of a restore VOLUME@SNAPSHOT */
	int64_t size_bytes;
	int64_t run;
	json_t *targets;
	char *key;
	char what[sizeof(((struct once *)NULL)->what)];
};

static const struct device *find_array(struct core *c, const char *name, struct error *err)
{
	const struct device *d = model_device(c->model, name);

	if (d && d->cls == CLASS_STORAGE)
		return d;
	error_set(err, ERROR_NOT_FOUND, "there is no array `%s`", name);
	error_hint(err, "See `persona get devices`.");
	return NULL;
}

static bool is_snapshot(const char *name)
{
	return strchr(name, '@') != NULL;
}

static bool is_volume_name(const char *name)
{
	return text_is_name(name) || text_is_snapshot_name(name);
}

/* Without the snapshot. */
static void volume_of(const char *name, char out[64])
{
	snprintf(out, 64, "%.*s", (int)strcspn(name, "@"), name);
}

static void order_free(struct order *o)
{
	o->core->planning--;
	json_decref(o->targets);
	free(o->key);
	free(o);
}

/* Nothing is started: the volume is free again, and the number too when it was the last. */
static void give_back(struct order *o)
{
	struct core *c = o->core;

	if (o->run) {
		engine_unreserve(c->engine, o->run, o->targets);
		if (c->last_run == o->run)
			c->last_run--;
	}
	order_free(o);
}

static void refuse(struct order *o, const struct error *err)
{
	answer_error(o->core, o->answer, err);
	give_back(o);
}

/* --- what the array says --- */

static bool is_there(const json_t *document, const char *name)
{
	const json_t *all = json_object_get(document, is_snapshot(name) ? "snapshots" : "volumes");

	return json_bool(json_object_get(all, name), "exists", false);
}

/* The names of the maps in the document that hold @volume. */
static json_t *maps_of(const json_t *document, const char *volume)
{
	json_t *out = json_array(), *map;
	const char *name;

	json_object_foreach(json_object_get(document, "maps"), name, map)
		if (plan_map_holds(map, volume))
			json_array_append_new(out, json_string(name));
	return out;
}

static int need_there(const struct order *o, const json_t *document, const char *name, struct error *err)
{
	if (is_there(document, name))
		return 0;
	error_set(err, ERROR_NOT_FOUND, "there is no %s %s on %s", is_snapshot(name) ? "snapshot" : "volume", name, o->array);
	return error_hint(err, "See `persona volume list %s`.", o->array);
}

static int need_absent(const struct order *o, const json_t *document, struct error *err)
{
	if (!is_there(document, o->volume))
		return 0;
	return error_set(err, ERROR_CONFLICT, "%s is on %s already", o->volume, o->array);
}

static int need_unmapped(const struct order *o, const json_t *document, struct error *err)
{
	json_auto_t *maps = maps_of(document, o->volume);

	if (!json_array_size(maps))
		return 0;
	error_set(err, ERROR_CONFLICT, "%s on %s is mapped, by %s", o->volume, o->array, json_string_value(json_array_get(maps, 0)));
	return error_hint(err, "What somebody can reach is not deleted: release its persona, or remove the map, first.");
}

static int need_growth(const struct order *o, const json_t *document, struct error *err)
{
	int64_t is = json_int(json_object_get(json_object_get(document, "volumes"), o->volume), "size_bytes", 0);

	if (is < o->size_bytes)
		return 0;
	return error_set(err, ERROR_CONFLICT, "%s on %s has %" PRId64 " bytes; a volume only grows", o->volume, o->array, is);
}

static int judge(const struct order *o, const json_t *document, struct error *err)
{
	char volume[64];

	volume_of(o->volume, volume);
	switch (o->kind) {
	case VOLUME_CREATE:
		return need_absent(o, document, err);
	case VOLUME_CLONE:
		return need_there(o, document, o->source, err) < 0 ? -1 : need_absent(o, document, err);
	case VOLUME_SNAPSHOT:
		return need_there(o, document, volume, err) < 0 ? -1 : need_absent(o, document, err);
	case VOLUME_RESIZE:
		return need_there(o, document, o->volume, err) < 0 ? -1 : need_growth(o, document, err);
	case VOLUME_RESTORE:
		return need_there(o, document, o->volume, err) < 0 ? -1 : need_there(o, document, o->source, err);
	case VOLUME_DELETE:
		return need_there(o, document, o->volume, err) < 0 ? -1 : need_unmapped(o, document, err);
	}
	return 0;
}

/* --- the run --- */

static json_t *step_set(const struct order *o)
{
	json_t *set = json_pack("{s:b}", "exists", o->kind != VOLUME_DELETE);

	if (o->size_bytes)
		json_object_set_new(set, "size_bytes", json_integer(o->size_bytes));
	if (o->kind == VOLUME_CLONE)
		json_object_set_new(set, "source", json_string(o->source));
	if (o->kind == VOLUME_RESTORE) /* the run's number makes it once, however often it is sent */
		json_object_set_new(set, "restored", json_pack("{s:s, s:o}", "snapshot", strchr(o->source, '@') + 1, "token",
							       json_sprintf("run-%lld", (long long)o->run)));
	return set;
}

static json_t *summary(const struct order *o)
{
	switch (o->kind) {
	case VOLUME_CREATE:
		return json_sprintf("create volume %s on %s with %" PRId64 " bytes", o->volume, o->array, o->size_bytes);
	case VOLUME_CLONE:
		return json_sprintf("clone volume %s on %s from %s", o->volume, o->array, o->source);
	case VOLUME_SNAPSHOT:
		return json_sprintf("take the snapshot %s on %s", o->volume, o->array);
	case VOLUME_RESIZE:
		return json_sprintf("let volume %s on %s grow to %" PRId64 " bytes", o->volume, o->array, o->size_bytes);
	case VOLUME_RESTORE:
		return json_sprintf("put volume %s on %s back to its snapshot %s", o->volume, o->array, strchr(o->source, '@') + 1);
	case VOLUME_DELETE:
		break;
	}
	return json_sprintf("delete %s %s on %s", is_snapshot(o->volume) ? "snapshot" : "volume", o->volume, o->array);
}

static void start(struct order *o)
{
	struct core *c = o->core;
	char location[48];
	json_t *doc, *steps;

	store_set_time(c->store, env_wall(c->env));
	doc = json_pack("{s:s, s:s, s:o, s:[], s:s}", "action", actions[o->kind], "machine", "", "volume",
			json_sprintf("%s/%s", o->array, o->volume), "casts", "request", o->what);
	/* There is no way back: data is never deleted by an undo. */
	steps = json_pack("[{s:i, s:s, s:s, s:o, s:o, s:s, s:I, s:s, s:s, s:o}]", "phase", PHASE_PREPARE, "phase_name",
			  phase_name(PHASE_PREPARE), "device", o->array, "object",
			  json_sprintf("%s:%s", is_snapshot(o->volume) ? "snapshot" : "volume", o->volume), "set", step_set(o),
			  "machine", "", "deadline_ms", (json_int_t)COPY_MS, "verb",
			  o->kind == VOLUME_DELETE ? "-" : o->kind == VOLUME_RESIZE || o->kind == VOLUME_RESTORE ? "~" : "+",
			  "owner", "", "summary", summary(o));
	engine_start(c->engine, o->run, doc, steps, o->targets, o->key);
	snprintf(location, sizeof(location), "/v1/runs/%lld", (long long)o->run);
	core_answer(c, o->answer, 202, run_json_of(c, o->run), location);
	json_decref(doc);
	json_decref(steps);
	order_free(o);
}

static void on_array(void *arg, const struct op_result *r)
{
	struct order *o = arg;
	struct once once = { .key = o->key };
	struct error err = r->error;

	memcpy(once.what, o->what, sizeof(once.what));
	if (answered_before(o->core, o->answer, &once)) {
		give_back(o);
	} else if (!r->document || judge(o, r->document, &err) < 0) {
		refuse(o, &err);
	} else {
		start(o);
	}
}

static bool is_disk_of(const struct persona *p, const char *array, const char *volume)
{
	int k;

	for (k = 0; k < p->n_volumes; k++)
		if (!strcmp(p->volumes[k].array->name, array) && !strcmp(p->volumes[k].volume, volume))
			return true;
	return false;
}

/* A role that runs has its disk in use, whatever the array can tell of sessions. */
static int need_no_player(struct core *c, const struct order *o, struct error *err)
{
	const struct assignment *now;
	const struct persona *p;
	size_t i;

	if ((o->kind != VOLUME_DELETE && o->kind != VOLUME_RESTORE) || is_snapshot(o->volume))
		return 0;
	for (i = 0; (p = model_at(c->model, KIND_PERSONA, i)); i++) {
		now = roster_of(c->roster, p->name);
		if (!now || !now->machine || !is_disk_of(p, o->array, o->volume))
			continue;
		error_set(err, ERROR_CONFLICT, "%s plays on %s, and has %s on %s as its disk", p->name, now->machine, o->volume, o->array);
		return error_hint(err, "Release it first: persona release %s", p->name);
	}
	return 0;
}

static struct order *order_create(struct core *c, struct answer *a, enum order_kind kind, const char *array, const char *volume,
				  const struct once *once)
{
	struct order *o = xcalloc(1, sizeof(*o));

	o->core = c;
	o->answer = a;
	o->kind = kind;
	snprintf(o->array, sizeof(o->array), "%s", array);
	snprintf(o->volume, sizeof(o->volume), "%s", volume);
	o->key = once->key ? xstrdup(once->key) : NULL;
	memcpy(o->what, once->what, sizeof(o->what));
	c->planning++;
	return o;
}

static int check_order(struct core *c, const struct order *o, struct error *err)
{
	if (!find_array(c, o->array, err))
		return -1;
	if (!is_volume_name(o->volume) || (o->source[0] && !is_volume_name(o->source)))
		return error_set(err, ERROR_USAGE, "`%s` is not a name of a volume, nor VOLUME@SNAPSHOT",
				 is_volume_name(o->volume) ? o->source : o->volume);
	if (is_snapshot(o->volume) && o->kind != VOLUME_SNAPSHOT && o->kind != VOLUME_DELETE)
		return error_set(err, ERROR_USAGE, "%s is a snapshot: what it holds stays as it is", o->volume);
	return need_no_player(c, o, err);
}

/* Lock the volume, read it and what it is made from, and go on in on_array(). */
static void begin(struct order *o)
{
	struct core *c = o->core;
	struct error err = { 0 };
	char volume[64];
	json_t *objects;

	o->targets = json_array();
	volume_of(o->volume, volume);
	targets_add(o->targets, "volume", o->array, volume);
	if (check_order(c, o, &err) < 0 || engine_reserve(c->engine, c->last_run + 1, o->targets, &err) < 0) {
		refuse(o, &err);
		return;
	}
	o->run = ++c->last_run;
	objects = json_pack("[o]", json_sprintf("volume:%s", volume));
	if (is_snapshot(o->volume))
		json_array_append_new(objects, json_sprintf("snapshot:%s", o->volume));
	if (o->source[0])
		json_array_append_new(objects, json_sprintf("%s:%s", is_snapshot(o->source) ? "snapshot" : "volume", o->source));
	dispatch_observe(c->dispatch, o->array, objects, READ_MS, on_array, o);
	core_turn_soon(c);
	json_decref(objects);
}

static void usage(struct core *c, struct answer *a, const char *text)
{
	struct error err = { 0 };

	error_set(&err, ERROR_USAGE, "%s", text);
	answer_error(c, a, &err);
}

/* Nothing of the body is overlooked. */
static bool has_only(const json_t *body, const char *a, const char *b, const char *c)
{
	const json_t *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)body, key, v)
		if (strcmp(key, a) != 0 && (!b || strcmp(key, b) != 0) && (!c || strcmp(key, c) != 0))
			return false;
	return true;
}

static bool size_of(const json_t *body, int64_t *size)
{
	const json_t *v = json_object_get(body, "size_bytes");

	*size = json_int(body, "size_bytes", 0);
	return !v || (*size >= SIZE_MIN && *size % BLOCK == 0);
}

void service_volume_create(struct core *c, struct answer *a, const char *array, const json_t *body, const struct once *once)
{
	const char *volume = json_str(body, "volume", ""), *source = json_str(body, "source", NULL);
	bool snapshot = is_snapshot(volume);
	struct order *o;
	int64_t size;

	if (!has_only(body, "volume", "size_bytes", "source") || !*volume || !size_of(body, &size) ||
	    (json_object_get(body, "source") && !source)) {
		usage(c, a, "a new volume is {\"volume\": NAME} with size_bytes (whole blocks of 512, 1 MiB or more), source or both; a snapshot is {\"volume\": \"VOLUME@NAME\"}");
		return;
	}
	if (snapshot ? size || source : !size && !source) {
		usage(c, a, snapshot ? "a snapshot is as large as its volume, and has no other source"
				     : "a new volume needs size_bytes, or a source to clone");
		return;
	}
	if (answered_before(c, a, once))
		return;
	o = order_create(c, a, snapshot ? VOLUME_SNAPSHOT : source ? VOLUME_CLONE : VOLUME_CREATE, array, volume, once);
	snprintf(o->source, sizeof(o->source), "%s", source ? source : "");
	o->size_bytes = size;
	begin(o);
}

void service_volume_delete(struct core *c, struct answer *a, const char *array, const char *volume, const struct once *once)
{
	if (!answered_before(c, a, once))
		begin(order_create(c, a, VOLUME_DELETE, array, volume, once));
}

void service_volume_resize(struct core *c, struct answer *a, const char *array, const char *volume, const json_t *body,
			   const struct once *once)
{
	struct order *o;
	int64_t size;

	if (!has_only(body, "size_bytes", NULL, NULL) || !size_of(body, &size) || !size) {
		usage(c, a, "size_bytes must be a number of bytes: whole blocks of 512, 1 MiB or more");
		return;
	}
	if (answered_before(c, a, once))
		return;
	o = order_create(c, a, VOLUME_RESIZE, array, volume, once);
	o->size_bytes = size;
	begin(o);
}

void service_volume_restore(struct core *c, struct answer *a, const char *array, const char *volume, const json_t *body,
			    const struct once *once)
{
	const char *snapshot = json_str(body, "snapshot", "");
	struct order *o;

	if (!has_only(body, "snapshot", NULL, NULL) || !text_is_name(snapshot)) {
		usage(c, a, "`snapshot` must be the name of a snapshot of the volume");
		return;
	}
	if (answered_before(c, a, once))
		return;
	o = order_create(c, a, VOLUME_RESTORE, array, volume, once);
	snprintf(o->source, sizeof(o->source), "%s@%s", volume, snapshot);
	begin(o);
}

/* --- the list --- */

struct listing {
	struct core *core;
	struct answer *answer;
	char array[];
};

static json_t *snapshots_of(const json_t *document, const char *volume)
{
	json_t *out = json_array(), *snapshot;
	size_t len = strlen(volume);
	const char *name;

	json_object_foreach(json_object_get(document, "snapshots"), name, snapshot)
		if (!strncmp(name, volume, len) && name[len] == '@')
			json_array_append_new(out, json_pack("{s:s, s:I}", "name", name + len + 1, "size_bytes",
							     (json_int_t)json_int(snapshot, "size_bytes", 0)));
	return out;
}

static json_t *personas_of(struct core *c, const char *array, const char *volume)
{
	json_t *out = json_array();
	const struct persona *p;
	size_t i;

	for (i = 0; (p = model_at(c->model, KIND_PERSONA, i)); i++)
		if (is_disk_of(p, array, volume))
			json_array_append_new(out, json_string(p->name));
	return out;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *volumes_json(struct core *c, const char *array, const json_t *document)
{
	json_t *volumes = json_object_get(document, "volumes"), *out = json_array(), *volume;
	const char **names = xcalloc(json_object_size(volumes) + 1, sizeof(*names)), *name;
	size_t n = 0, i;

	json_object_foreach(volumes, name, volume)
		if (json_bool(volume, "exists", false))
			names[n++] = name;
	qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++)
		json_array_append_new(out, json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "array", array, "name", names[i], "size_bytes",
						     (json_int_t)json_int(json_object_get(volumes, names[i]), "size_bytes", 0), "snapshots",
						     snapshots_of(document, names[i]), "maps", maps_of(document, names[i]), "personas",
						     personas_of(c, array, names[i])));
	free(names);
	return out;
}

static void on_listed(void *arg, const struct op_result *r)
{
	struct listing *l = arg;

	if (r->document)
		core_answer(l->core, l->answer, 200,
			    json_pack("{s:s, s:I, s:o}", "array", l->array, "read_at", (json_int_t)env_wall(l->core->env), "items",
				      volumes_json(l->core, l->array, r->document)),
			    NULL);
	else
		answer_error(l->core, l->answer, &r->error);
	free(l);
}

void service_volumes(struct core *c, struct answer *a, const char *array)
{
	struct error err = { 0 };
	struct listing *l;

	if (!find_array(c, array, &err)) {
		answer_error(c, a, &err);
		return;
	}
	l = xcalloc(1, sizeof(*l) + strlen(array) + 1);
	l->core = c;
	l->answer = a;
	strcpy(l->array, array);
	dispatch_observe(c->dispatch, array, NULL, READ_MS, on_listed, l);
	core_turn_soon(c);
}
