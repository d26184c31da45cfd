/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Listening sockets, made by hand: libevent's own HTTP server refuses numeric addresses
 * in a network namespace without routable ones.  See listen.h.
 */
#include "listen.h"

#include "address.h"
#include "arena.h"
#include "conn.h"
#include "front.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct listen {
	struct front *front;
	struct evconnlistener *listener;
	struct event *pause; /* fires when accepting may go on after a shortage of descriptors */
	enum door door;
};

static bool peer_of_unix(int fd, struct conn_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	peer->pid = cred.pid;
	return true;
}

/* Numbers only: a scope is told as one, since its name would have to be looked up. */
static bool peer_of_tcp(const struct sockaddr *sa, struct conn_peer *peer)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	size_t n;

	if (sa->sa_family == AF_INET) {
		memset(peer->source + 10, 0xff, 2);
		memcpy(peer->source + 12, &v4->sin_addr, 4);
		return inet_ntop(AF_INET, &v4->sin_addr, peer->address, sizeof(peer->address)) != NULL;
	}
	if (sa->sa_family != AF_INET6 || !inet_ntop(AF_INET6, &v6->sin6_addr, peer->address, sizeof(peer->address)))
		return false;
	n = strlen(peer->address);
	if (v6->sin6_scope_id)
		snprintf(peer->address + n, sizeof(peer->address) - n, "%%%u", v6->sin6_scope_id);
	/* Whoever has one address of a /64 has all of them. */
	memcpy(peer->source, &v6->sin6_addr, v6->sin6_scope_id ? 16 : 8);
	return true;
}

static bool is_same(const struct conn_peer *a, const struct conn_peer *b)
{
	if (a->door != b->door)
		return false;
	return a->door == DOOR_UNIX ? a->uid == b->uid : !memcmp(a->source, b->source, sizeof(a->source));
}

/* Places are kept for the unix socket, so that its users always come in, and for machines that boot. */
static bool is_full(struct front *front, const struct conn_peer *peer)
{
	int same = 0, boot = 0, tls = 0, total = 0, i;

	for (i = 0; i < FRONT_SLOTS; i++) {
		const struct conn_peer *other = front->slots[i] ? conn_peer(front->slots[i]) : NULL;

		if (!other)
			continue;
		total++;
		boot += other->door == DOOR_BOOT;
		tls += other->door == DOOR_TLS;
		same += is_same(other, peer);
	}
	switch (peer->door) {
	case DOOR_UNIX:
		return total == FRONT_SLOTS || same >= FRONT_PER_USER;
	case DOOR_BOOT:
		return boot + tls >= FRONT_SLOTS - FRONT_UNIX_SLOTS || same >= FRONT_PER_ADDRESS;
	case DOOR_TLS:
		if (same >= FRONT_PER_ADDRESS)
			return true;
		return (tls >= FRONT_SLOTS - FRONT_UNIX_SLOTS - FRONT_BOOT_SLOTS ||
			boot + tls >= FRONT_SLOTS - FRONT_UNIX_SLOTS || total == FRONT_SLOTS) &&
		       !conn_make_room(front);
	case DOOR_COUNT:
		break;
	}
	return true;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
		      int len, void *arg)
{
	struct listen *l = arg;
	struct conn_peer peer = { .door = l->door };

	(void)listener;
	(void)len;
	if (!(l->door == DOOR_UNIX ? peer_of_unix(fd, &peer) : peer_of_tcp(sa, &peer))) {
		close(fd);
		return;
	}
	if (!is_full(l->front, &peer)) {
		conn_create(l->front, fd, &peer);
		return;
	}
	l->front->counters.turned_away[l->door]++;
	if (l->door == DOOR_TLS)
		close(fd); /* what could be said would not be understood */
	else
		conn_turn_away(fd);
}

static void on_pause_end(evutil_socket_t fd, short what, void *arg)
{
	struct listen *l = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(l->listener);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct timeval second = { 1, 0 };
	struct listen *l = arg;

	log_error("listen", "accept: %s; trying again in a second", strerror(errno));
	evconnlistener_disable(listener);
	event_add(l->pause, &second);
}

/* @backlog 0: it is listened on already. */
static struct listen *start(struct front *front, int fd, enum door door, int backlog, struct error *err)
{
	struct listen *l = xcalloc(1, sizeof(*l));

	l->front = front;
	l->door = door;
	l->pause = evtimer_new(front->base, on_pause_end, l);
	l->listener = evconnlistener_new(front->base, on_accept, l,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, backlog,
					 fd);
	if (!l->listener) {
		error_set(err, ERROR_INTERNAL, "listen: %s", strerror(errno));
		close(fd);
		listen_close(l);
		return NULL;
	}
	evconnlistener_set_error_cb(l->listener, on_accept_error);
	return l;
}

/* Remove a socket file left behind by a process that died.  Anything else at that place stays. */
static int clear_the_way(const struct sockaddr_un *sun, struct error *err)
{
	struct stat st;
	int fd, rc;

	if (lstat(sun->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_CONFLICT, "%s exists and is not a socket",
				 sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, ERROR_INTERNAL, "socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	close(fd);
	if (rc == 0 || errno == EAGAIN) {
		error_set(err, ERROR_CONFLICT, "another recastd answers on %s", sun->sun_path);
		return error_hint(err, "Stop that one, or give this one a socket path of its own.");
	}
	if (unlink(sun->sun_path) && errno != ENOENT)
		return error_set(err, ERROR_DENIED, "cannot remove the old socket %s: %s",
				 sun->sun_path, strerror(errno));
	return 0;
}

static int set_owner(const char *path, const struct front_options *o, struct error *err)
{
	struct group *group = o->socket_group ? getgrnam(o->socket_group) : NULL;
	struct stat st;

	if (o->socket_group && !group) {
		error_set(err, ERROR_NOT_FOUND, "there is no group `%s`", o->socket_group);
		return error_hint(err, "Create it: groupadd --system %s", o->socket_group);
	}
	/* A sandbox that allows no change of owners needs none when the group is our own. */
	if (group && !(stat(path, &st) == 0 && st.st_gid == group->gr_gid) && chown(path, (uid_t)-1, group->gr_gid))
		return error_set(err, ERROR_DENIED, "cannot give %s to group %s: %s", path,
				 o->socket_group, strerror(errno));
	if (chmod(path, o->socket_mode))
		return error_set(err, ERROR_DENIED, "cannot set the mode of %s: %s", path,
				 strerror(errno));
	return 0;
}

static int bind_unix(const struct sockaddr_un *sun, struct error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before;
	int rc;

	if (fd < 0)
		return error_set(err, ERROR_INTERNAL, "socket: %s", strerror(errno));
	before = umask(0777); /* nobody gets in before owner and mode are right */
	rc = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	umask(before);
	if (rc == 0)
		return fd;
	error_set(err, ERROR_DENIED, "cannot create the socket %s: %s", sun->sun_path,
		  strerror(errno));
	error_hint(err, "The directory must exist and be writable by the user of recastd.");
	close(fd);
	return -1;
}

/* Owner, mode and file of it are the business of who made it. */
static struct listen *take_over(struct front *front, int fd, struct error *err)
{
	int domain = 0, listens = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) || domain != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || !listens) {
		error_set(err, ERROR_USAGE, "descriptor %d is not a unix socket that is listened on", fd);
		return NULL;
	}
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	return start(front, fd, DOOR_UNIX, 0, err);
}

struct listen *listen_unix_open(struct front *front, struct error *err)
{
	const struct front_options *o = &front->options;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (o->listening >= 0)
		return take_over(front, o->listening, err);
	if (strlen(o->socket) >= sizeof(sun.sun_path)) {
		error_set(err, ERROR_USAGE, "the socket path is longer than %zu bytes: %s",
			  sizeof(sun.sun_path) - 1, o->socket);
		return NULL;
	}
	strcpy(sun.sun_path, o->socket);
	if (clear_the_way(&sun, err) || (fd = bind_unix(&sun, err)) < 0)
		return NULL;
	if (set_owner(o->socket, o, err)) {
		unlink(o->socket);
		close(fd);
		return NULL;
	}
	return start(front, fd, DOOR_UNIX, FRONT_SLOTS, err);
}

struct listen *listen_tcp_open(struct front *front, enum door door, const char *where, struct error *err)
{
	struct addrinfo *address = address_parse(where, err);
	int fd, on = 1, rc;

	if (!address)
		return NULL;
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (address->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	}
	rc = fd < 0 ? -1 : bind(fd, address->ai_addr, address->ai_addrlen);
	freeaddrinfo(address);
	if (rc == 0)
		return start(front, fd, door, FRONT_SLOTS, err);
	error_set(err, ERROR_CONFLICT, "cannot listen on %s: %s", where,
		  strerror(errno));
	error_hint(err, "The address must be one of this host's, and the port free.");
	if (fd >= 0)
		close(fd);
	return NULL;
}

void listen_close(struct listen *l)
{
	if (!l)
		return;
	if (l->listener)
		evconnlistener_free(l->listener);
	event_free(l->pause);
	free(l);
}
