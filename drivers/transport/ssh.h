/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A login on another host over SSH, and streams through it: to a command, to a shell on a terminal (shell.h speaks with it), or
 * to a unix socket there (OpenSSH's direct-streamlocal).  Blocking, with a deadline on every wait; a login and its streams are for one thread at a time.
 *
 * The host is known by its pinned key (pin.h): without it nothing is sent but the handshake.  No file of the user's is
 * read: neither ~/.ssh/config nor known_hosts nor an agent.  Built on libssh2 or libssh (ssh_wire.h); without
 * either (configure --without-ssh) every login is ERROR_UNSUPPORTED.
 */
#ifndef RECAST_DRIVER_SSH_H
#define RECAST_DRIVER_SSH_H

#include "stream.h"

/* "ssh://USER@ADDRESS[:PORT][/PATH]": a numeric address, IPv6 in brackets. */
struct remote_address {
	char user[64], where[80]; /* "ADDRESS:PORT" */
	char path[108];		  /* with its first slash, or empty: no longer than a unix socket's can be */
};

struct remote;

/* ERROR_INVALID with what is wrong.  The first is of a socket and has a path, the second of a host and has none. */
int remote_address_parse(const char *text, struct remote_address *out, struct error *err);
int remote_host_parse(const char *text, struct remote_address *out, struct error *err);

/* Log in with @credential: a private key (PEM or OpenSSH's format, without passphrase), or else a password, which is given
 * as the host asks for it (password, keyboard-interactive).  NULL with ERROR_UNTRUSTED, ERROR_AUTH, ERROR_UNREACHABLE. */
struct remote *remote_open(const struct remote_address *at, const char *pin, const struct secret *credential,
			   int64_t deadline_ms, struct error *err);
/* Ends its streams as well, which must be closed before.  NULL is allowed. */
void remote_close(struct remote *r);

const struct server_key *remote_key(const struct remote *r);
/* False when the connection is known to be lost: log in anew. */
bool remote_is_alive(const struct remote *r);

/* Run a command there: what is sent is its input, what is received its output. */
struct stream *remote_exec(struct remote *r, const char *command, int64_t deadline_ms, struct error *err);
/* Connect to a unix socket there. */
struct stream *remote_socket(struct remote *r, const char *path, int64_t deadline_ms, struct error *err);
/* A shell on a terminal: what people type into. */
struct stream *remote_shell(struct remote *r, int64_t deadline_ms, struct error *err);

/* The library and its version: "libssh 0.10.6". */
const char *remote_library(void);

#endif
