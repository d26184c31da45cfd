/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SSH in a build without a library for it: nobody logs in anywhere.  See ssh.h.
 */
#include "ssh.h"

struct remote *remote_open(const struct remote_address *at, const char *pin, const struct secret *credential,
			   int64_t deadline_ms, struct error *err)
{
	(void)at;
	(void)pin;
	(void)credential;
	(void)deadline_ms;
	error_set(err, ERROR_UNSUPPORTED, "this build of Recast speaks no SSH");
	error_hint(err, "Build it with libssh2 1.11 or libssh 0.10, or newer: configure --with-ssh");
	return NULL;
}

void remote_close(struct remote *r)
{
	(void)r;
}

const struct server_key *remote_key(const struct remote *r)
{
	(void)r;
	return NULL;
}

bool remote_is_alive(const struct remote *r)
{
	(void)r;
	return false;
}

struct stream *remote_exec(struct remote *r, const char *command, int64_t deadline_ms, struct error *err)
{
	(void)r;
	(void)command;
	(void)deadline_ms;
	error_set(err, ERROR_UNSUPPORTED, "this build of Recast speaks no SSH");
	return NULL;
}

struct stream *remote_socket(struct remote *r, const char *path, int64_t deadline_ms, struct error *err)
{
	return remote_exec(r, path, deadline_ms, err);
}

struct stream *remote_shell(struct remote *r, int64_t deadline_ms, struct error *err)
{
	return remote_exec(r, "", deadline_ms, err);
}

const char *remote_library(void)
{
	return "no SSH";
}
