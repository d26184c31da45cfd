/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Virtual time: a binary heap of (time, order of insertion).  A cancelled event loses its function and is taken out when
 * it comes up.  Events live in blocks that are only given back at the end, so a story costs few allocations.
 * Chance: xoshiro256** (Blackman, Vigna), seeded by splitmix64.
 */
#include "sim.h"

#include "arena.h"

#include <stdlib.h>

enum { BLOCK_EVENTS = 128 };

struct sim_event {
	void (*fn)(void *arg); /* NULL: cancelled */
	union {
		void *arg;
		struct sim_event *next; /* while free */
	};
};

struct sim_block {
	struct sim_block *next;
	struct sim_event events[BLOCK_EVENTS];
};

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void sim_init(struct sim *s, uint64_t seed)
{
	uint64_t state = seed;
	int i;

	*s = (struct sim){ .seed = seed, .now = SIM_START_MS };
	for (i = 0; i < 4; i++)
		s->random[i] = splitmix(&state);
}

void sim_fini(struct sim *s)
{
	struct sim_block *b, *next;

	for (b = s->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(s->heap);
	*s = (struct sim){ 0 };
}

static void more_events(struct sim *s)
{
	struct sim_block *b = xcalloc(1, sizeof(*b));
	int i;

	b->next = s->blocks;
	s->blocks = b;
	for (i = BLOCK_EVENTS - 1; i >= 0; i--) {
		b->events[i].next = s->free;
		s->free = &b->events[i];
	}
}

static bool earlier(const struct sim_slot *a, const struct sim_slot *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void sift_up(struct sim *s, size_t i, struct sim_slot slot)
{
	for (; i && earlier(&slot, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = slot;
}

static void sift_down(struct sim *s, struct sim_slot slot)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->n) {
		if (child + 1 < s->n && earlier(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!earlier(&s->heap[child], &slot))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = slot;
}

struct sim_event *sim_after(struct sim *s, int64_t delay_ms, void (*fn)(void *arg), void *arg)
{
	struct sim_event *e;

	if (!s->free)
		more_events(s);
	e = s->free;
	s->free = e->next;
	e->fn = fn;
	e->arg = arg;
	if (s->n == s->size) {
		s->size = s->size ? s->size * 2 : 64;
		s->heap = xrealloc(s->heap, s->size * sizeof(*s->heap));
	}
	sift_up(s, s->n++,
		(struct sim_slot){ s->now + (delay_ms > 0 ? delay_ms : 0), s->order++, e });
	return e;
}

void sim_cancel(struct sim *s, struct sim_event *e)
{
	(void)s;
	if (e)
		e->fn = NULL;
}

static struct sim_slot pop(struct sim *s)
{
	struct sim_slot first = s->heap[0];

	s->n--;
	if (s->n)
		sift_down(s, s->heap[s->n]);
	return first;
}

static void release(struct sim *s, struct sim_event *e)
{
	e->next = s->free;
	s->free = e;
}

/* Take out what was cancelled, so that the earliest event is one that will fire. */
static bool settle(struct sim *s)
{
	while (s->n && !s->heap[0].event->fn)
		release(s, pop(s).event);
	return s->n > 0;
}

bool sim_step(struct sim *s)
{
	void (*fn)(void *arg);
	struct sim_slot slot;
	void *arg;

	if (!settle(s))
		return false;
	slot = pop(s);
	fn = slot.event->fn;
	arg = slot.event->arg;
	release(s, slot.event);
	s->now = slot.at;
	s->fired++;
	fn(arg);
	return true;
}

void sim_run_until(struct sim *s, int64_t until)
{
	while (settle(s) && s->heap[0].at <= until)
		sim_step(s);
	if (s->now < until)
		s->now = until;
}

int64_t sim_next(const struct sim *s)
{
	int64_t next = -1;
	size_t i;

	if (s->n && s->heap[0].event->fn)
		return s->heap[0].at;
	for (i = 0; i < s->n; i++) /* the first was cancelled: rare */
		if (s->heap[i].event->fn && (next < 0 || s->heap[i].at < next))
			next = s->heap[i].at;
	return next;
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t sim_random(struct sim *s)
{
	uint64_t *r = s->random, result = rotate(r[1] * 5, 7) * 9, t = r[1] << 17;

	r[2] ^= r[0];
	r[3] ^= r[1];
	r[1] ^= r[2];
	r[0] ^= r[3];
	r[2] ^= t;
	r[3] = rotate(r[3], 45);
	return result;
}

/* The upper half times n, shifted down: even enough for stories, and no division. */
int sim_below(struct sim *s, int n)
{
	return n < 2 ? 0 : (int)(((sim_random(s) >> 32) * (uint64_t)n) >> 32);
}

int64_t sim_between(struct sim *s, int64_t first, int64_t last)
{
	return last <= first ? first
			     : first + (int64_t)(sim_random(s) % (uint64_t)(last - first + 1));
}

bool sim_chance(struct sim *s, int of_10000)
{
	return of_10000 > 0 && sim_below(s, 10000) < of_10000;
}
