/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Log lines on stderr: "LEVEL module: text".  Under systemd (JOURNAL_STREAM set) each line begins with
 * the "<N>" priority that the journal understands, else with a UTC time.  Never pass a secret.
 * Safe to call from any thread: one line is one write(2).
 */
#ifndef RECAST_LOG_H
#define RECAST_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Name of the program, shown in each line; level from "error", "warn", "info", "debug". */
void log_open(const char *program);

/* Set the level by name.  Returns -1 when the name is not one of the four. */
int log_set_level(const char *name);

bool log_enabled(enum log_level level);

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
