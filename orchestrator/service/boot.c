/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The boot service: which script a machine gets, and what it may report.  Only the generation that is
 * in force, or that an open run is bringing up on exactly this machine, is served.
 */
#include "core.h"
#include "ipxe.h"

#include "json.h"
#include "log.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a machine that asks shall be. */
struct role {
	const struct machine *machine;
	const struct persona *persona;
	int64_t generation;
	int64_t run; /* 0: it reboots in the generation in force */
	char why[256]; /* of a refusal */
};

static bool refuse(struct role *r, const char *fmt, const char *a, const char *b)
	__attribute__((format(printf, 2, 0)));

static bool refuse(struct role *r, const char *fmt, const char *a, const char *b)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(r->why, sizeof(r->why), fmt, a, b);
#pragma GCC diagnostic pop
	return false;
}

static bool find_role(struct core *c, const char *mac, const char *uuid, struct role *r)
{
	const struct assignment *on;
	const struct run_cast *cast;
	const struct run *run;
	uint64_t octets;

	*r = (struct role){ 0 };
	if (!mac || text_parse_octets(mac, &octets) != 6)
		return refuse(r, "the request names no MAC address%s%s", "", "");
	r->machine = model_machine_by_mac(c->model, octets);
	if (!r->machine)
		return refuse(r, "no machine with MAC %s is known to this controller%s", mac, "");
	if (r->machine->uuid[0] && uuid && *uuid && strcasecmp(uuid, r->machine->uuid) != 0)
		return refuse(r, "%s has another UUID than %s", r->machine->name, uuid);
	/* Whom a run takes away is not known, so nobody is served; the firmware asks again. */
	if (c->reload || c->superseded)
		return refuse(r, "the journal is read again after a commit that failed%s%s", "", "");
	if (roster_quarantine(c->roster, r->machine->name))
		return refuse(r, "%s is quarantined%s", r->machine->name, "");
	cast = engine_booting(c->engine, r->machine->name, &run);
	if (cast) {
		r->persona = model_persona(c->model, cast->persona);
		r->generation = cast->next_generation;
		r->run = run->id;
		return r->persona ? true : refuse(r, "persona %s is gone%s", cast->persona, "");
	}
	on = roster_on(c->roster, r->machine->name);
	if (!on || engine_leaving(c->engine, r->machine->name))
		return refuse(r, "%s plays no persona now%s", r->machine->name, "");
	r->persona = model_persona(c->model, on->persona);
	r->generation = on->generation;
	return r->persona ? true : refuse(r, "persona %s is gone%s", on->persona, "");
}

static void boot_event(struct core *c, const struct role *r, const char *what, const char *mac,
		       const char *address, const char *text)
{
	store_set_time(c->store, env_wall(c->env));
	core_event(c, "boot", r->run,
		   json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "what", what, "mac", mac ? mac : "", "address",
			     address ? address : "", "machine", r->machine ? r->machine->name : "", "persona",
			     r->persona ? r->persona->name : "", "text", text));
}

static const struct volume *boot_volume(const struct persona *p)
{
	int i;

	for (i = 0; i < p->n_volumes; i++)
		if (p->volumes[i].boot)
			return &p->volumes[i];
	return NULL;
}

enum { PATHS_MAX = 4 };

/* The vnic whose network the portal lies in; for the first portal else the last one with an address. */
static int storage_vnic(const struct persona *p, const struct identities *ids, const char *portal, bool first)
{
	int i, found = plan_portal_vnic(p, ids, portal);

	for (i = p->n_vnics; found < 0 && first && i-- > 0;)
		if (i < ids->n_vnics && ids->vnics[i].address)
			found = i;
	return found;
}

static int split_portal(const char *portal, char host[64], int *port)
{
	const char *colon = strrchr(portal, ':');
	int64_t n = 3260;

	snprintf(host, 64, "%.*s", colon ? (int)(colon - portal) : (int)strlen(portal), portal);
	if (colon && text_parse_int(colon + 1, 1, 65535, &n) < 0)
		return -1;
	*port = (int)n;
	return 0;
}

/* How the disk is reached by one portal: false when it is not. */
static bool fill_path(struct boot_plan *plan, const struct role *r, const struct identities *ids, const char *portal, bool first,
		      struct arena *a)
{
	int nic = storage_vnic(r->persona, ids, portal, first);
	const struct nic *on = nic < 0 ? NULL : plan_nic(r->persona, nic, r->machine);
	const struct network *network = nic < 0 ? NULL : r->persona->vnics[nic].network;
	char text[64];

	if (!on || split_portal(portal, text, &plan->port) < 0)
		return false;
	plan->portal = arena_strdup(a, text);
	text_format_octets(on->mac, 6, text, sizeof(text));
	plan->storage_mac = arena_strdup(a, text);
	format_ipv4(0xffffffffu << (32 - network->prefix_len), text);
	plan->netmask = arena_strdup(a, text);
	format_ipv4(network->gateway, text);
	plan->gateway = network->gateway ? arena_strdup(a, text) : NULL;
	plan->address = ids->vnics[nic].address;
	return true;
}

static char *write_script(struct core *c, const struct role *r, struct arena *a)
{
	struct identities *ids = identities_load(c, r->persona, a);
	const struct volume *v = boot_volume(r->persona);
	struct boot_plan plans[PATHS_MAX], all;
	struct error err = { 0 };
	struct secret *secret;
	char *user, *script;
	int i, n = 0;

	if (!strcmp(r->persona->boot_method, "hba"))
		return ipxe_refusal("the persona boots from its HBA, not from the network");
	if (!v || !v->array->portals || !v->array->portals[0])
		return ipxe_refusal("the persona has no boot volume on an array with a portal");
	user = arena_printf(a, "%s.g%lld", r->persona->name, (long long)r->generation);
	secret = store_secret_get(c->store, arena_printf(a, "chap/%s", user), &err);
	if (!secret)
		return ipxe_refusal("there is no secret for this generation");
	all = (struct boot_plan){ .persona = r->persona->name, .machine = r->machine->name, .generation = r->generation,
				  .base_url = c->model->boot_url ? c->model->boot_url : "", .initiator = ids->iqn, .user = user,
				  .secret = secret_reveal(secret), .target = plan_target(a, v->array, r->persona), .lun = v->lun };
	for (i = 0; v->array->portals[i] && n < PATHS_MAX; i++) {
		plans[n] = all;
		n += fill_path(&plans[n], r, ids, v->array->portals[i], !i, a);
	}
	script = n ? ipxe_boot_script(plans, n) : ipxe_refusal("no vnic of the persona has an address to reach the array from");
	secret_destroy(secret);
	return script;
}

char *service_boot_script(struct core *c, const char *mac, const char *uuid, const char *address)
{
	struct arena arena;
	struct role role;
	char *script;

	if (!find_role(c, mac, uuid, &role)) {
		log_warn("boot", "refused a script: %s", role.why);
		boot_event(c, &role, "refused", mac, address, role.why);
		return ipxe_refusal(role.why);
	}
	arena_init(&arena);
	script = write_script(c, &role, &arena);
	arena_fini(&arena);
	boot_event(c, &role, "script", mac, address, "");
	return script;
}

char *service_boot_report(struct core *c, const char *mac, const char *uuid, const char *stage,
			  const char *address)
{
	struct role role;

	if (!find_role(c, mac, uuid, &role) || !stage || !text_is_name(stage)) {
		boot_event(c, &role, "refused", mac, address, role.why[0] ? role.why : "a report without a stage");
		return xstrdup("refused\n");
	}
	boot_event(c, &role, "report", mac, address, stage);
	engine_reported(c->engine, role.machine->name, stage);
	return xstrdup("ok\n");
}

static void config_nics(struct text *t, const struct role *r, const struct identities *ids)
{
	const struct nic *nic;
	int i;

	for (i = 0; i < r->persona->n_vnics && i < ids->n_vnics; i++) {
		nic = plan_nic(r->persona, i, r->machine);
		if (!nic)
			continue;
		text_printf(t, "%s.network=%s\n", nic->name, r->persona->vnics[i].network->name);
		if (ids->vnics[i].mac)
			text_printf(t, "%s.mac=%s\n", nic->name, ids->vnics[i].mac);
		if (ids->vnics[i].address)
			text_printf(t, "%s.address=%s/%d\n", nic->name, ids->vnics[i].address,
				    r->persona->vnics[i].network->prefix_len);
	}
}

static void config_hbas(struct text *t, const struct role *r, const struct identities *ids)
{
	const struct hba *hba;
	int i;

	for (i = 0; i < r->persona->n_vhbas && i < ids->n_vhbas; i++) {
		hba = model_hba(r->persona, i, r->machine);
		if (!hba || !ids->vhbas[i].wwpn)
			continue;
		text_printf(t, "%s.fabric=%s\n%s.port=%s\n%s.wwpn=%s\n%s.wwnn=%s\n", ids->vhbas[i].vhba, hba->fabric->name,
			    ids->vhbas[i].vhba, hba->port, ids->vhbas[i].vhba, ids->vhbas[i].wwpn, ids->vhbas[i].vhba,
			    ids->vhbas[i].wwnn);
	}
}

char *service_boot_config(struct core *c, const char *mac, const char *uuid)
{
	struct text t = { 0 };
	struct arena arena;
	struct role role;

	if (!find_role(c, mac, uuid, &role)) {
		text_printf(&t, "refused=%s\n", role.why);
		return t.data;
	}
	arena_init(&arena);
	text_printf(&t, "persona=%s\nmachine=%s\ngeneration=%lld\n", role.persona->name, role.machine->name,
		    (long long)role.generation);
	config_nics(&t, &role, identities_load(c, role.persona, &arena));
	config_hbas(&t, &role, identities_load(c, role.persona, &arena));
	arena_fini(&arena);
	return t.data;
}
