/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * struct env on libevent.
 */
#include "loop.h"

#include "arena.h"
#include "clock.h"

#include <sodium.h>
#include <stdlib.h>

struct loop {
	struct env env;
	struct event_base *base;
	struct env_timer *timers; /* that have not fired: freed with the loop */
};

struct env_timer {
	struct env_timer *next, **back;
	struct event *event;
	void (*fn)(void *arg);
	void *arg;
};

static int64_t wall(struct env *env)
{
	(void)env;
	return clock_wall_ms();
}

static int64_t mono(struct env *env)
{
	(void)env;
	return clock_mono_ms();
}

static int64_t cpu(struct env *env)
{
	(void)env;
	return clock_cpu_us();
}

static void timer_free(struct env_timer *t)
{
	*t->back = t->next;
	if (t->next)
		t->next->back = t->back;
	event_free(t->event);
	free(t);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct env_timer *t = arg;
	void (*fn)(void *) = t->fn;
	void *fn_arg = t->arg;

	(void)fd;
	(void)what;
	timer_free(t);
	fn(fn_arg);
}

static struct env_timer *timer(struct env *env, int64_t delay_ms, void (*fn)(void *arg), void *arg)
{
	struct timeval tv = { delay_ms / 1000, (delay_ms % 1000) * 1000 };
	struct loop *loop = (struct loop *)env;
	struct env_timer *t = xcalloc(1, sizeof(*t));

	*t = (struct env_timer){ loop->timers, &loop->timers, event_new(loop->base, -1, 0, on_timer, t), fn, arg };
	if (t->next)
		t->next->back = &t->next;
	loop->timers = t;
	if (delay_ms > 0)
		event_add(t->event, &tv);
	else
		event_active(t->event, EV_TIMEOUT, 1);
	return t;
}

static void cancel(struct env *env, struct env_timer *t)
{
	(void)env;
	timer_free(t);
}

static void random_bytes(struct env *env, void *out, size_t n)
{
	(void)env;
	randombytes_buf(out, n);
}

static const struct env_ops ops = { wall, mono, timer, cancel, cpu, random_bytes };

struct env *loop_create(struct event_base *base)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->env.ops = &ops;
	loop->base = base;
	return &loop->env;
}

void loop_destroy(struct env *env)
{
	struct loop *loop = (struct loop *)env;

	if (!loop)
		return;
	while (loop->timers)
		timer_free(loop->timers);
	free(loop);
}

struct event_base *loop_base(struct env *env)
{
	return ((struct loop *)env)->base;
}
