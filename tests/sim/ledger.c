/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The durable journal as a story sees it.  See ledger.h.
 */
#include "ledger.h"

#include "memrow.h"
#include "story.h"
#include "witness.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { UNDO_MS = 120000, MASK_MS = 20000, SLACK_MS = 45000, QUARANTINE_MS = 24 * 3600 * 1000 };

struct ledger_run *ledger_run(const struct ledger *l, int64_t id)
{
	int i;

	for (i = l->n_runs - 1; i >= 0; i--)
		if (l->runs[i]->id == id)
			return l->runs[i];
	return NULL;
}

void ledger_fini(struct ledger *l)
{
	struct ledger_run *run;
	int i, k;

	for (i = 0; i < l->n_runs; i++) {
		run = l->runs[i];
		for (k = 0; k < run->n_steps; k++)
			json_decref(run->steps[k].doc);
		json_decref(run->doc);
		free(run->steps);
		free(run->prior);
		free(run);
	}
	free(l->runs);
	*l = (struct ledger){ 0 };
}

/* A generation is used once: what was sent under it and comes late must be older than whatever is in force then. */
static void check_generations(struct story *s, const struct row *row)
{
	const json_t *cast;
	int64_t *last, next;
	size_t i;

	json_array_foreach(json_object_get(row->doc, "casts"), i, cast) {
		last = &s->ledger.generations[atoi(json_str(cast, "persona", "p1") + 1) % LEDGER_PERSONAS];
		next = json_int(cast, "next_generation", 0);
		if (!json_bool(cast, "activates", false))
			continue;
		if (next <= *last)
			story_violation(s, "generation %lld of %s is used again", (long long)next,
					json_str(cast, "persona", ""));
		*last = next;
	}
}

/* A machine in quarantine is left, or returned, and never entered. */
static void check_entered(struct story *s, const struct row *row)
{
	const json_t *cast;
	const char *to;
	size_t i;

	json_array_foreach(json_object_get(row->doc, "casts"), i, cast) {
		to = json_str(cast, "to", NULL);
		if (to && s->ledger.quarantined[(atoi(to + strlen("node")) - 1) % LEDGER_MACHINES])
			story_violation(s, "run %lld takes %s to %s, which is quarantined", (long long)row->n[0],
					json_str(cast, "persona", ""), to);
	}
}

static struct ledger_run *add_run(struct story *s, const struct row *row)
{
	struct ledger *l = &s->ledger;
	struct ledger_run *run = xcalloc(1, sizeof(*run));
	const char *request = row->text[5];
	int i;

	for (i = 0; request && i < l->n_runs; i++)
		if (!strcmp(l->runs[i]->request, request))
			story_violation(s, "runs %lld and %lld are both of key %s", (long long)l->runs[i]->id,
					(long long)row->n[0], request);
	check_generations(s, row);
	check_entered(s, row);
	*run = (struct ledger_run){
		.id = row->n[0], .created = row->n[1], .doc = json_incref(row->doc), .prior = witness_capture(s)
	};
	snprintf(run->request, sizeof(run->request), "%s", request ? request : "");
	l->runs = xrealloc(l->runs, (size_t)(l->n_runs + 1) * sizeof(struct ledger_run *));
	return l->runs[l->n_runs++] = run;
}

static void take_run(struct story *s, const struct row *row)
{
	struct ledger_run *run = row->gone ? NULL : ledger_run(&s->ledger, row->n[0]);
	int i;

	if (row->gone)
		return;
	if (!run)
		run = add_run(s, row);
	if (run->ended)
		story_violation(s, "run %lld has ended, and changes", (long long)run->id);
	for (i = 0; i < RUN_STATE_COUNT && strcmp(run_state_name((enum run_state)i), row->text[3]) != 0; i++)
		;
	run->state = (enum run_state)i;
	run->ended = row->n[2] != NO_NUMBER;
	run->fresh = true;
}

static void take_step(struct story *s, const struct row *row)
{
	struct ledger_run *run = row->gone ? NULL : ledger_run(&s->ledger, row->n[0]);
	struct ledger_step *step;
	int n = (int)row->n[1], i;

	if (!run)
		return;
	if (n >= run->n_steps) {
		run->steps = xrealloc(run->steps, (size_t)(n + 1) * sizeof(*step));
		memset(run->steps + run->n_steps, 0, (size_t)(n + 1 - run->n_steps) * sizeof(*step));
		run->n_steps = n + 1;
	}
	step = &run->steps[n];
	if (step->doc != row->doc) {
		json_decref(step->doc);
		step->doc = json_incref(row->doc);
		step->device = json_str(row->doc, "device", "");
		step->object = json_str(row->doc, "object", "");
		step->phase = (int)json_int(row->doc, "phase", 0);
		step->mask = json_bool(row->doc, "mask", false);
	}
	for (i = 0; i < STEP_STATE_COUNT && strcmp(step_state_name((enum step_state)i), row->text[0]) != 0; i++)
		;
	step->state = (enum step_state)i;
	step->started = row->n[2];
	step->ended = row->n[3];
	step->locked_out = row->text[1] && strstr(row->text[1], "\"code\":\"auth\"");
	run->fresh = true;
}

static struct ledger_lock *lock_of(struct ledger *l, const char *target)
{
	struct ledger_lock *unused = NULL;
	int i;

	for (i = 0; i < LEDGER_LOCKS; i++) {
		if (!strcmp(l->locks[i].target, target))
			return &l->locks[i];
		if (!unused && !l->locks[i].target[0])
			unused = &l->locks[i];
	}
	if (unused)
		snprintf(unused->target, sizeof(unused->target), "%s", target);
	return unused;
}

static void take_lock(struct story *s, const struct row *row)
{
	struct ledger_lock *lock = lock_of(&s->ledger, row->key + 1);
	int64_t run = row->gone ? 0 : row->n[0];

	if (!lock)
		return;
	if (run && lock->run && lock->run != run)
		story_violation(s, "%s passes from run %lld to run %lld without being free", lock->target,
				(long long)lock->run, (long long)run);
	lock->run = run;
}

static void take_quarantine(struct story *s, const struct row *row)
{
	int machine = atoi(row->key + 1 + strlen("node")) - 1;

	if (machine >= 0 && machine < LEDGER_MACHINES)
		s->ledger.quarantined[machine] = !row->gone;
}

/* A MAC or a name is not given to another persona within the quarantine time. */
static void take_identity(struct story *s, const struct row *row)
{
	struct ledger_identity *id = NULL, *at;
	bool active;
	int i;

	for (i = 0; i < LEDGER_IDENTITIES; i++) {
		at = &s->ledger.identities[i];
		if (!at->value[0] || !strcmp(at->value, row->key + 1)) {
			id = at;
			break;
		}
	}
	if (!id || row->gone)
		return;
	active = !strcmp(row->text[4], "active");
	if (id->value[0] && active && strcmp(id->persona, row->text[2]) != 0 &&
	    (!id->released || s->sim.now - id->released < QUARANTINE_MS))
		story_violation(s, "identity %s goes from %s to %s %s", row->text[1], id->persona, row->text[2],
				id->released ? "within its quarantine time" : "without a release");
	snprintf(id->value, sizeof(id->value), "%s", row->key + 1);
	snprintf(id->persona, sizeof(id->persona), "%s", row->text[2]);
	id->released = active ? 0 : s->sim.now;
}

static int locks_held(const struct ledger *l, int64_t run)
{
	int i, n = 0;

	for (i = 0; i < LEDGER_LOCKS; i++)
		n += l->locks[i].run == run;
	return n;
}

static void want_lock(struct story *s, const struct ledger_run *run, const char *kind, const char *name)
{
	const struct ledger_lock *lock;
	char target[64];

	if (!name)
		return;
	snprintf(target, sizeof(target), "%s:%s", kind, name);
	lock = lock_of(&s->ledger, target);
	if (lock && lock->run != run->id)
		story_violation(s, "run %lld is open and does not hold %s", (long long)run->id, target);
}

/* I5: all that a run's steps touch is locked by it while it is open, and nothing is once it has ended. */
static void check_locks(struct story *s, const struct ledger_run *run)
{
	const json_t *casts = json_object_get(run->doc, "casts"), *cast;
	size_t c;
	int i;

	if (run->ended && locks_held(&s->ledger, run->id))
		story_violation(s, "run %lld has ended and holds %d locks", (long long)run->id,
				locks_held(&s->ledger, run->id));
	if (run->ended)
		return;
	json_array_foreach(casts, c, cast) {
		want_lock(s, run, "persona", json_str(cast, "persona", NULL));
		want_lock(s, run, "machine", json_str(cast, "from", NULL));
		want_lock(s, run, "machine", json_str(cast, "to", NULL));
	}
	for (i = 0; i < run->n_steps; i++)
		want_lock(s, run, "machine", json_str(run->steps[i].doc, "machine", NULL));
}

/* What an undo would have to take back. */
static bool stands(const struct ledger_step *step)
{
	return step->state == STEP_DONE && json_is_object(json_object_get(step->doc, "undo"));
}

/* I9: a phase is undone only when nothing of a later one stands, and nothing of an earlier one was undone before it. */
static void check_undo(struct story *s, const struct ledger_run *run)
{
	const struct ledger_step *a, *b;
	int i, k;

	for (i = 0; i < run->n_steps; i++) {
		a = &run->steps[i];
		for (k = 0; a->state == STEP_UNDO && k < run->n_steps; k++) {
			b = &run->steps[k];
			if (b->phase > a->phase && !b->mask && (stands(b) || b->state == STEP_UNDO))
				story_violation(s, "run %lld undoes step %d while step %d, which came later, stands",
						(long long)run->id, i, k);
			if (b->phase < a->phase && (b->state == STEP_UNDONE || b->state == STEP_UNDO))
				story_violation(s, "run %lld undoes step %d after step %d, which came earlier",
						(long long)run->id, i, k);
		}
	}
}

/* Break before make: a phase begins when the one before it is through. */
static void check_order(struct story *s, const struct ledger_run *run)
{
	const struct ledger_step *a, *b;
	int i, k;

	for (i = 0; i < run->n_steps; i++) {
		a = &run->steps[i];
		for (k = 0; a->state == STEP_INTENT && k < run->n_steps; k++) {
			b = &run->steps[k];
			if (b->mask == a->mask && b->phase < a->phase &&
			    (b->state == STEP_PENDING || b->state == STEP_INTENT))
				story_violation(s, "run %lld begins step %d before step %d is through",
						(long long)run->id, i, k);
		}
	}
}

/* A device does one request at a time: another run's clone may hold an array for as long as a clone may take. */
static int64_t wait_for_others(const struct ledger *l, const struct ledger_run *run)
{
	int64_t longest = 0, deadline;
	int i, k, n;

	for (i = 0; i < l->n_runs; i++)
		for (k = 0; l->runs[i] != run && k < l->runs[i]->n_steps; k++) {
			deadline = json_int(l->runs[i]->steps[k].doc, "deadline_ms", 0);
			for (n = 0; deadline > longest && n < run->n_steps; n++)
				if (!strcmp(run->steps[n].device, l->runs[i]->steps[k].device))
					longest = deadline;
		}
	return longest;
}

static void check_bound(struct story *s, const struct ledger_run *run)
{
	int64_t from = run->created > s->calm_since ? run->created : s->calm_since, bound;

	if (!s->calm_since)
		return;
	bound = ledger_bound(run) + wait_for_others(&s->ledger, run);
	if (from < s->born)
		from = s->born; /* deadlines begin anew with each life */
	if (s->sim.now - from > bound)
		story_violation(s, "run %lld took %lld s after the last fault, and its deadlines allow %lld s",
				(long long)run->id, (long long)(s->sim.now - from) / 1000, (long long)bound / 1000);
}

static void check_run(struct story *s, struct ledger_run *run)
{
	run->fresh = false;
	check_locks(s, run);
	check_undo(s, run);
	if (run->state == RUN_RUNNING || run->state == RUN_MASKING)
		check_order(s, run);
	if (!run->ended)
		return;
	check_bound(s, run);
	witness_end(s, run);
}

void ledger_committed(void *arg, const struct table *rows)
{
	static void (*const take[MEM_TABLES])(struct story *,
					      const struct row *) = { [MEM_STEP] = take_step,
								      [MEM_LOCK] = take_lock,
								      [MEM_QUARANTINE] = take_quarantine,
								      [MEM_IDENTITY] = take_identity };
	struct story *s = arg;
	const struct row *row;
	size_t i;
	int k;

	for (i = 0; (row = table_at(rows, i)); i++)
		if (row->table == MEM_RUN)
			take_run(s, row);
	for (i = 0; (row = table_at(rows, i)); i++)
		if (take[row->table])
			take[row->table](s, row);
	for (k = 0; k < s->ledger.n_runs; k++)
		if (s->ledger.runs[k]->fresh)
			check_run(s, s->ledger.runs[k]);
}

/* A wish that is being planned holds things under the number of a run that is not in the journal yet. */
void ledger_compare(struct story *s)
{
	const struct ledger_lock *lock;
	int64_t holder;
	int i;

	for (i = 0; i < LEDGER_LOCKS; i++) {
		lock = &s->ledger.locks[i];
		holder = lock->target[0] ? engine_holder(s->core->engine, lock->target) : 0;
		if (holder == lock->run || (!lock->run && !ledger_run(&s->ledger, holder)))
			continue;
		story_violation(s, "%s is held by run %lld in memory, and by run %lld in the journal", lock->target,
				(long long)holder, (long long)lock->run);
	}
}

const struct ledger_step *ledger_under_way(const struct ledger *l, const char *device, const char *object,
					   const struct ledger_run **of)
{
	const struct ledger_step *step;
	int i, k;

	for (i = l->n_runs - 1; i >= 0; i--)
		for (k = 0; !l->runs[i]->ended && k < l->runs[i]->n_steps; k++) {
			step = &l->runs[i]->steps[k];
			if ((step->state == STEP_INTENT || step->state == STEP_UNDO) && !strcmp(step->device, device) &&
			    !strcmp(step->object, object)) {
				if (of)
					*of = l->runs[i];
				return step;
			}
		}
	return NULL;
}

int64_t ledger_bound(const struct ledger_run *run)
{
	int64_t bound = SLACK_MS, forward, deadline;
	bool back, first;
	int i, k;

	for (i = 0; i < run->n_steps; i++) {
		forward = 0;
		back = false;
		for (k = 0, first = true; k < run->n_steps; k++) {
			if (run->steps[k].phase != run->steps[i].phase)
				continue;
			first = first && k >= i;
			deadline = run->steps[k].mask ? MASK_MS : json_int(run->steps[k].doc, "deadline_ms", 60000);
			if (deadline > forward)
				forward = deadline;
			back = back || json_is_object(json_object_get(run->steps[k].doc, "undo"));
		}
		if (first) /* each phase once */
			bound += forward + (back ? UNDO_MS : 0);
	}
	return bound;
}
