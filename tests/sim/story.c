/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a story: a core is born, dies, is taken over by another; faults come and stop; and what must be so at rest.
 */
#include "story.h"

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SETTLE_MS = 1800000,
	DANGER_MS = 300000,
	REBIRTH_FIRST_MS = 50,
	REBIRTH_LAST_MS = 4000,
	OLD_LAST_MS = 60000,
	RECONCILE_MS = 20000
};

const char *const seam_names[SEAM_COUNT] = { "before-commit", "after-commit", "sent", "answered", "disk-full" };

void story_violation(struct story *s, const char *fmt, ...)
{
	va_list ap;

	if (s->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
}

static void check_acked(struct story *s)
{
	json_t *run;
	int i;

	for (i = 0; i < s->n_acked; i++) {
		run = store_run_get(s->core->store, s->acked[i]);
		if (!run)
			story_violation(s, "run %lld was acknowledged and is lost", (long long)s->acked[i]);
		json_decref(run);
	}
}

/* Told by a core whose commit was refused. */
static void on_superseded(void *arg)
{
	struct story *s = arg;

	if (s->old && s->old->superseded)
		s->old_done = true;
	else
		story_violation(s, "the controller that reigns is refused");
}

static void live(void *arg);

static struct core *create(struct story *s)
{
	struct core_config config = {
		memdisk_path(s->disk), "", "", 1000, 100, s->options.no_drift ? 0 : RECONCILE_MS,
		on_superseded,	       s
	};
	struct error err = { 0 };
	uint64_t failed = s->disk->commits_failed;
	struct core *core = core_create(&s->env, &config, &err);

	s->lives++;
	s->born = s->sim.now;
	if (!core && s->disk->commits_failed > failed && !s->dead) /* the disk is full; it is started again */
		s->rebirth = sim_after(&s->sim, REBIRTH_LAST_MS, live, s);
	else if (!core && !s->dead) /* it may die while it starts */
		story_violation(s, "the core does not start: %s", err.text);
	return core;
}

static void live(void *arg)
{
	struct story *s = arg;

	s->rebirth = NULL;
	s->core = create(s);
	if (s->core && !s->dead)
		check_acked(s);
}

static void die(struct story *s)
{
	if (s->options.trace)
		printf("            the core dies, life %llu\n", (unsigned long long)s->lives);
	if (s->core)
		core_destroy(s->core);
	s->core = NULL;
	s->dead = false;
	s->disk->fail_commits = 0;
	s->rebirth = sim_after(&s->sim, sim_between(&s->sim, REBIRTH_FIRST_MS, REBIRTH_LAST_MS), live, s);
}

static void end_old(struct story *s)
{
	if (s->options.trace)
		printf("            the older controller ends%s\n", s->old->superseded ? ", refused" : "");
	core_destroy(s->old);
	s->old = NULL;
	s->old_done = false;
	sim_cancel(&s->sim, s->old_ends);
	s->old_ends = NULL;
}

static void on_old_ends(void *arg)
{
	struct story *s = arg;

	s->old_ends = NULL;
	s->old_done = true;
}

void story_take_over(struct story *s)
{
	if (!s->core || s->dead || s->old)
		return;
	if (s->options.trace)
		printf("            another controller takes over, life %llu\n", (unsigned long long)s->lives + 1);
	s->disk->fail_commits = 0;
	s->old = s->core;
	s->core = NULL;
	s->second = !s->second;
	s->takeovers++;
	s->old_ends = sim_after(&s->sim, sim_between(&s->sim, 1, OLD_LAST_MS), on_old_ends, s);
	live(s);
}

bool story_at_rest(const struct story *s)
{
	return !s->wishes_left && s->core && !s->old && !engine_count(s->core->engine) && !s->core->planning &&
	       !s->core->reload && !store_dirty(s->core->store);
}

/* Did a run of this persona end in quarantine?  Then its map is gone until it is applied again. */
static bool was_masked(const struct story *s, const char *persona, const char *machine)
{
	const struct ledger_run *run;
	const json_t *cast;
	size_t c;
	int i;

	for (i = 0; i < s->ledger.n_runs; i++) {
		run = s->ledger.runs[i];
		if (!strcmp(json_str(run->doc, "action", ""), "return") && !strcmp(json_str(run->doc, "machine", ""), machine))
			return true;
		json_array_foreach(json_object_get(run->doc, "casts"), c, cast)
			if (run->state == RUN_QUARANTINED && !strcmp(json_str(cast, "persona", ""), persona))
				return true;
	}
	return false;
}

static bool has_volume_on(const struct persona *p, const char *array)
{
	int i;

	for (i = 0; i < p->n_volumes; i++)
		if (!strcmp(p->volumes[i].array->name, array))
			return true;
	return false;
}

/* A persona that plays has the map of its generation, and no other has one. */
static void check_maps(struct story *s, const struct persona *p)
{
	const struct assignment *a = roster_of(s->core->roster, p->name);
	bool plays = a && a->machine;
	const struct rack_map *map;
	int i;

	for (i = 0; i < s->rack->n_arrays && !witness_left_map(s, p->name); i++) {
		map = witness_map(s->rack, i, p->name);
		if (witness_map_touched(s, i, p->name, 0))
			continue; /* what came late stays until the next run that changes it */
		if (!plays || !has_volume_on(p, s->rack->arrays[i].dev.name)) {
			if (map)
				story_violation(s, "%s plays nowhere, and has a map on san%d", p->name, i + 1);
		} else if ((!map || map->generation != a->generation) && !was_masked(s, p->name, a->machine)) {
			story_violation(s, "%s plays on %s in generation %lld, and its map is of %lld", p->name,
					a->machine, (long long)a->generation, map ? (long long)map->generation : 0LL);
		}
	}
}

static const struct rack_zone *zone_of(const struct rack *r, int fabric, const char *key)
{
	int i;

	for (i = 0; i < RACK_ZONES; i++)
		if (!strcmp(r->fabrics[fabric].zones[i].key, key))
			return &r->fabrics[fabric].zones[i];
	return NULL;
}

/* The same of zones: none of an older generation, and none of who plays nowhere.  A fabric that did not answer keeps what
 * it had, and one side is enough to play; so what is there is judged, not what is missing. */
static void check_zones(struct story *s, const struct persona *p)
{
	const struct assignment *a = roster_of(s->core->roster, p->name);
	const struct rack_zone *zone;
	char key[ZONE_KEY_SIZE];
	int i, good = 0;

	for (i = 0; i < p->n_vhbas; i++) {
		snprintf(key, sizeof(key), "%s.%s", p->name, p->vhbas[i].name);
		zone = zone_of(s->rack, i, key);
		good += zone && a && zone->generation == a->generation;
		if (zone && a && zone->generation > a->generation && !witness_zone_touched(s, i, p->name) && !was_masked(s, p->name, ""))
			story_violation(s, "%s is in generation %lld, and its zone on %s is of %lld", p->name, (long long)a->generation,
					s->rack->fabrics[i].dev.name, (long long)zone->generation);
	}
	if (p->n_vhbas && a && a->machine && !good && !was_masked(s, p->name, a->machine) &&
	    !witness_zone_touched(s, 0, p->name) && !witness_zone_touched(s, 1, p->name))
		story_violation(s, "%s plays on %s in generation %lld, and no fabric has a zone of it", p->name, a->machine,
				(long long)a->generation);
}

static void check_rest(struct story *s)
{
	const struct persona *p;
	size_t i;
	int k;

	for (i = 0; (p = model_at(s->core->model, KIND_PERSONA, i)); i++) {
		check_maps(s, p);
		check_zones(s, p);
	}
	for (k = 0; k < LEDGER_LOCKS; k++)
		if (s->ledger.locks[k].target[0] && engine_holder(s->core->engine, s->ledger.locks[k].target))
			story_violation(s, "%s is held, and nothing is open", s->ledger.locks[k].target);
}

static void count_ends(struct story *s)
{
	int i;

	for (i = 0; i < s->ledger.n_runs; i++)
		s->ended[s->ledger.runs[i]->state]++;
}

/* In the end: every run has ended as one of three, and nothing is held. */
void story_check_end(struct story *s)
{
	int i;

	if (!s->core) {
		story_violation(s, "the core is dead at the end");
		return;
	}
	for (i = 0; i < s->ledger.n_runs; i++)
		if (!s->ledger.runs[i]->ended)
			story_violation(s, "run %lld is still %s long after the last fault",
					(long long)s->ledger.runs[i]->id, run_state_name(s->ledger.runs[i]->state));
	check_rest(s);
}

/* A turn is lost for all that were in it. */
static void on_refused(void *arg, const char *why)
{
	story_violation(arg, "a turn is lost without a fault: %s", why);
}

static void set_up(struct story *s, const struct story_options *o)
{
	static struct rack_ops ops;
	int f;

	*s = (struct story){ .env.ops = &story_env_ops, .options = *o, .wishes_left = o->wishes };
	sim_init(&s->sim, o->seed);
	s->disk = memdisk_create();
	s->disk->before_commit = story_before_commit;
	s->disk->after_commit = story_after_commit;
	s->disk->committed = ledger_committed;
	s->disk->refused = on_refused;
	s->disk->arg = s;
	ops = story_rack_ops;
	if (!o->trace)
		ops.trace = NULL;
	s->rack = rack_create(&s->sim, o->machines, 2, 2, &ops, s);
	if (o->fabrics)
		rack_fabrics(s->rack);
	for (f = 0; o->faults && f < (o->fabrics ? FAULT_COUNT : FAULT_FABRIC_REBOOT); f++)
		if ((f != FAULT_GONE || o->danger) && sim_chance(&s->sim, 3000)) /* each story has its own troubles */
			s->rack->faults.rate[f] = sim_below(&s->sim, rack_counts_minutes((enum fault)f) ? 4000 : 600);
}

/* The operator has had all wishes: nothing new goes wrong and everything heals, or it goes on and on. */
static int64_t last_part(struct story *s)
{
	if (s->options.danger)
		return s->sim.now + DANGER_MS;
	s->rack->faults.until = s->sim.now + 1;
	s->calm_since = s->sim.now + 6000; /* the world's next tick */
	return s->sim.now + SETTLE_MS;
}

void story_begin(struct story *s, const struct story_options *o)
{
	set_up(s, o);
	live(s);
}

bool story_step(struct story *s)
{
	bool any = sim_step(&s->sim);

	if (s->dead)
		die(s);
	if (s->old_done)
		end_old(s);
	return any;
}

bool story_play(struct story *s, const struct story_options *o)
{
	int64_t limit = INT64_MAX;

	story_begin(s, o);
	operator_begin(s);
	while (!s->why[0] && s->sim.now < limit && !story_at_rest(s) && story_step(s)) {
		if (!s->wishes_left && limit == INT64_MAX)
			limit = last_part(s);
	}
	if (!s->why[0] && !o->danger)
		story_check_end(s);
	count_ends(s);
	return !s->why[0];
}

void story_fini(struct story *s)
{
	if (s->old)
		core_destroy(s->old);
	if (s->core)
		core_destroy(s->core);
	operator_end(s);
	rack_destroy(s->rack);
	sim_fini(&s->sim);
	ledger_fini(&s->ledger);
	memdisk_destroy(s->disk);
}
