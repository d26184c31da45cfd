/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The handlers: each takes what its route means out of a request and calls the service for it.  And the table of routes.
 */
#include "private.h"

#include "arena.h"
#include "json.h"
#include "secret.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reply_text(struct call *call, char *text)
{
	answer_text(call->answer, 200, "text/plain; charset=utf-8", text);
	secret_wipe(text, strlen(text)); /* a boot script holds a CHAP secret */
	free(text);
}

static void get_status(struct call *call)
{
	service_status(call->api->core, call->answer);
}

static void post_define(struct call *call)
{
	service_define(call->api->core, call->answer, call->body);
}

/* From `cursor` and `limit` of the query. */
static int read_page(const struct call *call, struct list_page *page, int limit, struct error *err)
{
	const char *text = json_str(call->query, "limit", NULL);
	int64_t n = limit;

	page->after = json_str(call->query, "cursor", NULL);
	if (text && text_parse_int(text, 1, PAGE_MAX, &n) < 0)
		return error_set(err, ERROR_USAGE, "`limit` must be a number from 1 to %d", PAGE_MAX);
	page->limit = (int)n;
	return 0;
}

static void get_list(struct call *call)
{
	struct error err = { 0 };
	struct list_page page;

	if (read_page(call, &page, PAGE_MAX, &err) < 0)
		answer_error(call->api->core, call->answer, &err);
	else
		service_list(call->api->core, call->answer, call->collection, &page);
}

static void get_object(struct call *call)
{
	service_show(call->api->core, call->answer, call->collection, call->segments[0], call->part);
}

static void put_document(struct call *call)
{
	service_document_put(call->api->core, call->answer, call->collection, call->segments[0], call->body);
}

static void delete_definition(struct call *call)
{
	service_definition_delete(call->api->core, call->answer, call->collection, call->segments[0]);
}

static void post_plan(struct call *call)
{
	service_plan(call->api->core, call->answer, call->body);
}

static struct once once_of(const struct call *call)
{
	json_t *what = json_pack("{s:s, s:O}", "path", json_str(call->frame, "path", ""), "body",
				 call->body ? (json_t *)call->body : json_null());
	struct once once = { .key = json_str(call->headers, "idempotency-key", NULL) };

	json_hash(what, once.what);
	json_decref(what);
	return once;
}

static void post_run(struct call *call)
{
	struct once once = once_of(call);

	service_run(call->api->core, call->answer, call->body, &once);
}

static void get_runs(struct call *call)
{
	bool open = !strcmp(json_str(call->query, "state", ""), "open");
	struct error err = { 0 };
	struct list_page page;

	if (read_page(call, &page, 50, &err) < 0)
		answer_error(call->api->core, call->answer, &err);
	else
		service_runs(call->api->core, call->answer, open, &page);
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
	struct once once = once_of(call);

	service_power_set(call->api->core, call->answer, call->segments[0], call->body, &once);
}

static void post_identify(struct call *call)
{
	service_identify(call->api->core, call->answer, call->segments[0], call->body);
}

static void get_volumes(struct call *call)
{
	service_volumes(call->api->core, call->answer, call->segments[0]);
}

static void post_volume(struct call *call)
{
	struct once once = once_of(call);

	service_volume_create(call->api->core, call->answer, call->segments[0], call->body, &once);
}

static void delete_volume(struct call *call)
{
	struct once once = once_of(call);

	service_volume_delete(call->api->core, call->answer, call->segments[0], call->segments[1], &once);
}

static void post_volume_resize(struct call *call)
{
	struct once once = once_of(call);

	service_volume_resize(call->api->core, call->answer, call->segments[0], call->segments[1], call->body, &once);
}

static void post_volume_restore(struct call *call)
{
	struct once once = once_of(call);

	service_volume_restore(call->api->core, call->answer, call->segments[0], call->segments[1], call->body, &once);
}

static void get_health(struct call *call)
{
	service_health(call->api->core, call->answer, call->segments[0]);
}

static void post_return(struct call *call)
{
	struct once once = once_of(call);

	service_return(call->api->core, call->answer, call->segments[0], &once);
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
		answer_drop(ca->call.answer);
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

static void post_secret_rotate(struct call *call)
{
	service_secret_rotate(call->api->core, call->answer, call->segments[0]);
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

static void post_key_rotate(struct call *call)
{
	service_key_rotate(call->api->core, call->answer, call->body);
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

static const char *from_where(const struct call *call)
{
	return json_str(json_object_get(call->frame, "peer"), "address", "socket");
}

static void post_login(struct call *call)
{
	service_login(call->api->core, call->answer, from_where(call), call->body);
}

static void post_logout(struct call *call)
{
	service_logout(call->api->core, call->answer);
}

static void post_password(struct call *call)
{
	service_password(call->api->core, call->answer, call->body);
}

static void get_users(struct call *call)
{
	service_user_list(call->api->core, call->answer);
}

static void put_user(struct call *call)
{
	service_user_put(call->api->core, call->answer, call->segments[0], call->body);
}

static void delete_user(struct call *call)
{
	service_user_delete(call->api->core, call->answer, call->segments[0]);
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
	struct error err = { 0 };
	struct list_page page;

	if (read_page(call, &page, 200, &err) < 0)
		answer_error(call->api->core, call->answer, &err);
	else
		service_audit_list(call->api->core, call->answer, &page);
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
	char *text = status == 200 ? xstrdup("ready\n") : xasprintf("not ready: %s\n", json_str(body, "detail", "?"));

	(void)location;
	answer_text(a, status == 200 ? 200 : 503, "text/plain; charset=utf-8", text);
	free(text);
	json_decref(body);
}

static void get_readyz(struct call *call)
{
	call->answer->send = ready_answered;
	service_ready(call->api->core, call->answer);
}

static void get_metrics(struct call *call)
{
	char *text = metrics_text(call->api, json_object_get(call->frame, "front"));

	answer_text(call->answer, 200, "text/plain; version=0.0.4; charset=utf-8", text);
	free(text);
}

static void get_openapi(struct call *call)
{
	answer_text(call->answer, 200, "application/json", openapi_json);
}

static const struct route routes[] = {
#define BODY true
#define ROUTE(door, method, path, handler, body, verb, target, etag) \
	{ DOOR_##door, method, path, handler, body, verb, TARGET_##target, ETAG_##etag },
#include "routes.def"
#undef ROUTE
#undef BODY
};

const struct route *routes_all(size_t *n)
{
	*n = sizeof(routes) / sizeof(routes[0]);
	return routes;
}
