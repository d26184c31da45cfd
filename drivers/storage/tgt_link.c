/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The way to tgtd's management socket: on this host, or on another one through a login over SSH that is kept between
 * requests.  Called by tgt_ipc.c for each request, which has a connection to the socket of its own.
 *
 * A login is for one request at a time: tgt_link_enter() and tgt_link_leave() stand around each.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "ssh.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tgt_link {
	struct remote_address at;
	const char *pin;		 /* of the device */
	const struct secret *credential; /* of the device */
	pthread_mutex_t lock;
	struct remote *remote; /* NULL: not logged in */
};

int tgt_link_create(struct tgt *t, const struct driver_device *dev, const char *address, struct error *err)
{
	struct tgt_link *link;

	if (!address)
		return 0;
	link = xcalloc(1, sizeof(*link));
	if (remote_address_parse(address, &link->at, err)) {
		free(link);
		return -1;
	}
	link->pin = dev->pin;
	link->credential = dev->secret;
	pthread_mutex_init(&link->lock, NULL);
	t->link = link;
	return 0;
}

void tgt_link_destroy(struct tgt_link *link)
{
	if (!link)
		return;
	remote_close(link->remote);
	pthread_mutex_destroy(&link->lock);
	free(link);
}

static int login(struct tgt_link *link, int64_t deadline_ms, struct error *err)
{
	remote_close(link->remote);
	link->remote = remote_open(&link->at, link->pin, link->credential, deadline_ms, err);
	return link->remote ? 0 : -1;
}

/* A login that was kept may have died since: then, and only then, a new one is tried.  Nothing was said to tgtd yet. */
static struct stream *reach(struct tgt_link *link, int64_t deadline_ms, struct error *err)
{
	bool kept = link->remote && remote_is_alive(link->remote);
	struct stream *s;

	if (!kept && login(link, deadline_ms, err))
		return NULL;
	s = remote_socket(link->remote, link->at.path, deadline_ms, err);
	if (s || !kept || remote_is_alive(link->remote) || login(link, deadline_ms, err))
		return s;
	return remote_socket(link->remote, link->at.path, deadline_ms, err);
}

struct stream *tgt_link_enter(const struct tgt *t, const char *address, int64_t deadline_ms, struct error *err)
{
	struct stream *s;

	if (!t->link)
		return stream_open(&(struct stream_peer){ .address = address }, deadline_ms, err);
	if (driver_lock(&t->link->lock, deadline_ms, err))
		return NULL;
	s = reach(t->link, deadline_ms, err);
	if (!s)
		pthread_mutex_unlock(&t->link->lock);
	return s;
}

void tgt_link_leave(const struct tgt *t, struct stream *s, bool failed)
{
	if (!s)
		return;
	stream_close(s);
	if (!t->link)
		return;
	/* Whatever is left of a request that was not answered belongs to no other. */
	if (failed) {
		remote_close(t->link->remote);
		t->link->remote = NULL;
	}
	pthread_mutex_unlock(&t->link->lock);
}

int tgt_link_check(const struct tgt *t, int64_t deadline_ms, struct error *err)
{
	struct stream *s;

	if (!t->link)
		return 0;
	s = tgt_link_enter(t, NULL, deadline_ms, err);
	tgt_link_leave(t, s, false);
	return s ? 0 : -1;
}

json_t *tgt_security(const struct tgt *t, int64_t deadline_ms, struct error *err)
{
	json_t *security = json_pack("{s:s}", "transport", t->link ? "encrypted" : "local");

	if (!t->link)
		return security;
	if (!driver_lock(&t->link->lock, deadline_ms, err)) {
		if (t->link->remote || !login(t->link, deadline_ms, err))
			json_object_set_new(security, "key", server_key_to_json(remote_key(t->link->remote)));
		pthread_mutex_unlock(&t->link->lock);
	}
	if (json_object_get(security, "key"))
		return security;
	json_decref(security);
	return NULL;
}
