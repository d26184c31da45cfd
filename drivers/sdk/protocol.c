/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The main loop of a driver: hello, then frames from stdin to the pool until stdin ends or SIGTERM
 * comes, then an orderly end.  The main thread only reads; workers answer through kit_send().
 *
 * Secrets arrive in frames.  The input buffer is overwritten when it has been read out, and all
 * memory of jansson when it is freed.  There are no core dumps.
 */
#include "kit.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "config.h"
#include "frame.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { INPUT_BUFFER = 1024 * 1024, END_GRACE_MS = 1700, MAX_DEADLINE_MS = 3600 * 1000 };

const struct recast_driver *kit_driver;

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static int write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&p, 1, 1000);
		} else if (n < 0 && errno != EINTR) {
			return -1;
		} else if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

void kit_send(json_t *frame)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t len;

	bytes = frame_encode(frame, &len);
	json_decref(frame);
	pthread_mutex_lock(&output);
	/* Without a core there is nobody to serve; it settles what was under way. */
	if (write_all(bytes, len))
		_exit(0);
	pthread_mutex_unlock(&output);
}

void kit_reply_error(json_int_t id, const struct error *err)
{
	kit_send(json_pack("{s:I, s:o}", "id", id, "error", error_to_json(err, NULL)));
}

void driver_emit_console(const char *device, const char *data, size_t len)
{
	_cleanup_(freep) char *copy = xrealloc(NULL, len + 1);
	json_t *text;
	size_t i;

	memcpy(copy, data, len);
	/* What a serial line carries need not be UTF-8, and a NUL cannot be carried. */
	for (i = 0; i < len; i++)
		if (!copy[i])
			copy[i] = ' ';
	text = json_stringn(copy, len);
	for (i = 0; !text && i < len; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	if (!text)
		text = json_stringn(copy, len);
	kit_send(json_pack("{s:s, s:s, s:o}", "event", "console", "device", device, "data", text));
}

void driver_emit_changed(const char *device, json_t *objects)
{
	json_t *event = json_pack("{s:s, s:s}", "event", "changed", "device", device);

	if (objects)
		json_object_set_new(event, "objects", objects);
	kit_send(event);
}

static json_t *hello_options(void)
{
	const struct driver_option *o;
	json_t *list = json_array();

	for (o = kit_driver->options; o->name; o++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o, s:b, s:s}", "name",
						      o->name, "type", o->type, "required",
						      o->required, "default", option_default(o),
						      "secret", o->secret, "help", o->help));
	return list;
}

static json_t *hello(void)
{
	json_t *caps = json_array();
	const char *word = kit_driver->caps;

	while (*word) {
		size_t len = strcspn(word, " ");

		json_array_append_new(caps, json_stringn(word, len));
		word += len + strspn(word + len, " ");
	}
	return json_pack("{s:{s:i, s:s, s:s, s:s, s:s, s:i, s:o, s:o}}", "hello", "protocol", 1,
			 "driver", kit_driver->name, "class", kit_driver->cls, "version",
			 PACKAGE_VERSION, "summary", kit_driver->summary, "max_inflight",
			 kit_driver->max_inflight, "caps", caps, "options", hello_options());
}

static int kind_of(const char *op)
{
	static const char *const ops[] = { "open", "observe", "apply", "console", "close" };
	int i;

	for (i = JOB_OPEN; i <= JOB_CLOSE; i++)
		if (!strcmp(op, ops[i]))
			return i;
	return -1;
}

/* Turn a frame into a job, which takes the reference: jansson's counters are no place for two
 * threads to meet.  A frame without an id cannot be answered: it is logged and dropped. */
static void dispatch(json_t *frame)
{
	const json_t *id = json_object_get(frame, "id");
	const char *op = json_str(frame, "op", "");
	const char *device = json_str(frame, "device", NULL);
	int64_t deadline = json_int(frame, "deadline_ms", 10000);
	int kind = kind_of(op);
	struct error err = { 0 };
	struct job *job;

	if (!json_is_integer(id)) {
		log_warn("protocol", "a frame without id was dropped");
	} else if (kind < 0) {
		error_set(&err, ERROR_UNSUPPORTED, "this driver does not know the request \"%s\"",
			  op);
	} else if (!device) {
		error_set(&err, ERROR_INVALID, "the request names no device");
	} else {
		if (deadline < 0 || deadline > MAX_DEADLINE_MS)
			deadline = MAX_DEADLINE_MS;
		job = xcalloc(1, sizeof(*job));
		job->request = frame;
		job->id = json_integer_value(id);
		job->kind = (enum job_kind)kind;
		job->call.deadline_ms = clock_mono_ms() + deadline;
		job->call.urgent = json_bool(frame, "urgent", false);
		pool_submit(job, device);
		return;
	}
	if (err.code)
		kit_reply_error(json_integer_value(id), &err);
	json_decref(frame);
}

/* The buffer that a frame came in is overwritten once all of it was handed out. */
static void wipe_input(struct frame_reader *reader)
{
	if (reader->taken == reader->buffer.len)
		secret_wipe(reader->buffer.data, reader->buffer.len);
}

static int take_input(struct frame_reader *reader, struct error *err)
{
	static char bytes[65536];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
	json_t *frame;
	int rc;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : 0;
	if (!n)
		return 0;
	frame_feed(reader, bytes, (size_t)n);
	secret_wipe(bytes, (size_t)n);
	while ((rc = frame_next(reader, &frame, err)) > 0)
		dispatch(frame);
	wipe_input(reader);
	kit_burn_stack();
	return rc < 0 ? -1 : 1;
}

/* Read until stdin ends (0), SIGTERM comes (0) or the stream is broken (-1). */
static int loop(int signals, struct error *err)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	struct frame_reader reader = { 0 };
	int rc = 1;

	/* Large from the start, so that growing does not leave copies of secrets behind. */
	reader.buffer.data = xcalloc(1, INPUT_BUFFER);
	reader.buffer.size = INPUT_BUFFER;
	while (rc > 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			rc = 0;
		else if (fds[1].revents)
			rc = 0;
		else if (fds[0].revents)
			rc = take_input(&reader, err);
	}
	frame_fini(&reader);
	return rc;
}

static int harden(void)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker attaches to its own process */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* Ctrl-C goes to the core, which then closes our stdin */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	json_object_seed(0);
	json_wipe_freed();
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int usage(const char *arg)
{
	const struct driver_option *o;

	if (!strcmp(arg, "--version")) {
		printf("recast-driver-%s (Recast) %s\n", kit_driver->name, PACKAGE_VERSION);
		return 0;
	}
	if (strcmp(arg, "--help")) {
		fprintf(stderr, "recast-driver-%s takes no arguments; see recast-driver(7)\n",
			kit_driver->name);
		return 2;
	}
	printf("recast-driver-%s: %s\nStarted by recastd; speaks frames on stdin and stdout, see "
	       "recast-driver(7).\nOptions of a device in the site file:\n",
	       kit_driver->name, kit_driver->summary);
	for (o = kit_driver->options; o->name; o++)
		printf("  %-12s %-7s %s%s\n", o->name, o->type, o->help,
		       o->required ? " (required)" : "");
	return 0;
}

int driver_main(const struct recast_driver *driver, int argc, char **argv)
{
	struct error err = { 0 };
	char program[64];
	int signals, rc;

	kit_driver = driver;
	if (argc > 1)
		return usage(argv[1]);
	snprintf(program, sizeof(program), "recast-driver-%s", driver->name);
	log_open(program);
	if (getenv("RECAST_LOG"))
		log_set_level(getenv("RECAST_LOG"));
	signals = harden();
	pool_start(driver->max_inflight);
	kit_send(hello());
	rc = loop(signals, &err);
	if (rc < 0)
		log_error("protocol", "giving up: %s", err.text);
	if (!pool_drain(clock_mono_ms() + END_GRACE_MS)) {
		log_warn("protocol", "a request did not end in time and was abandoned");
		_exit(1);
	}
	pool_close_devices();
	return rc < 0;
}
