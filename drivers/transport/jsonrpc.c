/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON-RPC 1.0 over a stream.  See jsonrpc.h.  The peer's bytes are hostile until parsed: messages
 * are bounded, their end is found by counting brackets outside strings, and decoding is strict.
 */
#include "jsonrpc.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

struct jsonrpc *jsonrpc_open(const struct stream_peer *peer, int64_t deadline_ms, struct error *err)
{
	struct stream *stream = stream_open(peer, deadline_ms, err);
	struct jsonrpc *rpc;

	if (!stream)
		return NULL;
	rpc = xcalloc(1, sizeof(*rpc));
	rpc->stream = stream;
	rpc->next_id = 1;
	return rpc;
}

void jsonrpc_close(struct jsonrpc *rpc)
{
	if (!rpc)
		return;
	stream_close(rpc->stream);
	text_fini(&rpc->in);
	free(rpc);
}

static int send_message(struct jsonrpc *rpc, json_t *message, int64_t deadline_ms,
			struct error *err)
{
	char *bytes = json_dumps(message, JSON_COMPACT);
	int rc;

	json_decref(message);
	if (!bytes)
		return error_set(err, ERROR_INTERNAL, "the request cannot be written as JSON");
	rc = stream_send(rpc->stream, bytes, strlen(bytes), deadline_ms, err);
	free(bytes);
	return rc;
}

json_int_t jsonrpc_send(struct jsonrpc *rpc, const char *method, json_t *params,
			int64_t deadline_ms, struct error *err)
{
	json_int_t id = rpc->next_id++;

	if (send_message(rpc,
			 json_pack("{s:s, s:o, s:I}", "method", method, "params", params, "id", id),
			 deadline_ms, err))
		return -1;
	return id;
}

/* Follow one byte; true when it ends a message. */
static bool follow(struct jsonrpc *rpc, char c)
{
	if (rpc->in_string) {
		if (rpc->escaped)
			rpc->escaped = false;
		else if (c == '\\')
			rpc->escaped = true;
		else if (c == '"')
			rpc->in_string = false;
		return false;
	}
	if (c == '"')
		rpc->in_string = true;
	else if (c == '{' || c == '[')
		rpc->depth++;
	else if (c == '}' || c == ']')
		return --rpc->depth <= 0;
	return false;
}

/* Take the first @len bytes of the input as a message. */
static json_t *take(struct jsonrpc *rpc, size_t len, struct error *err)
{
	json_t *message = json_decode(rpc->in.data, len, err);

	memmove(rpc->in.data, rpc->in.data + len, rpc->in.len - len);
	rpc->in.len -= len;
	rpc->scanned = 0;
	rpc->depth = 0;
	if (message && json_is_object(message))
		return message;
	json_decref(message);
	error_set(err, ERROR_PROTOCOL, "the peer does not speak JSON-RPC");
	return NULL;
}

static json_t *next_message(struct jsonrpc *rpc, int64_t deadline_ms, struct error *err)
{
	char chunk[16384];
	ssize_t n;

	for (;;) {
		while (rpc->scanned < rpc->in.len)
			if (follow(rpc, rpc->in.data[rpc->scanned++]))
				return take(rpc, rpc->scanned, err);
		/* Between messages only white space may stand, so garbage is found without an end.
		 */
		if (rpc->in.len && !rpc->depth && strspn(rpc->in.data, " \t\r\n") < rpc->in.len) {
			error_set(err, ERROR_PROTOCOL, "the peer does not speak JSON-RPC");
			return NULL;
		}
		if (rpc->in.len > JSONRPC_MESSAGE_MAX) {
			error_set(err, ERROR_PROTOCOL, "a message is larger than %d bytes",
				  JSONRPC_MESSAGE_MAX);
			return NULL;
		}
		n = stream_recv(rpc->stream, chunk, sizeof(chunk), deadline_ms, err);
		if (n < 0)
			return NULL;
		if (!n) {
			error_set(err, ERROR_UNREACHABLE, "the peer closed the connection");
			return NULL;
		}
		text_append_len(&rpc->in, chunk, (size_t)n);
	}
}

/* Deal with a message that is not a reply: answer echo, pass notifications on. */
static int handle(struct jsonrpc *rpc, const json_t *message, int64_t deadline_ms,
		  struct error *err)
{
	const char *method = json_str(message, "method", "");
	json_t *params = json_object_get(message, "params"), *id = json_object_get(message, "id");

	if (id && !json_is_null(id)) {
		if (strcmp(method, "echo"))
			return 0;
		return send_message(rpc,
				    json_pack("{s:O, s:n, s:O}", "result", params ? params : id,
					      "error", "id", id),
				    deadline_ms, err);
	}
	if (rpc->notify && json_is_array(params))
		rpc->notify(rpc->arg, method, params);
	return 0;
}

int jsonrpc_turn(struct jsonrpc *rpc, int64_t deadline_ms, struct error *err)
{
	json_auto_t *message = next_message(rpc, deadline_ms, err);

	if (!message)
		return -1;
	return json_object_get(message, "method") ? handle(rpc, message, deadline_ms, err) : 0;
}

static json_t *result_of(const json_t *reply, struct error *err)
{
	json_t *error = json_object_get(reply, "error"), *result = json_object_get(reply, "result");
	_cleanup_(freep) char *words = NULL;

	if (error && !json_is_null(error)) {
		words = json_is_string(error) ? xstrdup(json_string_value(error))
					      : json_canonical(error);
		error_set(err, ERROR_REFUSED, "%s", words);
		return NULL;
	}
	if (!result) {
		error_set(err, ERROR_PROTOCOL, "a reply without a result");
		return NULL;
	}
	return json_incref(result);
}

json_t *jsonrpc_wait(struct jsonrpc *rpc, json_int_t id, int64_t deadline_ms, struct error *err)
{
	for (;;) {
		json_auto_t *message = next_message(rpc, deadline_ms, err);

		if (!message)
			return NULL;
		if (json_object_get(message, "method")) {
			if (handle(rpc, message, deadline_ms, err))
				return NULL;
		} else if (json_int(message, "id", -1) == id) {
			return result_of(message, err);
		}
	}
}

json_t *jsonrpc_call(struct jsonrpc *rpc, const char *method, json_t *params, int64_t deadline_ms,
		     struct error *err)
{
	json_int_t id = jsonrpc_send(rpc, method, params, deadline_ms, err);

	return id < 0 ? NULL : jsonrpc_wait(rpc, id, deadline_ms, err);
}
