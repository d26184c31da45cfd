/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The text that a terminal shows.  See screen.h.
 */
#include "screen.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_MAX = 10000, HOST_MAX = 64, MODE_MAX = 128 };

static void put(struct screen *s, char c)
{
	if (s->cursor < s->text.len)
		s->text.data[s->cursor] = c;
	else if (s->text.len < SCREEN_MAX)
		text_append_len(&s->text, &c, 1);
	else
		s->full = true;
	if (s->cursor < s->text.len)
		s->cursor++;
}

static void new_line(struct screen *s)
{
	s->cursor = s->text.len;
	put(s, '\n');
	s->line = s->cursor;
}

static void cut(struct screen *s, size_t at)
{
	if (at >= s->text.len)
		return;
	s->text.len = at;
	s->text.data[at] = '\0';
}

static void plain(struct screen *s, char c)
{
	if (c == '\033')
		s->state = SCREEN_ESCAPE;
	else if (c == '\n')
		new_line(s);
	else if (c == '\r')
		s->cursor = s->line;
	else if (c == '\b' && s->cursor > s->line)
		s->cursor--;
	else if ((unsigned char)c >= ' ' && c != 0x7f)
		put(s, c);
	else if (c == '\t')
		put(s, c);
}

static void escape(struct screen *s, char c)
{
	s->number = 0;
	s->state = c == '[' ? SCREEN_CONTROL : c == ']' ? SCREEN_TITLE : strchr("()#%", c) && c ? SCREEN_CHARSET : SCREEN_PLAIN;
}

/* What moves within a line or erases it; anything else has no effect on text that is read once. */
static void control_final(struct screen *s, char c)
{
	size_t n = s->number ? s->number : 1, left = s->text.len - s->cursor;

	if (c == 'K' && s->number) {
		cut(s, s->line);
		s->cursor = s->line;
	} else if (c == 'K' || c == 'J') {
		cut(s, s->cursor);
	} else if (c == 'D') {
		s->cursor -= n < s->cursor - s->line ? n : s->cursor - s->line;
	} else if (c == 'C') {
		s->cursor += n < left ? n : left;
	} else if (c == 'G') {
		s->cursor = n - 1 < s->text.len - s->line ? s->line + n - 1 : s->text.len;
	}
}

static void control(struct screen *s, char c)
{
	if (isdigit((unsigned char)c) && s->number < NUMBER_MAX)
		s->number = s->number * 10 + (size_t)(c - '0');
	if (c < '@' || c > '~')
		return;
	s->state = SCREEN_PLAIN;
	control_final(s, c);
}

static void feed(struct screen *s, char c)
{
	switch (s->state) {
	case SCREEN_PLAIN:
		return plain(s, c);
	case SCREEN_ESCAPE:
		return escape(s, c);
	case SCREEN_CHARSET:
		s->state = SCREEN_PLAIN;
		return;
	case SCREEN_CONTROL:
		return control(s, c);
	case SCREEN_TITLE: /* ends with a bell, or with an escape and a backslash */
		if (c == '\a' || c == '\033')
			s->state = c == '\a' ? SCREEN_PLAIN : SCREEN_CHARSET;
	}
}

void screen_feed(struct screen *s, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		feed(s, bytes[i]);
}

void screen_clear(struct screen *s)
{
	cut(s, 0);
	s->line = s->cursor = 0;
	s->full = false;
}

void screen_clear_line(struct screen *s)
{
	cut(s, s->line);
	s->cursor = s->line;
}

void screen_fini(struct screen *s)
{
	text_fini(&s->text);
	*s = (struct screen){ 0 };
}

static bool is_host_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-._@:", c));
}

/* Where the host's name of a prompt begins that ends before @end; @end when there is none. */
static size_t host_begin(const char *text, size_t end, const char *host)
{
	size_t at = end, len = host ? strlen(host) : 0;

	if (host)
		return len <= end && !memcmp(text + end - len, host, len) ? end - len : end;
	while (at > 0 && end - at < HOST_MAX && is_host_char(text[at - 1]))
		at--;
	return at;
}

size_t screen_prompt(const char *text, size_t len, const char *host)
{
	size_t end = len, begin;

	if (end && text[end - 1] == ' ')
		end--;
	if (!end || (text[end - 1] != '#' && text[end - 1] != '>'))
		return 0;
	end--;
	if (end && text[end - 1] == ')') {
		size_t open = end - 1;

		while (open && end - open < MODE_MAX && text[open] != '(' && text[open] != '\n')
			open--;
		end = open;
	}
	begin = host_begin(text, end, host);
	return begin < end && (!begin || text[begin - 1] == '\n') ? len - begin : 0;
}

static bool ends_with(const char *line, size_t len, const char *what)
{
	size_t n = strlen(what);

	return len >= n && !strncasecmp(line + len - n, what, n);
}

static bool is_question(const char *line, size_t len)
{
	static const char *const choices[] = { "(y/n)", "[y/n]", "(yes/no)", "[yes/no]", "(y/n) [n]", "(y/n) [y]" };
	size_t i;

	while (len && strchr(" ?:", line[len - 1]))
		len--;
	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (ends_with(line, len, choices[i]))
			return true;
	return false;
}

enum screen_end screen_end(const char *text, size_t len, const char *host)
{
	const char *nl = len ? memrchr(text, '\n', len) : NULL, *line = nl ? nl + 1 : text;
	size_t n = len - (size_t)(line - text), shown = n;

	if (!n)
		return SCREEN_MORE_TO_COME;
	if (screen_prompt(text, len, host))
		return SCREEN_PROMPT;
	while (shown && line[shown - 1] == ' ')
		shown--;
	if (ends_with(line, shown, "--More--") || ends_with(line, shown, "---- More ----"))
		return SCREEN_PAGER;
	return is_question(line, n) ? SCREEN_QUESTION : SCREEN_MORE_TO_COME;
}
