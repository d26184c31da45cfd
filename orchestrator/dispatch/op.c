/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Operations and lists of them.  Every op is answered exactly once and freed then.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>

struct op *op_create(enum op_kind kind, json_t *body, bool urgent, int64_t deadline, op_fn fn, void *arg)
{
	struct op *op = xcalloc(1, sizeof(*op));

	*op = (struct op){ NULL, kind, body, urgent, deadline, fn, arg };
	return op;
}

void op_answer(struct op *op, const struct op_result *result)
{
	op->fn(op->arg, result);
	json_decref(op->body);
	free(op);
}

void op_fail(struct op *op, const struct error *err, bool maybe_applied)
{
	struct op_result r = { .outcome = maybe_applied ? OP_UNKNOWN : OP_NOT_APPLIED, .error = *err };

	op_answer(op, &r);
}

void op_list_init(struct op_list *l)
{
	*l = (struct op_list){ 0 };
}

void op_list_push(struct op_list *l, struct op *op)
{
	op->next = NULL;
	if (!l->first)
		l->last = &l->first;
	*l->last = op;
	l->last = &op->next;
	l->n++;
}

void op_list_fail(struct op_list *l, const struct error *err, bool maybe_applied)
{
	struct op *op = l->first, *next;

	op_list_init(l);
	for (; op; op = next) {
		next = op->next;
		op_fail(op, err, maybe_applied);
	}
}

/* What a driver may say is wrong (doc/driver-protocol.md).  With any other word it has refused, and that is all that is
 * known: "internal" would be our fault, "unauthenticated" that of who asked us. */
static enum error_code code_of_driver(const char *name)
{
	static const enum error_code allowed[] = { ERROR_AUTH, ERROR_UNTRUSTED, ERROR_UNREACHABLE, ERROR_PROTOCOL, ERROR_REFUSED, ERROR_BUSY,
						   ERROR_UNSUPPORTED, ERROR_INVALID, ERROR_CONFLICT };
	enum error_code code = error_by_name(name);
	size_t i;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i] == code)
			return code;
	return ERROR_REFUSED;
}

void error_from_json(const json_t *j, struct error *err)
{
	const char *code = json_str(j, "code", "protocol"), *hint = json_str(j, "hint", NULL);

	error_set(err, code_of_driver(code), "%s", json_str(j, "text", "the driver gave no reason"));
	if (hint)
		error_hint(err, "%s", hint);
	server_key_from_json(json_object_get(j, "presented"), &err->presented);
}
