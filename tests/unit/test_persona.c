/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/model/persona: roles and their templates, each refusal with its pointer and hint, and which
 * machine fits.
 */
#include "rack.h"

TEST(builds_a_role_out_of_its_template)
{
	struct problems p = { 0 };
	struct model *m = rack_with(NULL, NULL, &p);
	const struct persona *web = model_persona(m, "web"), *db = model_persona(m, "db");

	assert_non_null(web);
	assert_string_equal(web->from, "linux-server");
	assert_string_equal(web->arch, "x86_64");
	assert_int_equal(web->memory, 32LL << 30);
	assert_int_equal(web->n_vnics, 2);
	assert_ptr_equal(web->vnics[0].network, model_network(m, "web"));
	assert_int_equal(web->vnics[0].rate_kbit, 2000000);
	assert_int_equal(web->vnics[1].n_trunk, 1);
	assert_ptr_equal(web->vnics[1].trunk[0], model_network(m, "backup"));
	assert_ptr_equal(web->boot_network, model_network(m, "provision"));
	assert_string_equal(web->boot_method, "ipxe-iscsi");
	assert_int_equal(web->shutdown_ms, 20000);
	assert_int_equal(web->proof_ms, 60000);
	assert_string_equal(web->proof_report, "script");
	assert_string_equal(web->iqn, "auto");
	assert_int_equal(db->n_volumes, 2);
	assert_int_equal(db->volumes[1].size, 1LL << 40);
	assert_int_equal(db->volumes[1].lun, 17);
	assert_false(db->volumes[1].boot);
	model_destroy(m);
	problems_fini(&p);
}

TEST(refuses_each_mistake_with_its_place)
{
	static const struct rack_refusal rows[] = {
		{ "{'vnisc': {}}", "/vnisc", "unknown key `vnisc`", "did you mean `vnics`?" },
		{ "{'from': 'linux-servr'}", "/from", "there is no template `linux-servr`", "define the template first" },
		{ "{'shutdown': 'soon'}", "/shutdown", "must be a time", NULL },
		{ "{'iqn': 'eui.1'}", "/iqn", "neither auto nor a name that begins with iqn.", NULL },
		{ "{'requires': {'cpu': 5}}", "/requires/cpu", "unknown key", NULL },
		{ "{'requires': {'cores': 0}}", "/requires/cores", "between 1 and 65536", NULL },
		{ "{'requires': {'memory': -1}}", "/requires/memory", "must be a size", NULL },
		{ "{'requires': {'group': 'blade'}}", "/requires", "there is no group `blade`", "did you mean `blades`?" },
		{ "{'requires': 'much'}", "/requires", "must be a mapping", NULL },
		{ "{'vnics': {'eth0': {'network': 'DELETE'}}}", "/vnics/eth0", "`network` is missing", NULL },
		{ "{'vnics': {'eth0': {'netwrok': 'x'}}}", "/vnics/eth0/netwrok", "unknown key", "did you mean `network`?" },
		{ "{'vnics': {'eth0': {'network': 'wbe'}}}", "/vnics", "there is no network `wbe`", "did you mean `web`?" },
		{ "{'vnics': {'eth1': {'trunk': ['backupp']}}}", "/vnics", "there is no network `backupp`", "did you mean `backup`?" },
		{ "{'vnics': {'eth1': {'trunk': 'backup'}}}", "/vnics/eth1/trunk", "list of text", NULL },
		{ "{'vnics': {'eth0': {'bandwidth': 5}}}", "/vnics/eth0/bandwidth", "must be a rate", NULL },
		{ "{'vnics': {'eth0': {'mac': '52:54'}}}", "/vnics", "neither auto nor a MAC address", NULL },
		{ "{'vnics': {'eth0': {'mac': 'automatic'}}}", "/vnics", "neither auto nor a MAC address", NULL },
		{ "{'vnics': {'eth0': {'address': '10.66.110'}}}", "/vnics", "is not an address of network web", NULL },
		{ "{'vnics': {'eth0': {'address': '10.66.111.7'}}}", "/vnics", "is not an address of network web", NULL },
		{ "{'vnics': {'eth1': {'address': '10.66.20.7'}}}", "/vnics", "is not an address of network storage", NULL },
		{ "{'vnics': {'eth1': {'address': 'auto'}}}", "/vnics", "needs a `pool` in network storage", NULL },
		{ "{'volumes': {'root': {'array': 'san9'}}}", "/volumes", "there is no array `san9`", "did you mean `san1`?" },
		{ "{'volumes': {'root': {'lun': 0}}}", "/volumes/root/lun", "between 1 and 255", NULL },
		{ "{'volumes': {'root': {'lun': 256}}}", "/volumes/root/lun", "between 1 and 255", NULL },
		{ "{'volumes': {'root': {'volume': '../etc'}}}", "/volumes/root/volume", "must be a name", NULL },
		{ "{'volumes': {'root': {'boot': 'yes'}}}", "/volumes/root/boot", "true or false", NULL },
		{ "{'volumes': {'root': {'boot': false}}}", "/volumes", "exactly one volume with `boot: true`, not 0", NULL },
		{ "{'volumes': {'b': {'array': 'san1', 'volume': 'b', 'lun': 2, 'boot': true}}}", "/volumes", "exactly one volume with `boot: true`, not 2", NULL },
		{ "{'volumes': {'b': {'array': 'san1', 'volume': 'b', 'lun': 1}}}", "/volumes", "volumes root and b both have lun 1", NULL },
		{ "{'boot': {'method': 'floppy'}}", "/boot", "is not one of ipxe-iscsi, hba, local", NULL },
		{ "{'boot': {'network': 'provisio'}}", "/boot", "there is no network `provisio`", "did you mean `provision`?" },
		{ "{'proof': {'tcp': 0}}", "/proof/tcp", "between 1 and 65535", NULL },
		{ "{'proof': {'tcp': 80}, 'vnics': {'eth0': {'address': 'DELETE'}}}", "/proof", "needs an `address`", NULL },
		{ "{'proof': {'within': -1}}", "/proof/within", "must be a time", NULL },
		{ "{'proof': {'withn': '5m'}}", "/proof/withn", "unknown key", "did you mean `within`?" },
		{ "{'proof': {'serial': 'a\\nb'}}", "/proof/serial", "must be text", NULL },
		{ "{'failover': {'to': 5}}", "/failover/to", "must be a name", NULL },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct problems p = { 0 };
		struct model *m = rack_with(NULL, rows[i].patch, &p);

		rack_check_refusal(m, &p, 2, &rows[i]);
		problems_fini(&p);
	}
}

TEST(refuses_automatic_macs_without_a_pool)
{
	static const struct rack_refusal row = { "no pool", "/vnics", "needs a pool under identities/mac", NULL };
	struct problems p = { 0 };

	rack_check_refusal(rack_with("{'identities': {'mac': 'DELETE'}}", NULL, &p), &p, 2, &row);
	problems_fini(&p);
}

TEST(refuses_more_vnics_than_it_can_keep_identities_for)
{
	static const struct rack_refusal row = { "33 vnics", "/vnics", "more than 32 vnics", NULL };
	json_t *web = rack_json(rack_web), *vnics = json_object_get(web, "vnics");
	struct problems p = { 0 };
	char name[8];
	int i;

	for (i = 2; i < 33; i++) {
		snprintf(name, sizeof(name), "eth%d", i);
		json_object_set_new(vnics, name, rack_json("{'network': 'web'}"));
	}
	json_t *documents[] = { rack_json(rack_site), rack_json(rack_template), web };

	rack_check_refusal(rack_model(documents, 3, &p), &p, 2, &row);
	problems_fini(&p);
}

TEST(merges_members_by_name)
{
	json_t *under = rack_json("{'a': {'x': 1, 'y': [1, 2]}, 'b': 1, 'c': {'k': 1}}");
	json_t *over = rack_json("{'a': {'y': [3], 'z': 0}, 'b': {'n': 1}, 'c': 5, 'd': null}");
	json_t *wanted = rack_json("{'a': {'x': 1, 'y': [3], 'z': 0}, 'b': {'n': 1}, 'c': 5, 'd': null}");
	json_t *before = json_deep_copy(under), *merged = role_merge(under, over);

	assert_true(json_equal(merged, wanted));
	assert_true(json_equal(under, before)); /* the template itself stays as it is */
	json_decref(under);
	json_decref(over);
	json_decref(wanted);
	json_decref(before);
	json_decref(merged);
}

TEST(lets_the_nearest_template_win)
{
	json_t *documents[] = {
		rack_json(rack_site), rack_json("{'template': 'base', 'shutdown': '5s', 'proof': {'within': '9s', 'report': 'up'}}"),
		rack_json("{'template': 'mid', 'from': 'base', 'shutdown': '7s', 'boot': {'method': 'local'}}"),
		rack_json("{'persona': 'x', 'from': 'mid', 'proof': {'within': '3s'}}"),
	};
	struct problems p = { 0 };
	struct model *m = rack_model(documents, 4, &p);
	const struct persona *x;

	assert_non_null(m);
	x = model_persona(m, "x");
	assert_int_equal(x->shutdown_ms, 7000);
	assert_int_equal(x->proof_ms, 3000);
	assert_string_equal(x->proof_report, "up");
	assert_string_equal(x->boot_method, "local");
	model_destroy(m);
	problems_fini(&p);
}

TEST(refuses_a_template_that_is_its_own_ancestor)
{
	static const struct rack_refusal row = { "a cycle", "/from", "templates are nested deeper than 8",
						 "a template may not be its own ancestor" };
	json_t *documents[] = { rack_json("{'template': 'a', 'from': 'b'}"), rack_json("{'template': 'b', 'from': 'a'}") };
	json_t *self[] = { rack_json("{'template': 'a', 'from': 'a'}") };
	struct problems p = { 0 };

	rack_check_refusal(rack_model(documents, 2, &p), &p, 0, &row);
	problems_fini(&p);
	rack_check_refusal(rack_model(self, 1, &p), &p, 0, &row);
	problems_fini(&p);
}

/* A chain of @n templates under one persona: how many complaints it brings. */
static size_t chain_complaints(int n)
{
	json_t *documents[16];
	struct problems p = { 0 };
	size_t complaints;
	int i;

	documents[0] = rack_json(rack_site);
	for (i = 1; i <= n; i++)
		documents[i] = json_pack("{s:o, s:o}", "template", json_sprintf("t%d", i), i < n ? "from" : "description",
					 json_sprintf("t%d", i + 1));
	documents[n + 1] = rack_json("{'persona': 'x', 'from': 't1', 'boot': {'method': 'local'}}");
	model_destroy(rack_model(documents, n + 2, &p));
	complaints = p.items ? json_array_size(p.items) : 0;
	problems_fini(&p);
	return complaints;
}

TEST(follows_eight_templates_and_no_more)
{
	assert_int_equal(chain_complaints(8), 0);
	assert_int_equal(chain_complaints(9), 1);
}

TEST(refuses_a_mistake_that_a_template_brings)
{
	json_t *documents[] = { rack_json(rack_site), rack_json("{'template': 't', 'boot': {'method': 'floppy'}}"),
				rack_json("{'persona': 'x', 'from': 't'}") };
	static const struct rack_refusal row = { "a template", "/boot", "is not one of ipxe-iscsi, hba, local", NULL };
	struct problems p = { 0 };

	rack_check_refusal(rack_model(documents, 3, &p), &p, 2, &row);
	problems_fini(&p);
}

TEST(proves_by_its_boot_script_unless_told_otherwise)
{
	static const struct {
		const char *patch, *report, *serial;
		int port;
	} rows[] = {
		{ "{'from': 'DELETE'}", "script", NULL, 0 },
		{ "{'from': 'DELETE', 'proof': {'serial': 'login:'}}", NULL, "login:", 0 },
		{ "{'from': 'DELETE', 'proof': {'report': 'up'}}", "up", NULL, 0 },
		{ "{'from': 'DELETE', 'proof': {'power': 'on'}}", NULL, NULL, 0 },
		{ "{'from': 'DELETE', 'proof': {'tcp': 80}}", "script", NULL, 80 },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct problems p = { 0 };
		struct model *m = rack_with(NULL, rows[i].patch, &p);
		const struct persona *web;

		assert_row(rows[i].patch, m != NULL);
		web = model_persona(m, "web");
		assert_row(rows[i].patch, (!web->proof_report) == (!rows[i].report));
		if (rows[i].report)
			assert_string_equal(web->proof_report, rows[i].report);
		assert_row(rows[i].patch, (!web->proof_serial) == (!rows[i].serial));
		assert_int_equal(web->proof_port, rows[i].port);
		assert_int_equal(web->proof_ms, 300000);
		model_destroy(m);
		problems_fini(&p);
	}
}

TEST(fits_only_a_machine_that_has_what_it_needs)
{
	static const struct {
		const char *patch, *machine, *why;
	} rows[] = {
		{ NULL, "node1", NULL }, { NULL, "node2", NULL }, { NULL, "node3", "needs a machine of arch x86_64, but node3 is aarch64" },
		{ "{'requires': {'cores': 16}}", "node1", NULL }, { "{'requires': {'cores': 17}}", "node1", "needs 17 cores, but node1 has 16" },
		{ "{'requires': {'memory': '64GiB'}}", "node1", NULL },
		{ "{'requires': {'memory': '65GiB'}}", "node1", "needs 66560 MiB of memory, but node1 has 65536 MiB" },
		{ "{'requires': {'group': 'blades'}}", "node2", NULL },
		{ "{'requires': {'group': 'blades', 'arch': 'aarch64'}}", "node3", "must run in group blades, and node3 is not in it" },
		{ "{'requires': {'arch': 'aarch64'}}", "node3", "has 2 vnics, but node3 has only 1 nics" },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct problems p = { 0 };
		struct error err = { 0 };
		struct model *m = rack_with(NULL, rows[i].patch, &p);
		int rc = model_fits(model_persona(m, "web"), model_machine(m, rows[i].machine), &err);

		assert_row(rows[i].machine, rc == (rows[i].why ? -1 : 0));
		if (rows[i].why) {
			assert_int_equal(err.code, ERROR_CONFLICT);
			assert_contains(err.text, rows[i].why);
		}
		model_destroy(m);
		problems_fini(&p);
	}
}

UNIT_MAIN(T(builds_a_role_out_of_its_template), T(refuses_each_mistake_with_its_place),
	  T(refuses_automatic_macs_without_a_pool), T(refuses_more_vnics_than_it_can_keep_identities_for),
	  T(merges_members_by_name), T(lets_the_nearest_template_win), T(refuses_a_template_that_is_its_own_ancestor),
	  T(follows_eight_templates_and_no_more),
	  T(refuses_a_mistake_that_a_template_brings), T(proves_by_its_boot_script_unless_told_otherwise),
	  T(fits_only_a_machine_that_has_what_it_needs))
