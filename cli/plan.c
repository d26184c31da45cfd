/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona plan`: asks for a plan and prints it like a diff, phase by phase, with what it will be
 * like for those who use the persona.
 */
#include "app.h"
#include "apply.h"
#include "client.h"
#include "json.h"
#include "output.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *wish_of(const struct invocation *inv, struct error *err)
{
	const char *on = option_value(inv, OPTION_ON), *group = option_value(inv, OPTION_GROUP);
	const char *to = option_value(inv, OPTION_TO), *name = inv->args.items[0];
	bool swap = has_option(inv, OPTION_SWAP), release = has_option(inv, OPTION_RELEASE);

	if (!!on + !!group + !!to + swap + release > 1)
		error_set(err, ERROR_USAGE,
			  "only one of --on, --group, --to, --swap and --release says what to "
			  "plan");
	else if (swap != (inv->args.n >= 2))
		error_set(err, ERROR_USAGE,
			  swap ? "--swap needs two personas or more"
			       : "two personas are planned with --swap");
	else if (swap)
		return wish_swap(&inv->args);
	else if (release)
		return wish("release", name, NULL, NULL, NULL);
	else
		return wish(to ? "move" : "apply", name, option_value(inv, OPTION_REPLACE), to ? to : on, group);
	error_hint(err, "`persona help plan` shows its forms.");
	return NULL;
}

/* What is longer than this sticks out rather than push all others away. */
enum { WIDTH_MAX = 72 };

struct widths {
	int device, object, summary;
};

static void widen(int *width, const char *text)
{
	int n = (int)strlen(text);

	if (n > *width && n <= WIDTH_MAX)
		*width = n;
}

static struct widths measure(const json_t *steps)
{
	struct widths w = { 0 };
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step) {
		widen(&w.device, json_str(step, "device", ""));
		widen(&w.object, json_str(step, "object", ""));
		widen(&w.summary, json_str(step, "summary", ""));
	}
	return w;
}

static enum tone tone_of_verb(char verb)
{
	switch (verb) {
	case '+':
		return TONE_GOOD;
	case '-':
		return TONE_BAD;
	case '!':
		return TONE_BOLD;
	case '=':
		return TONE_DIM;
	default:
		return TONE_WARN;
	}
}

static void show_step(const json_t *step, const struct widths *w, bool wide)
{
	const char *verb = json_str(step, "verb", "~"), *impact = json_str(step, "impact", "none");
	const char *undo = json_str(step, "undo", "");

	if (!strcmp(impact, "none"))
		impact = "";
	printf("%s%.1s%s %-*s  ", tone(stdout, tone_of_verb(*verb)), safe(verb), tone_end(stdout),
	       w->device, safe(json_str(step, "device", "")));
	if (wide)
		printf("%-*s  ", w->object, safe(json_str(step, "object", "")));
	printf("%-*s%s%s", *impact ? w->summary : 0, safe(json_str(step, "summary", "")),
	       *impact ? "  " : "", safe(impact));
	if (wide && *undo)
		printf("  undo: %s", safe(undo));
	putchar('\n');
}

static void show_steps(const json_t *steps, bool wide)
{
	struct widths w = measure(steps);
	const char *phase, *before = "";
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step) {
		phase = json_str(step, "phase", "");
		if (strcmp(phase, before) != 0)
			printf("%s%s%s:\n", tone(stdout, TONE_BOLD), safe(phase), tone_end(stdout));
		before = phase;
		show_step(step, &w, wide);
	}
}

void show_plan(const struct app *app, const json_t *plan)
{
	show_steps(json_object_get(plan, "steps"), app->format == OUTPUT_WIDE);
}

/* Devices on which something changes; "=" only confirms. */
static size_t count_devices(const json_t *steps)
{
	json_auto_t *seen = json_object();
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
		if (strcmp(json_str(step, "verb", "~"), "=") != 0)
			json_object_set_new(seen, json_str(step, "device", "?"), json_true());
	return json_object_size(seen);
}

static void show_warnings(const json_t *plan)
{
	json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(plan, "warnings"), i, warning)
		printf("warning: %s\n", safe(json_string_value(warning)));
}

static void show_summary(const json_t *plan)
{
	json_t *steps = json_object_get(plan, "steps");
	size_t n = (size_t)json_int(plan, "changes", (int64_t)json_array_size(steps)),
	       devices = count_devices(steps);
	const char *impact = json_str(plan, "impact", "none"),
		   *persona = json_str(plan, "persona", "the persona");
	const char *fence = json_str(plan, "fence", "");

	show_warnings(plan);
	if (*fence)
		printf("fence: %s\n", safe(fence));
	printf("Plan: %zu change%s on %zu device%s, ", n, n == 1 ? "" : "s", devices,
	       devices == 1 ? "" : "s");
	if (!strcmp(impact, "none"))
		fputs("no impact", stdout);
	else
		printf("%s of %s", safe(impact), safe(persona));
	puts("; nothing is changed yet.");
}

/* The command that does what was planned. */
static void show_next(const struct app *app, const struct invocation *inv, const json_t *plan)
{
	const char *persona = inv->args.items[0], *machine = json_str(plan, "machine", NULL);

	if (app->output_file)
		say("Next: persona apply --plan %s --wait", app->output_file);
	else if (has_option(inv, OPTION_SWAP))
		say("Next: persona swap %s %s%s --wait", persona, inv->args.items[1], inv->args.n > 2 ? " …" : "");
	else if (has_option(inv, OPTION_RELEASE))
		say("Next: persona release %s --wait", persona);
	else if (has_option(inv, OPTION_TO))
		say("Next: persona move %s --to %s --wait", persona, option_value(inv, OPTION_TO));
	else if (machine)
		say("Next: persona apply %s --on %s --wait", persona, safe(machine));
	else
		say("Next: persona apply %s --wait", persona);
}

static int save(const char *file, const json_t *plan, struct error *err)
{
	if (json_dump_file(plan, file, JSON_INDENT(2) | JSON_SORT_KEYS)) {
		error_set(err, ERROR_STORAGE, "cannot write %s: %s", file, strerror(errno));
		return error_hint(err, "name a file in a directory that you may write to.");
	}
	say("The plan is in %s.", file);
	return 0;
}

int cmd_plan(struct app *app, const struct invocation *inv, struct error *err)
{
	json_auto_t *body = wish_of(inv, err), *plan = NULL;

	if (!body || client_call(app->client, "POST", "/v1/plans", body, false, &plan, NULL, err))
		return -1;
	if (output_value(app, plan))
		return 0;
	if (app->format == OUTPUT_NAME) {
		puts(json_str(plan, "id", ""));
		return 0;
	}
	if (json_int(plan, "changes", (int64_t)json_array_size(json_object_get(plan, "steps"))) ==
	    0) {
		show_warnings(plan);
		puts("Plan: no changes; all is so already.");
		return app->output_file ? save(app->output_file, plan, err) : 0;
	}
	show_plan(app, plan);
	show_summary(plan);
	if (app->output_file && save(app->output_file, plan, err))
		return -1;
	show_next(app, inv, plan);
	return 0;
}
