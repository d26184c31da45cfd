/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recastd: build the objects, run the loop, stop in order; and tell the service manager about it.
 */
#include "check.h"
#include "config.h"
#include "hygiene.h"
#include "settings.h"

#include "api.h"
#include "host.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "service.h"

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void usage(FILE *out)
{
	fputs("usage: recastd [-c FILE] [-o KEY=VALUE]... [--print-config | --check-config]\n"
	      "  -c, --config FILE    read FILE (default " SYSCONFDIR "/recast/recast.conf when it is there)\n"
	      "  -o, --option K=V     set one key of recast.conf(5)\n"
	      "      --print-config   show every key, its value and meaning, and stop\n"
	      "      --check-config   show every mistake in the configuration, and stop; exit 2 when there is one\n"
	      "      --version, --help\n",
	      out);
}

enum deed { SERVE, PRINT, CHECK };

struct options {
	const char *file;
	enum deed deed;
	int argc;
	char **argv;
};

static const char short_options[] = "c:o:h";
static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "option", required_argument, NULL, 'o' },
	{ "print-config", no_argument, NULL, 'p' }, { "check-config", no_argument, NULL, 'k' },
	{ "version", no_argument, NULL, 'V' },	    { "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse(int argc, char **argv, struct options *o)
{
	const char *standard = SYSCONFDIR "/recast/recast.conf";
	int c;

	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (c == 'c') {
			o->file = optarg;
		} else if (c == 'p') {
			o->deed = PRINT;
		} else if (c == 'k') {
			o->deed = CHECK;
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
	o->argc = argc;
	o->argv = argv;
}

/* Over what the file says, whatever the order of the options. */
static int apply_options(struct config *config, const struct options *o, struct error *err)
{
	int c;

	optind = 1;
	while ((c = getopt_long(o->argc, o->argv, short_options, long_options, NULL)) != -1)
		if (c == 'o' && config_set(config, optarg, err) < 0)
			return -1;
	return optind == o->argc ? 0 : error_set(err, ERROR_USAGE, "unexpected argument `%s`", o->argv[optind]);
}

static void protect_secrets(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(027);
}

/* What signals and the service manager have to do with. */
struct daemon {
	struct settings settings;
	struct hygiene hygiene;
	struct event_base *base;
	struct host *host;
	struct env *env;
	struct core *core; /* NULL until the database is open */
	struct api *api;
	bool was_ready;
};

static void stop(struct daemon *d)
{
	host_stopping(d->host);
	event_base_loopbreak(d->base);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	log_info("main", "stopping: signal %d", (int)fd);
	stop(arg);
}

static void on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	log_info("main", "loading the certificate of TLS anew");
	host_reloading(d->host);
	api_reload(d->api); /* ends with on_serving() */
}

static void on_serving(void *arg)
{
	struct daemon *d = arg;

	if (!d->was_ready)
		log_info("main", "recastd %s is ready on %s", PACKAGE_VERSION, d->settings.api.socket);
	d->was_ready = true;
	host_ready(d->host);
}

/* The newer controller has the database and the devices; whoever supervises this one decides what then. */
static void on_superseded(void *arg)
{
	log_error("main", "stopping: another controller has taken over");
	stop(arg);
}

static void on_status(void *arg, char *out, size_t size)
{
	struct daemon *d = arg;

	if (d->core)
		service_summary(d->core, out, size);
	else
		snprintf(out, size, "opening the database");
}

static void keep_first(void *arg, enum config_key key, const struct error *err)
{
	struct error *first = arg;

	(void)key;
	if (!first->code)
		*first = *err;
}

static int prepare(struct daemon *d, const struct config *config, const char *file, struct error *err)
{
	settings_read(&d->settings, config, keep_first, err);
	if (err->code)
		return -1;
	d->settings.core.superseded = on_superseded;
	d->settings.core.arg = d;
	d->hygiene = (struct hygiene){ config, file, d->settings.key_file };
	d->settings.core.examine = hygiene_examine;
	d->settings.core.examine_arg = &d->hygiene;
	d->settings.api.serving = on_serving;
	d->settings.api.arg = d;
	d->settings.api.listening = host_socket(config->socket, err);
	return d->settings.api.listening == -2 ? -1 : 0;
}

static void dispatch(struct daemon *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	enum { N = sizeof(numbers) / sizeof(numbers[0]) };
	struct event *events[N];
	int i;

	for (i = 0; i < N; i++) {
		events[i] = evsignal_new(d->base, numbers[i], numbers[i] == SIGHUP ? on_hangup : on_signal, d);
		event_add(events[i], NULL);
	}
	event_base_dispatch(d->base);
	for (i = 0; i < N; i++)
		event_free(events[i]);
}

static int serve(const struct config *config, const char *file, struct error *err)
{
	struct daemon d = { 0 };

	if (prepare(&d, config, file, err) == 0) {
		d.base = event_base_new();
		d.env = loop_create(d.base);
		d.host = host_create(d.base, on_status, &d);
		d.core = core_create(d.env, &d.settings.core, err);
		d.api = d.core ? api_create(d.base, d.core, &d.settings.api, err) : NULL;
		if (d.api) {
			dispatch(&d);
			api_destroy(d.api);
		}
		if (d.core)
			core_destroy(d.core);
		host_destroy(d.host);
		loop_destroy(d.env);
		event_base_free(d.base);
	}
	if (d.settings.api.listening >= 0)
		close(d.settings.api.listening);
	settings_fini(&d.settings);
	return d.api ? 0 : -1;
}

/* Read the file and the options, and do what they want. */
static int act(struct config *config, const struct options *o, struct error *err)
{
	if (o->file && config_read(config, o->file, err) < 0)
		return -1;
	if (apply_options(config, o, err) < 0)
		return -1;
	if (o->deed == PRINT) {
		config_print(config);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	protect_secrets();
	host_log_to_journal();
	return serve(config, o->file, err);
}

/* The same for --check-config, which does not end at the first mistake.  The status to exit with. */
static int check(struct config *config, const struct options *o, struct error *err)
{
	struct check *c = check_create(config);

	if (o->file)
		check_read(c, o->file);
	if (apply_options(config, o, err) == 0)
		check_all(c);
	return check_end(c) && !err->code ? 0 : 2;
}

static void complain(const struct error *err)
{
	if (log_is_journal())
		log_error("main", "%s%s%s", err->text, err->hint[0] ? "; try: " : "", err->hint);
	else
		fprintf(stderr, "recastd: %s\n%s%s%s", err->text, err->hint[0] ? "  try: " : "", err->hint,
			err->hint[0] ? "\n" : "");
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct error err = { 0 };
	struct config config;
	int status;

	json_wipe_freed();
	log_open("recastd");
	config_init(&config);
	parse(argc, argv, &options);
	if (options.deed == CHECK)
		status = check(&config, &options, &err);
	else
		status = act(&config, &options, &err) < 0 ? error_exit(err.code) : 0;
	if (err.code)
		complain(&err);
	config_fini(&config);
	return status;
}
