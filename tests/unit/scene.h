/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A scene for the planner: the rack of rack.h, casts of its personas, and an observation that each test changes from a
 * rack at rest.
 */
#ifndef RECAST_UNIT_SCENE_H
#define RECAST_UNIT_SCENE_H

#include "rack.h"

#include "plan.h"

static const char at_rest[] =
	"{'node1-bmc': {'power': 'off', 'boot': {'device': 'disk'}}, 'node2-bmc': {'power': 'off'}, 'node3-bmc': {'power': 'off'},"
	" 'leaf1': {'ports': {"
	"  'p11': {'mode': 'access', 'native': 4000, 'tagged': [], 'rate_kbit': 0, 'description': 'recast parked'},"
	"  'p12': {'mode': 'access', 'native': 4000, 'tagged': [], 'rate_kbit': 0, 'description': 'recast parked'},"
	"  'p21': {'mode': 'access', 'native': 4000, 'tagged': []}, 'p22': {'mode': 'access', 'native': 4000, 'tagged': []},"
	"  'p31': {'mode': 'access', 'native': 4000, 'tagged': []}}},"
	" 'san1': {'maps': {}, 'volumes': {'golden': {'exists': true}}}, 'san2': {'maps': {}, 'volumes': {}}}";

/* web plays on node1 in generation 3. */
static const char web_plays[] =
	"{'node1-bmc': {'power': 'on', 'boot': {'device': 'pxe'}},"
	" 'leaf1': {'ports': {"
	"  'p11': {'mode': 'access', 'native': 110, 'tagged': [], 'rate_kbit': 2000000, 'description': 'recast web#3 eth0'},"
	"  'p12': {'mode': 'trunk', 'native': 20, 'tagged': [120], 'rate_kbit': 0, 'description': 'recast web#3 eth1'}}},"
	" 'san1': {'volumes': {'web-root': {'exists': true}}, 'maps': {'web': {'exists': true, 'managed': true, 'generation': 3,"
	"  'initiators': ['iqn.2026-01.example:web'], 'luns': {'1': 'web-root'}}}}}";

/* and db on node2 in generation 5 */
static const char db_plays[] =
	"{'node2-bmc': {'power': 'on', 'boot': {'device': 'pxe'}},"
	" 'leaf1': {'ports': {'p21': {'mode': 'access', 'native': 20, 'tagged': []}}},"
	" 'san1': {'volumes': {'db-root': {'exists': true}}, 'maps': {'db': {'exists': true, 'generation': 5,"
	"  'initiators': ['iqn.2026-01.example:db'], 'luns': {'1': 'db-root'}}}},"
	" 'san2': {'volumes': {'db-data': {'exists': true}}, 'maps': {'db': {'exists': true, 'generation': 5,"
	"  'initiators': ['iqn.2026-01.example:db'], 'luns': {'17': 'db-data'}}}}}";

static const struct identities web_ids = {
	.iqn = "iqn.2026-01.example:web", .uuid = "u", .n_vnics = 2,
	.vnics = { { "eth0", "02:ca:57:00:00:01", "10.66.110.10" }, { "eth1", NULL, NULL } },
};
static const struct identities db_ids = { .iqn = "iqn.2026-01.example:db", .uuid = "u", .n_vnics = 1,
					  .vnics = { { "eth0", NULL, NULL } } };

struct scene {
	struct problems problems;
	struct model *m;
	json_t *observed;
	struct cast casts[2];
	struct error err;
	struct plan *plan;
};

static inline void observe(struct scene *s, const char *patch)
{
	json_t *over = rack_json(patch);

	json_object_update_recursive(s->observed, over);
	rack_delete_marked(s->observed);
	json_decref(over);
}

static inline void scene_open(struct scene *s, const char *web_patch)
{
	*s = (struct scene){ 0 };
	s->m = rack_with(NULL, web_patch, &s->problems);
	assert_non_null(s->m);
	s->observed = rack_json(at_rest);
}

static inline void scene_close(struct scene *s)
{
	plan_destroy(s->plan);
	json_decref(s->observed);
	model_destroy(s->m);
	problems_fini(&s->problems);
}

static inline void cast_web(struct scene *s, const char *from, const char *to)
{
	s->casts[0] = (struct cast){ model_persona(s->m, "web"), from ? model_machine(s->m, from) : NULL,
				     to ? model_machine(s->m, to) : NULL, from ? 3 : 0, 4, &web_ids };
}

static inline void cast_db(struct scene *s, const char *from, const char *to)
{
	s->casts[1] = (struct cast){ model_persona(s->m, "db"), from ? model_machine(s->m, from) : NULL,
				     to ? model_machine(s->m, to) : NULL, from ? 5 : 0, 6, &db_ids };
}

static inline void build(struct scene *s, int n)
{
	plan_destroy(s->plan);
	error_clear(&s->err);
	s->plan = plan_build(s->m, s->casts, n, s->observed, &s->err);
	if (s->plan)
		plan_identify(s->plan);
}

static inline void must_build(struct scene *s, int n)
{
	build(s, n);
	if (!s->plan)
		printf("%s\n", s->err.text);
	assert_non_null(s->plan);
}

/* The steps as "phase device object" lines. */
static inline char *outline(const struct plan *p)
{
	struct text t = { 0 };
	int i;

	text_append(&t, "");
	for (i = 0; i < p->n_steps; i++)
		text_printf(&t, "%s %s %s %c\n", phase_name(p->steps[i].phase), p->steps[i].device, p->steps[i].object,
			    p->steps[i].verb);
	return t.data;
}

static inline void assert_outline(const struct scene *s, const char *wanted)
{
	char *got = outline(s->plan);

	assert_string_equal(got, wanted);
	free(got);
}

static inline const struct plan_step *step(const struct scene *s, enum phase phase, const char *device, const char *object)
{
	int i;

	for (i = 0; i < s->plan->n_steps; i++)
		if (s->plan->steps[i].phase == phase && !strcmp(s->plan->steps[i].device, device) &&
		    !strcmp(s->plan->steps[i].object, object))
			return &s->plan->steps[i];
	fail_msg("no step %s %s %s", phase_name(phase), device, object);
	return NULL;
}

static inline void assert_json(const json_t *got, const char *wanted)
{
	json_t *w = wanted ? rack_json(wanted) : NULL;

	if (!got || !w ? (got != NULL) != (w != NULL) : !json_equal(got, w)) {
		char *text = got ? json_canonical(got) : xstrdup("nothing");

		printf("got %s, wanted %s\n", text, wanted ? wanted : "nothing");
		free(text);
		fail();
	}
	json_decref(w);
}

static inline void assert_drift(struct scene *s, const char *patch, const char *wanted)
{
	struct text t = { 0 };
	const json_t *item;
	json_t *items;
	size_t i;

	observe(s, patch);
	items = plan_drift(s->m, &s->casts[0], s->observed);
	text_append(&t, "");
	json_array_foreach(items, i, item)
		text_printf(&t, "%s %s %s %s%s\n", json_str(item, "device", ""), json_str(item, "object", ""),
			    json_str(item, "what", ""), json_str(item, "impact", ""),
			    json_bool(item, "repairable", false) ? " repairable" : "");
	if (strcmp(t.data, wanted) != 0) {
		printf("drift of %s:\n%swanted:\n%s", patch, t.data, wanted);
		fail();
	}
	text_fini(&t);
	json_decref(items);
}

#endif
