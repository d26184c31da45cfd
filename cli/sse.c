/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Server-sent events.  See sse.h.
 */
#include "sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = 4 * 1024 * 1024 };

static void field(struct sse *s, const char *name, const char *value)
{
	if (!strcmp(name, "data")) {
		if (s->data.len)
			text_append(&s->data, "\n");
		if (s->data.len + strlen(value) < DATA_MAX)
			text_append(&s->data, value);
	} else if (!strcmp(name, "event")) {
		snprintf(s->event, sizeof(s->event), "%s", value);
	} else if (!strcmp(name, "id")) {
		text_parse_int(value, 0, INT64_MAX, &s->id);
	}
}

static void end_of_line(struct sse *s, sse_fn fn, void *arg)
{
	char *line, *colon;

	text_append(&s->line, ""); /* there is a buffer now, and it ends in NUL */
	line = s->line.data;
	if (s->line.len && line[s->line.len - 1] == '\r')
		line[--s->line.len] = '\0';
	if (s->line.len == 0) {
		if (s->data.len)
			fn(arg, s->id, s->event, s->data.data);
		s->data.len = 0;
		s->event[0] = '\0';
	} else if (line[0] != ':') {
		colon = strchr(line, ':');
		if (colon)
			*colon = '\0';
		field(s, line, colon ? colon + 1 + (colon[1] == ' ') : "");
	}
	s->line.len = 0;
}

void sse_feed(struct sse *s, const char *bytes, size_t len, sse_fn fn, void *arg)
{
	const char *end = bytes + len, *eol;

	while (bytes < end) {
		eol = memchr(bytes, '\n', (size_t)(end - bytes));
		if (s->line.len < DATA_MAX)
			text_append_len(&s->line, bytes, (size_t)((eol ? eol : end) - bytes));
		if (!eol)
			return;
		end_of_line(s, fn, arg);
		bytes = eol + 1;
	}
}

void sse_reset(struct sse *s)
{
	s->line.len = s->data.len = 0;
	s->event[0] = '\0';
}

void sse_fini(struct sse *s)
{
	text_fini(&s->line);
	text_fini(&s->data);
}
