/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two people: a persona with `approval: required` is changed only by a plan that somebody else has approved.  The
 * approval is bound to the plan's hash, so to what was observed: when the world moves it is worth nothing.
 */
#include "rights.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { APPROVAL_MS = 3600000 };

void service_approve(struct core *c, struct answer *a, const json_t *body)
{
	const json_t *plan = json_object_get(body, "plan");
	const char *id = json_str(plan, "id", "");
	struct error err = { 0 };
	int64_t now = env_wall(c->env);
	json_t *doc;

	if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32) {
		error_set(&err, ERROR_USAGE, "`plan` must be a plan, as it was shown");
		answer_error(c, a, &err);
		return;
	}
	doc = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s}", "plan", id, "by", a->caller.name, "time", (json_int_t)now, "expires",
			(json_int_t)now + APPROVAL_MS, "action", json_str(plan, "action", ""), "persona", json_str(plan, "persona", ""));
	store_set_time(c->store, now);
	store_record_put(c->store, "approval", id, doc);
	core_event(c, "approval", 0, json_copy(doc));
	core_answer(c, a, 201, doc, NULL);
}

static void list_valid(void *arg, const char *key, json_t *doc)
{
	(void)key;
	json_array_append(arg, doc);
}

void service_approval_list(struct core *c, struct answer *a)
{
	json_t *items = json_array();

	store_record_each(c->store, "approval", list_valid, items);
	core_answer(c, a, 200, json_pack("{s:o}", "items", items), NULL);
}

int approval_check(struct core *c, const struct caller *caller, const char *persona, const char *plan, struct error *err)
{
	json_t *doc = store_record_get(c->store, "approval", plan);
	const char *by = json_str(doc, "by", "");
	int rc = 0;

	if (!doc || env_wall(c->env) >= json_int(doc, "expires", 0))
		rc = error_set(err, ERROR_DENIED, "%s is changed only with the approval of a second person; plan %s has none", persona, plan);
	else if (!strcmp(by, caller->name))
		rc = error_set(err, ERROR_DENIED, "%s has approved plan %s, and cannot carry it out as well", by, plan);
	if (rc)
		error_hint(err, "Save the plan (persona plan … -o plan.json), let somebody else say `persona approve plan.json`, then: persona apply --plan plan.json");
	json_decref(doc);
	return rc;
}

void approval_use(struct core *c, const char *plan)
{
	json_t *doc = store_record_get(c->store, "approval", plan);

	if (doc)
		store_record_delete(c->store, "approval", plan);
	json_decref(doc);
}
