/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drivers/sdk/port.c: merging a wish into what a port is.
 */
#include "json.h"
#include "port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
	const char *title;
	const char *now;   /* a wish that makes the port what it is at first */
	const char *set;   /* the wish under test */
	const char *want;  /* members of the port afterwards, or NULL: refused */
	enum error_code code;
} rows[] = {
	{ "an access port drops its tagged VLANs", "{'mode':'trunk','native':5,'tagged':[6,7]}",
	  "{'mode':'access','native':9}", "{'mode':'access','native':9,'tagged':[]}", 0 },
	{ "access without a VLAN keeps the native one", "{'mode':'trunk','native':5,'tagged':[6]}",
	  "{'mode':'access'}", "{'mode':'access','native':5,'tagged':[]}", 0 },
	{ "access without any VLAN is refused", "{'mode':'trunk','native':0,'tagged':[6]}",
	  "{'mode':'access'}", NULL, ERROR_INVALID },
	{ "a trunk needs a tagged VLAN", "{'mode':'access','native':5}", "{'mode':'trunk'}", NULL,
	  ERROR_INVALID },
	{ "the native VLAN of a trunk is not tagged too", "{'mode':'access','native':5}",
	  "{'mode':'trunk','native':6,'tagged':[6,7]}", "{'native':6,'tagged':[7]}", 0 },
	{ "a trunk of its native VLAN alone is refused", "{'mode':'access','native':5}",
	  "{'mode':'trunk','native':6,'tagged':[6]}", NULL, ERROR_INVALID },
	{ "tagged VLANs are sorted and single", "{'mode':'access','native':5}",
	  "{'mode':'trunk','native':0,'tagged':[4095,64,1,63,64]}", "{'tagged':[1,63,64,4095]}", 0 },
	{ "a rate alone leaves the VLANs", "{'mode':'access','native':5}", "{'rate_kbit':9}",
	  "{'mode':'access','native':5,'rate_kbit':9}", 0 },
	{ "VLAN 4096 is none", "{'mode':'access','native':5}", "{'native':4096}", NULL, ERROR_INVALID },
	{ "an unknown member is refused", "{'mode':'access','native':5}", "{'speed':1}", NULL,
	  ERROR_INVALID },
	{ "an open port cannot be wished for", "{'mode':'access','native':5}", "{'mode':'open'}", NULL,
	  ERROR_INVALID },
};

static json_t *parse(const char *text)
{
	json_t *v;
	char *copy = strdup(text), *p;

	for (p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	v = json_decode(copy, strlen(copy), NULL);
	assert_non_null(v);
	free(copy);
	return v;
}

static int merge(struct port_config *port, const char *set, const char *owner, int64_t generation,
		 struct error *err)
{
	json_auto_t *v = parse(set);
	struct driver_change c = { .set = v, .owner = owner, .generation = generation };

	return port_merge(port, &c, err);
}

static void merges_wishes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct port_config port = { .native = 1, .enabled = true };
		struct error err = { 0 };
		int rc;

		print_message("  %s\n", rows[i].title);
		assert_int_equal(merge(&port, rows[i].now, NULL, 0, &err), 0);
		rc = merge(&port, rows[i].set, NULL, 0, &err);
		assert_int_equal(rc, rows[i].want ? 0 : -1);
		assert_int_equal(err.code, rows[i].code);
		if (rows[i].want) {
			json_auto_t *want = parse(rows[i].want), *is = port_to_json(&port);
			const char *key;
			json_t *v;

			json_object_foreach(want, key, v)
				assert_true(json_equal(v, json_object_get(is, key)));
		}
	}
}

static void a_stamp_is_kept_replaced_or_removed(void **state)
{
	struct port_config port = { .native = 1, .enabled = true }, before;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(merge(&port, "{'native':7}", "web", 3, &err), 0);
	assert_int_equal(merge(&port, "{'native':8}", NULL, 0, &err), 0);
	assert_string_equal(port.owner, "web");
	assert_int_equal(port.generation, 3);
	before = port;
	assert_int_equal(merge(&port, "{'native':9}", "web", 2, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	port = before;
	assert_int_equal(merge(&port, "{}", "web", 3, &err), 0);
	assert_true(port_equal(&port, &before));
	assert_int_equal(merge(&port, "{}", "db", 1, &err), 0);
	assert_string_equal(port.owner, "db");
	assert_int_equal(merge(&port, "{}", "", 0, &err), 0);
	assert_string_equal(port.owner, "");
	assert_int_equal(port.generation, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_wishes),
		cmocka_unit_test(a_stamp_is_kept_replaced_or_removed),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
