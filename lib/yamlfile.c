/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * YAML to JSON with positions, over libyaml's event parser.  See yamlfile.h.
 */
#include "yamlfile.h"

#include "arena.h"
#include "json.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 32 };

struct mark {
	char *pointer;
	int line, column;
};

struct yaml_marks {
	struct mark *items; /* sorted by pointer once the document is read */
	size_t n, size;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	const char *file;
	struct yaml_marks *marks;
	struct text pointer; /* of the value being read */
	struct error *err;
	int depth;
};

static int complain(struct reader *r, yaml_mark_t at, const char *what, const char *name)
{
	return error_set(r->err, ERROR_INVALID, "%s:%zu:%zu: %s%s", r->file, at.line + 1, at.column + 1,
			 what, name);
}

static int next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event)) {
		yaml_mark_t at = r->parser.problem_mark;

		memset(&r->event, 0, sizeof(r->event));
		return complain(r, at, r->parser.problem ? r->parser.problem : "not readable as YAML", "");
	}
	return 0;
}

static void remember(struct reader *r, yaml_mark_t at)
{
	struct yaml_marks *m = r->marks;

	if (m->n == m->size) {
		m->size = m->size ? m->size * 2 : 64;
		m->items = xrealloc(m->items, m->size * sizeof(*m->items));
	}
	m->items[m->n++] = (struct mark){ xstrdup(r->pointer.data), (int)at.line + 1, (int)at.column + 1 };
}

/* Append "/key" with the escapes of RFC 6901; returns the length to go back to. */
static size_t push(struct reader *r, const char *key)
{
	size_t before = r->pointer.len;

	text_append(&r->pointer, "/");
	for (; *key; key++) {
		if (*key == '~')
			text_append(&r->pointer, "~0");
		else if (*key == '/')
			text_append(&r->pointer, "~1");
		else
			text_append_len(&r->pointer, key, 1);
	}
	return before;
}

static void pop(struct reader *r, size_t before)
{
	r->pointer.len = before;
	r->pointer.data[before] = '\0';
}

static json_t *plain_scalar(const char *s)
{
	int64_t integer;
	char *end;
	double real;

	if (!*s || !strcmp(s, "~") || !strcmp(s, "null"))
		return json_null();
	if (!strcmp(s, "true"))
		return json_true();
	if (!strcmp(s, "false"))
		return json_false();
	if (text_parse_int(s, INT64_MIN, INT64_MAX, &integer) == 0 && !(s[0] == '0' && s[1]))
		return json_integer(integer);
	if (strspn(s, "0123456789.-+eE") == strlen(s) && strchr(s, '.')) {
		errno = 0;
		real = strtod(s, &end);
		if (!*end && !errno)
			return json_real(real);
	}
	return json_string(s);
}

static json_t *read_scalar(struct reader *r)
{
	const char *s = (const char *)r->event.data.scalar.value;
	json_t *value;

	if (memchr(s, '\0', r->event.data.scalar.length)) {
		complain(r, r->event.start_mark, "a NUL byte is not allowed", "");
		return NULL;
	}
	if (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		value = plain_scalar(s);
	else
		value = json_string(s);
	if (!value)
		complain(r, r->event.start_mark, "not valid UTF-8", "");
	return value;
}

static json_t *read_value(struct reader *r);

static json_t *read_sequence(struct reader *r)
{
	json_t *array = json_array(), *item;
	char index[24];
	size_t before;

	for (;;) {
		if (next(r) < 0)
			break;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return array;
		snprintf(index, sizeof(index), "%zu", json_array_size(array));
		before = push(r, index);
		item = read_value(r);
		pop(r, before);
		if (!item)
			break;
		json_array_append_new(array, item);
	}
	json_decref(array);
	return NULL;
}

static int read_member(struct reader *r, json_t *object)
{
	yaml_mark_t at = r->event.start_mark;
	char *key;
	size_t before;
	json_t *value = NULL;

	if (r->event.type != YAML_SCALAR_EVENT || r->event.data.scalar.tag || r->event.data.scalar.anchor)
		return complain(r, at, "a key must be a plain name", "");
	key = xstrdup((const char *)r->event.data.scalar.value);
	if (strlen(key) != r->event.data.scalar.length) {
		complain(r, at, "a NUL byte is not allowed", "");
	} else if (json_object_get(object, key)) {
		complain(r, at, "duplicate key: ", key);
	} else {
		before = push(r, key);
		remember(r, at);
		value = next(r) < 0 ? NULL : read_value(r);
		pop(r, before);
	}
	if (value && json_object_set_new(object, key, value) < 0) {
		complain(r, at, "not valid UTF-8", "");
		value = NULL;
	}
	free(key);
	return value ? 0 : -1;
}

static json_t *read_mapping(struct reader *r)
{
	json_t *object = json_object();

	for (;;) {
		if (next(r) < 0)
			break;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return object;
		if (read_member(r, object) < 0)
			break;
	}
	json_decref(object);
	return NULL;
}

static bool decorated(struct reader *r)
{
	yaml_char_t *anchor = NULL, *tag = NULL;

	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		anchor = r->event.data.scalar.anchor;
		tag = r->event.data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = r->event.data.sequence_start.anchor;
		tag = r->event.data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = r->event.data.mapping_start.anchor;
		tag = r->event.data.mapping_start.tag;
		break;
	case YAML_ALIAS_EVENT:
		complain(r, r->event.start_mark, "aliases (*name) are not allowed: write the value out", "");
		return true;
	default:
		break;
	}
	if (anchor)
		complain(r, r->event.start_mark, "anchors (&name) are not allowed", "");
	else if (tag)
		complain(r, r->event.start_mark, "tags (!name) are not allowed", "");
	return anchor || tag;
}

static json_t *read_value(struct reader *r)
{
	json_t *value = NULL;

	if (decorated(r))
		return NULL;
	if (++r->depth > DEPTH_MAX) {
		complain(r, r->event.start_mark, "nested too deeply", "");
		return NULL;
	}
	/* Keys are marked where the key stands; elements of lists have only the value's place. */
	if (r->marks->n == 0 || strcmp(r->marks->items[r->marks->n - 1].pointer, r->pointer.data) != 0)
		remember(r, r->event.start_mark);
	if (r->event.type == YAML_SCALAR_EVENT)
		value = read_scalar(r);
	else if (r->event.type == YAML_SEQUENCE_START_EVENT)
		value = read_sequence(r);
	else if (r->event.type == YAML_MAPPING_START_EVENT)
		value = read_mapping(r);
	r->depth--;
	return value;
}

static int compare_marks(const void *a, const void *b)
{
	return strcmp(((const struct mark *)a)->pointer, ((const struct mark *)b)->pointer);
}

static int read_document(struct reader *r, struct yaml_document *doc)
{
	doc->marks = r->marks = xcalloc(1, sizeof(*r->marks));
	r->depth = 0;
	pop(r, 0);
	if (next(r) < 0)
		return -1;
	doc->value = read_value(r);
	if (!doc->value || next(r) < 0) /* the end of the document */
		return -1;
	qsort(r->marks->items, r->marks->n, sizeof(*r->marks->items), compare_marks);
	return 0;
}

static int read_stream(struct reader *r, struct yaml_document **out)
{
	int n = 0;

	*out = NULL;
	if (next(r) < 0)
		return -1; /* stream start */
	for (;;) {
		if (next(r) < 0)
			break;
		if (r->event.type == YAML_STREAM_END_EVENT)
			return n;
		*out = xrealloc(*out, (size_t)(n + 1) * sizeof(**out));
		(*out)[n] = (struct yaml_document){ 0 };
		if (read_document(r, &(*out)[n++]) < 0)
			break;
	}
	yamlfile_free(*out, n);
	*out = NULL;
	return -1;
}

int yamlfile_parse(const char *file, const char *bytes, size_t len, struct yaml_document **out,
	       struct error *err)
{
	struct reader r = { .file = file, .err = err };
	int n;

	*out = NULL;
	if (len > YAML_FILE_MAX)
		return error_set(err, ERROR_TOO_LARGE, "%s: larger than %d MiB", file, YAML_FILE_MAX >> 20);
	if (memchr(bytes, '\0', len))
		return error_set(err, ERROR_INVALID, "%s: holds a NUL byte, so it is not a text file", file);
	if (!yaml_parser_initialize(&r.parser))
		return error_set(err, ERROR_INTERNAL, "cannot start the YAML parser");
	text_append(&r.pointer, "");
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, len);
	n = read_stream(&r, out);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	text_fini(&r.pointer);
	return n;
}

static const struct mark *find(const struct yaml_marks *marks, const char *pointer)
{
	struct mark key = { .pointer = (char *)pointer };

	return bsearch(&key, marks->items, marks->n, sizeof(*marks->items), compare_marks);
}

void yamlfile_locate(const struct yaml_document *doc, const char *pointer, int *line, int *column)
{
	char *p = xstrdup(pointer), *slash;
	const struct mark *m = find(doc->marks, p);

	while (!m && (slash = strrchr(p, '/'))) {
		*slash = '\0';
		m = find(doc->marks, p);
	}
	*line = m ? m->line : 1;
	*column = m ? m->column : 1;
	free(p);
}

void yamlfile_free(struct yaml_document *docs, int n)
{
	size_t j;
	int i;

	for (i = 0; i < n; i++) {
		json_decref(docs[i].value);
		for (j = 0; docs[i].marks && j < docs[i].marks->n; j++)
			free(docs[i].marks->items[j].pointer);
		if (docs[i].marks)
			free(docs[i].marks->items);
		free(docs[i].marks);
	}
	free(docs);
}
