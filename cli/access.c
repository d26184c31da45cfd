/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands about who may do what, and who did: whoami, can, token, account, approve, audit.
 */
#include "app.h"
#include "apply.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "grant.h"
#include "json.h"
#include "output.h"
#include "show.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *joined(const json_t *list, const char *empty)
{
	struct text t = { 0 };
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		text_printf(&t, "%s%s", i ? ", " : "", json_string_value(item));
	return t.data ? t.data : xstrdup(empty);
}

int cmd_whoami(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *who = client_get(app->client, "/v1/whoami", err);
	_cleanup_(freep) char *verbs = NULL, *scopes = NULL;

	(void)inv;
	if (!who)
		return -1;
	if (output_value(app, who))
		return 0;
	verbs = joined(json_object_get(who, "verbs"), "nothing");
	scopes = joined(json_object_get(who, "scopes"), "the whole site");
	fact_member("name", who, "name");
	fact_member("role", who, "role");
	fact("may", "%s", safe(verbs));
	fact("scope", "%s", safe(scopes));
	return 0;
}

int cmd_can(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *name = inv->args.n > 1 ? inv->args.items[1] : NULL;
	json_auto_t *body = json_pack("{s:s}", "verb", inv->args.items[0]), *answer = NULL;

	if (name && !strncmp(name, "machine/", 8))
		json_object_set_new(body, "machine", json_string(name + 8));
	else if (name)
		json_object_set_new(body, "persona", json_string(!strncmp(name, "persona/", 8) ? name + 8 : name));
	if (client_call(app->client, "POST", "/v1/can", body, false, &answer, NULL, err))
		return -1;
	if (!output_value(app, answer))
		printf("%s%s%s\n", json_bool(answer, "allowed", false) ? "yes" : "no", json_str(answer, "why", NULL) ? ": " : "",
		       safe(json_str(answer, "why", "")));
	return json_bool(answer, "allowed", false) ? 0 : error_exit(ERROR_DENIED);
}

int grant_put(json_t *body, const struct invocation *inv, struct error *err)
{
	const char *role = option_value(inv, OPTION_ROLE), *expires = option_value(inv, OPTION_EXPIRES);
	const struct values *scopes = &inv->options[OPTION_SCOPE];
	json_t *list = json_array();
	int64_t ms = expires ? clock_parse_duration_ms(expires) : 0;
	int i;

	for (i = 0; i < scopes->n; i++)
		json_array_append_new(list, json_string(scopes->items[i]));
	json_object_set_new(body, "scopes", list);
	if (!role) {
		error_set(err, ERROR_USAGE, "--role is missing: what may it do?");
		return error_hint(err, "viewer, operator, approver or admin; with --scope only within groups or personas.");
	}
	json_object_set_new(body, "role", json_string(role));
	if (expires && ms <= 0)
		return error_set(err, ERROR_USAGE, "--expires takes a duration such as 24h, up to a year");
	if (expires)
		json_object_set_new(body, "expires", json_integer(clock_wall_ms() + ms));
	return 0;
}

int cmd_token_create(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *body = json_pack("{s:s}", "name", inv->args.items[0]), *token = NULL;

	if (grant_put(body, inv, err) || client_call(app->client, "POST", "/v1/tokens", body, false, &token, NULL, err))
		return -1;
	if (output_value(app, token))
		return 0;
	puts(json_str(token, "token", ""));
	say("This is the only time that token %s is shown. Whoever has it is %s.", inv->args.items[0], json_str(token, "role", ""));
	return 0;
}

int grants_show(struct app *app, const char *path, struct error *err)
{
	static const struct column columns[] = { { "NAME", "name" }, { "ROLE", "role" }, { "SCOPE", "scopes", CELL_LIST },
						 { "EXPIRES", "expires", CELL_TIME }, { "MADE BY", "by" },
						 { "CREATED", "created", CELL_TIME, true } };
	json_auto_t *answer = client_get(app->client, path, err);

	if (!answer)
		return -1;
	table_print(app, columns, 6, json_object_get(answer, "items"), "name");
	if (json_array_size(json_object_get(answer, "items")) == 0 && app->format <= OUTPUT_WIDE)
		say("There are none.");
	return 0;
}

int cmd_token_list(struct app *app, const struct invocation *inv, struct error *err)
{
	(void)inv;
	return grants_show(app, "/v1/tokens", err);
}

static int need_cert(const struct invocation *inv, struct error *err)
{
	if (option_value(inv, OPTION_CERT))
		return 0;
	error_set(err, ERROR_USAGE, "--cert is missing: whose certificate?");
	return error_hint(err, "openssl x509 -noout -subject -nameopt RFC2253 -in cert.pem prints the subject.");
}

int cmd_account_add(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *body = json_object(), *account = NULL;

	if (need_cert(inv, err))
		return -1;
	json_object_set_new(body, "cert", json_string(option_value(inv, OPTION_CERT)));
	if (grant_put(body, inv, err) || client_call(app->client, "PUT", "/v1/accounts", body, false, &account, NULL, err))
		return -1;
	if (!output_value(app, account))
		say("%s is let in as %s.", safe(option_value(inv, OPTION_CERT)), json_str(account, "role", ""));
	return 0;
}

int cmd_account_list(struct app *app, const struct invocation *inv, struct error *err)
{
	(void)inv;
	return grants_show(app, "/v1/accounts", err);
}

int cmd_account_remove(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *body = NULL;

	if (need_cert(inv, err))
		return -1;
	body = json_pack("{s:s}", "cert", option_value(inv, OPTION_CERT));
	if (client_call(app->client, "POST", "/v1/accounts/remove", body, false, NULL, NULL, err))
		return -1;
	say("%s is let in no more.", safe(option_value(inv, OPTION_CERT)));
	return 0;
}

static int show_approvals(struct app *app, struct error *err)
{
	static const struct column columns[] = { { "PLAN", "plan" }, { "ACTION", "action" }, { "PERSONA", "persona" },
						 { "BY", "by" }, { "UNTIL", "expires", CELL_TIME } };
	json_auto_t *answer = client_get(app->client, "/v1/approvals", err);

	if (!answer)
		return -1;
	table_print(app, columns, 5, json_object_get(answer, "items"), "plan");
	return 0;
}

int cmd_approve(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *body = NULL, *approval = NULL;

	if (!inv->args.n)
		return show_approvals(app, err);
	body = read_plan(inv->args.items[0], err);
	if (!body)
		return -1;
	show_plan(app, json_object_get(body, "plan"));
	if (client_call(app->client, "POST", "/v1/approvals", body, false, &approval, NULL, err))
		return -1;
	if (!output_value(app, approval))
		say("Approved for an hour: plan %s.", json_str(approval, "plan", ""));
	return 0;
}

/* A request, its outcome, or the end of a run, in one line. */
static void show_record(const json_t *row)
{
	const json_t *doc = json_object_get(row, "doc");
	_cleanup_(freep) char *what = json_canonical(json_object_get(doc, "what") ? json_object_get(doc, "what") : doc);

	printf("%6" PRId64 "  %s  ", json_int(row, "seq", 0), show_time(json_object_get(doc, "time")));
	if (json_str(doc, "who", NULL))
		printf("%s from %s: %s %s %s%s%s\n", safe(json_str(doc, "who", "")), safe(json_str(doc, "from", "")),
		       safe(json_str(doc, "method", "")), safe(json_str(doc, "path", "")), safe(what),
		       json_str(doc, "denied", NULL) ? " refused: " : "", safe(json_str(doc, "denied", "")));
	else if (json_object_get(doc, "of"))
		printf("  record %" PRId64 " was answered with %" PRId64 "\n", json_int(doc, "of", 0), json_int(doc, "status", 0));
	else if (!json_object_get(doc, "state"))
		printf("  %s\n", safe(what));
	else
		printf("  run %" PRId64 " (%s) ended: %s%s%s\n", json_int(doc, "run", 0), safe(json_str(doc, "action", "")),
		       safe(json_str(doc, "state", "")), *json_str(doc, "why", "") ? ": " : "", safe(json_str(doc, "why", "")));
}

/* Every page after @after: to @line each record.  The number of the last one, or -1. */
static int64_t each_record(struct app *app, int64_t after, void (*line)(const json_t *row), struct error *err)
{
	const json_t *row;
	size_t i, n;

	do {
		_cleanup_(freep) char *path = xasprintf("/v1/audit?cursor=%" PRId64 "&limit=1000", after);
		json_auto_t *answer = client_get(app->client, path, err);

		if (!answer)
			return -1;
		n = json_array_size(json_object_get(answer, "items"));
		json_array_foreach(json_object_get(answer, "items"), i, row) {
			line(row);
			after = json_int(row, "seq", after);
		}
	} while (n == 1000);
	return after;
}

static json_t *verify(struct app *app, struct error *err)
{
	return client_get(app->client, "/v1/audit/verify", err);
}

int cmd_audit_list(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *limit = option_value(inv, OPTION_LIMIT);
	json_auto_t *known = verify(app, err);
	int64_t n = 50, first;

	if (!known)
		return -1;
	if (limit && text_parse_int(limit, 1, INT64_MAX, &n))
		return error_set(err, ERROR_USAGE, "--limit takes a number");
	first = json_int(known, "records", 0) - n;
	return each_record(app, first > 0 ? first : 0, show_record, err) < 0 ? -1 : 0;
}

static void print_line(const json_t *row)
{
	_cleanup_(freep) char *text = json_canonical(row);

	puts(text);
}

int cmd_audit_export(struct app *app, const struct invocation *inv, struct error *err)
{
	(void)inv;
	return each_record(app, 0, print_line, err) < 0 ? -1 : 0;
}

int cmd_audit_verify(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *found = verify(app, err);

	(void)inv;
	if (!found)
		return -1;
	if (!output_value(app, found)) {
		if (json_bool(found, "ok", false))
			printf("%" PRId64 " records, unbroken.\n", json_int(found, "records", 0));
		else
			printf("BROKEN at record %" PRId64 ": it, or one before it, was changed or taken out.\n",
			       json_int(found, "broken_at", 0));
		fact_member("head", found, "head");
		fact_member("signature", found, "signature");
		fact_member("key", found, "key");
	}
	return json_bool(found, "ok", false) ? 0 : 1;
}
