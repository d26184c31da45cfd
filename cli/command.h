/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command table made from commands.def, and a parsed command line.  A command is a function
 * cmd_NAME() in the file of its noun; it returns an exit status, or -1 with *err set, which main()
 * shows and turns into the exit status of the error's code.
 */
#ifndef RECAST_CLI_COMMAND_H
#define RECAST_CLI_COMMAND_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct invocation;

enum option_id {
#define OPTION(id, letter, name, argument, help) OPTION_##id,
#include "commands.def"
	OPTION_COUNT
};

struct option_spec {
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* NULL: a flag; "[X]": may be left out */
	const char *help;
};

typedef int (*command_fn)(struct app *app, const struct invocation *inv, struct error *err);

struct command {
	command_fn run;
	const char *words;
	const char *arguments;
	uint64_t options; /* bit 1 << id for each that it takes beyond the general ones */
	const char *api;
	const char *summary, *details, *examples;
};

/* One word of an argument specification. */
struct argument {
	char name[32]; /* "MACHINE", "on|off" */
	bool optional, repeats, literal;
};

struct values {
	const char **items;
	int n;
};

/* A parsed command line.  The strings are argv's. */
struct invocation {
	const struct command *command; /* NULL: none was named */
	struct values args;
	struct values options[OPTION_COUNT];
};

extern const struct option_spec option_specs[OPTION_COUNT];
extern const struct command commands[];
extern const size_t n_commands;

/* The options that every command takes. */
extern const uint64_t general_options;

#define COMMAND(function, words, arguments, options, api, summary, details, examples) \
	int cmd_##function(struct app *app, const struct invocation *inv, struct error *err);
#include "commands.def"

/* The command whose words begin @words, and how many words that took; NULL when there is none. */
const struct command *command_find(const char *const *words, int n, int *used);

/* Fill @err with "no command X", with a guess, or with the commands that begin with these words. */
int command_unknown(const char *const *words, int n, struct error *err);

/* The next argument of a specification: advances *spec and returns true, or false at its end. */
bool argument_next(const char **spec, struct argument *out);

/* Whether @word is one of the choices of a literal argument. */
bool argument_allows(const struct argument *a, const char *word);

/* Parse argv (without the program's name).  Free with invocation_fini() in every case.  @lenient:
 * for completion, where the line is not whole yet. */
int invocation_parse(struct invocation *inv, const char *const *argv, int argc, bool lenient,
		     struct error *err);
void invocation_fini(struct invocation *inv);

bool has_option(const struct invocation *inv, enum option_id id);

/* The last value given for an option; NULL when there is none. */
const char *option_value(const struct invocation *inv, enum option_id id);

#endif
