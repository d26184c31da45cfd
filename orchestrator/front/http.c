/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The strict reader of a request's head.  See http.h.
 */
#include "http.h"

#include "arena.h"
#include "front.h"
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The headers that mean something here; each may stand once, but for those marked. */
static const struct known_header {
	const char *name;
	bool repeats, pass_on;
} known_headers[] = {
	{ "accept", true, true },
	{ "authorization", false, true },
	{ "connection", true, false },
	{ "content-length", false, false },
	{ "content-type", false, false },
	{ "expect", false, false },
	{ "host", false, false },
	{ "idempotency-key", false, true },
	{ "if-match", false, true },
	{ "if-none-match", false, true },
	{ "last-event-id", false, true },
	{ "transfer-encoding", false, false },
};
enum { N_KNOWN = sizeof(known_headers) / sizeof(known_headers[0]) };

ssize_t http_head_length(const char *bytes, size_t len, size_t *scanned)
{
	size_t i;

	for (i = *scanned; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '\n') {
			if (i == 0 || bytes[i - 1] != '\r')
				return -1;
			if (i >= 3 && bytes[i - 2] == '\n')
				return (ssize_t)i + 1;
		} else if ((i > 0 && bytes[i - 1] == '\r') || c >= 0x7f ||
			   (c < 0x20 && c != '\r' && c != '\t')) {
			return -1;
		}
	}
	*scanned = len;
	return 0;
}

static int refuse(int *status, int with, struct error *err, const char *text)
{
	*status = with;
	return error_set(err, with == 431 ? ERROR_TOO_LARGE : ERROR_USAGE, "%s", text);
}

static bool is_token(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i]))
			return false;
	return n > 0;
}

static int hex(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Percent-decode @n bytes; NULL when malformed or when a control character comes out. */
static char *decode(const char *s, size_t n, bool plus)
{
	char *out = xcalloc(1, n + 1), *o = out;
	size_t i;

	for (i = 0; i < n; i++, o++) {
		*o = plus && s[i] == '+' ? ' ' : s[i];
		if (s[i] == '%') {
			if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				break;
			*o = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		}
		if ((unsigned char)*o < 0x20 || *o == 0x7f)
			break;
	}
	if (i == n)
		return out;
	free(out);
	return NULL;
}

/* Every path has one spelling: "//", "." and ".." segments, and an encoded "/" are refused. */
static bool path_is_plain(const char *raw, size_t n, const char *path)
{
	const char *s, *end;
	size_t i;

	for (i = 0; i + 2 < n; i++)
		if (!strncasecmp(raw + i, "%2f", 3))
			return false;
	for (s = path; *s == '/'; s = end) {
		size_t segment = strcspn(s + 1, "/");

		end = s + 1 + segment;
		if (segment == 0 && *end)
			return false;
		if ((segment == 1 && s[1] == '.') || (segment == 2 && s[1] == '.' && s[2] == '.'))
			return false;
	}
	return true;
}

static int parse_query(const char *s, size_t len, struct http_request *out, int *status,
		       struct error *err)
{
	const char *end = s + len, *next;

	for (; s < end; s = next + 1) {
		const char *eq;
		char *key, *value;
		json_t *text;
		bool bad;

		next = memchr(s, '&', (size_t)(end - s));
		if (!next)
			next = end;
		eq = memchr(s, '=', (size_t)(next - s));
		key = decode(s, (size_t)((eq ? eq : next) - s), true);
		value = eq ? decode(eq + 1, (size_t)(next - eq - 1), true) : xstrdup("");
		text = key && value ? json_string(value) : NULL;
		bad = !text || !*key || json_object_get(out->query, key) ||
		      json_object_set(out->query, key, text);
		json_decref(text);
		free(key);
		free(value);
		if (bad)
			return refuse(status, 400, err,
				      "the query of the request is malformed or names a key twice");
	}
	return 0;
}

static int parse_target(const char *s, size_t len, struct http_request *out, int *status,
			struct error *err)
{
	const char *mark = memchr(s, '?', len);
	size_t n = mark ? (size_t)(mark - s) : len;
	json_t *utf8;

	if (s[0] != '/' || memchr(s, '#', len))
		return refuse(status, 400, err,
			      "the request does not name a path beginning with /");
	out->path = decode(s, n, false);
	utf8 = out->path ? json_string(out->path) : NULL;
	json_decref(utf8);
	if (!utf8 || !path_is_plain(s, n, out->path))
		return refuse(status, 400, err, "the path of the request is malformed");
	return mark ? parse_query(mark + 1, len - n - 1, out, status, err) : 0;
}

/* "GET /v1/runs HTTP/1.1" */
static int parse_request_line(const char *s, size_t len, struct http_request *out, int *status,
			      struct error *err)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
	const char *sp1 = memchr(s, ' ', len), *sp2, *version;
	size_t n, i;

	sp2 = sp1 ? memchr(sp1 + 1, ' ', len - (size_t)(sp1 + 1 - s)) : NULL;
	if (!sp2 || sp2 == sp1 + 1 || memchr(s, '\t', len) || !is_token(s, (size_t)(sp1 - s)))
		return refuse(status, 400, err, "the request line is not `METHOD PATH HTTP/1.1`");
	version = sp2 + 1;
	if (len - (size_t)(version - s) != 8 || strncmp(version, "HTTP/", 5))
		return refuse(status, 400, err, "the request line is not `METHOD PATH HTTP/1.1`");
	if (strncmp(version, "HTTP/1.0", 8) && strncmp(version, "HTTP/1.1", 8))
		return refuse(status, 505, err, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	out->http10 = version[7] == '0';
	out->keep_alive = !out->http10;
	n = (size_t)(sp1 - s);
	for (i = 0; i < 4; i++)
		if (strlen(methods[i]) == n && !strncmp(methods[i], s, n))
			break;
	if (i == 4)
		return refuse(status, 405, err, "only GET, POST, PUT and DELETE are methods here");
	strcpy(out->method, methods[i]);
	return parse_target(sp1 + 1, (size_t)(sp2 - sp1 - 1), out, status, err);
}

static int set_length(const char *value, struct http_request *out, int *status, struct error *err)
{
	size_t n = strlen(value);

	if (n == 0 || n > 10 || strspn(value, "0123456789") != n)
		return refuse(status, 400, err, "Content-Length is not a plain number");
	out->length = strtoull(value, NULL, 10);
	out->has_length = true;
	return 0;
}

static int apply_header(const char *name, const char *value, struct http_request *out, int *status,
			struct error *err)
{
	if (!strcmp(name, "content-length"))
		return set_length(value, out, status, err);
	if (!strcmp(name, "transfer-encoding"))
		return refuse(status, 411, err,
			      "a body is sent with Content-Length, not Transfer-Encoding");
	if (!strcmp(name, "content-type")) {
		size_t n = strcspn(value, "; \t");

		out->is_json = n == 16 && !strncasecmp(value, "application/json", 16);
	} else if (!strcmp(name, "connection")) {
		if (!strcasecmp(value, "close"))
			out->keep_alive = false;
	} else if (!strcmp(name, "expect")) {
		if (strcasecmp(value, "100-continue"))
			return refuse(status, 417, err,
				      "only `Expect: 100-continue` is understood");
		out->expects_continue = true;
	}
	return 0;
}

static int parse_header(const char *s, size_t len, unsigned *seen, struct http_request *out,
			int *status, struct error *err)
{
	const char *colon = memchr(s, ':', len), *end = s + len;
	char name[24], *value;
	size_t i;
	int rc;

	if (!colon || !is_token(s, (size_t)(colon - s)))
		return refuse(status, 400, err, "a header line is not `Name: value`");
	if ((size_t)(colon - s) >= sizeof(name))
		return 0; /* longer than any that matters */
	for (i = 0; s + i < colon; i++)
		name[i] = (char)tolower((unsigned char)s[i]);
	name[i] = '\0';
	for (i = 0; i < N_KNOWN && strcmp(known_headers[i].name, name); i++)
		;
	if (i == N_KNOWN)
		return 0;
	if (*seen & 1U << i && !known_headers[i].repeats)
		return refuse(status, 400, err, "a header that must stand once stands twice");
	*seen |= 1U << i;
	for (colon++; colon < end && (*colon == ' ' || *colon == '\t'); colon++)
		;
	while (end > colon && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	value = xcalloc(1, (size_t)(end - colon) + 1);
	memcpy(value, colon, (size_t)(end - colon));
	if (known_headers[i].pass_on)
		json_object_set_new(out->headers, name, json_string(value));
	rc = apply_header(name, value, out, status, err);
	free(value);
	return rc;
}

static bool saw(unsigned seen, const char *name)
{
	size_t i;

	for (i = 0; i < N_KNOWN; i++)
		if (!strcmp(known_headers[i].name, name))
			return seen & 1U << i;
	return false;
}

int http_parse(const char *head, size_t len, struct http_request *out, int *status,
	       struct error *err)
{
	const char *s = head, *end = head + len - 2, *eol;
	unsigned seen = 0;
	int line;

	out->query = json_object();
	out->headers = json_object();
	for (line = 0; s < end; line++, s = eol + 2) {
		eol = memchr(s, '\r', (size_t)(end - s));
		if (!eol)
			break; /* not possible in a head that http_head_length() accepted */
		if (line > FRONT_HEAD_LINES)
			return refuse(status, 431, err,
				      "the request has more than 100 header lines");
		if (line == 0 && parse_request_line(s, (size_t)(eol - s), out, status, err))
			return -1;
		if (line > 0 && parse_header(s, (size_t)(eol - s), &seen, out, status, err))
			return -1;
	}
	if (!out->http10 && !saw(seen, "host"))
		return refuse(status, 400, err, "an HTTP/1.1 request needs a Host header");
	return 0;
}

void http_request_fini(struct http_request *r)
{
	free(r->path);
	json_decref(r->query);
	json_decref(r->headers);
	*r = (struct http_request){ 0 };
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

bool http_header_is_sane(const char *name, const char *value)
{
	const char *s;

	for (s = value; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			return false;
	return is_token(name, strlen(name));
}
