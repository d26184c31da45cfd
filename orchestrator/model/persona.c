/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Personas and templates: merging along `from:`, and parsing of the merged document.
 */
#include "build.h"

#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEMPLATE_DEPTH_MAX = 8 };

static const struct field role_fields[] = {
	{ "persona", FIELD_NAME },	{ "template", FIELD_NAME },  { "from", FIELD_NAME },
	{ "description", FIELD_TEXT },	{ "requires", FIELD_OBJECT }, { "vnics", FIELD_OBJECT },
	{ "vhbas", FIELD_OBJECT },	{ "volumes", FIELD_OBJECT }, { "boot", FIELD_OBJECT },
	{ "proof", FIELD_OBJECT },	{ "failover", FIELD_OBJECT }, { "iqn", FIELD_STRING },
	{ "shutdown", FIELD_DURATION },	{ "reconcile", FIELD_NAME }, { "approval", FIELD_NAME },
	{ NULL },
};
static const struct field requires_fields[] = {
	{ "arch", FIELD_NAME }, { "cores", FIELD_INT, false, 1, 65536 }, { "memory", FIELD_SIZE },
	{ "group", FIELD_NAME }, { NULL },
};
static const struct field vnic_fields[] = {
	{ "network", FIELD_NAME, true }, { "trunk", FIELD_LIST }, { "mac", FIELD_STRING },
	{ "address", FIELD_STRING }, { "bandwidth", FIELD_RATE }, { NULL },
};
static const struct field volume_fields[] = {
	{ "array", FIELD_NAME, true }, { "volume", FIELD_NAME, true }, { "source", FIELD_NAME },
	{ "size", FIELD_SIZE }, { "lun", FIELD_INT, true, 1, 255 }, { "boot", FIELD_BOOL }, { "protocol", FIELD_NAME },
	{ NULL },
};
static const struct field vhba_fields[] = {
	{ "fabric", FIELD_NAME, true }, { "wwpn", FIELD_STRING }, { "wwnn", FIELD_STRING }, { NULL },
};
static const struct field boot_fields[] = {
	{ "method", FIELD_NAME, true }, { "network", FIELD_NAME }, { NULL },
};
static const struct field proof_fields[] = {
	{ "within", FIELD_DURATION }, { "report", FIELD_NAME }, { "tcp", FIELD_INT, false, 1, 65535 },
	{ "serial", FIELD_TEXT }, { "power", FIELD_NAME }, { NULL },
};
static const struct field failover_fields[] = {
	{ "to", FIELD_NAME }, { "after", FIELD_DURATION }, { NULL },
};

static const struct object *find_template(const struct objects *objects, const char *name)
{
	size_t i;

	for (i = 0; i < objects->n; i++)
		if (objects->items[i].kind == KIND_TEMPLATE && !strcmp(objects->items[i].name, name))
			return &objects->items[i];
	return NULL;
}

json_t *role_merge(const json_t *under, const json_t *over)
{
	json_t *out = json_copy((json_t *)under), *v, *old;
	const char *key;

	json_object_foreach((json_t *)over, key, v) {
		old = json_object_get(out, key);
		if (json_is_object(old) && json_is_object(v))
			json_object_set_new(out, key, role_merge(old, v));
		else
			json_object_set(out, key, v);
	}
	return out;
}

static json_t *resolve(const struct objects *objects, const struct object *o, int depth,
		       struct problems *p)
{
	const char *from = json_str(o->doc, "from", NULL);
	struct place at = place_below(&o->at, "from");
	const struct object *parent;
	json_t *base, *out;

	if (!from)
		return json_incref(o->doc);
	parent = find_template(objects, from);
	if (!parent || depth >= TEMPLATE_DEPTH_MAX) {
		if (parent)
			problems_add(p, &at, "a template may not be its own ancestor",
				     "templates are nested deeper than %d: `%s`", TEMPLATE_DEPTH_MAX, from);
		else
			problems_add(p, &at, "define the template first, or in the same command",
				     "there is no template `%s`", from);
		return NULL;
	}
	base = resolve(objects, parent, depth + 1, p);
	if (!base)
		return NULL;
	out = role_merge(base, o->doc);
	json_object_del(out, "template");
	json_decref(base);
	return out;
}

json_t *persona_resolve(const struct objects *objects, const struct object *persona, struct problems *p)
{
	return resolve(objects, persona, 0, p);
}

static void check_members(struct build *b, const struct object *o, const json_t *doc, const char *section,
			  const struct field *fields)
{
	struct place at = place_below(&o->at, section), below;
	const char *key;
	json_t *v;

	json_object_foreach(json_object_get(doc, section), key, v) {
		below = place_below(&at, key);
		fields_check(b->p, &below, v, fields);
	}
}

/* The form of a role document as far as it can be told without knowing the site. */
static void check_form(struct build *b, const struct object *o, const json_t *doc)
{
	static const struct {
		const char *key;
		const struct field *fields;
	} sections[] = { { "requires", requires_fields }, { "boot", boot_fields }, { "proof", proof_fields },
			 { "failover", failover_fields } };
	struct place at;
	size_t i;

	fields_check(b->p, &o->at, doc, role_fields);
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		at = place_below(&o->at, sections[i].key);
		if (json_object_get(doc, sections[i].key))
			fields_check(b->p, &at, json_object_get(doc, sections[i].key), sections[i].fields);
	}
}

void build_template(struct build *b, const struct object *o)
{
	char *name;

	fields_check(b->p, &o->at, o->doc, role_fields);
	if (json_str(o->doc, "from", NULL)) {
		json_t *resolved = persona_resolve(b->objects, o, b->p);

		json_decref(resolved);
	}
	name = arena_strdup(&b->m->arena, o->name);
	build_add(b, o, name, name);
}

static void parse_requires(struct build *b, const struct object *o, const json_t *doc, struct persona *out)
{
	const json_t *r = json_object_get(doc, "requires");
	const char *group = json_str(r, "group", NULL), *arch = json_str(r, "arch", NULL);

	out->arch = arch ? arena_strdup(&b->m->arena, arch) : NULL;
	out->cores = (int)json_int(r, "cores", 0);
	out->memory = build_size(r, "memory");
	if (group && !(out->group = model_group(b->m, group)))
		complain_nearest(b, o, "requires", KIND_GROUP, group);
}

static void vnic_identity(struct build *b, const struct object *o, struct vnic *v)
{
	char mac[18];
	uint32_t address;

	if (v->mac && strcmp(v->mac, "auto") != 0 && strncmp(v->mac, "auto:", 5) != 0 && !text_mac(v->mac, mac))
		complain(b, o, "vnics", "vnic %s: `%s` is neither auto nor a MAC address", v->name, v->mac);
	if (v->mac && !strcmp(v->mac, "auto") && !model_pool(b->m, "mac", NULL))
		complain(b, o, "vnics", "vnic %s: `mac: auto` needs a pool under identities/mac of the site", v->name);
	if (!v->address || !v->network)
		return;
	if (!strcmp(v->address, "auto")) {
		if (!v->network->pool_first)
			complain(b, o, "vnics", "vnic %s: `address: auto` needs a `pool` in network %s", v->name,
				 v->network->name);
	} else if (parse_ipv4(v->address, &address) < 0 || !network_has(v->network, address)) {
		complain(b, o, "vnics", "vnic %s: `%s` is not an address of network %s", v->name, v->address,
			 v->network->name);
	}
}

static void parse_vnic(struct build *b, const struct object *o, struct vnic *v, const char *name,
		       const json_t *doc)
{
	const char *network = json_str(doc, "network", "");
	const json_t *trunk = json_object_get(doc, "trunk"), *t;
	const char *rate = json_str(doc, "bandwidth", NULL);
	size_t i;

	v->name = arena_strdup(&b->m->arena, name);
	v->network = model_network(b->m, network);
	if (!v->network)
		complain_nearest(b, o, "vnics", KIND_NETWORK, network);
	v->trunk = arena_alloc(&b->m->arena, (json_array_size(trunk) + 1) * sizeof(*v->trunk));
	json_array_foreach(trunk, i, t) {
		v->trunk[v->n_trunk] = model_network(b->m, json_string_value(t) ? json_string_value(t) : "");
		if (v->trunk[v->n_trunk])
			v->n_trunk++;
		else
			complain_nearest(b, o, "vnics", KIND_NETWORK, json_string_value(t));
	}
	v->mac = arena_strdup(&b->m->arena, json_str(doc, "mac", NULL));
	v->address = arena_strdup(&b->m->arena, json_str(doc, "address", NULL));
	v->rate_kbit = rate ? text_parse_rate_kbit(rate) : 0;
	vnic_identity(b, o, v);
}

static void parse_volume(struct build *b, const struct object *o, struct persona *p, const char *name,
			 const json_t *doc)
{
	struct volume *v = &p->volumes[p->n_volumes++];
	const char *array = json_str(doc, "array", "");
	int i;

	v->name = arena_strdup(&b->m->arena, name);
	v->volume = arena_strdup(&b->m->arena, json_str(doc, "volume", ""));
	v->source = arena_strdup(&b->m->arena, json_str(doc, "source", NULL));
	v->size = build_size(doc, "size");
	v->lun = (int)json_int(doc, "lun", 0);
	v->boot = json_bool(doc, "boot", false);
	v->array = table_get(b->m->tables[KIND_ARRAY], array);
	if (!v->array)
		complain_nearest(b, o, "volumes", KIND_ARRAY, array);
	for (i = 0; i < p->n_volumes - 1; i++)
		if (p->volumes[i].array == v->array && p->volumes[i].lun == v->lun)
			complain(b, o, "volumes", "volumes %s and %s both have lun %d", p->volumes[i].name, v->name,
				 v->lun);
}

static void parse_parts(struct build *b, const struct object *o, const json_t *doc, struct persona *p)
{
	json_t *vnics = json_object_get(doc, "vnics"), *volumes = json_object_get(doc, "volumes"), *v;
	const char *key;

	if (json_object_size(vnics) > VNICS_MAX)
		complain(b, o, "vnics", "a persona cannot have more than %d vnics", VNICS_MAX);
	p->vnics = arena_alloc(&b->m->arena, json_object_size(vnics) * sizeof(*p->vnics));
	json_object_foreach(vnics, key, v)
		parse_vnic(b, o, &p->vnics[p->n_vnics++], key, v);
	p->volumes = arena_alloc(&b->m->arena, json_object_size(volumes) * sizeof(*p->volumes));
	json_object_foreach(volumes, key, v)
		parse_volume(b, o, p, key, v);
	fibre_persona(b, o, doc, p);
	fibre_volumes(b, o, doc, p);
}

static void parse_boot(struct build *b, const struct object *o, const json_t *doc, struct persona *p)
{
	static const char *const methods[] = { "ipxe-iscsi", "local", "hba" };
	const json_t *boot = json_object_get(doc, "boot");
	const char *method = json_str(boot, "method", "ipxe-iscsi"), *network = json_str(boot, "network", NULL);
	bool over_fc = false;
	int i, boots = 0;

	for (i = 0; i < 3 && strcmp(method, methods[i]) != 0; i++)
		;
	if (i == 3)
		complain(b, o, "boot", "boot method `%s` is not one of ipxe-iscsi, hba, local", method);
	p->boot_method = build_intern(b, method);
	if (network && !(p->boot_network = model_network(b->m, network)))
		complain_nearest(b, o, "boot", KIND_NETWORK, network);
	for (i = 0; i < p->n_volumes; i++) {
		boots += p->volumes[i].boot;
		over_fc = over_fc || (p->volumes[i].boot && p->volumes[i].fc);
	}
	if (strcmp(method, "local") != 0 && boots != 1)
		complain(b, o, "volumes", "boot method %s needs exactly one volume with `boot: true`, not %d", method, boots);
	else if (strcmp(method, "local") != 0 && over_fc != !strcmp(method, "hba"))
		complain(b, o, "boot", "the boot volume is reached over %s: boot method %s cannot boot from it",
			 over_fc ? "Fibre Channel" : "iSCSI", method);
}

static void parse_proof(struct build *b, const struct object *o, const json_t *doc, struct persona *p)
{
	const json_t *proof = json_object_get(doc, "proof");

	p->proof_ms = build_duration(proof, "within", 300000);
	p->proof_report = arena_strdup(&b->m->arena, json_str(proof, "report", NULL));
	p->proof_serial = arena_strdup(&b->m->arena, json_str(proof, "serial", NULL));
	p->proof_port = (int)json_int(proof, "tcp", 0);
	/* Without a wish of its own a persona is up when its boot script has run. */
	if (!p->proof_report && !p->proof_serial && !json_object_get(proof, "power"))
		p->proof_report = "script";
	if (p->proof_port && (!p->n_vnics || !p->vnics[0].address))
		complain(b, o, "proof", "`tcp` needs an `address` on the first vnic");
}

static void parse_policies(struct build *b, const struct object *o, const json_t *doc, struct persona *p)
{
	const char *how = json_str(doc, "reconcile", "report"), *approval = json_str(doc, "approval", "none");

	p->needs_approval = !strcmp(approval, "required");
	if (!p->needs_approval && strcmp(approval, "none") != 0)
		complain(b, o, "approval", "`%s` is neither none nor required", approval);

	p->repairs = !strcmp(how, "repair");
	if (!p->repairs && strcmp(how, "report") != 0)
		complain(b, o, "reconcile", "`%s` is neither report nor repair", how);
}

void build_persona(struct build *b, const struct object *o)
{
	struct persona *p = arena_alloc(&b->m->arena, sizeof(*p));
	size_t before = b->p->items ? json_array_size(b->p->items) : 0;
	const char *iqn;
	json_t *doc = persona_resolve(b->objects, o, b->p);

	if (!doc)
		return;
	check_form(b, o, doc);
	check_members(b, o, doc, "vnics", vnic_fields);
	check_members(b, o, doc, "vhbas", vhba_fields);
	check_members(b, o, doc, "volumes", volume_fields);
	if ((b->p->items ? json_array_size(b->p->items) : 0) == before) {
		p->name = arena_strdup(&b->m->arena, o->name);
		p->from = arena_strdup(&b->m->arena, json_str(doc, "from", NULL));
		iqn = json_str(doc, "iqn", "auto");
		p->iqn = arena_strdup(&b->m->arena, iqn);
		if (strcmp(iqn, "auto") != 0 && strncmp(iqn, "iqn.", 4) != 0)
			complain(b, o, "iqn", "`%s` is neither auto nor a name that begins with iqn.", iqn);
		parse_requires(b, o, doc, p);
		parse_parts(b, o, doc, p);
		parse_boot(b, o, doc, p);
		parse_proof(b, o, doc, p);
		parse_policies(b, o, doc, p);
		p->shutdown_ms = build_duration(doc, "shutdown", 30000);
		build_add(b, o, p->name, p);
	}
	json_decref(doc);
}
