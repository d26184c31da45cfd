/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP answers as bytes.  See reply.h.  The core is trusted to mean well but not to be right: a
 * header that would break the framing is dropped and logged.
 */
#include "reply.h"

#include "http.h"
#include "json.h"
#include "log.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_ours(const char *name)
{
	static const char *const ours[] = { "content-length", "transfer-encoding", "connection",
					    "content-type", "cache-control" };
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcasecmp(ours[i], name))
			return true;
	return false;
}

static void head(struct evbuffer *out, struct reply_style style, int status, const char *type,
		 json_t *headers)
{
	const char *name;
	json_t *value;

	evbuffer_add_printf(out, "HTTP/1.%d %d %s\r\n", style.http10 ? 0 : 1, status,
			    http_reason(status));
	if (type)
		evbuffer_add_printf(out, "Content-Type: %s\r\n", type);
	json_object_foreach(headers, name, value) {
		const char *text = json_string_value(value);

		if (text && !is_ours(name) && http_header_is_sane(name, text))
			evbuffer_add_printf(out, "%s: %s\r\n", name, text);
		else
			log_error("reply", "the core asked for a header that cannot be sent; left "
					   "out");
	}
	evbuffer_add_printf(out, "Cache-Control: no-store\r\nConnection: %s\r\n",
			    style.keep_alive ? "keep-alive" : "close");
}

static int status_of(const json_t *frame)
{
	int64_t status = json_int(frame, "status", 500);

	return status >= 200 && status <= 599 ? (int)status : 500;
}

/* The type that the frame names, if it may stand in a header. */
static const char *type_of(const json_t *frame, const char *otherwise)
{
	const char *type = json_str(frame, "type", otherwise);

	return http_header_is_sane("Content-Type", type) ? type : otherwise;
}

static void whole(struct evbuffer *out, struct reply_style style, int status, const char *type,
		  json_t *headers, const char *bytes, size_t len)
{
	head(out, style, status, len ? type : NULL, headers);
	if (status != 204 && status != 304)
		evbuffer_add_printf(out, "Content-Length: %zu\r\n", len);
	evbuffer_add_printf(out, "\r\n");
	if (status != 204 && status != 304)
		evbuffer_add(out, bytes, len);
}

void reply_whole(struct evbuffer *out, struct reply_style style, const json_t *frame)
{
	json_t *headers = json_object_get(frame, "headers"), *body = json_object_get(frame, "body");
	const char *text = json_str(frame, "text", NULL);
	int status = status_of(frame);
	size_t len;
	char *bytes;

	if (text) {
		whole(out, style, status, type_of(frame, "text/plain; charset=utf-8"), headers,
		      text, strlen(text));
		return;
	}
	if (!body || json_is_null(body)) {
		whole(out, style, status, NULL, headers, "", 0);
		return;
	}
	bytes = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
	len = bytes ? strlen(bytes) : 0;
	if (bytes)
		bytes[len++] = '\n'; /* takes the place of the NUL */
	whole(out, style, status,
	      type_of(frame, status >= 400 ? "application/problem+json" : "application/json"),
	      headers, bytes ? bytes : "", len);
	free(bytes);
}

void reply_stream_begin(struct evbuffer *out, struct reply_style style, const json_t *frame)
{
	head(out, style, status_of(frame), type_of(frame, "text/plain; charset=utf-8"),
	     json_object_get(frame, "headers"));
	evbuffer_add_printf(out, "X-Accel-Buffering: no\r\n%s\r\n",
			    style.http10 ? "" : "Transfer-Encoding: chunked\r\n");
}

void reply_stream_chunk(struct evbuffer *out, struct reply_style style, const char *bytes,
			size_t len)
{
	if (len == 0)
		return; /* an empty chunk would end the stream */
	if (!style.http10)
		evbuffer_add_printf(out, "%zx\r\n", len);
	evbuffer_add(out, bytes, len);
	if (!style.http10)
		evbuffer_add(out, "\r\n", 2);
}

void reply_stream_end(struct evbuffer *out, struct reply_style style)
{
	if (!style.http10)
		evbuffer_add(out, "0\r\n\r\n", 5);
}

void reply_problem(struct evbuffer *out, struct reply_style style, int status, int wait_s,
		   const struct error *err)
{
	json_t *frame = json_object(), *body = json_object(), *headers = json_object();

	json_setf(body, "type", "urn:recast:error:%s", error_name(err->code));
	json_setf(body, "title", "%s", error_meaning(err->code));
	json_object_set_new(body, "status", json_integer(status));
	json_setf(body, "detail", "%s", err->text);
	json_setf(body, "code", "%s", error_name(err->code));
	json_setf(body, "hint", "%s", err->hint[0] ? err->hint : error_advice(err->code));
	if (status == 405)
		json_setf(headers, "Allow", "GET, POST, PUT, DELETE");
	if (wait_s)
		json_setf(headers, "Retry-After", "%d", wait_s);
	json_object_set_new(frame, "status", json_integer(status));
	json_object_set_new(frame, "headers", headers);
	json_object_set_new(frame, "body", body);
	reply_whole(out, style, frame);
	json_decref(frame);
}
