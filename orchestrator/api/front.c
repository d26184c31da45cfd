/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-front as a child: started with a socketpair as descriptor 3, with TLS another as descriptor 4 (see
 * credentials.c), and with the unix socket as descriptor 5 when somebody else listens on it for us; started again when
 * it dies.  A socket that was handed to us stays open here, so that clients wait in it while there is no front.
 */
#include "private.h"

#include "arena.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 34 };
enum { LINK_FD = 3, CREDENTIALS_FD, LISTENING_FD, FREE_FD };
enum { RESTART_FIRST_MS = 100, RESTART_LAST_MS = 5000 };

static int add(const char **argv, int n, const char *option, const char *value)
{
	if (!value)
		return n;
	argv[n] = option;
	argv[n + 1] = value;
	return n + 2;
}

/* One more than the front takes, so that it complains and not we. */
static int add_listen(const char **argv, int n, const char *list)
{
	char *rest = list ? xstrdup(list) : NULL, *one;
	int i = 0;

	while (i++ <= API_LISTEN_MAX && (one = strsep(&rest, " \t")))
		if (*one)
			n = add(argv, n, "--tls", one);
	return n;
}

/* Each at its number.  Out of the way first, since one may have the number of another; -1: there is none. */
static bool place(int fds[FREE_FD - LINK_FD])
{
	int i;

	for (i = 0; i < FREE_FD - LINK_FD; i++)
		if (fds[i] >= 0 && (fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FREE_FD)) < 0)
			return false;
	for (i = 0; i < FREE_FD - LINK_FD; i++)
		if (fds[i] >= 0 && dup2(fds[i], LINK_FD + i) < 0)
			return false;
	return true;
}

/* What the service manager told recastd is not meant for who listens to strangers. */
static void forget_manager(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void child(struct api *api, int fd, int certificates, pid_t parent)
{
	const struct api_config *cf = &api->config;
	const char *argv[ARGS_MAX] = { cf->front, "--socket", cf->socket };
	int fds[] = { fd, certificates, cf->listening };
	sigset_t none;
	int n = 3;

	forget_manager();
	n = add(argv, n, "--socket-mode", cf->socket_mode);
	n = add(argv, n, "--socket-group", cf->socket_group);
	n = add(argv, n, "--boot", cf->boot_listen);
	n = add(argv, n, "--user", cf->front_user);
	n = add(argv, n, "--credentials", cf->listen ? "4" : NULL);
	n = add(argv, n, "--listening", cf->listening >= 0 ? "5" : NULL);
	add_listen(argv, n, cf->listen);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || !place(fds))
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(cf->front, (char *const *)argv);
	_exit(127);
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct api *api = arg;
	struct error err = { 0 };

	(void)fd;
	(void)what;
	if (front_start(api, &err) < 0)
		log_error("api", "%s", err.text);
}

static void gone(struct api *api)
{
	struct timeval tv;
	int status = 0;
	long ms = RESTART_FIRST_MS << (api->restarts < 6 ? api->restarts : 6);

	bufferevent_free(api->bev);
	api->bev = NULL;
	frame_fini(&api->reader);
	streams_drop(api);
	api->front_era++;
	api->is_serving = false;
	kill(api->pid, SIGKILL);
	while (waitpid(api->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_error("api", "recast-front was killed by its filter of system calls; please report that");
	log_error("api", "recast-front ended (status %d), starting it again", status);
	if (ms > RESTART_LAST_MS)
		ms = RESTART_LAST_MS;
	tv = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	api->restarts++;
	event_add(api->restart, &tv);
}

void front_serves(struct api *api)
{
	if (api->is_serving && !api->verdicts && api->config.serving)
		api->config.serving(api->config.arg);
}

static void take_frame(struct api *api, const json_t *frame)
{
	int64_t id = json_int(frame, "id", 0);

	if (json_bool(frame, "serving", false)) {
		api->is_serving = true;
		front_serves(api);
		return;
	}
	api->restarts = 0;
	if (json_bool(frame, "closed", false))
		stream_closed(api, id);
	else if (json_bool(frame, "written", false))
		stream_written(api, id);
	else
		route_request(api, frame);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct api *api = arg;
	struct error err = { 0 };
	char bytes[65536];
	json_t *frame;
	int n, rc;

	while ((n = evbuffer_remove(in, bytes, sizeof(bytes))) > 0)
		frame_feed(&api->reader, bytes, (size_t)n);
	while ((rc = frame_next(&api->reader, &frame, &err)) > 0) {
		take_frame(api, frame);
		json_decref(frame);
	}
	if (rc < 0) {
		log_error("api", "recast-front: %s", err.text);
		gone(api);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	gone(arg);
}

int front_start(struct api *api, struct error *err)
{
	pid_t parent = getpid();
	int pair[2], certificates = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, ERROR_INTERNAL, "socketpair: %s", strerror(errno));
	if (!api->restart)
		api->restart = event_new(api->base, -1, 0, on_restart, api);
	if (api->config.listen)
		certificates = credentials_connect(api, err);
	api->pid = fork();
	if (api->pid == 0)
		child(api, pair[1], certificates, parent);
	close(pair[1]);
	if (certificates >= 0)
		close(certificates);
	if (api->pid < 0) {
		close(pair[0]);
		return error_set(err, ERROR_BUSY, "cannot start recast-front: %s", strerror(errno));
	}
	evutil_make_socket_nonblocking(pair[0]);
	api->bev = bufferevent_socket_new(api->base, pair[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(api->bev, on_read, NULL, on_event, api);
	bufferevent_enable(api->bev, EV_READ | EV_WRITE);
	return 0;
}

/* The front sees no files any more when it ends.  A socket that somebody answers on is a successor's. */
static void remove_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && strlen(path) < sizeof(sun.sun_path)) {
		strcpy(sun.sun_path, path);
		if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 && errno == ECONNREFUSED)
			unlink(path);
	}
	if (fd >= 0)
		close(fd);
}

void front_stop(struct api *api)
{
	int status;

	if (api->bev)
		bufferevent_free(api->bev);
	frame_fini(&api->reader);
	if (api->restart)
		event_free(api->restart);
	if (api->pid > 0) {
		kill(api->pid, SIGTERM);
		while (waitpid(api->pid, &status, 0) < 0 && errno == EINTR)
			;
		if (api->config.listening < 0)
			remove_socket(api->config.socket); /* another's stays: clients may be waiting in it */
	}
	credentials_forget(api);
}

void front_send(struct api *api, json_t *frame)
{
	size_t len;
	char *bytes;

	if (api->bev) {
		bytes = frame_encode(frame, &len);
		bufferevent_write(api->bev, bytes, len);
		free(bytes);
	}
	json_decref(frame);
}
