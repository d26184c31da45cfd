/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON values as YAML.  A string stands plain only when no YAML reader could take it for anything else;
 * all others are written as JSON strings, which YAML's double quotes include.
 */
#include "output.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_reserved(const char *s)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n" };
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

static void put_quoted(FILE *f, const char *s)
{
	json_t *value = json_string(s);
	char *quoted = json_dumps(value, JSON_ENCODE_ANY), *c;

	for (c = quoted; *c; c++) {
		if (*c == 0x7f)
			fputs("\\x7f", f);
		else if ((unsigned char)c[0] == 0xc2 && (unsigned char)c[1] >= 0x80 && (unsigned char)c[1] < 0xa0)
			fprintf(f, "\\x%02x", (unsigned char)*++c);
		else
			fputc(*c, f);
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
	return (json_is_object(value) && json_object_size(value)) || (json_is_array(value) && json_array_size(value));
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

	json_object_foreach((json_t *)value, key, item)
	{
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
	json_array_foreach(value, i, item)
	{
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
