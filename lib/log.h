/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Log lines on stderr: "LEVEL module: text".  When stderr is the journal (JOURNAL_STREAM names it) each line begins
 * with the "<N>" priority that the journal understands, else with a UTC time.  Never pass a secret.
 * Safe to call from any thread: one line is one write(2).
 *
 * What a line is about stands at its end as words key=value: "run %lld ended run=%lld persona=%s".  These are its fields
 * (log_to()).  They are looked for in the format, from its end, so that what a device sends cannot make one.
 */
#ifndef RECAST_LOG_H
#define RECAST_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum { LOG_FIELDS_MAX = 8 };

/* Not terminated: both are parts of the line. */
struct log_field {
	const char *key, *value;
	size_t key_len, value_len;
};

struct log_line {
	int priority; /* as syslog(3) has them */
	const char *module, *text;
	struct log_field fields[LOG_FIELDS_MAX];
	int n_fields;
};

/* Name of the program, shown in each line; level from "error", "warn", "info", "debug". */
void log_open(const char *program);

/* Set the level by name.  Returns -1 when the name is not one of the four. */
int log_set_level(const char *name);

bool log_enabled(enum log_level level);

/* Whether stderr is a stream of the journal. */
bool log_is_journal(void);

/* Give each line to @take first; one that it does not take (false) goes to stderr.  NULL: all go there. */
void log_to(bool (*take)(const struct log_line *line));

void log_write(enum log_level level, const char *module, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(module, ...) log_write(LOG_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...) log_write(LOG_WARN, module, __VA_ARGS__)
#define log_info(module, ...) log_write(LOG_INFO, module, __VA_ARGS__)
#define log_debug(module, ...)                                       \
	do {                                                         \
		if (log_enabled(LOG_DEBUG))                          \
			log_write(LOG_DEBUG, module, __VA_ARGS__);   \
	} while (0)

#endif
