/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A byte stream to a device, over TCP, a unix socket or TLS, with a deadline on every wait.  What the
 * transports (jsonrpc.c, the drivers' own) stand on.  Blocking; for one thread at a time.
 *
 * Deadlines are on clock_mono_ms().  A wait that ends there is ERROR_UNREACHABLE.
 */
#ifndef RECAST_DRIVER_STREAM_H
#define RECAST_DRIVER_STREAM_H

#include "error.h"
#include "secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;

/* Whom to connect to.  The strings are borrowed for the call. */
struct stream_peer {
	/* "tcp:ADDRESS:PORT", "ssl:ADDRESS:PORT" (numeric addresses, IPv6 in brackets: names are not looked up, since
	 * that cannot be bounded in time) or "unix:PATH". */
	const char *address;
	const char *pin;		 /* ssl: fingerprint of its key, or NULL: then it is not talked to */
	const struct secret *credential; /* ssl: our certificate and its key in PEM, or NULL */
};

/* From now on every wait of this thread ends at once, with ERROR_UNREACHABLE, when @fd is readable. */
void stream_interrupted_by(int fd);

/* Connect.  NULL with ERROR_INVALID for an address that is none, ERROR_UNREACHABLE, ERROR_AUTH when the system denies
 * access to the socket, or ERROR_UNTRUSTED. */
struct stream *stream_open(const struct stream_peer *peer, int64_t deadline_ms, struct error *err);
/* Start a program of this host and speak to its stdin and stdout.  It is no child of ours, and has to end when its stdin does. */
struct stream *stream_program(const char *path, struct error *err);
void stream_close(struct stream *s); /* NULL is allowed */

/* Send all of it.  -1 with ERROR_UNREACHABLE: some of it may have been sent. */
int stream_send(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err);

/* Receive at least one byte; 0 at the end of the stream, -1 on error. */
ssize_t stream_recv(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err);

/* To wait for bytes beside other things: a descriptor to poll, and whether some have come that poll does not see. */
int stream_fd(const struct stream *s);
bool stream_pending(const struct stream *s);

/* The key that the server has proved to have, or NULL for a transport without one. */
const struct server_key *stream_key(const struct stream *s);

#endif
