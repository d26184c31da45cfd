/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-front: HTTP at the edge of recastd.  Started by recastd with a socketpair as descriptor 3;
 * never by hand.  It parses what strangers send, so that the core does not have to: a fault here
 * costs connections, not state.  It ends when descriptor 3 closes.
 */
#include "clock.h"
#include "conn.h"
#include "error.h"
#include "front.h"
#include "link.h"
#include "listen.h"
#include "log.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CORE_FD = 3 };

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "socket-mode", required_argument, NULL, 'm' },
	{ "socket-group", required_argument, NULL, 'g' },
	{ "boot", required_argument, NULL, 'b' },
	{ "user", required_argument, NULL, 'u' },
	{ "log-level", required_argument, NULL, 'l' },
	{ "head-timeout", required_argument, NULL, 'H' },
	{ "body-timeout", required_argument, NULL, 'B' },
	{ "answer-timeout", required_argument, NULL, 'A' },
	{ "idle-timeout", required_argument, NULL, 'I' },
	{ 0 },
};

static int set_duration(int64_t *ms, const char *text, struct error *err)
{
	*ms = clock_parse_duration_ms(text);
	return *ms > 0 ? 0 : error_set(err, ERROR_USAGE, "`%s` is not a duration", text);
}

static int set_mode(unsigned *mode, const char *text, struct error *err)
{
	char *end;
	unsigned long v = strtoul(text, &end, 8);

	if (!*text || *end || v > 0777)
		return error_set(err, ERROR_USAGE, "`%s` is not an octal mode", text);
	*mode = (unsigned)v;
	return 0;
}

static int set_option(struct front_options *o, int c, const char *text, struct error *err)
{
	switch (c) {
	case 's':
		o->socket = text;
		return 0;
	case 'm':
		return set_mode(&o->socket_mode, text, err);
	case 'g':
		o->socket_group = text;
		return 0;
	case 'b':
		o->boot = text;
		return 0;
	case 'u':
		o->user = text;
		return 0;
	case 'l':
		return log_set_level(text)
			       ? error_set(err, ERROR_USAGE, "`%s` is not a log level", text)
			       : 0;
	case 'H':
		return set_duration(&o->head_ms, text, err);
	case 'B':
		return set_duration(&o->body_ms, text, err);
	case 'A':
		return set_duration(&o->answer_ms, text, err);
	case 'I':
		return set_duration(&o->idle_ms, text, err);
	default:
		return error_set(err, ERROR_USAGE, "unknown option");
	}
}

static int parse_options(int argc, char **argv, struct front_options *o, struct error *err)
{
	int c;

	*o = (struct front_options){ .socket_mode = 0660,
				     .head_ms = 10000,
				     .body_ms = 30000,
				     .answer_ms = 180000,
				     .idle_ms = 60000 };
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (set_option(o, c, optarg, err))
			return -1;
	if (optind < argc || !o->socket)
		return error_set(err, ERROR_USAGE,
				 "usage: recast-front --socket PATH [--socket-mode MODE] "
				 "[--socket-group NAME] [--boot ADDR:PORT] [--user NAME]");
	return 0;
}

/* Room for every connection; no core file with somebody's request in it; no way to more rights. */
static void confine(void)
{
	struct rlimit none = { 0, 0 }, files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int become(const char *user, struct error *err)
{
	struct passwd *pw = getpwnam(user);

	if (!pw)
		return error_set(err, ERROR_NOT_FOUND, "there is no user `%s`", user);
	if (setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		return error_set(err, ERROR_DENIED, "cannot become user %s: %s", user,
				 strerror(errno));
	return 0;
}

static int open_all(struct front *front, struct error *err)
{
	front->link = link_open(front, CORE_FD, err);
	if (!front->link)
		return -1;
	front->listen_unix = listen_unix_open(front, err);
	if (!front->listen_unix)
		return -1;
	if (front->options.boot && !(front->listen_boot = listen_boot_open(front, err)))
		return -1;
	return front->options.user ? become(front->options.user, err) : 0;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct front *front = arg;

	(void)number;
	(void)what;
	event_base_loopbreak(front->base);
}

static void run(struct front *front)
{
	struct event *term = evsignal_new(front->base, SIGTERM, on_signal, front);

	event_add(term, NULL);
	log_info("main", "serving %s%s%s", front->options.socket,
		 front->options.boot ? " and boot requests on " : "",
		 front->options.boot ? front->options.boot : "");
	event_base_dispatch(front->base);
	event_free(term);
}

int main(int argc, char **argv)
{
	struct front front = { 0 };
	struct error err = { 0 };
	int rc = 0;

	log_open("recast-front");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* Ctrl-C at recastd: the core decides when we go */
	if (parse_options(argc, argv, &front.options, &err)) {
		log_error("main", "%s", err.text);
		return 2;
	}
	confine();
	front.base = event_base_new();
	if (open_all(&front, &err)) {
		log_error("main", "%s%s%s", err.text, err.hint[0] ? "; " : "", err.hint);
		rc = error_exit(err.code);
	} else {
		run(&front);
		rc = link_is_broken(front.link) ? 1 : 0;
	}
	listen_close(front.listen_unix);
	listen_close(front.listen_boot);
	conn_close_all(&front);
	link_close(front.link);
	event_base_free(front.base);
	libevent_global_shutdown();
	return rc;
}
