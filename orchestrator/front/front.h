/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of recast-front share: the limits, the options, and the one object that owns all
 * others.  recast-front turns HTTP into frames for the core and frames into HTTP, and knows nothing
 * else: no routes, no state beyond the open connections, no secrets.
 */
#ifndef RECAST_FRONT_H
#define RECAST_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRONT_HEAD_MAX = 16 * 1024, /* request line and headers */
	FRONT_HEAD_LINES = 100,
	FRONT_BODY_MAX = 1024 * 1024,
	FRONT_DEFINE_MAX = 8 * 1024 * 1024, /* body of POST /v1/define */
	FRONT_STREAM_MAX = 1024 * 1024,	    /* bytes that a slow reader may have waiting */
	FRONT_LINK_MAX = 64 * 1024 * 1024,  /* bytes that a busy core may have waiting */
	FRONT_SLOTS = 1024,		    /* connections in all */
	FRONT_UNIX_SLOTS = 256,		    /* of these kept for the unix socket */
	FRONT_PER_USER = 128,
	FRONT_PER_ADDRESS = 32,
};

struct conn;
struct link;
struct listen;
struct event_base;

struct front_options {
	const char *socket; /* path of the unix socket */
	unsigned socket_mode;
	const char *socket_group; /* NULL: the group of the process */
	const char *boot;	  /* ADDR:PORT, NULL: no boot port */
	const char *user;	  /* NULL: stay who we are */
	int64_t head_ms;	  /* for one request line and its headers */
	int64_t body_ms;
	int64_t answer_ms; /* for the core to answer */
	int64_t idle_ms;   /* between two requests of one connection */
};

struct front {
	struct front_options options;
	struct event_base *base;
	struct link *link; /* to the core */
	struct listen *listen_unix, *listen_boot;
	struct conn *slots[FRONT_SLOTS]; /* a request's id names its slot */
	uint64_t last_request;
};

#endif
