/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Log lines as entries of the journal: MESSAGE, PRIORITY, RECAST_MODULE, and a RECAST_KEY for each word key=value at the
 * end of the line (log.h).  Only recastd does this.  Drivers and recast-front write lines with a priority to the same
 * stderr: a library with its compressors has no place where strangers are listened to, and the front can make no socket.
 */
#include "host.h"

#include "log.h"

#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

enum { FIXED = 4, FIELD_MAX = 600, TEXT_MAX = 2200 };

static struct iovec printed(char *bytes, int len, size_t size)
{
	return (struct iovec){ bytes, len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1 };
}

static struct iovec field(const struct log_field *f, char bytes[FIELD_MAX])
{
	struct iovec out = printed(bytes, snprintf(bytes, FIELD_MAX, "RECAST_%.*s=%.*s", (int)f->key_len, f->key,
						   (int)f->value_len, f->value), FIELD_MAX);
	char *c;

	for (c = bytes; *c && *c != '='; c++)
		*c = (char)toupper((unsigned char)*c);
	return out;
}

static bool to_journal(const struct log_line *line)
{
	char identifier[] = "SYSLOG_IDENTIFIER=recastd", priority[16], module[64], message[TEXT_MAX];
	char bytes[LOG_FIELDS_MAX][FIELD_MAX];
	struct iovec iov[FIXED + LOG_FIELDS_MAX];
	int i;

	iov[0] = (struct iovec){ identifier, sizeof(identifier) - 1 };
	iov[1] = printed(priority, snprintf(priority, sizeof(priority), "PRIORITY=%d", line->priority), sizeof(priority));
	iov[2] = printed(module, snprintf(module, sizeof(module), "RECAST_MODULE=%s", line->module), sizeof(module));
	iov[3] = printed(message, snprintf(message, sizeof(message), "MESSAGE=%s: %s", line->module, line->text), sizeof(message));
	for (i = 0; i < line->n_fields; i++)
		iov[FIXED + i] = field(&line->fields[i], bytes[i]);
	return sd_journal_sendv(iov, FIXED + line->n_fields) == 0;
}

void host_log_to_journal(void)
{
	if (log_is_journal())
		log_to(to_journal);
}
#else
void host_log_to_journal(void)
{
}
#endif
