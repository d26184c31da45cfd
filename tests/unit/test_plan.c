/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/plan: which steps, in which order, with which undo; what is refused; and when a plan keeps
 * its id.  What leaves a role running is in test_place.c.
 */
#include "scene.h"

TEST(applies_a_role_to_a_machine_at_rest)
{
	struct scene s;

	scene_open(&s, NULL);
	cast_web(&s, NULL, "node1");
	must_build(&s, 1);
	assert_outline(&s, "off node1-bmc power =\n"
			   "prepare leaf1 port:p11 ~\nprepare leaf1 port:p12 ~\n"
			   "prepare san1 volume:web-root +\nprepare node1-bmc boot ~\n"
			   "verify san1 exclusive =\n"
			   "grant san1 map:web +\n"
			   "on node1-bmc power +\n"
			   "proof node1-bmc proof =\n"
			   "final leaf1 port:p11 ~\n");
	assert_true(s.plan->activates[0]);
	assert_int_equal(s.plan->changes, 7);
	assert_int_equal(s.plan->impact, IMPACT_NONE);
	assert_contains(s.plan->fence, "F1");
	scene_close(&s);
}

TEST(says_in_each_step_what_it_sets_and_how_it_is_undone)
{
	static const struct {
		enum phase phase;
		const char *device, *object, *set, *undo;
	} rows[] = {
		{ PHASE_OFF, "node1-bmc", "power", "{'power': 'off'}", "{'power': 'off'}" },
		{ PHASE_PREPARE, "leaf1", "port:p11",
		  "{'mode': 'access', 'native': 10, 'tagged': [], 'rate_kbit': 0, 'description': 'recast web#4 eth0'}",
		  "{'mode': 'access', 'native': 4000, 'tagged': [], 'rate_kbit': 0, 'description': 'recast parked'}" },
		{ PHASE_PREPARE, "leaf1", "port:p12",
		  "{'mode': 'trunk', 'native': 20, 'tagged': [120], 'rate_kbit': 0, 'description': 'recast web#4 eth1'}",
		  "{'mode': 'access', 'native': 4000, 'tagged': [], 'rate_kbit': 0, 'description': 'recast parked'}" },
		{ PHASE_PREPARE, "san1", "volume:web-root", "{'exists': true, 'source': 'golden'}", NULL },
		{ PHASE_PREPARE, "node1-bmc", "boot", "{'device': 'pxe'}", "{'device': 'disk'}" },
		{ PHASE_GRANT, "san1", "map:web",
		  "{'exists': true, 'target': 'iqn.2026-01.example.recast:san1:web', 'initiators': ['iqn.2026-01.example:web'],"
		  " 'luns': {'1': 'web-root'}, 'chap': {'user': 'web.g4', 'secret_ref': 'chap/web.g4'}, 'generation': 4}",
		  "{'exists': false}" },
		{ PHASE_ON, "node1-bmc", "power", "{'power': 'on'}", "{'power': 'off'}" },
		{ PHASE_PROOF, "node1-bmc", "proof", "{'report': 'script'}", NULL },
		{ PHASE_FINAL, "leaf1", "port:p11",
		  "{'mode': 'access', 'native': 110, 'tagged': [], 'rate_kbit': 2000000, 'description': 'recast web#4 eth0'}",
		  "{'mode': 'access', 'native': 10, 'tagged': [], 'rate_kbit': 0, 'description': 'recast web#4 eth0'}" },
	};
	struct scene s;
	size_t i;

	scene_open(&s, NULL);
	cast_web(&s, NULL, "node1");
	must_build(&s, 1);
	for (i = 0; i < COUNT(rows); i++) {
		const struct plan_step *st = step(&s, rows[i].phase, rows[i].device, rows[i].object);

		assert_json(st->set, rows[i].set);
		assert_json(st->undo, rows[i].undo);
	}
	assert_int_equal(step(&s, PHASE_GRANT, "san1", "map:web")->generation, 4);
	assert_string_equal(step(&s, PHASE_GRANT, "san1", "map:web")->owner, "web");
	assert_int_equal(step(&s, PHASE_PROOF, "node1-bmc", "proof")->deadline_ms, 60000);
	scene_close(&s);
}

TEST(breaks_the_old_place_before_it_makes_the_new)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	assert_outline(&s, "quiesce node1-bmc shutdown !\n"
			   "off node1-bmc power !\noff node2-bmc power =\n"
			   "unmap san1 map:web -\n"
			   "park leaf1 port:p11 ~\npark leaf1 port:p12 ~\n"
			   "prepare leaf1 port:p21 ~\nprepare leaf1 port:p22 ~\nprepare node2-bmc boot ~\n"
			   "verify san1 exclusive =\n"
			   "grant san1 map:web +\n"
			   "on node2-bmc power +\n"
			   "proof node2-bmc proof =\n"
			   "final leaf1 port:p21 ~\n");
	assert_int_equal(s.plan->impact, IMPACT_DOWNTIME);
	assert_true(step(&s, PHASE_QUIESCE, "node1-bmc", "shutdown")->optional);
	assert_int_equal(step(&s, PHASE_QUIESCE, "node1-bmc", "shutdown")->deadline_ms, 20000);
	assert_json(step(&s, PHASE_OFF, "node1-bmc", "power")->undo, NULL); /* the way back of the role is a cast of its own */
	assert_json(step(&s, PHASE_PARK, "leaf1", "port:p12")->undo,
		    "{'mode': 'trunk', 'native': 20, 'tagged': [120], 'rate_kbit': 0, 'description': 'recast web#3 eth1'}");
	/* the map that is taken away can be put back as it was in force */
	assert_json(step(&s, PHASE_UNMAP, "san1", "map:web")->set, "{'exists': false}");
	assert_json(step(&s, PHASE_UNMAP, "san1", "map:web")->undo,
		    "{'exists': true, 'target': 'iqn.2026-01.example.recast:san1:web', 'initiators': ['iqn.2026-01.example:web'],"
		    " 'luns': {'1': 'web-root'}, 'chap': {'user': 'web.g3', 'secret_ref': 'chap/web.g3'}, 'generation': 3}");
	assert_int_equal(step(&s, PHASE_UNMAP, "san1", "map:web")->generation, 3);
	scene_close(&s);
}

TEST(does_not_put_back_a_map_of_another_generation)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, "{'san1': {'maps': {'web': {'generation': 2}}}}");
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	assert_json(step(&s, PHASE_UNMAP, "san1", "map:web")->undo, "{'exists': false}");
	scene_close(&s);
}

TEST(asks_no_system_to_stop_that_wants_no_time)
{
	struct scene s;

	scene_open(&s, "{'shutdown': 0}");
	observe(&s, web_plays);
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	assert_int_equal(s.plan->steps[0].phase, PHASE_OFF);
	scene_close(&s);
}

TEST(releases_a_role_to_parked_ports_and_no_map)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", NULL);
	must_build(&s, 1);
	assert_outline(&s, "quiesce node1-bmc shutdown !\noff node1-bmc power !\nunmap san1 map:web -\n"
			   "park leaf1 port:p11 ~\npark leaf1 port:p12 ~\n");
	assert_false(s.plan->activates[0]);
	assert_json(step(&s, PHASE_PARK, "leaf1", "port:p11")->set,
		    "{'mode': 'access', 'native': 4000, 'tagged': [], 'rate_kbit': 0, 'description': 'recast parked'}");
	scene_close(&s);
}

TEST(swaps_two_roles_in_one_plan)
{
	struct scene s;
	int i, last_break = -1, first_make = 1000;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, db_plays);
	cast_web(&s, "node1", "node2");
	cast_db(&s, "node2", "node1");
	must_build(&s, 2);
	assert_outline(&s, "quiesce node1-bmc shutdown !\nquiesce node2-bmc shutdown !\n"
			   "off node1-bmc power !\noff node2-bmc power !\n"
			   "unmap san1 map:web -\nunmap san1 map:db -\nunmap san2 map:db -\n"
			   "prepare leaf1 port:p21 ~\nprepare leaf1 port:p22 ~\nprepare node2-bmc boot ~\n"
			   "prepare leaf1 port:p11 ~\nprepare leaf1 port:p12 ~\nprepare node1-bmc boot ~\n"
			   "verify san1 exclusive =\nverify san1 exclusive =\nverify san2 exclusive =\n"
			   "grant san1 map:web +\ngrant san1 map:db +\ngrant san2 map:db +\n"
			   "on node2-bmc power +\non node1-bmc power +\n"
			   "proof node2-bmc proof =\nproof node1-bmc proof =\n"
			   "final leaf1 port:p21 ~\nfinal leaf1 port:p11 ~\n");
	for (i = 0; i < s.plan->n_steps; i++) {
		assert_int_equal(s.plan->steps[i].n, i);
		if (s.plan->steps[i].phase <= PHASE_UNMAP)
			last_break = i;
		if (s.plan->steps[i].phase >= PHASE_PREPARE && i < first_make)
			first_make = i;
	}
	assert_true(last_break < first_make);
	assert_true(s.plan->activates[0] && s.plan->activates[1]);
	scene_close(&s);
}

TEST(changes_ports_in_flight_without_power)
{
	struct scene s;

	scene_open(&s, "{'vnics': {'eth0': {'network': 'backup', 'address': 'DELETE'}}}");
	observe(&s, web_plays);
	cast_web(&s, "node1", "node1");
	must_build(&s, 1);
	assert_outline(&s, "prepare leaf1 port:p11 ~\n");
	assert_int_equal(s.plan->impact, IMPACT_LINK_BLIP);
	assert_false(s.plan->activates[0]);
	assert_string_equal(s.plan->fence, "none needed");
	assert_json(s.plan->steps[0].set,
		    "{'mode': 'access', 'native': 120, 'tagged': [], 'rate_kbit': 2000000, 'description': 'recast web#3 eth0'}");
	scene_close(&s);
}

TEST(has_nothing_to_do_when_all_is_as_wished)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", "node1");
	must_build(&s, 1);
	assert_int_equal(s.plan->n_steps, 0);
	assert_int_equal(s.plan->changes, 0);
	assert_int_equal(s.plan->impact, IMPACT_NONE);
	scene_close(&s);
}

TEST(activates_anew_what_is_off_or_lost_its_map)
{
	static const char *const broken[] = { "{'node1-bmc': {'power': 'off'}}", "{'san1': {'maps': {'web': 'DELETE'}}}",
					      "{'san1': {'maps': {'web': {'luns': {'1': 'other'}}}}}",
					      "{'san1': {'maps': {'web': {'initiators': ['iqn.other']}}}}",
					      "{'san1': {'maps': {'web': {'generation': 2}}}}" };
	struct scene s;
	size_t i;

	for (i = 0; i < COUNT(broken); i++) {
		scene_open(&s, NULL);
		observe(&s, web_plays);
		observe(&s, broken[i]);
		cast_web(&s, "node1", "node1");
		must_build(&s, 1);
		assert_row(broken[i], s.plan->activates[0]);
		step(&s, PHASE_OFF, "node1-bmc", "power");
		step(&s, PHASE_GRANT, "san1", "map:web");
		step(&s, PHASE_ON, "node1-bmc", "power");
		scene_close(&s);
	}
}

TEST(refuses_what_must_not_be_done)
{
	static const struct {
		const char *observed, *why, *hint;
		enum error_code code;
	} rows[] = {
		{ "{'node1-bmc': {'power': 'unknown'}}", "unknown is never off", "power status node1", ERROR_UNREACHABLE },
		{ "{'node1-bmc': {'power': 'cycling'}}", "unknown is never off", "doctor", ERROR_UNREACHABLE },
		{ "{'node1-bmc': 'DELETE'}", "the power state of node1 is unknown", "BMC", ERROR_UNREACHABLE },
		{ "{'san1': {'maps': {'web': {'exists': true, 'managed': false, 'luns': {'1': 'web-root'}}}}}",
		  "web-root on san1 is mapped elsewhere: map web, LUN 1, not made by Recast", "two writers", ERROR_CONFLICT },
		{ "{'san1': {'maps': {'vmware': {'managed': false, 'luns': {'0': 'x', '7': 'web-root'}}}}}",
		  "map vmware, LUN 7, not made by Recast", "Remove that map", ERROR_CONFLICT },
		{ "{'san1': {'maps': {'db': {'managed': true, 'luns': {'3': 'web-root'}}}}}", "map db, LUN 3", "release the persona",
		  ERROR_CONFLICT },
		{ "{'leaf1': {'ports': {'p12': 'DELETE'}}}", "switch leaf1 has no port p12 (eth1 of node1)", "Correct `port`", ERROR_CONFLICT },
		{ "{'leaf1': {'ports': {'p11': {'exists': false}}}}", "switch leaf1 has no port p11", "Correct `port`", ERROR_CONFLICT },
	};
	struct scene s;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		scene_open(&s, NULL);
		observe(&s, rows[i].observed);
		cast_web(&s, NULL, "node1");
		build(&s, 1);
		assert_row(rows[i].observed, s.plan == NULL);
		assert_int_equal(s.err.code, rows[i].code);
		assert_contains(s.err.text, rows[i].why);
		assert_contains(s.err.hint, rows[i].hint);
		scene_close(&s);
	}
}

TEST(refuses_a_machine_that_does_not_fit)
{
	struct scene s;

	scene_open(&s, NULL);
	cast_web(&s, NULL, "node3");
	build(&s, 1);
	assert_null(s.plan);
	assert_contains(s.err.text, "aarch64");
	scene_close(&s);
}

TEST(refuses_a_volume_that_nobody_can_make)
{
	struct scene s;

	scene_open(&s, "{'volumes': {'root': {'source': 'DELETE'}}}");
	cast_web(&s, NULL, "node1");
	build(&s, 1);
	assert_null(s.plan);
	assert_contains(s.err.text, "volume web-root does not exist on san1");
	assert_contains(s.err.hint, "`source`");
	observe(&s, "{'san1': {'volumes': {'web-root': {'exists': true}}}}");
	must_build(&s, 1);
	scene_close(&s);
}

TEST(powers_off_a_target_that_is_on_though_it_plays_nothing)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, "{'node1-bmc': {'power': 'on'}}");
	cast_web(&s, NULL, "node1");
	must_build(&s, 1);
	assert_int_equal(s.plan->steps[0].phase, PHASE_OFF);
	assert_int_equal(s.plan->steps[0].verb, '!');
	assert_contains(s.plan->steps[0].summary, "though it plays no persona");
	assert_int_equal(s.plan->impact, IMPACT_DOWNTIME);
	scene_close(&s);
}

TEST(parks_instead_of_opening_a_port_again_when_undone)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, "{'leaf1': {'ports': {'p12': {'mode': 'open'}}}}");
	cast_web(&s, NULL, "node1");
	must_build(&s, 1);
	assert_json(step(&s, PHASE_PREPARE, "leaf1", "port:p12")->undo,
		    "{'mode': 'access', 'native': 4000, 'tagged': [], 'rate_kbit': 0, 'description': 'recast parked'}");
	scene_close(&s);
}

TEST(maps_every_array_of_a_role)
{
	struct scene s;

	scene_open(&s, NULL);
	cast_db(&s, NULL, "node2");
	s.casts[0] = s.casts[1];
	must_build(&s, 1);
	assert_contains(json_str(step(&s, PHASE_GRANT, "san2", "map:db")->set, "target", ""), "iqn.x:san2.db.t");
	assert_json(json_object_get(step(&s, PHASE_GRANT, "san2", "map:db")->set, "luns"), "{'17': 'db-data'}");
	assert_json(step(&s, PHASE_PREPARE, "san2", "volume:db-data")->set, "{'exists': true, 'size_bytes': 1099511627776}");
	scene_close(&s);
}

TEST(waits_for_every_proof_that_the_role_wants)
{
	struct scene s;

	scene_open(&s, "{'proof': {'serial': 'login:', 'report': 'up', 'tcp': 80}}");
	cast_web(&s, NULL, "node1");
	must_build(&s, 1);
	assert_json(step(&s, PHASE_PREPARE, "node1-bmc", "console")->set, "{'capture': true}");
	assert_json(step(&s, PHASE_CONFIRM, "node1-bmc", "proof")->set, "{'tcp': '10.66.110.10:80'}");
	assert_json(step(&s, PHASE_PROOF, "node1-bmc", "proof")->set, "{'report': 'up'}");
	scene_close(&s);
}

TEST(keeps_its_id_while_the_world_stands_still)
{
	struct scene s;
	char id[33], hash[33];

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	strcpy(id, s.plan->id);
	strcpy(hash, s.plan->observed_hash);
	must_build(&s, 1);
	assert_string_equal(s.plan->id, id);
	/* what the plan does not rest on may move */
	observe(&s, "{'node3-bmc': {'power': 'on'}, 'leaf1': {'ports': {'p31': {'native': 7}}}, 'san1': {'maps': {'z': {'luns': {}}}}}");
	must_build(&s, 1);
	assert_string_equal(s.plan->id, id);
	assert_string_equal(s.plan->observed_hash, hash);
	scene_close(&s);
}

TEST(changes_its_id_with_everything_that_it_rests_on)
{
	static const char *const moved[] = {
		"{'node1-bmc': {'power': 'off'}}", "{'node2-bmc': {'power': 'on'}}", "{'leaf1': {'ports': {'p12': {'native': 99}}}}",
		"{'leaf1': {'ports': {'p22': {'native': 99}}}}", "{'san1': {'maps': {'web': {'generation': 4}}}}",
		"{'san1': {'maps': {'web': {'sessions': 1}}}}", "{'san1': {'maps': {'web': 'DELETE'}}}",
		"{'san1': {'volumes': {'web-root': 'DELETE'}}}",
	};
	struct scene s;
	char id[33];
	size_t i;

	for (i = 0; i < COUNT(moved); i++) {
		scene_open(&s, NULL);
		observe(&s, web_plays);
		cast_web(&s, "node1", "node2");
		must_build(&s, 1);
		strcpy(id, s.plan->id);
		observe(&s, moved[i]);
		must_build(&s, 1);
		assert_row(moved[i], strcmp(s.plan->id, id) != 0);
		scene_close(&s);
	}
}

/* A volume that is called like its persona must not hide the map from the hash. */
TEST(tells_a_map_from_a_volume_of_the_same_name)
{
	struct scene s;
	char hash[33];

	scene_open(&s, "{'volumes': {'root': {'volume': 'web'}}}");
	observe(&s, web_plays);
	observe(&s, "{'san1': {'volumes': {'web': {'exists': true}}, 'maps': {'web': {'luns': {'1': 'web'}}}}}");
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	strcpy(hash, s.plan->observed_hash);
	observe(&s, "{'san1': {'maps': {'web': {'sessions': 1}}}}");
	must_build(&s, 1);
	assert_string_not_equal(s.plan->observed_hash, hash);
	scene_close(&s);
}

TEST(never_holds_a_secret)
{
	struct scene s;
	json_t *j;
	char *text;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, "{'san1': {'maps': {'web': {'chap': {'user': 'web.g3', 'secret': 'hunter2'}}}}}");
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	j = plan_json(s.plan);
	text = json_canonical(j);
	assert_lacks(text, "hunter2");
	assert_lacks(text, "\"secret\"");
	assert_contains(text, "\"secret_ref\":\"chap/web.g4\"");
	free(text);
	json_decref(j);
	scene_close(&s);
}

TEST(reads_exactly_what_it_needs)
{
	struct scene s;
	json_t *reads;

	scene_open(&s, NULL);
	cast_web(&s, "node1", "node2");
	reads = plan_reads(s.m, s.casts, 1);
	assert_json(reads, "{'node1-bmc': {'class': 'bmc', 'objects': ['power', 'boot']},"
			   " 'node2-bmc': {'class': 'bmc', 'objects': ['power', 'boot']},"
			   " 'leaf1': {'class': 'switch', 'objects': ['port:p11', 'port:p12', 'port:p21', 'port:p22']},"
			   " 'san1': {'class': 'storage', 'objects': ['map:web', 'volume:web-root']}}");
	json_decref(reads);
	scene_close(&s);
}

TEST(prints_every_step_for_people_and_programs)
{
	struct scene s;
	json_t *j, *first;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	j = plan_json(s.plan);
	assert_int_equal(json_array_size(json_object_get(j, "steps")), s.plan->n_steps);
	assert_string_equal(json_str(j, "impact", ""), "downtime");
	first = json_array_get(json_object_get(j, "steps"), 3);
	assert_string_equal(json_str(first, "phase", ""), "unmap");
	assert_string_equal(json_str(first, "class", ""), "storage");
	assert_string_equal(json_str(first, "verb", ""), "-");
	assert_contains(step(&s, PHASE_PREPARE, "leaf1", "port:p21")->summary,
			"port leaf1/p21: parking (VLAN 4000) -> provision (VLAN 10)");
	assert_contains(step(&s, PHASE_FINAL, "leaf1", "port:p21")->summary, "provision (VLAN 10) -> web (VLAN 110)");
	json_decref(j);
	scene_close(&s);
}

TEST(takes_storage_and_ports_from_a_machine_whose_bmc_is_dead)
{
	struct scene s;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, "{'node1-bmc': {'power': 'unknown', 'why': 'node1-bmc does not answer'}}");
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	assert_true(step(&s, PHASE_OFF, "node1-bmc", "power")->fallback);
	assert_null(step(&s, PHASE_OFF, "node1-bmc", "power")->undo); /* nobody knows what it was */
	assert_false(step(&s, PHASE_OFF, "node2-bmc", "power")->fallback);
	step(&s, PHASE_UNMAP, "san1", "map:web");
	step(&s, PHASE_PARK, "leaf1", "port:p11");
	step(&s, PHASE_PARK, "leaf1", "port:p12");
	assert_contains(s.plan->fence, "F2 and F3");
	/* Its own BMC is needed to play there again. */
	cast_web(&s, "node1", "node1");
	build(&s, 1);
	assert_null(s.plan);
	assert_contains(s.err.text, "does not answer");
	scene_close(&s);
}

TEST(asks_no_bmc_of_a_machine_that_is_off_by_somebodys_word)
{
	struct scene s;
	int i;

	scene_open(&s, NULL);
	observe(&s, web_plays);
	observe(&s, "{'node1-bmc': {'power': 'confirmed'}}");
	cast_web(&s, "node1", "node2");
	must_build(&s, 1);
	for (i = 0; i < s.plan->n_steps; i++)
		assert_string_not_equal(s.plan->steps[i].device, "node1-bmc");
	step(&s, PHASE_UNMAP, "san1", "map:web");
	assert_contains(s.plan->fence, "a person's word");
	scene_close(&s);
}

UNIT_MAIN(T(takes_storage_and_ports_from_a_machine_whose_bmc_is_dead),
	  T(asks_no_bmc_of_a_machine_that_is_off_by_somebodys_word), T(applies_a_role_to_a_machine_at_rest), T(says_in_each_step_what_it_sets_and_how_it_is_undone),
	  T(breaks_the_old_place_before_it_makes_the_new), T(does_not_put_back_a_map_of_another_generation),
	  T(asks_no_system_to_stop_that_wants_no_time), T(releases_a_role_to_parked_ports_and_no_map),
	  T(swaps_two_roles_in_one_plan), T(changes_ports_in_flight_without_power),
	  T(has_nothing_to_do_when_all_is_as_wished), T(activates_anew_what_is_off_or_lost_its_map),
	  T(refuses_what_must_not_be_done), T(refuses_a_machine_that_does_not_fit),
	  T(refuses_a_volume_that_nobody_can_make), T(powers_off_a_target_that_is_on_though_it_plays_nothing),
	  T(parks_instead_of_opening_a_port_again_when_undone), T(maps_every_array_of_a_role),
	  T(waits_for_every_proof_that_the_role_wants), T(keeps_its_id_while_the_world_stands_still),
	  T(changes_its_id_with_everything_that_it_rests_on), T(tells_a_map_from_a_volume_of_the_same_name),
	  T(never_holds_a_secret), T(reads_exactly_what_it_needs), T(prints_every_step_for_people_and_programs))
