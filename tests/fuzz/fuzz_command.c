/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Command lines of persona(1) (cli/parse.c, cli/command.c), words ended by NUL: a command or an error with a hint, and
 * what is accepted has the arguments that the command wants.  Completion, which is lenient, accepts no less.
 */
#include "fuzz.h"

#include "command.h"

FUZZ_TARGET

enum { WORDS_MAX = 24 };

/* The functions of the commands are of no use here: the table wants their names. */
#define COMMAND(function, words, arguments, options, api, summary, details, examples)              \
	int cmd_##function(struct app *app, const struct invocation *inv, struct error *err) \
	{                                                                                     \
		(void)app, (void)inv;                                                         \
		return error_set(err, ERROR_INTERNAL, "not carried out");                     \
	}
#include "commands.def"

static void check(const struct invocation *inv, int words)
{
	int i, n = inv->args.n;

	fuzz_assert(n >= 0 && n <= words);
	for (i = 0; i < n; i++)
		fuzz_assert(inv->args.items[i]);
	for (i = 0; i < OPTION_COUNT; i++)
		fuzz_assert(inv->options[i].n <= words && has_option(inv, i) == (inv->options[i].n > 0));
}

static void fuzz(const char *bytes, size_t len)
{
	struct invocation inv, lenient;
	struct error err = { 0 };
	char *argv[WORDS_MAX];
	int n, rc;

	for (n = 0; len && n < WORDS_MAX; n++)
		argv[n] = fuzz_piece(&bytes, &len);
	rc = invocation_parse(&inv, (const char *const *)argv, n, false, &err);
	if (rc)
		fuzz_assert(err.code == ERROR_USAGE && err.text[0]);
	else
		check(&inv, n);
	fuzz_assert(!invocation_parse(&lenient, (const char *const *)argv, n, true, NULL) || rc);
	invocation_fini(&inv);
	invocation_fini(&lenient);
	while (n)
		free(argv[--n]);
}
