/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona secret set|list|delete`.  A secret comes from the terminal, a file or standard input,
 * never from argv or the environment; memory that held it is wiped, and this process leaves no core
 * file.
 */
#include "app.h"
#include "cleanup.h"
#include "client.h"
#include "get.h"
#include "json.h"
#include "output.h"
#include "secret.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

enum { VALUE_MAX = 16 * 1024 };

static struct termios saved_terminal;
static volatile sig_atomic_t echo_is_off;

static void echo_on(void)
{
	if (echo_is_off)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_terminal);
	echo_is_off = 0;
}

static void on_signal(int number)
{
	echo_on();
	signal(number, SIG_DFL);
	raise(number);
}

static void echo_off(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct termios t;
	size_t i;

	if (tcgetattr(STDIN_FILENO, &saved_terminal))
		return;
	t = saved_terminal;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	echo_is_off = 1;
	for (i = 0; i < 4; i++)
		signal(signals[i], on_signal);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
}

/* Read until end of file, or end of line when @line, into @out (VALUE_MAX + 1 bytes).  The length
 * without one line end, or -1. */
static ssize_t read_value(int fd, char *out, bool line, struct error *err)
{
	ssize_t n = 0, got;

	while ((got = read(fd, out + n, line ? 1 : (size_t)(VALUE_MAX + 1 - n))) > 0) {
		n += got;
		if (n > VALUE_MAX)
			return error_set(err, ERROR_TOO_LARGE, "a secret has at most %d bytes",
					 VALUE_MAX);
		if (line && out[n - 1] == '\n')
			break;
	}
	if (got < 0)
		return error_set(err, ERROR_USAGE, "cannot read the secret: %s", strerror(errno));
	if (n && out[n - 1] == '\n')
		n--;
	if (n && out[n - 1] == '\r')
		n--;
	if (n == 0)
		return error_set(err, ERROR_USAGE, "the secret is empty; nothing was stored");
	out[n] = '\0';
	return n;
}

static ssize_t ask(const char *prompt, char *out, struct error *err)
{
	ssize_t n;

	fprintf(stderr, "%s: ", prompt);
	fflush(stderr);
	n = read_value(STDIN_FILENO, out, true, err);
	fputc('\n', stderr);
	return n;
}

static ssize_t ask_twice(const char *name, char *out, struct error *err)
{
	char again[VALUE_MAX + 2], prompt[128];
	ssize_t n, m;

	echo_off();
	snprintf(prompt, sizeof(prompt), "Secret %s", name);
	n = ask(prompt, out, err);
	m = n < 0 ? -1 : ask("The same again", again, err);
	echo_on();
	if (m >= 0 && (n != m || memcmp(out, again, (size_t)n) != 0))
		m = error_set(err, ERROR_USAGE, "the two differ; nothing was stored");
	secret_wipe(again, sizeof(again));
	return m < 0 ? -1 : n;
}

static ssize_t obtain(const struct invocation *inv, char *out, struct error *err)
{
	const char *file = option_value(inv, OPTION_FILE);
	int fd;
	ssize_t n;

	if (inv->args.n > 1 && strcmp(inv->args.items[1], "-") != 0) {
		error_set(err, ERROR_USAGE,
			  "a secret is never taken from the command line, where others can see it");
		return error_hint(err, "leave it out to be asked for it, or use --file FILE, or - "
				       "for standard input.");
	}
	if (inv->args.n > 1 && file)
		return error_set(err, ERROR_USAGE,
				 "--file and - are two places to read from: give one of them");
	if (inv->args.n > 1 || (file && !strcmp(file, "-")))
		return read_value(STDIN_FILENO, out, false, err);
	if (!file && !isatty(STDIN_FILENO)) {
		error_set(err, ERROR_USAGE, "there is no terminal to ask for the secret on");
		return error_hint(err, "use --file FILE, or - to read it from standard input.");
	}
	if (!file)
		return ask_twice(inv->args.items[0], out, err);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, ERROR_NOT_FOUND, "%s: %s", file, strerror(errno));
	n = read_value(fd, out, false, err);
	close(fd);
	return n;
}

/* jansson and its copies of the secret: nothing that it frees keeps its bytes. */
static void wiping_free(void *p)
{
	if (p)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

int cmd_secret_set(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = client_path("/v1/secrets", inv->args.items[0], NULL);
	char value[VALUE_MAX + 2];
	json_t *body = NULL;
	ssize_t n;
	int rc;

	prctl(PR_SET_DUMPABLE, 0);
	json_set_alloc_funcs(malloc, wiping_free);
	n = obtain(inv, value, err);
	if (n >= 0 && strlen(value) != (size_t)n)
		n = error_set(err, ERROR_USAGE, "the secret holds a NUL byte");
	if (n >= 0 && !(body = json_pack("{s:s}", "value", value)))
		n = error_set(err, ERROR_USAGE, "the secret is not UTF-8");
	secret_wipe(value, sizeof(value));
	rc = n < 0 ? -1 : client_call(app->client, "PUT", path, body, false, NULL, NULL, err);
	json_decref(body);
	if (rc == 0)
		say("Secret %s is stored.", inv->args.items[0]);
	return rc;
}

int cmd_secret_list(struct app *app, const struct invocation *inv, struct error *err)
{
	static const struct column columns[] = { { "NAME", "name" },
						 { "CHANGED", "changed", CELL_TIME } };
	json_auto_t *answer = client_get(app->client, "/v1/secrets", err);

	(void)inv;
	if (!answer)
		return -1;
	table_print(app, columns, 2, json_object_get(answer, "items"), "name");
	return 0;
}

int cmd_secret_delete(struct app *app, const struct invocation *inv, struct error *err)
{
	int i;

	for (i = 0; i < inv->args.n; i++) {
		_cleanup_(freep) char *path = client_path("/v1/secrets", inv->args.items[i], NULL);

		if (client_call(app->client, "DELETE", path, NULL, false, NULL, NULL, err)) {
			get_guess(app->client, "secrets", inv->args.items[i], err);
			return -1;
		}
		say("Secret %s is forgotten.", inv->args.items[i]);
	}
	return 0;
}
