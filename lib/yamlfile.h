/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads a YAML 1.1 (or JSON, its subset) file into JSON values and remembers where each key and value stood, so that
 * a later complaint about "/machines/node1/vlna" can be shown with line and column.  Strict: duplicate keys,
 * aliases, anchors, tags, NUL bytes and non-string keys are refused.  Plain scalars become numbers,
 * booleans (true, false) or null (null, ~, empty) by YAML's core schema; all else is a string.
 */
#ifndef RECAST_YAMLFILE_H
#define RECAST_YAMLFILE_H

#include "error.h"

#include <jansson.h>
#include <stddef.h>

enum { YAML_FILE_MAX = 8 * 1024 * 1024 };

struct yaml_document {
	json_t *value;
	struct yaml_marks *marks;
};

/* Parse all documents of @bytes.  Errors are ERROR_INVALID with the text "FILE:LINE:COLUMN: what".
 * Returns the number of documents in *out (free with yamlfile_free), or -1. */
int yamlfile_parse(const char *file, const char *bytes, size_t len, struct yaml_document **out,
	       struct error *err);

/* Line and column (from 1) of the value or key at JSON pointer @pointer; of its nearest known parent
 * when there is none at that place. */
void yamlfile_locate(const struct yaml_document *doc, const char *pointer, int *line, int *column);

void yamlfile_free(struct yaml_document *docs, int n);

#endif
