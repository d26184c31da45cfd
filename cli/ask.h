/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Secrets of a person: asked for without echo, or read from a file or standard input.  Never from argv or the environment;
 * memory that held one is wiped.
 */
#ifndef RECAST_CLI_ASK_H
#define RECAST_CLI_ASK_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>

/* This process is going to hold a secret: no core file, and what JSON frees is overwritten.  Before the first JSON value. */
void ask_begin(void);

/* Set @key of @body to a secret: from @file ("-": standard input), or when that is NULL asked for with @prompt on the
 * terminal, @twice or once. */
int ask_into(json_t *body, const char *key, const char *prompt, const char *file, bool twice, struct error *err);

/* Print @question on the terminal and read an answer: true only for "yes". */
bool ask_yes(const char *question);

#endif
