/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What persona(1) says about itself, all of it made from commands.def.
 */
#ifndef RECAST_CLI_HELP_H
#define RECAST_CLI_HELP_H

#include "command.h"

#include <stdio.h>

/* The list of commands on @f.  Returns the exit status: 0 on stdout, 2 on stderr. */
int help_overview(FILE *f);

/* All about one command, on stdout. */
void help_command(const struct command *command);

/* Print what may follow the words typed so far, one candidate a line; the last word is the one
 * being typed.  Called by the completion script.  Returns 0. */
int complete_words(const char *const *words, int n);

#endif
