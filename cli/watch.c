/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona watch`: the controller's events as lines.  A stream that breaks is opened again where it
 * ended; with --run it is the progress of one run.
 */
#include "app.h"
#include "apply.h"
#include "client.h"
#include "clock.h"
#include "follow.h"
#include "json.h"
#include "output.h"
#include "sse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 1000, RETRY_MS = 500, GONE_MS = 60000 };

struct watch {
	struct app *app;
	struct sse sse;
	bool is_served; /* bytes have come since the stream was opened */
};

/* What an event is about: the members that are not its frame, as words. */
static void put_subject(const json_t *e)
{
	static const char *const names[] = { "run",	"id",	  "action", "persona",
					     "machine", "device", "object", "name",
					     "stage",	"state",  "changes" };
	const char *text = json_str(e, "text", json_str(e, "summary", NULL));
	json_t *value;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = json_object_get(e, names[i]);
		if (json_is_string(value) && json_string_length(value))
			printf(" %s=%s", names[i], safe(json_string_value(value)));
		else if (json_is_integer(value))
			printf(" %s=%" JSON_INTEGER_FORMAT, names[i], json_integer_value(value));
	}
	if (text && *text)
		printf("  %s", safe(text));
}

static void on_event(void *arg, int64_t id, const char *event, const char *data)
{
	struct watch *w = arg;
	json_auto_t *e = json_decode(data, strlen(data), NULL);

	(void)id;
	if (!e)
		return;
	if (w->app->format == OUTPUT_JSON) {
		json_dumpf(e, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (w->app->format == OUTPUT_YAML) {
		puts("---");
		output_yaml(stdout, e, 0);
	} else {
		printf("%s %-8s", show_time(json_object_get(e, "time")),
		       safe(json_str(e, "type", event)));
		put_subject(e);
		putchar('\n');
	}
	fflush(stdout);
}

static void on_bytes(void *arg, const char *bytes, size_t len)
{
	struct watch *w = arg;

	w->is_served = true;
	sse_feed(&w->sse, bytes, len, on_event, w);
}

/* One stream, until it breaks.  0 when it is worth trying again, -1 when not. */
static int watch_once(struct watch *w, struct error *err)
{
	struct stream *stream = stream_open(w->app->client, "/v1/events", w->sse.id, on_bytes, w);
	int rc;

	sse_reset(&w->sse);
	while ((rc = stream_wait(stream, WAIT_MS, -1, NULL, err)) > 0)
		if (follow_is_interrupted() || ferror(stdout))
			break;
	stream_close(stream);
	return rc < 0 && err->code != ERROR_UNREACHABLE ? -1 : 0;
}

static int watch_all(struct app *app, struct error *err)
{
	struct watch w = { .app = app };
	int64_t gone_since = 0;
	bool was_served = false;
	int rc;

	follow_catch_interrupt();
	for (;;) {
		w.is_served = false;
		err->code = ERROR_NONE;
		rc = watch_once(&w, err);
		if (rc || follow_is_interrupted() || ferror(stdout))
			break;
		if (w.is_served || !gone_since)
			gone_since = clock_mono_ms();
		was_served = was_served || w.is_served;
		/* A controller that never was there is an error, one that went away is waited for.
		 */
		if (err->code && (!was_served || clock_mono_ms() - gone_since > GONE_MS)) {
			rc = -1;
			break;
		}
		if (w.is_served)
			say("The stream of events broke; opening it again.");
		usleep(RETRY_MS * 1000);
	}
	sse_fini(&w.sse);
	return rc < 0 ? -1 : follow_is_interrupted() ? EXIT_INTERRUPTED : 0;
}

int cmd_watch(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *run = option_value(inv, OPTION_RUN);

	return run ? follow_to_end(app, run, 0, err) : watch_all(app, err);
}
