/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `persona edit`: a document in the person's editor.  It goes back with the ETag that it came with, so that a change that
 * somebody else made meanwhile is never written over; what was typed stays in its file until it has been taken.
 */
#include "app.h"
#include "arena.h"
#include "cleanup.h"
#include "client.h"
#include "define.h"
#include "json.h"
#include "output.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* "web", "persona/web", "template/linux", "site" */
static char *path_of(const char *word, struct error *err)
{
	const char *slash = strchr(word, '/');

	if (!strcmp(word, "site"))
		return xstrdup("/v1/site");
	if (!slash)
		return client_path("/v1/personas", word, "document", NULL);
	if (!strncmp(word, "persona/", 8) || !strncmp(word, "personas/", 9))
		return client_path("/v1/personas", slash + 1, "document", NULL);
	if (!strncmp(word, "template/", 9) || !strncmp(word, "templates/", 10))
		return client_path("/v1/templates", slash + 1, "document", NULL);
	error_set(err, ERROR_USAGE, "`%s` is not something that can be edited", word);
	error_hint(err, "a persona by its name, template/NAME, or site.");
	return NULL;
}

static char *write_file(const json_t *document, struct error *err)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/persona-XXXXXX.yaml", dir && *dir ? dir : "/tmp");
	int fd = mkstemps(path, 5);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool failed;

	if (f) {
		output_yaml(f, document, 0);
		failed = ferror(f);
		if (!fclose(f) && !failed)
			return path;
	}
	error_set(err, ERROR_STORAGE, "cannot write %s: %s", path, strerror(errno));
	free(path);
	return NULL;
}

static int run_editor(const char *path, struct error *err)
{
	const char *editor = getenv("VISUAL");
	int status = -1;
	pid_t pid;

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	if (!editor || !*editor)
		editor = "vi";
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		_cleanup_(freep) char *command = xasprintf("%s \"$1\"", editor); /* it may have options */

		execl("/bin/sh", "sh", "-c", command, "sh", path, NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error_set(err, ERROR_USAGE, "the editor `%s` did not end well; nothing was changed", editor);
	return error_hint(err, "set VISUAL or EDITOR to the one that you use.");
}

static int send_back(struct app *app, const char *path, const char *etag, const struct documents *d, struct error *err)
{
	json_auto_t *answer = NULL;
	size_t n;

	client_expect(app->client, etag);
	if (client_call(app->client, "PUT", path, d->items[0].yaml->value, false, &answer, NULL, err) == 0)
		return 0;
	n = documents_show_errors(d, answer);
	if (n)
		error_set(err, err->code, "%zu mistake%s; nothing was changed", n, n == 1 ? "" : "s");
	else if (err->code == ERROR_PRECONDITION)
		error_set(err, err->code, "somebody else has changed it while you did; nothing was written over");
	return -1;
}

/* 0: sent or nothing to send; the file may go. */
static int take(struct app *app, const char *path, const char *etag, const json_t *before, const char *file, struct error *err)
{
	struct documents d = { 0 };
	int rc = -1;

	documents_read(&d, file);
	if (d.mistakes || d.n != 1)
		error_set(err, ERROR_INVALID, d.mistakes ? "the file could not be read; nothing was changed"
							 : "the file must hold one document; nothing was changed");
	else if (json_equal(d.items[0].yaml->value, before))
		rc = 0, say("Nothing was changed.");
	else if ((rc = send_back(app, path, etag, &d, err)) == 0)
		say("Changed. No device was touched: `persona apply` makes it so.");
	documents_fini(&d);
	return rc;
}

int cmd_edit(struct app *app, const struct invocation *inv, struct error *err)
{
	_cleanup_(freep) char *path = path_of(inv->args.items[0], err), *file = NULL, *etag = NULL;
	json_auto_t *document = path ? client_get(app->client, path, err) : NULL;
	int rc;

	if (!document)
		return -1;
	etag = xstrdup(client_etag(app->client));
	file = write_file(document, err);
	if (!file)
		return -1;
	if (run_editor(file, err)) {
		unlink(file);
		return -1;
	}
	rc = take(app, path, etag, document, file, err);
	if (rc == 0)
		unlink(file);
	else
		error_hint(err, "what you wrote is in %s", file);
	return rc;
}
