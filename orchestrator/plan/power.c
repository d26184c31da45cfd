/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Power, boot device and proof of boot; and how it is made sure that a machine which is left cannot write any more.
 */
#include "build.h"

#include "json.h"

#include <string.h>

const char *power_of(struct planner *pl, const struct machine *m)
{
	const char *power = json_str(json_object_get(pl->observed, m->bmc->name), "power", "unknown");

	json_object_set_new(pl->used, m->bmc->name, json_string(power));
	return power;
}

bool machine_is_target(const struct planner *pl, const struct machine *m)
{
	int i;

	for (i = 0; i < pl->n; i++)
		if (pl->casts[i].to == m)
			return true;
	return false;
}

/* Whether a machine that cannot be powered off can be fenced without its BMC: everything that its role could
 * write to or speak through is taken from it by this very plan, and nothing needs its BMC later. */
static bool can_fall_back(const struct planner *pl, const struct cast *c, const struct machine *m, bool plays)
{
	return plays && c->kind == CAST_PLAY && !machine_is_target(pl, m) && (persona_array(c->persona, 0) || m->n_nics);
}

static int power_unknown(struct planner *pl, const struct machine *m, bool plays)
{
	const char *why = json_str(json_object_get(pl->observed, m->bmc->name), "why", NULL);

	error_set(pl->err, ERROR_UNREACHABLE, "the power state of %s is unknown, and unknown is never off%s%s", m->name,
		  why ? ": " : "", why ? why : "");
	if (plays && !machine_is_target(pl, m))
		return error_hint(pl->err, "Its role has neither storage nor ports to take away. Make sure that it is off, then: persona fence confirm %s",
				  m->name);
	return error_hint(pl->err, "Check its BMC with `persona power status %s` and `persona doctor`.", m->name);
}

static void plan_quiesce(struct planner *pl, const struct cast *c, const struct machine *m)
{
	struct plan_step *s = plan_add_on(pl, PHASE_QUIESCE, m->bmc, arena_strdup(&pl->plan->arena, "shutdown"),
					  json_pack("{s:b}", "requested", 1), NULL, c, m, 0);

	s->verb = '!';
	s->impact = IMPACT_DOWNTIME;
	s->optional = true;
	s->deadline_ms = c->persona->shutdown_ms;
	s->summary = arena_printf(&pl->plan->arena, "ask %s to shut down, wait up to %llds", m->name,
				  (long long)c->persona->shutdown_ms / 1000);
}

static char *off_summary(struct arena *a, const struct machine *m, const char *power, bool plays)
{
	if (!strcmp(power, "off"))
		return arena_printf(a, "confirm that %s is off: read twice (fence F1)", m->name);
	if (!strcmp(power, "on"))
		return arena_printf(a, "power off %s%s and read off twice (fence F1)", m->name,
				    plays ? "" : ", which is on though it plays no persona,");
	return arena_printf(a, "try to power off %s, whose BMC does not answer; without it, storage and ports are taken away (fence F2, F3)",
			    m->name);
}

/* A role that was running comes back by plan_restore(); what nobody knew cannot be put back; and what comes out of
 * quarantine stays off. */
static json_t *off_undo(const struct cast *c, const char *power, bool plays)
{
	bool on = !strcmp(power, "on");

	if (c->kind == CAST_RETURN || (plays && on) || (!on && strcmp(power, "off") != 0))
		return NULL;
	return json_pack("{s:s}", "power", power);
}

int plan_off(struct planner *pl, const struct cast *c, const struct machine *m, bool plays)
{
	const char *power = power_of(pl, m);
	bool on = !strcmp(power, "on"), off = !strcmp(power, "off"), fallback = can_fall_back(pl, c, m, plays);
	struct plan_step *s;

	if (!strcmp(power, "confirmed"))
		return 0; /* somebody has given his word that it is off */
	if (!on && !off && !fallback)
		return power_unknown(pl, m, plays);
	if (on && plays && c->persona->shutdown_ms)
		plan_quiesce(pl, c, m);
	s = plan_add_on(pl, PHASE_OFF, m->bmc, arena_strdup(&pl->plan->arena, "power"), json_pack("{s:s}", "power", "off"),
			off_undo(c, power, plays), c, m, 0);
	s->verb = off ? '=' : '!';
	s->impact = off ? IMPACT_NONE : IMPACT_DOWNTIME;
	s->deadline_ms = on || off ? 90000 : 15000;
	s->fallback = fallback;
	s->blind = !on && !off;
	s->summary = off_summary(&pl->plan->arena, m, power, plays);
	return 0;
}

static struct plan_step *on_target(struct planner *pl, const struct cast *c, enum phase phase,
				   const char *object, json_t *set, json_t *undo)
{
	return plan_add_on(pl, phase, c->to->bmc, arena_strdup(&pl->plan->arena, object), set, undo, c, c->to,
			   c->next_generation);
}

static json_t *boot_hint(const struct cast *c, const struct device *array)
{
	json_t *hint = json_pack("{s:s, s:s}", "map", c->persona->name, "array", array->name);

	if (persona_over_fc(c->persona, array))
		json_object_set_new(hint, "vhbas", plan_boot_vhbas(c));
	else
		json_object_set_new(hint, "addresses", plan_path_addresses(c, array));
	return hint;
}

void plan_boot(struct planner *pl, const struct cast *c, enum phase phase)
{
	const json_t *boot = json_object_get(json_object_get(pl->observed, c->to->bmc->name), "boot");
	/* The firmware of an HBA offers its LUN as a disk. */
	const char *want = !strcmp(c->persona->boot_method, "ipxe-iscsi") ? "pxe" : "disk";
	const char *was = json_str(boot, "device", "none");
	const struct device *array = persona_array(c->persona, 0);
	json_t *set = json_pack("{s:s}", "device", want);
	bool known = !strcmp(was, "pxe") || !strcmp(was, "disk") || !strcmp(was, "none");
	struct plan_step *s;

	/* Real devices ignore the hint; the simulated rack needs to know what the role would find. */
	if (array && !strcmp(c->to->bmc->driver, "mock"))
		json_object_set_new(set, "hint", boot_hint(c, array));
	s = on_target(pl, c, phase, "boot", set, known ? json_pack("{s:s}", "device", was) : NULL);
	s->summary = arena_printf(&pl->plan->arena, "%s boots from %s", c->to->name,
				  !strcmp(want, "pxe")			     ? "the network"
				  : !strcmp(c->persona->boot_method, "hba") ? "its LUN over Fibre Channel"
									     : "its disk");
	if (!c->persona->proof_serial)
		return;
	s = on_target(pl, c, phase, "console", json_pack("{s:b}", "capture", 1), json_pack("{s:b}", "capture", 0));
	s->verb = '=';
	s->summary = arena_printf(&pl->plan->arena, "watch the serial console of %s", c->to->name);
}

void plan_on(struct planner *pl, const struct cast *c, enum phase phase)
{
	struct plan_step *s = on_target(pl, c, phase, "power", json_pack("{s:s}", "power", "on"),
					json_pack("{s:s}", "power", "off"));

	s->verb = '+';
	s->deadline_ms = 90000;
	s->summary = arena_printf(&pl->plan->arena, "power on %s as %s", c->to->name, c->persona->name);
}

static struct plan_step *proof(struct planner *pl, const struct cast *c, enum phase phase, json_t *set,
			       const char *what)
{
	struct plan_step *s = on_target(pl, c, phase, "proof", set, NULL);

	s->verb = '=';
	s->deadline_ms = c->persona->proof_ms;
	s->summary = arena_printf(&pl->plan->arena, "wait up to %llds for %s on %s",
				  (long long)c->persona->proof_ms / 1000, what, c->to->name);
	return s;
}

void plan_proofs(struct planner *pl, const struct cast *c, enum phase phase, bool optional)
{
	struct arena *a = &pl->plan->arena;
	const struct persona *p = c->persona;

	if (p->proof_report)
		proof(pl, c, phase, json_pack("{s:s}", "report", p->proof_report),
		      arena_printf(a, "the report \"%s\"", p->proof_report))
			->optional = optional;
	if (p->proof_serial)
		proof(pl, c, phase, json_pack("{s:s}", "serial", p->proof_serial),
		      arena_printf(a, "\"%s\" on the console", p->proof_serial))
			->optional = optional;
}

void plan_confirm(struct planner *pl, const struct cast *c)
{
	const char *address = c->identities->n_vnics ? c->identities->vnics[0].address : NULL;
	int port = c->persona->proof_port;

	if (port)
		proof(pl, c, PHASE_CONFIRM, json_pack("{s:o}", "tcp", json_sprintf("%s:%d", address ? address : "", port)),
		      arena_printf(&pl->plan->arena, "TCP port %d", port));
}

const char *plan_fence(struct planner *pl)
{
	const char *fence = "none needed";
	int i;

	for (i = 0; i < pl->plan->n_steps; i++) {
		if (pl->plan->steps[i].phase != PHASE_OFF)
			continue;
		if (pl->plan->steps[i].blind)
			return "F2 and F3: a BMC does not answer; maps and sessions are seen gone, ports are parked, the machine is quarantined";
		fence = "F1: each machine is read off twice; F2: old maps and sessions are seen gone";
	}
	for (i = 0; i < pl->n; i++)
		if (pl->casts[i].from && !strcmp(power_of(pl, pl->casts[i].from), "confirmed"))
			return "a person's word that the machine is off; F2: old maps and sessions are seen gone";
	return fence;
}
