/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fibre Channel in plans: zones and their order, ports, logins, fabrics that do not answer.
 */
#include "scene.h"

#define A1 "'50:00:02:00:00:00:0a:01'"
#define B1 "'50:00:02:00:00:00:0b:01'"
#define HOST_A "20:00:02:ca:57:00:00:01"
#define HOST_B "20:00:02:ca:57:00:01:01"

static const char fc_site[] =
	"{'fabrics': {'fab-a': {'driver': 'mock'}, 'fab-b': {'driver': 'mock', 'lock_wait': '10s'}},"
	" 'arrays': {'san1': {'wwpns': {'fab-a': [" A1 "], 'fab-b': [" B1 "]}}},"
	" 'models': {'small': {'vhbas': 1}},"
	" 'machines': {'node1': {'hbas': {'hba0': {'port': 'fab-a/1'}, 'hba1': {'port': 'fab-b/1'}}},"
	"  'node2': {'hbas': {'x': {'port': 'fab-a/2'}, 'y': {'port': 'fab-b/2'}}}},"
	" 'identities': {'wwpn': {'prod': '20:00:02:ca:57:00:00:00-20:00:02:ca:57:00:ff:ff'}}}";
static const char fc_web[] =
	"{'vhbas': {'hba0': {'fabric': 'fab-a'}, 'hba1': {'fabric': 'fab-b'}}, 'boot': {'method': 'hba', 'network': 'provision'}}";

static const char fabrics_at_rest[] =
	"{'fab-a': {'config': {'name': 'prod', 'default_access': 'none'}, 'lock': {'held': false},"
	"  'logins': {}, 'zones': {}, 'ports': {'1': {'exists': true, 'enabled': true}, '2': {'exists': true, 'enabled': true}}},"
	" 'fab-b': {'config': {'name': 'prod', 'default_access': 'none'}, 'capacity': {'used_bytes': 500, 'limit_bytes': 1000},"
	"  'logins': {}, 'zones': {}, 'ports': {'1': {'exists': true, 'enabled': true}, '2': {'exists': true, 'enabled': false}}}}";

/* web plays on node1 in generation 3. */
static const char fc_plays[] =
	"{'node1-bmc': {'power': 'on', 'boot': {'device': 'disk'}},"
	" 'leaf1': {'ports': {"
	"  'p11': {'mode': 'access', 'native': 110, 'tagged': [], 'rate_kbit': 2000000, 'description': 'recast web#3 eth0'},"
	"  'p12': {'mode': 'trunk', 'native': 20, 'tagged': [120], 'rate_kbit': 0, 'description': 'recast web#3 eth1'}}},"
	" 'san1': {'volumes': {'web-root': {'exists': true}}, 'maps': {'web': {'exists': true, 'managed': true, 'generation': 3,"
	"  'protocol': 'fc', 'ports': [" A1 ", " B1 "], 'initiators': ['" HOST_A "', '" HOST_B "'], 'luns': {'1': 'web-root'}}}},"
	" 'fab-a': {'zones': {'web.hba0': {'exists': true, 'name': 'recast_web_hba0_g3', 'active': true, 'generation': 3,"
	"   'members': ['" HOST_A "', " A1 "]}}, 'logins': {'" HOST_A "': {'online': true, 'fcid': '0x010101', 'port': '1'}}},"
	" 'fab-b': {'zones': {'web.hba1': {'exists': true, 'name': 'recast_web_hba1_g3', 'active': true, 'generation': 3,"
	"   'members': ['" HOST_B "', " B1 "]}}, 'logins': {'" HOST_B "': {'online': true, 'fcid': '0x010101', 'port': '1'}}}}";

static const struct identities fc_ids = {
	.iqn = "iqn.2026-01.example:web", .uuid = "u", .n_vnics = 2, .vnics = { { "eth0", NULL, NULL }, { "eth1", NULL, NULL } },
	.n_vhbas = 2, .vhbas = { { "hba0", HOST_A, NULL }, { "hba1", HOST_B, NULL } },
};

static void open_fc(struct scene *s, const char *from, const char *to)
{
	*s = (struct scene){ 0 };
	s->m = rack_with(fc_site, fc_web, &s->problems);
	assert_non_null(s->m);
	s->observed = rack_json(at_rest);
	observe(s, fabrics_at_rest);
	cast_web(s, from, to);
	s->casts[0].identities = &fc_ids;
	if (from)
		observe(s, fc_plays);
}

static void must_refuse(struct scene *s, enum error_code code, const char *text)
{
	build(s, 1);
	assert_null(s->plan);
	assert_int_equal(s->err.code, code);
	assert_non_null(strstr(s->err.text, text));
}

TEST(casts_a_role_over_two_fabrics_one_side_after_the_other)
{
	struct scene s;

	open_fc(&s, NULL, "node1");
	must_build(&s, 1);
	assert_outline(&s, "off node1-bmc power =\n"
			   "prepare leaf1 port:p11 ~\nprepare leaf1 port:p12 ~\nprepare san1 volume:web-root +\n"
			   "prepare fab-a port:1 =\nprepare fab-b port:1 =\nprepare node1-bmc boot ~\n"
			   "verify fab-a login:" HOST_A " =\nverify fab-b login:" HOST_B " =\nverify san1 exclusive =\n"
			   "zone-a fab-a zone:web.hba0 +\nzone-b fab-b zone:web.hba1 +\ngrant san1 map:web +\n"
			   "on node1-bmc power +\nproof node1-bmc proof =\nfinal leaf1 port:p11 ~\n"
			   "confirm fab-a path:" HOST_A " =\nconfirm fab-b path:" HOST_B " =\n");
	assert_json(step(&s, PHASE_ZONE_A, "fab-a", "zone:web.hba0")->set,
		    "{'exists': true, 'initiators': ['" HOST_A "'], 'targets': [" A1 "], 'generation': 4}");
	assert_json(step(&s, PHASE_ZONE_A, "fab-a", "zone:web.hba0")->undo, "{'exists': false}");
	assert_int_equal(step(&s, PHASE_ZONE_B, "fab-b", "zone:web.hba1")->deadline_ms, 10000);
	assert_json(step(&s, PHASE_GRANT, "san1", "map:web")->set,
		    "{'exists': true, 'protocol': 'fc', 'ports': [" A1 ", " B1 "], 'initiators': ['" HOST_A "', '" HOST_B "'],"
		    " 'luns': {'1': 'web-root'}, 'generation': 4}");
	assert_json(step(&s, PHASE_PREPARE, "fab-a", "port:1")->undo, "{'enabled': false}");
	assert_json(step(&s, PHASE_PREPARE, "node1-bmc", "boot")->set, "{'device': 'disk'}");
	assert_string_equal(step(&s, PHASE_CONFIRM, "fab-a", "path:" HOST_A)->group, "paths of web");
	scene_close(&s);
}

TEST(leaves_nothing_open_where_a_role_goes_away)
{
	struct scene s;

	open_fc(&s, "node1", "node2");
	must_build(&s, 1);
	assert_json(step(&s, PHASE_UNZONE_A, "fab-a", "zone:web.hba0")->set, "{'exists': false}");
	assert_json(step(&s, PHASE_UNZONE_B, "fab-b", "zone:web.hba1")->undo,
		    "{'exists': true, 'initiators': ['" HOST_B "'], 'targets': [" B1 "], 'generation': 3}");
	assert_json(step(&s, PHASE_PARK, "fab-a", "port:1")->set, "{'enabled': false}");
	assert_json(step(&s, PHASE_PARK, "fab-b", "port:1")->undo, "{'enabled': true}");
	assert_int_equal(step(&s, PHASE_PREPARE, "fab-b", "port:2")->verb, '+');
	assert_true(PHASE_UNMAP < PHASE_UNZONE_A && PHASE_UNZONE_B < PHASE_PARK && PHASE_PARK < PHASE_VERIFY &&
		    PHASE_VERIFY < PHASE_ZONE_A && PHASE_ZONE_B < PHASE_GRANT);
	scene_close(&s);
}

TEST(changes_nothing_when_all_is_as_it_should_be_and_only_the_zone_that_is_not)
{
	struct scene s;

	open_fc(&s, "node1", "node1");
	must_build(&s, 1);
	assert_outline(&s, "");
	observe(&s, "{'fab-a': {'zones': {'web.hba0': {'active': false}}}}");
	must_build(&s, 1);
	assert_outline(&s, "zone-a fab-a zone:web.hba0 +\n");
	assert_int_equal(s.plan->impact, IMPACT_NONE);
	assert_json(step(&s, PHASE_ZONE_A, "fab-a", "zone:web.hba0")->undo, NULL);
	scene_close(&s);
}

TEST(does_without_a_fabric_that_is_silent_and_lets_nobody_in_over_it)
{
	struct scene s;

	open_fc(&s, NULL, "node1");
	observe(&s, "{'fab-b': {'silent': true, 'why': 'no answer'}}");
	must_build(&s, 1);
	assert_int_equal(json_array_size(s.plan->warnings), 1);
	assert_json(json_object_get(step(&s, PHASE_GRANT, "san1", "map:web")->set, "initiators"), "['" HOST_A "']");
	assert_json(s.plan->unfenced, "[{'port': 'fab-b/1', 'machine': 'node1', 'persona': 'web'}]");
	observe(&s, "{'fab-a': {'silent': true}}");
	must_refuse(&s, ERROR_UNREACHABLE, "no fabric answers by which web reaches san1");
	scene_close(&s);
}

TEST(leaves_a_role_alone_that_runs_while_a_fabric_is_silent)
{
	struct scene s;

	open_fc(&s, "node1", "node1");
	observe(&s, "{'fab-b': {'silent': true, 'why': 'connection refused'}}");
	must_build(&s, 1);
	assert_outline(&s, "");
	assert_non_null(strstr(json_string_value(json_array_get(s.plan->warnings, 0)), "fab-b does not answer"));
	scene_close(&s);

	open_fc(&s, "node1", "node1");
	s.casts[0].kind = CAST_REPAIR;
	observe(&s, "{'fab-b': {'silent': true}, 'fab-a': {'zones': {'web.hba0': {'active': false}}}}");
	must_build(&s, 1);
	assert_outline(&s, "zone-a fab-a zone:web.hba0 +\n");
	scene_close(&s);
}

TEST(does_not_leave_a_machine_whose_port_cannot_be_shut)
{
	struct scene s;

	open_fc(&s, "node1", "node2");
	observe(&s, "{'fab-b': {'silent': true}}");
	must_refuse(&s, ERROR_UNREACHABLE, "the port of node1 there cannot be shut");
	observe(&s, "{'node1-bmc': {'power': 'confirmed'}}");
	must_build(&s, 1);
	scene_close(&s);
}

TEST(shuts_what_earlier_casts_left_open)
{
	struct unfenced_port left;
	struct scene s;

	open_fc(&s, NULL, "node1");
	left = (struct unfenced_port){ model_machine(s.m, "node2"), &model_machine(s.m, "node2")->hbas[0] };
	s.casts[0].unfenced = &left;
	s.casts[0].n_unfenced = 1;
	must_build(&s, 1);
	assert_json(step(&s, PHASE_PARK, "fab-a", "port:2")->set, "{'enabled': false}");
	assert_json(step(&s, PHASE_PARK, "fab-a", "port:2")->undo, NULL);
	/* A role that enters there opens it again, and knows of it. */
	cast_web(&s, NULL, "node2");
	s.casts[0].identities = &fc_ids;
	s.casts[0].unfenced = &left;
	s.casts[0].n_unfenced = 1;
	must_build(&s, 1);
	assert_json(step(&s, PHASE_PREPARE, "fab-a", "port:2")->set, "{'enabled': true}");
	scene_close(&s);
}

TEST(refuses_a_wwpn_that_is_logged_in_elsewhere)
{
	struct scene s;

	open_fc(&s, "node1", "node2");
	observe(&s, "{'fab-b': {'logins': {'" HOST_B "': {'port': '7'}}}}");
	must_refuse(&s, ERROR_CONFLICT, "is logged in on fab-b at port 7 already");
	scene_close(&s);
}

TEST(refuses_a_fabric_that_would_protect_nobody_or_has_no_room)
{
	static const struct {
		const char *patch, *text;
	} rows[] = { { "{'fab-a': {'config': {'name': ''}}}", "no zone configuration is in force on fab-a" },
		     { "{'fab-a': {'config': {'default_access': 'all'}}}", "on fab-a ports in no zone see each other" },
		     { "{'fab-b': {'capacity': {'used_bytes': 950}}}", "the zone database of fab-b is full" } };
	struct scene s;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_fc(&s, NULL, "node1");
		observe(&s, rows[i].patch);
		must_refuse(&s, ERROR_CONFLICT, rows[i].text);
		scene_close(&s);
	}
}

TEST(tells_in_the_plan_whose_lock_it_will_wait_for)
{
	struct scene s;

	open_fc(&s, NULL, "node1");
	observe(&s, "{'fab-a': {'lock': {'held': true, 'user': 'carol', 'seconds_left': 99}}}");
	must_build(&s, 1);
	assert_non_null(strstr(step(&s, PHASE_ZONE_A, "fab-a", "zone:web.hba0")->summary, "carol holds the lock"));
	scene_close(&s);
}

TEST(finds_zones_ports_and_names_that_are_not_as_they_should_be_under_a_role)
{
	struct scene s;

	open_fc(&s, "node1", NULL);
	s.casts[0].kind = CAST_REPAIR;
	assert_drift(&s, "{}", "");
	assert_drift(&s, "{'fab-a': {'zones': {'web.hba0': {'active': false}}}}", "fab-a zone:web.hba0 zone none repairable\n");
	assert_drift(&s, "{'fab-a': {'zones': {'web.hba0': {'active': true}}, 'ports': {'1': {'enabled': false}, '2': {'enabled': false}}}}",
		     "fab-a port:1 fabric-port none repairable\n");
	assert_drift(&s, "{'fab-a': {'ports': {'1': {'enabled': true}}, 'logins': {'" HOST_A "': {'port': '2'}}}}",
		     "fab-a login:" HOST_A " login none\n");
	assert_drift(&s, "{'fab-a': {'logins': {'" HOST_A "': {'online': false}}}}", "");
	assert_drift(&s, "{'fab-a': 'DELETE'}", ""); /* not read: nothing is known */
	scene_close(&s);
}

TEST(opens_a_port_that_is_shut_under_a_role_and_no_other)
{
	struct scene s;

	open_fc(&s, "node1", "node1");
	observe(&s, "{'fab-a': {'ports': {'1': {'enabled': false}, '2': {'enabled': false}}}}");
	must_build(&s, 1);
	assert_outline(&s, "prepare fab-a port:1 +\n");
	assert_json(step(&s, PHASE_PREPARE, "fab-a", "port:1")->undo, "{'enabled': false}");
	scene_close(&s);

	/* Open, it would log in where its name is in use. */
	open_fc(&s, "node1", "node1");
	observe(&s, "{'fab-a': {'ports': {'1': {'enabled': false}}, 'logins': {'" HOST_A "': {'port': '2'}}}}");
	must_refuse(&s, ERROR_CONFLICT, "is logged in on fab-a at port 2 already");
	scene_close(&s);
}

TEST(fits_only_a_machine_with_an_hba_on_each_fabric)
{
	struct error err = { 0 };
	struct scene s;

	open_fc(&s, NULL, "node1");
	assert_int_equal(model_fits(s.casts[0].persona, model_machine(s.m, "node1"), &err), 0);
	assert_string_equal(model_hba(s.casts[0].persona, 1, model_machine(s.m, "node2"))->name, "y");
	assert_int_equal(model_fits(s.casts[0].persona, model_machine(s.m, "node3"), &err), -1);
	scene_close(&s);
}

UNIT_MAIN(T(casts_a_role_over_two_fabrics_one_side_after_the_other), T(leaves_nothing_open_where_a_role_goes_away),
	  T(changes_nothing_when_all_is_as_it_should_be_and_only_the_zone_that_is_not),
	  T(leaves_a_role_alone_that_runs_while_a_fabric_is_silent),
	  T(does_without_a_fabric_that_is_silent_and_lets_nobody_in_over_it), T(does_not_leave_a_machine_whose_port_cannot_be_shut),
	  T(shuts_what_earlier_casts_left_open), T(refuses_a_wwpn_that_is_logged_in_elsewhere),
	  T(refuses_a_fabric_that_would_protect_nobody_or_has_no_room), T(tells_in_the_plan_whose_lock_it_will_wait_for),
	  T(finds_zones_ports_and_names_that_are_not_as_they_should_be_under_a_role),
	  T(opens_a_port_that_is_shut_under_a_role_and_no_other), T(fits_only_a_machine_with_an_hba_on_each_fabric))
