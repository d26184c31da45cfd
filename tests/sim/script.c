/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Telling a story by a script: commands, troubles, and the judgement at the end.
 */
#include "script.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 14000, PATIENCE_MS = 3600000, WORD = 24, WORDS = 4, MACHINES = 3, TAG_COMMAND = 1, TAG_CANCEL };
#define FOR_EVER (INT64_C(1) << 40)

static json_t *persona(int i, const char *network)
{
	json_t *p = json_pack("{s:o, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s}}, s:{s:{s:s, s:o, s:s, s:i, s:b}}, s:{s:s, s:s}, s:s, s:{s:s, s:s}}",
			      "persona", json_sprintf("p%d", i), "vnics", "eth0", "network", network, "mac", "auto", "address", "auto",
			      "eth1", "network", "storage", "address", "auto", "volumes", "root", "array", "san1", "volume",
			      json_sprintf("p%d-root", i), "source", "golden", "lun", 1, "boot", 1, "boot", "method",
			      "ipxe-iscsi", "network", "provision", "shutdown", i == 1 ? "5s" : "0s", "proof", "within", "60s",
			      "report", i == 2 ? "up" : "script");

	if (i == 3)
		json_object_set_new(json_object_get(p, "volumes"), "data",
				    json_pack("{s:s, s:s, s:s, s:i}", "array", "san2", "volume", "p3-data", "source", "golden",
					      "lun", 2));
	return p;
}

static void define(struct script *x, json_t *documents)
{
	json_t *body = json_pack("{s:o}", "documents", documents);

	x->story.tag = TAG_COMMAND;
	service_define(x->story.core, story_answer(&x->story), body);
	json_decref(body);
}

static void define_all(struct script *x)
{
	json_t *documents = json_array();
	int i;

	json_array_append_new(documents, json_pack("{s:s, s:o}", "name", "site", "value", rack_site(x->story.rack)));
	for (i = 1; i <= 3; i++)
		json_array_append_new(documents, json_pack("{s:s, s:o}", "name", "persona", "value", persona(i, i == 2 ? "db" : "web")));
	define(x, documents);
}

/* Commands. */

static int split(const char *at, char words[WORDS][WORD])
{
	int n = 0, used;

	memset(words, 0, WORDS * WORD);
	while (n < WORDS && sscanf(at, " %23[^; ]%n", words[n], &used) == 1) {
		at += used;
		n++;
	}
	return n;
}

/* One for each command: what is asked twice is one run. */
static const char *key_of(const struct script *x, char key[16])
{
	snprintf(key, 16, "wish-%d", x->command);
	return key;
}

static void wish(struct script *x, char w[WORDS][WORD])
{
	bool swaps = !strcmp(w[0], "swap");
	json_t *body = json_pack("{s:s, s:s*}", "action", w[0], "persona", w[1][0] ? w[1] : NULL);
	char key[16];

	if (w[2][0])
		json_object_set_new(body, swaps ? "with" : "machine", swaps && w[3][0] ? json_pack("[s, s]", w[2], w[3]) : json_string(w[2]));
	if (w[3][0] && !swaps)
		json_object_set_new(body, "with", json_string(w[3]));
	service_run(x->story.core, story_answer(&x->story), body, key_of(x, key));
	json_decref(body);
}

static int number_of(const char *machine)
{
	return machine[0] ? machine[strlen(machine) - 1] - '1' : 0;
}

/* Somebody puts the first port of a machine into another VLAN. */
static void rewire(struct rack *r, const char *machine)
{
	struct rack_port *port = &r->switches[0].ports[number_of(machine)];

	port->running.native = port->startup.native = VLAN_FOREIGN;
}

/* A map that a controller has left behind: of a persona that nobody knows. */
static void leave_map(struct rack *r)
{
	struct rack_map *m = &r->arrays[0].maps[RACK_MAPS - 1];

	*m = (struct rack_map){ .name = "p9", .target = "iqn.2026-01.example.recast:san1:p9", .initiator = "iqn.2026-01.example:p9",
				.user = "p9.g1", .generation = 1, .managed = true };
}

/* What is done in the room, not asked of the core.  False: it is none of these. */
static bool by_hand(struct script *x, char w[WORDS][WORD])
{
	struct rack *r = x->story.rack;
	char bmc[WORD + 4];

	snprintf(bmc, sizeof(bmc), "%s-bmc", w[1]);
	if (!strcmp(w[0], "button"))
		rack_power_button(r, number_of(w[1]), !strcmp(w[2], "on"));
	else if (!strcmp(w[0], "dead"))
		rack_away(r, bmc, FOR_EVER);
	else if (!strcmp(w[0], "well"))
		rack_away(r, bmc, 0);
	else if (!strcmp(w[0], "rewire"))
		rewire(r, w[1]);
	else if (!strcmp(w[0], "leave-map"))
		leave_map(r);
	else
		return false;
	return true;
}

static bool is_no(const struct script *x)
{
	return !strncmp(x->at, "no ", 3);
}

static void ask(struct script *x)
{
	struct core *c = x->story.core;
	char w[WORDS][WORD], key[16];
	json_t *body = NULL;

	split(is_no(x) ? x->at + 3 : x->at, w);
	x->state = SCRIPT_ASKED;
	x->heard = false;
	x->asked_life = x->story.lives;
	x->story.tag = TAG_COMMAND;
	if (x->story.options.trace)
		printf("            asks: %s %s %s %s\n", w[0], w[1], w[2], w[3]);
	if (!strcmp(w[0], "define"))
		define_all(x);
	else if (!strcmp(w[0], "vlan"))
		define(x, json_pack("[{s:s, s:o}]", "name", "persona", "value", persona(number_of(w[1]) + 1, "db")));
	else if (!strcmp(w[0], "power"))
		service_power_set(c, story_answer(&x->story), w[1], body = json_pack("{s:s}", "power", w[2]), key_of(x, key));
	else if (!strcmp(w[0], "fence"))
		service_fence(c, story_answer(&x->story), w[1], body = json_pack("{s:s}", "because", "I pulled its plugs"));
	else if (!strcmp(w[0], "return"))
		service_return(c, story_answer(&x->story), w[1], key_of(x, key));
	else
		wish(x, w);
	json_decref(body);
}

static void next_command(struct script *x)
{
	x->at += strcspn(x->at, ";");
	x->at += strspn(x->at, "; ");
	x->command++;
	x->state = SCRIPT_NEXT;
}

static void begin_command(struct script *x)
{
	char w[WORDS][WORD];

	if (!split(x->at, w)) {
		x->state = SCRIPT_END;
	} else if (!strcmp(w[0], "rest")) {
		x->state = SCRIPT_RESTING;
		x->rests_since = 0;
	} else if (by_hand(x, w)) {
		next_command(x);
	} else {
		ask(x);
	}
}

/* A disk that was full, or no answer at all: persona(1) asks again, under the same key. */
static void await_answer(struct script *x)
{
	if (!x->heard && x->asked_life == x->story.lives)
		return;
	if (x->story.core->reload)
		return; /* a person is not back within the second in which the journal is read again */
	if (!x->heard || x->status == 507) {
		x->again = true;
		ask(x);
		return;
	}
	if (is_no(x) && x->status < 400)
		story_violation(&x->story, "what must be refused is taken: %.*s", (int)strcspn(x->at, ";"), x->at);
	x->refused += x->status >= 400 && !is_no(x);
	next_command(x);
}

static void rest(struct script *x)
{
	if (!story_at_rest(&x->story))
		x->rests_since = 0;
	else if (!x->rests_since)
		x->rests_since = x->story.sim.now;
	else if (x->story.sim.now - x->rests_since >= SETTLE_MS)
		next_command(x);
}

static void on_heard(struct story *s, int tag, int status, const json_t *body)
{
	struct script *x = (struct script *)s;

	(void)body;
	if (tag == TAG_CANCEL) {
		x->cancel = status == 507 ? CANCEL_NOT : CANCEL_HEARD;
		x->cancel_taken |= status < 400;
		return;
	}
	x->heard = true;
	x->status = status;
}

/* Somebody cancels the run once the change has made so many commits; and again when nobody has heard it. */
static void maybe_cancel(struct script *x)
{
	struct story *s = &x->story;
	const struct run *run = engine_at(s->core->engine, 0);

	if (x->cancel == CANCEL_ASKED && x->cancel_life != s->lives)
		x->cancel = CANCEL_NOT;
	if (x->cancel != CANCEL_NOT || !run ||
	    s->seams[SEAM_AFTER_COMMIT] - x->seams_before[SEAM_AFTER_COMMIT] < (uint64_t)x->trouble.cancel)
		return;
	x->cancel = CANCEL_ASKED;
	x->cancel_life = s->lives;
	s->tag = TAG_CANCEL;
	service_cancel(s->core, story_answer(s), run->id);
}

static void turn(struct script *x)
{
	if (!x->story.core)
		return;
	if (x->changing && x->trouble.cancel)
		maybe_cancel(x);
	switch (x->state) {
	case SCRIPT_NEXT:
		begin_command(x);
		break;
	case SCRIPT_ASKED:
		await_answer(x);
		break;
	case SCRIPT_RESTING:
		rest(x);
		break;
	case SCRIPT_END:
		break;
	}
}

/* Refusals. */

static void note_key(struct keys *keys, const char *text)
{
	int i;

	for (i = 0; i < keys->n && strcmp(keys->text[i], text) != 0; i++)
		;
	if (i == keys->n && i < SCRIPT_KEYS)
		snprintf(keys->text[keys->n++], SCRIPT_KEY, "%s", text);
}

static bool is_intended(const json_t *steps, const char *device, const char *object)
{
	const char *state;
	json_t *step, *doc;
	size_t i;

	json_array_foreach(steps, i, step) {
		state = json_str(step, "state", "");
		doc = json_object_get(step, "doc");
		if (strcmp(state, "pending") != 0 && strcmp(state, "skipped") != 0 && !strcmp(json_str(doc, "device", ""), device) &&
		    !strcmp(json_str(doc, "object", ""), object))
			return true;
	}
	return false;
}

/* What reaches a device is on the disk before, as the intent of a run that is open. */
static void check_intent(struct script *x, const char *device, const char *object)
{
	json_auto_t *open = store_run_open(x->watch);
	bool found = false;
	json_t *run, *steps;
	size_t i;

	json_array_foreach(open, i, run) {
		steps = store_step_all(x->watch, json_int(run, "id", 0));
		found |= is_intended(steps, device, object);
		json_decref(steps);
	}
	if (!found)
		story_violation(&x->story, "%s of %s is changed, and no intent is on the disk", object, device);
}

static bool carry_out_once(struct script *x)
{
	bool first = !x->carried_out;

	x->carried_out = true;
	return first;
}

static bool on_refuses(struct story *s, const char *device, const struct driver_change *c)
{
	struct script *x = (struct script *)s;
	const struct run *run = s->core ? engine_at(s->core->engine, 0) : NULL;
	char key[SCRIPT_KEY];

	if (!x->changing)
		return false;
	check_intent(x, device, c->object);
	if (run)
		x->undoing = run->state == RUN_UNDOING;
	if (run && run->state == RUN_MASKING)
		return false;
	snprintf(key, sizeof(key), "%s/%s=%s%s%lld%s", device, c->object, json_str(c->set, "power", ""), json_str(c->set, "device", ""),
		 (long long)json_int(c->set, "native", 0), json_bool(c->set, "exists", false) ? "+" : "");
	note_key(x->undoing ? &x->back : &x->forward, key);
	if (x->trouble.late && !strcmp(key, x->trouble.refused))
		return !x->undoing && !carry_out_once(x);
	return !strcmp(key, x->trouble.refused) || (x->undoing && !strcmp(key, x->trouble.refused_undo));
}

/* Life. */

void script_begin(struct script *x, const struct transition *t, bool trace)
{
	struct story_options o = { .seed = 1, .machines = MACHINES, .personas = 3, .trace = trace, .no_drift = true };

	memset(x, 0, sizeof(*x));
	x->transition = t;
	story_begin(&x->story, &o);
	x->story.heard = on_heard;
	x->story.refuses = on_refuses;
	x->story.disk->share = true;
	x->at = "define; rest";
	while (x->state != SCRIPT_END && script_step(x))
		;
	x->at = t->before;
	x->state = SCRIPT_NEXT;
	while (x->state != SCRIPT_END && script_step(x))
		;
	if (x->refused)
		story_violation(&x->story, "a command is refused before the change");
}

void script_change(struct script *x, const struct trouble *trouble)
{
	memcpy(x->seams_before, x->story.seams, sizeof(x->seams_before));
	x->trouble = *trouble;
	x->watch = store_open(memdisk_path(x->story.disk), "", NULL);
	x->runs_before = x->story.core ? x->story.core->last_run : 0;
	x->changing = true;
	x->at = x->transition->change;
	x->state = SCRIPT_NEXT;
	x->began = x->story.sim.now;
}

bool script_step(struct script *x)
{
	struct story *s = &x->story;

	turn(x);
	if (x->state == SCRIPT_END || s->why[0])
		return false;
	if (x->changing && s->sim.now - x->began > PATIENCE_MS) {
		story_violation(s, "the change does not come to rest");
		return false;
	}
	return story_step(s) && !s->why[0];
}

void script_end(struct script *x)
{
	store_close(x->watch);
	story_fini(&x->story);
}

/* Judgement. */

struct paper {
	char *at, *end;
};

static void line(struct paper *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line(struct paper *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p->at, (size_t)(p->end - p->at), fmt, ap);
	va_end(ap);
	p->at += n < p->end - p->at ? n : p->end - p->at - 1;
}

static void ports(const struct rack_switch *sw, struct paper *p)
{
	const struct port_config *c;
	int i, w;

	for (i = 0; i < sw->n_ports; i++) {
		c = &sw->ports[i].running;
		line(p, "%s/%s %s %d", sw->dev.name, sw->ports[i].name, c->mode == PORT_OPEN ? "open" : c->mode == PORT_TRUNK ? "trunk" : "access",
		     c->native);
		for (w = 0; w < 64; w++)
			if (c->tagged[w])
				line(p, " %d:%llx", w, (unsigned long long)c->tagged[w]);
		line(p, " %lld \"%s\"\n", (long long)c->rate_kbit, c->description);
	}
}

static void maps(const struct rack_array *a, struct paper *p)
{
	const struct rack_map *m;
	const char *names[RACK_MAPS];
	int i, k, n = 0;

	for (i = 0; i < RACK_MAPS; i++) { /* in the order of their names */
		if (!a->maps[i].name[0])
			continue;
		for (k = n++; k && strcmp(names[k - 1], a->maps[i].name) > 0; k--)
			names[k] = names[k - 1];
		names[k] = a->maps[i].name;
	}
	for (i = 0; i < n; i++) {
		m = (const struct rack_map *)((const char *)names[i] - offsetof(struct rack_map, name));
		line(p, "%s map %s %s %s %s", a->dev.name, m->name, m->user, m->initiator, m->target);
		for (k = 0; k < m->n_luns; k++)
			line(p, " %d=%s", m->luns[k].number, a->volumes[m->luns[k].volume].name);
		line(p, "\n");
	}
}

static void roles(struct core *c, struct paper *p)
{
	const struct assignment *a;
	const struct persona *who;
	size_t i;

	for (i = 0; (who = model_at(c->model, KIND_PERSONA, i)); i++) {
		a = roster_of(c->roster, who->name);
		if (a && a->machine)
			line(p, "%s plays on %s #%lld\n", who->name, a->machine, (long long)a->generation);
	}
}

static bool is_dead(const struct rack_machine *m)
{
	return m->bmc.dev.away_until > m->rack->sim->now;
}

void script_wiring(const struct script *x, struct wiring *w)
{
	struct paper p = { w->text, w->text + sizeof(w->text) };
	const struct rack *r = x->story.rack;
	const struct rack_machine *m;
	int i;

	w->text[0] = '\0';
	for (i = 0; i < r->n_machines; i++) {
		m = &r->machines[i];
		line(&p, "%s is %s, boots %s%s\n", m->name, is_dead(m) ? "beyond reach" : m->on ? "on" : "off", m->bmc.boot,
		     x->story.core && roster_quarantine(x->story.core->roster, m->name) ? ", in quarantine" : "");
	}
	for (i = 0; i < r->n_switches; i++)
		ports(&r->switches[i], &p);
	for (i = 0; i < r->n_arrays; i++)
		maps(&r->arrays[i], &p);
	if (x->story.core)
		roles(x->story.core, &p);
}

enum run_state script_outcome(struct script *x)
{
	json_auto_t *runs = store_run_recent(x->story.core->store, INT64_MAX, 10);
	enum run_state state = RUN_STATE_COUNT;
	json_t *run;
	size_t i;
	int k, n = 0;

	json_array_foreach(runs, i, run) {
		if (json_int(run, "id", 0) <= x->runs_before)
			continue;
		for (k = 0; k < RUN_STATE_COUNT; k++)
			if (!n && !strcmp(json_str(run, "state", ""), run_state_name((enum run_state)k)))
				state = (enum run_state)k;
		n++;
	}
	if (n > 1)
		story_violation(&x->story, "one wish has made %d runs", n);
	return state;
}

/* A machine that was told to go off, and read as on right after, is spared by the way back and may still go off; one in
 * quarantine may be off. */
static bool is_off_by_now(const struct script *x, const char *want, const char *got)
{
	const char *power = strstr(want, " is on, "), *end = want + strcspn(want, "\n");
	bool asked = false;
	int i;

	for (i = 0; i < x->forward.n; i++)
		asked |= strstr(x->forward.text[i], "/shutdown=") || (x->trouble.late && strstr(x->forward.text[i], "/power=off"));
	return power && power < end && (asked || (strstr(want, "in quarantine") && strstr(want, "in quarantine") < end)) &&
	       !strncmp(want, got, (size_t)(power - want)) && !strncmp(got + (power - want), " is off, ", 9) &&
	       !strncmp(power + 8, got + (power - want) + 9, (size_t)(end - power - 8));
}

/* Is the line of @got what @want says?  Generations may be others; a port that trunked everything may be parked. */
static bool line_fits(const struct script *x, const char *want, const char *got, bool prior)
{
	const char *open = strstr(want, " open ");
	const char *end = want + strcspn(want, "\n");

	if (prior && open && open < end && !strncmp(want, got, (size_t)(open - want)) && strstr(got, "\"recast parked\""))
		return true;
	if (prior && is_off_by_now(x, want, got))
		return true;
	for (; *want && *want != '\n'; want++, got++) {
		if (*want != *got)
			return false;
		if (prior || (*want != '#' && strncmp(want, ".g", 2) != 0))
			continue;
		want += *want == '#' ? 1 : 2;
		got += *got == '#' ? 1 : 2;
		want += strspn(want, "0123456789") - 1;
		got += strspn(got, "0123456789") - 1;
	}
	return *got == '\n' || !*got;
}

/* The first lines that differ; the ends when none does. */
static bool fits(const struct script *x, const char **a, const char **b, bool prior)
{
	while (**a && **b && line_fits(x, *a, *b, prior)) {
		*a += strcspn(*a, "\n") + 1;
		*b += strcspn(*b, "\n") + 1;
	}
	return !**a && !**b;
}

static void compare(struct script *x, const struct wiring *want, const struct wiring *got, bool prior)
{
	const char *a = want->text, *b = got->text;

	if (!fits(x, &a, &b, prior))
		story_violation(&x->story, "the run has ended with %s wiring, and it is not so: wanted \"%.*s\", found \"%.*s\"",
				prior ? "the prior" : "the new", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

/* Every machine of the run is off and in quarantine, and its personas have no map, as far as the devices let us. */
static void judge_quarantine(struct script *x)
{
	struct core *c = x->story.core;
	struct rack *r = x->story.rack;
	const struct assignment *a;
	int i, k, n = 0;

	for (i = 0; i < r->n_machines; i++) {
		if (!roster_quarantine(c->roster, r->machines[i].name))
			continue;
		n++;
		if (r->machines[i].on && !is_dead(&r->machines[i]))
			story_violation(&x->story, "%s is in quarantine, and on", r->machines[i].name);
		a = roster_on(c->roster, r->machines[i].name);
		for (k = 0; a && k < RACK_MAPS * r->n_arrays; k++)
			if (!strcmp(r->arrays[k / RACK_MAPS].maps[k % RACK_MAPS].name, a->persona))
				story_violation(&x->story, "%s is in quarantine, and %s has a map", r->machines[i].name, a->persona);
	}
	if (!n)
		story_violation(&x->story, "the run has ended in quarantine, and no machine is");
}

/* Power by hand and a map of an unknown secret are not put back; what is done of them stays.  A machine that is not let out
 * of quarantine stays there, off. */
static bool has_no_way_back(const struct script *x, const struct wiring *after, const struct wiring *now)
{
	const char *a = after->text, *b = now->text;

	if (!strncmp(x->transition->change, "return", 6))
		return strstr(now->text, " is off, boots pxe, in quarantine") != NULL;
	return (!strncmp(x->transition->change, "power", 5) || !strncmp(x->transition->change, "sweep", 5)) && fits(x, &a, &b, false);
}

static void judge_without_run(struct script *x, const struct wiring *prior, const struct wiring *after, const struct wiring *now)
{
	const char *a = after->text, *b = now->text;

	if (x->refused && x->again && fits(x, &a, &b, false))
		return; /* it was done the first time, and nobody heard */
	compare(x, x->refused ? prior : after, now, x->refused != 0);
}

static const struct rack_map *map_of(const struct rack *r, const char *array, const char *persona)
{
	int a, i;

	for (a = 0; a < r->n_arrays; a++)
		for (i = 0; i < RACK_MAPS && !strcmp(r->arrays[a].dev.name, array); i++)
			if (!strcmp(r->arrays[a].maps[i].name, persona))
				return &r->arrays[a].maps[i];
	return NULL;
}

/* A role that is up has the map of its generation on each of its arrays, and its first port in its network. */
static void judge_role(struct script *x, const struct persona *p, const struct assignment *a)
{
	const struct rack *r = x->story.rack;
	const struct port_config *port = &r->switches[0].ports[number_of(a->machine)].running;
	const struct rack_map *map;
	int i;

	for (i = 0; i < p->n_volumes; i++) {
		map = map_of(r, p->volumes[i].array->name, p->name);
		if (!map || map->generation != a->generation)
			story_violation(&x->story, "%s plays in generation %lld, and its map on %s is of %lld", p->name,
					(long long)a->generation, p->volumes[i].array->name, map ? (long long)map->generation : 0LL);
	}
	if (port->native != p->vnics[0].network->vlan)
		story_violation(&x->story, "%s plays on %s, whose first port is in VLAN %d", p->name, a->machine, port->native);
}

/* A machine that plays nothing is in no network of a role. */
static void judge_free(struct script *x, int machine)
{
	const struct rack *r = x->story.rack;
	int i;

	for (i = 0; i < r->n_switches; i++)
		if (!strncmp(r->switches[i].ports[machine].running.description, "recast p", 8) &&
		    strcmp(r->switches[i].ports[machine].running.description, "recast parked") != 0)
			story_violation(&x->story, "%s plays nothing, and its port on %s is \"%s\"", r->machines[machine].name,
					r->switches[i].dev.name, r->switches[i].ports[machine].running.description);
}

/* After a good end; whatever the change was. */
static void judge_roles(struct script *x)
{
	struct core *c = x->story.core;
	const struct assignment *a;
	const struct persona *p;
	size_t i;
	int k;

	for (i = 0; (p = model_at(c->model, KIND_PERSONA, i)); i++) {
		a = roster_of(c->roster, p->name);
		if (a && a->machine && x->story.rack->machines[number_of(a->machine)].on && !roster_quarantine(c->roster, a->machine))
			judge_role(x, p, a);
		else if ((!a || !a->machine) && (map_of(x->story.rack, "san1", p->name) || map_of(x->story.rack, "san2", p->name)))
			story_violation(&x->story, "%s plays nowhere, and has a map", p->name);
	}
	for (k = 0; k < x->story.rack->n_machines; k++)
		if (!roster_on(c->roster, x->story.rack->machines[k].name))
			judge_free(x, k);
	if (x->cancel_taken && script_outcome(x) == RUN_DONE && strncmp(x->transition->change, "power", 5) != 0)
		story_violation(&x->story, "a cancel was taken, and the run has ended as done");
}

void script_judge(struct script *x, const struct wiring *prior, const struct wiring *after)
{
	struct story *s = &x->story;
	enum run_state end;
	struct wiring now;

	story_check_end(s);
	if (s->why[0])
		return;
	end = script_outcome(x);
	if (end == RUN_DONE)
		judge_roles(x);
	if (end != RUN_STATE_COUNT && x->refused && x->again)
		story_violation(s, "a wish was asked again under its key, and refused, though its run is there");
	if (!after || s->why[0])
		return;
	script_wiring(x, &now);
	switch (end) {
	case RUN_DONE:
		compare(x, after, &now, false);
		break;
	case RUN_ROLLED_BACK:
		if (!has_no_way_back(x, after, &now))
			compare(x, prior, &now, true);
		break;
	case RUN_QUARANTINED:
		judge_quarantine(x);
		break;
	case RUN_STATE_COUNT: /* none was wanted, or all wishes were refused */
		judge_without_run(x, prior, after, &now);
		break;
	case RUN_RUNNING:
	case RUN_UNDOING:
	case RUN_MASKING:
		break;
	}
}
