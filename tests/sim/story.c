/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The core inside of a story: its environment, its driver processes, its death and rebirth, and what is checked.
 */
#include "story.h"

#include "../../orchestrator/dispatch/private.h"

#include "arena.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRIVERS = 3, SETTLE_MS = 1800000, REBIRTH_FIRST_MS = 50, REBIRTH_LAST_MS = 4000 };

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

/* The environment: virtual time and the seed. */

static struct story *of(struct env *env)
{
	return (struct story *)env;
}

static int64_t now_ms(struct env *env)
{
	return of(env)->sim.now;
}

static int64_t cpu_us(struct env *env)
{
	(void)env;
	return 0;
}

static struct env_timer *timer(struct env *env, int64_t delay_ms, void (*fn)(void *arg), void *arg)
{
	return (struct env_timer *)sim_after(&of(env)->sim, delay_ms, fn, arg);
}

static void cancel(struct env *env, struct env_timer *t)
{
	sim_cancel(&of(env)->sim, (struct sim_event *)t);
}

static void random_bytes(struct env *env, void *out, size_t n)
{
	unsigned char *at = out;

	while (n--)
		*at++ = (unsigned char)sim_random(&of(env)->sim);
}

static const struct env_ops env_ops = { now_ms, now_ms, timer, cancel, cpu_us, random_bytes };

/* One more of @seam; the core may die here. */
static void pass(struct story *s, enum seam seam)
{
	if (s->dead || ++s->seams[seam] != s->crash_at || seam != s->crash_seam)
		return;
	s->dead = seam != SEAM_DISK_FULL;
	s->crash_at = 0;
	if (seam == SEAM_BEFORE_COMMIT || seam == SEAM_DISK_FULL)
		s->disk->fail_commits++;
}

static void before_commit(void *arg)
{
	pass(arg, SEAM_BEFORE_COMMIT);
	pass(arg, SEAM_DISK_FULL);
}

static void after_commit(void *arg)
{
	pass(arg, SEAM_AFTER_COMMIT);
}

/* Driver processes: the core's side of them.  The room has the other. */

struct process {
	struct story *story;
	struct driver *driver;
	struct sim_event *gone;
	struct process *next;
};

static struct process *processes; /* of the one core that lives */

static struct process *process_of(const char *name)
{
	struct process *p;

	for (p = processes; p && strcmp(p->driver->name, name) != 0; p = p->next)
		;
	return p;
}

struct process *process_start(struct driver *drv, struct error *err)
{
	struct story *s = of(drv->d->env);
	struct process *p = xcalloc(1, sizeof(*p));

	(void)err;
	*p = (struct process){ s, drv, NULL, processes };
	processes = p;
	if (!s->dead)
		rack_driver_start(s->rack, drv->name);
	return p;
}

void process_send(struct process *p, json_t *frame)
{
	if (!p->story->dead) {
		rack_send(p->story->rack, p->driver->name, frame);
		pass(p->story, SEAM_SENT);
	}
	json_decref(frame);
}

static void on_gone(void *arg)
{
	struct process *p = arg;

	p->gone = NULL;
	driver_gone(p->driver);
}

void process_kill(struct process *p)
{
	rack_driver_kill(p->story->rack, p->driver->name);
	if (!p->gone)
		p->gone = sim_after(&p->story->sim, 1, on_gone, p);
}

void process_destroy(struct process *p)
{
	struct process **at = &processes;

	if (!p)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	sim_cancel(&p->story->sim, p->gone);
	rack_driver_kill(p->story->rack, p->driver->name);
	free(p);
}

/* What the room tells. */

static void on_reply(void *arg, const char *driver, json_t *frame)
{
	struct story *s = arg;
	struct process *p = process_of(driver);
	struct driver *drv = p ? p->driver : NULL;

	pass(s, SEAM_ANSWERED);
	if (p && !s->dead) {
		driver_took(drv, frame);
		if (drv->process)
			driver_pump(drv);
	}
	json_decref(frame);
}

static void on_driver_gone(void *arg, const char *driver)
{
	struct process *p = process_of(driver);

	(void)arg;
	if (p && !p->gone)
		driver_gone(p->driver);
}

static char *on_script(void *arg, const char *mac, const char *uuid)
{
	struct story *s = arg;

	return s->core && !s->dead ? service_boot_script(s->core, mac, uuid, "10.66.10.9") : NULL;
}

static void on_report(void *arg, const char *mac, const char *uuid, const char *stage)
{
	struct story *s = arg;

	if (s->core && !s->dead)
		free(service_boot_report(s->core, mac, uuid, stage, "10.66.10.9"));
}

static enum rack_verdict on_verdict(void *arg, const char *device, const struct driver_change *change)
{
	struct story *s = arg;

	return s->verdict ? s->verdict(s, device, change) : RACK_CARRIES_OUT;
}

static void on_changed(void *arg)
{
	struct story *s = arg;
	char why[STORY_WHY];

	if (!s->why[0] && !rack_sound(s->rack, why, sizeof(why)))
		story_violation(s, "%s", why);
}

static void on_trace(void *arg, const char *line)
{
	(void)arg;
	puts(line);
}

/* What the core tells. */

struct told {
	struct answer answer; /* first: what the core has is this */
	struct story *story;
	int tag;
};

static void on_answer(struct answer *a, int status, json_t *body, const char *location)
{
	struct told *t = (struct told *)a;
	struct story *s = t->story;

	(void)location;
	if (!s->dead && status == 202 && s->n_acked < STORY_ACKED)
		s->acked[s->n_acked++] = json_int(body, "id", 0);
	s->refused += status >= 400;
	if (!s->dead && s->heard)
		s->heard(s, t->tag, status, body);
	if (s->options.trace)
		printf("            told %d %s%s\n", status, json_str(body, "detail", ""), s->dead ? " (never heard)" : "");
	json_decref(body);
	free(t);
}

struct answer *story_answer(struct story *s)
{
	struct told *t = xcalloc(1, sizeof(*t));

	t->answer.send = on_answer;
	t->answer.caller.local = true;
	strcpy(t->answer.caller.name, "the operator");
	t->story = s;
	t->tag = s->tag;
	return &t->answer;
}

/* Life. */

static bool is_private(const char *path)
{
	(void)path;
	return true;
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

static void live(void *arg)
{
	struct story *s = arg;
	struct core_config config = { memdisk_path(s->disk), "", "", 1000, 100, s->options.no_drift ? 0 : 20000, is_private, NULL, NULL };
	uint64_t failed = s->disk->commits_failed;
	struct error err = { 0 };

	s->rebirth = NULL;
	s->core = core_create(&s->env, &config, &err);
	s->lives++;
	if (!s->core && s->disk->commits_failed > failed)
		s->dead = true; /* it cannot even write that it is there; it is started again */
	else if (!s->core)
		story_violation(s, "the core does not start: %s", err.text);
	else
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

bool story_at_rest(const struct story *s)
{
	return !s->wishes_left && s->core && !s->core->reload && !engine_count(s->core->engine) && !s->core->planning;
}

/* In the end: every run has ended as one of three, and nothing is held. */
void story_check_end(struct story *s)
{
	const char *state;
	json_t *runs, *run;
	size_t i;
	int k;

	if (!s->core) {
		story_violation(s, "the core is dead at the end");
		return;
	}
	runs = store_run_recent(s->core->store, INT64_MAX, 1000);
	json_array_foreach(runs, i, run) {
		state = json_str(run, "state", "");
		for (k = 0; k < RUN_STATE_COUNT; k++)
			s->ended[k] += !strcmp(state, run_state_name((enum run_state)k));
		if (json_is_null(json_object_get(run, "ended")))
			story_violation(s, "run %lld is still %s long after the last fault", (long long)json_int(run, "id", 0), state);
	}
	json_decref(runs);
}

static const struct rack_ops rack_ops = { .reply = on_reply, .driver_gone = on_driver_gone, .boot_script = on_script,
					  .boot_report = on_report, .changed = on_changed, .verdict = on_verdict };

static void set_up(struct story *s, const struct story_options *o)
{
	static struct rack_ops tracing;
	int f;

	*s = (struct story){ .env.ops = &env_ops, .options = *o, .wishes_left = o->wishes };
	sim_init(&s->sim, o->seed);
	s->disk = memdisk_create();
	s->disk->before_commit = before_commit;
	s->disk->after_commit = after_commit;
	s->disk->arg = s;
	tracing = rack_ops;
	tracing.trace = o->trace ? on_trace : NULL;
	s->rack = rack_create(&s->sim, o->machines, 2, 2, &tracing, s);
	for (f = 0; o->faults && f < FAULT_COUNT; f++)
		if (f != FAULT_GONE && sim_chance(&s->sim, 3000)) /* each story has its own troubles */
			s->rack->faults.rate[f] = sim_below(&s->sim, 600);
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
	return any;
}

bool story_play(struct story *s, const struct story_options *o)
{
	int64_t limit = INT64_MAX;

	story_begin(s, o);
	operator_begin(s);
	while (!s->why[0] && s->sim.now < limit && !story_at_rest(s) && story_step(s)) {
		if (!s->wishes_left && limit == INT64_MAX) {
			limit = s->sim.now + SETTLE_MS;
			s->rack->faults.until = s->sim.now + 1; /* nothing new goes wrong, and everything heals */
		}
	}
	if (!s->why[0])
		story_check_end(s);
	return !s->why[0];
}

void story_fini(struct story *s)
{
	if (s->core)
		core_destroy(s->core);
	rack_destroy(s->rack);
	sim_fini(&s->sim);
	memdisk_destroy(s->disk);
}
