/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/yamlfile: strict YAML to JSON, and where each thing stood.
 */
#include "unit.h"

#include "json.h"
#include "text.h"
#include "yamlfile.h"

static struct yaml_document *parse(const char *text, int *n, struct error *err)
{
	struct yaml_document *docs = NULL;

	*n = yamlfile_parse("site.yaml", text, strlen(text), &docs, err);
	return docs;
}

/* The documents of @text as one line of canonical JSON. */
static void reads_as(const char *text, const char *json)
{
	struct error err = { 0 };
	struct yaml_document *docs;
	char *canonical;
	int n;

	docs = parse(text, &n, &err);
	if (n != 1)
		printf("%s -> %s\n", text, err.text);
	assert_int_equal(n, 1);
	canonical = json_canonical(docs[0].value);
	assert_string_equal(canonical, json);
	free(canonical);
	yamlfile_free(docs, n);
}

TEST(tells_numbers_booleans_and_text_apart)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{ "a: 5", "{\"a\":5}" }, { "a: -5", "{\"a\":-5}" }, { "a: 0", "{\"a\":0}" }, { "a: 1.5", "{\"a\":1.5}" },
		{ "a: \"5\"", "{\"a\":\"5\"}" }, { "a: '5'", "{\"a\":\"5\"}" }, { "a: 007", "{\"a\":\"007\"}" },
		{ "a: 0x10", "{\"a\":\"0x10\"}" }, { "a: 1e3", "{\"a\":\"1e3\"}" }, { "a: .", "{\"a\":\".\"}" },
		{ "a: 1.2.3.4", "{\"a\":\"1.2.3.4\"}" }, { "a: 10.1.0.0/24", "{\"a\":\"10.1.0.0/24\"}" },
		{ "a: true", "{\"a\":true}" }, { "a: false", "{\"a\":false}" }, { "a: 'true'", "{\"a\":\"true\"}" },
		{ "a: yes", "{\"a\":\"yes\"}" }, { "a: no", "{\"a\":\"no\"}" }, { "a: on", "{\"a\":\"on\"}" },
		{ "a: True", "{\"a\":\"True\"}" }, { "a: null", "{\"a\":null}" }, { "a: ~", "{\"a\":null}" },
		{ "a:", "{\"a\":null}" }, { "a: ''", "{\"a\":\"\"}" }, { "a: 64GiB", "{\"a\":\"64GiB\"}" },
		{ "a: 52:54:00:00:01:01", "{\"a\":\"52:54:00:00:01:01\"}" },
		{ "a: 9223372036854775807", "{\"a\":9223372036854775807}" },
		{ "a: 9223372036854775808", "{\"a\":\"9223372036854775808\"}" }, { "a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}" },
		{ "a: +5", "{\"a\":\"+5\"}" }, { "5: x", "{\"5\":\"x\"}" },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		reads_as(rows[i].yaml, rows[i].json);
}

TEST(reads_json_as_yaml)
{
	reads_as("{\"site\": \"lab\", \"n\": [1, {\"x\": null}, true], \"e\": {}, \"l\": []}",
		 "{\"e\":{},\"l\":[],\"n\":[1,{\"x\":null},true],\"site\":\"lab\"}");
	reads_as("{\"a\": \"tab\\tquote\\\"\\u00e4\"}", "{\"a\":\"tab\\tquote\\\"\xc3\xa4\"}");
}

TEST(reads_crlf_and_comments)
{
	reads_as("# head\r\na: 1 # one\r\nb:\r\n  - x\r\n  - y\r\n", "{\"a\":1,\"b\":[\"x\",\"y\"]}");
	reads_as("\xef\xbb\xbf" "a: 1\n", "{\"a\":1}");
}

TEST(reads_every_document_of_a_file)
{
	struct yaml_document *docs;
	int n, line, column;

	docs = parse("a: 1\n---\nb: 2\n---\n- c\n", &n, NULL);
	assert_int_equal(n, 3);
	assert_int_equal(json_int(docs[1].value, "b", 0), 2);
	yamlfile_locate(&docs[1], "/b", &line, &column);
	assert_int_equal(line, 3);
	yamlfile_free(docs, n);
	docs = parse("", &n, NULL);
	assert_int_equal(n, 0);
	yamlfile_free(docs, n);
}

TEST(refuses_what_is_not_strict_and_says_where)
{
	static const struct {
		const char *yaml, *complaint;
	} rows[] = {
		{ "a: 1\nb: 2\na: 3\n", "site.yaml:3:1: duplicate key: a" },
		{ "x:\n  a: 1\n  a: 1\n", "site.yaml:3:3: duplicate key: a" },
		{ "a: &x 1\n", "site.yaml:1:4: anchors" },
		{ "a: &x [1]\n", "site.yaml:1:4: anchors" },
		{ "a: &x {b: 1}\n", "site.yaml:1:4: anchors" },
		{ "a: *x\n", "site.yaml:1:4: aliases" },
		{ "*x : 1\n", "site.yaml:1:1: a key must be a plain name" },
		{ "a: !!str 5\n", "site.yaml:1:4: tags" },
		{ "a: !secret x\n", "site.yaml:1:4: tags" },
		{ "a: !!python/object [1]\n", "site.yaml:1:4: tags" },
		{ "a: !!map {b: 1}\n", "site.yaml:1:4: tags" },
		{ "!!str a: 1\n", "site.yaml:1:1: a key must be a plain name" },
		{ "&x a: 1\n", "site.yaml:1:1: a key must be a plain name" },
		{ "[a, b]: 1\n", "site.yaml:1:1: a key must be a plain name" },
		{ "? {a: 1}\n: 2\n", "site.yaml:1:3: a key must be a plain name" },
		{ "a: 1\n b: 2\n", "site.yaml:2:" },
		{ "a: [1, 2\n", "site.yaml:2:1: " },
		{ "a: \"x\n", "site.yaml:" },
		{ "a:\n\t- x\n", "site.yaml:2:1: " },
		{ "a: \"\\0\"\n", "site.yaml:1:4: a NUL byte" },
		{ "\"a\\0b\": 1\n", "site.yaml:1:1: a NUL byte" },
		{ "a: \xff\xfe\n", "site.yaml:" },
		{ "a: \xc0\xaf\n", "site.yaml:" },
		{ "a: \x01\n", "site.yaml:" },
		{ "a: 1\n---\nb: 1\nb: 1\n", "site.yaml:4:1: duplicate key: b" },
	};
	struct yaml_document *docs;
	struct error err;
	size_t i;
	int n;

	for (i = 0; i < COUNT(rows); i++) {
		error_clear(&err);
		docs = parse(rows[i].yaml, &n, &err);
		assert_row(rows[i].yaml, n == -1);
		assert_null(docs);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_contains(err.text, rows[i].complaint);
	}
}

TEST(refuses_nul_bytes_and_files_that_are_too_large)
{
	struct yaml_document *docs = NULL;
	struct error err = { 0 };
	char *big;

	assert_int_equal(yamlfile_parse("f", "a: \0b", 5, &docs, &err), -1);
	assert_contains(err.text, "NUL");
	big = malloc(YAML_FILE_MAX + 1);
	memset(big, '#', YAML_FILE_MAX + 1);
	assert_int_equal(yamlfile_parse("f", big, YAML_FILE_MAX + 1, &docs, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_int_equal(yamlfile_parse("f", big, YAML_FILE_MAX, &docs, &err), 0);
	free(big);
}

static char *nested(int depth)
{
	struct text t = { 0 };
	int i;

	for (i = 0; i < depth; i++)
		text_append(&t, i % 2 ? "{a: " : "[");
	text_append(&t, "1");
	while (i--)
		text_append(&t, i % 2 ? "}" : "]");
	return t.data;
}

TEST(refuses_deep_nesting)
{
	char *fits = nested(31), *deep = nested(32), *abyss = nested(5000);
	struct yaml_document *docs;
	struct error err = { 0 };
	int n;

	docs = parse(fits, &n, NULL);
	assert_int_equal(n, 1);
	yamlfile_free(docs, n);
	parse(deep, &n, &err);
	assert_int_equal(n, -1);
	assert_contains(err.text, "nested too deeply");
	parse(abyss, &n, &err);
	assert_int_equal(n, -1);
	free(fits);
	free(deep);
	free(abyss);
}

TEST(knows_the_line_and_column_of_everything)
{
	static const char text[] = "site: lab\n"
				   "machines:\n"
				   "  node1:\n"
				   "    nics: {eth0: {mac: x}}\n"
				   "    tags:\n"
				   "      - one\n"
				   "      - two\n"
				   "  a/b~c: 1\n";
	static const struct {
		const char *pointer;
		int line, column;
	} rows[] = {
		{ "", 1, 1 }, { "/site", 1, 1 }, { "/machines", 2, 1 }, { "/machines/node1", 3, 3 },
		{ "/machines/node1/nics", 4, 5 }, { "/machines/node1/nics/eth0", 4, 12 },
		{ "/machines/node1/nics/eth0/mac", 4, 19 }, { "/machines/node1/tags/0", 6, 9 },
		{ "/machines/node1/tags/1", 7, 9 }, { "/machines/a~1b~0c", 8, 3 },
		/* what is not there is told at its nearest parent */
		{ "/machines/node1/memory", 3, 3 }, { "/machines/node1/tags/7", 5, 5 },
		{ "/machines/node9/nics/eth0", 2, 1 }, { "/nothing/at/all", 1, 1 },
	};
	struct yaml_document *docs;
	int n, line, column;
	size_t i;

	docs = parse(text, &n, NULL);
	assert_int_equal(n, 1);
	for (i = 0; i < COUNT(rows); i++) {
		yamlfile_locate(&docs[0], rows[i].pointer, &line, &column);
		assert_row(rows[i].pointer, line == rows[i].line && column == rows[i].column);
	}
	yamlfile_free(docs, n);
}

UNIT_MAIN(T(tells_numbers_booleans_and_text_apart), T(reads_json_as_yaml), T(reads_crlf_and_comments),
	  T(reads_every_document_of_a_file), T(refuses_what_is_not_strict_and_says_where),
	  T(refuses_nul_bytes_and_files_that_are_too_large), T(refuses_deep_nesting),
	  T(knows_the_line_and_column_of_everything))
