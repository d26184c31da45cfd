/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A dialogue with the command line of a device: a line is typed, what it prints is taken up to the next prompt.  On any
 * stream, usually that of remote_shell().  Blocking, with a deadline on every wait; for one thread at a time.
 *
 * Banners, echo, escape sequences and pagers are gone from what is answered.  Which texts are errors is for the caller to
 * know: every command that was carried out to its prompt is a success here.
 */
#ifndef RECAST_DRIVER_SHELL_H
#define RECAST_DRIVER_SHELL_H

#include "stream.h"

struct shell;

struct shell_command {
	const char *line;   /* shorter than the terminal is wide */
	const char *answer; /* to a question with yes or no; NULL: a question is ERROR_PROTOCOL */
	/* Do not believe the first line that looks like a prompt: an empty line is typed, and the answer is whole when that has
	 * brought the prompt once more and nothing else.  For whatever prints more than errors. */
	bool prove;
};

/* Wait for the first prompt.  Takes the stream in every case. */
struct shell *shell_open(struct stream *s, int64_t deadline_ms, struct error *err);
void shell_close(struct shell *sh); /* NULL is allowed */

/* What the command printed, to be freed; NULL with ERROR_UNREACHABLE, or ERROR_PROTOCOL for more than SCREEN_MAX bytes and for
 * questions.  The error tells what had been typed.  After an error the dialogue is out of step: close it. */
char *shell_run(struct shell *sh, const struct shell_command *command, int64_t deadline_ms, struct error *err);

/* Lines that were typed so far. */
unsigned shell_typed(const struct shell *sh);
/* The name in its prompt. */
const char *shell_host(const struct shell *sh);

#endif
