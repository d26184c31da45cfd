/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * persona(1): parse the command line, run the command, turn its error into words and an exit
 * status. Knows the controller only by its API.
 */
#include "app.h"
#include "client.h"
#include "context.h"
#include "help.h"
#include "output.h"

#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int run(const struct invocation *inv, struct error *err)
{
	const char *format = option_value(inv, OPTION_OUTPUT);
	struct endpoint endpoint;
	struct app app = { 0 };
	int rc;

	if (format && output_parse(format, &app, err))
		return -1;
	if (app.output_file && strcmp(inv->command->words, "plan") != 0)
		return error_set(err, ERROR_USAGE,
				 "only `plan` writes to a file; give -o a format, or use >");
	if (!strncmp(inv->command->words, "context", 7)) /* whatever is wrong with the one in use */
		return inv->command->run(&app, inv, err);
	if (endpoint_of(inv, &endpoint, err))
		return -1;
	app.client = client_create(&endpoint);
	rc = inv->command->run(&app, inv, err);
	client_destroy(app.client);
	endpoint_fini(&endpoint);
	return rc;
}

/* What was written must have arrived: a full disk behind `persona get … > file` is an error. */
static int flush(int rc)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	fprintf(stderr, "persona: cannot write the output\n  try: see whether the disk is full.\n");
	return rc ? rc : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct invocation inv;
	struct error err = { 0 };
	int rc;

	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	output_open();
	if (sodium_init() < 0)
		return EXIT_FAILED;
	if (argc >= 2 && !strcmp(argv[1], "__complete"))
		return complete_words((const char *const *)argv + 2, argc - 2);
	rc = invocation_parse(&inv, (const char *const *)argv + 1, argc - 1, false, &err);
	if (rc == 0 && inv.command && has_option(&inv, OPTION_HELP))
		help_command(inv.command);
	else if (rc == 0 && inv.command)
		rc = run(&inv, &err);
	else if (rc == 0)
		rc = help_overview(has_option(&inv, OPTION_HELP) ? stdout : stderr);
	if (rc < 0) {
		say_error(&err);
		rc = error_exit(err.code);
	}
	invocation_fini(&inv);
	return flush(rc);
}
