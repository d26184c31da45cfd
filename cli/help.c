/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona help`, and the command list of the manual page (`persona help --mdoc`).
 */
#include "help.h"

#include "app.h"
#include "output.h"

#include <ctype.h>
#include <string.h>

enum { WRAP = 78 };

static void wrap(const char *text, int indent)
{
	int column = 0;

	while (*text) {
		int n = (int)strcspn(text, " ");

		if (column && column + 1 + n > WRAP) {
			putchar('\n');
			column = 0;
		}
		column += column ? printf(" %.*s", n, text)
				 : printf("%*s%.*s", indent, "", n, text);
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static void put_option(const struct option_spec *o)
{
	char left[48], letter[8] = "    ";
	const char *a = o->argument;

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	if (!a)
		snprintf(left, sizeof(left), "%s--%s", letter, o->name);
	else if (a[0] == '[')
		snprintf(left, sizeof(left), "%s--%s[=%.*s]", letter, o->name, (int)strlen(a) - 2,
			 a + 1);
	else
		snprintf(left, sizeof(left), "%s--%s %s", letter, o->name, a);
	if (strlen(left) > 26)
		printf("  %s\n%30s%s\n", left, "", o->help);
	else
		printf("  %-28s%s\n", left, o->help);
}

int help_overview(FILE *f)
{
	size_t i;

	fprintf(f, "usage: persona COMMAND [ARGUMENTS] [OPTIONS]\n\n");
	for (i = 0; i < n_commands; i++)
		fprintf(f, "  %-16s %s\n", commands[i].words, commands[i].summary);
	fprintf(f, "\n`persona help COMMAND` says more about one of them, persona(1) all.\n");
	return f == stdout ? 0 : EXIT_BAD_USAGE;
}

void help_command(const struct command *c)
{
	int i;

	printf("usage: persona %s%s%s%s\n\n", c->words, *c->arguments ? " " : "", c->arguments,
	       c->options ? " [OPTIONS]" : "");
	printf("  %c%s.\n", toupper((unsigned char)c->summary[0]), c->summary + 1);
	if (*c->details) {
		putchar('\n');
		wrap(c->details, 0);
	}
	printf("\noptions:\n");
	for (i = OPTION_COUNT - 1; i >= 0; i--)
		if ((c->options | general_options) & UINT64_C(1) << i)
			put_option(&option_specs[i]);
	printf("\nexample%s:\n", strchr(c->examples, '\n') ? "s" : "");
	for (const char *s = c->examples; *s; s += strcspn(s, "\n") + (s[strcspn(s, "\n")] == '\n'))
		printf("  %.*s\n", (int)strcspn(s, "\n"), s);
}

/* Text for mdoc: the backslash is its escape, a line may not begin with a control character. */
static void mdoc_text(const char *s)
{
	const char *start = s;

	for (; *s; s++) {
		if ((*s == '.' || *s == '\'') && (s == start || s[-1] == '\n'))
			fputs("\\&", stdout);
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s);
	}
}

/* A new line for each sentence, as mdoc asks for, and none longer than its lint allows. */
static void mdoc_sentences(const char *s)
{
	int column = 0, n;

	while (*s) {
		n = (int)strcspn(s, " ");
		if (column && column + 1 + n > WRAP) {
			putchar('\n');
			column = 0;
		}
		column += (column ? printf(" ") : 0) + n;
		for (; n; n--, s++)
			fputs(*s == '\\' ? "\\e" : (char[]){ *s, '\0' }, stdout);
		if (*s && s[-1] == '.' && isupper((unsigned char)s[1])) {
			putchar('\n');
			column = 0;
		}
		s += *s == ' ';
	}
	putchar('\n');
}

static void mdoc_arguments(const struct command *c)
{
	const char *spec = c->arguments;
	struct argument a;

	while (argument_next(&spec, &a)) {
		const char *macro = a.literal && !strcmp(a.name, "-") ? "\\-" : a.name;

		if (a.optional)
			printf(" Op Ar %s%s", macro, a.repeats ? " ..." : "");
		else
			printf(" %s %s%s", a.literal ? "Cm" : "Ar", macro, a.repeats ? " ..." : "");
	}
}

static void mdoc_options(const struct command *c)
{
	int i;

	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *o = &option_specs[i];

		if (!(c->options & UINT64_C(1) << i))
			continue;
		fputs(".It ", stdout);
		if (o->letter)
			printf("Fl %c , ", o->letter);
		printf("Fl \\-%s", o->name);
		if (o->argument && o->argument[0] == '[')
			printf(" Ns Oo = Ns Ar %.*s Oc", (int)strlen(o->argument) - 2,
			       o->argument + 1);
		else if (o->argument)
			printf(" Ar %s", o->argument);
		putchar('\n');
		mdoc_sentences(o->help);
	}
}

static void mdoc_command(const struct command *c)
{
	char summary[160];

	printf(".It Ic %s", c->words);
	mdoc_arguments(c);
	putchar('\n');
	snprintf(summary, sizeof(summary), "%c%s.", toupper((unsigned char)c->summary[0]),
		 c->summary + 1);
	mdoc_sentences(summary);
	if (*c->details)
		mdoc_sentences(c->details);
	if (c->options) {
		puts(".Bl -tag -width Ds -compact");
		mdoc_options(c);
		puts(".El");
	}
	puts(".Bd -literal -offset indent");
	mdoc_text(c->examples);
	puts("\n.Ed");
}

int cmd_help(struct app *app, const struct invocation *inv, struct error *err)
{
	const struct command *c;
	size_t i;
	int used;

	(void)app;
	if (inv->args.n == 0)
		return help_overview(stdout);
	if (!strcmp(inv->args.items[0], "mdoc")) {
		for (i = 0; i < n_commands; i++)
			mdoc_command(&commands[i]);
		return 0;
	}
	c = command_find(inv->args.items, inv->args.n, &used);
	if (!c)
		return command_unknown(inv->args.items, inv->args.n, err);
	help_command(c);
	return 0;
}
