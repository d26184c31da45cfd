/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/plan: what leaves a role running (changes in flight, repair, adoption), what brings it back after an undo,
 * what comes out of quarantine, and what is found to differ or to belong to nobody.
 */
#include "scene.h"

#include "../../orchestrator/plan/build.h"

static void cast_kind(struct scene *s, enum cast_kind kind)
{
	s->casts[0].kind = kind;
}

/* "device object set" lines of what follows the first step, which reads the power. */
static void assert_restore(const struct scene *s, const char *wanted)
{
	struct text t = { 0 };
	char *set;
	int i;

	assert_true(s->plan->n_restore > 0);
	assert_string_equal(s->plan->restore[0].object, "down");
	text_append(&t, "");
	for (i = 1; i < s->plan->n_restore; i++) {
		set = json_canonical(s->plan->restore[i].set);
		text_printf(&t, "%s %s %s\n", s->plan->restore[i].device, s->plan->restore[i].object, set);
		free(set);
	}
	if (strcmp(t.data, wanted) != 0) {
		printf("restores:\n%swanted:\n%s", t.data, wanted);
		fail();
	}
	text_fini(&t);
}

TEST(brings_a_role_back_by_a_cast_of_its_own)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	assert_restore(&s, "leaf1 port:p11 {\"description\":\"recast web#3 eth0\",\"mode\":\"access\",\"native\":10,\"rate_kbit\":0,\"tagged\":[]}\n"
			   "node1-bmc boot {\"device\":\"pxe\"}\n"
			   "node1-bmc power {\"power\":\"on\"}\n"
			   "node1-bmc proof {\"report\":\"script\"}\n"
			   "leaf1 port:p11 {\"description\":\"recast web#3 eth0\",\"mode\":\"access\",\"native\":110,\"rate_kbit\":2000000,\"tagged\":[]}\n");
	scene_close(&s);
}

TEST(brings_no_role_back_that_was_off)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, "{'node1-bmc': {'power': 'off'}}");
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	assert_int_equal(s.plan->n_restore, 0);
	assert_json(step(&s, PHASE_OFF, "node1-bmc", "power")->undo, "{'power': 'off'}");
	scene_close(&s);
}

TEST(marks_a_port_anew_whose_vlan_stays)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, "{'leaf1': {'ports': {'p12': {'mode': 'trunk', 'native': 20, 'tagged': [120], 'rate_kbit': 0,"
		    " 'description': 'recast db#9 eth1'}}}}");
	cast_web(&s, NULL, "node1");
	must_build(&s, 1);
	assert_contains(step(&s, PHASE_PREPARE, "leaf1", "port:p12")->summary, "marked as \"recast web#4 eth1\"");
	scene_close(&s);
}

TEST(tells_what_a_running_role_notices_of_a_port)
{
	static const struct {
		const char *wish, *seen;
		enum impact impact;
	} rows[] = {
		{ "{'native': 110, 'tagged': []}", "{'native': 120, 'tagged': []}", IMPACT_LINK_BLIP },
		{ "{'native': 110, 'tagged': [5, 6]}", "{'native': 110, 'tagged': [5]}", IMPACT_NONE },
		{ "{'native': 110, 'tagged': [5]}", "{'native': 110, 'tagged': [5, 6]}", IMPACT_LINK_BLIP },
		{ "{'native': 110, 'tagged': []}", "{'native': 4000, 'tagged': []}", IMPACT_NONE }, /* it was parked */
		{ "{'native': 110, 'tagged': [], 'rate_kbit': 5}", "{'native': 110, 'tagged': [], 'rate_kbit': 0}", IMPACT_NONE },
	};
	struct scene s;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		json_t *wish = rack_json(rows[i].wish), *seen = rack_json(rows[i].seen);

		scene_open(&s, NULL);
		observe(&s, web_plays);
		json_object_update(json_object_get(json_object_get(json_object_get(s.observed, "leaf1"), "ports"), "p11"), seen);
		assert_row(rows[i].wish, port_impact(s.m, wish, seen) == rows[i].impact);
		json_decref(wish);
		json_decref(seen);
		scene_close(&s);
	}
}

static const char one_more[] = "{'volumes': {'data': {'array': 'san1', 'volume': 'web-data', 'size': '1GiB', 'lun': 2}}}";

TEST(adds_a_volume_to_a_role_that_runs)
{
	struct scene s;

	scene_open(&s, one_more);
	observe(&s, web_plays);
	cast_web(&s, "node1", "node1");
	must_build(&s, 1);
	assert_outline(&s, "prepare san1 volume:web-data +\nverify san1 exclusive =\ngrant san1 map:web +\n");
	assert_json(step(&s, PHASE_VERIFY, "san1", "exclusive")->set, "{'volumes': ['web-data']}");
	assert_int_equal(s.plan->impact, IMPACT_NONE);
	assert_false(s.plan->activates[0]);
	assert_int_equal(step(&s, PHASE_GRANT, "san1", "map:web")->generation, 3);
	assert_null(step(&s, PHASE_GRANT, "san1", "map:web")->undo); /* a running role does not lose it again */
	scene_close(&s);
}

TEST(casts_an_adopted_role_anew_when_it_gets_a_volume)
{
	static const char *const others[] = { "{'target': 'iqn.old:web'}", "{'chap_user': 'somebody'}" };
	struct scene s;
	size_t i;

	for (i = 0; i < COUNT(others); i++) {
		json_t *patch = rack_json(others[i]);

		scene_open(&s, one_more);
		observe(&s, web_plays);
		json_object_update(json_object_get(json_object_get(json_object_get(s.observed, "san1"), "maps"), "web"), patch);
		json_decref(patch);
		cast_web(&s, "node1", "node1");
		must_build(&s, 1);
		assert_row(others[i], s.plan->impact == IMPACT_DOWNTIME); /* its sessions would not survive */
		assert_true(s.plan->activates[0]);
		scene_close(&s);
	}
}

TEST(repairs_what_others_changed_and_nothing_else)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, "{'leaf1': {'ports': {'p11': {'native': 666}}}, 'san1': {'maps': {'web': 'DELETE'}}}");
	cast_web(&s, "node1", "node1");
	cast_kind(&s, CAST_REPAIR);
	must_build(&s, 1);
	assert_outline(&s, "prepare leaf1 port:p11 ~\nverify san1 exclusive =\ngrant san1 map:web +\n");
	assert_contains(json_str(json_object_get(step(&s, PHASE_GRANT, "san1", "map:web")->set, "chap"), "user", ""), "web.g3");
	assert_false(s.plan->activates[0]);
	scene_close(&s);
}

TEST(refuses_a_repair_that_would_hurt)
{
	static const struct {
		const char *observed, *why;
	} rows[] = {
		{ "{'san1': {'maps': {'web': {'generation': 4}}}}", "another one than generation 3" },
		{ "{'san1': {'maps': {'web': {'initiators': ['iqn.other']}}}}", "another one" },
		{ "{'san1': {'volumes': {'web-root': 'DELETE'}}}", "volume web-root has gone" },
		{ "{'san1': {'maps': {'x': {'managed': false, 'luns': {'1': 'web-root'}}}}}", "mapped elsewhere" },
	};
	struct scene s;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		scene_open(&s, NULL);
		observe(&s, web_plays);
		observe(&s, rows[i].observed);
		cast_web(&s, "node1", "node1");
		cast_kind(&s, CAST_REPAIR);
		build(&s, 1);
		assert_row(rows[i].observed, s.plan == NULL);
		assert_contains(s.err.text, rows[i].why);
		scene_close(&s);
	}
}

/* web runs on node1, wired by hand. */
static const char by_hand[] =
	"{'node1-bmc': {'power': 'on'}, 'leaf1': {'ports': {"
	"  'p11': {'mode': 'access', 'native': 110, 'tagged': [], 'rate_kbit': 2000000, 'description': 'rack 7'},"
	"  'p12': {'mode': 'trunk', 'native': 20, 'tagged': [120], 'rate_kbit': 0, 'description': ''}}},"
	" 'san1': {'volumes': {'web-root': {'exists': true}}, 'maps': {'iqn.old:web': {'exists': true, 'managed': false,"
	"  'target': 'iqn.old:web', 'initiators': ['iqn.2026-01.example:web'], 'luns': {'1': 'web-root'}}}}}";

TEST(adopts_a_role_by_marks_alone)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, by_hand);
	cast_web(&s, NULL, "node1");
	cast_kind(&s, CAST_ADOPT);
	must_build(&s, 1);
	assert_int_equal(json_array_size(s.plan->differences), 0);
	assert_outline(&s, "prepare leaf1 port:p11 ~\nprepare leaf1 port:p12 ~\ngrant san1 map:web ~\n");
	assert_json(step(&s, PHASE_GRANT, "san1", "map:web")->set,
		    "{'exists': true, 'adopt': 'iqn.old:web', 'initiators': ['iqn.2026-01.example:web'], 'luns': {'1': 'web-root'}, 'generation': 4}");
	assert_int_equal(s.plan->impact, IMPACT_NONE);
	assert_true(s.plan->activates[0]);
	scene_close(&s);
}

TEST(lists_all_that_keeps_a_role_from_being_adopted)
{
	static const struct {
		const char *observed, *why;
	} rows[] = {
		{ "{'leaf1': {'ports': {'p11': {'native': 20}}}}", "port p11 is in storage (VLAN 20); web wants web (VLAN 110)" },
		{ "{'leaf1': {'ports': {'p11': {'exists': false}}}}", "there is no port p11" },
		{ "{'san1': {'maps': {'iqn.old:web': {'initiators': ['iqn.x']}}}}", "is for initiator iqn.x; web is iqn.2026-01.example:web" },
		{ "{'san1': {'maps': {'iqn.old:web': {'luns': {'1': 'web-root', '2': 'more'}}}}}", "the LUNs of map iqn.old:web" },
		{ "{'san1': {'maps': {'iqn.old:web': 'DELETE'}}}", "no map holds the volumes of web" },
		{ "{'san1': {'maps': {'iqn.two': {'managed': false, 'luns': {'4': 'web-root'}}}}}", "two could write" },
		{ "{'san1': {'maps': {'iqn.old:web': 'DELETE', 'db': {'managed': true, 'initiators': ['iqn.2026-01.example:web'],"
		  " 'luns': {'1': 'web-root'}}}}}", "map db belongs to persona db" },
	};
	struct scene s;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		scene_open(&s, NULL);
		observe(&s, by_hand);
		observe(&s, rows[i].observed);
		cast_web(&s, NULL, "node1");
		cast_kind(&s, CAST_ADOPT);
		must_build(&s, 1);
		assert_row(rows[i].observed, json_array_size(s.plan->differences) == 1);
		assert_contains(json_str(json_array_get(s.plan->differences, 0), "summary", ""), rows[i].why);
		scene_close(&s);
	}
}

TEST(adopts_in_a_generation_beyond_what_the_ports_are_stamped_with)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, by_hand);
	cast_web(&s, NULL, "node1");
	cast_kind(&s, CAST_ADOPT);
	assert_int_equal(plan_adopted_generation(&s.casts[0], s.observed), 4);
	observe(&s, "{'leaf1': {'ports': {'p11': {'owner': 'db', 'generation': 99}, 'p12': {'owner': 'web', 'generation': 14}}}}");
	assert_int_equal(plan_adopted_generation(&s.casts[0], s.observed), 15);
	scene_close(&s);
}

TEST(adopts_a_map_with_our_mark_in_its_generation)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, "{'san1': {'maps': {'web': {'generation': 17}}}}");
	cast_web(&s, NULL, "node1");
	cast_kind(&s, CAST_ADOPT);
	s.casts[0].next_generation = plan_adopted_generation(&s.casts[0], s.observed);
	assert_int_equal(s.casts[0].next_generation, 17);
	must_build(&s, 1);
	assert_int_equal(json_array_size(s.plan->differences), 0);
	assert_outline(&s, "prepare leaf1 port:p11 ~\nprepare leaf1 port:p12 ~\n"); /* only the marks of the ports */
	scene_close(&s);
}

TEST(takes_a_machine_out_of_quarantine_off_unmapped_and_parked)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", NULL);
	cast_kind(&s, CAST_RETURN);
	must_build(&s, 1);
	assert_outline(&s, "quiesce node1-bmc shutdown !\noff node1-bmc power !\nunmap san1 map:web -\n"
			   "park leaf1 port:p11 ~\npark leaf1 port:p12 ~\n");
	assert_null(step(&s, PHASE_OFF, "node1-bmc", "power")->undo);
	assert_null(step(&s, PHASE_UNMAP, "san1", "map:web")->undo);
	assert_int_equal(s.plan->n_restore, 0);
	assert_false(s.plan->activates[0]);
	/* Its BMC is needed: that it is off must be read. */
	observe(&s, "{'node1-bmc': {'power': 'unknown'}}");
	build(&s, 1);
	assert_null(s.plan);
	assert_int_equal(s.err.code, ERROR_UNREACHABLE);
	/* Nobody plays on it. */
	observe(&s, "{'node1-bmc': {'power': 'on'}}");
	s.casts[0].persona = NULL;
	must_build(&s, 1);
	assert_outline(&s, "off node1-bmc power !\npark leaf1 port:p11 ~\npark leaf1 port:p12 ~\n");
	scene_close(&s);
}

TEST(finds_what_differs_from_the_wiring_in_force)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", NULL);
	assert_drift(&s, "{}", "");
	assert_drift(&s, "{'leaf1': {'ports': {'p11': {'native': 666}}}}", "leaf1 port:p11 port link-blip repairable\n");
	assert_drift(&s, "{'leaf1': {'ports': {'p11': {'native': 110, 'description': 'mine'}}}}", "leaf1 port:p11 mark none repairable\n");
	assert_drift(&s, "{'leaf1': {'ports': {'p11': 'DELETE'}}}", "leaf1 port:p11 port none\n");
	assert_drift(&s, "{'leaf1': 'DELETE'}", ""); /* not read: nothing is known */
	assert_drift(&s, "{'node1-bmc': {'power': 'off'}}", "node1-bmc power power reboot\n");
	assert_drift(&s, "{'node1-bmc': {'power': 'unknown'}}", "");
	assert_drift(&s, "{'san1': {'maps': {'web': {'generation': 9}}}}", "san1 map:web map downtime\n");
	assert_drift(&s, "{'san1': {'maps': {'web': {'luns': 'DELETE'}}}}", "san1 map:web map downtime\n");
	assert_drift(&s, "{'san1': {'maps': {'web': 'DELETE'}}}", "san1 map:web map none repairable\n");
	assert_drift(&s, "{'san1': {'maps': {'x': {'managed': false, 'luns': {'1': 'web-root'}}}}}",
		     "san1 map:web map none repairable\nsan1 map:web foreign-map none\n");
	assert_drift(&s, "{'san1': {'maps': {'x': 'DELETE'}, 'volumes': {'web-root': 'DELETE'}}}",
		     "san1 map:web map none repairable\nsan1 volume:web-root volume none\n");
	s.casts[0].generation = 0; /* it never was in force */
	assert_drift(&s, "{}", "");
	scene_close(&s);
}

static const char *plays_where(void *arg, const char *persona)
{
	(void)arg;
	return !strcmp(persona, "web") ? "node1" : NULL;
}

TEST(finds_what_has_our_mark_and_no_owner)
{
	json_t *found, *document;
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	found = plan_orphans(s.m, "leaf1", json_object_get(s.observed, "leaf1"), plays_where, NULL);
	assert_int_equal(json_array_size(found), 0);
	json_decref(found);
	observe(&s, "{'leaf1': {'ports': {'p21': {'description': 'recast web#2 eth0'}, 'p22': {'description': 'recast old#8 eth1'},"
		    " 'p31': {'description': 'recast by hand'}, 'p99': {'native': 5, 'description': 'recast web#3 eth0'}}}}");
	found = plan_orphans(s.m, "leaf1", json_object_get(s.observed, "leaf1"), plays_where, NULL);
	assert_int_equal(json_array_size(found), 3);
	assert_contains(json_str(json_array_get(found, 0), "summary", ""), "web plays on node1");
	assert_contains(json_str(json_array_get(found, 1), "summary", ""), "old plays nowhere");
	json_decref(found);
	document = rack_json("{'maps': {'web': {'managed': true, 'generation': 3}, 'db': {'managed': true, 'generation': 5},"
			     " 'gone': {'managed': true, 'generation': 1}, 'iqn.x': {'managed': false}}}");
	found = plan_orphans(s.m, "san1", document, plays_where, NULL);
	assert_int_equal(json_array_size(found), 2);
	json_decref(found);
	found = plan_orphans(s.m, "san2", document, plays_where, NULL); /* web has no volume there */
	assert_int_equal(json_array_size(found), 3);
	json_decref(document);
	s.plan = plan_sweep(s.m, found, &s.err);
	assert_outline(&s, "unmap san2 map:web -\nunmap san2 map:db -\nunmap san2 map:gone -\n");
	assert_int_equal(step(&s, PHASE_UNMAP, "san2", "map:db")->generation, 5);
	json_decref(found);
	scene_close(&s);
}

UNIT_MAIN(T(brings_a_role_back_by_a_cast_of_its_own), T(brings_no_role_back_that_was_off), T(marks_a_port_anew_whose_vlan_stays),
	  T(tells_what_a_running_role_notices_of_a_port), T(adds_a_volume_to_a_role_that_runs),
	  T(casts_an_adopted_role_anew_when_it_gets_a_volume),
	  T(repairs_what_others_changed_and_nothing_else), T(refuses_a_repair_that_would_hurt), T(adopts_a_role_by_marks_alone),
	  T(lists_all_that_keeps_a_role_from_being_adopted), T(adopts_in_a_generation_beyond_what_the_ports_are_stamped_with),
	  T(adopts_a_map_with_our_mark_in_its_generation),
	  T(takes_a_machine_out_of_quarantine_off_unmapped_and_parked), T(finds_what_differs_from_the_wiring_in_force),
	  T(finds_what_has_our_mark_and_no_owner))
