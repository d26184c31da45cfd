/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona explain [CODE]`: the error codes, without asking anybody.
 */
#include "app.h"
#include "output.h"
#include "show.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static json_t *code_json(enum error_code code)
{
	return json_pack("{s:s,s:i,s:i,s:b,s:s,s:s}", "code", error_name(code), "status",
			 error_http(code), "exit", error_exit(code), "retryable",
			 error_is_retryable(code), "meaning", error_meaning(code), "advice",
			 error_advice(code));
}

static int list(const struct app *app)
{
	static const struct column columns[] = { { "CODE", "code" },
						 { "EXIT", "exit" },
						 { "MEANING", "meaning" },
						 { "ADVICE", "advice", CELL_TEXT, true } };
	json_auto_t *items = json_array();
	int i;

	for (i = ERROR_NONE + 1; i < ERROR_COUNT; i++)
		json_array_append_new(items, code_json((enum error_code)i));
	table_print(app, columns, 4, items, "code");
	return 0;
}

int cmd_explain(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *names[ERROR_COUNT], *near;
	json_auto_t *value = NULL;
	int i;

	if (inv->args.n == 0)
		return list(app);
	for (i = ERROR_NONE + 1; i < ERROR_COUNT; i++) {
		names[i - 1] = error_name((enum error_code)i);
		if (!strcmp(names[i - 1], inv->args.items[0]))
			value = code_json((enum error_code)i);
	}
	if (!value) {
		near = text_nearest(inv->args.items[0], names, ERROR_COUNT - 1);
		error_set(err, ERROR_NOT_FOUND, "there is no error code `%s`", inv->args.items[0]);
		return near ? error_hint(err, "did you mean `%s`?", near)
			    : error_hint(err, "`persona explain` lists all codes.");
	}
	if (output_value(app, value))
		return 0;
	printf("%s\n%s\n", error_meaning(error_by_name(inv->args.items[0])),
	       error_advice(error_by_name(inv->args.items[0])));
	fact("exit status", "%d", error_exit(error_by_name(inv->args.items[0])));
	return 0;
}
