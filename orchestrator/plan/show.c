/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plans for people and for the API, and the hashes that bind them to what was observed.
 */
#include "plan.h"

#include "json.h"

const char *phase_name(enum phase phase)
{
	static const char *const names[PHASE_COUNT] = { "quiesce", "off",	  "unmap",  "unzone-a", "unzone-b",
							"park",	   "prepare", "verify", "zone-a",   "zone-b",
							"grant",   "on",    "proof",   "final",	  "confirm", "restore",
							"restore", "restore", "restore", "restore" };

	return names[phase];
}

const char *impact_name(enum impact impact)
{
	static const char *const names[] = { "none", "link-blip", "reboot", "downtime" };

	return names[impact];
}

static json_t *step_json(const struct plan_step *s)
{
	char verb[2] = { s->verb, '\0' };
	json_t *j = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "n", s->n, "phase",
			      phase_name(s->phase), "device", s->device, "class", class_name(s->cls), "object",
			      s->object, "verb", verb, "summary", s->summary, "impact", impact_name(s->impact));

	json_object_set(j, "to", s->set ? s->set : json_null());
	json_object_set(j, "from", s->undo ? s->undo : json_null());
	return j;
}

static json_t *steps_json(const struct plan_step *steps, int n)
{
	json_t *out = json_array();
	int i;

	for (i = 0; i < n; i++)
		json_array_append_new(out, step_json(&steps[i]));
	return out;
}

json_t *plan_json(const struct plan *plan)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:i, s:o, s:o}", "id", plan->id, "observed_hash", plan->observed_hash,
			 "impact", impact_name(plan->impact), "fence", plan->fence, "changes", plan->changes, "steps",
			 steps_json(plan->steps, plan->n_steps), "restore", steps_json(plan->restore, plan->n_restore));

	if (plan->warnings)
		json_object_set(j, "warnings", plan->warnings);
	if (plan->differences)
		json_object_set(j, "differences", plan->differences);
	return j;
}


void plan_identify(struct plan *plan)
{
	json_t *whole;

	plan->id[0] = '\0'; /* it is not part of what it is the hash of */
	json_hash(plan->used, plan->observed_hash);
	whole = plan_json(plan);
	json_hash(whole, plan->id);
	json_decref(whole);
}
