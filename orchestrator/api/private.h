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
	bool resumed;	 /* events: it went on from a number, and the first event was not sent yet */
	bool waits;	 /* events: for the front to have written what it was given */
	char *machine;	 /* console of this machine; NULL: events */
	struct caller caller;
};

/* Open descriptors: certificate, key, perhaps the CA of clients. */
struct credential_files {
	int fd[3], n;
};

struct api {
	struct event_base *base;
	struct core *core;
	struct api_config config;
	pid_t pid;
	struct bufferevent *bev;
	struct frame_reader reader;
	struct stream *streams;
	struct event *restart, *watch;
	struct event *more; /* streams that have not been given all yet */
	uint64_t front_era; /* answers to a front that died are dropped */
	bool is_serving;    /* this front has said that its doors are open */
	unsigned restarts;
	struct credential_files good, pending; /* what was served last; what nobody has judged yet */
	int certificates;		       /* the socket that they go over; -1: none */
	int verdicts;			       /* that are still to come back */
	struct event *verdict;
};

/* One request, as a handler sees it. */
struct call {
	struct api *api;
	int64_t id;
	const json_t *frame, *query, *body, *headers;
	char segments[2][128]; /* what {…} matched */
	int n_segments;
	const char *collection; /* second path segment: "machines" */
	const char *part;	/* the last one */
	struct answer *answer;	/* for the service; freed by its send */
};

enum route_door { DOOR_OPEN, DOOR_API, DOOR_BOOT };
enum route_etag { ETAG_NONE, ETAG_OBJECT, ETAG_NEEDED };

/* A line of routes.def. */
struct route {
	enum route_door door;
	const char *method, *path;
	void (*handle)(struct call *call);
	bool needs_body;
	const char *verb;
	enum target target;
	enum route_etag etag;
};

/* front.c */
int front_start(struct api *api, struct error *err);
void front_stop(struct api *api);
void front_send(struct api *api, json_t *frame); /* steals frame */
void front_serves(struct api *api);		 /* tell who wants to know, once nothing is pending */

/* credentials.c: read them at the start; connect a new front (the descriptor is its end); let go. */
int credentials_read(struct api *api, struct error *err);
int credentials_connect(struct api *api, struct error *err);
void credentials_disconnect(struct api *api);
void credentials_forget(struct api *api);

/* metrics.c: text for Prometheus; @front: the counters of the front, or NULL. */
char *metrics_text(struct api *api, const json_t *front);

/* openapi.c, made from schema/api/openapi.yaml */
extern const char openapi_json[];

/* routes.c */
const struct route *routes_all(size_t *n);

/* request.c: serve a request frame.  An answer that is plain text; one that is not sent at all. */
void route_request(struct api *api, const json_t *frame);
void answer_text(struct answer *a, int status, const char *type, const char *text);
void answer_drop(struct answer *a);

/* etag.c: the entity tag of what GET answers, in quotes. */
enum { ETAG_SIZE = 36 };
void etag_of(const json_t *body, char out[ETAG_SIZE]);
/* Whether the header names @tag (NULL: there is no object), by the weak comparison or the strong one; -1: it is malformed. */
int etag_matches(const char *header, const char *tag, bool weak);
/* USAGE, PRECONDITION or PRECONDITION_REQUIRED when If-Match and If-None-Match forbid a change of what has @tag. */
int etag_check(const json_t *headers, const char *tag, bool needed, struct error *err);

/* stream.c */
void stream_events_open(struct call *call);
void stream_console_open(struct call *call, const char *machine);
void stream_closed(struct api *api, int64_t id);
void stream_written(struct api *api, int64_t id); /* the front has delivered all that it was told to tell of */
void streams_drop(struct api *api);
void streams_push_events(void *arg);
void streams_more(evutil_socket_t fd, short what, void *arg);
void streams_watch(evutil_socket_t fd, short what, void *arg); /* every few seconds */
void streams_push_console(void *arg, const char *machine, const char *data);

#endif
