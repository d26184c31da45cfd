/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the service manager hands to recastd: a socket that it listens on (LISTEN_FDS), and files that only recastd may
 * read (CREDENTIALS_DIRECTORY).
 */
#include "host.h"

#include "arena.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

static bool is_listening(int fd, const char *path)
{
	return sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0;
}

int host_socket(const char *path, struct error *err)
{
	int n = sd_listen_fds(1);

	if (n <= 0)
		return -1;
	if (n == 1 && is_listening(SD_LISTEN_FDS_START, NULL)) {
		if (!is_listening(SD_LISTEN_FDS_START, path))
			log_warn("host", "systemd listens elsewhere than at %s: give ListenStream= and `socket` one path", path);
		return SD_LISTEN_FDS_START;
	}
	error_set(err, ERROR_USAGE, "systemd hands over %d sockets; recastd takes one, a unix stream socket that is listened on", n);
	error_hint(err, "Leave one ListenStream= with a path in recastd.socket; `listen` and `boot_listen` are opened by recastd.");
	return -2;
}
#else
int host_socket(const char *path, struct error *err)
{
	(void)path;
	(void)err;
	return -1;
}
#endif

char *host_credential(const char *name)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char *path = folder ? xasprintf("%s/%s", folder, name) : NULL;

	/* Also one that cannot be read counts: nothing else may silently take its place. */
	if (path && access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}
