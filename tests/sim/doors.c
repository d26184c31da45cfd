/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doors of a core in a story: its environment, its driver processes, what the room and what the core tell.  They are
 * those of lib/env.h, orchestrator/dispatch/private.h, rack.h and service.h.
 */
#include "story.h"

#include "../../orchestrator/dispatch/private.h"

#include "arena.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const struct env_ops story_env_ops = { now_ms, now_ms, timer, cancel, cpu_us, random_bytes };

/* One more of @seam; the core may die here. */
static void pass(struct story *s, enum seam seam)
{
	if (s->dead || s->old || ++s->seams[seam] != s->crash_at || seam != s->crash_seam)
		return;
	s->dead = seam != SEAM_DISK_FULL;
	s->crash_at = 0;
	if (seam == SEAM_BEFORE_COMMIT || seam == SEAM_DISK_FULL)
		s->disk->fail_commits++;
}

void story_before_commit(void *arg)
{
	pass(arg, SEAM_BEFORE_COMMIT);
	pass(arg, SEAM_DISK_FULL);
}

void story_after_commit(void *arg)
{
	struct story *s = arg;

	/* A core that is being created, or that reads its journal again, holds nothing yet. */
	if (s->core && !s->old && !s->dead && !s->core->reload && s->core->model)
		ledger_compare(s);
	pass(s, SEAM_AFTER_COMMIT);
}

/* Driver processes: the core's side of them.  The room has the other. */

struct process {
	struct story *story;
	struct driver *driver;
	struct core *core; /* whose it is */
	char name[40];	   /* in the room: another one for each of two cores */
	struct sim_event *gone;
	struct process *next;
};

static struct process *processes; /* of the cores that live */

static struct process *process_of(const char *name)
{
	struct process *p;

	for (p = processes; p && strcmp(p->name, name) != 0; p = p->next)
		;
	return p;
}

struct process *process_start(struct driver *drv, struct error *err)
{
	struct story *s = of(drv->d->env);
	struct process *p = xcalloc(1, sizeof(*p));

	(void)err;
	*p = (struct process){ .story = s, .driver = drv, .core = drv->d->ctx, .next = processes };
	snprintf(p->name, sizeof(p->name), (p->core == s->old) == s->second ? "%s" : "%s.1", drv->name);
	processes = p;
	if (!s->dead)
		rack_driver_start(s->rack, p->name);
	return p;
}

void process_send(struct process *p, json_t *frame)
{
	if ((p->core->superseded || p->core->epoch != p->story->disk->epoch) &&
	    !strcmp(json_str(frame, "op", ""), "apply"))
		story_violation(p->story, "a controller whose term is over sends an order to %s",
				json_str(frame, "device", ""));
	if (!p->story->dead) {
		rack_send(p->story->rack, p->name, frame);
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
	rack_driver_kill(p->story->rack, p->name);
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
	rack_driver_kill(p->story->rack, p->name);
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
	char *script = s->core && !s->dead ? service_boot_script(s->core, mac, uuid, "10.66.10.9") : NULL;
	int i;

	for (i = 0; script && i < s->rack->n_machines; i++)
		if (!strcmp(uuid, s->rack->machines[i].uuid))
			witness_script(s, &s->rack->machines[i], script);
	return script;
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
	witness_changed(s);
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
	char key[STORY_KEY]; /* of the request; empty: none */
	int tag;
};

/* What was acknowledged is durable, and one key means one run. */
static void acknowledged(struct story *s, const struct told *t, int64_t run)
{
	int i;

	if (!ledger_run(&s->ledger, run))
		story_violation(s, "run %lld is acknowledged and not durable", (long long)run);
	for (i = 0; t->key[0] && i < STORY_KEYS; i++)
		if (!strcmp(s->keys[i].key, t->key)) {
			if (s->keys[i].run && s->keys[i].run != run)
				story_violation(s, "key %s is answered with run %lld and with run %lld", t->key,
						(long long)s->keys[i].run, (long long)run);
			s->keys[i].run = run;
		}
	if (s->n_acked < STORY_ACKED)
		s->acked[s->n_acked++] = run;
}

static void on_answer(struct answer *a, int status, json_t *body, const char *location)
{
	struct told *t = (struct told *)a;
	struct story *s = t->story;

	(void)location;
	if (!s->dead && status == 202)
		acknowledged(s, t, json_int(body, "id", 0));
	s->refused += status >= 400;
	if (!s->dead && s->heard)
		s->heard(s, t->tag, status, body);
	if (s->options.trace)
		printf("            told %d %s%s\n", status, json_str(body, "detail", ""),
		       s->dead ? " (never heard)" : "");
	json_decref(body);
	free(t);
}

struct answer *story_answer(struct story *s)
{
	struct told *t = xcalloc(1, sizeof(*t));

	t->answer.send = on_answer;
	t->answer.caller.local = true;
	strcpy(t->answer.caller.name, "the operator");
	snprintf(t->key, sizeof(t->key), "%s", s->key ? s->key : "");
	s->key = NULL;
	t->tag = s->tag;
	t->story = s;
	s->asked++;
	return &t->answer;
}

const struct rack_ops story_rack_ops = { .reply = on_reply,
					 .driver_gone = on_driver_gone,
					 .boot_script = on_script,
					 .boot_report = on_report,
					 .changed = on_changed,
					 .verdict = on_verdict,
					 .touched = witness_touched,
					 .trace = on_trace };
