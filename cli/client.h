/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP to the controller over its unix socket or TLS, with libcurl.  A problem body becomes a struct
 * error; a controller that is not there becomes one that says how to start it.
 */
#ifndef RECAST_CLI_CLIENT_H
#define RECAST_CLI_CLIENT_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct stream;

/* @e must outlive it.  Never fails; nothing is opened yet. */
struct endpoint;
struct client *client_create(const struct endpoint *e);
void client_destroy(struct client *client);

/* "/v1/machines", "node1", "power", NULL -> "/v1/machines/node1/power", each segment but the first
 * escaped.  Free with free(). */
char *client_path(const char *base, ...) __attribute__((sentinel));

/* One request.  @body may be NULL and stays the caller's.  With @once the request carries an
 * Idempotency-Key and is sent again when the connection breaks.  On success 0, *out the answer (a
 * new reference; NULL when it has none) and *status its HTTP status.  On failure -1 with *err; *out
 * is then the problem body, if the controller sent one.  @out and @status may be NULL. */
int client_call(struct client *client, const char *method, const char *path, const json_t *body,
		bool once, json_t **out, long *status, struct error *err);

/* client_call() with GET: the answer, or NULL. */
json_t *client_get(struct client *client, const char *path, struct error *err);

/* All items of a list, page by page, but no more than @max: a new array, or NULL.  @path may have a query. */
json_t *client_list(struct client *client, const char *path, size_t max, struct error *err);

/* The ETag of the last answer, "" when it had none; good until the next request. */
const char *client_etag(const struct client *client);
/* The next request is only to be carried out while its object has this ETag, or with "*" while there is none yet. */
void client_expect(struct client *client, const char *etag);

/* Whether the controller has answered anything yet, so that it is worth while to wait for it. */
bool client_answered(const struct client *client);

/* Whether it is reached over the network. */
bool client_is_far(const struct client *client);

/* Where the controller is, for people. */
const char *client_name(const struct client *client);

/* Bytes of a stream as they arrive. */
typedef void (*stream_fn)(void *arg, const char *bytes, size_t len);

/* Open a stream; @fn is called from stream_wait() only.  @last_event_id may be 0. */
struct stream *stream_open(struct client *client, const char *path, int64_t last_event_id,
			   stream_fn fn, void *arg);
void stream_close(struct stream *stream);

/* Let bytes arrive for at most @timeout_ms, or until @fd (if not -1) can be read (*readable).
 * Returns 1 while the stream lives, 0 when it has ended, -1 with *err when it failed. */
int stream_wait(struct stream *stream, int timeout_ms, int fd, bool *readable, struct error *err);

#endif
