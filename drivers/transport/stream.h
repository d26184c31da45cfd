/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A byte stream to a device over TCP or a unix socket, with a deadline on every wait.  What the
 * transports (jsonrpc.c, the drivers' own) stand on.  Blocking; for one thread at a time.
 *
 * Deadlines are on clock_mono_ms().  A wait that ends there is ERROR_UNREACHABLE.
 */
#ifndef RECAST_DRIVER_STREAM_H
#define RECAST_DRIVER_STREAM_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* From now on every wait of this thread ends at once, with ERROR_UNREACHABLE, when @fd is readable. */
void stream_interrupted_by(int fd);

/* Connect to "tcp:ADDRESS:PORT" (a numeric address, IPv6 in brackets: names are not looked up,
 * since that cannot be bounded in time) or "unix:PATH".  A descriptor, or -1 with ERROR_INVALID for
 * an address that is none, ERROR_UNREACHABLE, or ERROR_AUTH when the system denies access to the
 * socket. */
int stream_open(const char *address, int64_t deadline_ms, struct error *err);

/* Send all of it.  -1 with ERROR_UNREACHABLE: some of it may have been sent. */
int stream_send(int fd, const void *bytes, size_t len, int64_t deadline_ms, struct error *err);

/* Receive at least one byte; 0 at the end of the stream, -1 on error. */
ssize_t stream_recv(int fd, void *bytes, size_t size, int64_t deadline_ms, struct error *err);

#endif
