/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the transports: what a kind of stream is made of.  stream.c has the plain one, tls.c and ssh.c the others.
 */
#ifndef RECAST_DRIVER_STREAM_KIND_H
#define RECAST_DRIVER_STREAM_KIND_H

#include "stream.h"

struct stream_ops {
	/* Some of it: a number above 0, or -1. */
	ssize_t (*send)(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err);
	ssize_t (*recv)(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err);
	bool (*pending)(const struct stream *s);
	const struct server_key *(*key)(const struct stream *s);
	void (*close)(struct stream *s); /* frees it; the descriptor as well where it is the stream's own */
};

struct stream {
	const struct stream_ops *ops;
	int fd; /* non-blocking */
};

/* Wait for @events of poll(2); 0, or -1 at the deadline and when the thread is interrupted. */
int stream_wait(int fd, short events, int64_t deadline_ms, struct error *err);

/* A connection to "ADDRESS:PORT", as a descriptor; @notation is for the error. */
int stream_connect_tcp(const char *where, const char *notation, int64_t deadline_ms, struct error *err);

/* A connected descriptor as a stream, which takes it; NULL for -1. */
struct stream *stream_plain(int fd);

/* tls.c: shake hands on @fd, which it takes in every case. */
struct stream *tls_open(int fd, const struct stream_peer *peer, int64_t deadline_ms, struct error *err);

#endif
