/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/json: strict decoding, getters that never fail, canonical text and its hash.
 */
#include "unit.h"

#include "json.h"
#include "text.h"

static json_t *decode(const char *s, struct error *err)
{
	return json_decode(s, strlen(s), err);
}

TEST(refuses_what_is_not_strict_json)
{
	static const struct {
		const char *text, *complaint;
	} rows[] = {
		{ "{\"a\": 1, \"a\": 2}", "duplicate" }, { "{\"a\": 1} x", "line 1" }, { "{\"a\": 1", "line 1" },
		{ "", "line" }, { "5", "line 1" }, { "\"x\"", "line 1" }, { "{\n\"a\": tru\n}", "line 2" },
		{ "{\"a\": \"\\u0000\"}", "line 1" }, { "{\"\\u0000\": 1}", "line 1" }, { "{\"a\": \"\xff\"}", "line 1" },
		{ "[1,]", "line 1" }, { "{'a': 1}", "line 1" }, { "{\"a\\", "line 1" },
	};
	struct error err;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		error_clear(&err);
		assert_row(rows[i].text, decode(rows[i].text, &err) == NULL);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_contains(err.text, rows[i].complaint);
	}
}

TEST(refuses_a_raw_nul_byte)
{
	struct error err = { 0 };

	assert_null(json_decode("{}\0", 3, &err));
	assert_contains(err.text, "NUL");
	assert_null(json_decode("{\"a\0\": 1}", 9, NULL));
}

static char *nested(int depth)
{
	struct text t = { 0 };
	int i;

	for (i = 0; i < depth; i++)
		text_append(&t, i % 2 ? "[" : "{\"a\":");
	text_append(&t, "{}");
	while (i--)
		text_append(&t, i % 2 ? "]" : "}");
	return t.data;
}

TEST(takes_64_levels_and_refuses_65)
{
	char *deepest = nested(JSON_DEPTH_MAX - 1), *too_deep = nested(JSON_DEPTH_MAX);
	struct error err = { 0 };
	json_t *v = decode(deepest, &err);

	assert_non_null(v);
	json_decref(v);
	assert_null(decode(too_deep, &err));
	assert_contains(err.text, "deeper than 64");
	free(deepest);
	free(too_deep);
}

TEST(does_not_count_brackets_inside_of_strings)
{
	struct text t = { 0 };
	json_t *v;
	int i;

	text_append(&t, "{\"a\": \"\\\"");
	for (i = 0; i < 200; i++)
		text_append(&t, "[{");
	text_append(&t, "\\\\\"}");
	v = decode(t.data, NULL);
	assert_non_null(v);
	assert_int_equal(strlen(json_str(v, "a", "")), 402);
	json_decref(v);
	text_fini(&t);
}

TEST(gives_equal_values_equal_text_and_hash)
{
	json_t *a = decode("{\"b\": [1, {\"y\": null, \"x\": true}], \"a\": \"\xc3\xa4\"}", NULL);
	json_t *b = decode(" { \"a\":\"\\u00e4\",\n\"b\":[1,{\"x\":true,\"y\":null}]}", NULL);
	json_t *c = decode("{\"a\": \"\xc3\xa4\", \"b\": [{\"x\": true, \"y\": null}, 1]}", NULL);
	char *text = json_canonical(a), *other = json_canonical(b), ha[JSON_HASH_TEXT], hb[JSON_HASH_TEXT];

	assert_string_equal(text, "{\"a\":\"\xc3\xa4\",\"b\":[1,{\"x\":true,\"y\":null}]}");
	assert_string_equal(text, other);
	json_hash(a, ha);
	json_hash(b, hb);
	assert_string_equal(ha, hb);
	assert_int_equal(strlen(ha), 32);
	assert_int_equal(strspn(ha, "0123456789abcdef"), 32);
	json_hash(c, hb); /* the order of a list means something */
	assert_string_not_equal(ha, hb);
	free(text);
	free(other);
	json_decref(a);
	json_decref(b);
	json_decref(c);
}

TEST(has_canonical_text_for_every_value)
{
	json_t *s = json_string("x");
	char *text = json_canonical(NULL), *scalar = json_canonical(s);

	assert_string_equal(text, "null");
	assert_string_equal(scalar, "\"x\"");
	free(text);
	free(scalar);
	json_decref(s);
}

TEST(answers_the_default_for_absent_and_wrong_types)
{
	json_t *o = decode("{\"s\": \"t\", \"i\": 5, \"b\": true, \"n\": null}", NULL);

	assert_string_equal(json_str(o, "s", "d"), "t");
	assert_string_equal(json_str(o, "i", "d"), "d");
	assert_string_equal(json_str(o, "x", "d"), "d");
	assert_null(json_str(o, "n", NULL));
	assert_null(json_str(NULL, "n", NULL));
	assert_int_equal(json_int(o, "i", 1), 5);
	assert_int_equal(json_int(o, "s", 1), 1);
	assert_int_equal(json_int(NULL, "s", 1), 1);
	assert_true(json_bool(o, "b", false));
	assert_true(json_bool(o, "i", true));
	assert_false(json_bool(o, "x", false));
	json_setf(o, "f", "%s-%d", "a", 7);
	assert_string_equal(json_str(o, "f", ""), "a-7");
	json_decref(o);
}

UNIT_MAIN(T(refuses_what_is_not_strict_json), T(refuses_a_raw_nul_byte), T(takes_64_levels_and_refuses_65),
	  T(does_not_count_brackets_inside_of_strings), T(gives_equal_values_equal_text_and_hash),
	  T(has_canonical_text_for_every_value), T(answers_the_default_for_absent_and_wrong_types))
