/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The configuration of one switch port.  See port.h.
 */
#include "port.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

static const char *const mode_names[] = { "access", "trunk", "open" };

bool port_has_vlan(const struct port_config *port, int vlan)
{
	return port->tagged[vlan / 64] >> (vlan % 64) & 1;
}

void port_add_vlan(struct port_config *port, int vlan)
{
	port->tagged[vlan / 64] |= (uint64_t)1 << (vlan % 64);
}

const char *port_of_object(const char *object)
{
	return strncmp(object, "port:", 5) || !object[5] ? NULL : object + 5;
}

static int merge_int(const json_t *set, const char *key, int64_t max, int64_t *out,
		     struct error *err)
{
	const json_t *v = json_object_get(set, key);

	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
		return error_set(err, ERROR_INVALID, "%s must be a number from 0 to %lld", key,
				 (long long)max);
	*out = json_integer_value(v);
	return 0;
}

static int merge_tagged(struct port_config *port, const json_t *v, struct error *err)
{
	const json_t *one;
	size_t i;

	if (!v)
		return 0;
	memset(port->tagged, 0, sizeof(port->tagged));
	if (!json_is_array(v))
		return error_set(err, ERROR_INVALID, "tagged must be a list of VLANs");
	json_array_foreach(v, i, one) {
		if (!json_is_integer(one) || json_integer_value(one) < 1 ||
		    json_integer_value(one) > VLAN_MAX)
			return error_set(err, ERROR_INVALID,
					 "tagged[%zu] is not a VLAN from 1 to %d", i, VLAN_MAX);
		port_add_vlan(port, (int)json_integer_value(one));
	}
	return 0;
}

static int merge_mode(struct port_config *port, const json_t *v, struct error *err)
{
	const char *mode = json_string_value(v);

	if (!v)
		return 0;
	if (mode && !strcmp(mode, "access"))
		port->mode = PORT_ACCESS;
	else if (mode && !strcmp(mode, "trunk"))
		port->mode = PORT_TRUNK;
	else
		return error_set(err, ERROR_INVALID, "mode must be access or trunk");
	return 0;
}

static int merge_text(char *out, size_t size, const char *key, const json_t *v, struct error *err)
{
	if (!v)
		return 0;
	if (!json_is_string(v) || json_string_length(v) >= size)
		return error_set(err, ERROR_INVALID, "%s must be a text of less than %zu bytes",
				 key, size);
	snprintf(out, size, "%s", json_string_value(v));
	return 0;
}

static int merge_stamp(struct port_config *port, const struct driver_change *c, struct error *err)
{
	if (!c->owner)
		return 0;
	if (strlen(c->owner) >= sizeof(port->owner))
		return error_set(err, ERROR_INVALID, "the owner's name is too long");
	if (c->generation && !strcmp(port->owner, c->owner) && port->generation > c->generation)
		return error_set(err, ERROR_CONFLICT,
				 "generation %lld of %s is on the device, this change is of %lld",
				 (long long)port->generation, c->owner, (long long)c->generation);
	snprintf(port->owner, sizeof(port->owner), "%s", c->owner);
	port->generation = c->owner[0] ? c->generation : 0;
	return 0;
}

/* What the members say together must make sense. */
static int check_whole(struct port_config *port, struct error *err)
{
	int i;

	if (port->mode == PORT_ACCESS) {
		memset(port->tagged, 0, sizeof(port->tagged));
		if (!port->native)
			return error_set(err, ERROR_INVALID, "an access port needs a native VLAN");
		return 0;
	}
	if (port->mode == PORT_OPEN)
		return 0;
	if (port->native)
		port->tagged[port->native / 64] &= ~((uint64_t)1 << (port->native % 64));
	for (i = 0; i < 64; i++)
		if (port->tagged[i])
			return 0;
	return error_set(err, ERROR_INVALID, "a trunk port needs at least one tagged VLAN");
}

int port_merge(struct port_config *port, const struct driver_change *c, struct error *err)
{
	static const char *const known[] = { "mode",      "native",  "tagged",
					     "rate_kbit", "enabled", "description" };
	const json_t *enabled = json_object_get(c->set, "enabled"), *v;
	int64_t native = port->native;
	const char *key;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)c->set, key, v) {
		for (i = 0; i < 6 && strcmp(key, known[i]); i++)
			;
		if (i == 6)
			return error_set(err, ERROR_INVALID, "a port has no \"%s\"", key);
	}
	if (merge_mode(port, json_object_get(c->set, "mode"), err) ||
	    merge_int(c->set, "native", VLAN_MAX, &native, err) ||
	    merge_tagged(port, json_object_get(c->set, "tagged"), err) ||
	    merge_int(c->set, "rate_kbit", PORT_RATE_MAX_KBIT, &port->rate_kbit, err) ||
	    merge_text(port->description, sizeof(port->description), "description",
		       json_object_get(c->set, "description"), err) ||
	    merge_stamp(port, c, err))
		return -1;
	if (enabled && !json_is_boolean(enabled))
		return error_set(err, ERROR_INVALID, "enabled must be true or false");
	if (enabled)
		port->enabled = json_is_true(enabled);
	port->native = (int)native;
	return check_whole(port, err);
}

bool port_equal(const struct port_config *a, const struct port_config *b)
{
	return a->mode == b->mode && a->native == b->native &&
	       !memcmp(a->tagged, b->tagged, sizeof(a->tagged)) && a->rate_kbit == b->rate_kbit &&
	       a->enabled == b->enabled && !strcmp(a->description, b->description) &&
	       !strcmp(a->owner, b->owner) && a->generation == b->generation;
}

json_t *port_to_json(const struct port_config *port)
{
	json_t *tagged = json_array();
	json_t *v;
	int vlan;

	for (vlan = 1; vlan <= VLAN_MAX; vlan++)
		if (!port->tagged[vlan / 64])
			vlan |= 63;
		else if (port_has_vlan(port, vlan))
			json_array_append_new(tagged, json_integer(vlan));
	v = json_pack("{s:s, s:i, s:o, s:I, s:b, s:s}", "mode", mode_names[port->mode], "native",
		      port->native, "tagged", tagged, "rate_kbit", (json_int_t)port->rate_kbit,
		      "enabled", port->enabled, "description", port->description);
	if (port->owner[0])
		json_object_set_new(v, "owner", json_string(port->owner));
	if (port->generation)
		json_object_set_new(v, "generation", json_integer(port->generation));
	return v;
}
