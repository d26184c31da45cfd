/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Completion.  The script is a few lines that ask `persona __complete`; what may follow is decided
 * here, from the command table, and names come from the controller.  A controller that is not there
 * gives no names and no noise.
 */
#include "app.h"
#include "client.h"
#include "context.h"
#include "follow.h"
#include "get.h"
#include "help.h"
#include "json.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

static const char bash_script[] = "# bash completion for persona(1)\n"
				  "_persona()\n"
				  "{\n"
				  "\tlocal IFS=$'\\n'\n"
				  "\tlocal current=${COMP_WORDS[COMP_CWORD]}\n"
				  "\tCOMPREPLY=( $(persona __complete "
				  "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null) )\n"
				  "\tif [[ ${COMPREPLY[0]-} == :files ]]; then\n"
				  "\t\tCOMPREPLY=( $(compgen -f -- \"$current\") )\n"
				  "\t\tcompopt -o filenames 2>/dev/null\n"
				  "\tfi\n"
				  "}\n"
				  "complete -F _persona persona\n";

static void offer(const char *candidate, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	if (len >= n && !strncmp(candidate, prefix, n))
		printf("%.*s\n", (int)len, candidate);
}

static void offer_words(const char *const *words, int n, const char *prefix)
{
	char last[16] = "";
	size_t i;

	for (i = 0; i < n_commands; i++) {
		const char *s = commands[i].words;
		size_t len = strcspn(s, " ");

		if (n == 1 && strlen(words[0]) == len && !strncmp(s, words[0], len) && s[len]) {
			offer(s + len + 1, strlen(s + len + 1), prefix);
		} else if (n == 0 && (strncmp(last, s, len) || last[len])) {
			snprintf(last, sizeof(last), "%.*s", (int)len, s);
			offer(last, len, prefix);
		}
	}
}

static void offer_options(const struct command *c, const char *prefix)
{
	char word[40];
	int i;

	for (i = 0; i < OPTION_COUNT; i++)
		if ((c->options | general_options) & UINT64_C(1) << i)
			offer(word,
			      (size_t)snprintf(word, sizeof(word), "--%s", option_specs[i].name),
			      prefix);
}

static void offer_names(const char *kind, const char *prefix, const struct invocation *inv)
{
	struct endpoint endpoint;
	struct client *client;
	json_t *items, *item;
	size_t i;

	if (endpoint_of(inv, &endpoint, NULL))
		return;
	client = client_create(&endpoint);
	items = get_items(client, kind, NULL);

	json_array_foreach(items, i, item) {
		const char *id = follow_id(item), *name = json_str(item, "name", id ? id : "");

		offer(name, strlen(name), prefix);
	}
	json_decref(items);
	client_destroy(client);
	endpoint_fini(&endpoint);
}

/* What an upper-case word stands for, as a kind of `get`; NULL when completion has nothing to
 * offer. */
static const char *kind_of(const char *word)
{
	static const char *const kinds[][2] = {
		{ "MACHINE", "machines" }, { "PERSONA", "personas" }, { "RUN", "runs" }, { "TEMPLATE", "templates" },
		{ "GROUP", "groups" },	   { "SECRET", "secrets" },   { "NAME", "personas" },
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i][0], word))
			return kinds[i][1];
	return NULL;
}

static void offer_choices(const char *choices, const char *prefix)
{
	size_t len;

	for (; *choices; choices += len + (choices[len] == '|')) {
		len = strcspn(choices, "|");
		offer(choices, len, prefix);
	}
}

static void offer_value(const char *word, const char *prefix, const struct invocation *inv)
{
	const char *kind = kind_of(word);
	int i;

	if (!strcmp(word, "FILE") || !strcmp(word, "PATH"))
		puts(":files");
	else if (!strcmp(word, "FORMAT"))
		offer_choices("table|wide|json|yaml|name", prefix);
	else if (!strcmp(word, "KIND"))
		get_offer_kinds(prefix, offer);
	else if (!strcmp(word, "CODE"))
		for (i = ERROR_NONE + 1; i < ERROR_COUNT; i++)
			offer(error_name(i), strlen(error_name(i)), prefix);
	else if (!strcmp(word, "COMMAND"))
		offer_words(inv->args.items, inv->args.n, prefix);
	else if (kind)
		offer_names(kind, prefix, inv);
}

static void offer_argument(const struct invocation *inv, const char *prefix)
{
	const char *spec = inv->command->arguments;
	struct argument a;
	int i = 0;

	while (argument_next(&spec, &a)) {
		if (i++ != inv->args.n && !a.repeats)
			continue;
		if (a.literal)
			offer_choices(a.name, prefix);
		else if (!strcmp(inv->command->words, "get") && !strcmp(a.name, "NAME"))
			offer_names(inv->args.items[0], prefix, inv);
		else
			offer_value(a.name, prefix, inv);
		return;
	}
}

/* The argument of the option @word, if it takes one as the next word. */
static const char *wanted_by(const char *word)
{
	int i;

	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *o = &option_specs[i];

		if (o->argument && o->argument[0] != '[' &&
		    ((!strncmp(word, "--", 2) && !strcmp(word + 2, o->name)) ||
		     (word[0] == '-' && o->letter && word[1] == o->letter && !word[2])))
			return o->argument;
	}
	return NULL;
}

int complete_words(const char *const *words, int n)
{
	const char *prefix = n ? words[n - 1] : "",
		   *wanted = n > 1 ? wanted_by(words[n - 2]) : NULL;
	struct invocation inv;

	invocation_parse(&inv, words, wanted ? n - 2 : n ? n - 1 : 0, true, NULL);
	if (wanted)
		offer_value(wanted, prefix, &inv);
	else if (!inv.command)
		offer_words(inv.args.items, inv.args.n, prefix);
	else if (prefix[0] == '-')
		offer_options(inv.command, prefix);
	else
		offer_argument(&inv, prefix);
	invocation_fini(&inv);
	return 0;
}

int cmd_completion(struct app *app, const struct invocation *inv, struct error *err)
{
	(void)app;
	(void)inv;
	(void)err;
	fputs(bash_script, stdout);
	return 0;
}
