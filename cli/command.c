/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command table and the search in it.  See command.h.
 */
#include "command.h"

#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const struct option_spec option_specs[OPTION_COUNT] = {
#define OPTION(id, letter, name, argument, help) [OPTION_##id] = { letter, name, argument, help },
#include "commands.def"
};

#define O(id) (UINT64_C(1) << OPTION_##id)
const struct command commands[] = {
#define COMMAND(function, words, arguments, options, api, summary, details, examples) \
	{ cmd_##function, words, arguments, options, api, summary, details, examples },
#include "commands.def"
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);
const uint64_t general_options = O(HELP) | O(OUTPUT) | O(SOCKET) | O(CONTEXT);
#undef O

/* How many of @words are exactly those of @c: all of c's, or 0. */
static int match(const struct command *c, const char *const *words, int n)
{
	const char *s = c->words;
	int used;

	for (used = 0; *s; used++) {
		size_t len = strcspn(s, " ");

		if (used == n || strlen(words[used]) != len || strncmp(words[used], s, len))
			return 0;
		s += len + strspn(s + len, " ");
	}
	return used;
}

const struct command *command_find(const char *const *words, int n, int *used)
{
	size_t i;

	for (i = 0; i < n_commands; i++) {
		*used = match(&commands[i], words, n);
		if (*used)
			return &commands[i];
	}
	return NULL;
}

/* The second words of the commands that begin with @first; their number. */
static size_t second_words(const char *first, const char **out)
{
	size_t n = 0, i, len = strlen(first);

	for (i = 0; i < n_commands; i++)
		if (!strncmp(commands[i].words, first, len) && commands[i].words[len] == ' ')
			out[n++] = commands[i].words + len + 1;
	return n;
}

static size_t first_words(char words[][16], const char **out)
{
	size_t n = 0, i;

	for (i = 0; i < n_commands; i++) {
		snprintf(words[n], 16, "%.*s", (int)strcspn(commands[i].words, " "),
			 commands[i].words);
		if (n == 0 || strcmp(words[n], words[n - 1])) {
			out[n] = words[n];
			n++;
		}
	}
	return n;
}

int command_unknown(const char *const *words, int n, struct error *err)
{
	const char *candidates[64], *near;
	char firsts[64][16];
	size_t count = second_words(words[0], candidates), i;
	struct text list = { 0 };

	if (count == 0) {
		near = text_nearest(words[0], candidates, first_words(firsts, candidates));
		error_set(err, ERROR_USAGE, "there is no command `%s`", words[0]);
		if (near)
			return error_hint(err, "did you mean `persona %s`?", near);
		return error_hint(err, "`persona help` lists the commands.");
	}
	for (i = 0; i < count; i++)
		text_printf(&list, "%s`persona %s %s`", i ? ", " : "", words[0], candidates[i]);
	near = n > 1 ? text_nearest(words[1], candidates, count) : NULL;
	if (n > 1)
		error_set(err, ERROR_USAGE, "there is no command `%s %s`", words[0], words[1]);
	else
		error_set(err, ERROR_USAGE, "`%s` is not a whole command", words[0]);
	if (near)
		error_hint(err, "did you mean `persona %s %s`?", words[0], near);
	else
		error_hint(err, "%s", list.data);
	text_fini(&list);
	return -1;
}

bool argument_next(const char **spec, struct argument *out)
{
	const char *s = *spec + strspn(*spec, " ");
	size_t len = strcspn(s, " ");

	if (len == 0)
		return false;
	*spec = s + len;
	*out = (struct argument){ .optional = *s == '[' };
	if (out->optional) {
		s++;
		len -= 2;
	}
	out->repeats = len > 3 && !strncmp(s + len - 3, "...", 3);
	if (out->repeats)
		len -= 3;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)len, s);
	out->literal = !isupper((unsigned char)out->name[0]);
	return true;
}

bool argument_allows(const struct argument *a, const char *word)
{
	const char *s;
	size_t len;

	for (s = a->name; *s; s += len + (s[len] == '|')) {
		len = strcspn(s, "|");
		if (strlen(word) == len && !strncmp(word, s, len))
			return true;
	}
	return false;
}

bool has_option(const struct invocation *inv, enum option_id id)
{
	return inv->options[id].n > 0;
}

const char *option_value(const struct invocation *inv, enum option_id id)
{
	const struct values *v = &inv->options[id];

	return v->n ? v->items[v->n - 1] : NULL;
}
