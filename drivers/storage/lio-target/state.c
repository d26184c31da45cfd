/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is kept over a reboot.  configfs forgets everything; the state file holds all that is ours in it, secrets as well
 * (so does the kernel's own interface), and is replaced whole before a change is said to be done.  It is read by `restore`
 * and by nobody else: what is there is what configfs says.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"
#include "secret.h"
#include "text.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_MAX = 16 * 1024 * 1024, STATE_VERSION = 1 };

static json_t *credentials_of(const struct lio *l, const json_t *map)
{
	const char *iqn = json_str(map, "target", NULL);
	json_t *all = json_object();
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(map, "initiators"), i, one) {
		const char *name = json_string_value(one);
		char *user = iqn ? tree_get(l, "iscsi/%s/tpgt_1/acls/%s/auth/userid", iqn, name) : NULL;
		char *secret = user ? tree_get(l, "iscsi/%s/tpgt_1/acls/%s/auth/password", iqn, name) : NULL;

		if (secret && *user && strcmp(user, "NULL") != 0)
			json_object_set_new(all, name, json_pack("{s:s, s:s}", "user", user, "secret", secret));
		if (secret)
			secret_wipe(secret, strlen(secret));
		free(secret);
		free(user);
	}
	return all;
}

static json_t *serials_of(const struct lio *l, const json_t *map)
{
	const json_t *volume;
	json_t *all = json_object();
	const char *lun;

	json_object_foreach(json_object_get(map, "luns"), lun, volume) {
		bool ours;
		_cleanup_(freep) char *which = backstore_of(l, json_string_value(volume), &ours);
		_cleanup_(freep) char *serial = which ? backstore_serial(l, which) : NULL;

		if (serial)
			json_object_set_new(all, json_string_value(volume), json_string(serial));
	}
	return all;
}

static json_t *state_now(const struct lio *l)
{
	json_auto_t *view = view_read(l);
	json_t *maps = json_array();
	const json_t *map;
	size_t i;

	json_array_foreach(view, i, map) {
		json_t *kept;

		/* What is half made is not made again: it will be asked for. */
		if (!json_bool(map, "managed", false) || json_bool(map, "broken", false))
			continue;
		kept = json_pack("{s:O, s:O, s:O, s:O, s:O, s:o, s:o}", "map", json_object_get(map, "map"), "fc",
				 json_object_get(map, "fc"), "initiators", json_object_get(map, "initiators"), "luns",
				 json_object_get(map, "luns"), "generation", json_object_get(map, "generation"), "credentials",
				 credentials_of(l, map), "serials", serials_of(l, map));
		json_object_set(kept, "target", json_object_get(map, "target"));
		json_object_set(kept, "ports", json_object_get(map, "ports"));
		json_array_append_new(maps, kept);
	}
	return json_pack("{s:i, s:s, s:s, s:s, s:O, s:o}", "recast_lio", STATE_VERSION, "configfs", l->root, "pool", l->pool, "suffix",
			 l->suffix, "portals", l->portals, "maps", maps);
}

int state_save(const struct lio *l, struct error *err)
{
	json_auto_t *now = state_now(l);
	char *text = json_canonical(now), *was = text_read_file(l->state, STATE_MAX, NULL);
	_cleanup_(freep) char *folder = xstrdup(l->state);
	int rc = 0;

	if (!was || strcmp(was, text) != 0)
		rc = write_whole(l->state, text, strlen(text), err) || sync_folder(dirname(folder), err) ? -1 : 0;
	secret_wipe(text, strlen(text));
	if (was)
		secret_wipe(was, strlen(was));
	free(text);
	free(was);
	return rc ? error_wrap(err, "what is kept over a reboot") : 0;
}

json_t *state_read(const char *path, struct error *err)
{
	size_t len = 0;
	char *text = text_read_file(path, STATE_MAX, &len);
	json_t *state = text ? json_decode(text, len, err) : NULL;

	if (!text)
		error_set(err, ERROR_INVALID, "%s: %s", path, strerror(errno));
	else
		secret_wipe(text, len);
	free(text);
	if (state && json_int(state, "recast_lio", 0) == STATE_VERSION && json_is_array(json_object_get(state, "maps")))
		return state;
	if (state)
		error_set(err, ERROR_INVALID, "%s is not a state file of version %d", path, STATE_VERSION);
	json_decref(state);
	return NULL;
}

static int restore_map(struct lio *l, const json_t *kept, const json_t *view, struct error *err)
{
	const char *name = json_str(kept, "map", "");
	struct lio_map m = { .name = name,
			     .wish = { .exists = true,
				       .fc = json_bool(kept, "fc", false),
				       .ports = json_object_get(kept, "ports"),
				       .target = json_str(kept, "target", NULL),
				       .initiators = json_object_get(kept, "initiators"),
				       .luns = json_object_get(kept, "luns"),
				       .generation = json_int(kept, "generation", 0) },
			     .credentials = json_object_get(kept, "credentials"),
			     .serials = json_object_get(kept, "serials") };

	if (!text_is_name(name) || (!m.wish.fc && (!m.wish.target || !is_iscsi_name(m.wish.target))))
		return error_set(err, ERROR_INVALID, "a map without a name or a target");
	/* What is there has been made since: it is newer than what was kept. */
	if (view_find(view, name) || (!m.wish.fc && view_find_target(view, m.wish.target)))
		return 0;
	return map_make(l, &m, err) ? error_wrap(err, "map %s", name) : 0;
}

int state_restore(struct lio *l, struct error *err)
{
	json_auto_t *state = state_read(l->state, err), *view = state ? view_read(l) : NULL;
	const json_t *kept;
	int rc = state ? 0 : -1;
	size_t i;

	/* One that cannot be made again keeps no other from it; the first error is told. */
	json_array_foreach(json_object_get(state, "maps"), i, kept)
		if (restore_map(l, kept, view, rc ? NULL : err))
			rc = -1;
	return rc;
}
