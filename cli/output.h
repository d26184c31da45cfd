/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How persona(1) speaks.  Data goes to stdout, talk to stderr.  Colour only on a terminal, never
 * with NO_COLOR, and never the only sign.  Text that came from a device or another person is made
 * harmless before a terminal sees it.
 */
#ifndef RECAST_CLI_OUTPUT_H
#define RECAST_CLI_OUTPUT_H

#include "app.h"
#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_WARN, TONE_DIM, TONE_BOLD };

void output_open(void);

/* Set format from the value of -o: one of the five, or a file name that ends in .json. */
int output_parse(const char *value, struct app *app, struct error *err);

/* The escape sequence of a tone on @f, or "" where colour is not wanted; tone_end() ends it. */
const char *tone(FILE *f, enum tone t);
const char *tone_end(FILE *f);

/* The tone of a state word ("active", "failed", …). */
enum tone tone_of_state(const char *state);

/* Colour name for libsmartcols, NULL for plain or where colour is not wanted. */
const char *tone_name(enum tone t);

bool is_terminal(FILE *f);
int terminal_width(FILE *f);
int terminal_height(FILE *f);

/* A sentence to the person, on stderr. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "persona: text" and "  try: hint" on stderr. */
void say_error(const struct error *err);

/* Text without control characters, in one of a few static buffers (at most 8 at a time). */
const char *safe(const char *text);

/* If -o is json or yaml print @value so and return true. */
bool output_value(const struct app *app, const json_t *value);

/* Print @value as JSON (indented) or YAML. */
void output_json(FILE *f, const json_t *value);
void output_yaml(FILE *f, const json_t *value, int indent);

/* "64 GiB"; "2 min 5 s"; a local time "2026-01-31 12:00:00". Static buffers as with safe(). */
const char *show_bytes(int64_t bytes);
const char *show_duration(int64_t ms);
const char *show_time(const json_t *ms);

#endif
