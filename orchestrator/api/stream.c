/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Streams: events as SSE, and serial consoles as plain text.  A stream of events goes at the pace of its reader: what he has
 * not taken yet waits in the database.  A stream that the front can no longer deliver is closed by the front.
 */
#include "private.h"

#include "arena.h"
#include "json.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 500, ROUNDS = 8 };

/* Events after a number, as the chunks that every stream at that place gets; made once per turn. */
struct batch {
	int64_t after;
	json_t *events;
	char **chunks;
	size_t n;
};

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

static void batch_drop(struct batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		free(b->chunks[i]);
	free(b->chunks);
	json_decref(b->events);
	*b = (struct batch){ 0 };
}

static char *chunk_of(const json_t *event)
{
	json_t *data = json_copy(json_object_get(event, "doc"));
	char *line, *chunk;

	json_object_set(data, "seq", json_object_get(event, "seq"));
	json_object_set(data, "type", json_object_get(event, "type"));
	json_object_set(data, "time", json_object_get(event, "time"));
	line = json_dumps(data, JSON_COMPACT);
	json_decref(data);
	chunk = xasprintf("id: %lld\nevent: %s\ndata: %s\n\n", (long long)json_int(event, "seq", 0), json_str(event, "type", ""),
			  line);
	free(line);
	return chunk;
}

static void batch_fill(struct batch *b, struct api *api, int64_t after)
{
	if (b->events && b->after == after)
		return;
	batch_drop(b);
	b->after = after;
	b->events = core_events_after(api->core, after, BATCH);
	b->n = json_array_size(b->events);
	b->chunks = xcalloc(b->n + 1, sizeof(*b->chunks));
}

static bool is_for(const struct stream *s, const json_t *event)
{
	return (!s->run || json_int(event, "run", 0) == s->run) &&
	       service_shows_event(s->api->core, &s->caller, json_object_get(event, "doc"));
}

/* Send @text; the front tells when the last of it has left, and until then this stream gets nothing more. */
static void send_chunk(struct stream *s, const char *text, bool last)
{
	json_t *frame = json_pack("{s:I, s:s}", "id", (json_int_t)s->id, "chunk", text);

	if (last)
		json_object_set_new(frame, "tell", json_true());
	s->waits = last;
	front_send(s->api, frame);
}

/* What the reader has missed is said, not passed over. */
static void tell_gap(struct stream *s, int64_t next)
{
	char *chunk = xasprintf("id: %lld\nevent: gap\ndata: {\"seq\":%lld,\"type\":\"gap\",\"time\":%lld,\"after\":%lld}\n\n",
				(long long)next - 1, (long long)next - 1, (long long)core_time(s->api->core), (long long)s->seq);

	send_chunk(s, chunk, false);
	free(chunk);
}

/* One batch: the place of the last event that was looked at, and whether anything was sent. */
static bool push_batch(struct stream *s, struct batch *b)
{
	const char *held = NULL;
	const json_t *event;
	size_t i;

	json_array_foreach(b->events, i, event) {
		if (s->resumed && json_int(event, "seq", 0) != s->seq + 1)
			tell_gap(s, json_int(event, "seq", 0));
		s->resumed = false;
		s->seq = json_int(event, "seq", 0);
		if (!is_for(s, event))
			continue;
		if (!b->chunks[i])
			b->chunks[i] = chunk_of(event);
		if (held)
			send_chunk(s, held, false);
		held = b->chunks[i];
	}
	if (held)
		send_chunk(s, held, true);
	return held != NULL;
}

/* All that there is, but no more than the reader takes: a batch on its way is enough.  Where nothing is for this reader
 * it goes on later, so that the others do not wait. */
static void push(struct stream *s, struct batch *b)
{
	int rounds;

	for (rounds = 0; !s->waits && s->seq < core_last_event(s->api->core); rounds++) {
		if (rounds == ROUNDS) {
			event_active(s->api->more, EV_TIMEOUT, 0);
			return;
		}
		batch_fill(b, s->api, s->seq);
		if (push_batch(s, b) || !b->n)
			return;
	}
}

static void push_alone(struct stream *s)
{
	struct batch b = { 0 };

	push(s, &b);
	batch_drop(&b);
}

static int number(const char *text, const char *what, int64_t missing, int64_t *out, struct error *err)
{
	*out = missing;
	if (text && text_parse_int(text, 0, INT64_MAX, out) < 0)
		return error_set(err, ERROR_USAGE, "%s must be a number", what);
	return 0;
}

/* Without a place to go on from, a stream begins now; of one run it begins at its beginning.  Numbers beyond the last are
 * of a database that was there before a backup was put back: what there is now is all news. */
static void place(struct stream *s, int64_t run, int64_t last)
{
	int64_t newest = core_last_event(s->api->core);

	s->run = run;
	s->resumed = last > 0;
	s->seq = last >= 0 ? last : run ? 0 : newest;
	if (last > newest) {
		tell_gap(s, newest + 1);
		s->seq = newest;
		s->resumed = false;
	}
}

void stream_events_open(struct call *call)
{
	const char *header = json_str(call->headers, "last-event-id", json_str(call->query, "after", NULL));
	struct error err = { 0 };
	int64_t run, last;
	struct stream *s;

	if (number(header, "Last-Event-ID", -1, &last, &err) < 0 ||
	    number(json_str(call->query, "run", NULL), "`run`", 0, &run, &err) < 0) {
		answer_error(call->api->core, call->answer, &err);
		return;
	}
	s = stream_create(call, "text/event-stream");
	send_chunk(s, ": recast\n\n", false);
	place(s, run, last);
	push_alone(s);
	answer_drop(call->answer);
}

void stream_written(struct api *api, int64_t id)
{
	struct stream *s = api->streams;

	while (s && s->id != id)
		s = s->next;
	if (!s || s->machine)
		return;
	s->waits = false;
	push_alone(s);
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
	struct batch b = { 0 };
	struct stream *s;

	cut_strangers(api);
	for (s = api->streams; s; s = s->next)
		if (!s->machine)
			push(s, &b);
	batch_drop(&b);
}

void streams_more(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	streams_push_events(arg);
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
