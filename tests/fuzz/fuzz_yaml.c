/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * YAML files (lib/yamlfile.c): values are JSON, and every place in them has a line.
 */
#include "fuzz.h"

#include "yamlfile.h"

FUZZ_TARGET

static void check_places(const struct yaml_document *doc, const char *bytes, size_t len)
{
	char *pointer = fuzz_string(bytes, len < 200 ? len : 200);
	int line = 0, column = 0;

	yamlfile_locate(doc, pointer, &line, &column);
	fuzz_assert(line >= 1 && column >= 1);
	yamlfile_locate(doc, "", &line, &column);
	fuzz_assert(line >= 1 && column >= 1);
	free(pointer);
}

static void fuzz(const char *bytes, size_t len)
{
	struct yaml_document *docs = NULL;
	struct error err = { 0 };
	int n = yamlfile_parse("site.yaml", bytes, len, &docs, &err), i;

	if (n < 0) {
		fuzz_check_error(&err);
		fuzz_assert(!strncmp(err.text, "site.yaml:", 10));
		return;
	}
	for (i = 0; i < n; i++) {
		fuzz_check_json(docs[i].value);
		check_places(&docs[i], bytes, len);
	}
	yamlfile_free(docs, n);
}
