/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The login on a switch and its command line, kept between requests; and which of its answers are errors.  See mds.h.
 */
#include "mds.h"

#include "arena.h"
#include "clock.h"
#include "shell.h"
#include "ssh.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Switches end idle sessions by themselves, and have few. */
enum { IDLE_MS = 20000 };

struct mds_link {
	struct remote_address at;
	const char *pin;		 /* of the device */
	const struct secret *credential; /* of the device */
	pthread_mutex_t lock;
	struct remote *remote;
	struct shell *shell;
	int64_t used_ms;
};

struct mds_link *mds_link_create(const struct driver_device *dev, const char *address, struct error *err)
{
	struct mds_link *link = xcalloc(1, sizeof(*link));

	if (remote_host_parse(address, &link->at, err)) {
		free(link);
		return NULL;
	}
	link->pin = dev->pin;
	link->credential = dev->secret;
	pthread_mutex_init(&link->lock, NULL);
	return link;
}

static void hang_up(struct mds_link *link)
{
	shell_close(link->shell);
	remote_close(link->remote);
	link->shell = NULL;
	link->remote = NULL;
}

void mds_link_destroy(struct mds_link *link)
{
	if (!link)
		return;
	hang_up(link);
	pthread_mutex_destroy(&link->lock);
	free(link);
}

static int settle_in(struct mds_link *link, int64_t deadline_ms, struct error *err)
{
	static const char *const lines[] = { "terminal length 0", "terminal dont-ask" };
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (mds_type(link, lines[i], deadline_ms, err))
			return -1;
	return 0;
}

static int dial(struct mds_link *link, int64_t deadline_ms, struct error *err)
{
	struct stream *s = NULL;

	hang_up(link);
	link->remote = remote_open(&link->at, link->pin, link->credential, deadline_ms, err);
	if (link->remote)
		s = remote_shell(link->remote, deadline_ms, err);
	if (s)
		link->shell = shell_open(s, deadline_ms, err);
	if (link->shell && !settle_in(link, deadline_ms, err))
		return 0;
	hang_up(link);
	return -1;
}

/* Whether a login that was kept still answers: an empty line brings the prompt. */
static bool answers(struct mds_link *link, int64_t deadline_ms)
{
	char *out;

	if (!link->shell || !remote_is_alive(link->remote) || clock_mono_ms() - link->used_ms > IDLE_MS)
		return false;
	out = shell_run(link->shell, &(struct shell_command){ .line = "", .prove = true }, deadline_ms, NULL);
	free(out);
	return out != NULL;
}

int mds_link_enter(struct mds_link *link, int64_t deadline_ms, struct error *err)
{
	if (driver_lock(&link->lock, deadline_ms, err))
		return -1;
	if (answers(link, deadline_ms) || !dial(link, deadline_ms, err))
		return 0;
	pthread_mutex_unlock(&link->lock);
	return -1;
}

void mds_link_leave(struct mds_link *link, bool failed)
{
	/* What is left of a dialogue that ended in its midst belongs to no other. */
	if (failed)
		hang_up(link);
	link->used_ms = clock_mono_ms();
	pthread_mutex_unlock(&link->lock);
}

const char *mds_link_user(const struct mds_link *link)
{
	return link->at.user;
}

static char *run(struct mds_link *link, const struct shell_command *c, int64_t deadline_ms, struct error *err)
{
	char *out;

	if (!link->shell) {
		error_set(err, ERROR_UNREACHABLE, "the connection was lost");
		return NULL;
	}
	out = shell_run(link->shell, c, deadline_ms, err);
	if (!out)
		hang_up(link);
	return out;
}

char *mds_show(struct mds_link *link, const char *command, int64_t deadline_ms, struct error *err)
{
	return run(link, &(struct shell_command){ .line = command, .prove = true }, deadline_ms, err);
}

static int judge(const char *text, const char *line, struct error *err)
{
	char words[192];

	if (!mds_trouble(text, words, sizeof(words)))
		return 0;
	text_clean_utf8(words);
	if (strstr(words, "in progress"))
		return error_set(err, ERROR_BUSY, "\"%s\" was answered with: %s", line, words);
	return error_set(err, ERROR_REFUSED, "\"%s\" was answered with: %s", line, words);
}

int mds_type(struct mds_link *link, const char *line, int64_t deadline_ms, struct error *err)
{
	char *out = run(link, &(struct shell_command){ .line = line, .answer = "y" }, deadline_ms, err);
	int rc = out ? judge(out, line, err) : -1;

	free(out);
	return rc;
}

json_t *mds_security(struct mds_link *link, int64_t deadline_ms, struct error *err)
{
	json_t *security = NULL;

	if (mds_link_enter(link, deadline_ms, err))
		return NULL;
	security = json_pack("{s:s, s:o}", "transport", "encrypted", "key", server_key_to_json(remote_key(link->remote)));
	mds_link_leave(link, false);
	return security;
}
