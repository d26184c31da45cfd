/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON-RPC 1.0 as OVSDB speaks it (RFC 7047): messages without framing between them, requests from
 * the peer ("echo") that want an answer, notifications.  One call at a time.
 */
#ifndef RECAST_DRIVER_JSONRPC_H
#define RECAST_DRIVER_JSONRPC_H

#include "error.h"
#include "stream.h"
#include "text.h"

#include <jansson.h>
#include <stdint.h>

enum { JSONRPC_MESSAGE_MAX = 64 * 1024 * 1024 };

struct jsonrpc {
	struct stream *stream;
	struct text in; /* bytes not yet taken */
	size_t scanned; /* of them, already looked through */
	int depth;      /* braces and brackets open at `scanned` */
	bool in_string, escaped;
	json_int_t next_id;
	/* Called with each notification (a message without id) while waiting. */
	void (*notify)(void *arg, const char *method, const json_t *params);
	void *arg;
};

/* NULL and *err when there is no connection. */
struct jsonrpc *jsonrpc_open(const struct stream_peer *peer, int64_t deadline_ms, struct error *err);
void jsonrpc_close(struct jsonrpc *rpc);

/* Send a request (the reference to @params is taken).  Its id, or -1. */
json_int_t jsonrpc_send(struct jsonrpc *rpc, const char *method, json_t *params,
			int64_t deadline_ms, struct error *err);

/* Wait for the reply to @id: a new reference to its result.  NULL with ERROR_UNREACHABLE (close it
 * then), ERROR_PROTOCOL (likewise), or ERROR_REFUSED with the peer's error. */
json_t *jsonrpc_wait(struct jsonrpc *rpc, json_int_t id, int64_t deadline_ms, struct error *err);

/* Take one message, whatever it is; -1 on error or at the deadline. */
int jsonrpc_turn(struct jsonrpc *rpc, int64_t deadline_ms, struct error *err);

json_t *jsonrpc_call(struct jsonrpc *rpc, const char *method, json_t *params, int64_t deadline_ms,
		     struct error *err);

#endif
