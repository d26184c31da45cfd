/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/sim/sim.c: events come in order of time and insertion, chance depends on the seed and on nothing else.
 */
#include "unit.h"

#include "sim.h"

struct witness {
	struct sim *sim;
	char seen[64];
	struct sim_event *other;
	int left;
};

struct mark {
	struct witness *w;
	char c;
};

static void note(void *arg)
{
	struct mark *m = arg;
	size_t n = strlen(m->w->seen);

	m->w->seen[n] = m->c;
}

TEST(events_come_in_order_of_time_then_of_insertion)
{
	static const int delays[] = { 30, 10, 20, 10, 0, 30, -5 };
	struct mark marks[COUNT(delays)];
	struct witness w = { 0 };
	struct sim sim;
	size_t i;

	sim_init(&sim, 1);
	for (i = 0; i < COUNT(delays); i++) {
		marks[i] = (struct mark){ &w, (char)('a' + i) };
		sim_after(&sim, delays[i], note, &marks[i]);
	}
	assert_int_equal(sim_next(&sim), SIM_START_MS);
	while (sim_step(&sim))
		;
	assert_string_equal(w.seen, "egbdcaf");
	assert_int_equal(sim.now, SIM_START_MS + 30);
	assert_int_equal(sim_next(&sim), -1);
	sim_fini(&sim);
}

static void cancel_other(void *arg)
{
	struct witness *w = arg;

	sim_cancel(w->sim, w->other);
}

TEST(a_cancelled_event_never_comes)
{
	struct sim sim;
	struct witness w = { .sim = &sim };
	struct mark a = { &w, 'a' }, b = { &w, 'b' }, c = { &w, 'c' };

	sim_init(&sim, 1);
	sim_cancel(&sim, sim_after(&sim, 5, note, &a));
	assert_int_equal(sim_next(&sim), -1);
	sim_after(&sim, 10, cancel_other, &w);
	w.other =
		sim_after(&sim, 10, note, &b); /* at the same moment, and still cancelled in time */
	sim_after(&sim, 20, note, &c);
	sim_cancel(&sim, NULL);
	while (sim_step(&sim))
		;
	assert_string_equal(w.seen, "c");
	sim_fini(&sim);
}

TEST(time_can_be_run_up_to_a_moment)
{
	struct witness w = { 0 };
	struct mark a = { &w, 'a' }, b = { &w, 'b' };
	struct sim sim;

	sim_init(&sim, 1);
	sim_after(&sim, 10, note, &a);
	sim_after(&sim, 11, note, &b);
	sim_run_until(&sim, SIM_START_MS + 10);
	assert_string_equal(w.seen, "a");
	sim_run_until(&sim, SIM_START_MS + 500);
	assert_string_equal(w.seen, "ab");
	assert_int_equal(sim.now, SIM_START_MS + 500);
	assert_false(sim_step(&sim));
	sim_fini(&sim);
}

static void again(void *arg)
{
	struct witness *w = arg;

	if (--w->left)
		sim_after(w->sim, sim_below(w->sim, 100), again, w);
}

/* Many events in a heap of changing size; each must find the clock not before the last. */
static void check_clock(void *arg)
{
	struct witness *w = arg;
	static int64_t last;

	assert_true(w->sim->now >= last || w->sim->now == SIM_START_MS);
	last = w->sim->now;
	again(arg);
}

TEST(a_large_heap_keeps_its_order)
{
	struct sim sim;
	struct witness w = { .sim = &sim, .left = 20000 };
	int i;

	sim_init(&sim, 7);
	for (i = 0; i < 5000; i++)
		sim_after(&sim, sim_below(&sim, 1000), check_clock, &w);
	while (w.left > 1 && sim_step(&sim))
		;
	assert_int_equal(w.left, 1);
	sim_fini(&sim);
}

TEST(chance_is_a_function_of_the_seed)
{
	struct sim a, b, c;
	bool differs = false;
	uint64_t x;
	int i;

	sim_init(&a, 42);
	sim_init(&b, 42);
	sim_init(&c, 43);
	for (i = 0; i < 1000; i++) {
		x = sim_random(&a);
		assert_true(x == sim_random(&b));
		differs |= x != sim_random(&c);
	}
	assert_true(differs);
	sim_fini(&a);
	sim_fini(&b);
	sim_fini(&c);
}

/* The published test vector: state 1, 2, 3, 4. */
TEST(chance_is_xoshiro256starstar)
{
	static const uint64_t want[] = { 11520u, 0u, 1509978240u, 1215971899390074240u };
	struct sim s;
	size_t i;

	sim_init(&s, 1);
	for (i = 0; i < 4; i++)
		s.random[i] = i + 1;
	for (i = 0; i < COUNT(want); i++)
		assert_true(sim_random(&s) == want[i]);
	sim_fini(&s);
}

TEST(numbers_by_chance_stay_in_range_and_reach_its_ends)
{
	bool seen[7] = { false };
	int i, n, hits = 0;
	struct sim s;

	sim_init(&s, 3);
	for (i = 0; i < 10000; i++) {
		n = sim_below(&s, 7);
		assert_in_range(n, 0, 6);
		seen[n] = true;
		assert_in_range(sim_between(&s, 5, 9), 5, 9);
		hits += sim_chance(&s, 2500);
		assert_false(sim_chance(&s, 0));
		assert_true(sim_chance(&s, 10000));
	}
	for (i = 0; i < 7; i++)
		assert_true(seen[i]);
	assert_in_range(hits, 2300, 2700);
	assert_int_equal(sim_below(&s, 1), 0);
	assert_int_equal(sim_below(&s, 0), 0);
	assert_int_equal(sim_between(&s, 4, 4), 4);
	sim_fini(&s);
}

UNIT_MAIN(T(events_come_in_order_of_time_then_of_insertion), T(a_cancelled_event_never_comes),
	  T(time_can_be_run_up_to_a_moment), T(a_large_heap_keeps_its_order),
	  T(chance_is_a_function_of_the_seed), T(chance_is_xoshiro256starstar),
	  T(numbers_by_chance_stay_in_range_and_reach_its_ends))
