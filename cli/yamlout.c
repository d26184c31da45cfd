/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON values as YAML.  A string stands plain only when no YAML reader could take it for anything
 * else; all others are written as JSON strings, which YAML's double quotes include.
 */
#include "output.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_reserved(const char *s)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no",
					     "on",   "off",  "y",     "n" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(words[i], s))
			return true;
	return false;
}

/* Letters first, and then only what means nothing to YAML in any place. */
static bool may_stand_plain(const char *s)
{
	size_t n = strlen(s);

	if (!isalpha((unsigned char)*s) && *s != '/')
		return false;
	if (is_reserved(s) || s[n - 1] == ' ' || s[n - 1] == ':')
		return false;
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("_-./+@=()", *s))
			continue;
		if (*s == ':' && s[1] != ' ')
			continue;
		if (*s == ' ' && s[1] != '#')
			continue;
		return false;
	}
	return true;
}

/* Characters that JSON lets stand in a string and YAML does not, or takes for the end of a line. */
static const char *escape_of(const char *c, size_t *len)
{
	static char out[8];
	static const struct {
		const char *bytes, *escape;
	} wide[] = { { "\xe2\x80\xa8", "\\u2028" },
		     { "\xe2\x80\xa9", "\\u2029" },
		     { "\xef\xbb\xbf", "\\ufeff" } };
	size_t i;

	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (!strncmp(c, wide[i].bytes, 3)) {
			*len = 3;
			return wide[i].escape;
		}
	*len = *c == 0x7f ? 1 : 2;
	if (*c != 0x7f && ((unsigned char)c[0] != 0xc2 || (unsigned char)c[1] >= 0xa0))
		return NULL;
	snprintf(out, sizeof(out), "\\x%02x", (unsigned char)c[*len - 1]);
	return out;
}

static void put_quoted(FILE *f, const char *s)
{
	json_t *value = json_string(s);
	char *quoted = json_dumps(value, JSON_ENCODE_ANY);
	const char *c, *escape;
	size_t len;

	for (c = quoted; *c; c += len) {
		escape = escape_of(c, &len);
		if (escape) {
			fputs(escape, f);
		} else {
			fputc(*c, f);
			len = 1;
		}
	}
	free(quoted);
	json_decref(value);
}

static void put_string(FILE *f, const char *s)
{
	if (may_stand_plain(s))
		fputs(s, f);
	else
		put_quoted(f, s);
}

static bool is_block(const json_t *value)
{
	return (json_is_object(value) && json_object_size(value)) ||
	       (json_is_array(value) && json_array_size(value));
}

static void put_scalar(FILE *f, const json_t *value)
{
	if (json_is_string(value))
		put_string(f, json_string_value(value));
	else
		json_dumpf(value, f, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* The members of an object or items of an array; @begun: the first line's indent stands already. */
static void put_block(FILE *f, const json_t *value, int indent, bool begun)
{
	const char *key;
	json_t *item;
	size_t i;

	json_object_foreach((json_t *)value, key, item) {
		fprintf(f, "%*s", begun ? 0 : indent, "");
		begun = false;
		put_string(f, key);
		fputs(is_block(item) ? ":\n" : ": ", f);
		if (is_block(item)) {
			put_block(f, item, json_is_array(item) ? indent : indent + 2, false);
		} else {
			put_scalar(f, item);
			fputc('\n', f);
		}
	}
	json_array_foreach(value, i, item) {
		fprintf(f, "%*s- ", begun ? 0 : indent, "");
		begun = false;
		if (is_block(item)) {
			put_block(f, item, indent + 2, true);
		} else {
			put_scalar(f, item);
			fputc('\n', f);
		}
	}
}

void output_yaml(FILE *f, const json_t *value, int indent)
{
	if (is_block(value)) {
		put_block(f, value, indent, false);
	} else {
		fprintf(f, "%*s", indent, "");
		put_scalar(f, value);
		fputc('\n', f);
	}
}
