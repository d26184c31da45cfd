/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Realistic turns: runs begin with their steps, locks and CHAP secrets, several of them advance in one
 * turn, end well or badly; people define things and change secrets meanwhile.  Called by workload.c.
 */
#include "turn.h"

#include "json.h"
#include "oplog.h"

#include <stdio.h>
#include <string.h>

enum { OPEN_RUNS = 5, PERSONAS = 12, MACHINES = 16, KEEP_EVENTS = 40, KEEP_RUNS = 8 };

struct turn {
	struct store *s;
	uint64_t chance;
};

static unsigned pick(struct turn *t, unsigned n)
{
	t->chance = mix(t->chance, 0x7475726e);
	return (unsigned)((t->chance >> 16) % n);
}

static void tell(struct turn *t, const char *type, int64_t run, const char *what)
{
	json_auto_t *doc = json_pack("{s:I, s:s}", "id", (json_int_t)run, "state", what);

	store_event_add(t->s, type, run, doc);
}

static void make_secret(struct turn *t, const char *name)
{
	struct secret *value = secret_random(16 + pick(t, 16));
	struct error err = { 0 };

	if (value)
		store_secret_put(t->s, name, value, &err);
	secret_destroy(value);
}

static void add_steps(struct turn *t, int64_t run)
{
	static const char *const actions[] = { "off", "unmap", "park", "clone",
					       "map", "trunk", "boot", "prove" };
	int i, n = 4 + (int)pick(t, 5);
	json_t *doc;

	for (i = 0; i < n; i++) {
		doc = json_pack("{s:s, s:s, s:{s:s, s:i}}", "action", actions[i], "device",
				i < 3 ? "bmc1" : "array1", "change", "object", "port/12", "vlan",
				100 + i);
		store_step_add(t->s, run, i, doc);
		json_decref(doc);
	}
}

static void begin_run(struct turn *t)
{
	int64_t run = store_run_last(t->s) + 1;
	unsigned persona = (unsigned)run % PERSONAS;
	char name[32], machine[32], request[32], key[96];
	json_auto_t *doc = json_pack("{s:s, s:[s,s], s:i}", "action", "apply", "volumes", "root",
				     "data", "budget", 300);

	snprintf(name, sizeof(name), "web%u", persona);
	snprintf(machine, sizeof(machine), "node%u", (unsigned)run % MACHINES);
	snprintf(request, sizeof(request), "request-%lld", (long long)run);
	store_run_add(t->s, run, "apply", name, machine, doc, request);
	add_steps(t, run);
	snprintf(key, sizeof(key), "machine:%s", machine);
	store_lock_add(t->s, key, run, 1);
	snprintf(key, sizeof(key), "persona:%s", name);
	store_lock_add(t->s, key, run, 1);
	snprintf(key, sizeof(key), "chap/array1/%s/%lld", name, (long long)run);
	make_secret(t, key);
	snprintf(key, sizeof(key), "52:54:00:00:%02x:01", persona);
	store_identity_put(t->s, "mac", key, (int64_t)persona, name, "nic0");
	store_assignment_put(t->s, name, NULL, run - 1, run);
	tell(t, "run", run, "running");
}

static void end_run(struct turn *t, const json_t *run)
{
	int64_t id = json_int(run, "id", 0);
	const char *persona = json_str(run, "persona", ""), *machine = json_str(run, "machine", "");
	bool bad = pick(t, 5) == 0;
	char key[96];

	store_run_state(t->s, id, bad ? "quarantined" : "done",
			bad ? "{\"code\":\"device\",\"text\":\"no answer\"}" : NULL, true);
	if (bad)
		store_quarantine_put(t->s, machine, "the undo of run failed: no answer", id, NULL);
	else
		store_assignment_put(t->s, persona, machine, id, id);
	snprintf(key, sizeof(key), "chap/array1/%s/%lld", persona, (long long)id - PERSONAS);
	store_secret_delete(t->s, key);
	store_lock_release(t->s, id);
	tell(t, "run", id, bad ? "quarantined" : "done");
}

/* The first step that is not done goes on by one state; without one the run ends. */
static void advance(struct turn *t, const json_t *run)
{
	int64_t id = json_int(run, "id", 0);
	json_auto_t *steps = store_step_all(t->s, id);
	const char *state;
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step) {
		state = json_str(step, "state", "");
		if (!strcmp(state, "done"))
			continue;
		if (!strcmp(state, "pending"))
			store_step_state(t->s, id, (int)i, "intent", NULL, false);
		else
			store_step_state(t->s, id, (int)i, "done", NULL, true);
		tell(t, "step", id, state);
		return;
	}
	end_run(t, run);
}

static void advance_some(struct turn *t)
{
	json_auto_t *open = store_run_open(t->s);
	unsigned most = 1 + pick(t, OPEN_RUNS);
	json_t *run;
	size_t i;

	json_array_foreach(open, i, run)
		if (i < most)
			advance(t, run);
	if (json_array_size(open) < OPEN_RUNS)
		begin_run(t);
}

/* Mostly short; sometimes a document of several pages, that goes into overflow pages. */
static void define(struct turn *t)
{
	json_auto_t *ports = json_array();
	json_auto_t *doc = json_pack("{s:s, s:O}", "kind", "switch", "ports", ports);
	unsigned i, n = pick(t, 4) == 0 ? 150 + pick(t, 250) : 3;
	char name[32];

	for (i = 0; i < n; i++)
		json_array_append_new(ports, json_pack("{s:i, s:s, s:i}", "port", (int)i, "to",
						       "node/nic0", "vlan", (int)pick(t, 4000)));
	snprintf(name, sizeof(name), "leaf%u", pick(t, 6));
	store_object_put(t->s, pick(t, 2) ? "switch" : "persona", name, doc);
	tell(t, "define", 0, name);
}

static void tidy(struct turn *t)
{
	char name[48];

	snprintf(name, sizeof(name), "leaf%u", pick(t, 6));
	store_object_delete(t->s, "switch", name);
	snprintf(name, sizeof(name), "52:54:00:00:%02x:01", pick(t, PERSONAS));
	store_identity_release(t->s, "mac", name);
	if (pick(t, 3) == 0)
		store_identity_purge(t->s, INT64_MAX);
	snprintf(name, sizeof(name), "node%u", pick(t, MACHINES));
	store_quarantine_delete(t->s, name);
	tell(t, "machine", 0, name);
}

void turn_write(struct store *s, uint64_t seed, int64_t turn)
{
	struct turn t = { s, mix(seed, (uint64_t)turn * 3) };
	unsigned what = pick(&t, 16);
	char name[24];

	if (what < 11) {
		advance_some(&t);
	} else if (what < 13) {
		define(&t);
	} else if (what < 14) {
		tidy(&t);
	} else if (what < 15) {
		snprintf(name, sizeof(name), "bmc/%u", pick(&t, 8));
		make_secret(&t, name);
	} else {
		define(&t);
		advance_some(&t);
		tidy(&t);
	}
	store_trim(s, KEEP_EVENTS, KEEP_RUNS);
}
