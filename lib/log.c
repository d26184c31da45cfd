/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Log lines on stderr.  See log.h.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char level_priority[] = { '3', '4', '6', '7' };

static char program_name[32] = "recast";
static enum log_level threshold = LOG_INFO;
static bool to_journal;

void log_open(const char *program)
{
	snprintf(program_name, sizeof(program_name), "%s", program);
	to_journal = getenv("JOURNAL_STREAM") != NULL;
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
		return (size_t)snprintf(line, size, "<%c>", level_priority[level]);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	return (size_t)snprintf(line, size, "%s.%03ldZ %s %s ", stamp, now.tv_nsec / 1000000,
				program_name, level_names[level]);
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
	char line[2048];
	size_t n, i, start;
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
	/* A device may send anything: one event stays one line of printable text. */
	for (i = start; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to complain to */
}
