/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads the replies of a switch into a view.  See brocade.h.  A list of one element may come as that element, a number as
 * text; what is not understood is read as absent.
 */
#include "brocade.h"

#include "arena.h"
#include "json.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *fos_list(const json_t *v)
{
	if (json_is_array(v))
		return json_incref((json_t *)(uintptr_t)v);
	if (json_is_object(v) || (json_is_string(v) && json_string_length(v)))
		return json_pack("[O]", v);
	return json_array();
}

static int64_t number(const json_t *object, const char *key, int64_t missing)
{
	const json_t *v = json_object_get(object, key);
	int64_t n;

	if (json_is_integer(v))
		return json_integer_value(v);
	if (json_is_boolean(v))
		return json_is_true(v);
	if (json_is_string(v) && !strcmp(json_string_value(v), "true"))
		return 1;
	return json_is_string(v) && !text_parse_int(json_string_value(v), INT64_MIN, INT64_MAX, &n) ? n : missing;
}

static void copy(char out[FOS_WORD], const json_t *object, const char *key)
{
	snprintf(out, FOS_WORD, "%s", json_str(object, key, ""));
	text_clean_utf8(out);
}

/* The texts of a list as a sorted one without doubles, WWNs in canonical form. */
static json_t *sorted(const json_t *v)
{
	json_auto_t *list = fos_list(v);
	json_t *seen = json_object(), *out, *one;
	const char **names = xcalloc(json_array_size(list) + 1, sizeof(*names)), *name;
	size_t i, n = 0;

	json_array_foreach(list, i, one) {
		char wwn[WWN_SIZE];

		name = json_string_value(one);
		if (name && *name)
			json_object_set_new(seen, wwn_canonical(name, wwn) ? wwn : name, json_true());
	}
	json_object_foreach(seen, name, one)
		names[n++] = name;
	out = zone_texts(names, n);
	free(names);
	json_decref(seen);
	return out;
}

void fos_view_fini(struct fos_view *view)
{
	json_decref(view->active);
	json_decref(view->zones);
	json_decref(view->cfgs);
	json_decref(view->aliases);
	json_decref(view->ports);
	json_decref(view->logins);
	*view = (struct fos_view){ 0 };
}

static bool is_peer(const json_t *zone)
{
	const char *word = json_str(zone, "zone-type-string", NULL);

	return word ? strstr(word, "peer") != NULL : number(zone, "zone-type", 0) != 0;
}

static json_t *zone_of(const json_t *v)
{
	const json_t *member = json_object_get(v, "member-entry");

	return json_pack("{s:s, s:o, s:o}", "kind", is_peer(v) ? "peer" : "plain", "members",
			 sorted(json_object_get(member, "entry-name")), "principals",
			 sorted(json_object_get(member, "principal-entry-name")));
}

static json_t *zones_of(const json_t *v)
{
	json_auto_t *list = fos_list(v);
	json_t *zones = json_object(), *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (*json_str(one, "zone-name", ""))
			json_object_set_new(zones, json_str(one, "zone-name", ""), zone_of(one));
	return zones;
}

/* {NAME: [member]} out of a list of {@key: NAME, @inner: {@leaf: …}}. */
static json_t *lists_of(const json_t *v, const char *key, const char *inner, const char *leaf)
{
	json_auto_t *list = fos_list(v);
	json_t *out = json_object(), *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (*json_str(one, key, ""))
			json_object_set_new(out, json_str(one, key, ""), sorted(json_object_get(json_object_get(one, inner), leaf)));
	return out;
}

int fos_take_effective(struct fos_view *view, const json_t *reply, struct error *err)
{
	const json_t *e = json_object_get(reply, "effective-configuration");

	if (!json_is_object(e) || !json_str(e, "checksum", NULL))
		return error_set(err, ERROR_PROTOCOL, "it did not tell its effective configuration and its checksum");
	copy(view->config, e, "cfg-name");
	copy(view->checksum, e, "checksum");
	view->default_all = number(e, "default-zone-access", 0) != 0;
	view->limit = number(e, "db-max", 0);
	view->used = number(e, "db-committed", 0);
	view->token = number(e, "transaction-token", 0);
	json_decref(view->active);
	view->active = zones_of(json_object_get(e, "enabled-zone"));
	return 0;
}

void fos_take_defined(struct fos_view *view, const json_t *reply)
{
	const json_t *d = json_object_get(reply, "defined-configuration");

	json_decref(view->zones);
	json_decref(view->cfgs);
	json_decref(view->aliases);
	view->zones = zones_of(json_object_get(d, "zone"));
	view->cfgs = lists_of(json_object_get(d, "cfg"), "cfg-name", "member-zone", "zone-name");
	view->aliases = lists_of(json_object_get(d, "alias"), "alias-name", "member-entry", "alias-entry-name");
}

void fos_take_lock(struct fos_lock *lock, const json_t *reply)
{
	const json_t *l = json_object_get(reply, "fabric-lock");

	*lock = (struct fos_lock){ .known = json_is_object(l) };
	lock->held = number(l, "lock-principal-domain-id", 0) != 0;
	lock->seconds = number(l, "remaining-time", 0);
	if (lock->seconds < 0)
		lock->seconds = 0;
	copy(lock->user, l, "client-user-name");
	copy(lock->from, l, "client-ip-address");
	copy(lock->application, l, "client-application-name");
}

/* As the switch's own tools call it: the index on a switch without slots ("0/4" is "4"), else slot and port. */
static const char *port_name(const char *wire)
{
	return !strncmp(wire, "0/", 2) && wire[2] ? wire + 2 : wire;
}

static json_t *port_of(const json_t *v, const char *wire)
{
	bool persistent = number(v, "persistent-disable", 0) != 0;
	bool enabled = number(v, "is-enabled-state", number(v, "enabled-state", 0) == 2) != 0;
	int64_t index = number(v, "default-index", -1);

	if (index < 0 && (wire == port_name(wire) || text_parse_int(port_name(wire), 0, INT32_MAX, &index)))
		index = -1;
	return json_pack("{s:b, s:b, s:b, s:s, s:I, s:b, s:b}", "exists", 1, "enabled", enabled && !persistent, "link",
			 number(v, "operational-status", 0) == 2, "wire", wire, "index", (json_int_t)index, "persistent", persistent,
			 "by_state", json_object_get(v, "is-enabled-state") == NULL);
}

void fos_take_ports(struct fos_view *view, const json_t *reply)
{
	json_auto_t *list = fos_list(json_object_get(reply, "fibrechannel"));
	json_t *one;
	size_t i;

	json_decref(view->ports);
	view->ports = json_object();
	json_array_foreach(list, i, one) {
		const char *wire = json_str(one, "name", "");

		if (*wire)
			json_object_set_new(view->ports, port_name(wire), port_of(one, wire));
	}
}

static const char *name_of_index(const struct fos_view *view, int64_t index)
{
	const char *name;
	json_t *port;

	json_object_foreach(view->ports, name, port)
		if (index >= 0 && json_int(port, "index", -1) == index)
			return name;
	return NULL;
}

json_t *fos_port(const struct fos_view *view, const char *name)
{
	json_t *port = json_object_get(view->ports, port_name(name));
	int64_t index;

	if (port || strchr(name, '/') || text_parse_int(name, 0, INT32_MAX, &index))
		return port;
	name = name_of_index(view, index);
	return name ? json_object_get(view->ports, name) : NULL;
}

static json_t *login_of(const struct fos_view *view, const json_t *v)
{
	int64_t index = number(v, "port-index", -1);
	const char *port = name_of_index(view, index), *id = json_str(v, "port-id", "");
	unsigned long fcid = json_is_string(json_object_get(v, "port-id")) ? strtoul(id, NULL, 16)
									     : (unsigned long)number(v, "port-id", 0);
	char node[WWN_SIZE];
	json_t *login = json_pack("{s:b}", "online", 1);

	json_setf(login, "fcid", "0x%06lx", fcid & 0xffffff);
	if (port)
		json_object_set_new(login, "port", json_string(port));
	else
		json_setf(login, "port", "%lld", (long long)index);
	if (wwn_canonical(json_str(v, "node-name", ""), node))
		json_object_set_new(login, "node", json_string(node));
	return login;
}

/* That a WWPN is not there proves that a machine is fenced: what cannot be read whole is no proof. */
int fos_take_logins(struct fos_view *view, const json_t *reply, struct error *err)
{
	json_auto_t *list = fos_list(json_object_get(reply, "fibrechannel-name-server"));
	char wwpn[WWN_SIZE];
	json_t *one;
	size_t i;

	json_decref(view->logins);
	view->logins = json_object();
	json_array_foreach(list, i, one) {
		if (!wwn_canonical(json_str(one, "port-name", ""), wwpn))
			return error_set(err, ERROR_PROTOCOL, "its name server tells of a login without a WWPN");
		json_object_set_new(view->logins, wwpn, login_of(view, one));
	}
	return 0;
}

void fos_take_firmware(const json_t *reply, char *firmware, size_t size)
{
	json_auto_t *list = fos_list(json_object_get(reply, "fibrechannel-switch"));

	snprintf(firmware, size, "%s", json_str(json_array_get(list, 0), "firmware-version", ""));
	text_clean_utf8(firmware);
}

json_t *fos_zone_new(const struct zone_wish *wish, bool peer)
{
	json_t *zone, *targets = json_array();
	int i;

	if (!peer) {
		json_decref(targets);
		return json_pack("{s:s, s:o, s:[]}", "kind", "plain", "members", zone_members(wish), "principals");
	}
	for (i = 0; i < wish->n_targets; i++)
		json_array_append_new(targets, json_string(wish->targets[i]));
	zone = json_pack("{s:s, s:[s], s:o}", "kind", "peer", "members", wish->initiator, "principals", sorted(targets));
	json_decref(targets);
	return zone;
}
