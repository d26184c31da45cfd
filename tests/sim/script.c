/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Telling a story by a script: commands and troubles.  The judgement at the end is in judge.c.
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
	service_run(x->story.core, story_answer(&x->story), body, &(const struct once){ .key = key_of(x, key) });
	json_decref(body);
}

int script_number_of(const char *machine)
{
	return machine[0] ? machine[strlen(machine) - 1] - '1' : 0;
}

/* Somebody puts the first port of a machine into another VLAN. */
static void rewire(struct rack *r, const char *machine)
{
	struct rack_port *port = &r->switches[0].ports[script_number_of(machine)];

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
		rack_power_button(r, script_number_of(w[1]), !strcmp(w[2], "on"));
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
		define(x, json_pack("[{s:s, s:o}]", "name", "persona", "value", persona(script_number_of(w[1]) + 1, "db")));
	else if (!strcmp(w[0], "power"))
		service_power_set(c, story_answer(&x->story), w[1], body = json_pack("{s:s}", "power", w[2]), &(const struct once){ .key = key_of(x, key) });
	else if (!strcmp(w[0], "fence"))
		service_fence(c, story_answer(&x->story), w[1], body = json_pack("{s:s}", "because", "I pulled its plugs"));
	else if (!strcmp(w[0], "return"))
		service_return(c, story_answer(&x->story), w[1], &(const struct once){ .key = key_of(x, key) });
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

/* The first time it takes effect, and nobody is told for certain. */
static enum rack_verdict carry_out_once(struct script *x, const char *device)
{
	struct rack *r = x->story.rack;

	if (x->carried_out)
		return RACK_REFUSES;
	x->carried_out = true;
	if (x->trouble.when == REFUSED_AFTER_HANG)
		r->drivers[strstr(device, "-bmc") ? RACK_BMC : device[0] == 's' ? RACK_ARRAY : device[0] == 'f' ? RACK_FABRIC : RACK_SWITCH].hung = true;
	return x->trouble.when == REFUSED_AFTER_UNKNOWN ? RACK_CARRIES_OUT_AND_SAYS_UNKNOWN : RACK_CARRIES_OUT;
}

static enum rack_verdict on_verdict(struct story *s, const char *device, const struct driver_change *c)
{
	struct script *x = (struct script *)s;
	const struct run *run = s->core ? engine_at(s->core->engine, 0) : NULL;
	char key[SCRIPT_KEY];

	if (!x->changing)
		return RACK_CARRIES_OUT;
	check_intent(x, device, c->object);
	if (run)
		x->undoing = run->state == RUN_UNDOING;
	if (run && run->state == RUN_MASKING)
		return RACK_CARRIES_OUT;
	snprintf(key, sizeof(key), "%s/%s=%s%s%lld%s", device, c->object, json_str(c->set, "power", ""), json_str(c->set, "device", ""),
		 (long long)json_int(c->set, "native", 0), json_bool(c->set, "exists", false) ? "+" : "");
	note_key(x->undoing ? &x->back : &x->forward, key);
	if (!strcmp(key, x->trouble.refused))
		return x->trouble.when == REFUSED_AT_ONCE ? RACK_REFUSES : x->undoing ? RACK_CARRIES_OUT : carry_out_once(x, device);
	return x->undoing && !strcmp(key, x->trouble.refused_undo) ? RACK_REFUSES : RACK_CARRIES_OUT;
}

/* Life. */

void script_begin(struct script *x, const struct transition *t, bool trace)
{
	struct story_options o = { .seed = 1, .machines = MACHINES, .personas = 3, .trace = trace, .no_drift = true };

	memset(x, 0, sizeof(*x));
	x->transition = t;
	story_begin(&x->story, &o);
	x->story.heard = on_heard;
	x->story.verdict = on_verdict;
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
