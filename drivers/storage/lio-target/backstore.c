/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Backstores: the kernel's object for a volume that is mapped.  Ours are called as the volume, below LIO_HBA, and live from
 * the first map of the volume to the last.
 */
#include "target.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SERIAL_SIZE = 33 };

/* The same volume has the same serial number wherever and whenever it is mapped: hosts know disks by it. */
static void serial_of(const char *volume, char out[SERIAL_SIZE])
{
	unsigned char hash[SERIAL_SIZE / 2];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)volume, strlen(volume), NULL, 0);
	sodium_bin2hex(out, SERIAL_SIZE, hash, sizeof(hash));
}

char *backstore_serial(const struct lio *l, const char *which)
{
	_cleanup_(freep) char *text = tree_get(l, "core/%s/wwn/vpd_unit_serial", which);
	const char *at = text ? strstr(text, ": ") : NULL;

	return text ? xstrdup(at ? at + 2 : text) : NULL;
}

/* The file of a backstore: as it was told, or as the kernel tells of one that somebody else made. */
static char *file_of(const struct lio *l, const char *which)
{
	char *path = tree_get(l, "core/%s/udev_path", which), *end;
	_cleanup_(freep) char *info = NULL;
	const char *at;

	if (path && *path)
		return path;
	free(path);
	info = tree_get(l, "core/%s/info", which);
	at = info ? strstr(info, "File: ") : NULL;
	if (!at)
		return NULL;
	path = xstrdup(at + strlen("File: "));
	end = strstr(path, "  Size:");
	if (end)
		*end = '\0';
	return path;
}

char *backstore_volume(const struct lio *l, const char *which)
{
	_cleanup_(freep) char *path = file_of(l, which);

	return path ? volume_of_path(l, path) : xstrdup(which);
}

char *backstore_of(const struct lio *l, const char *volume, bool *ours)
{
	json_auto_t *hbas = tree_list(l, "", "core");
	const json_t *hba, *name;
	size_t i, k;

	json_array_foreach(hbas, i, hba) {
		json_auto_t *names = tree_list(l, "", "core/%s", json_string_value(hba));

		json_array_foreach(names, k, name) {
			_cleanup_(freep) char *which = xasprintf("%s/%s", json_string_value(hba), json_string_value(name));
			_cleanup_(freep) char *is = backstore_volume(l, which);

			if (strcmp(is, volume) != 0)
				continue;
			*ours = !strcmp(json_string_value(hba), LIO_HBA);
			return steal_ptr(which);
		}
	}
	return NULL;
}

static bool enabled(const struct lio *l, const char *volume)
{
	_cleanup_(freep) char *text = tree_get(l, "core/%s/%s/enable", LIO_HBA, volume);

	return text && !strcmp(text, "1");
}

bool backstore_right(const struct lio *l, const char *volume)
{
	_cleanup_(freep) char *which = xasprintf("%s/%s", LIO_HBA, volume), *is = backstore_serial(l, which);
	_cleanup_(freep) char *file = file_of(l, which), *path = volume_path(l, volume);

	return enabled(l, volume) && is && *is && file && !strcmp(file, path);
}

static int configure(const struct lio *l, const char *volume, const char *serial, struct error *err)
{
	_cleanup_(freep) char *path = volume_path(l, volume), *control = NULL;
	json_auto_t *document = volume_document(l, volume);

	control = xasprintf("fd_dev_name=%s,fd_dev_size=%lld", path, (long long)json_int(document, "size_bytes", 0));
	if (tree_put(l, control, err, "core/%s/%s/control", LIO_HBA, volume) ||
	    tree_put(l, path, err, "core/%s/%s/udev_path", LIO_HBA, volume) ||
	    tree_put(l, "1", err, "core/%s/%s/enable", LIO_HBA, volume))
		return -1;
	return tree_put(l, serial, err, "core/%s/%s/wwn/vpd_unit_serial", LIO_HBA, volume);
}

int backstore_make(const struct lio *l, const char *volume, const json_t *serials, struct error *err)
{
	char serial[SERIAL_SIZE];

	if (backstore_right(l, volume))
		return 0;
	/* One that was begun is begun again; one that is in use cannot be, and is as it should be. */
	tree_remove(l, NULL, "core/%s/%s", LIO_HBA, volume);
	serial_of(volume, serial);
	if (tree_make(l, err, "core/%s", LIO_HBA) || tree_make(l, err, "core/%s/%s", LIO_HBA, volume) ||
	    (l->plain && tree_make(l, err, "core/%s/%s/wwn", LIO_HBA, volume)))
		return -1;
	return configure(l, volume, json_str(serials, volume, serial), err);
}

/* Is a LUN of the fabric's groups linked to it? */
static void note_links(const struct lio *l, const char *fabric, json_t *used)
{
	json_auto_t *nodes = tree_list(l, "", "%s", fabric);
	const json_t *node, *tpg, *lun;
	size_t i, j, k;

	json_array_foreach(nodes, i, node) {
		json_auto_t *tpgs = tree_list(l, "tpgt_", "%s/%s", fabric, json_string_value(node));

		json_array_foreach(tpgs, j, tpg) {
			_cleanup_(freep) char *at = xasprintf("%s/%s/%s/lun", fabric, json_string_value(node),
							      json_string_value(tpg));
			json_auto_t *luns = tree_list(l, "lun_", "%s", at);

			json_array_foreach(luns, k, lun) {
				_cleanup_(freep) char *which = tree_link_of(l, "%s/%s", at, json_string_value(lun));

				if (which)
					json_object_set_new(used, which, json_true());
			}
		}
	}
}

void backstores_sweep(const struct lio *l)
{
	json_auto_t *used = json_object(), *ours = tree_list(l, "", "core/%s", LIO_HBA),
		    *fabrics = tree_list(l, "", "%s", ".");
	const json_t *one;
	size_t i, kept = 0;

	json_array_foreach(fabrics, i, one)
		if (strcmp(json_string_value(one), "core") != 0)
			note_links(l, json_string_value(one), used);
	json_array_foreach(ours, i, one) {
		_cleanup_(freep) char *which = xasprintf("%s/%s", LIO_HBA, json_string_value(one));

		/* The kernel removes none that is linked; a plain folder would. */
		if (!json_object_get(used, which))
			tree_remove(l, NULL, "core/%s", which);
		else
			kept++;
	}
	if (!kept)
		tree_remove(l, NULL, "core/%s", LIO_HBA);
}
