/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recastd: build the objects, run the loop, stop in order.
 */
#include "config.h"
#include "hygiene.h"

#include "api.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "service.h"
#include "text.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void usage(FILE *out)
{
	fputs("usage: recastd [-c FILE] [-o KEY=VALUE]... [--print-config]\n"
	      "  -c, --config FILE    read FILE (default " SYSCONFDIR "/recast/recast.conf when it is there)\n"
	      "  -o, --option K=V     set one key of recast.conf(5)\n"
	      "      --print-config   show every key, its value and meaning, and stop\n"
	      "      --version, --help\n",
	      out);
}

struct options {
	const char *file;
	bool print;
};

static int parse(int argc, char **argv, struct config *config, struct options *o, struct error *err)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "option", required_argument, NULL, 'o' },
		{ "print-config", no_argument, NULL, 'p' }, { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	    { 0 },
	};
	const char *standard = SYSCONFDIR "/recast/recast.conf";
	int c;

	/* The file first, whatever the order of the options. */
	while ((c = getopt_long(argc, argv, "c:o:h", longs, NULL)) != -1) {
		if (c == 'c') {
			o->file = optarg;
		} else if (c == 'p') {
			o->print = true;
		} else if (c == 'V') {
			printf("recastd %s\n", PACKAGE_VERSION);
			exit(0);
		} else if (c != 'o') {
			usage(c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
	if (!o->file && access(standard, R_OK) == 0)
		o->file = standard;
	if (o->file && config_read(config, o->file, err) < 0)
		return -1;
	optind = 1;
	while ((c = getopt_long(argc, argv, "c:o:h", longs, NULL)) != -1)
		if (c == 'o' && config_set(config, optarg, err) < 0)
			return -1;
	return optind == argc ? 0 : error_set(err, ERROR_USAGE, "unexpected argument `%s`", argv[optind]);
}

static void protect_secrets(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(027);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	log_info("main", "stopping: signal %d", (int)fd);
	event_base_loopbreak(arg);
}

static void on_hangup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_info("main", "loading the certificate of TLS anew");
	api_reload(arg);
}

/* The newer controller has the database and the devices; whoever supervises this one decides what then. */
static void on_superseded(void *base)
{
	log_error("main", "stopping: another controller has taken over");
	event_base_loopbreak(base);
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static int serve(const struct config *config, const char *file, struct error *err)
{
	struct event_base *base = event_base_new();
	struct env *env = loop_create(base);
	struct hygiene hygiene = { config, file };
	struct core_config cc = { config->database, config->key_file, config->driver_path, 0, 0, 0,
				  on_superseded, base, hygiene_examine, &hygiene };
	struct api_config ac = { config->front, config->socket, config->socket_mode, or_null(config->socket_group),
				 or_null(config->boot_listen), or_null(config->listen), or_null(config->tls_certificate),
				 or_null(config->tls_key), or_null(config->tls_client_ca), or_null(config->front_user) };
	struct event *term, *interrupt, *hangup;
	struct core *core;
	struct api *api;

	if (text_parse_int(config->keep_events, 1000, INT64_MAX, &cc.keep_events) < 0 ||
	    text_parse_int(config->keep_runs, 100, INT64_MAX, &cc.keep_runs) < 0)
		return error_set(err, ERROR_USAGE, "keep_events must be at least 1000 and keep_runs at least 100");
	cc.reconcile_ms = clock_parse_duration_ms(config->reconcile_interval);
	if (cc.reconcile_ms < 0 || (cc.reconcile_ms && cc.reconcile_ms < 1000))
		return error_set(err, ERROR_USAGE, "reconcile_interval must be 0 or at least 1s");
	core = core_create(env, &cc, err);
	if (!core) {
		loop_destroy(env);
		event_base_free(base);
		return -1;
	}
	api = api_create(base, core, &ac, err);
	if (api) {
		term = evsignal_new(base, SIGTERM, on_signal, base);
		interrupt = evsignal_new(base, SIGINT, on_signal, base);
		hangup = evsignal_new(base, SIGHUP, on_hangup, api);
		event_add(hangup, NULL);
		event_add(term, NULL);
		event_add(interrupt, NULL);
		log_info("main", "recastd %s is ready on %s", PACKAGE_VERSION, config->socket);
		event_base_dispatch(base);
		event_free(term);
		event_free(interrupt);
		event_free(hangup);
		api_destroy(api);
	}
	core_destroy(core);
	loop_destroy(env);
	event_base_free(base);
	return api ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct error err = { 0 };
	struct config config;
	int rc;

	json_wipe_freed();
	log_open("recastd");
	config_init(&config);
	rc = parse(argc, argv, &config, &options, &err);
	if (rc == 0 && log_set_level(config.log_level) < 0)
		rc = error_set(&err, ERROR_USAGE, "log_level must be error, warn, info or debug, not `%s`", config.log_level);
	if (rc == 0 && options.print) {
		config_print(&config);
	} else if (rc == 0) {
		signal(SIGPIPE, SIG_IGN);
		protect_secrets();
		rc = serve(&config, options.file, &err);
	}
	if (rc < 0)
		fprintf(stderr, "recastd: %s\n%s%s%s", err.text, err.hint[0] ? "  try: " : "", err.hint,
			err.hint[0] ? "\n" : "");
	config_fini(&config);
	return rc < 0 ? error_exit(err.code) : 0;
}
