/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The document of the class fabric out of a view.  See brocade.h.
 */
#include "brocade.h"

#include "json.h"

#include <string.h>

/* All that a zone names, sorted. */
static json_t *members_of(const json_t *zone)
{
	const json_t *a = json_object_get(zone, "members"), *b = json_object_get(zone, "principals");
	json_t *out = json_array();
	size_t i = 0, k = 0;

	while (i < json_array_size(a) || k < json_array_size(b)) {
		json_t *x = json_array_get(a, i), *y = json_array_get(b, k);
		int order = !x ? 1 : !y ? -1 : strcmp(json_string_value(x), json_string_value(y));

		json_array_append(out, order <= 0 ? x : y);
		i += order <= 0;
		k += order >= 0;
	}
	return out;
}

/* Zone @name as it is in force, else as it is defined. */
static json_t *zone_called(const struct fos_view *view, const char *name)
{
	const json_t *active = json_object_get(view->active, name), *zone = active ? active : json_object_get(view->zones, name);

	return zone_to_document(name, members_of(zone), json_str(zone, "kind", "plain"), active != NULL);
}

json_t *fos_zone_document(const struct fos_view *view, const char *key)
{
	const char *name = NULL;
	int64_t generation = 0;

	zone_highest(view->zones, key, &name, &generation);
	zone_highest(view->active, key, &name, &generation);
	return name ? zone_called(view, name) : json_pack("{s:b}", "exists", 0);
}

static void add_zones(const struct fos_view *view, const json_t *zones, json_t *document)
{
	char key[ZONE_KEY_SIZE];
	const char *name;
	int64_t n;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)zones, name, v)
		if (zone_name_parse(name, key, &n))
			json_object_set_new(document, key, fos_zone_document(view, key));
		else
			json_object_set_new(document, name, zone_called(view, name));
}

json_t *fos_zones_document(const struct fos_view *view)
{
	json_t *document = json_object();

	add_zones(view, view->zones, document);
	add_zones(view, view->active, document);
	return document;
}

json_t *fos_login_document(const struct fos_view *view, const char *wwpn)
{
	json_t *login = json_object_get(view->logins, wwpn);

	return login ? json_incref(login) : json_pack("{s:b}", "online", 0);
}

static json_t *port_part(const json_t *port)
{
	if (!port)
		return json_pack("{s:b}", "exists", 0);
	return json_pack("{s:b, s:b, s:b}", "exists", 1, "enabled", json_bool(port, "enabled", false), "link",
			 json_bool(port, "link", false));
}

json_t *fos_port_document(const struct fos_view *view, const char *name)
{
	return port_part(fos_port(view, name));
}

json_t *fos_ports_document(const struct fos_view *view)
{
	json_t *document = json_object(), *port;
	const char *name;

	json_object_foreach(view->ports, name, port)
		json_object_set_new(document, name, port_part(port));
	return document;
}

json_t *fos_config_document(const struct fos_view *view)
{
	return json_pack("{s:s, s:s}", "name", view->config, "default_access", view->default_all ? "all" : "none");
}

json_t *fos_lock_document(const struct fos_lane *lane, const struct fos_view *view)
{
	const struct fos_lock *lock = &view->lock;

	if (lock->held && !fos_lock_is_ours(lane, lock))
		return json_pack("{s:b, s:s, s:s, s:I}", "held", 1, "user", lock->user, "from", lock->from, "seconds_left",
				 (json_int_t)lock->seconds);
	/* Firmware without a lock tells no more than that somebody has changes open. */
	return json_pack("{s:b}", "held", !lock->held && view->token != 0);
}

json_t *fos_capacity_document(const struct fos_view *view)
{
	if (view->limit <= 0 || view->used < 0)
		return NULL;
	return json_pack("{s:I, s:I}", "used_bytes", (json_int_t)view->used, "limit_bytes", (json_int_t)view->limit);
}
