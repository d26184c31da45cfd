/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The fabrics of a rack: zones that are in force as soon as the apply ends, one activation for all of them; who is logged
 * in where; ports that can be shut; somebody else's lock.  A WWPN that is logged in already makes the port of the
 * newcomer disabled, as a switch's that enforces logins (the first one wins).
 */
#include "mock.h"

#include "clock.h"
#include "json.h"
#include "zone.h"

#include <stdio.h>
#include <string.h>

enum { DB_LIMIT = 1024 * 1024 };

static json_t *part(struct rack *rack, const char *fabric, const char *key)
{
	return rack_child(rack_device(rack, "fabrics", fabric), key);
}

/* What a zone takes in the database, about as FOS counts. */
static int64_t zone_bytes(const char *key, const json_t *zone)
{
	return (int64_t)strlen(key) + 16 + 24 * (int64_t)json_array_size(json_object_get(zone, "members"));
}

static int64_t used_bytes(struct rack *rack, const char *fabric)
{
	json_t *zone;
	const char *key;
	int64_t n = 0;

	json_object_foreach(part(rack, fabric, "zones"), key, zone)
		n += zone_bytes(key, zone);
	return n;
}

static int64_t limit_bytes(struct mock_device *m)
{
	return json_int(rack_device(m->rack, "fabrics", m->name), "limit", DB_LIMIT);
}

/* Milliseconds for which somebody else holds the lock; 0: nobody. */
static int64_t locked_ms(struct mock_device *m)
{
	int64_t left = json_int(part(m->rack, m->name, "lock"), "until_ms", 0) - clock_wall_ms();

	return left > 0 ? left : 0;
}

static json_t *lock_document(struct mock_device *m)
{
	const json_t *lock = part(m->rack, m->name, "lock");

	if (!locked_ms(m))
		return json_pack("{s:b}", "held", 0);
	return json_pack("{s:b, s:s, s:s, s:I}", "held", 1, "user", json_str(lock, "user", ""), "from",
			 json_str(lock, "from", ""), "seconds_left", (json_int_t)(locked_ms(m) + 999) / 1000);
}

static void wait_for_lock(struct mock_device *m, struct driver_change *c)
{
	const json_t *lock = part(m->rack, m->name, "lock");
	struct error err = { 0 };

	error_set(&err, ERROR_BUSY, "%s is locked by %s from %s, %lld s left", m->name, json_str(lock, "user", ""),
		  json_str(lock, "from", ""), (long long)(locked_ms(m) + 999) / 1000);
	change_waits(c, 200, &err);
}

static json_t *zone_document(const json_t *zone, const char *key)
{
	json_t *v;

	if (!zone)
		return json_pack("{s:b}", "exists", 0);
	v = json_deep_copy(zone);
	json_object_set_new(v, "exists", json_true());
	json_object_set_new(v, "active", json_true());
	if (!json_object_get(v, "managed"))
		json_object_set_new(v, "managed", json_true());
	if (!json_object_get(v, "name"))
		json_object_set_new(v, "name", json_string(key));
	return v;
}

static json_t *wished_zone(const struct zone_wish *wish, const struct driver_change *c, const char *name)
{
	json_t *v = json_pack("{s:s, s:o, s:s, s:I}", "name", name, "members", zone_members(wish), "kind", "peer",
			      "generation", (json_int_t)wish->generation);

	if (c->owner && *c->owner)
		json_object_set_new(v, "owner", json_string(c->owner));
	return v;
}

static int fits(struct mock_device *m, const char *key, const json_t *was, const json_t *wanted, struct error *err)
{
	int64_t used = used_bytes(m->rack, m->name) + zone_bytes(key, wanted) - (was ? zone_bytes(key, was) : 0);

	if (used <= limit_bytes(m))
		return 0;
	return error_set(err, ERROR_REFUSED, "%s: the zone database is full (%lld of %lld bytes)", m->name, (long long)used,
			 (long long)limit_bytes(m));
}

static int remove_zone(struct mock_device *m, struct driver_change *c, const char *key)
{
	json_t *zones = part(m->rack, m->name, "zones");
	bool there = json_object_get(zones, key) != NULL;

	json_object_del(zones, key);
	if (there)
		m->staged = m->rack->dirty = true;
	change_done(c, there, zone_document(NULL, key));
	return 0;
}

static int put_zone(struct mock_device *m, struct driver_change *c, const char *key, const struct zone_wish *wish,
		    struct error *err)
{
	json_t *zones = part(m->rack, m->name, "zones"), *now = json_object_get(zones, key);
	char name[ZONE_NAME_SIZE];
	json_auto_t *wanted = NULL;

	if (zone_name(key, wish->generation, name, err))
		return -1;
	if (json_int(now, "generation", 0) > wish->generation)
		return error_set(err, ERROR_CONFLICT, "%s: zone %s is of generation %lld already", m->name, key,
				 (long long)json_int(now, "generation", 0));
	wanted = wished_zone(wish, c, name);
	if (json_equal(now, wanted)) {
		change_done(c, false, zone_document(now, key));
		return 0;
	}
	if (fits(m, key, now, wanted, err))
		return -1;
	json_object_set(zones, key, wanted);
	m->staged = m->rack->dirty = true;
	change_done(c, true, zone_document(wanted, key));
	return 0;
}

static int zone_change(struct mock_device *m, struct driver_change *c, const char *key, struct error *err)
{
	struct zone_wish wish;
	char name[ZONE_NAME_SIZE];

	if (zone_wish_parse(&wish, c, err) || zone_name(key, 1, name, err))
		return -1;
	if (locked_ms(m)) {
		wait_for_lock(m, c);
		return 0;
	}
	return wish.exists ? put_zone(m, c, key, &wish, err) : remove_zone(m, c, key);
}

static json_t *login_document(struct mock_device *m, const char *wwpn)
{
	json_t *login = json_object_get(part(m->rack, m->name, "logins"), wwpn), *v;

	if (!login)
		return json_pack("{s:b}", "online", 0);
	v = json_copy(login);
	json_object_set_new(v, "online", json_true());
	return v;
}

static int login_change(struct mock_device *m, struct driver_change *c, const char *wwpn, struct error *err)
{
	struct error why = { 0 };
	json_t *login;

	if (login_wish_check(c, err))
		return -1;
	login = json_object_get(part(m->rack, m->name, "logins"), wwpn);
	if (!login) {
		change_done(c, false, login_document(m, wwpn));
		return 0;
	}
	error_set(&why, ERROR_BUSY, "%s: %s is still logged in at port %s", m->name, wwpn, json_str(login, "port", ""));
	change_waits(c, 100, &why);
	return 0;
}

static bool port_enabled(struct mock_device *m, const char *port)
{
	return json_bool(json_object_get(part(m->rack, m->name, "ports"), port), "enabled", true);
}

static json_t *port_document(struct mock_device *m, const char *port)
{
	json_t *login;
	const char *wwpn;
	bool link = false;

	json_object_foreach(part(m->rack, m->name, "logins"), wwpn, login)
		link = link || !strcmp(json_str(login, "port", ""), port);
	return json_pack("{s:b, s:b, s:b}", "exists", 1, "enabled", port_enabled(m, port), "link", link);
}

/* All logins at a port; those of a card that loses its power or its port. */
static void log_out(struct rack *rack, const char *fabric, const char *port)
{
	json_t *logins = part(rack, fabric, "logins"), *login;
	const char *wwpn;
	void *next;

	json_object_foreach_safe(logins, next, wwpn, login)
		if (!strcmp(json_str(login, "port", ""), port))
			json_object_del(logins, wwpn);
	rack->dirty = true;
}

static int port_change(struct mock_device *m, struct driver_change *c, const char *port, struct error *err)
{
	bool enabled, was = port_enabled(m, port);

	if (fabric_port_wish_parse(&enabled, c, err))
		return -1;
	if (enabled != was)
		json_object_set_new(part(m->rack, m->name, "ports"), port, json_pack("{s:b}", "enabled", enabled));
	m->rack->dirty = m->rack->dirty || enabled != was;
	if (!enabled)
		log_out(m->rack, m->name, port);
	change_done(c, enabled != was, port_document(m, port));
	return 0;
}

int mock_fabric_change(struct mock_device *m, struct driver_change *c, struct error *err)
{
	enum fabric_kind kind;
	const char *name;

	if (fabric_object(c->object, &kind, &name, err))
		return -1;
	switch (kind) {
	case FABRIC_ZONE:
		return zone_change(m, c, name, err);
	case FABRIC_PORT:
		return port_change(m, c, name, err);
	case FABRIC_LOGIN:
		return login_change(m, c, name, err);
	default:
		return error_set(err, ERROR_INVALID, "%s can only be read", c->object);
	}
}

void mock_fabric_activate(struct mock_device *m)
{
	json_t *fabric = rack_device(m->rack, "fabrics", m->name);

	if (m->staged)
		json_object_set_new(fabric, "activations", json_integer(json_int(fabric, "activations", 0) + 1));
	m->staged = false;
}

static json_t *config_document(struct mock_device *m)
{
	const json_t *fabric = rack_device(m->rack, "fabrics", m->name);

	return json_pack("{s:s, s:s}", "name", json_str(fabric, "config", "mock"), "default_access", "none");
}

static json_t *capacity_document(struct mock_device *m)
{
	return json_pack("{s:I, s:I}", "used_bytes", (json_int_t)used_bytes(m->rack, m->name), "limit_bytes",
			 (json_int_t)limit_bytes(m));
}

static json_t *whole_document(struct mock_device *m)
{
	json_t *zones = json_object(), *logins = json_object(), *ports = json_object(), *one;
	const char *name;

	json_object_foreach(part(m->rack, m->name, "zones"), name, one)
		json_object_set_new(zones, name, zone_document(one, name));
	json_object_foreach(part(m->rack, m->name, "logins"), name, one)
		json_object_set_new(logins, name, login_document(m, name));
	json_object_foreach(part(m->rack, m->name, "ports"), name, one)
		json_object_set_new(ports, name, port_document(m, name));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "config", config_document(m), "zones", zones, "logins", logins,
			 "ports", ports, "lock", lock_document(m), "capacity", capacity_document(m));
}

static void add_object(struct mock_device *m, json_t *document, enum fabric_kind kind, const char *name)
{
	switch (kind) {
	case FABRIC_ZONE:
		json_object_set_new(rack_child(document, "zones"), name,
				    zone_document(json_object_get(part(m->rack, m->name, "zones"), name), name));
		break;
	case FABRIC_PORT:
		json_object_set_new(rack_child(document, "ports"), name, port_document(m, name));
		break;
	case FABRIC_LOGIN:
		json_object_set_new(rack_child(document, "logins"), name, login_document(m, name));
		break;
	case FABRIC_CONFIG:
		json_object_set_new(document, "config", config_document(m));
		break;
	case FABRIC_LOCK:
		json_object_set_new(document, "lock", lock_document(m));
		break;
	case FABRIC_CAPACITY:
		json_object_set_new(document, "capacity", capacity_document(m));
		break;
	}
}

json_t *mock_fabric_document(struct mock_device *m, const json_t *objects, struct error *err)
{
	json_t *document = json_object();
	const json_t *one;
	enum fabric_kind kind;
	const char *name;
	size_t i;

	if (!objects) {
		json_decref(document);
		return whole_document(m);
	}
	json_array_foreach(objects, i, one) {
		if (fabric_object(json_string_value(one) ? json_string_value(one) : "", &kind, &name, err)) {
			json_decref(document);
			return NULL;
		}
		add_object(m, document, kind, name);
	}
	return document;
}

bool mock_fabric_login(struct rack *rack, const char *fabric, const char *port, const char *wwpn)
{
	json_t *logins = part(rack, fabric, "logins"), *there = json_object_get(logins, wwpn), *state = rack_device(rack, "fabrics", fabric);

	rack->dirty = true;
	if (!json_bool(json_object_get(part(rack, fabric, "ports"), port), "enabled", true))
		return false;
	if (there && strcmp(json_str(there, "port", ""), port) != 0) {
		json_object_set_new(part(rack, fabric, "ports"), port, json_pack("{s:b}", "enabled", 0));
		log_out(rack, fabric, port);
		return false;
	}
	if (!there) {
		int64_t n = json_int(state, "fcids", 0x010000) + 1;
		char fcid[12];

		snprintf(fcid, sizeof(fcid), "0x%06x", (unsigned)n & 0xffffff);
		json_object_set_new(state, "fcids", json_integer(n));
		json_object_set_new(logins, wwpn, json_pack("{s:s, s:s}", "fcid", fcid, "port", port));
	}
	return true;
}

void mock_fabric_logout(struct rack *rack, const char *fabric, const char *wwpn)
{
	if (!json_object_del(part(rack, fabric, "logins"), wwpn))
		rack->dirty = true;
}

bool mock_fabric_zoned(struct rack *rack, const char *fabric, const char *a, const char *b)
{
	json_t *zone;
	const json_t *one;
	const char *key;
	size_t i;

	json_object_foreach(part(rack, fabric, "zones"), key, zone) {
		int found = 0;

		json_array_foreach(json_object_get(zone, "members"), i, one)
			found |= !strcmp(json_string_value(one), a) ? 1 : !strcmp(json_string_value(one), b) ? 2 : 0;
		if (found == 3)
			return true;
	}
	return false;
}
