/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the helper answers.  It runs on another machine and may be anybody: nothing that it says is taken for done unless it
 * says so in whole.
 */
#include "lio.h"

#include "json.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static int no_reply(struct error *err, const char *what)
{
	return error_set(err, ERROR_PROTOCOL, "the helper's answer is not understood: %s", what);
}

static int take_error(const json_t *v, struct error *err)
{
	const char *code = json_str(v, "code", NULL), *text = json_str(v, "text", NULL), *hint = json_str(v, "hint", NULL);

	if (!code || !text || !*text)
		return no_reply(err, "an error without code or text");
	error_set(err, error_by_name(code), "%s", text);
	if (hint)
		error_hint(err, "%s", hint);
	return -1;
}

int lio_error(const json_t *reply, struct error *err)
{
	const json_t *v = json_object_get(reply, "error");

	return json_is_object(v) ? take_error(v, err) : no_reply(err, "neither a result nor an error");
}

int lio_hello(const json_t *frame, struct error *err)
{
	const json_t *hello = json_object_get(frame, "hello");

	if (!hello || strcmp(json_str(hello, "driver", ""), "lio-target") != 0)
		return no_reply(err, "what was started is not recast-lio-target");
	if (json_int(hello, "protocol", 0) == 1)
		return 0;
	error_set(err, ERROR_PROTOCOL, "recast-lio-target speaks protocol %lld, not 1", (long long)json_int(hello, "protocol", 0));
	return error_hint(err, "Install the recast-lio-target of this version of Recast on the array.");
}

static int take_done(const json_t *r, struct driver_change *c, struct error *err)
{
	json_t *observed = json_object_get(r, "observed");

	if (!json_is_boolean(json_object_get(r, "changed")) || (observed && !json_is_object(observed)))
		return no_reply(err, "a change that is done, but not how");
	change_done(c, json_bool(r, "changed", false), observed ? json_deep_copy(observed) : NULL);
	return 0;
}

static int take_again(const json_t *r, struct driver_change *c, struct error *err)
{
	int64_t after_ms = json_int(r, "after_ms", -1);

	if (after_ms < 0 || after_ms > 60000)
		return no_reply(err, "again, but not when");
	change_again(c, after_ms);
	return 0;
}

static int take_result(const json_t *r, struct driver_change *c, struct error *err)
{
	const char *status = json_str(r, "status", "");
	struct error why = { 0 };

	if (!strcmp(status, "done"))
		return take_done(r, c, err);
	if (!strcmp(status, "again"))
		return take_again(r, c, err);
	if (strcmp(status, "not_applied") != 0 && strcmp(status, "unknown") != 0)
		return no_reply(err, "a status that is none");
	lio_error(r, &why);
	/* An error that is not understood leaves open what it is about. */
	change_failed(c, strcmp(status, "unknown") && why.code != ERROR_PROTOCOL ? CHANGE_NOT_APPLIED : CHANGE_UNKNOWN, &why);
	return 0;
}

int lio_results(const json_t *reply, struct driver_change *changes, size_t n, struct error *err)
{
	const json_t *results = json_object_get(reply, "results");
	struct error why = { 0 };
	size_t i;

	if (json_object_get(reply, "error"))
		return lio_error(reply, err);
	for (i = 0; i < n; i++) {
		if (json_array_size(results) != n)
			no_reply(&why, "not one result for each change");
		else if (!take_result(json_array_get(results, i), &changes[i], &why))
			continue;
		change_failed(&changes[i], CHANGE_UNKNOWN, &why);
	}
	return 0;
}

static bool holds_objects(const json_t *map)
{
	const json_t *v;
	const char *key;

	if (!json_is_object(map))
		return false;
	json_object_foreach((json_t *)(uintptr_t)map, key, v)
		if (!json_is_boolean(json_object_get(v, "exists")))
			return false;
	return true;
}

json_t *lio_document(const json_t *reply, struct error *err)
{
	json_t *document = json_object_get(reply, "document");

	if (!document) {
		lio_error(reply, err);
		return NULL;
	}
	if (holds_objects(json_object_get(document, "volumes")) && holds_objects(json_object_get(document, "maps")) &&
	    holds_objects(json_object_get(document, "snapshots")) && json_is_array(json_object_get(document, "sessions")))
		return json_deep_copy(document);
	no_reply(err, "a document of another class");
	return NULL;
}
