/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The operator of a story: racks the site, defines personas, and wants something every few seconds: sensible things
 * mostly, a wild one now and then, and at any moment.  It repeats itself, cancels, and changes what a persona is.
 */
#include "story.h"

#include "arena.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXED_MACS = 2 };

static json_t *persona(int i, const char *network, int rate, const char *mac)
{
	char name[16];
	json_t *p;

	snprintf(name, sizeof(name), "p%d", i + 1);
	p = json_pack(
		"{s:s, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s}}, s:{s:{s:s, s:o, s:s, s:i, s:b}}, s:{s:s, s:s}, s:i, s:{s:s, s:s}}",
		"persona", name, "vnics", "eth0", "network", network, "mac", mac, "address", "auto", "eth1", "network",
		"storage", "address", "auto", "volumes", "root", "array", i % 3 ? "san1" : "san2", "volume",
		json_sprintf("%s-root", name), "source", "golden", "lun", 1, "boot", 1, "boot", "method", "ipxe-iscsi",
		"network", "provision", "shutdown", 0, "proof", "within", "60s", "report", i % 2 ? "up" : "script");
	if (rate)
		json_object_set_new(json_object_get(json_object_get(p, "vnics"), "eth0"), "bandwidth",
				    json_sprintf("%dMbit", rate));
	return p;
}

/* The same with its disk over Fibre Channel; it tells that it is up by its boot network. */
static json_t *over_fc(json_t *p, int i)
{
	json_t *vhbas = json_object();
	char wwpn[WWN_SIZE];
	int side;

	for (side = 0; side < RACK_FABRICS; side++) {
		rack_wwpn(i, side, wwpn);
		json_object_set_new(vhbas, side ? "hba1" : "hba0", json_pack("{s:s, s:s}", "fabric", side ? "fab-b" : "fab-a", "wwpn", wwpn));
	}
	json_object_set_new(p, "vhbas", vhbas);
	json_object_set_new(json_object_get(p, "boot"), "method", json_string("hba"));
	json_object_set_new(json_object_get(p, "proof"), "report", json_string("up"));
	return p;
}

static json_t *persona_of(const struct story *s, int i, const char *network, int rate, const char *mac)
{
	json_t *p = persona(i, network, rate, mac);

	return s->options.fabrics && i % 2 == 0 ? over_fc(p, i) : p;
}

static void define_documents(struct story *s, json_t *documents)
{
	json_t *body = json_pack("{s:o}", "documents", documents);

	service_define(s->core, story_answer(s), body);
	json_decref(body);
}

static void define(struct story *s)
{
	json_t *documents = json_array();
	int i;

	json_array_append_new(documents, json_pack("{s:s, s:o}", "name", "site", "value", rack_site(s->rack)));
	for (i = 0; i < s->options.personas; i++)
		json_array_append_new(documents, json_pack("{s:s, s:o}", "name", "persona", "value",
							   persona_of(s, i, i % 2 ? "db" : "web", 0, "auto")));
	define_documents(s, documents);
	if (s->refused)
		story_violation(s, "the site or a persona is refused");
}

/* Another network, a bandwidth, another address: also while it plays. */
static void redefine(struct story *s)
{
	int i = sim_below(&s->sim, s->options.personas);
	char mac[32] = "auto";

	if (sim_chance(&s->sim, 6000))
		snprintf(mac, sizeof(mac), "02:ca:58:00:00:0%d", 1 + sim_below(&s->sim, FIXED_MACS));
	define_documents(s,
			 json_pack("[{s:s, s:o}]", "name", "persona", "value",
				   persona_of(s, i, sim_below(&s->sim, 2) ? "db" : "web", sim_below(&s->sim, 2) * 500, mac)));
}

static json_t *some(struct story *s, const char *letter, int n)
{
	return json_sprintf("%s%d", letter, 1 + sim_below(&s->sim, n));
}

/* A wish without any sense. */
static json_t *wild(struct story *s)
{
	static const char *const any[] = { "apply", "move", "swap", "release" };
	const char *action = any[sim_below(&s->sim, 4)];
	json_t *body = json_pack("{s:s, s:o}", "action", action, "persona", some(s, "p", s->options.personas));

	if (action[0] == 's')
		json_object_set_new(body, "with", some(s, "p", s->options.personas));
	else if (action[0] != 'r')
		json_object_set_new(body, "machine", some(s, "node", s->options.machines));
	return body;
}

static bool is_held(struct story *s, const char *kind, const char *name)
{
	char target[80];

	snprintf(target, sizeof(target), "%s:%s", kind, name);
	return engine_holder(s->core->engine, target) != 0;
}

/* A machine that is free, or one that plays something else; NULL when there is none. */
static const char *machine(struct story *s, bool occupied)
{
	const char *found[RACK_MACHINES];
	const struct rack_machine *m;
	int n = 0, i;

	for (i = 0; i < s->rack->n_machines; i++) {
		m = &s->rack->machines[i];
		if ((roster_on(s->core->roster, m->name) != NULL) == occupied &&
		    !roster_quarantine(s->core->roster, m->name) && !is_held(s, "machine", m->name))
			found[n++] = m->name;
	}
	return n ? found[sim_below(&s->sim, n)] : NULL;
}

/* A persona that nobody is busy with; it plays if it can be had. */
static json_t *idle_persona(struct story *s, bool plays)
{
	const struct assignment *a;
	json_t *name = NULL;
	int i;

	for (i = 0; i < 4; i++) {
		json_decref(name);
		name = some(s, "p", s->options.personas);
		a = roster_of(s->core->roster, json_string_value(name));
		if ((a && a->machine) == plays && !is_held(s, "persona", json_string_value(name)))
			break;
	}
	return name;
}

static json_t *bring(struct story *s, const char *action, json_t *persona)
{
	const char *free_one = machine(s, false), *taken = machine(s, true), *to = free_one;
	json_t *body = json_pack("{s:s, s:o}", "action", action, "persona", persona);

	if (taken && (!free_one || sim_chance(&s->sim, 2000))) {
		to = taken; /* --replace */
		json_object_set_new(body, "with", json_string(roster_on(s->core->roster, to)->persona));
	}
	if (to)
		json_object_set_new(body, "machine", json_string(to));
	return body;
}

/* What makes sense for a persona that plays. */
static json_t *change_of(struct story *s, json_t *persona)
{
	int what = sim_below(&s->sim, 100);
	json_t *body;

	if (what < 45)
		return bring(s, "move", persona);
	body = json_pack("{s:s, s:o}", "action",
			 what < 70   ? "swap"
			 : what < 85 ? "release"
				     : "apply",
			 "persona", persona);
	if (what < 70)
		json_object_set_new(body, "with", idle_persona(s, true));
	return body;
}

static json_t *sensible(struct story *s)
{
	json_t *persona = idle_persona(s, sim_below(&s->sim, 100) < 60);
	const struct assignment *a = roster_of(s->core->roster, json_string_value(persona));

	if (a && a->machine)
		return change_of(s, persona);
	return bring(s, "apply", persona);
}

static void say(struct story *s, const json_t *body, const char *key)
{
	if (s->options.trace)
		printf("            wish: %s %s %s%s%s%s\n", json_str(body, "action", ""),
		       json_str(body, "persona", ""), json_str(body, "machine", ""),
		       json_object_get(body, "with") ? " with " : "", json_str(body, "with", ""), key ? " by key" : "");
	s->key = key;
	service_run(s->core, story_answer(s), body, &(const struct once){ .key = key });
}

static const char *remember(struct story *s, const json_t *body)
{
	struct story_key *k = &s->keys[s->n_keys];

	if (s->n_keys == STORY_KEYS)
		return NULL;
	snprintf(k->key, sizeof(k->key), "key%d", s->n_keys++);
	k->body = json_incref((json_t *)(uintptr_t)body);
	return k->key;
}

static void change(struct story *s)
{
	json_t *body = sim_chance(&s->sim, 1200) ? wild(s) : sensible(s);

	say(s, body, sim_chance(&s->sim, 4000) ? remember(s, body) : NULL);
	json_decref(body);
}

/* The same request again, because no answer came; or the key of another one. */
static void repeat(struct story *s)
{
	const struct story_key *k = &s->keys[sim_below(&s->sim, s->n_keys)];
	json_t *body = sim_chance(&s->sim, 2000) ? sensible(s) : json_incref(k->body);

	say(s, body, k->key);
	json_decref(body);
}

static void power(struct story *s)
{
	json_t *body = json_pack("{s:s}", "power", sim_below(&s->sim, 2) ? "on" : "off"),
	       *machine = some(s, "node", s->options.machines);
	const char *key = sim_chance(&s->sim, 3000) ? remember(s, body) : NULL;

	if (s->options.trace)
		printf("            wish: power %s %s\n", json_str(body, "power", ""), json_string_value(machine));
	s->key = key;
	service_power_set(s->core, story_answer(s), json_string_value(machine), body, &(const struct once){ .key = key });
	json_decref(machine);
	json_decref(body);
}

static void give_back(struct story *s)
{
	int i = sim_below(&s->sim, s->rack->n_machines), n;

	/* One that is in quarantine, if there is one. */
	for (n = 0; n < s->rack->n_machines && !roster_quarantine(s->core->roster, s->rack->machines[i].name); n++)
		i = (i + 1) % s->rack->n_machines;
	if (n == s->rack->n_machines && !sim_chance(&s->sim, 1000)) {
		change(s);
		return;
	}
	if (s->options.trace)
		printf("            wish: return %s\n", s->rack->machines[i].name);
	service_return(s->core, story_answer(s), s->rack->machines[i].name, &(const struct once){ 0 });
}

static void cancel(struct story *s)
{
	const struct run *run =
		engine_at(s->core->engine, (size_t)sim_below(&s->sim, (int)engine_count(s->core->engine)));

	if (s->options.trace)
		printf("            wish: cancel run %lld\n", run ? (long long)run->id : (long long)s->core->last_run);
	service_cancel(s->core, story_answer(s), run ? run->id : s->core->last_run);
}

/* A swap of three, and what repairs: drift, what belongs to nobody, what plays already. */
static void rare(struct story *s)
{
	static const char *const actions[] = { "swap", "repair", "repair", "sweep", "adopt" };
	const char *action = actions[sim_below(&s->sim, 5)];
	json_t *body = json_pack("{s:s}", "action", action);

	if (action[1] != 'w' || action[2] == 'a')
		json_object_set_new(body, "persona", idle_persona(s, action[0] != 'a'));
	if (action[0] == 'a')
		json_object_set_new(body, "machine", some(s, "node", s->options.machines));
	if (action[2] == 'a')
		json_object_set_new(body, "with",
				    json_pack("[o, o]", some(s, "p", s->options.personas),
					      some(s, "p", s->options.personas)));
	say(s, body, NULL);
	json_decref(body);
}

/* Somebody goes and looks, and says what is true: a machine is off whose BMC does not answer. */
static void vouch(struct story *s)
{
	const struct rack_machine *m = &s->rack->machines[sim_below(&s->sim, s->rack->n_machines)];
	json_t *body = json_pack("{s:s}", "because", "it makes no noise");
	int i;

	for (i = 0; i < s->rack->n_machines && (m->on || m->bmc.dev.away_until <= s->sim.now); i++)
		m = &s->rack->machines[i];
	if (!m->on && m->bmc.dev.away_until > s->sim.now) {
		if (s->options.trace)
			printf("            wish: fence confirm %s\n", m->name);
		service_fence(s->core, story_answer(s), m->name, body);
	}
	json_decref(body);
}

/* One that plays nowhere goes, and may come again under its name. */
static void delete (struct story *s)
{
	json_t *name = idle_persona(s, false);

	if (s->options.trace)
		printf("            wish: delete %s\n", json_string_value(name));
	service_definition_delete(s->core, story_answer(s), "personas", json_string_value(name));
	json_decref(name);
}

static void want(struct story *s)
{
	int what = sim_below(&s->sim, 100);

	if (what < 8 && s->n_keys)
		repeat(s);
	else if (what < 14 && (engine_count(s->core->engine) || what < 9))
		cancel(s);
	else if (what < 22)
		give_back(s);
	else if (what < 28)
		power(s);
	else if (what < 36)
		redefine(s);
	else if (what < 38)
		rare(s);
	else if (what < 39)
		delete (s);
	else if (what < 41)
		vouch(s);
	else
		change(s);
}

static void trouble(struct story *s)
{
	if (sim_below(&s->sim, 100) < s->options.rival_percent) {
		story_take_over(s);
	} else if (sim_below(&s->sim, 100) < s->options.crash_percent) {
		s->crash_seam = (enum seam)sim_below(&s->sim, SEAM_COUNT);
		s->crash_at = s->seams[s->crash_seam] + 1 + (uint64_t)sim_below(&s->sim, 12);
	}
}

static void on_trouble(void *arg)
{
	trouble(arg);
}

static void on_wish(void *arg)
{
	struct story *s = arg;

	if (s->core && !s->dead) {
		want(s);
		s->wishes_left--;
		sim_after(&s->sim, sim_between(&s->sim, 0, 3000), on_trouble, s);
	}
	if (s->wishes_left)
		sim_after(&s->sim, sim_chance(&s->sim, 3000) ? 5 : sim_between(&s->sim, 500, 30000), on_wish, s);
}

void operator_begin(struct story *s)
{
	define(s);
	if (s->options.faults)
		s->rack->faults.until = INT64_MAX;
	sim_after(&s->sim, 1000, on_wish, s);
}

void operator_end(struct story *s)
{
	while (s->n_keys)
		json_decref(s->keys[--s->n_keys].body);
}
