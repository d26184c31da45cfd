/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-front: HTTP at the edge of recastd.  Started by recastd with a socketpair as descriptor 3;
 * never by hand.  It parses what strangers send, so that the core does not have to: a fault here
 * costs connections, not state.  It ends when descriptor 3 closes.
 */
#include "brake.h"
#include "clock.h"
#include "confine.h"
#include "conn.h"
#include "credentials.h"
#include "error.h"
#include "front.h"
#include "json.h"
#include "judge.h"
#include "link.h"
#include "listen.h"
#include "log.h"
#include "text.h"
#include "tls.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <jansson.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CORE_FD = 3 };

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "socket-mode", required_argument, NULL, 'm' },
	{ "socket-group", required_argument, NULL, 'g' },
	{ "boot", required_argument, NULL, 'b' },
	{ "tls", required_argument, NULL, 't' },
	{ "credentials", required_argument, NULL, 'c' },
	{ "listening", required_argument, NULL, 'L' },
	{ "user", required_argument, NULL, 'u' },
	{ "log-level", required_argument, NULL, 'l' },
	{ "handshake-timeout", required_argument, NULL, 'S' },
	{ "head-timeout", required_argument, NULL, 'H' },
	{ "body-timeout", required_argument, NULL, 'B' },
	{ "answer-timeout", required_argument, NULL, 'A' },
	{ "idle-timeout", required_argument, NULL, 'I' },
	{ "try", required_argument, NULL, 'T' }, /* for tests */
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

static int add_tls(struct front_options *o, const char *text, struct error *err)
{
	if (o->n_tls == FRONT_TLS_LISTEN_MAX)
		return error_set(err, ERROR_USAGE, "more than %d addresses to listen on", FRONT_TLS_LISTEN_MAX);
	o->tls[o->n_tls++] = text;
	return 0;
}

static int set_descriptor(int *fd, const char *text, struct error *err)
{
	int64_t n;

	if (text_parse_int(text, CORE_FD + 1, 1024, &n) < 0)
		return error_set(err, ERROR_USAGE, "`%s` is not a descriptor", text);
	*fd = (int)n;
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
	case 't':
		return add_tls(o, text, err);
	case 'c':
		return set_descriptor(&o->credentials, text, err);
	case 'L':
		return set_descriptor(&o->listening, text, err);
	case 'T':
		o->trial = text;
		return 0;
	case 'u':
		o->user = text;
		return 0;
	case 'l':
		return log_set_level(text)
			       ? error_set(err, ERROR_USAGE, "`%s` is not a log level", text)
			       : 0;
	case 'S':
		return set_duration(&o->shake_ms, text, err);
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
				     .credentials = -1,
				     .listening = -1,
				     .shake_ms = 5000,
				     .head_ms = 10000,
				     .body_ms = 30000,
				     .answer_ms = 180000,
				     .idle_ms = 60000 };
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (set_option(o, c, optarg, err))
			return -1;
	if (optind < argc || !o->socket || (o->n_tls && o->credentials < 0))
		return error_set(err, ERROR_USAGE,
				 "usage: recast-front --socket PATH [--socket-mode MODE] "
				 "[--socket-group NAME] [--listening FD] [--boot ADDR:PORT] "
				 "[--tls ADDR:PORT... --credentials FD] [--user NAME]");
	return 0;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What libraries would open files or make calls for at their first use. */
static void warm_up(struct front *front)
{
	int numbers[1024] = { 0 };
	unsigned char byte;

	qsort(numbers, 1024, sizeof(numbers[0]), by_value); /* asks for the size of the memory, once */
	tzset();
	json_object_seed(0);
	OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	RAND_bytes(&byte, 1);
	front->tls = tls_create();
	front->brake = brake_create();
}

static int listen_all(struct front *front, struct error *err)
{
	const struct front_options *o = &front->options;
	int i;

	if (o->boot && !(front->listen_boot = listen_tcp_open(front, DOOR_BOOT, o->boot, err)))
		return -1;
	for (i = 0; i < o->n_tls; i++)
		if (!(front->listen_tls[i] = listen_tcp_open(front, DOOR_TLS, o->tls[i], err)))
			return -1;
	front->listen_unix = listen_unix_open(front, err);
	return front->listen_unix ? 0 : -1;
}

static int open_all(struct front *front, struct error *err)
{
	const struct front_options *o = &front->options;

	warm_up(front);
	front->link = link_open(front, CORE_FD, err);
	if (!front->link)
		return -1;
	if (o->n_tls && !(front->credentials = credentials_open(front, o->credentials, err)))
		return -1;
	if (listen_all(front, err) || confine_user(o->user, err) || confine_files(err))
		return -1;
	return 0;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct front *front = arg;

	(void)number;
	(void)what;
	event_base_loopbreak(front->base);
}

static int run(struct front *front, struct error *err)
{
	struct event *term = evsignal_new(front->base, SIGTERM, on_signal, front);
	int rc;

	event_add(term, NULL);
	rc = confine_calls(err);
	if (rc == 0 && front->options.trial)
		confine_try(front->options.trial);
	if (rc == 0) {
		log_info("main", "serving %s%s%s%s", front->options.socket,
			 front->options.boot ? " and boot requests on " : "",
			 front->options.boot ? front->options.boot : "", front->options.n_tls ? " and TLS" : "");
		link_send_serving(front->link);
		event_base_dispatch(front->base);
	}
	event_free(term);
	return rc;
}

static void close_all(struct front *front)
{
	int i;

	listen_close(front->listen_unix);
	listen_close(front->listen_boot);
	for (i = 0; i < front->options.n_tls; i++)
		listen_close(front->listen_tls[i]);
	conn_close_all(front);
	credentials_close(front->credentials);
	link_close(front->link);
	tls_destroy(front->tls);
	brake_destroy(front->brake);
	event_base_free(front->base);
	libevent_global_shutdown();
}

int main(int argc, char **argv)
{
	struct front front = { 0 };
	struct error err = { 0 };
	int rc = 0;

	json_wipe_freed();
	log_open("recast-front");
	if (argc > 2 && !strcmp(argv[1], "--judge")) {
		confine_begin();
		return judge((const char *const *)argv + 2, argc - 2);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* Ctrl-C at recastd: the core decides when we go */
	signal(SIGHUP, SIG_IGN); /* and when certificates are loaded anew */
	if (parse_options(argc, argv, &front.options, &err)) {
		log_error("main", "%s", err.text);
		return 2;
	}
	confine_begin();
	front.base = event_base_new();
	if (open_all(&front, &err) || run(&front, &err)) {
		log_error("main", "%s%s%s", err.text, err.hint[0] ? "; " : "", err.hint);
		rc = error_exit(err.code);
	} else {
		rc = link_is_broken(front.link) ? 1 : 0;
	}
	close_all(&front);
	return rc;
}
