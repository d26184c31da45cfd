/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See ask.h.
 */
#include "ask.h"

#include "json.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
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

static ssize_t ask_terminal(const char *prompt, bool twice, char *out, struct error *err)
{
	char again[VALUE_MAX + 2];
	ssize_t n, m;

	if (!isatty(STDIN_FILENO)) {
		error_set(err, ERROR_USAGE, "there is no terminal to ask for the secret on");
		return error_hint(err, "use --file FILE, or - to read it from standard input.");
	}
	echo_off();
	n = ask(prompt, out, err);
	m = n < 0 || !twice ? n : ask("The same again", again, err);
	echo_on();
	if (m >= 0 && twice && (n != m || memcmp(out, again, (size_t)n) != 0))
		m = error_set(err, ERROR_USAGE, "the two differ; nothing was stored");
	secret_wipe(again, sizeof(again));
	return m < 0 ? -1 : n;
}

static ssize_t read_file(const char *file, char *out, struct error *err)
{
	int fd = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	ssize_t n;

	if (fd < 0)
		return error_set(err, ERROR_NOT_FOUND, "%s: %s", file, strerror(errno));
	n = read_value(fd, out, false, err);
	if (fd != STDIN_FILENO)
		close(fd);
	return n;
}

void ask_begin(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	json_wipe_freed();
}

int ask_into(json_t *body, const char *key, const char *prompt, const char *file, bool twice, struct error *err)
{
	char value[VALUE_MAX + 2] = "";
	ssize_t n = file ? read_file(file, value, err) : ask_terminal(prompt, twice, value, err);
	json_t *text = NULL;

	if (n >= 0 && strlen(value) != (size_t)n)
		n = error_set(err, ERROR_USAGE, "the secret holds a NUL byte");
	else if (n >= 0 && !(text = json_string(value)))
		n = error_set(err, ERROR_USAGE, "the secret is not UTF-8");
	secret_wipe(value, sizeof(value));
	if (n < 0)
		return -1;
	return json_object_set_new(body, key, text);
}

bool ask_yes(const char *question)
{
	char line[16] = "";

	fprintf(stderr, "%s; yes or no: ", question);
	fflush(stderr);
	return fgets(line, sizeof(line), stdin) && (!strcmp(line, "yes\n") || !strcmp(line, "yes"));
}
