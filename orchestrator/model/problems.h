/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The list of complaints about documents: every mistake is reported at once, each with the document
 * it is in and a JSON pointer, so that the command line can show file, line and column.
 */
#ifndef RECAST_PROBLEMS_H
#define RECAST_PROBLEMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { PROBLEMS_MAX = 100 };

struct problems {
	json_t *items; /* [{document, pointer, detail, hint?}]; NULL while there are none */
	size_t dropped;
};

/* Where a value stands: the index of its document (-1: stored earlier) and its JSON pointer. */
struct place {
	int document;
	char pointer[256];
};

/* A place below @parent; the key is escaped as RFC 6901 wants. */
struct place place_below(const struct place *parent, const char *key);

void problems_add(struct problems *p, const struct place *at, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool problems_any(const struct problems *p);
void problems_fini(struct problems *p);

/* What a member of an object must be. */
enum field_type {
	FIELD_ANY,
	FIELD_STRING,
	FIELD_NAME,	/* text_is_name() */
	FIELD_INT,
	FIELD_BOOL,
	FIELD_OBJECT,
	FIELD_LIST,	/* of strings */
	FIELD_SIZE,	/* "64GiB" or bytes */
	FIELD_RATE,	/* "2Gbit" */
	FIELD_DURATION, /* "30s" */
	FIELD_TEXT,	/* a string without control characters */
};

struct field {
	const char *name;
	enum field_type type;
	bool required;
	long min, max; /* of FIELD_INT, when max is not 0 */
};

/* Check that @object has only the members of @fields (ended by a NULL name), each of its type, and all
 * that are required.  An unknown key is answered with the nearest known one. */
void fields_check(struct problems *p, const struct place *at, const json_t *object,
		  const struct field *fields);

#endif
