/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What must be read before it can be planned.
 */
#include "plan.h"

#include "json.h"

#include <stdio.h>

static void want(json_t *reads, const struct device *d, const char *prefix, const char *name)
{
	json_t *entry = json_object_get(reads, d->name), *objects, *text;
	size_t i;

	if (!entry) {
		entry = json_pack("{s:s, s:[]}", "class", class_name(d->cls), "objects");
		json_object_set_new(reads, d->name, entry);
	}
	objects = json_object_get(entry, "objects");
	text = json_sprintf("%s%s", prefix, name);
	for (i = 0; i < json_array_size(objects); i++)
		if (json_equal(json_array_get(objects, i), text))
			break;
	if (i == json_array_size(objects))
		json_array_append(objects, text);
	json_decref(text);
}

static void want_machine(json_t *reads, const struct machine *m)
{
	int k;

	if (!m)
		return;
	want(reads, m->bmc, "", "power");
	want(reads, m->bmc, "", "boot");
	for (k = 0; k < m->n_nics; k++)
		want(reads, m->nics[k].sw, "port:", m->nics[k].port);
}

static void want_fabrics(json_t *reads, const struct cast *c)
{
	static const char *const whole[] = { "config", "lock", "capacity" };
	char key[160];
	int i, k;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		const struct vhba *v = &c->persona->vhbas[i];

		snprintf(key, sizeof(key), "%s.%s", c->persona->name, v->name);
		want(reads, v->fabric, "zone:", key);
		if (c->identities && c->identities->vhbas[i].wwpn)
			want(reads, v->fabric, "login:", c->identities->vhbas[i].wwpn);
		for (k = 0; k < 3; k++)
			want(reads, v->fabric, "", whole[k]);
	}
}

/* The ports of fabrics matter to a role that uses them, and to a machine that it leaves. */
static void want_fabric_ports(json_t *reads, const struct machine *m)
{
	int k;

	for (k = 0; m && k < m->n_hbas; k++)
		want(reads, m->hbas[k].fabric, "port:", m->hbas[k].port);
}

json_t *plan_reads(const struct model *m, const struct cast *casts, int n)
{
	json_t *reads = json_object();
	int i, k;

	(void)m;
	for (i = 0; i < n; i++) {
		want_machine(reads, casts[i].from);
		want_machine(reads, casts[i].to);
		if (casts[i].persona && casts[i].persona->n_vhbas) {
			want_fabrics(reads, &casts[i]);
			want_fabric_ports(reads, casts[i].from);
			want_fabric_ports(reads, casts[i].to);
			for (k = 0; k < casts[i].n_unfenced; k++)
				want(reads, casts[i].unfenced[k].hba->fabric, "port:", casts[i].unfenced[k].hba->port);
		}
		for (k = 0; casts[i].persona && k < casts[i].persona->n_volumes; k++) {
			want(reads, casts[i].persona->volumes[k].array, "map:", casts[i].persona->name);
			want(reads, casts[i].persona->volumes[k].array, "volume:", casts[i].persona->volumes[k].volume);
		}
	}
	return reads;
}
