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
#include <sys/types.h>

enum {
	FRONT_HEAD_MAX = 16 * 1024, /* request line and headers */
	FRONT_HEAD_LINES = 100,
	FRONT_BODY_MAX = 1024 * 1024,
	FRONT_DEFINE_MAX = 8 * 1024 * 1024, /* body of POST /v1/define and PUT /v1/site */
	FRONT_STRANGER_MAX = 64 * 1024,	    /* body over TLS that is read before the core knows who sends it */
	FRONT_STREAM_MAX = 1024 * 1024,	    /* bytes that a slow reader may have waiting */
	FRONT_LINK_MAX = 64 * 1024 * 1024,  /* bytes that a busy core may have waiting */
	FRONT_SLOTS = 2048,		    /* connections in all */
	FRONT_UNIX_SLOTS = 256,		    /* of these kept for the unix socket */
	FRONT_BOOT_SLOTS = 128,		    /* and these for the boot port */
	FRONT_PER_USER = 128,
	FRONT_PER_ADDRESS = 32,
	FRONT_TLS_LISTEN_MAX = 8,
};

/* Where a connection came in. */
enum door { DOOR_UNIX, DOOR_BOOT, DOOR_TLS, DOOR_COUNT };

struct brake;
struct conn;
struct credentials;
struct link;
struct listen;
struct tls;
struct event_base;

struct front_options {
	const char *socket; /* path of the unix socket */
	int listening;	    /* descriptor of it when recastd was given one; -1: we make it */
	unsigned socket_mode;
	const char *socket_group; /* NULL: the group of the process */
	const char *boot;	  /* ADDR:PORT, NULL: no boot port */
	const char *tls[FRONT_TLS_LISTEN_MAX]; /* ADDR:PORT */
	int n_tls;
	int credentials;  /* descriptor on which certificates come; -1: none */
	const char *user; /* NULL: nobody, when we are root and can */
	const char *trial; /* something forbidden to try once confined, for tests */
	int64_t shake_ms; /* for the handshake of TLS */
	int64_t head_ms;	  /* for one request line and its headers */
	int64_t body_ms;
	int64_t answer_ms; /* for the core to answer */
	int64_t idle_ms;   /* between two requests of one connection */
};

/* What happened since the start, for GET /metrics. */
struct front_counters {
	uint64_t accepted[DOOR_COUNT], turned_away[DOOR_COUNT]; /* turned away: too many are open */
	uint64_t handshakes, handshakes_failed;
	uint64_t requests, refused; /* refused: never seen by the core */
	uint64_t braked, late, cut; /* of those: too many wrong tokens, did not arrive in time; slow readers */
};

struct front {
	struct front_options options;
	struct event_base *base;
	struct link *link; /* to the core */
	struct listen *listen_unix, *listen_boot, *listen_tls[FRONT_TLS_LISTEN_MAX];
	struct tls *tls;
	struct credentials *credentials;
	struct brake *brake;
	struct front_counters counters;
	struct conn *slots[FRONT_SLOTS]; /* a request's id names its slot */
	uint64_t last_request;
};

#endif
