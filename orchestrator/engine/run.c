/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Runs as objects: from their journal documents, and the end of them.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

static char *copy_member(const json_t *object, const char *key)
{
	const char *s = json_str(object, key, NULL);

	return s ? xstrdup(s) : NULL;
}

static void cast_from_doc(struct run_cast *c, const json_t *doc)
{
	c->persona = copy_member(doc, "persona");
	c->from = copy_member(doc, "from");
	c->to = copy_member(doc, "to");
	c->generation = json_int(doc, "generation", 0);
	c->next_generation = json_int(doc, "next_generation", 0);
	c->activates = json_bool(doc, "activates", false);
}

static void step_from_doc(struct step *step, int n, json_t *doc)
{
	step->n = n;
	step->doc = json_incref(doc);
	step->phase = (int)json_int(doc, "phase", 0);
	step->device = json_str(doc, "device", "");
	step->object = json_str(doc, "object", "");
}

void run_add_step(struct run *run, json_t *doc)
{
	struct step *step;

	run->steps = xrealloc(run->steps, (size_t)(run->n_steps + 1) * sizeof(*run->steps));
	step = &run->steps[run->n_steps];
	*step = (struct step){ 0 };
	step_from_doc(step, run->n_steps++, doc);
}

struct run *run_from_doc(int64_t id, const json_t *doc, const json_t *steps, const json_t *targets)
{
	struct run *run = xcalloc(1, sizeof(*run));
	json_t *item;
	size_t i;

	run->id = id;
	run->action = xstrdup(json_str(doc, "action", ""));
	run->machine = xstrdup(json_str(doc, "machine", ""));
	json_array_foreach(json_object_get(doc, "casts"), i, item)
		if (run->n_casts < RUN_CASTS_MAX)
			cast_from_doc(&run->casts[run->n_casts++], item);
	json_array_foreach(steps, i, item)
		run_add_step(run, item);
	run->restore = json_incref(json_object_get(doc, "restore"));
	run->locks = xcalloc(json_array_size(targets) + 1, sizeof(*run->locks));
	json_array_foreach(targets, i, item)
		run->locks[run->n_locks++] = xstrdup(json_string_value(item));
	return run;
}

void run_free(struct run *run)
{
	int i;

	for (i = 0; i < run->n_casts; i++) {
		free(run->casts[i].persona);
		free(run->casts[i].from);
		free(run->casts[i].to);
	}
	for (i = 0; i < run->n_steps; i++) {
		json_decref(run->steps[i].doc);
		free(run->steps[i].error);
	}
	for (i = 0; i < run->n_locks; i++)
		free(run->locks[i]);
	json_decref(run->restore);
	free(run->locks);
	free(run->steps);
	free(run->action);
	free(run->machine);
	free(run);
}

bool step_is_proof(const struct step *step)
{
	return !strcmp(step->object, "proof") || !strncmp(step->object, "path:", 5);
}

bool step_is_quiesce(const struct step *step)
{
	return !strcmp(step->object, "shutdown");
}

bool step_is_exclusive(const struct step *step)
{
	return !strcmp(step->object, "exclusive");
}

bool step_is_down(const struct step *step)
{
	return !strcmp(step->object, "down");
}

enum step_kind step_kind(const struct step *step)
{
	if (json_bool(step->doc, "mask", false))
		return STEP_MASK;
	return json_bool(step->doc, "restore", false) ? STEP_RESTORE : STEP_PLANNED;
}
