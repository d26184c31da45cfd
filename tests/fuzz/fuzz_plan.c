/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plans over what devices answered (orchestrator/plan).  The first byte is the wish, the rest a JSON object of documents
 * laid over those of a rack at work.  A plan is the same when it is built twice, goes through its phases in order, and
 * takes nothing up before what it must confirm; a refusal has words.
 */
#include "fuzz.h"

#include "scene.h"

FUZZ_TARGET

static const char *machine_of(void *arg, const char *persona)
{
	(void)arg;
	return !strcmp(persona, "web") ? "node1" : NULL;
}

static void check_plan(const struct plan *plan)
{
	json_t *shown = plan_json(plan);
	int i;

	fuzz_check_json(shown);
	json_decref(shown);
	for (i = 0; i < plan->n_steps; i++) {
		const struct plan_step *s = &plan->steps[i];

		fuzz_assert(s->phase < PHASE_COUNT && (!i || plan->steps[i - 1].phase <= s->phase));
		fuzz_assert(s->device && s->object && s->summary && fuzz_is_utf8(s->summary));
		fuzz_assert(json_is_object(s->set) && (!s->undo || json_is_object(s->undo)));
		fuzz_assert(s->deadline_ms > 0 && strchr("+-~!=", s->verb));
	}
}

/* Bits of @which: web plays on node1; goes to node2; goes nowhere; db comes too; and what kind of cast it is. */
enum { FROM = 1, TO_OTHER = 2, TO_NONE = 4, TWO = 8, KIND = 0x30, ADOPTS = 0x10, RETURNS = 0x20 };

static int cast(struct scene *s, char which)
{
	cast_web(s, which & FROM ? "node1" : NULL, which & TO_OTHER ? "node2" : which & TO_NONE ? NULL : "node1");
	if ((which & KIND) == ADOPTS) {
		s->casts[0].kind = CAST_ADOPT;
		s->casts[0].from = NULL;
	} else if ((which & KIND) == RETURNS) {
		s->casts[0].kind = CAST_RETURN;
		s->casts[0].to = NULL;
	}
	if (which & TWO)
		cast_db(s, "node2", "node1");
	return which & TWO ? 2 : 1;
}

static void wish(struct scene *s, char which)
{
	int n = cast(s, which);
	char id[sizeof(s->plan->id)];

	if (!s->casts[0].from && !s->casts[0].to)
		return;
	build(s, n);
	if (!s->plan) {
		fuzz_check_error(&s->err);
		return;
	}
	check_plan(s->plan);
	memcpy(id, s->plan->id, sizeof(id));
	build(s, n);
	fuzz_assert(s->plan && !strcmp(id, s->plan->id));
}

/* What is looked for while nobody wishes anything. */
static void look(struct scene *s)
{
	static const char *const devices[] = { "leaf1", "san1", "node1-bmc" };
	json_t *found = plan_drift(s->m, &s->casts[0], s->observed);
	struct plan *sweep;
	size_t i;

	fuzz_check_json(found);
	json_decref(found);
	fuzz_assert(plan_adopted_generation(&s->casts[0], s->observed) > 0);
	for (i = 0; i < 3; i++) {
		found = plan_orphans(s->m, devices[i], json_object_get(s->observed, devices[i]), machine_of, NULL);
		fuzz_check_json(found);
		error_clear(&s->err);
		sweep = json_array_size(found) ? plan_sweep(s->m, found, &s->err) : NULL;
		if (sweep)
			check_plan(sweep);
		plan_destroy(sweep);
		json_decref(found);
	}
}

static void fuzz(const char *bytes, size_t len)
{
	json_t *patch = len ? json_decode(bytes + 1, len - 1, NULL) : NULL;
	struct scene s;

	if (!json_is_object(patch)) {
		json_decref(patch);
		return;
	}
	scene_open(&s, NULL);
	if (*bytes & FROM)
		observe(&s, web_plays);
	if (*bytes & TWO)
		observe(&s, db_plays);
	json_object_update_recursive(s.observed, patch);
	cast_web(&s, "node1", "node1");
	look(&s);
	wish(&s, *bytes);
	scene_close(&s);
	json_decref(patch);
}
