/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Log lines on stderr.  See log.h.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const int level_priority[] = { 3, 4, 6, 7 };

static char program_name[32] = "recast";
static enum log_level threshold = LOG_INFO;
static bool to_journal;
static bool (*taker)(const struct log_line *line);

/* JOURNAL_STREAM is inherited also by who has put something else in the place of stderr: it names device and inode. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *program)
{
	snprintf(program_name, sizeof(program_name), "%s", program);
	to_journal = stderr_is_journal();
}

bool log_is_journal(void)
{
	return to_journal;
}

void log_to(bool (*take)(const struct log_line *line))
{
	taker = take;
}

int log_set_level(const char *name)
{
	int i;

	for (i = LOG_ERROR; i <= LOG_DEBUG; i++)
		if (!strcmp(name, level_names[i])) {
			threshold = (enum log_level)i;
			return 0;
		}
	return -1;
}

bool log_enabled(enum log_level level)
{
	return level <= threshold;
}

static size_t head(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	if (to_journal)
		return (size_t)snprintf(line, size, "<%d>", level_priority[level]);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	return (size_t)snprintf(line, size, "%s.%03ldZ %s %s ", stamp, now.tv_nsec / 1000000,
				program_name, level_names[level]);
}

/* The last word of the first *@len bytes of @text, which then end before it; NULL when there is none. */
static const char *last_word(const char *text, size_t *len, size_t *word_len)
{
	size_t end = *len;

	while (*len > 0 && text[*len - 1] != ' ')
		(*len)--;
	*word_len = end - *len;
	if (*len == 0)
		return NULL; /* a line does not begin with a field */
	(*len)--;
	return text + *len + 1;
}

/* @word of the format is "key=%…", and @other of the text begins with the same key. */
static bool is_field(const char *word, size_t word_len, const char *other, size_t other_len, size_t *key_len)
{
	const char *equals = memchr(word, '=', word_len);

	*key_len = equals ? (size_t)(equals - word) : 0;
	return *key_len > 0 && *key_len + 1 < word_len && equals[1] == '%' && other_len > *key_len &&
	       !memcmp(word, other, *key_len + 1);
}

/* A value with a space does not fit the format any more: then there are no further fields. */
static void find_fields(struct log_line *line, const char *fmt, size_t text_len)
{
	size_t fmt_len = strlen(fmt), in_fmt, in_text, key;
	const char *wanted, *found;

	while (line->n_fields < LOG_FIELDS_MAX && (wanted = last_word(fmt, &fmt_len, &in_fmt)) &&
	       (found = last_word(line->text, &text_len, &in_text)) && is_field(wanted, in_fmt, found, in_text, &key))
		if (in_text > key + 1)
			line->fields[line->n_fields++] = (struct log_field){ found, found + key + 1, key, in_text - key - 1 };
}

static bool take(enum log_level level, const char *module, const char *fmt, const char *text, size_t len)
{
	struct log_line line = { .priority = level_priority[level], .module = module, .text = text };

	if (!taker)
		return false;
	find_fields(&line, fmt, len);
	return taker(&line);
}

/* A device may send anything: one event stays one line of printable text. */
static void make_printable(char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
	char line[2048];
	size_t n, start;
	va_list ap;
	int len;

	if (!log_enabled(level))
		return;
	n = head(line, sizeof(line), level);
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s: ", module);
	start = n;
	va_start(ap, fmt);
	len = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	if (len > 0)
		n += (size_t)len < sizeof(line) - n - 1 ? (size_t)len : sizeof(line) - n - 2;
	make_printable(line + start, n - start);
	if (take(level, module, fmt, line + start, n - start))
		return;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to complain to */
}
