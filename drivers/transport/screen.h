/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a terminal would show of the bytes that a device sends: text without escape sequences, where a carriage return and a
 * backspace have had their effect.  Pure.  The same bytes give the same text in whatever pieces they come.
 */
#ifndef RECAST_DRIVER_SCREEN_H
#define RECAST_DRIVER_SCREEN_H

#include "text.h"

enum { SCREEN_MAX = 1024 * 1024 };

enum screen_state { SCREEN_PLAIN, SCREEN_ESCAPE, SCREEN_CHARSET, SCREEN_CONTROL, SCREEN_TITLE };

/* Zero-initialise; free with screen_fini(). */
struct screen {
	struct text text;
	size_t line, cursor; /* where the last line begins, and where the next character goes */
	enum screen_state state;
	size_t number; /* the parameter of a control sequence */
	bool full;     /* there was more than SCREEN_MAX, which is lost */
};

void screen_feed(struct screen *s, const char *bytes, size_t len);
/* Forget the text; a sequence that has begun goes on. */
void screen_clear(struct screen *s);
/* Forget the last line: it has been dealt with. */
void screen_clear_line(struct screen *s);
void screen_fini(struct screen *s);

/* How the text ends: with something that waits for us? */
enum screen_end { SCREEN_MORE_TO_COME, SCREEN_PROMPT, SCREEN_PAGER, SCREEN_QUESTION };

/* Of @text; @host is what a prompt begins with, NULL when that is not known yet.  A prompt is HOST, perhaps a mode in
 * parentheses, and # or >, alone in its line. */
enum screen_end screen_end(const char *text, size_t len, const char *host);
/* The length of the prompt that the text ends with, 0 for none. */
size_t screen_prompt(const char *text, size_t len, const char *host);

#endif
