/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drivers/sdk/zone.c: names of zones, and what fabric drivers say about them.
 */
#include "json.h"
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_name_says_whose_it_is_and_of_which_generation(void **state)
{
	static const char *const foreign[] = { "recast", "recast_", "recast_web", "recast_web_hba0", "recast_web_hba0_g", "recast_web_hba0_g0",
					       "recast_web_hba0_g01", "recast_web_hba0_gx", "recast_Web_hba0_g1", "recast__hba0_g1",
					       "recasting", "oracle", "", "xrecast_web_hba0_g1", "recast_web_hba0_g1 " };
	char key[ZONE_KEY_SIZE], name[ZONE_NAME_SIZE];
	int64_t generation = 0;
	size_t i;

	(void)state;
	assert_int_equal(zone_name("web-1.hba0", 42, name, NULL), 0);
	assert_string_equal(name, "recast_web-1_hba0_g42");
	assert_true(zone_name_parse(name, key, &generation) && zone_is_ours(name));
	assert_string_equal(key, "web-1.hba0");
	assert_int_equal(generation, 42);
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (zone_is_ours(foreign[i]))
			fail_msg("\"%s\" is taken for ours", foreign[i]);
}

static void the_highest_generation_is_found(void **state)
{
	json_auto_t *zones = json_pack("{s:{}, s:{}, s:{}, s:{}, s:{}}", "recast_web_hba0_g2", "recast_web_hba0_g10", "recast_web_hba0_g9",
				       "recast_web_hba1_g77", "web");
	const char *name = NULL;
	int64_t generation = 0;

	(void)state;
	zone_highest(zones, "web.hba0", &name, &generation);
	assert_string_equal(name, "recast_web_hba0_g10");
	assert_int_equal(generation, 10);
	name = NULL;
	zone_highest(zones, "web.hba0", &name, &generation);
	assert_null(name); /* none is above it */
	generation = 0;
	zone_highest(zones, "db.hba0", &name, &generation);
	zone_highest(NULL, "web.hba0", &name, &generation);
	assert_null(name);
	assert_int_equal(generation, 0);
}

static void lists_are_sorted_and_single(void **state)
{
	const char *texts[] = { "c", "a", "c", "b", "a" };
	json_auto_t *list = zone_texts(texts, 5), *none = zone_texts(NULL, 0), *want = json_pack("[s, s, s]", "a", "b", "c");

	(void)state;
	assert_true(json_equal(list, want));
	assert_int_equal(json_array_size(none), 0);
}

static void a_document_tells_owner_and_generation_of_ours_only(void **state)
{
	json_auto_t *ours = zone_to_document("recast_web_hba0_g3", json_pack("[s]", "x"), "peer", true);
	json_auto_t *other = zone_to_document("backup", json_array(), "plain", false);
	json_auto_t *want = json_pack("{s:b, s:s, s:[s], s:s, s:b, s:b, s:s, s:i}", "exists", 1, "name", "recast_web_hba0_g3", "members", "x",
				      "kind", "peer", "active", 1, "managed", 1, "owner", "web", "generation", 3);
	json_auto_t *plain = json_pack("{s:b, s:s, s:[], s:s, s:b, s:b}", "exists", 1, "name", "backup", "members", "kind", "plain", "active",
				       0, "managed", 0);

	(void)state;
	assert_true(json_equal(ours, want));
	assert_true(json_equal(other, plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_says_whose_it_is_and_of_which_generation),
		cmocka_unit_test(the_highest_generation_is_found),
		cmocka_unit_test(lists_are_sorted_and_single),
		cmocka_unit_test(a_document_tells_owner_and_generation_of_ours_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
