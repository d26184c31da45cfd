/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona console`: a terminal on the serial line of a machine.  The terminal is put back on every
 * way out: end of stream, error, Ctrl-], signals, exit().
 */
#include "app.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LEAVE = 0x1d /* Ctrl-] */, INPUT_MAX = 1024, TICK_MS = 500 };

static struct termios saved_terminal;
static volatile sig_atomic_t is_raw;

static void restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_terminal);
	is_raw = 0;
}

static void on_signal(int number)
{
	restore();
	signal(number, SIG_DFL);
	raise(number);
}

static void go_raw(void)
{
	static const int signals[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGSEGV, SIGABRT
	};
	struct termios t;
	size_t i;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved_terminal))
		return;
	atexit(restore);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	t = saved_terminal;
	cfmakeraw(&t);
	is_raw = 1;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

static void on_bytes(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	fwrite(bytes, 1, len, stdout);
	fflush(stdout);
}

/* How many bytes at the end of @s begin a UTF-8 character that has not come whole. */
static size_t unfinished(const char *s, size_t n)
{
	size_t back;

	for (back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)s[n - back];

		if ((c & 0xc0) == 0x80)
			continue;
		return (c >= 0xf0 && back < 4) || (c >= 0xe0 && back < 3) || (c >= 0xc0 && back < 2)
			       ? back
			       : 0;
	}
	return 0;
}

struct console {
	struct app *app;
	char *path;
	char input[INPUT_MAX];
	size_t n;
	bool input_ended;
};

/* Send what was typed.  What is not text as UTF-8 (a Latin-1 terminal) is dropped. */
static int send_input(struct console *c, struct error *err)
{
	size_t rest = unfinished(c->input, c->n), n = c->n - rest;
	json_auto_t *body = json_object();
	json_t *data = json_stringn(c->input, n);

	memmove(c->input, c->input + n, rest);
	c->n = rest;
	if (!data || n == 0) {
		json_decref(data);
		return 0;
	}
	json_object_set_new(body, "data", data);
	return client_call(c->app->client, "POST", c->path, body, false, NULL, NULL, err);
}

/* Take what was typed.  Returns 1 to leave, 0 to go on, -1 with *err. */
static int take_input(struct console *c, struct error *err)
{
	ssize_t got = read(STDIN_FILENO, c->input + c->n, sizeof(c->input) - c->n);
	char *leave;

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got <= 0) {
		c->input_ended = true;
		return is_raw ? 1 : 0;
	}
	leave = is_raw ? memchr(c->input + c->n, LEAVE, (size_t)got) : NULL;
	c->n = leave ? (size_t)(leave - c->input) : c->n + (size_t)got;
	if (c->n && send_input(c, err))
		return -1;
	return leave != NULL;
}

static int talk(struct console *c, struct stream *stream, struct error *err)
{
	bool readable;
	int rc;

	for (;;) {
		rc = stream_wait(stream, TICK_MS, c->input_ended ? -1 : STDIN_FILENO, &readable,
				 err);
		if (rc <= 0)
			return rc;
		if (readable) {
			rc = take_input(c, err);
			if (rc)
				return rc < 0 ? -1 : 0;
		}
		if (ferror(stdout))
			return error_set(err, ERROR_USAGE, "nobody reads the output any more");
	}
}

int cmd_console(struct app *app, const struct invocation *inv, struct error *err)
{
	struct console c = { .app = app };
	struct stream *stream;
	int rc;

	c.path = client_path("/v1/machines", inv->args.items[0], "console", NULL);
	stream = stream_open(app->client, c.path, 0, on_bytes, NULL);
	if (isatty(STDIN_FILENO))
		say("Console of %s; Ctrl-] leaves.", inv->args.items[0]);
	go_raw();
	rc = talk(&c, stream, err);
	restore();
	if (rc < 0)
		get_guess(app->client, "machines", inv->args.items[0], err);
	if (rc == 0 && isatty(STDIN_FILENO))
		say("\nLeft the console of %s.", inv->args.items[0]);
	stream_close(stream);
	free(c.path);
	return rc;
}
