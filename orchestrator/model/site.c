/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Parsing of what is racked and cabled: networks, devices, machines, groups, identity pools.
 */
#include "build.h"

#include "clock.h"
#include "json.h"
#include "serverkey.h"
#include "table.h"
#include "text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int parse_ipv4(const char *s, uint32_t *address)
{
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) != 1)
		return -1;
	*address = ntohl(a.s_addr);
	return 0;
}

void format_ipv4(uint32_t address, char out[16])
{
	snprintf(out, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
		 address & 255);
}

static int parse_subnet(const char *s, uint32_t *subnet, int *len)
{
	char host[16];
	const char *slash = strchr(s, '/');
	int64_t n;

	if (!slash || slash - s > 15 || text_parse_int(slash + 1, 8, 30, &n) < 0)
		return -1;
	snprintf(host, sizeof(host), "%.*s", (int)(slash - s), s);
	if (parse_ipv4(host, subnet) < 0 || (*subnet & (0xffffffffu >> n)) != 0)
		return -1;
	*len = (int)n;
	return 0;
}

static int parse_ipv4_range(const char *s, uint32_t *first, uint32_t *last)
{
	char a[16];
	const char *dash = strchr(s, '-');

	if (!dash || dash - s > 15)
		return -1;
	snprintf(a, sizeof(a), "%.*s", (int)(dash - s), s);
	return parse_ipv4(a, first) < 0 || parse_ipv4(dash + 1, last) < 0 || *first > *last ? -1 : 0;
}

bool network_has(const struct network *n, uint32_t address)
{
	return n->prefix_len && address >> (32 - n->prefix_len) == n->subnet >> (32 - n->prefix_len);
}

static void network_addresses(struct build *b, const struct object *o, struct network *n)
{
	const char *subnet = json_str(o->doc, "subnet", NULL), *pool = json_str(o->doc, "pool", NULL);
	const char *gateway = json_str(o->doc, "gateway", NULL);

	if (subnet && parse_subnet(subnet, &n->subnet, &n->prefix_len) < 0)
		complain(b, o, "subnet", "`%s` is not a subnet such as 10.1.2.0/24", subnet);
	if (!n->prefix_len) {
		if (pool)
			complain(b, o, "pool", "a pool of addresses needs `subnet` as well");
		return;
	}
	if (pool && (parse_ipv4_range(pool, &n->pool_first, &n->pool_last) < 0 ||
		     !network_has(n, n->pool_first) || !network_has(n, n->pool_last)))
		complain(b, o, "pool", "`%s` is not a range FIRST-LAST inside of %s", pool, subnet);
	if (gateway && (parse_ipv4(gateway, &n->gateway) < 0 || !network_has(n, n->gateway)))
		complain(b, o, "gateway", "`%s` is not an address inside of %s", gateway, subnet);
}

void build_network(struct build *b, const struct object *o)
{
	static const struct field fields[] = {
		{ "vlan", FIELD_INT, true, 1, 4094 }, { "subnet", FIELD_STRING }, { "pool", FIELD_STRING },
		{ "gateway", FIELD_STRING },	      { "description", FIELD_TEXT }, { NULL },
	};
	struct network *n = arena_alloc(&b->m->arena, sizeof(*n));
	const struct network *other;
	size_t i;

	fields_check(b->p, &o->at, o->doc, fields);
	n->name = arena_strdup(&b->m->arena, o->name);
	n->vlan = (int)json_int(o->doc, "vlan", 0);
	network_addresses(b, o, n);
	for (i = 0; (other = model_at(b->m, KIND_NETWORK, i)); i++)
		if (other->vlan == n->vlan && n->vlan)
			complain(b, o, "vlan", "VLAN %d is network `%s` already", n->vlan, other->name);
	build_add(b, o, n->name, n);
}

static const struct class_info {
	enum device_class cls;
	const char *own[8]; /* keys that the core reads itself */
} class_infos[] = {
	[KIND_SWITCH] = { CLASS_SWITCH, { "driver", "secret", "pin", "description" } },
	[KIND_FABRIC] = { CLASS_FABRIC, { "driver", "secret", "pin", "description", "side", "lock_wait" } },
	[KIND_ARRAY] = { CLASS_STORAGE, { "driver", "secret", "pin", "description", "portals", "target", "wwpns" } },
	[KIND_MACHINE] = { CLASS_BMC, { "driver", "secret", "pin" } },
};

/* The driver's own options: all that is left once the core's keys are gone. */
static const char *driver_options(struct build *b, const json_t *doc, const struct class_info *info)
{
	json_t *rest = json_copy((json_t *)doc);
	char *canonical;
	const char *out;
	int i;

	for (i = 0; i < 8 && info->own[i]; i++)
		json_object_del(rest, info->own[i]);
	canonical = json_canonical(rest);
	out = arena_strdup(&b->m->arena, canonical);
	free(canonical);
	json_decref(rest);
	return out;
}

static const char *device_pin(struct build *b, const struct object *o, const json_t *doc)
{
	const json_t *pin = json_object_get(doc, "pin");
	char normal[FINGERPRINT_TEXT];

	if (!pin)
		return NULL;
	if (json_is_string(pin) && fingerprint_parse(json_string_value(pin), normal))
		return arena_strdup(&b->m->arena, normal);
	complain(b, o, "pin", "`pin` must be the fingerprint of its key: SHA256: and 43 letters of base64");
	return NULL;
}

/* Whatever a driver calls its secret: it would be kept in clear in the database and shown to whoever may read the site. */
static void refuse_secrets(struct build *b, const struct object *o, const json_t *doc)
{
	static const char *const keys[] = { "password", "credential", "passphrase", "private_key" };
	struct place where;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(doc, keys[i])) {
			where = place_below(&o->at, keys[i]);
			problems_add(b->p, &where, "write `secret: NAME`, and store it with `persona secret set NAME`",
				     "a secret may not stand in the site file");
		}
}

static struct device *add_device(struct build *b, const struct object *o, const json_t *doc,
				 const char *name)
{
	const struct class_info *info = &class_infos[o->kind];
	struct device *d = arena_alloc(&b->m->arena, sizeof(*d));
	const char *driver = json_str(doc, "driver", NULL);

	d->name = name;
	d->cls = info->cls;
	if (!driver || !text_is_name(driver))
		complain(b, o, "driver", "`driver` must name a driver, such as ovsdb");
	d->driver = build_intern(b, driver ? driver : "");
	d->secret = arena_strdup(&b->m->arena, json_str(doc, "secret", NULL));
	refuse_secrets(b, o, doc);
	d->pin = device_pin(b, o, doc);
	d->address = arena_strdup(&b->m->arena, json_str(doc, "address", ""));
	d->options = driver_options(b, doc, info);
	if (table_add(b->m->devices, d->name, d) < 0)
		complain(b, o, "", "the name `%s` is taken by another device", d->name);
	return d;
}

static const char **string_list(struct build *b, const json_t *list)
{
	const char **out = arena_alloc(&b->m->arena, (json_array_size(list) + 1) * sizeof(*out));
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		out[i] = arena_strdup(&b->m->arena, json_string_value(v) ? json_string_value(v) : "");
	return out;
}

void build_device(struct build *b, const struct object *o)
{
	struct device *d;

	if (!json_is_object(o->doc)) {
		complain(b, o, "", "must be a mapping with `driver` and its options");
		return;
	}
	d = add_device(b, o, o->doc, arena_strdup(&b->m->arena, o->name));
	if (o->kind == KIND_ARRAY) {
		d->portals = string_list(b, json_object_get(o->doc, "portals"));
		d->target_iqn = arena_strdup(&b->m->arena,
					     json_str(o->doc, "target", "iqn.2026-01.example.recast:{array}:{persona}"));
		fibre_array(b, o, d);
		if (!d->portals[0] && !d->n_fc_ports)
			complain(b, o, "portals", "an array needs `portals`, such as [\"10.1.2.3:3260\"], or `wwpns` on a fabric");
	}
	if (o->kind == KIND_FABRIC)
		fibre_fabric(b, o, d);
	build_add(b, o, d->name, d);
}

static void build_nic(struct build *b, const struct object *o, struct machine *m, struct nic *nic,
		      const char *name, const json_t *doc)
{
	static const struct field fields[] = {
		{ "mac", FIELD_STRING, true }, { "port", FIELD_STRING, true }, { NULL }
	};
	struct place at = place_below(&o->at, "nics"), here = place_below(&at, name), where;
	const char *mac = json_str(doc, "mac", ""), *port = json_str(doc, "port", "");
	const char *slash = strchr(port, '/');
	char text[64], *key;

	fields_check(b->p, &here, doc, fields);
	nic->name = build_intern(b, name);
	if (text_parse_octets(mac, &nic->mac) != 6) {
		where = place_below(&here, "mac");
		problems_add(b->p, &where, NULL, "`%s` is not a MAC address", mac);
		return;
	}
	text_format_octets(nic->mac, 6, text, sizeof(text));
	where = place_below(&here, "mac");
	key = arena_strdup(&b->m->arena, text);
	if (table_add(b->m->macs, key, m) < 0)
		problems_add(b->p, &where, NULL, "MAC %s is used twice; the other is %s", text,
			     ((struct machine *)table_get(b->m->macs, key))->name);
	where = place_below(&here, "port");
	snprintf(text, sizeof(text), "%.*s", slash ? (int)(slash - port) : 0, port);
	nic->sw = model_device(b->m, text);
	if (!slash || !slash[1] || !nic->sw || nic->sw->cls != CLASS_SWITCH) {
		problems_add(b->p, &where, "write SWITCH/PORT, where SWITCH is one of `switches`",
			     "`%s` is not a port of a switch that is defined", port);
		return;
	}
	key = arena_strdup(&b->m->arena, port);
	nic->port = key + (slash - port) + 1;
	if (table_add(b->m->ports, key, m) < 0)
		problems_add(b->p, &where, NULL, "port %s is used twice; the other is %s", port,
			     ((struct machine *)table_get(b->m->ports, key))->name);
}

static void build_bmc(struct build *b, const struct object *o, struct machine *m)
{
	const json_t *bmc = json_object_get(o->doc, "bmc");

	if (!json_is_object(bmc))
		return; /* fields_check has complained */
	m->bmc = add_device(b, o, bmc, arena_printf(&b->m->arena, "%s-bmc", m->name));
}

static void parse_uuid(struct build *b, const struct object *o, struct machine *m)
{
	const char *s = json_str(o->doc, "uuid", NULL);
	size_t i;

	if (!s)
		return;
	for (i = 0; i < 36 && (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] == '-' : isxdigit((unsigned char)s[i])); i++)
		;
	if (i != 36 || s[i]) {
		complain(b, o, "uuid", "`%s` is not a UUID", s);
		return;
	}
	for (i = 0; i < 36; i++)
		m->uuid[i] = s[i] >= 'A' && s[i] <= 'F' ? (char)(s[i] + 32) : s[i];
}

int64_t build_size(const json_t *doc, const char *key)
{
	const json_t *v = json_object_get(doc, key);

	if (json_is_integer(v))
		return json_integer_value(v);
	return json_is_string(v) ? text_parse_size(json_string_value(v)) : 0;
}

int64_t build_duration(const json_t *doc, const char *key, int64_t missing_ms)
{
	const json_t *v = json_object_get(doc, key);

	if (json_is_integer(v))
		return json_integer_value(v) * 1000;
	return json_is_string(v) ? clock_parse_duration_ms(json_string_value(v)) : missing_ms;
}

void build_machine(struct build *b, const struct object *o)
{
	static const struct field fields[] = {
		{ "arch", FIELD_NAME, true }, { "cores", FIELD_INT, true, 1, 65536 },
		{ "memory", FIELD_SIZE, true }, { "uuid", FIELD_STRING },
		{ "bmc", FIELD_OBJECT, true }, { "nics", FIELD_OBJECT, true },
		{ "hbas", FIELD_OBJECT }, { "model", FIELD_NAME }, { "description", FIELD_TEXT }, { NULL },
	};
	struct machine *m = arena_alloc(&b->m->arena, sizeof(*m));
	json_t *nics = json_object_get(o->doc, "nics"), *v;
	const char *key;

	fields_check(b->p, &o->at, o->doc, fields);
	m->name = arena_strdup(&b->m->arena, o->name);
	m->arch = build_intern(b, json_str(o->doc, "arch", ""));
	m->cores = (int)json_int(o->doc, "cores", 0);
	m->memory = build_size(o->doc, "memory");
	parse_uuid(b, o, m);
	m->nics = arena_alloc(&b->m->arena, json_object_size(nics) * sizeof(*m->nics));
	json_object_foreach(nics, key, v)
		build_nic(b, o, m, &m->nics[m->n_nics++], key, v);
	fibre_hbas(b, o, m);
	build_bmc(b, o, m);
	build_add(b, o, m->name, m);
}

void build_machine_model(struct build *b, const struct object *o)
{
	static const struct field fields[] = {
		{ "vnics", FIELD_INT, false, 0, VNICS_MAX }, { "vhbas", FIELD_INT, false, 0, VHBAS_MAX },
		{ "description", FIELD_TEXT }, { NULL },
	};
	struct machine_model *model = arena_alloc(&b->m->arena, sizeof(*model));

	fields_check(b->p, &o->at, o->doc, fields);
	model->name = arena_strdup(&b->m->arena, o->name);
	model->vnics = (int)json_int(o->doc, "vnics", VNICS_MAX);
	model->vhbas = (int)json_int(o->doc, "vhbas", VHBAS_MAX);
	build_add(b, o, model->name, model);
}

void build_group(struct build *b, const struct object *o)
{
	static const struct field fields[] = {
		{ "machines", FIELD_LIST, true }, { "spares", FIELD_INT, false, 0, 100000 },
		{ "description", FIELD_TEXT }, { NULL },
	};
	struct group *g = arena_alloc(&b->m->arena, sizeof(*g));
	const json_t *list = json_object_get(o->doc, "machines"), *v;
	struct membership *in;
	struct machine *m;
	size_t i;

	fields_check(b->p, &o->at, o->doc, fields);
	g->name = arena_strdup(&b->m->arena, o->name);
	g->spares = (int)json_int(o->doc, "spares", 0);
	g->members = arena_alloc(&b->m->arena, (json_array_size(list) + 1) * sizeof(*g->members));
	json_array_foreach(list, i, v) {
		m = table_get(b->m->tables[KIND_MACHINE], json_string_value(v) ? json_string_value(v) : "");
		if (!m) {
			complain_nearest(b, o, "machines", KIND_MACHINE, json_string_value(v));
			continue;
		}
		if (group_has(g, m)) {
			complain(b, o, "machines", "`%s` is listed twice", m->name);
			continue;
		}
		g->members[g->n_members++] = m;
		in = arena_alloc(&b->m->arena, sizeof(*in));
		*in = (struct membership){ m->groups, g };
		m->groups = in;
	}
	if (g->spares > g->n_members)
		complain(b, o, "spares", "%d spares are more than the group's %d machines", g->spares,
			 g->n_members);
	build_add(b, o, g->name, g);
}

static int parse_octet_range(const char *s, int octets, struct pool *pool)
{
	char first[48];
	const char *dash = strchr(s, '-');

	if (!dash || dash - s >= (long)sizeof(first))
		return -1;
	snprintf(first, sizeof(first), "%.*s", (int)(dash - s), s);
	if (text_parse_octets(first, &pool->first) != octets ||
	    text_parse_octets(dash + 1, &pool->last) != octets || pool->first > pool->last)
		return -1;
	return octets == 6 && (pool->first >> 40 & 1) ? -1 : 0; /* never a multicast address */
}

static void build_pool(struct build *b, const struct object *o, const char *name, const char *value)
{
	struct pool *pool = arena_alloc(&b->m->arena, sizeof(*pool));

	pool->kind = build_intern(b, o->name);
	pool->name = arena_printf(&b->m->arena, "%s/%s", o->name, name);
	if (!strcmp(o->name, "iqn")) {
		pool->pattern = arena_strdup(&b->m->arena, value);
		if (strncmp(value, "iqn.", 4) != 0 || !strstr(value, "{persona}"))
			complain(b, o, name, "`%s` must begin with iqn. and hold {persona}", value);
	} else if (parse_octet_range(value, !strcmp(o->name, "mac") ? 6 : 8, pool) < 0) {
		complain(b, o, name, "`%s` is not a range FIRST-LAST of %s addresses", value, o->name);
	}
	build_add(b, o, pool->name, pool);
}

void build_identity(struct build *b, const struct object *o)
{
	static const char *const kinds[] = { "mac", "wwpn", "wwnn", "iqn" };
	const char *key;
	json_t *v;
	size_t i;

	for (i = 0; i < 4 && strcmp(kinds[i], o->name) != 0; i++)
		;
	if (i == 4)
		complain(b, o, "", "identities are mac, wwpn, wwnn or iqn, not `%s`", o->name);
	if (!json_is_object(o->doc)) {
		complain(b, o, "", "must be a mapping POOL: RANGE");
		return;
	}
	json_object_foreach(o->doc, key, v) {
		if (i < 4 && json_is_string(v))
			build_pool(b, o, key, json_string_value(v));
		else if (i < 4)
			complain(b, o, key, "must be text");
	}
}

void build_site(struct build *b, const struct object *o)
{
	static const struct field boot_fields[] = {
		{ "network", FIELD_NAME }, { "parking", FIELD_NAME }, { "url", FIELD_STRING }, { NULL }
	};
	const json_t *boot = json_object_get(o->doc, "boot");
	struct place at = place_below(&o->at, "boot");
	const char *name;

	b->m->site = arena_strdup(&b->m->arena, o->name);
	b->m->identity_quarantine_ms = build_duration(o->doc, "identity_quarantine", 24 * 3600 * 1000);
	if (boot)
		fields_check(b->p, &at, boot, boot_fields);
	name = json_str(boot, "parking", "parking");
	b->m->parking = model_network(b->m, name);
	if (!b->m->parking && table_count(b->m->tables[KIND_MACHINE]))
		problems_add(b->p, &o->at, "add `parking: {vlan: 4000}` to networks: ports that no persona uses wait there",
			     "there is no network `%s` to park ports in", name);
	name = json_str(boot, "network", NULL);
	if (name && !(b->m->boot_network = model_network(b->m, name)))
		complain_nearest(b, o, "boot", KIND_NETWORK, name);
	b->m->boot_url = arena_strdup(&b->m->arena, json_str(boot, "url", NULL));
	build_add(b, o, b->m->site, (void *)b->m->site);
}
