/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a request frame to a handler: match, authorise, call.
 */
#include "private.h"

#include "arena.h"
#include "json.h"
#include "secret.h"
#include "text.h"

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
};

static void send_answer(struct answer *a, int status, json_t *body, const char *location)
{
	struct front_answer *fa = (struct front_answer *)a;
	json_t *frame = json_pack("{s:I, s:i, s:o}", "id", (json_int_t)fa->id, "status", status, "body",
				  body ? body : json_null());

	if (location)
		json_object_set_new(frame, "headers", json_pack("{s:s}", "Location", location));
	else if (status == 401)
		json_object_set_new(frame, "headers", json_pack("{s:s}", "WWW-Authenticate", "Bearer"));
	if (fa->era == fa->api->front_era)
		front_send(fa->api, frame);
	else
		json_decref(frame);
	json_decref(fa->answer.caller.scopes);
	free(fa);
}

/* Free an answer that is not sent through its service. */
static void drop_answer(struct answer *a)
{
	json_decref(a->caller.scopes);
	free(a);
}

static void send_text(struct api *api, int64_t id, int status, const char *type, const char *text)
{
	front_send(api, json_pack("{s:I, s:i, s:s, s:s}", "id", (json_int_t)id, "status", status, "type", type, "text", text));
}

static void reply_text(struct call *call, char *text)
{
	send_text(call->api, call->id, 200, "text/plain; charset=utf-8", text);
	secret_wipe(text, strlen(text)); /* a boot script holds a CHAP secret */
	free(text);
	drop_answer(call->answer);
}

static void get_status(struct call *call)
{
	service_status(call->api->core, call->answer);
}

static void post_define(struct call *call)
{
	service_define(call->api->core, call->answer, call->body);
}

static void get_list(struct call *call)
{
	service_list(call->api->core, call->answer, call->collection);
}

static void get_object(struct call *call)
{
	service_show(call->api->core, call->answer, call->collection, call->segments[0]);
}

static void delete_persona(struct call *call)
{
	service_delete_persona(call->api->core, call->answer, call->segments[0]);
}

static void post_plan(struct call *call)
{
	service_plan(call->api->core, call->answer, call->body);
}

static const char *request_key(const struct call *call)
{
	return json_str(call->headers, "idempotency-key", NULL);
}

static void post_run(struct call *call)
{
	service_run(call->api->core, call->answer, call->body, request_key(call));
}

static void get_runs(struct call *call)
{
	int64_t limit = 50;

	text_parse_int(json_str(call->query, "limit", "50"), 1, 1000, &limit);
	service_runs(call->api->core, call->answer, !strcmp(json_str(call->query, "state", ""), "open"), (int)limit);
}

static int64_t run_id(const struct call *call)
{
	int64_t id = 0;

	text_parse_int(call->segments[0], 1, INT64_MAX, &id);
	return id;
}

static void get_run(struct call *call)
{
	service_run_show(call->api->core, call->answer, run_id(call));
}

static void post_cancel(struct call *call)
{
	service_cancel(call->api->core, call->answer, run_id(call));
}

static void get_power(struct call *call)
{
	service_power_get(call->api->core, call->answer, call->segments[0]);
}

static void post_power(struct call *call)
{
	service_power_set(call->api->core, call->answer, call->segments[0], call->body, request_key(call));
}

static void post_identify(struct call *call)
{
	service_identify(call->api->core, call->answer, call->segments[0], call->body);
}

static void get_health(struct call *call)
{
	service_health(call->api->core, call->answer, call->segments[0]);
}

static void post_return(struct call *call)
{
	service_return(call->api->core, call->answer, call->segments[0], request_key(call));
}

static void post_fence(struct call *call)
{
	service_fence(call->api->core, call->answer, call->segments[0], call->body);
}

/* The stream opens when the console does. */
struct console_answer {
	struct answer answer;
	struct call call;
	char machine[128];
};

static void console_opened(struct answer *a, int status, json_t *body, const char *location)
{
	struct console_answer *ca = (struct console_answer *)a;

	if (status == 200) {
		stream_console_open(&ca->call, ca->machine);
		json_decref(body);
		drop_answer(ca->call.answer);
	} else {
		ca->call.answer->send(ca->call.answer, status, body, location);
	}
	free(ca);
}

static void get_console(struct call *call)
{
	struct console_answer *ca = xcalloc(1, sizeof(*ca));

	ca->answer.send = console_opened;
	ca->call = *call;
	snprintf(ca->machine, sizeof(ca->machine), "%s", call->segments[0]);
	service_console(call->api->core, &ca->answer, call->segments[0], "open", NULL);
}

static void post_console(struct call *call)
{
	service_console(call->api->core, call->answer, call->segments[0], "input", json_str(call->body, "data", ""));
}

static void get_drift(struct call *call)
{
	service_drift(call->api->core, call->answer, json_str(call->query, "persona", NULL), false);
}

static void post_drift_check(struct call *call)
{
	service_drift(call->api->core, call->answer, json_str(call->query, "persona", NULL), true);
}

static void get_events(struct call *call)
{
	stream_events_open(call);
}

static void get_secrets(struct call *call)
{
	service_secret_list(call->api->core, call->answer);
}

static void put_secret(struct call *call)
{
	service_secret_put(call->api->core, call->answer, call->segments[0], (json_t *)call->body);
}

static void delete_secret(struct call *call)
{
	service_secret_delete(call->api->core, call->answer, call->segments[0]);
}

static void get_trust(struct call *call)
{
	service_trust_get(call->api->core, call->answer, call->segments[0]);
}

static void put_trust(struct call *call)
{
	service_trust_put(call->api->core, call->answer, call->segments[0], call->body);
}

static void delete_trust(struct call *call)
{
	service_trust_delete(call->api->core, call->answer, call->segments[0]);
}

static void post_backup(struct call *call)
{
	service_backup(call->api->core, call->answer, call->body);
}

static void post_approval(struct call *call)
{
	service_approve(call->api->core, call->answer, call->body);
}

static void get_approvals(struct call *call)
{
	service_approval_list(call->api->core, call->answer);
}

static void get_whoami(struct call *call)
{
	service_whoami(call->api->core, call->answer);
}

static void post_can(struct call *call)
{
	service_can(call->api->core, call->answer, call->body);
}

static void get_tokens(struct call *call)
{
	service_token_list(call->api->core, call->answer);
}

static void post_token(struct call *call)
{
	service_token_create(call->api->core, call->answer, call->body);
}

static void delete_token(struct call *call)
{
	service_token_revoke(call->api->core, call->answer, call->segments[0]);
}

static void get_accounts(struct call *call)
{
	service_account_list(call->api->core, call->answer);
}

static void put_account(struct call *call)
{
	service_account_put(call->api->core, call->answer, call->body);
}

static void post_account_remove(struct call *call)
{
	service_account_delete(call->api->core, call->answer, call->body);
}

static void get_audit(struct call *call)
{
	int64_t after = 0, limit = 200;

	text_parse_int(json_str(call->query, "after", "0"), 0, INT64_MAX, &after);
	text_parse_int(json_str(call->query, "limit", "200"), 1, 1000, &limit);
	service_audit_list(call->api->core, call->answer, after, (int)limit);
}

static void get_audit_verify(struct call *call)
{
	service_audit_verify(call->api->core, call->answer);
}

static void get_doctor(struct call *call)
{
	service_doctor(call->api->core, call->answer);
}

static void get_errors(struct call *call)
{
	service_errors(call->api->core, call->answer);
}

static void get_boot_script(struct call *call)
{
	reply_text(call, service_boot_script(call->api->core, json_str(call->query, "mac", NULL),
					     json_str(call->query, "uuid", NULL),
					     json_str(json_object_get(call->frame, "peer"), "address", "")));
}

static void get_boot_report(struct call *call)
{
	reply_text(call, service_boot_report(call->api->core, json_str(call->query, "mac", NULL),
					     json_str(call->query, "uuid", NULL), json_str(call->query, "stage", NULL),
					     json_str(json_object_get(call->frame, "peer"), "address", "")));
}

static void get_boot_config(struct call *call)
{
	reply_text(call, service_boot_config(call->api->core, json_str(call->query, "mac", NULL),
					     json_str(call->query, "uuid", NULL)));
}

static void get_healthz(struct call *call)
{
	reply_text(call, xstrdup("ok\n"));
}

static void ready_answered(struct answer *a, int status, json_t *body, const char *location)
{
	struct front_answer *fa = (struct front_answer *)a;
	char *text = status == 200 ? xstrdup("ready\n") : xasprintf("not ready: %s\n", json_str(body, "detail", "?"));

	(void)location;
	if (fa->era == fa->api->front_era)
		send_text(fa->api, fa->id, status == 200 ? 200 : 503, "text/plain; charset=utf-8", text);
	free(text);
	json_decref(body);
	drop_answer(a);
}

static void get_readyz(struct call *call)
{
	call->answer->send = ready_answered;
	service_ready(call->api->core, call->answer);
}

static void get_metrics(struct call *call)
{
	char *text = metrics_text(call->api, json_object_get(call->frame, "front"));

	send_text(call->api, call->id, 200, "text/plain; version=0.0.4; charset=utf-8", text);
	free(text);
	drop_answer(call->answer);
}

static void get_openapi(struct call *call)
{
	send_text(call->api, call->id, 200, "application/json", openapi_json);
	drop_answer(call->answer);
}

enum door { OPEN, API, BOOT };

static const struct route {
	enum door door;
	const char *method, *path;
	void (*handle)(struct call *call);
	bool needs_body;
	const char *verb;
	enum target target;
} routes[] = {
#define BODY true
#define ROUTE(door, method, path, handler, body, verb, target) { door, method, path, handler, body, verb, TARGET_##target },
#include "routes.def"
#undef ROUTE
#undef BODY
};

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

static bool changes_something(const struct route *route)
{
	return strcmp(route->method, "GET") != 0 && strcmp(route->verb, "view") != 0 && strcmp(route->verb, "plan") != 0;
}

static void third_segment(const char *path, char *out, size_t size)
{
	const char *p = strchr(path + 1, '/');

	snprintf(out, size, "%.*s", p ? (int)strcspn(p + 1, "/") : 0, p ? p + 1 : "");
}

static void refuse(struct call *call, const struct error *err)
{
	answer_error(call->api->core, call->answer, err);
}

static void call_route(struct call *call, const struct route *route, const json_t *peer, const char *path)
{
	struct core *core = call->api->core;
	struct error err = { 0 };
	int rc = 0;

	if (route->door != API) {
		route->handle(call);
		return;
	}
	rc = authenticate(call, peer, &err);
	if (rc == 0)
		rc = service_may(core, &call->answer->caller, route->verb, route->target, call->segments[0], call->body, &err);
	if (rc == 0 && route->needs_body && !json_is_object(call->body))
		error_set(&err, ERROR_USAGE, "the request needs a JSON object as its body");
	/* Strangers are counted in the log of who serves them, not in the database. */
	if (err.code != ERROR_UNAUTHENTICATED && (changes_something(route) || rc < 0))
		service_audit_request(core, call->answer, route->method, path, call->body, rc < 0 ? &err : NULL);
	if (err.code)
		refuse(call, &err);
	else
		route->handle(call);
}

static void no_route(struct call *call, const char *method, const char *path, bool known_path)
{
	struct error err = { 0 };

	error_set(&err, ERROR_NOT_FOUND, known_path ? "%s is not possible on %s" : "there is nothing to %s at %s", method, path);
	error_hint(&err, "The routes are listed in recast-api(7).");
	call->answer->send(call->answer, known_path ? 405 : 404, problem_json(&err), NULL);
}

/* Machines boot over the boot port, and are not asked who they are. */
static bool is_from_afar(const json_t *peer)
{
	const char *kind = json_str(peer, "kind", "");

	return strcmp(kind, "boot") != 0 && strcmp(kind, "unix") != 0;
}

void route_request(struct api *api, const json_t *frame)
{
	const char *method = json_str(frame, "method", ""), *path = json_str(frame, "path", "");
	const json_t *peer = json_object_get(frame, "peer");
	struct front_answer *fa;
	char collection[64];
	struct call call = { .api = api, .id = json_int(frame, "id", 0), .frame = frame,
			     .query = json_object_get(frame, "query"), .body = json_object_get(frame, "body"),
			     .headers = json_object_get(frame, "headers"), .collection = collection };
	bool known_path = false;
	size_t i;

	if (json_bool(frame, "closed", false)) {
		stream_closed(api, call.id);
		return;
	}
	third_segment(path, collection, sizeof(collection));
	fa = xcalloc(1, sizeof(*fa));
	fa->answer.send = send_answer;
	snprintf(fa->answer.caller.name, sizeof(fa->answer.caller.name), "nobody");
	fa->api = api;
	fa->era = api->front_era;
	fa->id = call.id;
	call.answer = &fa->answer;
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!match(routes[i].path, path, &call) || (routes[i].door == BOOT && is_from_afar(peer)))
			continue;
		known_path = true;
		if (!strcmp(routes[i].method, method)) {
			call_route(&call, &routes[i], peer, path);
			return;
		}
	}
	no_route(&call, method, path, known_path);
}

struct api *api_create(struct event_base *base, struct core *core, const struct api_config *config,
		       struct error *err)
{
	static const struct timeval every = { 5, 0 };
	struct api *api = xcalloc(1, sizeof(*api));

	api->base = base;
	api->core = core;
	api->config = *config;
	if (credentials_read(api, err) < 0 || front_start(api, err) < 0) {
		credentials_forget(api);
		free(api);
		return NULL;
	}
	api->watch = event_new(base, -1, EV_PERSIST, streams_watch, api);
	event_add(api->watch, &every);
	core_on_events(core, streams_push_events, api);
	core_on_console(core, streams_push_console, api);
	return api;
}

void api_destroy(struct api *api)
{
	struct stream *s;

	core_on_events(api->core, NULL, NULL);
	core_on_console(api->core, NULL, NULL);
	event_free(api->watch);
	front_stop(api);
	while ((s = api->streams)) {
		api->streams = s->next;
		json_decref(s->caller.scopes);
		free(s->machine);
		free(s);
	}
	free(api);
}
