/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Complaints about documents, and the check of an object against its table of fields.
 */
#include "problems.h"

#include "clock.h"
#include "json.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct place place_below(const struct place *parent, const char *key)
{
	struct place out = *parent;
	size_t n = strlen(out.pointer);

	if (n + 2 < sizeof(out.pointer))
		out.pointer[n++] = '/';
	for (; *key && n + 3 < sizeof(out.pointer); key++) {
		if (*key == '~' || *key == '/') {
			out.pointer[n++] = '~';
			out.pointer[n++] = *key == '~' ? '0' : '1';
		} else {
			out.pointer[n++] = *key;
		}
	}
	out.pointer[n] = '\0';
	text_clean_utf8(out.pointer); /* a long key may have been cut within a character */
	return out;
}

void problems_add(struct problems *p, const struct place *at, const char *hint, const char *fmt, ...)
{
	json_t *item;
	va_list ap;

	if (!p->items)
		p->items = json_array();
	if (json_array_size(p->items) >= PROBLEMS_MAX) {
		p->dropped++;
		return;
	}
	va_start(ap, fmt);
	item = json_pack("{s:o, s:s, s:o}", "document", at->document >= 0 ? json_integer(at->document) : json_null(), "pointer", at->pointer, "detail",
			 json_vsprintf(fmt, ap));
	va_end(ap);
	if (hint)
		json_object_set_new(item, "hint", json_string(hint));
	json_array_append_new(p->items, item);
}

bool problems_any(const struct problems *p)
{
	return p->items != NULL;
}

void problems_fini(struct problems *p)
{
	json_decref(p->items);
	*p = (struct problems){ 0 };
}

enum { DURATION_MAX_S = 366 * 86400 }; /* as clock_parse_duration_ms() */

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static bool list_of_strings(const json_t *v)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(v))
		return false;
	json_array_foreach(v, i, item)
		if (!json_is_string(item) || !printable(json_string_value(item)))
			return false;
	return true;
}

static bool whole_number_to(const json_t *v, int64_t max)
{
	return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= max;
}

/* What is wrong with @v as a value of @f, or NULL. */
static const char *type_error(const struct field *f, const json_t *v)
{
	const char *s = json_string_value(v);

	switch (f->type) {
	case FIELD_ANY:
		return NULL;
	case FIELD_STRING:
	case FIELD_TEXT:
		return s && printable(s) ? NULL : "must be text";
	case FIELD_NAME:
		return s && text_is_name(s) ? NULL
					    : "must be a name: 1 to 63 of a-z 0-9 - . _, beginning with a letter or digit";
	case FIELD_INT:
		return json_is_integer(v) ? NULL : "must be a whole number";
	case FIELD_BOOL:
		return json_is_boolean(v) ? NULL : "must be true or false";
	case FIELD_OBJECT:
		return json_is_object(v) ? NULL : "must be a mapping (key: value)";
	case FIELD_LIST:
		return list_of_strings(v) ? NULL : "must be a list of text";
	case FIELD_SIZE:
		return whole_number_to(v, INT64_MAX) || (s && text_parse_size(s) >= 0) ? NULL
										: "must be a size such as 64GiB";
	case FIELD_RATE:
		return s && text_parse_rate_kbit(s) >= 0 ? NULL : "must be a rate such as 2Gbit";
	case FIELD_DURATION:
		return whole_number_to(v, DURATION_MAX_S) || (s && clock_parse_duration_ms(s) >= 0)
			       ? NULL
			       : "must be a time such as 30s or 5m";
	}
	return NULL;
}

static const struct field *find_field(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

static void unknown_key(struct problems *p, const struct place *at, const char *key,
			const struct field *fields)
{
	const char *names[64], *near;
	char hint[128];
	size_t n = 0;

	for (; fields->name && n < 64; fields++)
		names[n++] = fields->name;
	near = text_nearest(key, names, n);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean `%s`?", near);
	problems_add(p, at, near ? hint : NULL, "unknown key `%s`", key);
}

void fields_check(struct problems *p, const struct place *at, const json_t *object,
		  const struct field *fields)
{
	const struct field *f;
	const char *key, *wrong;
	const json_t *v;
	struct place below;

	if (!json_is_object(object)) {
		problems_add(p, at, NULL, "must be a mapping (key: value)");
		return;
	}
	json_object_foreach((json_t *)object, key, v) {
		below = place_below(at, key);
		f = find_field(fields, key);
		if (!f) {
			unknown_key(p, &below, key, fields);
			continue;
		}
		wrong = type_error(f, v);
		if (wrong)
			problems_add(p, &below, NULL, "`%s` %s", key, wrong);
		else if (f->max && (json_integer_value(v) < f->min || json_integer_value(v) > f->max))
			problems_add(p, &below, NULL, "`%s` must be between %ld and %ld, not %lld", key,
				     f->min, f->max, (long long)json_integer_value(v));
	}
	for (f = fields; f->name; f++)
		if (f->required && !json_object_get(object, f->name))
			problems_add(p, at, NULL, "`%s` is missing", f->name);
}
