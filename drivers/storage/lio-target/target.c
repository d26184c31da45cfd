/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-lio-target: the part of recast-driver-lio that runs on the machine of the array.  See target.h.
 *
 *   recast-lio-target             the driver protocol on stdin and stdout, as recast-driver-lio speaks it
 *   recast-lio-target restore [STATE]   after a boot: make again what was there
 *
 * One request at a time works on configfs, whoever asks: a lock beside the state file sees to it.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define STATE_DEFAULT "/var/lib/recast-lio/state.json"
#define ROOT_DEFAULT "/sys/kernel/config/target"

enum { REPLY_RESERVE_MS = 60, LOCK_LOOK_MS = 5, CONFIGFS = 0x62656570 };

static const struct driver_option target_options[] = {
	{ "configfs", "string", .missing = ROOT_DEFAULT, .help = "configfs' folder of the target" },
	{ "pool", "string", .required = true, .help = "folder of the volumes" },
	{ "suffix", "string", .missing = ".img", .help = "what follows a volume's name in its file's name" },
	{ "overcommit", "bool", .missing = "false", .help = "let volumes be larger in sum than the pool" },
	{ "portals", "list", .missing = "", .help = "ADDRESS:PORT of the iSCSI portals" },
	{ "state", "string", .missing = STATE_DEFAULT, .help = "file of what is kept over a reboot" },
	{ NULL },
};

static int check_root(struct lio *l, struct error *err)
{
	struct statfs fs;

	if (statfs(l->root, &fs))
		return error_set(err, ERROR_UNREACHABLE, "%s: %s; is the kernel's module target_core_mod loaded?", l->root,
				 strerror(errno));
	l->plain = fs.f_type != CONFIGFS;
	return 0;
}

/* A portal becomes the name of a group. */
static int check_portals(const json_t *portals, struct error *err)
{
	const json_t *one;
	size_t i;

	json_array_foreach(portals, i, one)
		if (!json_is_string(one) || !strchr(json_string_value(one), ':') ||
		    json_string_value(one)[strspn(json_string_value(one), "0123456789abcdef.:[]")])
			return error_set(err, ERROR_INVALID, "portals[%zu] is not ADDRESS:PORT", i);
	return 0;
}

static int setup(struct lio *l, const json_t *options, struct error *err)
{
	const char *pool = json_str(options, "pool", "");

	*l = (struct lio){ .root = json_str(options, "configfs", ROOT_DEFAULT),
			   .suffix = json_str(options, "suffix", ".img"),
			   .overcommit = json_bool(options, "overcommit", false),
			   .portals = json_object_get(options, "portals"),
			   .state = json_str(options, "state", STATE_DEFAULT) };
	l->pool = realpath(pool, NULL);
	if (!l->pool)
		return error_set(err, ERROR_INVALID, "pool %s: %s", pool, strerror(errno));
	/* The kernel's options of a backstore are separated by commas. */
	if (strpbrk(l->suffix, "/,") || strchr(l->pool, ','))
		return error_set(err, ERROR_INVALID, "neither pool nor suffix can hold a comma, nor the suffix a slash");
	return check_portals(l->portals, err) || check_root(l, err) ? -1 : 0;
}

/* A descriptor that holds the lock, or -1. */
static int take_lock(const struct lio *l, int how, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *path = xasprintf("%s.lock", l->state);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return disk_error(err, "open", path);
	while (flock(fd, how | LOCK_NB)) {
		if (clock_mono_ms() > deadline_ms) {
			close(fd);
			return error_set(err, ERROR_BUSY, "another request of this array has not ended");
		}
		poll(NULL, 0, LOCK_LOOK_MS);
	}
	return fd;
}

static int target_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	struct lio *l = xcalloc(1, sizeof(*l));

	(void)call;
	if (setup(l, dev->options, err)) {
		free(l->pool);
		free(l);
		return -1;
	}
	l->name = dev->name;
	dev->state = l;
	return 0;
}

static void target_close(struct driver_device *dev)
{
	struct lio *l = dev->state;

	copies_end(l);
	free(l->pool);
	free(l);
}

/* What the objects name: {volumes: {name: document}, maps: {name: absent}, snapshots}. */
static int sort_objects(const struct lio *l, const json_t *objects, json_t *document, struct error *err)
{
	enum storage_kind kind;
	const json_t *one;
	const char *name;
	size_t i;

	json_array_foreach(objects, i, one) {
		if (storage_object(json_string_value(one), &kind, &name, err))
			return -1;
		if (kind == STORAGE_SNAPSHOT)
			json_object_set_new(json_object_get(document, "snapshots"), name, volume_document(l, name));
		else if (kind == STORAGE_VOLUME)
			json_object_set_new(json_object_get(document, "volumes"), name, volume_document(l, name));
		else
			json_object_set_new(json_object_get(document, "maps"), name, view_document(NULL));
	}
	return 0;
}

/* Is the map asked for: by its name, or since it holds a volume that is? */
static bool wanted(const json_t *map, const json_t *document)
{
	const json_t *volume;
	const char *lun;

	if (json_object_get(json_object_get(document, "maps"), json_str(map, "map", "")))
		return true;
	json_object_foreach(json_object_get(map, "luns"), lun, volume)
		if (json_object_get(json_object_get(document, "volumes"), json_string_value(volume)))
			return true;
	return false;
}

static void add_maps(const struct lio *l, const json_t *objects, json_t *document)
{
	json_auto_t *view = view_read(l);
	const json_t *map;
	size_t i;

	json_array_foreach(view, i, map)
		if (!objects || wanted(map, document)) {
			json_object_set_new(json_object_get(document, "maps"), json_str(map, "map", ""), view_document(map));
			view_sessions(l, map, json_object_get(document, "sessions"));
		}
}

static json_t *target_observe(struct driver_device *dev, const struct driver_call *call, const json_t *objects, struct error *err)
{
	const struct lio *l = dev->state;
	_cleanup_(closep) int lock = take_lock(l, LOCK_SH, call->deadline_ms - REPLY_RESERVE_MS, err);
	json_t *document;

	if (lock < 0)
		return NULL;
	document = json_pack("{s:o, s:{}, s:[], s:o}", "volumes", objects ? json_object() : volumes_list(l, false), "maps",
			     "sessions", "snapshots", objects ? json_object() : volumes_list(l, true));
	if (!sort_objects(l, objects, document, err)) {
		add_maps(l, objects, document);
		return document;
	}
	json_decref(document);
	return NULL;
}

static int change_one(struct lio *l, struct driver_change *c, int64_t deadline_ms, struct error *err)
{
	enum storage_kind kind;
	const char *name;

	if (storage_object(c->object, &kind, &name, err))
		return -1;
	switch (kind) {
	case STORAGE_SNAPSHOT:
		return snapshot_change(l, name, c, deadline_ms, err);
	case STORAGE_VOLUME:
		return volume_change(l, name, c, deadline_ms, err);
	case STORAGE_MAP:
		return map_change(l, name, c, err);
	case STORAGE_SESSIONS:
		break;
	}
	return sessions_change(l, name, c, err);
}

/* What could not be kept may be gone after a reboot, or be back: nobody may be told that it is done. */
static void keep(const struct lio *l, struct driver_change *changes, size_t n)
{
	struct error err = { 0 };
	size_t i;

	if (!state_save(l, &err))
		return;
	for (i = 0; i < n; i++)
		if (changes[i].status == CHANGE_DONE)
			change_failed(&changes[i], CHANGE_UNKNOWN, &err);
}

static int target_apply(struct driver_device *dev, const struct driver_call *call, struct driver_change *changes, size_t n,
			struct error *err)
{
	int64_t deadline_ms = call->deadline_ms - REPLY_RESERVE_MS;
	struct lio *l = dev->state;
	_cleanup_(closep) int lock = take_lock(l, LOCK_EX, deadline_ms, err);
	size_t i;

	if (lock < 0)
		return -1;
	for (i = 0; i < n; i++) {
		struct error why = { 0 };

		if (change_one(l, &changes[i], deadline_ms, &why))
			change_failed(&changes[i], CHANGE_NOT_APPLIED, &why);
	}
	keep(l, changes, n);
	return 0;
}

static const struct recast_driver target = {
	.name = "lio-target",
	.cls = "storage",
	.summary = "what recast-driver-lio runs on the machine of the array",
	.caps = "",
	.max_inflight = 4,
	.options = target_options,
	.open = target_open,
	.close = target_close,
	.observe = target_observe,
	.apply = target_apply,
};

static int restore(const char *path)
{
	struct error err = { 0 };
	json_auto_t *state = state_read(path, &err);
	struct lio l = { 0 };
	int lock = -1;

	if (state && !setup(&l, state, &err)) {
		l.state = path;
		lock = take_lock(&l, LOCK_EX, clock_mono_ms() + 10000, &err);
		if (lock >= 0)
			state_restore(&l, &err);
	}
	if (err.code)
		fprintf(stderr, "recast-lio-target: %s\n", err.text);
	closep(&lock);
	free(l.pool);
	return err.code ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "restore")) {
		json_wipe_freed();
		return sodium_init() < 0 ? 1 : restore(argc > 2 ? argv[2] : STATE_DEFAULT);
	}
	return driver_main(&target, argc, argv);
}
