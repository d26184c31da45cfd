/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The way to the helper: a command over SSH, a unix socket that it serves, or a program of this host.  It is started once
 * and asked again and again; urgent requests have a helper of their own.
 *
 * A lane is for one request at a time.  After a request that was not answered it is closed: what comes late belongs to
 * nobody.
 */
#include "lio.h"

#include "arena.h"
#include "clock.h"
#include "frame.h"
#include "json.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct lio_lane {
	pthread_mutex_t lock;
	struct remote *remote; /* NULL: not logged in */
	struct stream *stream; /* NULL: no helper */
	struct frame_reader in;
	json_int_t last_id;
};

static int parse_address(struct lio *l, struct error *err)
{
	const char *address = l->address;

	if (!strncmp(address, "local:/", 7))
		l->way = LIO_LOCAL;
	else if (!strncmp(address, "unix:/", 6))
		l->way = LIO_UNIX;
	else if (!strncmp(address, "ssh://", 6))
		l->way = LIO_SSH;
	else
		return error_set(err, ERROR_INVALID, "address must be ssh://USER@ADDRESS[:PORT]/PATH, local:/PATH or unix:/PATH");
	if (l->way != LIO_SSH)
		return 0;
	if (remote_address_parse(address, &l->at, err))
		return -1;
	/* A shell there reads it. */
	if (l->at.path[strspn(l->at.path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-")])
		return error_set(err, ERROR_INVALID, "the helper's path holds a character that a shell might understand");
	return 0;
}

int lio_link_create(struct lio *l, struct error *err)
{
	int i;

	if (parse_address(l, err))
		return -1;
	for (i = 0; i < 2; i++) {
		l->lanes[i] = xcalloc(1, sizeof(*l->lanes[i]));
		pthread_mutex_init(&l->lanes[i]->lock, NULL);
	}
	return 0;
}

static void hang_up(struct lio_lane *lane)
{
	stream_close(lane->stream);
	lane->stream = NULL;
	frame_fini(&lane->in);
	memset(&lane->in, 0, sizeof(lane->in));
}

static void log_out(struct lio_lane *lane)
{
	hang_up(lane);
	remote_close(lane->remote);
	lane->remote = NULL;
}

void lio_link_destroy(struct lio *l)
{
	int i;

	for (i = 0; i < 2 && l->lanes[i]; i++) {
		log_out(l->lanes[i]);
		pthread_mutex_destroy(&l->lanes[i]->lock);
		free(l->lanes[i]);
	}
}

static int send_frame(struct lio_lane *lane, json_t *frame, int64_t deadline_ms, struct error *err)
{
	size_t len;
	char *bytes = frame_encode(frame, &len);
	int rc = stream_send(lane->stream, bytes, len, deadline_ms, err);

	secret_wipe(bytes, len);
	free(bytes);
	return rc;
}

/* The next frame.  *nothing: the stream has ended and not one byte had come. */
static json_t *receive(struct lio_lane *lane, int64_t deadline_ms, bool *nothing, struct error *err)
{
	char bytes[16384];
	json_t *frame;
	ssize_t n;
	int rc;

	*nothing = true;
	while (!(rc = frame_next(&lane->in, &frame, err))) {
		n = stream_recv(lane->stream, bytes, sizeof(bytes), deadline_ms, err);
		*nothing = *nothing && !n;
		if (n < 0)
			return NULL;
		if (!n) {
			error_set(err, ERROR_UNREACHABLE, "the helper has ended without an answer");
			error_hint(err, "Is recast-lio-target installed there, at the path of the address?");
			return NULL;
		}
		frame_feed(&lane->in, bytes, (size_t)n);
	}
	if (rc > 0)
		return frame;
	error_set(err, ERROR_PROTOCOL, "what was started does not speak recast-lio-target's protocol");
	return NULL;
}

static struct stream *start_helper(const struct lio *l, struct lio_lane *lane, int64_t deadline_ms, struct error *err)
{
	if (l->way == LIO_LOCAL)
		return stream_program(l->address + strlen("local:"), err);
	if (l->way == LIO_UNIX)
		return stream_open(&(struct stream_peer){ .address = l->address }, deadline_ms, err);
	if (lane->remote && !remote_is_alive(lane->remote))
		log_out(lane);
	if (!lane->remote)
		lane->remote = remote_open(&l->at, l->pin, l->credential, deadline_ms, err);
	return lane->remote ? remote_exec(lane->remote, l->at.path, deadline_ms, err) : NULL;
}

static int64_t time_left(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_mono_ms();

	return left > 0 ? left : 0;
}

static int greet(const struct lio *l, struct lio_lane *lane, int64_t deadline_ms, struct error *err)
{
	json_auto_t *hello = NULL, *open = NULL, *reply = NULL;
	bool nothing;

	hello = receive(lane, deadline_ms, &nothing, err);
	if (!hello || lio_hello(hello, err))
		return -1;
	open = json_pack("{s:I, s:s, s:s, s:s, s:I, s:O}", "id", ++lane->last_id, "op", "open", "device", "array", "class", "storage",
			 "deadline_ms", (json_int_t)time_left(deadline_ms), "options", l->options);
	if (send_frame(lane, open, deadline_ms, err))
		return -1;
	reply = receive(lane, deadline_ms, &nothing, err);
	if (!reply)
		return -1;
	return json_bool(reply, "ok", false) && json_int(reply, "id", 0) == lane->last_id ? 0 : lio_error(reply, err);
}

/* Nothing is to be read from a helper that nobody asked: what is there, or its end, means that it is of no use. */
static bool is_fit(const struct lio *l, struct lio_lane *lane)
{
	struct error err;
	char byte;

	if (!lane->stream || (l->way == LIO_SSH && !remote_is_alive(lane->remote)))
		return false;
	return stream_recv(lane->stream, &byte, 1, clock_mono_ms(), &err) < 0 &&
	       (l->way != LIO_SSH || remote_is_alive(lane->remote));
}

static int connect_lane(const struct lio *l, struct lio_lane *lane, int64_t deadline_ms, struct error *err)
{
	if (is_fit(l, lane))
		return 0;
	hang_up(lane);
	lane->stream = start_helper(l, lane, deadline_ms, err);
	if (lane->stream && !greet(l, lane, deadline_ms, err))
		return 0;
	log_out(lane);
	return -1;
}

static json_t *exchange(struct lio_lane *lane, json_t *frame, int64_t deadline_ms, struct error *err)
{
	json_t *reply;
	bool nothing;

	json_object_set_new(frame, "id", json_integer(++lane->last_id));
	/* The helper answers before we give up. */
	json_object_set_new(frame, "deadline_ms", json_integer(time_left(deadline_ms)));
	reply = send_frame(lane, frame, deadline_ms, err) ? NULL : receive(lane, deadline_ms, &nothing, err);
	if (!reply || json_int(reply, "id", 0) == lane->last_id)
		return reply;
	json_decref(reply);
	error_set(err, ERROR_PROTOCOL, "the helper answered what was not asked");
	return NULL;
}

json_t *lio_ask(const struct lio *l, bool urgent, json_t *frame, int64_t deadline_ms, bool *sent, struct error *err)
{
	struct lio_lane *lane = l->lanes[urgent];
	json_t *reply = NULL;

	*sent = false;
	json_object_set_new(frame, "device", json_string("array"));
	if (driver_lock(&lane->lock, deadline_ms, err)) {
		json_decref(frame);
		return NULL;
	}
	if (!connect_lane(l, lane, deadline_ms, err)) {
		*sent = true;
		reply = exchange(lane, frame, deadline_ms, err);
		if (!reply)
			log_out(lane);
	}
	pthread_mutex_unlock(&lane->lock);
	json_decref(frame);
	return reply;
}

json_t *lio_security(const struct lio *l, int64_t deadline_ms, struct error *err)
{
	struct lio_lane *lane = l->lanes[0];
	json_t *security;

	if (l->way != LIO_SSH)
		return json_pack("{s:s}", "transport", "local");
	if (driver_lock(&lane->lock, deadline_ms, err))
		return NULL;
	security = connect_lane(l, lane, deadline_ms, err) ? NULL :
							     json_pack("{s:s, s:o}", "transport", "encrypted", "key",
								       server_key_to_json(remote_key(lane->remote)));
	pthread_mutex_unlock(&lane->lock);
	return security;
}
