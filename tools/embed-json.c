/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * embed-json FILE.yaml NAME > NAME.c: one YAML document as JSON in a C string.  Run at build time, so that no
 * controller has to read YAML.
 */
#include "error.h"
#include "text.h"
#include "yamlfile.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 100 };

static void print_literal(const char *json)
{
	size_t i;

	for (i = 0; json[i]; i++) {
		if (i % COLUMNS == 0)
			fputs(i ? "\"\n\"" : "\"", stdout);
		if ((unsigned char)json[i] < 0x20 || (unsigned char)json[i] >= 0x7f || json[i] == '?')
			printf("\\%03o", (unsigned char)json[i]);
		else if (json[i] == '"' || json[i] == '\\')
			printf("\\%c", json[i]);
		else
			putchar(json[i]);
	}
	puts("\";");
}

int main(int argc, char **argv)
{
	struct yaml_document *docs = NULL;
	struct error err = { 0 };
	size_t len = 0;
	char *text, *json;
	int n;

	if (argc != 3 || !(text = text_read_file(argv[1], YAML_FILE_MAX, &len))) {
		fprintf(stderr, "usage: embed-json FILE.yaml NAME\n");
		return 2;
	}
	n = yamlfile_parse(argv[1], text, len, &docs, &err);
	if (n != 1) {
		fprintf(stderr, "embed-json: %s\n", n < 0 ? err.text : "not one document");
		return 1;
	}
	json = json_dumps(docs[0].value, JSON_COMPACT);
	printf("/* Made by tools/embed-json from a YAML file; do not edit. */\nextern const char %s[];\nconst char %s[] =\n",
	       argv[2], argv[2]);
	print_literal(json);
	free(json);
	yamlfile_free(docs, n);
	free(text);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
