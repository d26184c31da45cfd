/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Repairs that start by themselves, for personas with `reconcile: repair`.  When the same persona drifts again soon after
 * a repair, somebody or something changes it back: the pauses double, and at last Recast reports and leaves it.
 */
#include "reconcile.h"

#include "arena.h"
#include "json.h"
#include "log.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_PAUSE_MS = 30000, TRIES_MAX = 6, CALM_MS = 3600000 };

struct attempt {
	char *persona;
	int tries;
	int64_t last, next; /* monotonic ms */
};

struct repairs {
	struct core *core;
	struct table *attempts;
};

struct repairs *repairs_create(struct core *c)
{
	struct repairs *r = xcalloc(1, sizeof(*r));

	r->core = c;
	r->attempts = table_create();
	return r;
}

void repairs_destroy(struct repairs *r)
{
	struct attempt *a;

	while ((a = table_at(r->attempts, 0))) {
		table_remove(r->attempts, a->persona);
		free(a->persona);
		free(a);
	}
	table_destroy(r->attempts);
	free(r);
}

static struct attempt *attempt_of(struct repairs *r, const char *persona)
{
	struct attempt *a = table_get(r->attempts, persona);

	if (a)
		return a;
	a = xcalloc(1, sizeof(*a));
	a->persona = xstrdup(persona);
	table_add(r->attempts, a->persona, a);
	return a;
}

struct silent { /* nobody waits for this answer */
	struct answer answer;
	char persona[64];
};

static void on_started(struct answer *a, int status, json_t *body, const char *location)
{
	struct silent *s = (struct silent *)a;

	(void)location;
	if (status >= 400)
		log_warn("reconcile", "cannot repair %s: %s persona=%s", s->persona, json_str(body, "detail", ""), s->persona);
	json_decref(body);
	free(s);
}

static void start(struct core *c, const char *persona)
{
	json_t *wish = json_pack("{s:s, s:s}", "action", "repair", "persona", persona);
	struct silent *s = xcalloc(1, sizeof(*s));

	s->answer.send = on_started;
	s->answer.caller.local = true;
	snprintf(s->answer.caller.name, sizeof(s->answer.caller.name), "reconcile");
	snprintf(s->persona, sizeof(s->persona), "%s", persona);
	service_run(c, &s->answer, wish, &(const struct once){ 0 });
	json_decref(wish);
}

static void give_up(struct core *c, const char *persona)
{
	log_warn("reconcile", "%s was repaired %d times and drifted again each time: somebody changes it back persona=%s", persona,
		 TRIES_MAX, persona);
	core_event(c, "drift", 0, json_pack("{s:s, s:s, s:s}", "state", "given-up", "persona", persona, "summary",
					    "it was repaired again and again, and somebody changes it back; repair it by hand when that has stopped"));
}

static bool any_repairable(const json_t *items)
{
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
		if (json_bool(item, "repairable", false))
			return true;
	return false;
}

void repairs_consider(struct repairs *r, const struct persona *p, const json_t *items)
{
	int64_t now = env_mono(r->core->env);
	struct attempt *a;

	if (!p->repairs || !any_repairable(items))
		return;
	a = attempt_of(r, p->name);
	if (a->tries && now - a->last > CALM_MS)
		a->tries = 0;
	if (now < a->next || a->tries > TRIES_MAX)
		return;
	a->last = now;
	if (a->tries++ == TRIES_MAX) {
		give_up(r->core, p->name);
		return;
	}
	a->next = now + ((int64_t)FIRST_PAUSE_MS << (a->tries - 1));
	start(r->core, p->name);
}
