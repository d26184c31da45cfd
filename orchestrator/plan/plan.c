/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Casts and observation to a plan.  The order is break-before-make: what the old holder had is proved
 * gone before the new holder gets anything.
 */
#include "build.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *phase_name(enum phase phase)
{
	static const char *const names[PHASE_COUNT] = { "quiesce", "off", "unmap", "park", "prepare",
							"verify",  "grant", "on",    "proof", "final", "confirm" };

	return names[phase];
}

const char *impact_name(enum impact impact)
{
	static const char *const names[] = { "none", "link-blip", "reboot", "downtime" };

	return names[impact];
}

struct plan_step *plan_add(struct planner *pl, enum phase phase, const struct device *device,
			   const char *object, json_t *set, json_t *undo)
{
	struct plan *p = pl->plan;
	struct plan_step *s;

	if (p->n_steps == p->size) {
		p->size = p->size ? p->size * 2 : 16;
		p->steps = xrealloc(p->steps, (size_t)p->size * sizeof(*p->steps));
	}
	s = &p->steps[p->n_steps++];
	*s = (struct plan_step){ .phase = phase, .device = device->name, .cls = device->cls, .object = object,
				 .verb = '~', .set = set, .undo = undo, .deadline_ms = 60000 };
	return s;
}

const json_t *plan_seen(struct planner *pl, const char *device, const char *section, const char *name)
{
	json_t *seen = json_object_get(json_object_get(json_object_get(pl->observed, device), section), name);
	json_t *used = json_object_get(pl->used, device);

	if (!used) {
		used = json_object();
		json_object_set_new(pl->used, device, used);
	}
	/* A volume may be called like the persona whose map it is in. */
	json_object_set(used, arena_printf(&pl->plan->arena, "%s/%s", section, name), seen ? seen : json_null());
	return seen;
}

static const char *power_of(struct planner *pl, const struct machine *m)
{
	const char *power = json_str(json_object_get(pl->observed, m->bmc->name), "power", "unknown");

	json_object_set_new(pl->used, m->bmc->name, json_string(power));
	return power;
}

static bool machine_is_target(const struct planner *pl, const struct machine *m)
{
	int i;

	for (i = 0; i < pl->n; i++)
		if (pl->casts[i].to == m)
			return true;
	return false;
}

static char *port_object(struct planner *pl, const struct nic *nic)
{
	return arena_printf(&pl->plan->arena, "port:%s", nic->port);
}

/* The wish that puts a port back as it was seen; a port that trunked everything is parked instead. */
static json_t *port_undo(const struct model *m, const json_t *seen)
{
	static const char *const keys[] = { "mode", "native", "tagged", "rate_kbit", "description" };
	json_t *out;
	size_t i;

	if (!strcmp(json_str(seen, "mode", "open"), "open"))
		return wish_port(m, NULL, -1, false, 0);
	out = json_object();
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(seen, keys[i]))
			json_object_set(out, keys[i], json_object_get(seen, keys[i]));
	return out;
}

static char *describe_port(struct arena *a, const struct model *m, const json_t *port)
{
	const struct network *n;
	size_t i, tagged = json_array_size(json_object_get(port, "tagged"));
	int64_t vlan = json_int(port, "native", 0);

	if (!strcmp(json_str(port, "mode", ""), "open"))
		return arena_strdup(a, "all VLANs");
	for (i = 0; (n = model_at(m, KIND_NETWORK, i)); i++)
		if (n->vlan == vlan)
			break;
	if (!n)
		return arena_printf(a, tagged ? "VLAN %lld + %zu tagged" : "VLAN %lld", (long long)vlan, tagged);
	return arena_printf(a, tagged ? "%s (VLAN %lld) + %zu tagged" : "%s (VLAN %lld)", n->name, (long long)vlan,
			    tagged);
}

static int plan_port(struct planner *pl, const struct persona *p, const struct nic *nic, json_t *wish,
		     enum phase phase, int64_t generation, const char *machine)
{
	const json_t *seen = plan_seen(pl, nic->sw->name, "ports", nic->port);
	struct arena *a = &pl->plan->arena;
	struct plan_step *s;

	if (!seen || !json_bool(seen, "exists", true)) {
		json_decref(wish);
		error_set(pl->err, ERROR_CONFLICT, "switch %s has no port %s (%s of %s)", nic->sw->name,
			  nic->port, nic->name, machine);
		return error_hint(pl->err, "Correct `port` of the nic in the site file, or create the port on the switch.");
	}
	if (wish_met(wish, seen) && phase != PHASE_FINAL) {
		json_decref(wish);
		return 0;
	}
	s = plan_add(pl, phase, nic->sw, port_object(pl, nic), wish, port_undo(pl->m, seen));
	s->owner = p ? p->name : NULL;
	s->machine = machine;
	s->generation = generation;
	s->summary = arena_printf(a, "port %s/%s: %s -> %s", nic->sw->name, nic->port,
				  describe_port(a, pl->m, seen), describe_port(a, pl->m, wish));
	return 0;
}

int plan_ports(struct planner *pl, const struct cast *c, const struct machine *machine, enum phase phase,
	       int64_t generation)
{
	const struct persona *p = phase == PHASE_PARK ? NULL : c->persona;
	int k, i;

	for (k = 0; k < machine->n_nics; k++) {
		i = p ? plan_vnic_of(p, machine, &machine->nics[k]) : -1;
		if (phase == PHASE_FINAL && (i != 0 || !p->boot_network))
			continue; /* in place since prepare */
		if (plan_port(pl, i >= 0 ? p : NULL, &machine->nics[k],
			      wish_port(pl->m, p, i, phase == PHASE_PREPARE, generation), phase, generation,
			      machine->name) < 0)
			return -1;
	}
	return 0;
}

/* The final state of a boot port follows its boot state, so its undo is the boot state. */
static void chain_final_undo(struct planner *pl)
{
	struct plan_step *s, *before;
	int i, k;

	for (i = 0; i < pl->plan->n_steps; i++) {
		s = &pl->plan->steps[i];
		if (s->phase != PHASE_FINAL)
			continue;
		for (k = 0; k < i; k++) {
			before = &pl->plan->steps[k];
			if (before->phase < PHASE_FINAL && !strcmp(before->object, s->object) &&
			    !strcmp(before->device, s->device)) {
				json_decref(s->undo);
				s->undo = json_incref(before->set);
				s->summary = arena_printf(&pl->plan->arena, "port %s/%s: %s -> %s", s->device,
							  s->object + 5,
							  describe_port(&pl->plan->arena, pl->m, before->set),
							  describe_port(&pl->plan->arena, pl->m, s->set));
			}
		}
	}
}

/* Whether a machine that cannot be powered off can be fenced without its BMC: everything that its role could
 * write to or speak through is taken from it by this very plan, and nothing needs its BMC later. */
static bool can_fall_back(const struct planner *pl, const struct cast *c, const struct machine *m, bool plays)
{
	return plays && !machine_is_target(pl, m) && (persona_array(c->persona, 0) || m->n_nics);
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

static int plan_off(struct planner *pl, const struct cast *c, const struct machine *m, bool plays)
{
	const char *power = power_of(pl, m);
	bool on = !strcmp(power, "on"), off = !strcmp(power, "off"), fallback = can_fall_back(pl, c, m, plays);
	struct arena *a = &pl->plan->arena;
	struct plan_step *s;

	if (!strcmp(power, "confirmed"))
		return 0; /* somebody has given his word that it is off */
	if (!on && !off && !fallback)
		return power_unknown(pl, m, plays);
	if (on && plays && c->persona->shutdown_ms) {
		s = plan_add(pl, PHASE_QUIESCE, m->bmc, "shutdown", json_pack("{s:b}", "requested", 1), NULL);
		s->verb = '!';
		s->impact = IMPACT_DOWNTIME;
		s->machine = m->name;
		s->owner = c->persona->name;
		s->optional = true;
		s->deadline_ms = c->persona->shutdown_ms;
		s->summary = arena_printf(a, "ask %s to shut down, wait up to %llds", m->name,
					  (long long)c->persona->shutdown_ms / 1000);
	}
	/* What nobody knew cannot be put back. */
	s = plan_add(pl, PHASE_OFF, m->bmc, "power", json_pack("{s:s}", "power", "off"),
		     on || off ? json_pack("{s:s}", "power", power) : NULL);
	s->verb = off ? '=' : '!';
	s->impact = off ? IMPACT_NONE : IMPACT_DOWNTIME;
	s->machine = m->name;
	s->owner = c->persona->name;
	s->deadline_ms = on || off ? 90000 : 15000;
	s->fallback = fallback;
	s->summary = off ? arena_printf(a, "confirm that %s is off: read twice (fence F1)", m->name)
		     : on ? arena_printf(a, "power off %s%s and read off twice (fence F1)", m->name,
					 plays ? "" : ", which is on though it plays no persona,")
			  : arena_printf(a, "try to power off %s, whose BMC does not answer; without it, storage and ports are taken away (fence F2, F3)",
					 m->name);
	return 0;
}

static struct plan_step *on_target(struct planner *pl, const struct cast *c, enum phase phase,
				   const char *object, json_t *set, json_t *undo)
{
	struct plan_step *s = plan_add(pl, phase, c->to->bmc, object, set, undo);

	s->machine = c->to->name;
	s->owner = c->persona->name;
	s->generation = c->next_generation;
	return s;
}

static void plan_boot(struct planner *pl, const struct cast *c)
{
	const json_t *boot = json_object_get(json_object_get(pl->observed, c->to->bmc->name), "boot");
	const char *want = !strcmp(c->persona->boot_method, "local") ? "disk" : "pxe";
	const char *was = json_str(boot, "device", "none");
	const struct device *array = persona_array(c->persona, 0);
	json_t *set = json_pack("{s:s}", "device", want);
	bool known = !strcmp(was, "pxe") || !strcmp(was, "disk") || !strcmp(was, "none");
	struct plan_step *s;

	/* Real devices ignore the hint; the simulated rack needs to know what the role would find. */
	if (array && !strcmp(c->to->bmc->driver, "mock"))
		json_object_set_new(set, "hint", json_pack("{s:s, s:s}", "map", c->persona->name, "array", array->name));
	s = on_target(pl, c, PHASE_PREPARE, "boot", set, known ? json_pack("{s:s}", "device", was) : NULL);
	s->summary = arena_printf(&pl->plan->arena, "%s boots from %s", c->to->name,
				  !strcmp(want, "pxe") ? "the network" : "its disk");
	if (!c->persona->proof_serial)
		return;
	s = on_target(pl, c, PHASE_PREPARE, "console", json_pack("{s:b}", "capture", 1),
		      json_pack("{s:b}", "capture", 0));
	s->verb = '=';
	s->summary = arena_printf(&pl->plan->arena, "watch the serial console of %s", c->to->name);
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

static void plan_on(struct planner *pl, const struct cast *c)
{
	struct arena *a = &pl->plan->arena;
	const struct persona *p = c->persona;
	const char *address = c->identities->n_vnics ? c->identities->vnics[0].address : NULL;
	struct plan_step *s;

	s = on_target(pl, c, PHASE_ON, "power", json_pack("{s:s}", "power", "on"),
		      json_pack("{s:s}", "power", "off"));
	s->verb = '+';
	s->deadline_ms = 90000;
	s->summary = arena_printf(a, "power on %s as %s", c->to->name, p->name);
	if (p->proof_report)
		proof(pl, c, PHASE_PROOF, json_pack("{s:s}", "report", p->proof_report),
		      arena_printf(a, "the report \"%s\"", p->proof_report));
	if (p->proof_serial)
		proof(pl, c, PHASE_PROOF, json_pack("{s:s}", "serial", p->proof_serial),
		      arena_printf(a, "\"%s\" on the console", p->proof_serial));
	if (p->proof_port)
		proof(pl, c, PHASE_CONFIRM, json_pack("{s:o}", "tcp", json_sprintf("%s:%d", address ? address : "", p->proof_port)),
		      arena_printf(a, "TCP port %d", p->proof_port));
}

/* A cast onto the machine it is on already: is all in place but for ports that can change in flight? */
static bool in_force(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	const json_t *seen;
	json_t *wish;
	bool same;
	int i;

	if (strcmp(power_of(pl, c->to), "on") != 0 || !c->generation)
		return false;
	for (i = 0; (array = persona_array(c->persona, i)); i++) {
		seen = plan_seen(pl, array->name, "maps", c->persona->name);
		wish = wish_map(pl, c, array, c->generation);
		same = seen && wish_met(wish, seen);
		json_decref(wish);
		if (!same)
			return false;
	}
	return true;
}

static int plan_in_place(struct planner *pl, const struct cast *c)
{
	const struct machine *m = c->to;
	int before = pl->plan->n_steps, k, i;

	for (k = 0; k < m->n_nics; k++) {
		i = plan_vnic_of(c->persona, m, &m->nics[k]);
		if (plan_port(pl, i >= 0 ? c->persona : NULL, &m->nics[k],
			      wish_port(pl->m, c->persona, i, false, c->generation), PHASE_PREPARE, c->generation,
			      m->name) < 0)
			return -1;
	}
	for (; before < pl->plan->n_steps; before++)
		pl->plan->steps[before].impact = IMPACT_LINK_BLIP;
	return 0;
}

static bool machine_is_source(const struct planner *pl, const struct machine *m)
{
	int i;

	for (i = 0; i < pl->n; i++)
		if (pl->casts[i].from == m)
			return true;
	return false;
}

static int plan_cast(struct planner *pl, int i)
{
	const struct cast *c = &pl->casts[i];

	if (c->from && c->from == c->to && in_force(pl, c))
		return plan_in_place(pl, c);
	pl->plan->activates[i] = c->to != NULL;
	if (c->from && plan_off(pl, c, c->from, true) < 0)
		return -1;
	if (c->to && !machine_is_source(pl, c->to) && plan_off(pl, c, c->to, false) < 0)
		return -1;
	if (plan_unmaps(pl, c) < 0)
		return -1;
	if (c->from && !machine_is_target(pl, c->from) &&
	    plan_ports(pl, c, c->from, PHASE_PARK, c->generation) < 0)
		return -1;
	if (!c->to)
		return 0;
	if (model_fits(c->persona, c->to, pl->err) < 0 ||
	    plan_ports(pl, c, c->to, PHASE_PREPARE, c->next_generation) < 0 || plan_volumes(pl, c) < 0)
		return -1;
	plan_boot(pl, c);
	if (plan_verify(pl, c) < 0 || plan_grants(pl, c) < 0)
		return -1;
	plan_on(pl, c);
	return plan_ports(pl, c, c->to, PHASE_FINAL, c->next_generation);
}

static int by_phase(const void *a, const void *b)
{
	const struct plan_step *x = a, *y = b;

	return x->phase != y->phase ? (int)x->phase - (int)y->phase : x->n - y->n;
}

/* How it is made sure that old holders cannot write any more. */
static const char *fence_of(struct planner *pl)
{
	const char *fence = "none needed";
	int i;

	for (i = 0; i < pl->plan->n_steps; i++) {
		if (pl->plan->steps[i].phase != PHASE_OFF)
			continue;
		if (!pl->plan->steps[i].undo)
			return "F2 and F3: a BMC does not answer; maps and sessions are seen gone, ports are parked, the machine is quarantined";
		fence = "F1: each machine is read off twice; F2: old maps and sessions are seen gone";
	}
	for (i = 0; i < pl->n; i++)
		if (pl->casts[i].from && !strcmp(power_of(pl, pl->casts[i].from), "confirmed"))
			return "a person's word that the machine is off; F2: old maps and sessions are seen gone";
	return fence;
}

static void finish(struct planner *pl)
{
	struct plan *p = pl->plan;
	int i;

	for (i = 0; i < p->n_steps; i++)
		p->steps[i].n = i;
	if (p->n_steps)
		qsort(p->steps, (size_t)p->n_steps, sizeof(*p->steps), by_phase);
	for (i = 0; i < p->n_steps; i++) {
		p->steps[i].n = i;
		p->changes += p->steps[i].verb != '=';
		if (p->steps[i].impact > p->impact)
			p->impact = p->steps[i].impact;
	}
	chain_final_undo(pl);
	p->fence = fence_of(pl);
	p->used = json_incref(pl->used);
}

void plan_identify(struct plan *plan)
{
	json_t *whole;

	json_hash(plan->used, plan->observed_hash);
	whole = plan_json(plan);
	json_hash(whole, plan->id);
	json_decref(whole);
}

struct plan *plan_build(const struct model *m, const struct cast *casts, int n, const json_t *observed,
			struct error *err)
{
	struct planner pl = { m, casts, n, observed, xcalloc(1, sizeof(*pl.plan)), err, json_object() };
	int i;

	for (i = 0; i < n; i++)
		if (plan_cast(&pl, i) < 0)
			break;
	if (i == n) {
		finish(&pl);
	} else {
		plan_destroy(pl.plan);
		pl.plan = NULL;
	}
	json_decref(pl.used);
	return pl.plan;
}

void plan_destroy(struct plan *plan)
{
	int i;

	if (!plan)
		return;
	for (i = 0; i < plan->n_steps; i++) {
		json_decref(plan->steps[i].set);
		json_decref(plan->steps[i].undo);
	}
	json_decref(plan->used);
	free(plan->steps);
	arena_fini(&plan->arena);
	free(plan);
}

static json_t *step_json(const struct plan_step *s)
{
	char verb[2] = { s->verb, '\0' };
	json_t *j = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "n", s->n, "phase",
			      phase_name(s->phase), "device", s->device, "class", class_name(s->cls), "object",
			      s->object, "verb", verb, "summary", s->summary, "impact", impact_name(s->impact));

	json_object_set(j, "to", s->set ? s->set : json_null());
	json_object_set(j, "from", s->undo ? s->undo : json_null());
	return j;
}

json_t *plan_json(const struct plan *plan)
{
	json_t *steps = json_array();
	int i;

	for (i = 0; i < plan->n_steps; i++)
		json_array_append_new(steps, step_json(&plan->steps[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "id", plan->id, "observed_hash", plan->observed_hash,
			 "impact", impact_name(plan->impact), "fence", plan->fence, "changes", plan->changes,
			 "steps", steps);
}

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

json_t *plan_reads(const struct model *m, const struct cast *casts, int n)
{
	json_t *reads = json_object();
	int i, k;

	(void)m;
	for (i = 0; i < n; i++) {
		want_machine(reads, casts[i].from);
		want_machine(reads, casts[i].to);
		for (k = 0; k < casts[i].persona->n_volumes; k++) {
			want(reads, casts[i].persona->volumes[k].array, "map:", casts[i].persona->name);
			want(reads, casts[i].persona->volumes[k].array, "volume:", casts[i].persona->volumes[k].volume);
		}
	}
	return reads;
}
