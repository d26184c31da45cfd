/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The state tables, and the only two functions that change a state.
 */
#include "private.h"

#include <assert.h>
#include <string.h>

#define RUN_BIT(id) (1u << RUN_##id)
#define STEP_BIT(id) (1u << STEP_##id)

static const struct state_info {
	const char *name;
	unsigned next;
} run_states[RUN_STATE_COUNT] = {
#define RUN_STATE(id, name, next) [RUN_##id] = { name, next },
#include "states.def"
#undef RUN_STATE
}, step_states[STEP_STATE_COUNT] = {
#define STEP_STATE(id, name, next) [STEP_##id] = { name, next },
#include "states.def"
#undef STEP_STATE
};

const char *run_state_name(enum run_state state)
{
	return run_states[state].name;
}

const char *step_state_name(enum step_state state)
{
	return step_states[state].name;
}

enum run_state run_state_by_name(const char *name)
{
	int i;

	for (i = 0; i < RUN_STATE_COUNT && strcmp(run_states[i].name, name) != 0; i++)
		;
	return (enum run_state)i;
}

enum step_state step_state_by_name(const char *name)
{
	int i;

	for (i = 0; i < STEP_STATE_COUNT && strcmp(step_states[i].name, name) != 0; i++)
		;
	return (enum step_state)i;
}

void run_move(struct engine *e, struct run *run, enum run_state to)
{
	assert(run_states[run->state].next & 1u << to);
	run->state = to;
	e->ops->run_changed(e->ctx, run);
}

void step_move(struct engine *e, struct run *run, struct step *step, enum step_state to)
{
	assert(step_states[step->state].next & 1u << to);
	step->state = to;
	step->attempt++;
	step->outstanding = step->polling = false;
	e->ops->step_changed(e->ctx, run, step);
}
