/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A stream to a program of this host.  See stream.h.
 */
#include "stream_kind.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The shell leaves it behind, so that nobody here has to wait for its end. */
static int start(const char *path, int fd)
{
	static char shell[] = "/bin/sh", dash_c[] = "-c", script[] = "exec 3<&0; \"$0\" <&3 3<&- &";
	static char home[] = "HOME=/", search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *argv[] = { shell, dash_c, script, (char *)(uintptr_t)path, NULL }, *env[] = { home, search, NULL };
	posix_spawn_file_actions_t files;
	int rc, status = 0;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	rc = posix_spawn(&pid, shell, &files, NULL, argv, env);
	posix_spawn_file_actions_destroy(&files);
	while (!rc && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return rc;
}

struct stream *stream_program(const char *path, struct error *err)
{
	int ends[2], rc;

	if (access(path, X_OK) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)) {
		error_set(err, ERROR_UNREACHABLE, "%s: %s", path, strerror(errno));
		return NULL;
	}
	rc = start(path, ends[1]);
	close(ends[1]);
	if (!rc)
		return stream_plain(ends[0]);
	close(ends[0]);
	error_set(err, ERROR_UNREACHABLE, "%s: %s", path, strerror(rc));
	return NULL;
}
