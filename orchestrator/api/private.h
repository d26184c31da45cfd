/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the API: requests under way, streams, and the pipe to recast-front.
 */
#ifndef RECAST_API_PRIVATE_H
#define RECAST_API_PRIVATE_H

#include "api.h"
#include "frame.h"
#include "service.h"

#include <event2/bufferevent.h>
#include <sys/types.h>

struct stream {
	struct stream *next;
	struct api *api;
	int64_t id;	 /* of the request at the front */
	int64_t seq;	 /* events: last one sent */
	int64_t run;	 /* events: only of this run; 0: all */
	char *machine;	 /* console of this machine; NULL: events */
	struct caller caller;
};

struct api {
	struct event_base *base;
	struct core *core;
	struct api_config config;
	pid_t pid;
	struct bufferevent *bev;
	struct frame_reader reader;
	struct stream *streams;
	struct event *restart;
	uint64_t front_era; /* answers to a front that died are dropped */
	unsigned restarts;
};

/* One request, as a handler sees it. */
struct call {
	struct api *api;
	int64_t id;
	const json_t *frame, *query, *body, *headers;
	char segments[2][128]; /* what {…} matched */
	int n_segments;
	const char *collection; /* third path segment: "machines" */
	struct answer *answer;	/* for the service; freed by its send */
};

/* front.c */
int front_start(struct api *api, struct error *err);
void front_stop(struct api *api);
void front_send(struct api *api, json_t *frame); /* steals frame */

/* routes.c */
void route_request(struct api *api, const json_t *frame);

/* stream.c */
void stream_events_open(struct call *call);
void stream_console_open(struct call *call, const char *machine);
void stream_closed(struct api *api, int64_t id);
void streams_drop(struct api *api);
void streams_push_events(void *arg);
void streams_push_console(void *arg, const char *machine, const char *data);

#endif
