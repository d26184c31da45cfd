/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-tgt: the Linux user-space iSCSI target (tgtd) with volumes as files of a folder.
 * It speaks tgtd's management socket itself, as root on the machine of the array or through SSH from
 * another one that sees the same folder.  See tgt.h.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPLY_RESERVE_MS = 60 };

static const struct driver_option tgt_options[] = {
	{ "address", "string",
	  .help = "tgtd on another host: ssh://USER@ADDRESS[:PORT]/PATH of its management socket" },
	{ "credential", "string", .secret = true,
	  .help = "ssh: the private key or the password of USER" },
	{ "socket", "string", .missing = "/var/run/tgtd/socket",
	  .help = "tgtd's management socket, as in TGT_IPC_SOCKET" },
	{ "control_port", "int", .missing = "0",
	  .help = "tgtd's control port (-C); it is part of the socket's name" },
	{ "pool", "string", .required = true,
	  .help = "folder of the volumes, one file NAME.img each" },
	{ "suffix", "string", .missing = ".img",
	  .help = "what follows a volume's name in its file's name" },
	{ "overcommit", "bool", .missing = "false",
	  .help = "let volumes be larger in sum than the pool" },
	{ "portals", "list", .missing = "",
	  .help = "addresses of the iSCSI portals, for the initiators" },
	{ NULL },
};

static int64_t work_deadline(const struct driver_call *call)
{
	return call->deadline_ms - REPLY_RESERVE_MS;
}

static int tgt_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	const char *pool = json_str(dev->options, "pool", "");
	struct tgt *t = xcalloc(1, sizeof(*t));

	(void)call;
	*t = (struct tgt){ .name = dev->name,
			   .socket = json_str(dev->options, "socket", ""),
			   .control_port = json_int(dev->options, "control_port", 0),
			   .suffix = json_str(dev->options, "suffix", ""),
			   .overcommit = json_bool(dev->options, "overcommit", false) };
	t->pool = realpath(pool, NULL);
	if (!t->pool || strchr(t->suffix, '/'))
		error_set(err, ERROR_INVALID, "pool %s: %s", pool,
			  t->pool ? "a suffix cannot hold a slash" : strerror(errno));
	if (!t->pool || strchr(t->suffix, '/') ||
	    tgt_link_create(t, dev, json_str(dev->options, "address", NULL), err)) {
		error_wrap(err, "%s", dev->name);
		free(t->pool);
		free(t);
		return -1;
	}
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_init(&t->clone_lock, NULL);
	dev->state = t;
	return 0;
}

static void tgt_close(struct driver_device *dev)
{
	struct tgt *t = dev->state;

	tgt_clones_end(t);
	tgt_link_destroy(t->link);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->clone_lock);
	free(t->pool);
	free(t);
}

/* 1: the target has gone since it was listed. */
static int add_sessions(const struct tgt *t, const json_t *target, json_t *sessions,
			int64_t deadline_ms, struct error *err)
{
	json_auto_t *rows = NULL;
	const json_t *row;
	int code = 0;
	size_t i;

	rows = tgt_sessions_read(t, (int)json_int(target, "tid", 0), deadline_ms, &code, err);
	if (!rows)
		return code == TGT_ERR_NO_TARGET ? 1 : -1;
	json_array_foreach(rows, i, row)
		json_array_append_new(
			sessions,
			json_pack("{s:O, s:O, s:O, s:o}", "map", json_object_get(target, "map"),
				  "initiator", json_object_get(row, "initiator"), "address",
				  json_object_get(row, "address"), "id",
				  json_sprintf("%lld/%lld", (long long)json_int(row, "sid", 0),
					       (long long)json_int(row, "cid", 0))));
	return 0;
}

/* Is the target asked for: by its map's name, or since it holds a volume that is? */
static bool wanted(const struct tgt *t, const json_t *target, const json_t *volumes,
		   const json_t *maps)
{
	const char *lun, *name;
	json_t *path, *v;

	if (json_object_get(maps, json_str(target, "map", "")))
		return true;
	json_object_foreach(json_object_get(target, "luns"), lun, path)
		json_object_foreach((json_t *)(uintptr_t)volumes, name, v)
			if (tgt_is_volume(t, json_string_value(path), name))
				return true;
	return false;
}

/* Sort the objects into the volumes and maps that are asked for, each with its "absent" document.
 */
static int sort_objects(const struct tgt *t, const json_t *objects, json_t *volumes, json_t *maps,
			struct error *err)
{
	enum storage_kind kind;
	const json_t *one;
	const char *name;
	size_t i;

	json_array_foreach(objects, i, one) {
		if (!strcmp(json_string_value(one), "security"))
			continue;
		if (storage_object(json_string_value(one), &kind, &name, err))
			return -1;
		if (kind == STORAGE_SNAPSHOT)
			return error_set(err, ERROR_UNSUPPORTED, "this array has no snapshots");
		if (kind == STORAGE_VOLUME)
			json_object_set_new(volumes, name, tgt_volume_document(t, name));
		else
			json_object_set_new(maps, name, json_pack("{s:b}", "exists", 0));
	}
	return 0;
}

static int fill_document(const struct tgt *t, json_t *document, const json_t *objects,
			 int64_t deadline_ms, struct error *err)
{
	json_t *volumes = json_object_get(document, "volumes"),
	       *maps = json_object_get(document, "maps");
	json_auto_t *view = NULL;
	const json_t *target;
	size_t i;
	int rc;

	if (objects && sort_objects(t, objects, volumes, maps, err))
		return -1;
	view = tgt_view_read(t, deadline_ms, err);
	if (!view)
		return -1;
	json_array_foreach(view, i, target) {
		if (objects && !wanted(t, target, volumes, maps))
			continue;
		rc = add_sessions(t, target, json_object_get(document, "sessions"), deadline_ms,
				  err);
		if (rc < 0)
			return -1;
		if (!rc)
			json_object_set_new(maps, json_str(target, "map", ""),
					    tgt_map_document(t, target));
	}
	return 0;
}

static bool names_security(const json_t *objects)
{
	const json_t *one;
	size_t i;

	json_array_foreach(objects, i, one)
		if (!strcmp(json_string_value(one), "security"))
			return true;
	return false;
}

static int add_security(const struct tgt *t, json_t *document, int64_t deadline_ms, struct error *err)
{
	json_t *security = tgt_security(t, deadline_ms, err);

	return security ? json_object_set_new(document, "security", security) : -1;
}

static json_t *tgt_observe(struct driver_device *dev, const struct driver_call *call,
			   const json_t *objects, struct error *err)
{
	const struct tgt *t = dev->state;
	json_t *document = json_pack("{s:o, s:{}, s:[]}", "volumes",
				     objects ? json_object() : tgt_volumes(t), "maps", "sessions");

	if (!fill_document(t, document, objects, work_deadline(call), err) &&
	    (!names_security(objects) || !add_security(t, document, work_deadline(call), err)))
		return document;
	error_wrap(err, "%s", dev->name);
	json_decref(document);
	return NULL;
}

static int change_one(struct tgt *t, struct driver_change *c, int64_t deadline_ms,
		      struct error *err)
{
	int64_t until = clock_wall_ms() + deadline_ms - clock_mono_ms();
	struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	enum storage_kind kind;
	const char *name;
	int rc;

	if (storage_object(c->object, &kind, &name, err))
		return -1;
	if (kind == STORAGE_SNAPSHOT)
		return error_set(err, ERROR_UNSUPPORTED, "this array has no snapshots");
	if (kind == STORAGE_VOLUME)
		return tgt_volume_change(t, name, c, deadline_ms, err);
	if (pthread_mutex_timedlock(&t->lock, &at))
		return error_set(err, ERROR_BUSY, "another change of the array has not ended");
	if (kind == STORAGE_MAP)
		rc = tgt_map_change(t, name, c, deadline_ms, err);
	else
		rc = tgt_sessions_change(t, name, c, deadline_ms, err);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

static int tgt_apply(struct driver_device *dev, const struct driver_call *call,
		     struct driver_change *changes, size_t n, struct error *err)
{
	struct tgt *t = dev->state;
	size_t i;

	if (tgt_link_check(t, work_deadline(call), err))
		return error_wrap(err, "%s", dev->name);
	for (i = 0; i < n; i++) {
		struct driver_change *c = &changes[i];
		struct error why = { 0 };

		if (change_one(t, c, work_deadline(call), &why))
			change_failed(c, CHANGE_NOT_APPLIED, &why);
		else if (c->status != CHANGE_UNKNOWN)
			continue;
		error_wrap(&c->error, "%s", dev->name);
		/* An array that does not answer the first question will not answer the others. */
		if (!i && c->status == CHANGE_NOT_APPLIED && c->error.code == ERROR_UNREACHABLE) {
			*err = c->error;
			return -1;
		}
	}
	return 0;
}

static const struct recast_driver tgt = {
	.name = "tgt",
	.cls = "storage",
	.summary = "Linux user-space iSCSI target (tgtd), volumes as files",
	.caps = "clone sessions chap adopt security",
	.max_inflight = 8,
	.options = tgt_options,
	.open = tgt_open,
	.close = tgt_close,
	.observe = tgt_observe,
	.apply = tgt_apply,
};

RECAST_DRIVER(tgt)
