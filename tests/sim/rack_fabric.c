/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The two fabrics of the simulated room: zones, logins, ports that can be shut, another admin's lock.  Machine N's card is at
 * port N of each.  A WWPN that is logged in already has the newcomer's port shut, as on a switch where the first login
 * wins; that this happens is what a story must never see, unless nobody could know.
 */
#include "rack_private.h"

#include "json.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rack_wwpn(int persona, int side, char out[WWN_SIZE])
{
	snprintf(out, WWN_SIZE, "20:00:02:ca:57:00:%02x:%02x", side & 255, (persona + 1) & 255);
}

void rack_array_wwpn(int array, int side, char out[WWN_SIZE])
{
	snprintf(out, WWN_SIZE, "50:00:02:00:00:00:%02x:%02x", side & 255, (array + 1) & 255);
}

void rack_fabrics(struct rack *r)
{
	struct rack_fabric *f;
	int i, k;

	r->n_fabrics = RACK_FABRICS;
	for (i = 0; i < RACK_FABRICS; i++) {
		f = &r->fabrics[i];
		f->dev = (struct rack_device){ .rack = r, .cls = RACK_FABRIC, .index = i };
		snprintf(f->dev.name, sizeof(f->dev.name), "fab-%c", 'a' + i);
		for (k = 0; k < RACK_MACHINES; k++)
			f->ports[k].enabled = true;
	}
}

static struct rack_zone *zone_of(struct rack_fabric *f, const char *key)
{
	int i;

	for (i = 0; i < RACK_ZONES; i++)
		if (f->zones[i].key[0] && !strcmp(f->zones[i].key, key))
			return &f->zones[i];
	return NULL;
}

static bool is_member(const struct rack_zone *z, const char *wwpn)
{
	int i;

	for (i = 0; i < z->n_members; i++)
		if (!strcmp(z->members[i], wwpn))
			return true;
	return false;
}

static json_t *zone_document(const struct rack_zone *z)
{
	json_t *members = json_array();
	char name[ZONE_NAME_SIZE];
	struct error err = { 0 };
	int i;

	if (!z) {
		json_decref(members);
		return json_pack("{s:b}", "exists", 0);
	}
	for (i = 0; i < z->n_members; i++)
		json_array_append_new(members, json_string_nocheck(z->members[i]));
	zone_name(z->key, z->generation, name, &err);
	return json_pack("{s:b, s:s, s:o, s:s, s:b, s:I, s:b}", "exists", 1, "name", name, "members", members, "kind", "peer",
			 "active", 1, "generation", (json_int_t)z->generation, "managed", 1);
}

/* Somebody else's lock: nothing is done, and who it is. */
static bool is_locked(struct rack_fabric *f, struct driver_change *c)
{
	int64_t left = f->locked_until - f->dev.rack->sim->now;
	struct error err = { 0 };

	if (left <= 0)
		return false;
	error_set(&err, ERROR_BUSY, "%s is locked by carol, %lld s left", f->dev.name, (long long)(left / 1000));
	change_waits(c, 1000, &err);
	return true;
}

static void take_members(struct rack_zone *z, const struct zone_wish *wish)
{
	json_t *members = zone_members(wish), *one;
	size_t i;

	z->n_members = 0;
	json_array_foreach(members, i, one)
		if (z->n_members < RACK_MEMBERS)
			snprintf(z->members[z->n_members++], WWN_SIZE, "%s", json_string_value(one));
	json_decref(members);
}

static int zone_put(struct rack_fabric *f, const char *key, const struct zone_wish *wish, struct driver_change *c, struct error *err)
{
	struct rack_zone *z = zone_of(f, key), want = { .generation = wish->generation };
	bool changed;
	int i;

	if (z && z->generation > wish->generation)
		return error_set(err, ERROR_CONFLICT, "zone %s is of generation %lld", key, (long long)z->generation);
	snprintf(want.key, sizeof(want.key), "%s", key);
	take_members(&want, wish);
	for (i = 0; !z && i < RACK_ZONES; i++)
		if (!f->zones[i].key[0])
			z = &f->zones[i];
	if (!z)
		return error_set(err, ERROR_REFUSED, "%s has no room for zone %s", f->dev.name, key);
	changed = memcmp(z, &want, sizeof(want)) != 0;
	*z = want;
	change_done(c, changed, zone_document(z));
	if (changed) {
		rack_trace(f->dev.rack, "%s: zone %s in generation %lld", f->dev.name, key, (long long)want.generation);
		rack_changed(f->dev.rack);
	}
	return 0;
}

static int zone_change(struct rack_fabric *f, const char *key, struct driver_change *c, struct error *err)
{
	struct rack_zone *z = zone_of(f, key);
	struct zone_wish wish;

	if (zone_wish_parse(&wish, c, err))
		return -1;
	if (is_locked(f, c))
		return 0;
	if (wish.exists)
		return zone_put(f, key, &wish, c, err);
	change_done(c, z != NULL, zone_document(NULL));
	if (z) {
		rack_trace(f->dev.rack, "%s: zone %s is gone", f->dev.name, key);
		*z = (struct rack_zone){ 0 };
		rack_changed(f->dev.rack);
	}
	return 0;
}

static int machine_at(const struct rack_fabric *f, const char *port)
{
	int i = atoi(port) - 1;

	return i >= 0 && i < f->dev.rack->n_machines ? i : -1;
}

static json_t *port_document(const struct rack_fabric *f, const char *port)
{
	int i = machine_at(f, port);

	if (i < 0)
		return json_pack("{s:b}", "exists", 0);
	return json_pack("{s:b, s:b, s:b}", "exists", 1, "enabled", f->ports[i].enabled, "link", f->ports[i].wwpn[0] != '\0');
}

static int port_change(struct rack_fabric *f, const char *port, struct driver_change *c, struct error *err)
{
	int i = machine_at(f, port);
	bool enabled;

	if (fabric_port_wish_parse(&enabled, c, err))
		return -1;
	if (i < 0)
		return error_set(err, ERROR_REFUSED, "%s has no port %s", f->dev.name, port);
	change_done(c, f->ports[i].enabled != enabled, NULL);
	f->ports[i].enabled = enabled;
	if (!enabled)
		f->ports[i].wwpn[0] = '\0';
	rack_trace(f->dev.rack, "%s: port %s is %s", f->dev.name, port, enabled ? "open" : "shut");
	rack_changed(f->dev.rack);
	return 0;
}

static int holder_of(const struct rack_fabric *f, const char *wwpn)
{
	int i;

	for (i = 0; i < f->dev.rack->n_machines; i++)
		if (!strcmp(f->ports[i].wwpn, wwpn))
			return i;
	return -1;
}

static json_t *login_document(const struct rack_fabric *f, const char *wwpn)
{
	int i = holder_of(f, wwpn);

	if (i < 0)
		return json_pack("{s:b}", "online", 0);
	return json_pack("{s:b, s:o, s:o}", "online", 1, "fcid", json_sprintf("0x01%02x01", i + 1), "port", json_sprintf("%d", i + 1));
}

static int login_change(struct rack_fabric *f, const char *wwpn, struct driver_change *c, struct error *err)
{
	struct error why = { 0 };

	if (login_wish_check(c, err))
		return -1;
	if (holder_of(f, wwpn) < 0) {
		change_done(c, false, NULL);
		return 0;
	}
	error_set(&why, ERROR_BUSY, "%s is still logged in", wwpn);
	change_waits(c, 500, &why);
	return 0;
}

int fabric_change(struct rack_fabric *f, struct driver_change *c, struct error *err)
{
	enum fabric_kind kind;
	const char *name;

	if (fabric_object(c->object, &kind, &name, err))
		return -1;
	if (kind == FABRIC_ZONE)
		return zone_change(f, name, c, err);
	if (kind == FABRIC_PORT)
		return port_change(f, name, c, err);
	if (kind == FABRIC_LOGIN)
		return login_change(f, name, c, err);
	return error_set(err, ERROR_INVALID, "%s can only be read", c->object);
}

static void add(struct rack_fabric *f, json_t *document, const char *section, const char *name, json_t *value)
{
	json_t *in = json_object_get(document, section);

	if (!in) {
		in = json_object();
		json_object_set_new_nocheck(document, section, in);
	}
	json_object_set_new_nocheck(in, name, value);
	(void)f;
}

static void add_object(struct rack_fabric *f, json_t *document, enum fabric_kind kind, const char *name)
{
	bool held = f->locked_until > f->dev.rack->sim->now;

	switch (kind) {
	case FABRIC_ZONE:
		add(f, document, "zones", name, zone_document(zone_of(f, name)));
		break;
	case FABRIC_PORT:
		add(f, document, "ports", name, port_document(f, name));
		break;
	case FABRIC_LOGIN:
		add(f, document, "logins", name, login_document(f, name));
		break;
	case FABRIC_CONFIG:
		json_object_set_new_nocheck(document, "config", json_pack("{s:s, s:s}", "name", "sim", "default_access", "none"));
		break;
	case FABRIC_LOCK:
		json_object_set_new_nocheck(document, "lock", held ? json_pack("{s:b, s:s}", "held", 1, "user", "carol")
								    : json_pack("{s:b}", "held", 0));
		break;
	case FABRIC_CAPACITY:
		break;
	}
}

json_t *fabric_document(struct rack_fabric *f, const json_t *objects, struct error *err)
{
	json_t *document = json_object();
	enum fabric_kind kind;
	const json_t *one;
	const char *name;
	size_t i;

	for (i = 0; !objects && i < RACK_ZONES; i++)
		if (f->zones[i].key[0])
			add_object(f, document, FABRIC_ZONE, f->zones[i].key);
	json_array_foreach(objects, i, one) {
		if (fabric_object(json_string_value(one) ? json_string_value(one) : "", &kind, &name, err)) {
			json_decref(document);
			return NULL;
		}
		add_object(f, document, kind, name);
	}
	return document;
}

/* The card of @m logs in under the name that it was powered on with. */
static bool card_logs_in(struct rack_fabric *f, const struct rack_machine *m)
{
	char wwpn[WWN_SIZE];
	int holder;

	rack_wwpn(m->card, f->dev.index, wwpn);
	if (f->dark_until > f->dev.rack->sim->now || !f->ports[m->index].enabled)
		return false;
	holder = holder_of(f, wwpn);
	if (holder >= 0 && holder != m->index) {
		rack_trace(f->dev.rack, "%s: %s is logged in from node%d already, the port of %s is shut", f->dev.name, wwpn, holder + 1,
			   m->name);
		f->ports[m->index].enabled = false;
		f->dev.rack->duplicates[m->index] = holder + 1;
		rack_touched(f->dev.rack, m->bmc.dev.name, "boot", NULL, TOUCH_OTHERS);
		rack_changed(f->dev.rack);
		return false;
	}
	if (holder < 0) {
		memcpy(f->ports[m->index].wwpn, wwpn, WWN_SIZE);
		rack_changed(f->dev.rack);
	}
	return true;
}

bool fabric_reaches(struct rack *r, const struct rack_machine *m, int array, int side)
{
	struct rack_fabric *f = &r->fabrics[side];
	char wwpn[WWN_SIZE], port[WWN_SIZE];
	int i;

	rack_wwpn(m->card, side, wwpn);
	rack_array_wwpn(array, side, port);
	if (!card_logs_in(f, m))
		return false;
	for (i = 0; i < RACK_ZONES; i++)
		if (f->zones[i].key[0] && is_member(&f->zones[i], wwpn) && is_member(&f->zones[i], port))
			return true;
	return false;
}

void fabric_look(struct rack *r, const struct rack_machine *m)
{
	int i;

	for (i = 0; i < r->n_fabrics; i++)
		card_logs_in(&r->fabrics[i], m);
}

/* Power is gone, and light with it. */
void fabric_lost(struct rack *r, int machine)
{
	int i;

	for (i = 0; i < r->n_fabrics; i++)
		r->fabrics[i].ports[machine].wwpn[0] = '\0';
}

void rack_fabric_reboot(struct rack *r, int fabric)
{
	struct rack_fabric *f = &r->fabrics[fabric];
	int i;

	for (i = 0; i < r->n_machines; i++) {
		f->ports[i].wwpn[0] = '\0';
		rack_touched(r, r->machines[i].bmc.dev.name, "boot", NULL, TOUCH_OTHERS);
	}
	f->dark_until = f->dev.away_until = r->sim->now + sim_between(r->sim, 5000, 20000);
	rack_trace(r, "%s starts anew, all logins are gone", f->dev.name);
	rack_changed(r);
}
