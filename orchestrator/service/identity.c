/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Identities of personas: allocated from the site's pools when the persona is defined, unique for ever,
 * and not given to another persona within the quarantine time after their release.
 */
#include "core.h"

#include "json.h"
#include "text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

struct settling {
	struct core *core;
	const struct model *model;
	const struct persona *persona;
	const struct place *at;
	bool write;
	struct problems *problems;
	json_t *have; /* [{kind, value, slot}] that the persona holds */
	json_t *kept; /* "kind/slot" that are wanted still */
};

static void refuse(struct settling *s, const char *kind, const char *value, const json_t *holder)
{
	int64_t since = json_int(holder, "since", 0);
	bool active = !strcmp(json_str(holder, "state", ""), "active");

	if (active)
		problems_add(s->problems, s->at, NULL, "%s %s belongs to persona %s already", kind, value,
			     json_str(holder, "persona", ""));
	else
		problems_add(s->problems, s->at, "choose another one, or wait", "%s %s was released by persona %s %lld s ago and is not given out again before %lld s have passed",
			     kind, value, json_str(holder, "persona", ""), (long long)(env_wall(s->core->env) - since) / 1000,
			     (long long)s->model->identity_quarantine_ms / 1000);
}

static bool may_take(struct settling *s, const char *kind, const char *value)
{
	json_auto_t *holder = store_identity_holder(s->core->store, kind, value);
	bool expired;

	if (!holder || !strcmp(json_str(holder, "persona", ""), s->persona->name))
		return true;
	expired = !strcmp(json_str(holder, "state", ""), "released") &&
		  env_wall(s->core->env) - json_int(holder, "since", 0) >= s->model->identity_quarantine_ms;
	if (!expired)
		refuse(s, kind, value, holder);
	return expired;
}

static const char *held(const struct settling *s, const char *kind, const char *slot)
{
	const json_t *item;
	size_t i;

	json_array_foreach(s->have, i, item)
		if (!strcmp(json_str(item, "kind", ""), kind) && !strcmp(json_str(item, "slot", ""), slot))
			return json_str(item, "value", "");
	return NULL;
}

static void take(struct settling *s, const char *kind, const char *slot, const char *value, int64_t number)
{
	const char *old = held(s, kind, slot);
	char key[160];

	snprintf(key, sizeof(key), "%s/%s", kind, slot);
	json_object_set_new(s->kept, key, json_true());
	if ((old && !strcmp(old, value)) || !may_take(s, kind, value) || !s->write)
		return;
	if (old)
		store_identity_release(s->core->store, kind, old);
	store_identity_put(s->core->store, kind, value, number, s->persona->name, slot);
}

/* Keep the number that the slot holds when it is in the range, else take a free one. */
static void take_from_range(struct settling *s, const char *kind, const char *slot, uint64_t first,
			    uint64_t last, void (*format)(uint64_t n, char *out, size_t size),
			    int (*parse)(const char *text, uint64_t *n))
{
	const char *old = held(s, kind, slot);
	char text[64];
	uint64_t n;
	int64_t number;

	if (old && parse(old, &n) == 0 && n >= first && n <= last) {
		take(s, kind, slot, old, (int64_t)n);
		return;
	}
	number = store_identity_free(s->core->store, kind, (int64_t)first, (int64_t)last);
	if (number < 0) {
		problems_add(s->problems, s->at, "enlarge the pool in the site file", "persona %s, %s: the pool of %s identities is used up",
			     s->persona->name, slot, kind);
		return;
	}
	format((uint64_t)number, text, sizeof(text));
	take(s, kind, slot, text, number);
}

static void format_mac(uint64_t n, char *out, size_t size)
{
	text_format_octets(n, 6, out, size);
}

static int parse_mac(const char *text, uint64_t *n)
{
	return text_parse_octets(text, n) == 6 ? 0 : -1;
}

static void format_ip(uint64_t n, char *out, size_t size)
{
	char text[16];

	format_ipv4((uint32_t)n, text);
	snprintf(out, size, "%s", text);
}

static int parse_ip(const char *text, uint64_t *n)
{
	uint32_t a;

	if (parse_ipv4(text, &a) < 0)
		return -1;
	*n = a;
	return 0;
}

static void settle_mac(struct settling *s, const struct vnic *v)
{
	const struct pool *pool;
	const struct machine *m;
	uint64_t n;
	char mac[18];

	if (!v->mac)
		return;
	if (!strncmp(v->mac, "auto", 4)) {
		pool = model_pool(s->model, "mac", v->mac[4] == ':' ? v->mac + 5 : NULL);
		if (pool)
			take_from_range(s, "mac", v->name, pool->first, pool->last, format_mac, parse_mac);
		else
			problems_add(s->problems, s->at, NULL, "vnic %s: there is no MAC pool for `%s`", v->name, v->mac);
		return;
	}
	text_mac(v->mac, mac);
	text_parse_octets(mac, &n);
	m = model_machine_by_mac(s->model, n);
	if (m)
		problems_add(s->problems, s->at, NULL, "vnic %s: MAC %s is that of a nic of machine %s", v->name, mac, m->name);
	else
		take(s, "mac", v->name, mac, (int64_t)n);
}

static void settle_address(struct settling *s, const struct vnic *v)
{
	uint32_t a;

	if (!v->address)
		return;
	if (!strcmp(v->address, "auto"))
		take_from_range(s, "ip", v->name, v->network->pool_first, v->network->pool_last, format_ip, parse_ip);
	else if (parse_ipv4(v->address, &a) == 0)
		take(s, "ip", v->name, v->address, a);
}

static void format_wwn(uint64_t n, char *out, size_t size)
{
	text_format_octets(n, 8, out, size);
}

static int parse_wwn(const char *text, uint64_t *n)
{
	return text_parse_octets(text, n) == 8 ? 0 : -1;
}

static void settle_wwn(struct settling *s, const char *kind, const char *vhba, const char *wish)
{
	const struct pool *pool = !strncmp(wish, "auto", 4) ? model_pool(s->model, kind, wish[4] == ':' ? wish + 5 : NULL) : NULL;
	uint64_t n;

	if (pool)
		take_from_range(s, kind, vhba, pool->first, pool->last, format_wwn, parse_wwn);
	else if (parse_wwn(wish, &n) == 0)
		take(s, kind, vhba, wish, (int64_t)n);
}

static void settle_vhba(struct settling *s, const struct vhba *v)
{
	settle_wwn(s, "wwpn", v->name, v->wwpn);
	settle_wwn(s, "wwnn", v->name, v->wwnn);
}

static void settle_iqn(struct settling *s)
{
	const struct pool *pool = model_pool(s->model, "iqn", NULL);
	const char *pattern = pool ? pool->pattern : "iqn.2026-01.example.recast:{persona}";
	const char *hole = strstr(pattern, "{persona}");
	char iqn[224];

	if (!s->persona->n_volumes)
		return;
	if (strcmp(s->persona->iqn, "auto") != 0) {
		take(s, "iqn", "", s->persona->iqn, -1);
		return;
	}
	snprintf(iqn, sizeof(iqn), "%.*s%s%s", (int)(hole - pattern), pattern, s->persona->name,
		 hole + strlen("{persona}"));
	take(s, "iqn", "", iqn, -1);
}

static void settle_uuid(struct settling *s)
{
	const char *old = held(s, "uuid", "");
	unsigned char b[16];
	char text[37];
	int i, n = 0;

	env_random(s->core->env, b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (i = 0; i < 16; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
	take(s, "uuid", "", old ? old : text, -1);
}

static void release_rest(struct settling *s)
{
	const json_t *item;
	char key[160];
	size_t i;

	json_array_foreach(s->have, i, item) {
		snprintf(key, sizeof(key), "%s/%s", json_str(item, "kind", ""), json_str(item, "slot", ""));
		if (s->write && !json_object_get(s->kept, key))
			store_identity_release(s->core->store, json_str(item, "kind", ""), json_str(item, "value", ""));
	}
}

void identities_settle(struct core *c, const struct model *m, const struct persona *p, const struct place *at,
		       bool write, struct problems *problems)
{
	struct settling s = { c, m, p, at, write, problems, store_identity_of(c->store, p->name), json_object() };
	int i;

	for (i = 0; i < p->n_vnics; i++) {
		settle_mac(&s, &p->vnics[i]);
		settle_address(&s, &p->vnics[i]);
	}
	for (i = 0; i < p->n_vhbas; i++)
		settle_vhba(&s, &p->vhbas[i]);
	settle_iqn(&s);
	settle_uuid(&s);
	release_rest(&s);
	json_decref(s.have);
	json_decref(s.kept);
}

static const char *value_of(const json_t *all, const char *kind, const char *slot, struct arena *a)
{
	const json_t *item;
	size_t i;

	json_array_foreach(all, i, item)
		if (!strcmp(json_str(item, "kind", ""), kind) && !strcmp(json_str(item, "slot", ""), slot))
			return arena_strdup(a, json_str(item, "value", ""));
	return NULL;
}

/* Without a pool of node names: that of the port, as an IEEE standard name (NAA 1). */
static const char *node_name(struct arena *a, const char *wwnn, const char *wwpn)
{
	return wwnn || !wwpn || strlen(wwpn) != 23 ? wwnn : arena_printf(a, "10:00:%s", wwpn + 6);
}

struct identities *identities_load(struct core *c, const struct persona *p, struct arena *a)
{
	json_auto_t *all = store_identity_of(c->store, p->name);
	struct identities *ids = arena_alloc(a, sizeof(*ids));
	int i;

	ids->iqn = value_of(all, "iqn", "", a);
	ids->uuid = value_of(all, "uuid", "", a);
	for (i = 0; i < p->n_vnics && i < VNICS_MAX; i++) {
		ids->vnics[i].vnic = arena_strdup(a, p->vnics[i].name);
		ids->vnics[i].mac = value_of(all, "mac", p->vnics[i].name, a);
		ids->vnics[i].address = value_of(all, "ip", p->vnics[i].name, a);
		ids->n_vnics++;
	}
	for (i = 0; i < p->n_vhbas && i < VHBAS_MAX; i++) {
		ids->vhbas[i].vhba = arena_strdup(a, p->vhbas[i].name);
		ids->vhbas[i].wwpn = value_of(all, "wwpn", p->vhbas[i].name, a);
		ids->vhbas[i].wwnn = node_name(a, value_of(all, "wwnn", p->vhbas[i].name, a), ids->vhbas[i].wwpn);
		ids->n_vhbas++;
	}
	if (!ids->iqn)
		ids->iqn = "";
	return ids;
}
