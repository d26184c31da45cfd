/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/model/site and document: what is racked, each refusal with its pointer and hint, and lookups.
 */
#include "rack.h"

TEST(builds_the_whole_rack)
{
	struct problems p = { 0 };
	struct model *m = rack_with(NULL, NULL, &p);
	const struct machine *node1;
	const struct device *d;

	assert_non_null(m);
	assert_false(problems_any(&p));
	assert_string_equal(m->site, "lab");
	assert_int_equal(model_network(m, "web")->vlan, 110);
	assert_int_equal(model_network(m, "web")->pool_first, 0x0a426e0a);
	assert_int_equal(model_network(m, "web")->gateway, 0x0a426e01);
	assert_ptr_equal(m->parking, model_network(m, "parking"));
	assert_ptr_equal(m->boot_network, model_network(m, "provision"));
	node1 = model_machine(m, "node1");
	assert_int_equal(node1->memory, 64LL << 30);
	assert_string_equal(node1->uuid, "52540000-0101-4000-8000-00000000000a");
	assert_int_equal(node1->n_nics, 2);
	assert_string_equal(node1->nics[1].port, "p12");
	assert_ptr_equal(node1->nics[1].sw, model_device(m, "leaf1"));
	assert_string_equal(node1->bmc->name, "node1-bmc");
	assert_string_equal(node1->bmc->options, "{\"address\":\"127.0.1.1\"}");
	assert_int_equal(model_device(m, "node1-bmc")->cls, CLASS_BMC);
	d = model_device(m, "san1");
	assert_string_equal(d->secret, "san1");
	assert_string_equal(d->portals[0], "10.66.20.1:3260");
	assert_string_equal(d->options, "{}");
	assert_int_equal(m->identity_quarantine_ms, 24 * 3600 * 1000);
	model_destroy(m);
	problems_fini(&p);
}

TEST(finds_machines_pools_and_members)
{
	struct problems p = { 0 };
	struct model *m = rack_with(NULL, NULL, &p);
	const struct group *blades = model_group(m, "blades");

	assert_ptr_equal(model_machine_by_mac(m, 0x525400000202), model_machine(m, "node2"));
	assert_null(model_machine_by_mac(m, 0x525400000299));
	assert_null(model_machine(m, "node9"));
	assert_non_null(model_pool(m, "mac", NULL));
	assert_ptr_equal(model_pool(m, "mac", "prod"), model_pool(m, "mac", NULL));
	assert_null(model_pool(m, "mac", "test"));
	assert_null(model_pool(m, "wwpn", NULL));
	assert_int_equal(model_pool(m, "mac", "prod")->last - model_pool(m, "mac", "prod")->first, 0xffff);
	assert_true(group_has(blades, model_machine(m, "node1")));
	assert_true(group_has(blades, model_machine(m, "node2")));
	assert_false(group_has(blades, model_machine(m, "node3")));
	assert_int_equal(model_count(m, KIND_MACHINE), 3);
	assert_null(model_at(m, KIND_MACHINE, 3));
	assert_non_null(model_device_at(m, 5));
	assert_null(model_device_at(m, 6));
	model_destroy(m);
	problems_fini(&p);
}

TEST(refuses_each_mistake_with_its_place)
{
	static const struct rack_refusal rows[] = {
		/* the document */
		{ "{'machnes': {}}", "/machnes", "unknown key `machnes`", "did you mean `machines`?" },
		{ "{'site': 'Lab X'}", "/site", "must be a name", NULL },
		{ "{'site': 5}", "/site", "must be a name", NULL },
		{ "{'machines': []}", "/machines", "must be a mapping", NULL },
		{ "{'networks': {'Bad Name': {'vlan': 5}}}", "/networks/Bad Name", "is not a name", NULL },
		{ "{'identity_quarantine': 'soon'}", "/identity_quarantine", "must be a time", NULL },
		{ "{'boot': {'netwrk': 'x'}}", "/boot/netwrk", "unknown key", "did you mean `network`?" },
		{ "{'boot': {'network': 'provison'}}", "/boot", "there is no network `provison`", "did you mean `provision`?" },
		{ "{'boot': 'x'}", "/boot", "must be a mapping", NULL },
		{ "{'networks': {'parking': 'DELETE'}}", "", "no network `parking` to park ports in", "add `parking: {vlan: 4000}`" },
		/* networks */
		{ "{'networks': {'web': {'vlna': 5}}}", "/networks/web/vlna", "unknown key `vlna`", "did you mean `vlan`?" },
		{ "{'networks': {'web': {'vlan': 0}}}", "/networks/web/vlan", "between 1 and 4094, not 0", NULL },
		{ "{'networks': {'web': {'vlan': 4095}}}", "/networks/web/vlan", "between 1 and 4094", NULL },
		{ "{'networks': {'web': {'vlan': '110'}}}", "/networks/web/vlan", "whole number", NULL },
		{ "{'networks': {'web': {'vlan': 'DELETE'}}}", "/networks/web", "`vlan` is missing", NULL },
		{ "{'networks': {'web': {'vlan': 20}}}", "/networks/storage/vlan", "VLAN 20 is network `web` already", NULL },
		{ "{'networks': {'web': {'subnet': '10.66.110.0'}}}", "/networks/web/subnet", "is not a subnet", NULL },
		{ "{'networks': {'web': {'subnet': '10.66.110.1/24'}}}", "/networks/web/subnet", "is not a subnet", NULL },
		{ "{'networks': {'web': {'subnet': '10.66.110.0/31'}}}", "/networks/web/subnet", "is not a subnet", NULL },
		{ "{'networks': {'web': {'subnet': '10.66.110.0/7'}}}", "/networks/web/subnet", "is not a subnet", NULL },
		{ "{'networks': {'web': {'subnet': '10.66.300.0/24'}}}", "/networks/web/subnet", "is not a subnet", NULL },
		{ "{'networks': {'web': {'subnet': 'DELETE'}}}", "/networks/web/pool", "needs `subnet`", NULL },
		{ "{'networks': {'web': {'pool': '10.66.110.10'}}}", "/networks/web/pool", "is not a range", NULL },
		{ "{'networks': {'web': {'pool': '10.66.110.99-10.66.110.10'}}}", "/networks/web/pool", "is not a range", NULL },
		{ "{'networks': {'web': {'pool': '10.66.110.10-10.66.111.10'}}}", "/networks/web/pool", "inside of 10.66.110.0/24", NULL },
		{ "{'networks': {'web': {'gateway': '10.66.111.1'}}}", "/networks/web/gateway", "inside of 10.66.110.0/24", NULL },
		{ "{'networks': {'web': {'gateway': 'gw'}}}", "/networks/web/gateway", "not an address", NULL },
		/* devices */
		{ "{'switches': {'leaf1': 'ovsdb'}}", "/switches/leaf1", "must be a mapping with `driver`", NULL },
		{ "{'switches': {'leaf1': {'driver': 'DELETE'}}}", "/switches/leaf1/driver", "must name a driver", NULL },
		{ "{'switches': {'leaf1': {'driver': '../sh'}}}", "/switches/leaf1/driver", "must name a driver", NULL },
		{ "{'switches': {'san1': {'driver': 'mock'}}}", "/arrays/san1", "taken by another device", NULL },
		{ "{'switches': {'node1-bmc': {'driver': 'mock'}}}", "/machines/node1", "`node1-bmc` is taken", NULL },
		{ "{'arrays': {'san1': {'portals': []}}}", "/arrays/san1/portals", "needs `portals`", NULL },
		{ "{'arrays': {'san1': {'portals': 'DELETE'}}}", "/arrays/san1/portals", "needs `portals`", NULL },
		/* machines */
		{ "{'machines': {'node1': {'arch': 'DELETE'}}}", "/machines/node1", "`arch` is missing", NULL },
		{ "{'machines': {'node1': {'cores': 0}}}", "/machines/node1/cores", "between 1 and 65536", NULL },
		{ "{'machines': {'node1': {'memory': 'lots'}}}", "/machines/node1/memory", "must be a size", NULL },
		{ "{'machines': {'node1': {'memory': -5}}}", "/machines/node1/memory", "must be a size", NULL },
		{ "{'machines': {'node1': {'ncis': {}}}}", "/machines/node1/ncis", "unknown key", "did you mean `nics`?" },
		{ "{'machines': {'node1': {'bmc': 'DELETE'}}}", "/machines/node1", "`bmc` is missing", NULL },
		{ "{'machines': {'node1': {'bmc': {'driver': 'DELETE'}}}}", "/machines/node1/driver", "must name a driver", NULL },
		{ "{'machines': {'node1': {'uuid': '5254'}}}", "/machines/node1/uuid", "is not a UUID", NULL },
		{ "{'machines': {'node1': {'uuid': '52540000-0101-4000-8000-00000000000g'}}}", "/machines/node1/uuid", "is not a UUID", NULL },
		{ "{'machines': {'node1': {'uuid': '------------------------------------'}}}", "/machines/node1/uuid", "is not a UUID", NULL },
		{ "{'machines': {'node1': {'nics': {'eth0': {'mac': '52:54'}}}}}", "/machines/node1/nics/eth0/mac", "is not a MAC address", NULL },
		{ "{'machines': {'node1': {'nics': {'eth0': {'mac': 'DELETE'}}}}}", "/machines/node1/nics/eth0", "`mac` is missing", NULL },
		{ "{'machines': {'node1': {'nics': {'eth0': {'vlan': 5}}}}}", "/machines/node1/nics/eth0/vlan", "unknown key", NULL },
		{ "{'machines': {'node2': {'nics': {'eth0': {'mac': '52-54-00-00-01-01'}}}}}", "/machines/node2/nics/eth0/mac",
		  "MAC 52:54:00:00:01:01 is used twice; the other is node1", NULL },
		{ "{'machines': {'node2': {'nics': {'eth0': {'port': 'leaf1/p11'}}}}}", "/machines/node2/nics/eth0/port",
		  "port leaf1/p11 is used twice; the other is node1", NULL },
		{ "{'machines': {'node1': {'nics': {'eth0': {'port': 'leaf9/p11'}}}}}", "/machines/node1/nics/eth0/port",
		  "is not a port of a switch", "write SWITCH/PORT" },
		{ "{'machines': {'node1': {'nics': {'eth0': {'port': 'san1/p11'}}}}}", "/machines/node1/nics/eth0/port",
		  "is not a port of a switch", "write SWITCH/PORT" },
		{ "{'machines': {'node1': {'nics': {'eth0': {'port': 'leaf1/'}}}}}", "/machines/node1/nics/eth0/port", "is not a port", NULL },
		{ "{'machines': {'node1': {'nics': {'eth0': {'port': 'leaf1'}}}}}", "/machines/node1/nics/eth0/port", "is not a port", NULL },
		{ "{'machines': {'node1': {'nics': {'eth0': 'x'}}}}", "/machines/node1/nics/eth0", "must be a mapping", NULL },
		/* groups */
		{ "{'groups': {'blades': {'machines': ['node1', 'nodee2']}}}", "/groups/blades/machines", "there is no machine `nodee2`",
		  "did you mean `node2`?" },
		{ "{'groups': {'blades': {'machines': ['node1', 'node1']}}}", "/groups/blades/machines", "`node1` is listed twice", NULL },
		{ "{'groups': {'blades': {'spares': 3}}}", "/groups/blades/spares", "3 spares are more than the group's 2 machines", NULL },
		{ "{'groups': {'blades': {'spares': -1}}}", "/groups/blades/spares", "between 0 and 100000", NULL },
		{ "{'groups': {'blades': {'machines': [1]}}}", "/groups/blades/machines", "list of text", NULL },
		{ "{'groups': {'blades': {'machines': 'DELETE'}}}", "/groups/blades", "`machines` is missing", NULL },
		/* identities */
		{ "{'identities': {'iqm': {'prod': 'x'}}}", "/identities/iqm", "are mac, wwpn, wwnn or iqn", NULL },
		{ "{'identities': {'mac': 'x'}}", "/identities/mac", "must be a mapping POOL: RANGE", NULL },
		{ "{'identities': {'mac': {'prod': 5}}}", "/identities/mac/prod", "must be text", NULL },
		{ "{'identities': {'mac': {'prod': '02:00:00:00:00:01'}}}", "/identities/mac/prod", "is not a range", NULL },
		{ "{'identities': {'mac': {'prod': '02:00:00:00:00:09-02:00:00:00:00:01'}}}", "/identities/mac/prod", "is not a range", NULL },
		{ "{'identities': {'mac': {'prod': '03:00:00:00:00:00-03:00:00:00:00:09'}}}", "/identities/mac/prod", "is not a range", NULL },
		{ "{'identities': {'mac': {'prod': '20:00:02:00:00:00:00:00-20:00:02:00:00:00:00:09'}}}", "/identities/mac/prod", "of mac addresses", NULL },
		{ "{'identities': {'wwpn': {'prod': '02:00:00:00:00:00-02:00:00:00:00:09'}}}", "/identities/wwpn/prod", "of wwpn addresses", NULL },
		{ "{'identities': {'iqn': {'prod': 'iqn.2026-01.example:x'}}}", "/identities/iqn/prod", "hold {persona}", NULL },
		{ "{'identities': {'iqn': {'prod': 'eui.{persona}'}}}", "/identities/iqn/prod", "must begin with iqn.", NULL },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct problems p = { 0 };
		struct model *m = rack_with(rows[i].patch, NULL, &p);

		rack_check_refusal(m, &p, 0, &rows[i]);
		problems_fini(&p);
	}
}

TEST(takes_what_only_looks_strange)
{
	static const char *const good[] = {
		"{'description': 'room 5'}", "{'identity_quarantine': 60}", "{'machines': {'node1': {'memory': 1024}}}",
		"{'machines': {'node1': {'uuid': 'DELETE'}}}", "{'machines': {'node1': {'hbas': {}}}}",
		"{'machines': {'node3': {'nics': {'eth0': {'port': 'leaf1/1/0/31'}}}}}", "{'groups': {'blades': {'spares': 2}}}",
		"{'fabrics': {'fab-a': {'driver': 'brocade', 'anything': [1]}}}",
		"{'identities': {'wwpn': {'p': '20:00:02:ca:57:00:00:00-20:00:02:ca:57:00:ff:ff'}}}",
		"{'networks': {'wide': {'vlan': 5, 'subnet': '10.0.0.0/8', 'pool': '10.0.0.1-10.255.0.1'}}}",
	};
	size_t i;

	for (i = 0; i < COUNT(good); i++) {
		struct problems p = { 0 };
		struct model *m = rack_with(good[i], NULL, &p);

		assert_row(good[i], m != NULL);
		model_destroy(m);
		problems_fini(&p);
	}
}

TEST(reports_every_mistake_at_once)
{
	struct problems p = { 0 };
	struct model *m = rack_with("{'networks': {'web': {'vlan': 0}}, 'machines': {'node1': {'cores': 0}, 'node2': {'cores': 0}}}",
				    NULL, &p);

	assert_null(m);
	assert_true(json_array_size(p.items) >= 3);
	problems_fini(&p);
}

TEST(refuses_a_name_that_is_defined_twice)
{
	json_t *documents[] = { rack_json(rack_site), rack_json(rack_template), rack_json(rack_template) };
	static const struct rack_refusal row = { "two templates", "", "template `linux-server` is defined twice", NULL };
	struct problems p = { 0 };

	rack_check_refusal(rack_model(documents, 3, &p), &p, 2, &row);
	problems_fini(&p);
}

TEST(tells_documents_apart)
{
	static const struct rack_refusal rows[] = {
		{ "{'name': 'x'}", "", "neither a site, a template nor a persona", "begin the file with `site:`" },
		{ "{'persona': 'Web'}", "/persona", "must be a name", NULL },
		{ "{'template': 5}", "/template", "must be a name", NULL },
		{ "[1]", "", "neither a site", NULL },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		json_t *documents[] = { rack_json(rows[i].patch) };
		struct problems p = { 0 };

		rack_check_refusal(rack_model(documents, 1, &p), &p, 0, &rows[i]);
		problems_fini(&p);
	}
}

TEST(knows_its_kinds_by_name)
{
	int i;

	for (i = 0; i < KIND_COUNT; i++)
		assert_int_equal(kind_by_name(kind_name((enum object_kind)i)), i);
	assert_int_equal(kind_by_name("nothing"), KIND_COUNT);
	assert_string_equal(class_name(CLASS_BMC), "bmc");
}

TEST(reads_and_writes_addresses)
{
	uint32_t a = 0;
	char text[16];

	assert_int_equal(parse_ipv4("255.255.255.255", &a), 0);
	format_ipv4(a, text);
	assert_string_equal(text, "255.255.255.255");
	assert_int_equal(parse_ipv4("10.0.0.1", &a), 0);
	assert_int_equal(a, 0x0a000001);
	assert_int_equal(parse_ipv4("10.0.0", &a), -1);
	assert_int_equal(parse_ipv4("10.0.0.1.2", &a), -1);
	assert_int_equal(parse_ipv4("::1", &a), -1);
}

UNIT_MAIN(T(builds_the_whole_rack), T(finds_machines_pools_and_members), T(refuses_each_mistake_with_its_place),
	  T(takes_what_only_looks_strange), T(reports_every_mistake_at_once), T(refuses_a_name_that_is_defined_twice),
	  T(tells_documents_apart), T(knows_its_kinds_by_name), T(reads_and_writes_addresses))
