/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Following a run.  The event stream only says that something happened; what the run is like is
 * always read from the run itself.  So a lost event, a broken stream or a restarted controller
 * costs a second, not the truth.
 */
#include "follow.h"

#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "json.h"
#include "output.h"
#include "sse.h"
#include "text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POLL_MS = 1000, RETRY_MS = 500, GONE_MS = 60000, LINE_MAX_BYTES = 512 };

struct follow {
	struct app *app;
	const char *id;
	char *run_path, *events_path;
	json_t *run; /* as last read */
	bool dirty;  /* an event came in since */
	int64_t read_at, gone_since, retry_at, started;
	struct stream *stream;
	struct sse sse;
	bool redraws, is_introduced;
	int drawn;    /* lines on the terminal */
	json_t *told; /* state of each step as last printed, without a terminal */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void follow_catch_interrupt(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &sa, NULL);
}

bool follow_is_interrupted(void)
{
	return interrupted;
}

int64_t follow_wait_option(const struct invocation *inv, struct error *err)
{
	const char *value = option_value(inv, OPTION_WAIT);
	int64_t ms;

	if (!value)
		return -1;
	if (!*value)
		return 0;
	ms = clock_parse_duration_ms(value);
	if (ms > 0)
		return ms;
	error_set(err, ERROR_USAGE, "`%s` is not a duration", value);
	error_hint(err, "write --wait=90s, --wait=5m or --wait.");
	return -2;
}

bool follow_has_ended(const char *state)
{
	return !strcmp(state, "done") || !strcmp(state, "rolled_back") ||
	       !strcmp(state, "quarantined") || !strcmp(state, "cancelled");
}

/* A member that is there and says something; NULL for absent, null and "". */
static const char *said(const json_t *object, const char *key)
{
	const char *text = json_str(object, key, "");

	return *text ? text : NULL;
}

const char *follow_subject(const json_t *run)
{
	static char out[256];
	const char *action = json_str(run, "action", "run"), *persona = said(run, "persona"),
		   *with = said(run, "with");
	const char *machine = said(run, "machine"), *from = said(run, "from");

	if (persona && with)
		snprintf(out, sizeof(out), "%s %s and %s", action, persona, with);
	else if (persona && machine && from && strcmp(from, machine) != 0)
		snprintf(out, sizeof(out), "%s %s from %s to %s", action, persona, from, machine);
	else if (persona && (machine || from))
		snprintf(out, sizeof(out), "%s %s %s %s", action, persona,
			 machine && strcmp(action, "release") != 0 ? "on" : "from",
			 machine ? machine : from);
	else
		snprintf(out, sizeof(out), "%s %s", action,
			 persona   ? persona
			 : machine ? machine
				   : json_str(run, "volume", ""));
	snprintf(out, sizeof(out), "%s", safe(out));
	return out;
}

const char *follow_step(const json_t *step)
{
	static char out[LINE_MAX_BYTES];

	if (said(step, "summary"))
		snprintf(out, sizeof(out), "%s", safe(said(step, "summary")));
	else
		snprintf(out, sizeof(out), "%s %s", safe(json_str(step, "device", "")),
			 safe(json_str(step, "object", "")));
	return out;
}

const char *follow_id(const json_t *run)
{
	json_t *id = json_object_get(run, "id");
	static char out[64];

	if (json_is_integer(id))
		snprintf(out, sizeof(out), "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	else
		snprintf(out, sizeof(out), "%s",
			 json_is_string(id) ? safe(json_string_value(id)) : "");
	return out[0] ? out : NULL;
}

static json_t *steps_of(const json_t *run)
{
	return json_object_get(run, "steps");
}

static bool is_settled(const char *state)
{
	return strcmp(state, "pending") != 0 && strcmp(state, "intent") != 0 &&
	       strcmp(state, "undo") != 0;
}

static const char *word_of(const char *state)
{
	static const char *const words[][2] = { { "pending", "-" },
						{ "intent", "doing" },
						{ "failed", "FAILED" },
						{ "undo", "undoing" },
						{ "undo_failed", "STUCK" } };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i][0], state))
			return words[i][1];
	return state;
}

static int64_t took(const json_t *step)
{
	int64_t started = json_int(step, "started", 0), ended = json_int(step, "ended", 0);

	return started && ended >= started ? ended - started : -1;
}

/* What a step that is under way waits for, when its device said so; NULL: nothing in particular. */
static const char *waits_for(const json_t *step)
{
	const char *state = json_str(step, "state", "pending");

	if (strcmp(state, "intent") != 0 && strcmp(state, "undo") != 0)
		return NULL;
	return json_str(json_object_get(step, "error"), "text", NULL);
}

/* One line that does not wrap: cut at the width of the terminal, counting characters, not bytes. */
static void put_line(const char *line)
{
	int width = terminal_width(stderr) - 1, column = 0;

	fputs("\r\033[K", stderr);
	for (; *line; line++) {
		if (((unsigned char)*line & 0xc0) != 0x80 && column++ == width)
			break;
		fputc(*line, stderr);
	}
	fputc('\n', stderr);
}

static void draw_step(const json_t *step)
{
	const char *state = json_str(step, "state", "pending");
	const char *waits = waits_for(step);
	int64_t ms = took(step);
	char line[LINE_MAX_BYTES];

	if (waits)
		snprintf(line, sizeof(line), "  %-8s %s: %s", "waits", follow_step(step), safe(waits));
	else
		snprintf(line, sizeof(line), "  %-8s %s%s%s%s", word_of(state), follow_step(step), ms >= 0 ? "  (" : "",
			 ms >= 0 ? show_duration(ms) : "", ms >= 0 ? ")" : "");
	fputs(tone(stderr, tone_of_state(state)), stderr);
	put_line(line);
	fputs(tone_end(stderr), stderr);
}

static size_t count_settled(const json_t *steps, size_t *current)
{
	size_t n = 0, i;
	json_t *step;

	*current = json_array_size(steps);
	json_array_foreach(steps, i, step) {
		bool settled = is_settled(json_str(step, "state", "pending"));

		n += settled;
		if (!settled && i < *current)
			*current = i;
	}
	return n;
}

/* The whole picture, over the one before. */
static void redraw(struct follow *f)
{
	json_t *steps = steps_of(f->run);
	size_t n = json_array_size(steps), rows = (size_t)terminal_height(stderr) - 3, current,
	       settled, first = 0, i;
	char line[LINE_MAX_BYTES];

	settled = count_settled(steps, &current);
	if (n > rows)
		first = current > rows / 2 ? current - rows / 2 : 0;
	if (n > rows && first > n - rows)
		first = n - rows;
	if (f->drawn)
		fprintf(stderr, "\033[%dA", f->drawn);
	snprintf(line, sizeof(line), "run %s  %s  %zu/%zu  %s  %s", f->id,
		 safe(json_str(f->run, "state", "?")), settled, n,
		 show_duration(clock_mono_ms() - f->started), follow_subject(f->run));
	put_line(line);
	for (i = first; i < n && i < first + rows; i++)
		draw_step(json_array_get(steps, i));
	f->drawn = 1 + (int)(i - first);
	fflush(stderr);
}

static void tell_step(const json_t *step, size_t i, size_t n)
{
	const char *state = json_str(step, "state", "pending"), *waits = waits_for(step);
	int64_t ms = took(step);

	if (waits)
		say("%-8s %zu/%zu  %s: %s", "waits", i + 1, n, follow_step(step), safe(waits));
	else if (is_settled(state))
		say("%-8s %zu/%zu  %s%s%s%s", word_of(state), i + 1, n, follow_step(step), ms >= 0 ? "  (" : "",
		    ms >= 0 ? show_duration(ms) : "", ms >= 0 ? ")" : "");
}

/* Without a terminal: a line for each step that came to an end since the last time, or waits for something else. */
static void tell(struct follow *f)
{
	json_t *steps = steps_of(f->run), *step;
	size_t n = json_array_size(steps), i;
	char key[24], now[LINE_MAX_BYTES];

	if (!f->is_introduced)
		say("Run %s: %s", f->id, follow_subject(f->run));
	f->is_introduced = true;
	json_array_foreach(steps, i, step) {
		const char *waits = waits_for(step);

		snprintf(key, sizeof(key), "%zu", i);
		snprintf(now, sizeof(now), "%s%s", json_str(step, "state", "pending"), waits ? waits : "");
		if (!strcmp(json_str(f->told, key, "pending"), now))
			continue;
		json_object_set_new(f->told, key, json_string(now));
		tell_step(step, i, n);
	}
}

static void show(struct follow *f)
{
	if (f->redraws)
		redraw(f);
	else
		tell(f);
}

/* Read the run.  A controller that is away for a moment is waited for. */
static int read_run(struct follow *f, struct error *err)
{
	int64_t now = clock_mono_ms();
	json_t *run = client_get(f->app->client, f->run_path, err);

	f->dirty = false;
	f->read_at = now;
	if (run) {
		json_decref(f->run);
		f->run = run;
		f->gone_since = 0;
		show(f);
		return 0;
	}
	if (err->code != ERROR_UNREACHABLE || !client_answered(f->app->client))
		return -1;
	if (!f->gone_since) {
		f->gone_since = now;
		say("recastd does not answer; waiting for it");
		f->drawn = 0;
	}
	return now - f->gone_since > GONE_MS ? -1 : 0;
}

static void on_event(void *arg, int64_t id, const char *event, const char *data)
{
	struct follow *f = arg;

	(void)id;
	(void)event;
	(void)data;
	f->dirty = true;
}

static void on_bytes(void *arg, const char *bytes, size_t len)
{
	struct follow *f = arg;

	sse_feed(&f->sse, bytes, len, on_event, f);
}

static void listen_a_while(struct follow *f, int64_t ms)
{
	int64_t now = clock_mono_ms();

	if (!f->stream && now >= f->retry_at) {
		sse_reset(&f->sse);
		f->stream = stream_open(f->app->client, f->events_path, f->sse.id, on_bytes, f);
	}
	if (!f->stream) {
		usleep((useconds_t)(ms < 100 ? ms : 100) * 1000);
		return;
	}
	if (stream_wait(f->stream, (int)ms, -1, NULL, NULL) <= 0) {
		stream_close(f->stream);
		f->stream = NULL;
		f->retry_at = clock_mono_ms() + RETRY_MS;
	}
}

static int ended(struct follow *f, struct error *err)
{
	const char *state = json_str(f->run, "state", "?"),
		   *machine = json_str(f->run, "machine", "the machine");
	json_t *error = json_object_get(f->run, "error");
	const char *why = json_str(error, "text", NULL), *hint = json_str(error, "hint", "");
	size_t n = json_array_size(steps_of(f->run));
	int64_t ms = json_int(f->run, "ended", 0) - json_int(f->run, "created", 0);

	if (!strcmp(state, "done")) {
		say("%sDone:%s %s; %zu step%s in %s.", tone(stderr, TONE_GOOD), tone_end(stderr),
		    follow_subject(f->run), n, n == 1 ? "" : "s", show_duration(ms > 0 ? ms : 0));
		return 0;
	}
	if (!strcmp(state, "quarantined"))
		error_set(err, ERROR_QUARANTINED,
			  "run %s failed and could not be undone, %s is quarantined%s%s", f->id,
			  machine, why ? ": " : "", why ? why : "");
	else if (!strcmp(state, "cancelled"))
		error_set(err, ERROR_ROLLED_BACK,
			  "run %s was cancelled; what it had done is undone", f->id);
	else
		error_set(err, ERROR_ROLLED_BACK, "run %s failed and was rolled back%s%s", f->id,
			  why ? ": " : "", why ? why : "");
	if (*hint)
		error_hint(err, "%s", hint);
	else
		error_hint(err, "persona run show %s", f->id);
	return -1;
}

static int timed_out(struct follow *f, int64_t within_ms, struct error *err)
{
	error_set(err, ERROR_TIMEOUT, "run %s has not ended within %s; it goes on", f->id,
		  show_duration(within_ms));
	return error_hint(err, "persona watch --run %s", f->id);
}

static int loop(struct follow *f, int64_t within_ms, struct error *err)
{
	int64_t now, left, shown = 0;

	for (;;) {
		now = clock_mono_ms();
		left = within_ms ? f->started + within_ms - now : POLL_MS;
		if ((f->dirty || !f->run || now - f->read_at >= POLL_MS) && read_run(f, err))
			return -1;
		if (f->run && !f->gone_since && follow_has_ended(json_str(f->run, "state", "")))
			return ended(f, err);
		if (left <= 0)
			return timed_out(f, within_ms, err);
		if (interrupted) {
			say("Run %s goes on. Follow it: persona watch --run %s", f->id, f->id);
			return EXIT_INTERRUPTED;
		}
		if (f->redraws && !f->gone_since && now - shown >= POLL_MS) {
			redraw(f);
			shown = now;
		}
		listen_a_while(f, left < POLL_MS / 4 ? left : POLL_MS / 4);
	}
}

int follow_run(struct app *app, const char *id, int64_t within_ms, json_t **last, struct error *err)
{
	struct follow f = {
		.app = app, .id = id, .started = clock_mono_ms(), .told = json_object()
	};
	int rc;

	f.run_path = client_path("/v1/runs", id, NULL);
	f.events_path = xasprintf("/v1/events?run=%s", strrchr(f.run_path, '/') + 1);
	f.redraws = is_terminal(stderr) && app->format <= OUTPUT_WIDE;
	follow_catch_interrupt();
	rc = loop(&f, within_ms, err);
	if (last)
		*last = json_incref(f.run);
	stream_close(f.stream);
	sse_fini(&f.sse);
	json_decref(f.run);
	json_decref(f.told);
	free(f.run_path);
	free(f.events_path);
	return rc;
}
