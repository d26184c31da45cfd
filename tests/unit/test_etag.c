/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Entity tags and what requests expect of them (RFC 9110, sections 8.8.3 and 13.1).
 */
#include "unit.h"

#include "private.h"

TEST(a_list_of_tags_matches_when_one_does)
{
	static const struct {
		const char *header;
		int strong, weak; /* against "a" */
	} cases[] = {
		{ "\"a\"", 1, 1 },	     { "\"b\"", 0, 0 },		{ "W/\"a\"", 0, 1 },	   { "*", 1, 1 },
		{ "\"b\", \"a\"", 1, 1 },    { "\"b\" ,\t\"a\"", 1, 1 }, { "  \"a\" ", 1, 1 },	   { "\"aa\"", 0, 0 },
		{ "W/\"b\", \"c\"", 0, 0 },  { "a", -1, -1 },		{ "\"a", -1, -1 },	   { "", -1, -1 },
		{ "\"a\",", -1, -1 },	     { "\"a\" \"b\"", -1, -1 },	{ "w/\"a\"", -1, -1 },	   { "\"a b\"", -1, -1 },
		{ "*, \"a\"", -1, -1 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(etag_matches(cases[i].header, "\"a\"", false), cases[i].strong);
		assert_int_equal(etag_matches(cases[i].header, "\"a\"", true), cases[i].weak);
		assert_int_equal(etag_matches(cases[i].header, NULL, true), cases[i].strong < 0 ? -1 : 0);
	}
}

TEST(equal_answers_have_equal_tags_whatever_the_order_of_their_members)
{
	json_auto_t *a = json_pack("{s:i, s:i}", "x", 1, "y", 2), *b = json_pack("{s:i, s:i}", "y", 2, "x", 1),
		    *c = json_pack("{s:i}", "x", 1);
	char ta[ETAG_SIZE], tb[ETAG_SIZE], tc[ETAG_SIZE];

	etag_of(a, ta);
	etag_of(b, tb);
	etag_of(c, tc);
	assert_string_equal(ta, tb);
	assert_string_not_equal(ta, tc);
	assert_int_equal(etag_matches(ta, ta, false), 1);
}

static enum error_code check(const char *match, const char *none, const char *tag, bool needed)
{
	json_auto_t *headers = json_object();
	struct error err = { 0 };

	if (match)
		json_object_set_new(headers, "if-match", json_string(match));
	if (none)
		json_object_set_new(headers, "if-none-match", json_string(none));
	etag_check(headers, tag, needed, &err);
	return err.code;
}

TEST(a_change_goes_through_only_as_its_headers_say)
{
	assert_int_equal(check(NULL, NULL, "\"a\"", true), ERROR_PRECONDITION_REQUIRED);
	assert_int_equal(check(NULL, NULL, "\"a\"", false), ERROR_NONE);
	assert_int_equal(check("\"a\"", NULL, "\"a\"", true), ERROR_NONE);
	assert_int_equal(check("\"b\"", NULL, "\"a\"", true), ERROR_PRECONDITION);
	assert_int_equal(check("*", NULL, NULL, true), ERROR_PRECONDITION);
	assert_int_equal(check(NULL, "*", NULL, true), ERROR_NONE);
	assert_int_equal(check(NULL, "*", "\"a\"", true), ERROR_PRECONDITION);
	assert_int_equal(check("x", NULL, "\"a\"", true), ERROR_USAGE);
	assert_int_equal(check("\"a\"", "y", "\"a\"", true), ERROR_USAGE);
	assert_int_equal(check("\"a\"", "\"a\"", "\"a\"", true), ERROR_PRECONDITION);
}

UNIT_MAIN(T(a_list_of_tags_matches_when_one_does), T(equal_answers_have_equal_tags_whatever_the_order_of_their_members),
	  T(a_change_goes_through_only_as_its_headers_say))
