/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona show NAME`: finds what the name is and prints all about it.
 */
#include "show.h"

#include "cleanup.h"
#include "client.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fact(const char *key, const char *fmt, ...)
{
	va_list ap;

	printf("%s:%*s", key, (int)(strlen(key) < 12 ? 13 - strlen(key) : 1), "");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void fact_member(const char *key, const json_t *object, const char *path)
{
	json_t *value = table_member(object, path);
	_cleanup_(freep) char *text = NULL;

	if (!value || json_is_null(value) || (json_is_string(value) && !json_string_length(value)))
		return;
	if (json_is_string(value)) {
		fact(key, "%s", safe(json_string_value(value)));
		return;
	}
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	fact(key, "%s", safe(text));
}

static void fact_state(const json_t *object)
{
	const char *state = json_str(object, "state", "?");

	fact("state", "%s%s%s", tone(stdout, tone_of_state(state)), safe(state), tone_end(stdout));
}

static void fact_list(const char *key, const json_t *list)
{
	json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	printf("%s:%*s", key, (int)(13 - strlen(key)), "");
	json_array_foreach(list, i, item)
		printf("%s%s", i ? ", " : "",
		       safe(json_string_value(item) ? json_string_value(item) : "?"));
	putchar('\n');
}

static void show_machine(const struct app *app, const json_t *m)
{
	static const struct column nics[] = {
		{ "NIC", "name" }, { "MAC", "mac" }, { "SWITCH", "switch" }, { "PORT", "port" }
	};

	fact_member("machine", m, "name");
	fact_state(m);
	fact_member("persona", m, "persona");
	fact_member("generation", m, "generation");
	fact_member("run", m, "run");
	fact("hardware", "%s, %" PRId64 " cores, %s", safe(json_str(m, "arch", "?")),
	     json_int(m, "cores", 0), show_bytes(json_int(m, "memory_bytes", 0)));
	fact_member("uuid", m, "uuid");
	fact_member("bmc", m, "bmc.address");
	fact_member("bmc driver", m, "bmc.driver");
	fact_list("groups", json_object_get(m, "groups"));
	if (json_array_size(json_object_get(m, "nics"))) {
		putchar('\n');
		table_print(app, nics, 4, json_object_get(m, "nics"), "name");
	}
}

static void show_persona(const struct app *app, const json_t *p)
{
	static const struct column identities[] = { { "IDENTITY", "kind" },
						    { "FOR", "for" },
						    { "VALUE", "value" } };

	fact_member("persona", p, "name");
	fact_member("from", p, "from");
	fact_state(p);
	fact_member("machine", p, "machine");
	fact_member("generation", p, "generation");
	fact_member("run", p, "run");
	if (json_array_size(json_object_get(p, "identities"))) {
		putchar('\n');
		table_print(app, identities, 3, json_object_get(p, "identities"), "value");
	}
	if (json_is_object(json_object_get(p, "document"))) {
		puts("\ndocument:");
		output_yaml(stdout, json_object_get(p, "document"), 2);
	}
}

static void show_device(const struct app *app, const json_t *d)
{
	(void)app;
	fact_member("device", d, "name");
	fact_member("class", d, "class");
	fact_member("driver", d, "driver");
	fact_state(d);
	fact_member("queued", d, "queued");
	fact_member("in flight", d, "inflight");
	fact_member("trust", d, "trust.state");
	fact_member("pinned key", d, "trust.pinned.fingerprint");
	fact_member("shown key", d, "trust.presented.fingerprint");
	fact_member("last error", d, "last_error.text");
	fact_member("try", d, "last_error.hint");
	fact_member("caps", d, "caps");
	fact_member("facts", d, "facts");
}

static const struct shown {
	const char *kind, *path;
	void (*show)(const struct app *app, const json_t *value);
} shown[] = {
	{ "persona", "/v1/personas", show_persona },
	{ "machine", "/v1/machines", show_machine },
	{ "device", "/v1/devices", show_device },
	{ "run", "/v1/runs", show_run },
};
enum { N_SHOWN = sizeof(shown) / sizeof(shown[0]) };

/* Look in one kind.  Returns 1 when shown, 0 when there is none, -1 on another failure. */
static int try_kind(struct app *app, const struct shown *s, const char *name, struct error *err)
{
	_cleanup_(freep) char *path = client_path(s->path, name, NULL);
	json_auto_t *value = client_get(app->client, path, err);

	if (!value)
		return err->code == ERROR_NOT_FOUND ? 0 : -1;
	if (app->format == OUTPUT_NAME)
		printf("%s/%s\n", s->kind, safe(name));
	else if (!output_value(app, value))
		s->show(app, value);
	return 1;
}

/* Whether @word is "KIND/…" with a kind that can be shown; *name is then what follows. */
static bool names_kind(const char *word, const struct shown *s, const char **name)
{
	size_t n = strlen(s->kind);

	*name = word;
	if (strncmp(word, s->kind, n))
		return false;
	n += word[n] == 's';
	if (word[n] != '/' || !word[n + 1])
		return false;
	*name = word + n + 1;
	return true;
}

int cmd_show(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *word = inv->args.items[0], *name;
	int i, rc;

	for (i = 0; i < N_SHOWN; i++)
		if (names_kind(word, &shown[i], &name)) {
			rc = try_kind(app, &shown[i], name, err);
			if (rc <= 0)
				get_guess(app->client, shown[i].kind, name, err);
			return rc > 0 ? 0 : -1;
		}
	for (i = 0; i < N_SHOWN; i++) {
		rc = try_kind(app, &shown[i], word, err);
		if (rc)
			return rc > 0 ? 0 : -1;
	}
	error_set(err, ERROR_NOT_FOUND, "nothing is named `%s`: no persona, machine, device or run",
		  word);
	error_hint(err, "`persona get machines` and `persona get personas` list what there is.");
	for (i = 0; i < N_SHOWN - 1; i++) {
		struct error guess = { .code = ERROR_NOT_FOUND };

		get_guess(app->client, shown[i].kind, word, &guess);
		if (!strncmp(guess.hint, "did you", 7)) {
			error_hint(err, "%s", guess.hint);
			break;
		}
	}
	return -1;
}
