/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Streams: events as SSE, and serial consoles as plain text.  A stream that the front can no longer
 * deliver is closed by the front.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 500 };

static struct stream *stream_create(struct call *call, const char *type)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->api = call->api;
	s->id = call->id;
	s->caller = call->answer->caller;
	s->caller.scopes = json_incref(call->answer->caller.scopes);
	s->next = call->api->streams;
	call->api->streams = s;
	front_send(call->api, json_pack("{s:I, s:i, s:b, s:s}", "id", (json_int_t)s->id, "status", 200, "stream", 1,
					"type", type));
	return s;
}

static void push(struct stream *s)
{
	json_t *events, *event, *data;
	char *line;
	size_t i, n;

	do {
		events = core_events_after(s->api->core, s->seq, BATCH);
		n = json_array_size(events);
		json_array_foreach(events, i, event) {
			s->seq = json_int(event, "seq", 0);
			if ((s->run && json_int(event, "run", 0) != s->run) ||
			    !service_shows_event(s->api->core, &s->caller, json_object_get(event, "doc")))
				continue;
			data = json_copy(json_object_get(event, "doc"));
			json_object_set(data, "seq", json_object_get(event, "seq"));
			json_object_set(data, "type", json_object_get(event, "type"));
			json_object_set(data, "time", json_object_get(event, "time"));
			line = json_dumps(data, JSON_COMPACT);
			json_decref(data);
			front_send(s->api, json_pack("{s:I, s:o}", "id", (json_int_t)s->id, "chunk",
						     json_sprintf("id: %lld\nevent: %s\ndata: %s\n\n", (long long)s->seq,
								  json_str(event, "type", ""), line)));
			free(line);
		}
		json_decref(events);
	} while (n == BATCH);
}

void stream_events_open(struct call *call)
{
	const char *last = json_str(call->headers, "last-event-id", json_str(call->query, "after", NULL));
	struct stream *s = stream_create(call, "text/event-stream");

	/* Without a place to go on from, a stream begins now; of one run it begins at its beginning. */
	s->run = strtoll(json_str(call->query, "run", "0"), NULL, 10);
	s->seq = last ? strtoll(last, NULL, 10) : s->run ? 0 : core_last_event(call->api->core);
	front_send(call->api, json_pack("{s:I, s:s}", "id", (json_int_t)s->id, "chunk", ": recast\n\n"));
	push(s);
	json_decref(call->answer->caller.scopes);
	free(call->answer);
}

void stream_console_open(struct call *call, const char *machine)
{
	struct stream *s = stream_create(call, "text/plain; charset=utf-8");

	s->machine = xstrdup(machine);
}

static void discard(struct answer *a, int status, json_t *body, const char *location)
{
	(void)status;
	(void)location;
	json_decref(body);
	free(a);
}

static bool watched(const struct api *api, const char *machine)
{
	const struct stream *s;

	for (s = api->streams; s; s = s->next)
		if (s->machine && !strcmp(s->machine, machine))
			return true;
	return false;
}

void stream_closed(struct api *api, int64_t id)
{
	struct stream **at = &api->streams, *s;
	struct answer *a;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	s = *at;
	if (!s)
		return;
	*at = s->next;
	if (s->machine && !watched(api, s->machine)) {
		a = xcalloc(1, sizeof(*a));
		a->send = discard;
		service_console(api->core, a, s->machine, "close", NULL);
	}
	json_decref(s->caller.scopes);
	free(s->machine);
	free(s);
}

/* What it came in with was revoked or has expired. */
static void cut(struct stream *s)
{
	struct api *api = s->api;
	int64_t id = s->id;

	front_send(api, json_pack("{s:I, s:b}", "id", (json_int_t)id, "end", 1));
	stream_closed(api, id);
}

static void cut_strangers(struct api *api)
{
	struct stream *s, *next;

	for (s = api->streams; s; s = next) {
		next = s->next;
		if (!service_still_in(api->core, &s->caller))
			cut(s);
	}
}

void streams_drop(struct api *api)
{
	while (api->streams)
		stream_closed(api, api->streams->id);
}

/* A token expires without an event. */
void streams_watch(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	cut_strangers(arg);
}

void streams_push_events(void *arg)
{
	struct api *api = arg;
	struct stream *s;

	cut_strangers(api);
	for (s = api->streams; s; s = s->next)
		if (!s->machine)
			push(s);
}

void streams_push_console(void *arg, const char *machine, const char *data)
{
	struct api *api = arg;
	struct stream *s;

	cut_strangers(api);
	for (s = api->streams; s; s = s->next)
		if (s->machine && !strcmp(s->machine, machine))
			front_send(api, json_pack("{s:I, s:s}", "id", (json_int_t)s->id, "chunk", data));
}
