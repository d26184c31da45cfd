/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drivers/storage/tgt_view.c: what tgtd prints, also when somebody made it print nonsense.
 */
#include "json.h"
#include "tgt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char listing[] =
	"Target 7: iqn.2026-01.example:san1:web\n"
	"    System information:\n        Driver: iscsi\n        State: ready\n"
	"    I_T nexus information:\n"
	"        I_T nexus: 3\n            Initiator: iqn.2026-01.example:web alias: none\n"
	"            Connection: 0\n                IP Address: 10.0.0.1\n"
	"    LUN information:\n"
	"        LUN: 0\n            Type: controller\n            SCSI ID: recast:web\n"
	"            SCSI SN: g12:\n            Backing store path: None\n"
	"        LUN: 1\n            Type: disk\n            SCSI ID: abc\n            SCSI SN: abc\n"
	"            Backing store path: /pool/web-root.img\n"
	"    Account information:\n        web.g12\n"
	"    ACL information:\n        iqn.2026-01.example:web\n        10.0.0.9\n"
	"Target 8: iqn.2020-01.foreign:x\n    LUN information:\n        LUN: 0\n"
	"            SCSI ID: IET     00080000\n            SCSI SN: beaf80\n";

static void a_listing_is_understood(void **state)
{
	json_auto_t *view = tgt_view_parse(listing);
	const json_t *web = json_array_get(view, 0), *other = json_array_get(view, 1);

	(void)state;
	assert_int_equal(json_array_size(view), 2);
	assert_int_equal(json_int(web, "tid", 0), 7);
	assert_string_equal(json_str(web, "map", ""), "web");
	assert_int_equal(json_int(web, "generation", 0), 12);
	assert_true(json_bool(web, "managed", false));
	assert_int_equal(json_object_size(json_object_get(web, "luns")), 1);
	assert_string_equal(json_str(json_object_get(web, "luns"), "1", ""), "/pool/web-root.img");
	assert_int_equal(json_array_size(json_object_get(web, "acl")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(web, "accounts"), 0)),
			    "web.g12");
	assert_false(json_bool(other, "managed", true));
	assert_string_equal(json_str(other, "map", ""), "iqn.2020-01.foreign:x");
}

static void sessions_are_understood(void **state)
{
	json_auto_t *rows = tgt_sessions_parse("Session: 12\n    Connection: 1\n"
					       "        Initiator: iqn.a\n        IP Address: 10.0.0.1\n"
					       "Session: 13\n    Connection: 0\n");

	(void)state;
	assert_int_equal(json_array_size(rows), 2);
	assert_int_equal(json_int(json_array_get(rows, 0), "sid", 0), 12);
	assert_int_equal(json_int(json_array_get(rows, 0), "cid", 0), 1);
	assert_string_equal(json_str(json_array_get(rows, 0), "address", ""), "10.0.0.1");
	assert_int_equal(json_int(json_array_get(rows, 1), "sid", 0), 13);
}

static void a_mark_is_read_as_it_was_written(void **state)
{
	static const size_t lengths[] = { 1, 28, 29, 30, 48, 53 };
	char name[64], mark[256], text[512], *id, *sn;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		bool adopted = i % 2;

		memset(name, 'n', sizeof(name));
		name[lengths[i / 2]] = '\0';
		assert_true(tgt_mark(mark, sizeof(mark), name, 4294967295, adopted));
		id = strstr(mark, "scsi_id=") + 8;
		sn = strstr(mark, ",scsi_sn=");
		*sn = '\0';
		sn += 9;
		assert_true(strlen(id) <= 36 && strlen(sn) <= 36);
		snprintf(text, sizeof(text),
			 "Target 1: iqn.x\n    LUN information:\n        LUN: 0\n"
			 "            SCSI ID: %s\n            SCSI SN: %s\n",
			 id, sn);
		json_auto_t *view = tgt_view_parse(text);
		assert_string_equal(json_str(json_array_get(view, 0), "map", ""), name);
		assert_int_equal(json_int(json_array_get(view, 0), "generation", 0), 4294967295);
		assert_true(json_bool(json_array_get(view, 0), "managed", false));
		assert_int_equal(json_bool(json_array_get(view, 0), "adopted", false), adopted);
	}
	memset(name, 'n', 63);
	name[63] = '\0';
	assert_false(tgt_mark(mark, sizeof(mark), name, 1, false));
}

static void a_mark_that_names_no_map_is_nobodys(void **state)
{
	static const char *const ids[] = { "recast:", "recast:w\xff", "recast:Web", "recast:a b", "recast:-x" };
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		snprintf(text, sizeof(text),
			 "Target 1: iqn.x\n    LUN information:\n        LUN: 0\n"
			 "            SCSI ID: %s\n            SCSI SN: g1:\n",
			 ids[i]);
		json_auto_t *view = tgt_view_parse(text);
		assert_false(json_bool(json_array_get(view, 0), "managed", true));
	}
}

static void nonsense_is_survived(void **state)
{
	char *copy = strdup(listing);
	size_t len = strlen(copy), i, k;

	(void)state;
	/* Every beginning of a listing, then the listing with every byte changed in turn. */
	for (i = 0; i <= len; i++) {
		char *part = strndup(copy, i);

		json_decref(tgt_view_parse(part));
		json_decref(tgt_sessions_parse(part));
		free(part);
	}
	for (i = 0; i < len; i++)
		for (k = 0; k < 3; k++) {
			char old = copy[i];

			copy[i] = "\n \xff"[k];
			json_decref(tgt_view_parse(copy));
			json_decref(tgt_sessions_parse(copy));
			copy[i] = old;
		}
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listing_is_understood),
		cmocka_unit_test(sessions_are_understood),
		cmocka_unit_test(a_mark_is_read_as_it_was_written),
		cmocka_unit_test(a_mark_that_names_no_map_is_nobodys),
		cmocka_unit_test(nonsense_is_survived),
	};

	return cmocka_run_group_tests_name("tgt", tests, NULL, NULL);
}
