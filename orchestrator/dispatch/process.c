/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Driver processes: started on demand, spoken to in frames over one socketpair that is their stdin and
 * stdout, killed when a request is past its deadline.  A driver dies with the core (PDEATHSIG), so
 * that nothing it was told acts after a restart.
 */
#include "private.h"

#include "arena.h"
#include "clock.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELLO_MS = 5000, GRACE_MS = 1000, SWEEP_MS = 100 };

struct driver *driver_get(struct dispatch *d, const char *name)
{
	struct driver *drv = table_get(d->drivers, name);

	if (drv)
		return drv;
	drv = xcalloc(1, sizeof(*drv));
	drv->d = d;
	drv->name = xstrdup(name);
	drv->ready_last = &drv->ready_first;
	table_add(d->drivers, drv->name, drv);
	return drv;
}

static int find_program(struct driver *drv, char *out, size_t size, struct error *err)
{
	const char *p = drv->d->driver_path, *end;

	for (; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ':');
		snprintf(out, size, "%.*s/recast-driver-%s", (int)(end - p), p, drv->name);
		if (access(out, X_OK) == 0)
			return 0;
	}
	error_set(err, ERROR_UNSUPPORTED, "there is no driver `%s`", drv->name);
	return error_hint(err, "No executable recast-driver-%s is in %s; correct `driver` in the site file or install it.",
			  drv->name, drv->d->driver_path);
}

static void child(const char *program, int fd, pid_t parent)
{
	static char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					     (char *)"LC_ALL=C.UTF-8", NULL };
	char *argv[] = { (char *)program, NULL };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	execve(program, argv, environment);
	_exit(127);
}

static void take_hello(struct driver *drv, const json_t *frame)
{
	const json_t *hello = json_object_get(frame, "hello");

	if (json_int(hello, "protocol", 0) != 1) {
		driver_kill(drv, "it does not begin with a hello of protocol 1");
		return;
	}
	drv->hello = json_incref((json_t *)hello);
	drv->max_inflight = (int)json_int(hello, "max_inflight", 1);
	breaker_success(&drv->breaker);
	driver_pump(drv);
}

static void take_frame(struct driver *drv, const json_t *frame)
{
	if (!drv->hello)
		take_hello(drv, frame);
	else if (json_object_get(frame, "id"))
		request_answered(drv, frame);
	else if (json_object_get(frame, "event"))
		drv->d->ops->event(drv->d->ctx, frame);
	else
		log_warn("dispatch", "driver %s sent a frame that is neither reply nor event", drv->name);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct driver *drv = arg;
	struct error err = { 0 };
	char bytes[65536];
	json_t *frame;
	int n, rc = 0;

	while ((n = evbuffer_remove(in, bytes, sizeof(bytes))) > 0)
		frame_feed(&drv->reader, bytes, (size_t)n);
	while (drv->bev == bev && !drv->doomed && (rc = frame_next(&drv->reader, &frame, &err)) > 0) {
		take_frame(drv, frame);
		json_decref(frame);
	}
	if (rc < 0 && drv->bev == bev)
		driver_kill(drv, err.text);
	if (drv->bev == bev && !drv->doomed)
		driver_pump(drv);
}

static void reap(struct driver *drv)
{
	int status;

	kill(drv->pid, SIGKILL);
	while (waitpid(drv->pid, &status, 0) < 0 && errno == EINTR)
		;
	drv->pid = 0;
}

/* The stream has ended: whatever it was doing is unknown now. */
static void gone(struct driver *drv, const char *why)
{
	struct error err = { 0 };

	error_set(&err, ERROR_UNREACHABLE, "driver %s ended: %s", drv->name, why);
	bufferevent_free(drv->bev);
	drv->bev = NULL;
	event_free(drv->sweep);
	drv->sweep = NULL;
	frame_fini(&drv->reader);
	reap(drv);
	json_decref(drv->hello);
	drv->hello = NULL;
	drv->doomed = false;
	breaker_failure(&drv->breaker, clock_mono_ms());
	driver_died(drv, &err);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct driver *drv = arg;

	(void)what;
	if (drv->bev != bev)
		return;
	if (!drv->doomed)
		log_warn("dispatch", "driver %s ended by itself", drv->name);
	gone(drv, drv->doomed ? "it was killed past its deadline" : "it crashed or stopped");
}

void driver_kill(struct driver *drv, const char *why)
{
	if (!drv->pid || drv->doomed)
		return;
	log_warn("dispatch", "killing driver %s: %s", drv->name, why);
	drv->d->counters.kills++;
	drv->doomed = true;
	kill(drv->pid, SIGKILL); /* the end of its stream does the rest */
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct driver *drv = arg;
	int64_t now = clock_mono_ms();
	struct request *r;
	char why[128];

	(void)fd;
	(void)what;
	if (!drv->hello && now > drv->hello_deadline)
		driver_kill(drv, "no hello within 5 s");
	for (r = drv->requests; r; r = r->next)
		if (now > r->deadline + GRACE_MS) {
			snprintf(why, sizeof(why), "%s of %s is past its deadline", r->kind, r->queue->name);
			driver_kill(drv, why);
			return;
		}
}

static int start(struct driver *drv, const char *program, struct error *err)
{
	struct timeval interval = { 0, SWEEP_MS * 1000 };
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, ERROR_INTERNAL, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return error_set(err, ERROR_BUSY, "cannot start driver %s: %s", drv->name, strerror(errno));
	}
	if (pid == 0)
		child(program, pair[1], parent);
	close(pair[1]);
	evutil_make_socket_nonblocking(pair[0]);
	drv->pid = pid;
	drv->hello_deadline = clock_mono_ms() + HELLO_MS;
	drv->bev = bufferevent_socket_new(drv->d->base, pair[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(drv->bev, on_read, NULL, on_event, drv);
	bufferevent_set_max_single_read(drv->bev, 262144);
	bufferevent_enable(drv->bev, EV_READ | EV_WRITE);
	drv->sweep = event_new(drv->d->base, -1, EV_PERSIST, on_sweep, drv);
	event_add(drv->sweep, &interval);
	drv->d->counters.driver_starts++;
	log_info("dispatch", "driver %s started, pid %d", drv->name, (int)pid);
	return 0;
}

int driver_ensure(struct driver *drv, struct error *err)
{
	char program[4096];

	if (drv->pid)
		return 0;
	if (breaker_open(&drv->breaker, clock_mono_ms())) {
		error_set(err, ERROR_UNREACHABLE, "driver %s keeps failing; it is tried again soon", drv->name);
		return error_hint(err, "Its own log lines say why.");
	}
	if (find_program(drv, program, sizeof(program), err) < 0)
		return -1;
	return start(drv, program, err);
}

static void free_bytes(const void *data, size_t len, void *arg)
{
	(void)arg;
	/* A frame may carry a secret. */
	secret_wipe((void *)data, len);
	free((void *)data);
}

void driver_send(struct driver *drv, json_t *frame)
{
	size_t len;
	char *bytes = frame_encode(frame, &len);

	evbuffer_add_reference(bufferevent_get_output(drv->bev), bytes, len, free_bytes, NULL);
	drv->d->counters.requests++;
	json_decref(frame);
}

void driver_destroy(struct driver *drv)
{
	if (drv->bev)
		bufferevent_free(drv->bev);
	if (drv->sweep)
		event_free(drv->sweep);
	if (drv->pid)
		reap(drv);
	frame_fini(&drv->reader);
	json_decref(drv->hello);
	free(drv->name);
	free(drv);
}
