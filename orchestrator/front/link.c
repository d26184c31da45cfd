/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames to and from the core.  See link.h.
 */
#include "link.h"

#include "arena.h"
#include "conn.h"
#include "frame.h"
#include "front.h"
#include "json.h"
#include "log.h"
#include "secret.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct link {
	struct front *front;
	struct bufferevent *bev;
	struct frame_reader reader;
	bool is_broken;
};

static void give_up(struct link *link, bool is_broken)
{
	link->is_broken = is_broken;
	bufferevent_disable(link->bev, EV_READ | EV_WRITE);
	event_base_loopbreak(link->front->base);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct link *link = arg;
	struct error err = { 0 };
	char bytes[65536];
	json_t *frame;
	int n, rc = 0;

	while ((n = evbuffer_remove(in, bytes, sizeof(bytes))) > 0) {
		frame_feed(&link->reader, bytes, (size_t)n);
		while ((rc = frame_next(&link->reader, &frame, &err)) > 0) {
			conn_on_frame(link->front, frame);
			json_decref(frame);
		}
		if (rc < 0) {
			log_error("link", "the core sent a %s", err.text);
			give_up(link, true);
			return;
		}
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct link *link = arg;

	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		log_info("link", "the core has closed the link");
		give_up(link, false);
	}
}

struct link *link_open(struct front *front, int fd, struct error *err)
{
	struct link *link;
	struct stat st;

	if (fstat(fd, &st) || !S_ISSOCK(st.st_mode)) {
		error_set(err, ERROR_USAGE, "descriptor %d is not a socket", fd);
		error_hint(err, "recast-front is started by recastd, not by hand.");
		return NULL;
	}
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	link = xcalloc(1, sizeof(*link));
	link->front = front;
	link->bev = bufferevent_socket_new(front->base, fd,
					   BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(link->bev, on_read, NULL, on_event, link);
	bufferevent_enable(link->bev, EV_READ | EV_WRITE);
	return link;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	bufferevent_free(link->bev);
	frame_fini(&link->reader);
	free(link);
}

static void put(struct link *link, const json_t *frame)
{
	size_t len;
	char *bytes = frame_encode(frame, &len);

	evbuffer_add(bufferevent_get_output(link->bev), bytes, len);
	secret_wipe(bytes, len); /* a body may carry a secret on its way to the core */
	free(bytes);
}

int link_send(struct link *link, const json_t *frame, struct error *err)
{
	if (evbuffer_get_length(bufferevent_get_output(link->bev)) > FRONT_LINK_MAX)
		return error_set(err, ERROR_BUSY,
				 "the controller is busy and takes no further requests now");
	put(link, frame);
	return 0;
}

void link_send_about(struct link *link, uint64_t id, const char *what)
{
	json_t *frame = json_object();

	json_object_set_new(frame, "id", json_integer((json_int_t)id));
	json_object_set_new(frame, what, json_true());
	put(link, frame);
	json_decref(frame);
}

void link_send_serving(struct link *link)
{
	json_t *frame = json_object();

	json_object_set_new(frame, "serving", json_true());
	link_send(link, frame, NULL);
	json_decref(frame);
}

bool link_is_broken(const struct link *link)
{
	return link->is_broken;
}
