/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What code that decides may know of the world around it: two clocks, timers, random bytes.  recastd binds
 * it to libevent (orchestrator/loop), the simulator to virtual time and a seed (tests/sim).  Code that has
 * only this can be run again from its seed, event by event.
 */
#ifndef RECAST_ENV_H
#define RECAST_ENV_H

#include <stddef.h>
#include <stdint.h>

struct env;
struct env_timer; /* valid until it fires or is cancelled */

struct env_ops {
	int64_t (*wall_ms)(struct env *env); /* UTC; may jump */
	int64_t (*mono_ms)(struct env *env); /* never goes back */
	/* Call @fn once after @delay_ms (0 and less: soon), from the thread that owns the environment. */
	struct env_timer *(*timer)(struct env *env, int64_t delay_ms, void (*fn)(void *arg), void *arg);
	void (*cancel)(struct env *env, struct env_timer *timer);
	int64_t (*cpu_us)(struct env *env); /* CPU time used by the process */
	/* Bytes that nobody can guess. */
	void (*random)(struct env *env, void *out, size_t n);
};

struct env {
	const struct env_ops *ops;
};

static inline int64_t env_wall(struct env *env)
{
	return env->ops->wall_ms(env);
}

static inline int64_t env_mono(struct env *env)
{
	return env->ops->mono_ms(env);
}

static inline struct env_timer *env_after(struct env *env, int64_t delay_ms, void (*fn)(void *arg), void *arg)
{
	return env->ops->timer(env, delay_ms, fn, arg);
}

/* Takes NULL. */
static inline void env_cancel(struct env *env, struct env_timer *timer)
{
	if (timer)
		env->ops->cancel(env, timer);
}

static inline void env_random(struct env *env, void *out, size_t n)
{
	env->ops->random(env, out, n);
}

#endif
