/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tables.  See table.h.
 */
#include "table.h"

#include "arena.h"
#include "output.h"
#include "text.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *table_member(const json_t *object, const char *path)
{
	char key[64];
	size_t n;

	for (; object && *path; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		object = json_object_get(object, key);
	}
	return (json_t *)object;
}

static void put_value(struct text *t, const json_t *value)
{
	const char *separator = "";
	json_t *item;
	size_t i;

	if (json_is_string(value))
		text_append(t, safe(json_string_value(value)));
	else if (json_is_integer(value))
		text_printf(t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		text_printf(t, "%g", json_real_value(value));
	else if (json_is_boolean(value))
		text_append(t, json_is_true(value) ? "yes" : "no");
	json_array_foreach(value, i, item) {
		text_append(t, separator);
		put_value(t, json_is_object(item) ? json_object_get(item, "name") : item);
		separator = ",";
	}
}

/* The text of a cell; "-" for nothing. */
static char *cell_text(const struct column *c, const json_t *object)
{
	json_t *value = table_member(object, c->path);
	struct text t = { 0 };

	if (c->cell == CELL_TIME)
		text_append(&t, show_time(value));
	else if (c->cell == CELL_BYTES && json_is_integer(value))
		text_append(&t, show_bytes(json_integer_value(value)));
	else if (c->cell == CELL_DURATION && json_is_integer(value))
		text_append(&t, show_duration(json_integer_value(value)));
	else if (c->cell == CELL_COUNT && json_is_array(value))
		text_printf(&t, "%zu", json_array_size(value));
	else
		put_value(&t, value);
	if (!t.len)
		text_append(&t, "-");
	return t.data;
}

static void add_row(struct libscols_table *table, const struct column *columns, size_t n, bool wide,
		    const json_t *object)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t i, at = 0;

	for (i = 0; i < n; i++) {
		const char *colour;
		char *text;

		if (columns[i].wide && !wide)
			continue;
		text = cell_text(&columns[i], object);
		colour = columns[i].cell == CELL_STATE ? tone_name(tone_of_state(text)) : NULL;
		if (colour)
			scols_cell_set_color(scols_line_get_cell(line, at), colour);
		scols_line_refer_data(line, at++, text);
	}
}

static void print_table(const struct app *app, const struct column *columns, size_t n,
			const json_t *items)
{
	struct libscols_table *table = scols_new_table();
	bool wide = app->format == OUTPUT_WIDE;
	json_t *item;
	size_t i;

	scols_table_enable_colors(table, tone_name(TONE_GOOD) != NULL);
	for (i = 0; i < n; i++)
		if (wide || !columns[i].wide)
			scols_table_new_column(table, columns[i].header, 0,
					       columns[i].cell == CELL_BYTES ? SCOLS_FL_RIGHT : 0);
	json_array_foreach(items, i, item)
		add_row(table, columns, n, wide, item);
	scols_print_table(table);
	scols_unref_table(table);
}

void table_print(const struct app *app, const struct column *columns, size_t n, const json_t *items,
		 const char *name)
{
	json_t *item;
	size_t i;

	if (output_value(app, items))
		return;
	if (app->format != OUTPUT_NAME) {
		if (json_array_size(items))
			print_table(app, columns, n, items);
		return;
	}
	json_array_foreach(items, i, item) {
		struct column column = { .path = name };
		char *text = cell_text(&column, item);

		puts(text);
		free(text);
	}
}
