/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Formats, colours and small phrases.  See output.h.
 */
#include "output.h"

#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const char *const format_names[] = { "table", "wide", "json", "yaml", "name" };

static bool colour_out, colour_err;

static bool wants_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void output_open(void)
{
	colour_out = wants_colour(STDOUT_FILENO);
	colour_err = wants_colour(STDERR_FILENO);
}

int output_parse(const char *value, struct app *app, struct error *err)
{
	size_t n = strlen(value);
	const char *near;
	int i;

	for (i = 0; i < 5; i++)
		if (!strcmp(value, format_names[i])) {
			app->format = (enum output_format)i;
			return 0;
		}
	if (n > 5 && !strcmp(value + n - 5, ".json")) {
		app->output_file = value;
		return 0;
	}
	near = text_nearest(value, format_names, 5);
	error_set(err, ERROR_USAGE, "`%s` is not an output format", value);
	return near ? error_hint(err, "did you mean `%s`?", near)
		    : error_hint(err, "the formats are table, wide, json, yaml and name.");
}

const char *tone(FILE *f, enum tone t)
{
	static const char *const codes[] = { "",	 "\033[32m", "\033[31m",
					     "\033[33m", "\033[2m",  "\033[1m" };

	return (f == stdout ? colour_out : colour_err) ? codes[t] : "";
}

const char *tone_end(FILE *f)
{
	return (f == stdout ? colour_out : colour_err) ? "\033[0m" : "";
}

const char *tone_name(enum tone t)
{
	static const char *const names[] = { NULL, "green", "red", "yellow", "dim", "bold" };

	return colour_out ? names[t] : NULL;
}

enum tone tone_of_state(const char *state)
{
	static const char *const good[] = { "active", "done", "on", "ok", "ready", "pinned", NULL };
	static const char *const bad[] = { "quarantined", "failed",	 "undo_failed", "broken",
					   "fail",	  "rolled_back", "mismatch", NULL };
	static const char *const warn[] = { "busy",    "running", "undo",      "undoing",
					    "masking", "backoff", "warn",      "unknown",
					    "intent",  "undone",  "cancelled", "unpinned", NULL };
	int i;

	for (i = 0; good[i]; i++)
		if (!strcmp(good[i], state))
			return TONE_GOOD;
	for (i = 0; bad[i]; i++)
		if (!strcmp(bad[i], state))
			return TONE_BAD;
	for (i = 0; warn[i]; i++)
		if (!strcmp(warn[i], state))
			return TONE_WARN;
	return TONE_PLAIN;
}

bool is_terminal(FILE *f)
{
	return isatty(fileno(f));
}

static struct winsize window(FILE *f)
{
	struct winsize w = { 0 };

	if (ioctl(fileno(f), TIOCGWINSZ, &w))
		w.ws_col = w.ws_row = 0;
	return w;
}

int terminal_width(FILE *f)
{
	int n = window(f).ws_col;

	return n > 20 ? n : 80;
}

int terminal_height(FILE *f)
{
	int n = window(f).ws_row;

	return n > 5 ? n : 24;
}

void say(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void say_error(const struct error *err)
{
	const char *hint = err->hint[0] ? err->hint : error_advice(err->code);

	fflush(stdout);
	fprintf(stderr, "%spersona:%s %s\n", tone(stderr, TONE_BAD), tone_end(stderr),
		safe(err->text));
	if (hint[0])
		fprintf(stderr, "  try: %s\n", safe(hint));
}

const char *safe(const char *text)
{
	static char *buffers[8];
	static unsigned next;
	char **slot = &buffers[next++ % 8], *o;
	const unsigned char *s = (const unsigned char *)text;

	free(*slot);
	*slot = o = malloc(strlen(text) + 1);
	if (!o)
		abort();
	for (; *s; s++) {
		if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) {
			*o++ = '?'; /* a C1 control character in UTF-8 */
			s++;
		} else {
			*o++ = *s == '\n' || *s == '\t'	 ? ' '
			       : *s < 0x20 || *s == 0x7f ? '?'
							 : (char)*s;
		}
	}
	*o = '\0';
	return *slot;
}

void output_json(FILE *f, const json_t *value)
{
	json_dumpf(value, f, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', f);
}

bool output_value(const struct app *app, const json_t *value)
{
	if (app->format == OUTPUT_JSON)
		output_json(stdout, value);
	else if (app->format == OUTPUT_YAML)
		output_yaml(stdout, value, 0);
	else
		return false;
	return true;
}

static char *phrase(void)
{
	static char buffers[8][48];
	static unsigned next;

	return buffers[next++ % 8];
}

const char *show_bytes(int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	char *out = phrase();
	int unit = 0;

	while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, 48, "%" PRId64 " %s", bytes, units[unit]);
	return out;
}

const char *show_duration(int64_t ms)
{
	char *out = phrase();
	int64_t s = ms / 1000;

	if (s < 60)
		snprintf(out, 48, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
	else if (s < 3600)
		snprintf(out, 48, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, 48, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
	else
		snprintf(out, 48, "%" PRId64 " d %" PRId64 " h", s / 86400, s % 86400 / 3600);
	return out;
}

const char *show_time(const json_t *ms)
{
	char *out = phrase();
	struct tm tm;
	time_t t;

	if (!json_is_integer(ms))
		return "-";
	t = (time_t)(json_integer_value(ms) / 1000);
	localtime_r(&t, &tm);
	strftime(out, 48, "%Y-%m-%d %H:%M:%S", &tm);
	return out;
}
