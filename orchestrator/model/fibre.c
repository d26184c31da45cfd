/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fibre Channel in the model: fabrics with their side, ports of arrays and machines on them, vHBAs of personas.
 */
#include "build.h"

#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum {
	OWNER_AND_VHBA_MAX = 42, /* what fits into a zone's name of 64 characters beside mark and generation */
	LOCK_WAIT_MS = 120000,
};

void fibre_fabric(struct build *b, const struct object *o, struct device *fabric)
{
	const char *side = json_str(o->doc, "side", NULL);

	fabric->side = (int)(model_count(b->m, KIND_FABRIC) % 2);
	if (side && strcmp(side, "a") != 0 && strcmp(side, "b") != 0)
		complain(b, o, "side", "`%s` is neither a nor b", side);
	else if (side)
		fabric->side = !strcmp(side, "b");
	fabric->lock_wait_ms = build_duration(o->doc, "lock_wait", LOCK_WAIT_MS);
	if (fabric->lock_wait_ms < 0)
		complain(b, o, "lock_wait", "must be a time such as 30s or 5m");
}

static const char *canonical_wwn(struct build *b, const char *text)
{
	char out[24];
	uint64_t n;

	if (!text || text_parse_octets(text, &n) != 8)
		return NULL;
	text_format_octets(n, 8, out, sizeof(out));
	return arena_strdup(&b->m->arena, out);
}

void fibre_array(struct build *b, const struct object *o, struct device *array)
{
	json_t *all = json_object_get(o->doc, "wwpns"), *list;
	struct fc_port *ports;
	const json_t *one;
	const char *name;
	size_t n = 0, i;

	json_object_foreach(all, name, list)
		n += json_array_size(list);
	ports = arena_alloc(&b->m->arena, (n + 1) * sizeof(*ports));
	array->fc_ports = ports;
	json_object_foreach(all, name, list) {
		const struct device *fabric = table_get(b->m->tables[KIND_FABRIC], name);

		if (!fabric)
			complain_nearest(b, o, "wwpns", KIND_FABRIC, name);
		json_array_foreach(list, i, one) {
			ports[array->n_fc_ports] = (struct fc_port){ fabric, canonical_wwn(b, json_string_value(one)) };
			if (!ports[array->n_fc_ports++].wwpn)
				complain(b, o, "wwpns", "`%s` is not a WWPN",
					 json_string_value(one) ? json_string_value(one) : "");
		}
	}
	if (all && !array->n_fc_ports)
		complain(b, o, "wwpns", "write FABRIC: [WWPN, ...] for each fabric that the array is on");
}

static void build_hba(struct build *b, const struct object *o, struct machine *m, struct hba *hba, const char *name,
		      const json_t *doc)
{
	static const struct field fields[] = { { "port", FIELD_STRING, true }, { NULL } };
	struct place at = place_below(&o->at, "hbas"), here = place_below(&at, name), where;
	const char *port = json_str(doc, "port", ""), *slash = strchr(port, '/');
	char text[64], *key;

	fields_check(b->p, &here, doc, fields);
	where = place_below(&here, "port");
	hba->name = build_intern(b, name);
	snprintf(text, sizeof(text), "%.*s", slash ? (int)(slash - port) : 0, port);
	hba->fabric = table_get(b->m->tables[KIND_FABRIC], text);
	if (!slash || !slash[1] || !hba->fabric) {
		problems_add(b->p, &where, "write FABRIC/PORT, where FABRIC is one of `fabrics`",
			     "`%s` is not a port of a fabric that is defined", port);
		return;
	}
	key = arena_strdup(&b->m->arena, port);
	hba->port = key + (slash - port) + 1;
	if (table_add(b->m->fabric_ports, key, m) < 0)
		problems_add(b->p, &where, NULL, "port %s is used twice; the other is %s", port,
			     ((struct machine *)table_get(b->m->fabric_ports, key))->name);
}

void fibre_hbas(struct build *b, const struct object *o, struct machine *m)
{
	json_t *hbas = json_object_get(o->doc, "hbas"), *v;
	const char *key, *model = json_str(o->doc, "model", NULL);

	m->hbas = arena_alloc(&b->m->arena, (json_object_size(hbas) + 1) * sizeof(*m->hbas));
	json_object_foreach(hbas, key, v)
		build_hba(b, o, m, &m->hbas[m->n_hbas++], key, v);
	if (model && !(m->model = table_get(b->m->tables[KIND_MODEL], model)))
		complain_nearest(b, o, "model", KIND_MODEL, model);
}

static const char *wwn_wish(struct build *b, const struct object *o, const struct vhba *v, const json_t *doc, const char *kind)
{
	const char *text = json_str(doc, kind, "auto"), *pool = !strncmp(text, "auto:", 5) ? text + 5 : NULL, *wwn;

	if (!strcmp(text, "auto") || pool) {
		/* A node name that nobody asked for is that of the port. */
		if (!model_pool(b->m, kind, pool) && (pool || !strcmp(kind, "wwpn") || json_object_get(doc, kind)))
			complain(b, o, "vhbas", "vhba %s: `%s: %s` needs a pool under identities/%s of the site", v->name, kind,
				 text, kind);
		return arena_strdup(&b->m->arena, text);
	}
	wwn = canonical_wwn(b, text);
	if (!wwn)
		complain(b, o, "vhbas", "vhba %s: `%s` is neither auto nor a WWN", v->name, text);
	return wwn ? wwn : "auto";
}

/* Zones are called after persona and vhba. */
static void check_zone_name(struct build *b, const struct object *o, const char *vhba)
{
	const char *persona = o->name;

	if (strpbrk(persona, "._") || strpbrk(vhba, "._"))
		complain(b, o, "vhbas", "vhba %s: zones are called after persona and vhba, which may hold a-z 0-9 and - only", vhba);
	else if (strlen(persona) + strlen(vhba) > OWNER_AND_VHBA_MAX)
		complain(b, o, "vhbas", "vhba %s: zones are called after persona and vhba, which may have %d characters together",
			 vhba, OWNER_AND_VHBA_MAX);
}

void fibre_persona(struct build *b, const struct object *o, const json_t *doc, struct persona *p)
{
	json_t *vhbas = json_object_get(doc, "vhbas"), *one;
	const char *name, *fabric;
	struct vhba *v;

	if (json_object_size(vhbas) > VHBAS_MAX)
		complain(b, o, "vhbas", "a persona cannot have more than %d vhbas", VHBAS_MAX);
	p->vhbas = arena_alloc(&b->m->arena, (json_object_size(vhbas) + 1) * sizeof(*p->vhbas));
	json_object_foreach(vhbas, name, one) {
		v = &p->vhbas[p->n_vhbas++];
		v->name = arena_strdup(&b->m->arena, name);
		fabric = json_str(one, "fabric", "");
		v->fabric = table_get(b->m->tables[KIND_FABRIC], fabric);
		if (!v->fabric)
			complain_nearest(b, o, "vhbas", KIND_FABRIC, fabric);
		v->wwpn = wwn_wish(b, o, v, one, "wwpn");
		v->wwnn = wwn_wish(b, o, v, one, "wwnn");
		check_zone_name(b, o, name);
	}
}

static bool reaches(const struct persona *p, const struct device *array)
{
	int i, k;

	for (i = 0; array && i < p->n_vhbas; i++)
		for (k = 0; k < array->n_fc_ports; k++)
			if (array->fc_ports[k].fabric == p->vhbas[i].fabric)
				return true;
	return false;
}

static void volume_protocol(struct build *b, const struct object *o, const struct persona *p, struct volume *v, const json_t *doc)
{
	const char *protocol = json_str(doc, "protocol", reaches(p, v->array) ? "fc" : "iscsi");

	v->fc = !strcmp(protocol, "fc");
	if (!v->fc && strcmp(protocol, "iscsi") != 0)
		complain(b, o, "volumes", "volume %s: protocol `%s` is neither iscsi nor fc", v->name, protocol);
	else if (v->fc && !reaches(p, v->array))
		complain(b, o, "volumes", "volume %s: no vhba of the persona is on a fabric that array %s has `wwpns` on", v->name,
			 v->array ? v->array->name : "");
	else if (!v->fc && v->array && !v->array->portals[0])
		complain(b, o, "volumes", "volume %s: array %s has no `portals`, and no vhba of the persona is on a fabric of it",
			 v->name, v->array->name);
}

void fibre_volumes(struct build *b, const struct object *o, const json_t *doc, struct persona *p)
{
	int i, k;

	for (i = 0; i < p->n_volumes; i++) {
		volume_protocol(b, o, p, &p->volumes[i], json_object_get(json_object_get(doc, "volumes"), p->volumes[i].name));
		for (k = 0; k < i; k++)
			if (p->volumes[k].array == p->volumes[i].array && p->volumes[k].fc != p->volumes[i].fc)
				complain(b, o, "volumes", "volumes %s and %s are on one array and have two protocols: a persona has one map there",
					 p->volumes[k].name, p->volumes[i].name);
	}
}

const struct hba *model_hba(const struct persona *persona, int i, const struct machine *machine)
{
	const struct vhba *v = &persona->vhbas[i];
	const struct hba *first = NULL;
	int k;

	for (k = 0; k < machine->n_hbas; k++) {
		if (machine->hbas[k].fabric != v->fabric)
			continue;
		if (!strcmp(machine->hbas[k].name, v->name))
			return &machine->hbas[k];
		if (!first)
			first = &machine->hbas[k];
	}
	return first;
}

int fibre_fits(const struct persona *persona, const struct machine *machine, struct error *err)
{
	const struct machine_model *model = machine->model;
	int i;

	if (model && persona->n_vnics > model->vnics)
		return error_set(err, ERROR_CONFLICT, "%s has %d vnics, but a machine of model %s such as %s can have %d",
				 persona->name, persona->n_vnics, model->name, machine->name, model->vnics);
	if (model && persona->n_vhbas > model->vhbas)
		return error_set(err, ERROR_CONFLICT, "%s has %d vhbas, but a machine of model %s such as %s can have %d",
				 persona->name, persona->n_vhbas, model->name, machine->name, model->vhbas);
	for (i = 0; i < persona->n_vhbas; i++)
		if (!model_hba(persona, i, machine))
			return error_set(err, ERROR_CONFLICT, "vhba %s of %s is on fabric %s, and no hba of %s is",
					 persona->vhbas[i].name, persona->name, persona->vhbas[i].fabric->name, machine->name);
	return 0;
}
