/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A request frame on its way to its handler: match the route, find out who asks and whether he may, record it, look at
 * what it expects of its object, call.  And the answer on its way back, with its headers.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An answer that goes to one request of one front. */
struct front_answer {
	struct answer answer;
	struct api *api;
	uint64_t era;
	int64_t id;
	bool tagged;	       /* a success is an object with an ETag */
	char *if_none_match;   /* of a GET, or NULL */
	char allow[40];	       /* what is possible there, when the method is not */
};

void answer_drop(struct answer *a)
{
	struct front_answer *fa = (struct front_answer *)a;

	json_decref(a->caller.scopes);
	free(fa->if_none_match);
	free(fa);
}

/* Some errors end by themselves; clients that wait need not guess for how long. */
static void add_retry_after(json_t *headers, int status, const json_t *body)
{
	int64_t ms = json_int(body, "retry_after_ms", 0);

	if (ms || status == 503 || status == 429)
		json_object_set_new(headers, "Retry-After", json_sprintf("%lld", (long long)(ms ? (ms + 999) / 1000 : 1)));
}

static json_t *headers_of(const struct front_answer *fa, int status, const json_t *body, const char *location)
{
	json_t *headers = json_object();

	if (location)
		json_object_set_new(headers, "Location", json_string(location));
	if (status == 401)
		json_object_set_new(headers, "WWW-Authenticate", json_string("Bearer"));
	if (status == 405)
		json_object_set_new(headers, "Allow", json_string(fa->allow));
	add_retry_after(headers, status, body);
	return headers;
}

/* The tag of what is told; with the one that the client has already, it needs no body. */
static void tag(const struct front_answer *fa, int *status, json_t **body, json_t *headers)
{
	char etag[ETAG_SIZE];

	if (!fa->tagged || *status >= 300)
		return;
	etag_of(*body, etag);
	json_object_set_new(headers, "ETag", json_string(etag));
	if (fa->if_none_match && etag_matches(fa->if_none_match, etag, true) == 1) {
		*status = 304;
		json_decref(*body);
		*body = NULL;
	}
}

static void send_answer(struct answer *a, int status, json_t *body, const char *location)
{
	struct front_answer *fa = (struct front_answer *)a;
	json_t *headers = headers_of(fa, status, body, location);

	tag(fa, &status, &body, headers);
	if (fa->era == fa->api->front_era)
		front_send(fa->api, json_pack("{s:I, s:i, s:o, s:o}", "id", (json_int_t)fa->id, "status", status, "headers", headers,
					      "body", body ? body : json_null()));
	else {
		json_decref(headers);
		json_decref(body);
	}
	answer_drop(a);
}

void answer_text(struct answer *a, int status, const char *type, const char *text)
{
	struct front_answer *fa = (struct front_answer *)a;

	if (fa->era == fa->api->front_era)
		front_send(fa->api, json_pack("{s:I, s:i, s:s, s:s}", "id", (json_int_t)fa->id, "status", status, "type", type,
					      "text", text));
	answer_drop(a);
}

/* Match @path against a pattern, filling in the segments. */
static bool match(const char *pattern, const char *path, struct call *call)
{
	size_t n;

	call->n_segments = 0;
	while (*pattern && *path) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		n = strcspn(path, "/");
		if (!n || n >= sizeof(call->segments[0]) || call->n_segments == 2)
			return false;
		snprintf(call->segments[call->n_segments++], sizeof(call->segments[0]), "%.*s", (int)n, path);
		path += n;
		pattern += strcspn(pattern, "}") + 1;
	}
	return !*pattern && !*path;
}

static bool in_group(uid_t uid, const char *group)
{
	const struct group *g = group ? getgrnam(group) : NULL;
	const struct passwd *pw = getpwuid(uid);
	char **member;

	if (!g || !pw)
		return false;
	for (member = g->gr_mem; *member; member++)
		if (!strcmp(*member, pw->pw_name))
			return true;
	return pw->pw_gid == g->gr_gid;
}

/* Root, the daemon's own user, and the members of the socket's group may do everything. */
static bool is_trusted(const struct api *api, int64_t uid)
{
	return uid == 0 || uid == (int64_t)geteuid() || (uid > 0 && in_group((uid_t)uid, api->config.socket_group));
}

static int authenticate(struct call *call, const json_t *peer, struct error *err)
{
	bool is_unix = !strcmp(json_str(peer, "kind", ""), "unix");
	int64_t uid = is_unix ? json_int(peer, "uid", -1) : -1;
	struct credentials k = { .from = json_str(peer, "address", "socket"), .uid = uid, .trusted = is_trusted(call->api, uid),
				 .authorization = json_str(call->headers, "authorization", NULL),
				 .subject = json_str(peer, "subject", NULL) };

	return service_authenticate(call->api->core, &k, &call->answer->caller, err);
}

static bool is_get(const struct route *route)
{
	return !strcmp(route->method, "GET");
}

static bool changes_something(const struct route *route)
{
	return !is_get(route) && strcmp(route->verb, "view") != 0 && strcmp(route->verb, "plan") != 0;
}

/* What the request expects of the object that it changes must hold now; nothing happens between this and the change. */
static int check_expectation(struct call *call, const struct route *route, struct error *err)
{
	bool asks = json_object_get(call->headers, "if-match") || json_object_get(call->headers, "if-none-match");
	struct error none = { 0 };
	char etag[ETAG_SIZE];
	json_t *now;
	int rc;

	if (is_get(route) || (!asks && route->etag != ETAG_NEEDED))
		return 0;
	now = route->etag == ETAG_NONE ? NULL : service_object(call->api->core, call->collection, call->segments[0], call->part, &none);
	if (now)
		etag_of(now, etag);
	rc = etag_check(call->headers, now ? etag : NULL, route->etag == ETAG_NEEDED, err);
	json_decref(now);
	return rc;
}

static int check(struct call *call, const struct route *route, const json_t *peer, struct error *err)
{
	if (authenticate(call, peer, err) < 0 ||
	    service_may(call->api->core, &call->answer->caller, route->verb, route->target, call->segments[0], call->body, err) < 0)
		return -1;
	if (route->needs_body && !json_is_object(call->body))
		error_set(err, ERROR_USAGE, "the request needs a JSON object as its body");
	return 0;
}

static void call_route(struct call *call, const struct route *route, const json_t *peer, const char *path)
{
	struct core *core = call->api->core;
	struct error err = { 0 };
	int rc;

	if (route->door != DOOR_API) {
		route->handle(call);
		return;
	}
	rc = check(call, route, peer, &err);
	/* Strangers are counted in the log of who serves them, not in the database. */
	if (err.code != ERROR_UNAUTHENTICATED && (changes_something(route) || rc < 0))
		service_audit_request(core, call->answer, route->method, path, call->body, rc < 0 ? &err : NULL);
	if (!err.code)
		check_expectation(call, route, &err);
	if (err.code)
		answer_error(core, call->answer, &err);
	else
		route->handle(call);
}

static void no_route(struct call *call, const char *method, const char *path)
{
	const struct front_answer *fa = (const struct front_answer *)call->answer;
	bool known_path = fa->allow[0];
	struct error err = { 0 };

	error_set(&err, ERROR_NOT_FOUND, known_path ? "%s is not possible on %s" : "there is nothing to %s at %s", method, path);
	error_hint(&err, "The routes are listed in recast-api(7).");
	call->answer->send(call->answer, known_path ? 405 : 404, problem_json(&err), NULL);
}

static void allow(struct answer *a, const char *method)
{
	struct front_answer *fa = (struct front_answer *)a;
	size_t n = strlen(fa->allow);

	snprintf(fa->allow + n, sizeof(fa->allow) - n, "%s%s", n ? ", " : "", method);
}

/* Machines boot over the boot port, and are not asked who they are. */
static bool is_from_afar(const json_t *peer)
{
	const char *kind = json_str(peer, "kind", "");

	return strcmp(kind, "boot") != 0 && strcmp(kind, "unix") != 0;
}

/* "/v1/machines/…": machines */
static void third_segment(const char *path, char *out, size_t size)
{
	const char *p = strchr(path + 1, '/');

	snprintf(out, size, "%.*s", p ? (int)strcspn(p + 1, "/") : 0, p ? p + 1 : "");
}

static struct answer *answer_create(struct api *api, int64_t id)
{
	struct front_answer *fa = xcalloc(1, sizeof(*fa));

	fa->answer.send = send_answer;
	snprintf(fa->answer.caller.name, sizeof(fa->answer.caller.name), "nobody");
	fa->api = api;
	fa->era = api->front_era;
	fa->id = id;
	return &fa->answer;
}

static void expect_tags(struct call *call, const struct route *route)
{
	struct front_answer *fa = (struct front_answer *)call->answer;
	const char *header = is_get(route) ? json_str(call->headers, "if-none-match", NULL) : NULL;

	fa->tagged = route->etag != ETAG_NONE && strcmp(route->method, "DELETE") != 0;
	fa->if_none_match = header ? xstrdup(header) : NULL;
}

void route_request(struct api *api, const json_t *frame)
{
	const char *method = json_str(frame, "method", ""), *path = json_str(frame, "path", "");
	const json_t *peer = json_object_get(frame, "peer");
	char collection[64];
	struct call call = { .api = api, .id = json_int(frame, "id", 0), .frame = frame,
			     .query = json_object_get(frame, "query"), .body = json_object_get(frame, "body"),
			     .headers = json_object_get(frame, "headers"), .collection = collection };
	const struct route *r;
	size_t n;

	third_segment(path, collection, sizeof(collection));
	call.answer = answer_create(api, call.id);
	for (r = routes_all(&n); n--; r++) {
		if (!match(r->path, path, &call) || (r->door == DOOR_BOOT && is_from_afar(peer)))
			continue;
		allow(call.answer, r->method);
		if (!strcmp(r->method, method)) {
			call.part = strrchr(path, '/') + 1;
			expect_tags(&call, r);
			call_route(&call, r, peer, path);
			return;
		}
	}
	no_route(&call, method, path);
}
