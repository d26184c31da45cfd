/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/model/problems: complaints with their place, and the check of an object against its fields.
 */
#include "unit.h"

#include "json.h"
#include "problems.h"

static const struct field fields[] = {
	{ "any", FIELD_ANY },	 { "string", FIELD_STRING }, { "name", FIELD_NAME }, { "int", FIELD_INT, false, 1, 10 },
	{ "bool", FIELD_BOOL },	 { "object", FIELD_OBJECT }, { "list", FIELD_LIST }, { "size", FIELD_SIZE },
	{ "rate", FIELD_RATE },	 { "duration", FIELD_DURATION }, { "text", FIELD_TEXT }, { "free", FIELD_INT }, { NULL },
};

static const struct place top = { .document = 3, .pointer = "/m" };

static json_t *check(const char *text, const struct field *f)
{
	struct problems p = { 0 };
	json_t *o = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL), *items;

	assert_non_null(o);
	fields_check(&p, &top, o, f);
	items = p.items ? json_incref(p.items) : json_array();
	assert_int_equal(problems_any(&p), json_array_size(items) > 0);
	problems_fini(&p);
	json_decref(o);
	return items;
}

TEST(takes_what_is_of_its_type)
{
	static const char *const good[] = {
		"{}", "{\"any\": [null, {\"x\": 1}]}", "{\"string\": \"\"}", "{\"name\": \"node-1\"}", "{\"int\": 1}",
		"{\"int\": 10}", "{\"bool\": false}", "{\"object\": {}}", "{\"list\": []}", "{\"list\": [\"a\", \"b\"]}",
		"{\"size\": \"64GiB\"}", "{\"size\": 0}", "{\"rate\": \"2Gbit\"}", "{\"duration\": \"5m\"}",
		"{\"duration\": 30}", "{\"text\": \"\xc3\xa4 b\"}", "{\"free\": -99}",
	};
	size_t i;
	json_t *items;

	for (i = 0; i < COUNT(good); i++) {
		items = check(good[i], fields);
		assert_row(good[i], json_array_size(items) == 0);
		json_decref(items);
	}
}

TEST(refuses_what_is_not_of_its_type)
{
	static const struct {
		const char *text, *pointer, *detail;
	} rows[] = {
		{ "[]", "/m", "must be a mapping" }, { "\"x\"", "/m", "must be a mapping" },
		{ "{\"string\": 5}", "/m/string", "must be text" }, { "{\"string\": null}", "/m/string", "must be text" },
		{ "{\"text\": \"a\\nb\"}", "/m/text", "must be text" }, { "{\"text\": \"\\u007f\"}", "/m/text", "must be text" },
		{ "{\"name\": \"A\"}", "/m/name", "must be a name" }, { "{\"name\": \"\"}", "/m/name", "must be a name" },
		{ "{\"name\": 1}", "/m/name", "must be a name" }, { "{\"int\": \"1\"}", "/m/int", "whole number" },
		{ "{\"int\": 1.0}", "/m/int", "whole number" }, { "{\"int\": 0}", "/m/int", "between 1 and 10, not 0" },
		{ "{\"int\": 11}", "/m/int", "between 1 and 10, not 11" }, { "{\"bool\": 0}", "/m/bool", "true or false" },
		{ "{\"bool\": \"true\"}", "/m/bool", "true or false" }, { "{\"object\": []}", "/m/object", "mapping" },
		{ "{\"list\": \"a\"}", "/m/list", "list of text" }, { "{\"list\": [1]}", "/m/list", "list of text" },
		{ "{\"list\": [\"a\\u0001\"]}", "/m/list", "list of text" }, { "{\"size\": \"64\xc3\xa4\"}", "/m/size", "64GiB" },
		{ "{\"size\": true}", "/m/size", "64GiB" }, { "{\"size\": -1}", "/m/size", "64GiB" },
		{ "{\"rate\": 5}", "/m/rate", "2Gbit" }, { "{\"rate\": \"fast\"}", "/m/rate", "2Gbit" },
		{ "{\"duration\": \"soon\"}", "/m/duration", "30s" }, { "{\"duration\": -5}", "/m/duration", "30s" },
		{ "{\"duration\": 9223372036854775807}", "/m/duration", "30s" }, { "{\"duration\": 1.5}", "/m/duration", "30s" },
	};
	json_t *items, *item;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		items = check(rows[i].text, fields);
		assert_row(rows[i].text, json_array_size(items) == 1);
		item = json_array_get(items, 0);
		assert_int_equal(json_int(item, "document", -9), 3);
		assert_string_equal(json_str(item, "pointer", ""), rows[i].pointer);
		assert_contains(json_str(item, "detail", ""), rows[i].detail);
		json_decref(items);
	}
}

TEST(hints_at_the_nearest_known_key)
{
	json_t *items = check("{\"durration\": 5, \"zzz\": 1}", fields);

	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_str(json_array_get(items, 0), "detail", ""), "unknown key `durration`");
	assert_string_equal(json_str(json_array_get(items, 0), "hint", ""), "did you mean `duration`?");
	assert_null(json_str(json_array_get(items, 1), "hint", NULL));
	json_decref(items);
}

TEST(names_each_member_that_is_missing)
{
	static const struct field required[] = { { "a", FIELD_INT, true }, { "b", FIELD_INT, true }, { "c", FIELD_INT }, { NULL } };
	json_t *items = check("{\"c\": 1}", required);

	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_str(json_array_get(items, 1), "detail", ""), "`b` is missing");
	assert_string_equal(json_str(json_array_get(items, 1), "pointer", ""), "/m");
	json_decref(items);
}

TEST(escapes_keys_in_pointers)
{
	struct place root = { 0 }, below = place_below(&root, "a/b~c");

	assert_string_equal(below.pointer, "/a~1b~0c");
	below = place_below(&below, "d");
	assert_string_equal(below.pointer, "/a~1b~0c/d");
}

TEST(cuts_pointers_that_are_too_long)
{
	struct place at = { 0 };
	char key[400];
	int i;

	memset(key, '~', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	for (i = 0; i < 5; i++)
		at = place_below(&at, key);
	assert_true(strlen(at.pointer) < sizeof(at.pointer));
	assert_true(strlen(at.pointer) > 200);
}

TEST(keeps_a_complaint_whose_pointer_is_cut_within_a_character)
{
	static const char *const parents[] = { "", "x" };
	struct problems p = { 0 };
	char key[401];
	size_t i;

	for (i = 0; i < 400; i += 2)
		memcpy(key + i, "\xc3\xa4", 3);
	for (i = 0; i < 2; i++) {
		struct place parent = { .document = 0 }, at;

		strcpy(parent.pointer, parents[i]);
		at = place_below(&parent, key);
		problems_add(&p, &at, NULL, "wrong");
	}
	assert_int_equal(json_array_size(p.items), 2);
	problems_fini(&p);
}

TEST(keeps_a_hundred_complaints_and_counts_the_rest)
{
	struct problems p = { 0 };
	int i;

	assert_false(problems_any(&p));
	for (i = 0; i < PROBLEMS_MAX + 7; i++)
		problems_add(&p, &top, i ? NULL : "a hint", "number %d", i);
	assert_int_equal(json_array_size(p.items), PROBLEMS_MAX);
	assert_int_equal(p.dropped, 7);
	assert_string_equal(json_str(json_array_get(p.items, 0), "hint", ""), "a hint");
	assert_string_equal(json_str(json_array_get(p.items, 99), "detail", ""), "number 99");
	problems_fini(&p);
	assert_false(problems_any(&p));
}

UNIT_MAIN(T(takes_what_is_of_its_type), T(refuses_what_is_not_of_its_type), T(hints_at_the_nearest_known_key),
	  T(names_each_member_that_is_missing), T(escapes_keys_in_pointers), T(cuts_pointers_that_are_too_long),
	  T(keeps_a_complaint_whose_pointer_is_cut_within_a_character),
	  T(keeps_a_hundred_complaints_and_counts_the_rest))
