/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Driver processes: spoken to in frames over one socketpair that is their stdin and stdout.  A driver
 * dies with the core (PDEATHSIG), so that nothing it was told acts after a restart.
 */
#include "private.h"

#include "arena.h"
#include "frame.h"
#include "log.h"
#include "loop.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
	struct driver *driver;
	pid_t pid;
	struct bufferevent *bev;
	struct frame_reader reader;
	bool reading, ended; /* inside of on_read(); destroyed there */
};

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
	char journal[64]; /* so that its lines carry a priority where ours do */
	char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C.UTF-8",
				      getenv("JOURNAL_STREAM") ? journal : NULL, NULL };
	char *argv[] = { (char *)program, NULL };
	sigset_t none;

	snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%s", getenv("JOURNAL_STREAM") ? getenv("JOURNAL_STREAM") : "");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* a port below 1024 is for the front only */
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	execve(program, argv, environment);
	_exit(127);
}

static void process_free(struct process *p)
{
	frame_fini(&p->reader);
	free(p);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct process *p = arg;
	struct error err = { 0 };
	char bytes[65536];
	json_t *frame;
	int n, rc = 0;

	while ((n = evbuffer_remove(in, bytes, sizeof(bytes))) > 0)
		frame_feed(&p->reader, bytes, (size_t)n);
	p->reading = true;
	while (!p->ended && (rc = frame_next(&p->reader, &frame, &err)) > 0) {
		driver_took(p->driver, frame);
		json_decref(frame);
	}
	p->reading = false;
	if (p->ended) {
		process_free(p);
		return;
	}
	if (rc < 0)
		driver_kill(p->driver, err.text);
	driver_pump(p->driver);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct process *p = arg;

	(void)bev;
	(void)what;
	driver_gone(p->driver);
}

void process_kill(struct process *p)
{
	kill(p->pid, SIGKILL);
}

void process_destroy(struct process *p)
{
	int status;

	if (!p)
		return;
	bufferevent_free(p->bev);
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->ended = true;
	if (!p->reading)
		process_free(p);
}

static struct process *attach(struct driver *drv, pid_t pid, int fd)
{
	struct process *p = xcalloc(1, sizeof(*p));

	evutil_make_socket_nonblocking(fd);
	p->driver = drv;
	p->pid = pid;
	p->bev = bufferevent_socket_new(loop_base(drv->d->env), fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(p->bev, on_read, NULL, on_event, p);
	bufferevent_set_max_single_read(p->bev, 262144);
	bufferevent_enable(p->bev, EV_READ | EV_WRITE);
	log_info("dispatch", "driver %s started, pid %d", drv->name, (int)pid);
	return p;
}

struct process *process_start(struct driver *drv, struct error *err)
{
	pid_t parent = getpid(), pid;
	char program[4096];
	int pair[2];

	if (find_program(drv, program, sizeof(program), err) < 0)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set(err, ERROR_INTERNAL, "socketpair: %s", strerror(errno));
		return NULL;
	}
	pid = fork();
	if (pid < 0) {
		close(pair[0]);
		close(pair[1]);
		error_set(err, ERROR_BUSY, "cannot start driver %s: %s", drv->name, strerror(errno));
		return NULL;
	}
	if (pid == 0)
		child(program, pair[1], parent);
	close(pair[1]);
	return attach(drv, pid, pair[0]);
}

static void free_bytes(const void *data, size_t len, void *arg)
{
	(void)arg;
	/* A frame may carry a secret. */
	secret_wipe((void *)data, len);
	free((void *)data);
}

void process_send(struct process *p, json_t *frame)
{
	size_t len;
	char *bytes = frame_encode(frame, &len);

	evbuffer_add_reference(bufferevent_get_output(p->bev), bytes, len, free_bytes, NULL);
	json_decref(frame);
}
