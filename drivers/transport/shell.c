/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A dialogue with a command line.  See shell.h; how its text is read is in screen.c.
 */
#include "shell.h"

#include "arena.h"
#include "cleanup.h"
#include "screen.h"

#include <stdlib.h>
#include <string.h>

struct shell {
	struct stream *stream;
	struct screen screen;
	char *host; /* NULL until the first prompt */
	unsigned typed;
};

/* One command on its way. */
struct exchange {
	const struct shell_command *command;
	bool nudged; /* an empty line was typed after what looked like the prompt */
};

static const char *seen(const struct shell *sh)
{
	return sh->screen.text.data ? sh->screen.text.data : "";
}

static int receive(struct shell *sh, int64_t deadline_ms, struct error *err)
{
	char bytes[4096];
	ssize_t n = stream_recv(sh->stream, bytes, sizeof(bytes), deadline_ms, err);

	if (n < 0)
		return -1;
	if (!n)
		return error_set(err, ERROR_UNREACHABLE, "the device ended the connection");
	screen_feed(&sh->screen, bytes, (size_t)n);
	if (sh->screen.full)
		return error_set(err, ERROR_PROTOCOL, "it printed more than %d bytes", SCREEN_MAX);
	return 0;
}

static int say(struct shell *sh, const char *what, int64_t deadline_ms, struct error *err)
{
	return stream_send(sh->stream, what, strlen(what), deadline_ms, err);
}

/* In one piece: in two, the end of the line is a packet of its own. */
static int say_line(struct shell *sh, const char *line, int64_t deadline_ms, struct error *err)
{
	_cleanup_(freep) char *whole = xasprintf("%s\n", line);

	return say(sh, whole, deadline_ms, err);
}

/* The length of the text before the prompt that it ends with; -1 when it ends with none. */
static ssize_t before_prompt(const struct shell *sh)
{
	size_t len = sh->screen.text.len, prompt = screen_prompt(seen(sh), len, sh->host);

	return prompt ? (ssize_t)(len - prompt) : -1;
}

/* The same when the prompt has to be there twice, once more after an empty line. */
static ssize_t before_two_prompts(const struct shell *sh)
{
	const char *text = seen(sh);
	ssize_t len = before_prompt(sh), end = len;
	size_t prompt;

	while (end > 0 && text[end - 1] == '\n')
		end--;
	prompt = end > 0 && end < len ? screen_prompt(text, (size_t)end, sh->host) : 0;
	return prompt && prompt == sh->screen.text.len - (size_t)len && !memcmp(text + end - prompt, text + len, prompt) ?
		       end - (ssize_t)prompt :
		       -1;
}

static bool has_echo(const struct shell *sh, const struct exchange *x)
{
	return !*x->command->line || strstr(seen(sh), x->command->line);
}

/* What looks like a prompt is there.  1: it is the prompt; 0: go on. */
static int judge_prompt(struct shell *sh, struct exchange *x, int64_t deadline_ms, struct error *err)
{
	if (!has_echo(sh, x))
		return 0;
	if (!x->command->prove)
		return 1;
	if (x->nudged)
		return before_two_prompts(sh) >= 0;
	x->nudged = true;
	return say(sh, "\n", deadline_ms, err);
}

static int answer_question(struct shell *sh, const struct exchange *x, int64_t deadline_ms, struct error *err)
{
	if (!x->command->answer)
		return error_set(err, ERROR_PROTOCOL, "it asks: %s", seen(sh) + sh->screen.line);
	if (say_line(sh, x->command->answer, deadline_ms, err))
		return -1;
	screen_clear_line(&sh->screen);
	return 0;
}

/* 1: the command is through; 0: more has to come; -1. */
static int step(struct shell *sh, struct exchange *x, int64_t deadline_ms, struct error *err)
{
	switch (screen_end(seen(sh), sh->screen.text.len, sh->host)) {
	case SCREEN_PROMPT:
		return judge_prompt(sh, x, deadline_ms, err);
	case SCREEN_PAGER:
		/* What was typed ahead is the pager's now. */
		x->nudged = false;
		screen_clear_line(&sh->screen);
		return say(sh, " ", deadline_ms, err);
	case SCREEN_QUESTION:
		return has_echo(sh, x) ? answer_question(sh, x, deadline_ms, err) : 0;
	case SCREEN_MORE_TO_COME:
		break;
	}
	return 0;
}

static int converse(struct shell *sh, struct exchange *x, int64_t deadline_ms, struct error *err)
{
	int rc = 0;

	while (!rc) {
		if (receive(sh, deadline_ms, err))
			return -1;
		rc = step(sh, x, deadline_ms, err);
	}
	return rc < 0 ? -1 : 0;
}

/* What stands between the echo and the prompts. */
static char *printed(const struct shell *sh, const struct exchange *x)
{
	ssize_t len = x->command->prove ? before_two_prompts(sh) : before_prompt(sh);
	const char *text = seen(sh), *echo = *x->command->line ? strstr(text, x->command->line) : NULL, *begin = text, *nl;
	char *out;

	if (echo) {
		nl = strchr(echo, '\n');
		begin = nl ? nl + 1 : echo + strlen(echo);
	}
	out = xcalloc(1, (size_t)len + 1);
	if (begin < text + len)
		memcpy(out, begin, (size_t)(text + len - begin));
	text_clean_utf8(out);
	return out;
}

char *shell_run(struct shell *sh, const struct shell_command *command, int64_t deadline_ms, struct error *err)
{
	struct exchange x = { .command = command };

	screen_clear(&sh->screen);
	sh->typed++;
	if (say_line(sh, command->line, deadline_ms, err) || converse(sh, &x, deadline_ms, err)) {
		error_wrap(err, "after \"%s\" was typed", command->line);
		return NULL;
	}
	return printed(sh, &x);
}

/* The name that the first prompt begins with. */
static void take_host(struct shell *sh)
{
	size_t len = sh->screen.text.len, prompt = screen_prompt(seen(sh), len, NULL);
	const char *at = seen(sh) + len - prompt;

	sh->host = xcalloc(1, prompt + 1);
	memcpy(sh->host, at, strcspn(at, "(#>"));
}

/* Banners may hold anything; the prompt is what an empty line brings once more. */
static int meet(struct shell *sh, int64_t deadline_ms, struct error *err)
{
	static const struct shell_command nothing = { .line = "", .prove = true };
	struct exchange x = { .command = &nothing };

	if (converse(sh, &x, deadline_ms, err))
		return error_wrap(err, "no prompt came");
	take_host(sh);
	return 0;
}

struct shell *shell_open(struct stream *s, int64_t deadline_ms, struct error *err)
{
	struct shell *sh = xcalloc(1, sizeof(*sh));

	sh->stream = s;
	if (!meet(sh, deadline_ms, err))
		return sh;
	shell_close(sh);
	return NULL;
}

void shell_close(struct shell *sh)
{
	if (!sh)
		return;
	stream_close(sh->stream);
	screen_fini(&sh->screen);
	free(sh->host);
	free(sh);
}

unsigned shell_typed(const struct shell *sh)
{
	return sh->typed;
}

const char *shell_host(const struct shell *sh)
{
	return sh->host;
}
