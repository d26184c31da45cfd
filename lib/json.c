/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Strict decoding and small getters over jansson.  See json.h.
 */
#include "json.h"

#include "arena.h"
#include "cleanup.h"
#include "secret.h"

#include <malloc.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jansson recurses up to 2,048 levels; a hostile frame must not get that far. */
static bool too_deep(const char *s, size_t len)
{
	bool in_string = false;
	size_t i;
	int depth = 0;

	for (i = 0; i < len; i++) {
		if (in_string) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				in_string = false;
		} else if (s[i] == '"') {
			in_string = true;
		} else if (s[i] == '{' || s[i] == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return true;
		} else if (s[i] == '}' || s[i] == ']') {
			depth--;
		}
	}
	return false;
}

json_t *json_decode(const char *bytes, size_t len, struct error *err)
{
	json_error_t je;
	json_t *value;

	if (memchr(bytes, '\0', len)) {
		error_set(err, ERROR_INVALID, "the JSON text holds a NUL byte");
		return NULL;
	}
	if (too_deep(bytes, len)) {
		error_set(err, ERROR_INVALID, "the JSON text nests deeper than %d levels", JSON_DEPTH_MAX);
		return NULL;
	}
	value = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &je);
	if (!value)
		error_set(err, ERROR_INVALID, "line %d, column %d: %s", je.line, je.column, je.text);
	return value;
}

char *json_canonical(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	return text ? text : xstrdup("null");
}

void json_hash(const json_t *value, char out[JSON_HASH_TEXT])
{
	_cleanup_(freep) char *text = json_canonical(value);
	unsigned char hash[16];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
	sodium_bin2hex(out, JSON_HASH_TEXT, hash, sizeof(hash));
}

const char *json_str(const json_t *object, const char *key, const char *missing)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : missing;
}

int64_t json_int(const json_t *object, const char *key, int64_t missing)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? json_integer_value(v) : missing;
}

bool json_bool(const json_t *object, const char *key, bool missing)
{
	const json_t *v = json_object_get(object, key);

	return json_is_boolean(v) ? json_boolean_value(v) : missing;
}

void json_setf(json_t *object, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_object_set_new(object, key, json_vsprintf(fmt, ap));
	va_end(ap);
}

static void *wiping_malloc(size_t size)
{
	return xrealloc(NULL, size ? size : 1);
}

static void wiping_free(void *p)
{
	if (p)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

void json_wipe_freed(void)
{
	json_set_alloc_funcs(wiping_malloc, wiping_free);
}
