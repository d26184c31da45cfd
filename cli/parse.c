/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From argv to an invocation.  Options may stand anywhere; `--` ends them.  Since every option
 * means the same in each command, they are taken out first and the command is looked for in the
 * rest.
 */
#include "command.h"

#include "arena.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct values *v, const char *item)
{
	v->items = xrealloc(v->items, sizeof(*v->items) * (size_t)(v->n + 1));
	v->items[v->n++] = item;
}

static int unknown_option(const char *given, struct error *err)
{
	const char *names[OPTION_COUNT], *near;
	char word[64];
	int i;

	for (i = 0; i < OPTION_COUNT; i++)
		names[i] = option_specs[i].name;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(given, "="), given);
	near = given[0] == '-' && given[1] == '-' ? text_nearest(word + 2, names, OPTION_COUNT)
						  : NULL;
	error_set(err, ERROR_USAGE, "there is no option `%s`", word);
	return near ? error_hint(err, "did you mean `--%s`?", near)
		    : error_hint(err, "`persona help COMMAND` lists the options of a command.");
}

/* The option that @word names, and where in it a value begins (NULL: nowhere). */
static int find_option(const char *word, const char **value)
{
	size_t len = strcspn(word, "=");
	int i;

	*value = NULL;
	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (word[1] == '-' && strlen(spec->name) == len - 2 &&
		    !strncmp(word + 2, spec->name, len - 2)) {
			*value = word[len] ? word + len + 1 : NULL;
			return i;
		}
		if (word[1] != '-' && spec->letter == word[1]) {
			*value = word[2] ? word + 2 + (word[2] == '=') : NULL;
			return i;
		}
	}
	return -1;
}

/* Take the option at argv[*i], and its value. */
static int take_option(struct invocation *inv, const char *const *argv, int argc, int *i,
		       bool lenient, struct error *err)
{
	const char *value;
	int id = find_option(argv[*i], &value);
	const struct option_spec *spec = id < 0 ? NULL : &option_specs[id];

	if (!spec)
		return lenient ? 0 : unknown_option(argv[*i], err);
	if (!spec->argument && value)
		return error_set(err, ERROR_USAGE, "--%s takes no value", spec->name);
	if (spec->argument && spec->argument[0] != '[' && !value) {
		if (*i + 1 == argc)
			return lenient ? 0
				       : error_set(err, ERROR_USAGE, "--%s needs a %s", spec->name,
						   spec->argument);
		value = argv[++*i];
	}
	add(&inv->options[id], value ? value : "");
	return 0;
}

static int check_options(const struct invocation *inv, struct error *err)
{
	int i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (has_option(inv, i) && !((inv->command->options | general_options) & UINT64_C(1) << i)) {
			error_set(err, ERROR_USAGE, "`%s` has no option --%s", inv->command->words,
				  option_specs[i].name);
			return error_hint(err, "`persona help %s` lists its options.",
					  inv->command->words);
		}
	return 0;
}

static int check_arguments(const struct invocation *inv, struct error *err)
{
	const char *spec = inv->command->arguments;
	struct argument a;
	int i = 0;

	while (argument_next(&spec, &a)) {
		if (i == inv->args.n && !a.optional) {
			error_set(err, ERROR_USAGE, "`%s` needs %s", inv->command->words, a.name);
			return error_hint(err, "`persona help %s` shows its form.",
					  inv->command->words);
		}
		/* A lone "-" is left to its command, which knows why nothing else may stand there.
		 */
		if (i < inv->args.n && a.literal && strcmp(a.name, "-") != 0 &&
		    !argument_allows(&a, inv->args.items[i]))
			return error_set(err, ERROR_USAGE, "`%s` is not one of %s",
					 inv->args.items[i], a.name);
		i = a.repeats || i == inv->args.n ? inv->args.n : i + 1;
	}
	if (i < inv->args.n) {
		error_set(err, ERROR_USAGE, "`%s` is one word too many for `%s`",
			  inv->args.items[i], inv->command->words);
		return error_hint(err, "`persona help %s` shows its form.", inv->command->words);
	}
	for (i = 0; i < inv->args.n; i++)
		if (!*inv->args.items[i])
			return error_set(err, ERROR_USAGE, "an empty word is no name");
	return 0;
}

int invocation_parse(struct invocation *inv, const char *const *argv, int argc, bool lenient,
		     struct error *err)
{
	bool only_words = false;
	int i, used;

	*inv = (struct invocation){ 0 };
	for (i = 0; i < argc; i++) {
		if (!only_words && !strcmp(argv[i], "--"))
			only_words = true;
		else if (only_words || argv[i][0] != '-' || !argv[i][1])
			add(&inv->args, argv[i]);
		else if (take_option(inv, argv, argc, &i, lenient, err))
			return -1;
	}
	if (inv->args.n == 0)
		return 0;
	inv->command = command_find(inv->args.items, inv->args.n, &used);
	if (!inv->command)
		return lenient ? 0 : command_unknown(inv->args.items, inv->args.n, err);
	inv->args.n -= used;
	memmove(inv->args.items, inv->args.items + used,
		sizeof(*inv->args.items) * (size_t)inv->args.n);
	if (lenient || has_option(inv, OPTION_HELP))
		return 0;
	return check_options(inv, err) || check_arguments(inv, err) ? -1 : 0;
}

void invocation_fini(struct invocation *inv)
{
	int i;

	free(inv->args.items);
	for (i = 0; i < OPTION_COUNT; i++)
		free(inv->options[i].items);
	*inv = (struct invocation){ 0 };
}
