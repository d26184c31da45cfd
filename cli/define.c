/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona define`: reads YAML here, so that the controller never has to, sends plain values, and
 * shows every complaint at the line and column where its JSON pointer stood.
 */
#include "app.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "define.h"
#include "json.h"
#include "output.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void complain(struct documents *d, const struct error *err)
{
	d->mistakes++;
	fprintf(stderr, "%s\n", safe(err->text));
}

static void add_set(struct documents *d, const char *file, struct yaml_document *docs, int n)
{
	int i;

	d->sets = xrealloc(d->sets, sizeof(*d->sets) * (d->n_sets + 1));
	d->sets[d->n_sets].docs = docs;
	d->sets[d->n_sets++].n = n;
	for (i = 0; i < n; i++) {
		if (!docs[i].value || json_is_null(docs[i].value))
			continue; /* nothing between two "---" */
		d->items = xrealloc(d->items, sizeof(*d->items) * (d->n + 1));
		d->items[d->n++] = (struct document){ xstrdup(file), &docs[i] };
	}
}

static void parse(struct documents *d, const char *file, const char *bytes, size_t len)
{
	struct yaml_document *docs = NULL;
	struct error err = { 0 };
	int n = yamlfile_parse(file, bytes, len, &docs, &err);

	if (n < 0)
		complain(d, &err);
	else
		add_set(d, file, docs, n);
}

void documents_read(struct documents *d, const char *file)
{
	struct error err = { 0 };
	size_t len;
	char *bytes = text_read_file(!strcmp(file, "-") ? "/dev/stdin" : file, YAML_FILE_MAX, &len);

	if (bytes)
		parse(d, !strcmp(file, "-") ? "<stdin>" : file, bytes, len);
	else if (errno == EFBIG)
		error_set(&err, ERROR_TOO_LARGE, "%s: larger than %d MiB", file,
			  YAML_FILE_MAX >> 20);
	else
		error_set(&err, ERROR_NOT_FOUND, "%s: %s", file, strerror(errno));
	if (err.text[0])
		complain(d, &err);
	free(bytes);
}

static int is_definition(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot &&
	       (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static void read_directory(struct documents *d, const char *dir)
{
	struct dirent **entries;
	struct error err = { 0 };
	int n = scandir(dir, &entries, is_definition, alphasort), i;

	if (n <= 0) {
		error_set(&err, ERROR_NOT_FOUND,
			  n < 0 ? "%s: %s" : "%s: holds no *.yaml, *.yml or *.json%.0s", dir,
			  n < 0 ? strerror(errno) : "");
		complain(d, &err);
	}
	for (i = 0; i < n; i++) {
		_cleanup_(freep) char *path = xasprintf(
			"%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", entries[i]->d_name);

		documents_read(d, path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void read_all(struct documents *d, const struct values *files)
{
	struct stat st;
	int i;

	for (i = 0; i < files->n; i++) {
		if (strcmp(files->items[i], "-") != 0 && !stat(files->items[i], &st) &&
		    S_ISDIR(st.st_mode))
			read_directory(d, files->items[i]);
		else
			documents_read(d, files->items[i]);
	}
}

void documents_fini(struct documents *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		free(d->items[i].file);
	for (i = 0; i < d->n_sets; i++)
		yamlfile_free(d->sets[i].docs, d->sets[i].n);
	free(d->items);
	free(d->sets);
}

static json_t *request(const struct documents *d, bool dry_run)
{
	json_t *documents = json_array(), *body = json_object();
	size_t i;

	for (i = 0; i < d->n; i++) {
		json_t *one = json_object();

		json_object_set_new(one, "name", json_string(d->items[i].file));
		json_object_set(one, "value", d->items[i].yaml->value);
		json_array_append_new(documents, one);
	}
	json_object_set_new(body, "documents", documents);
	json_object_set_new(body, "dry_run", json_boolean(dry_run));
	return body;
}

size_t documents_show_errors(const struct documents *d, const json_t *problem)
{
	json_t *errors = json_object_get(problem, "errors"), *e;
	size_t i;

	json_array_foreach(errors, i, e) {
		int64_t index = json_int(e, "document", -1);
		const char *hint = json_str(e, "hint", "");
		int line = 0, column = 0;

		if (index >= 0 && (size_t)index < d->n) {
			yamlfile_locate(d->items[index].yaml, json_str(e, "pointer", ""), &line,
					&column);
			fprintf(stderr, "%s:%d:%d: ", safe(d->items[index].file), line, column);
		}
		fprintf(stderr, "%s%s%s%s\n", safe(json_str(e, "detail", "?")), *hint ? " (" : "",
			safe(hint), *hint ? ")" : "");
	}
	return json_array_size(errors);
}

static void show_value(const json_t *v)
{
	_cleanup_(freep) char *text = json_canonical(v);

	fputs(json_is_string(v) ? safe(json_string_value(v)) : safe(text), stdout);
}

static void show_change(const json_t *change, bool wide)
{
	const char *action = json_str(change, "action", "?");
	const char *sign = !strcmp(action, "create") ? "+" : !strcmp(action, "delete") ? "-" : "~";
	enum tone t = *sign == '+' ? TONE_GOOD : *sign == '-' ? TONE_BAD : TONE_WARN;
	json_t *field, *fields = json_object_get(change, "fields");
	size_t i;

	if (!strcmp(action, "unchanged")) {
		if (wide)
			printf("  %-9s %s\n", safe(json_str(change, "kind", "?")),
			       safe(json_str(change, "name", "?")));
		return;
	}
	printf("%s%s%s %-9s %s\n", tone(stdout, t), sign, tone_end(stdout),
	       safe(json_str(change, "kind", "?")), safe(json_str(change, "name", "?")));
	if (*sign != '~')
		return;
	json_array_foreach(fields, i, field) {
		printf("      %s: ", safe(json_str(field, "path", "?")));
		show_value(json_object_get(field, "from"));
		fputs(" -> ", stdout);
		show_value(json_object_get(field, "to"));
		putchar('\n');
	}
}

static void show_result(const struct app *app, const json_t *answer)
{
	json_t *changes = json_object_get(answer, "changes"), *change;
	size_t created = 0, updated = 0, deleted = 0, same = 0, i;

	if (output_value(app, answer))
		return;
	json_array_foreach(changes, i, change) {
		const char *action = json_str(change, "action", "");

		created += !strcmp(action, "create");
		updated += !strcmp(action, "update");
		deleted += !strcmp(action, "delete");
		same += !strcmp(action, "unchanged");
		if (app->format == OUTPUT_NAME)
			printf("%s/%s\n", safe(json_str(change, "kind", "?")),
			       safe(json_str(change, "name", "?")));
		else
			show_change(change, app->format == OUTPUT_WIDE);
	}
	say("%s %zu created, %zu updated, %zu deleted, %zu unchanged%s.",
	    json_bool(answer, "dry_run", false) ? "Would be:" : "Defined:", created, updated,
	    deleted, same, json_bool(answer, "dry_run", false) ? "; nothing was changed" : "");
}

static int send(struct app *app, const struct documents *d, bool dry_run, struct error *err)
{
	json_auto_t *body = request(d, dry_run), *answer = NULL;
	size_t n;

	if (client_call(app->client, "POST", "/v1/define", body, false, &answer, NULL, err)) {
		n = documents_show_errors(d, answer);
		if (n == 0)
			return -1;
		error_set(err, err->code, "%zu mistake%s; nothing was defined", n,
			  n == 1 ? "" : "s");
		return error_hint(err, "correct the lines above and define again.");
	}
	show_result(app, answer);
	return 0;
}

int cmd_define(struct app *app, const struct invocation *inv, struct error *err)
{
	struct documents d = { 0 };
	int rc;

	read_all(&d, &inv->options[OPTION_FILE]);
	read_all(&d, &inv->args);
	if (d.mistakes) {
		rc = error_set(err, ERROR_INVALID,
			       "%d file%s could not be read; nothing was defined", d.mistakes,
			       d.mistakes == 1 ? "" : "s");
		error_hint(err, "correct the lines above and define again.");
	} else if (d.n == 0) {
		rc = error_set(err, ERROR_USAGE, "there is nothing to define");
		error_hint(err, "persona define -f FILE, where FILE may be a directory or - for "
				"standard input.");
	} else {
		rc = send(app, &d, has_option(inv, OPTION_DRY_RUN), err);
	}
	documents_fini(&d);
	return rc;
}
