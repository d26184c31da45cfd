/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Desired wiring: what the ports and LUN maps of a persona on a machine must look like.
 */
#include "build.h"

#include "json.h"

#include <string.h>

const struct nic *plan_nic(const struct persona *persona, int i, const struct machine *machine)
{
	int k;

	for (k = 0; k < machine->n_nics; k++)
		if (!strcmp(machine->nics[k].name, persona->vnics[i].name))
			return &machine->nics[k];
	return i < machine->n_nics ? &machine->nics[i] : NULL;
}

int plan_vnic_of(const struct persona *persona, const struct machine *machine, const struct nic *nic)
{
	int i;

	for (i = 0; i < persona->n_vnics; i++)
		if (plan_nic(persona, i, machine) == nic)
			return i;
	return -1;
}

static json_t *parked(const struct model *m)
{
	return json_pack("{s:s, s:i, s:[], s:i, s:s}", "mode", "access", "native", m->parking->vlan, "tagged",
			 "rate_kbit", 0, "description", "recast parked");
}

json_t *wish_port(const struct model *m, const struct persona *persona, int i, bool booting,
		  int64_t generation)
{
	const struct vnic *v;
	json_t *tagged, *port;
	bool boot_port;
	int t;

	if (!persona || i < 0)
		return parked(m);
	v = &persona->vnics[i];
	boot_port = booting && i == 0 && persona->boot_network;
	tagged = json_array();
	for (t = 0; t < v->n_trunk && !boot_port; t++)
		json_array_append_new(tagged, json_integer(v->trunk[t]->vlan));
	port = json_pack("{s:s, s:i, s:I}", "mode", json_array_size(tagged) ? "trunk" : "access", "native",
			 boot_port ? persona->boot_network->vlan : v->network->vlan, "rate_kbit",
			 (json_int_t)(boot_port ? 0 : v->rate_kbit));
	json_object_set_new(port, "tagged", tagged);
	json_setf(port, "description", "recast %s#%lld %s", persona->name, (long long)generation, v->name);
	return port;
}

char *plan_target(struct arena *a, const struct device *array, const struct persona *persona)
{
	const char *s = array->target_iqn;
	char out[224];
	size_t n = 0;

	while (*s && n < sizeof(out) - 66) {
		const char *put = !strncmp(s, "{array}", 7) ? array->name : persona->name;
		size_t skip = !strncmp(s, "{array}", 7) ? 7 : !strncmp(s, "{persona}", 9) ? 9 : 0;

		if (skip) {
			memcpy(out + n, put, strlen(put));
			n += strlen(put);
			s += skip;
		} else {
			out[n++] = *s++;
		}
	}
	out[n] = '\0';
	return arena_strdup(a, out);
}

json_t *wish_map(struct planner *pl, const struct cast *c, const struct device *array, int64_t generation)
{
	const struct persona *p = c->persona;
	char *user = arena_printf(&pl->plan->arena, "%s.g%lld", p->name, (long long)generation);
	json_t *luns = json_object();
	char lun[12];
	int i;

	for (i = 0; i < p->n_volumes; i++) {
		if (p->volumes[i].array != array)
			continue;
		snprintf(lun, sizeof(lun), "%d", p->volumes[i].lun);
		json_object_set_new(luns, lun, json_string(p->volumes[i].volume));
	}
	if (persona_over_fc(p, array))
		return wish_fc_map(pl, c, array, luns, generation);
	/* The secret itself joins when the change is sent; a plan never holds it. */
	return json_pack("{s:b, s:s, s:[s], s:o, s:{s:s, s:s}, s:I}", "exists", 1, "target",
			 plan_target(&pl->plan->arena, array, p), "initiators", c->identities->iqn, "luns",
			 luns, "chap", "user", user, "secret_ref",
			 arena_printf(&pl->plan->arena, "chap/%s", user), "generation",
			 (json_int_t)generation);
}

bool wish_met(const json_t *wish, const json_t *seen)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)wish, key, v) {
		if (!strcmp(key, "description") || !strcmp(key, "chap") || !strcmp(key, "target"))
			continue;
		if (!strcmp(key, "rate_kbit") && !json_object_get(seen, key) && !json_integer_value(v))
			continue;
		if (!json_equal(v, json_object_get(seen, key)))
			return false;
	}
	return true;
}

const struct device *persona_array(const struct persona *p, int i)
{
	int k, before, seen = 0;

	for (k = 0; k < p->n_volumes; k++) {
		for (before = 0; before < k && p->volumes[before].array != p->volumes[k].array; before++)
			;
		if (before == k && seen++ == i)
			return p->volumes[k].array;
	}
	return NULL;
}
