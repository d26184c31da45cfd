/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The word of a person that a machine is off when its BMC cannot tell.  The way out of quarantine is a run: cast.c.
 */
#include "core.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { READ_MS = 10000, REASON_MAX = 200 };

struct word {
	struct core *core;
	struct answer *answer;
	char *machine, *because;
};

static void word_free(struct word *w)
{
	free(w->machine);
	free(w->because);
	free(w);
}

/* The record comes before anything that rests on it: the answer waits for its commit. */
static void take_word(struct word *w)
{
	struct core *c = w->core;
	const char *who = w->answer->caller.name;
	char *reason = xasprintf("%s has given the word that it is off: %s", who, w->because);

	store_set_time(c->store, env_wall(c->env));
	roster_set_quarantine(c->roster, w->machine, reason, who);
	store_quarantine_put(c->store, w->machine, reason, 0, who);
	core_event(c, "machine", 0,
		   json_pack("{s:s, s:s, s:s, s:s}", "machine", w->machine, "state", "quarantined", "reason", reason,
			     "confirmed_by", who));
	core_answer(c, w->answer, 200,
		    json_pack("{s:s, s:s, s:s}", "machine", w->machine, "state", "quarantined", "reason", reason), NULL);
	free(reason);
}

/* A run that has the machine in its hands would find it in quarantine half way. */
static int check_free(const struct word *w, struct error *err)
{
	char *target = xasprintf("machine:%s", w->machine);
	int64_t run = engine_holder(w->core->engine, target);

	free(target);
	if (!run)
		return 0;
	error_set(err, ERROR_CONFLICT, "machine %s is held by run %lld", w->machine, (long long)run);
	return error_hint(err, "It fences without the BMC where it can. Wait for it with `persona run show %lld`, or cancel it.",
			  (long long)run);
}

/* Only when the BMC is silent is there anything to confirm: a BMC that answers knows better. */
static void on_power(void *arg, const struct op_result *r)
{
	const char *power = json_str(r->document, "power", "unknown");
	struct error err = { 0 };
	struct word *w = arg;

	if (!strcmp(power, "on")) {
		error_set(&err, ERROR_CONFLICT, "the BMC of %s answers, and says that it is on", w->machine);
		error_hint(&err, "Power it off: persona power off %s", w->machine);
	} else if (!strcmp(power, "off")) {
		error_set(&err, ERROR_CONFLICT, "the BMC of %s answers, and says that it is off: no word is needed", w->machine);
		error_hint(&err, "Go on with what you wanted to do.");
	}
	if (err.code || check_free(w, &err) < 0)
		answer_error(w->core, w->answer, &err);
	else
		take_word(w);
	word_free(w);
}

void service_fence(struct core *c, struct answer *a, const char *machine, const json_t *body)
{
	const char *because = json_str(body, "because", "");
	struct error err = { 0 };
	const struct machine *m = core_machine(c, machine, &err);
	json_t *objects;
	struct word *w;

	if (m && (!*because || strlen(because) > REASON_MAX))
		error_set(&err, ERROR_USAGE, "`because` must say in 1 to %d characters how you know that %s is off", REASON_MAX, machine);
	if (err.code) {
		answer_error(c, a, &err);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct word){ c, a, xstrdup(machine), xstrdup(because) };
	objects = json_pack("[s]", "power");
	dispatch_observe(c->dispatch, m->bmc->name, objects, READ_MS, on_power, w);
	json_decref(objects);
	core_turn_soon(c);
}
