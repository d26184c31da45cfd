/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the words of recast.conf mean.  See settings.h.
 */
#include "settings.h"

#include "address.h"
#include "arena.h"
#include "clock.h"
#include "host.h"
#include "log.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static int read_keep_events(struct settings *s, const struct config *c, struct error *err)
{
	if (text_parse_int(c->keep_events, 1000, INT64_MAX, &s->core.keep_events) == 0)
		return 0;
	return error_set(err, ERROR_USAGE, "keep_events must be a number of at least 1000, not `%s`", c->keep_events);
}

static int read_keep_runs(struct settings *s, const struct config *c, struct error *err)
{
	if (text_parse_int(c->keep_runs, 100, INT64_MAX, &s->core.keep_runs) == 0)
		return 0;
	return error_set(err, ERROR_USAGE, "keep_runs must be a number of at least 100, not `%s`", c->keep_runs);
}

static int read_reconcile_interval(struct settings *s, const struct config *c, struct error *err)
{
	s->core.reconcile_ms = clock_parse_duration_ms(c->reconcile_interval);
	if (s->core.reconcile_ms == 0 || s->core.reconcile_ms >= 1000)
		return 0;
	return error_set(err, ERROR_USAGE, "reconcile_interval must be 0 or at least 1s, such as 90s or 5m, not `%s`",
			 c->reconcile_interval);
}

static int read_log_level(struct settings *s, const struct config *c, struct error *err)
{
	(void)s;
	if (log_set_level(c->log_level) == 0)
		return 0;
	return error_set(err, ERROR_USAGE, "log_level must be error, warn, info or debug, not `%s`", c->log_level);
}

static int read_socket_mode(struct settings *s, const struct config *c, struct error *err)
{
	char *end;
	unsigned long mode = strtoul(c->socket_mode, &end, 8);

	s->api.socket_mode = c->socket_mode;
	if (*c->socket_mode && !*end && mode <= 0777)
		return 0;
	return error_set(err, ERROR_USAGE, "socket_mode must be an octal mode such as 0660, not `%s`", c->socket_mode);
}

static int check_address(const char *key, const char *text, struct error *err)
{
	struct addrinfo *found = address_parse(text, err);

	if (!found)
		return error_wrap(err, "%s", key);
	freeaddrinfo(found);
	return 0;
}

static int read_boot_listen(struct settings *s, const struct config *c, struct error *err)
{
	s->api.boot_listen = or_null(c->boot_listen);
	return s->api.boot_listen ? check_address("boot_listen", c->boot_listen, err) : 0;
}

static int read_listen(struct settings *s, const struct config *c, struct error *err)
{
	char *copy = xstrdup(c->listen), *rest = copy, *one;
	int rc = 0, n = 0;

	s->api.listen = or_null(c->listen);
	while (rc == 0 && (one = strsep(&rest, " \t")))
		if (*one && (rc = check_address("listen", one, err)) == 0 && ++n > API_LISTEN_MAX)
			rc = error_set(err, ERROR_USAGE, "listen has more than %d addresses", API_LISTEN_MAX);
	free(copy);
	return rc;
}

static int read_certificates(struct settings *s, const struct config *c, struct error *err)
{
	s->api.tls_certificate = or_null(c->tls_certificate);
	s->api.tls_key = or_null(c->tls_key);
	s->api.tls_client_ca = or_null(c->tls_client_ca);
	if (!*c->listen || (s->api.tls_certificate && s->api.tls_key))
		return 0;
	error_set(err, ERROR_USAGE, "`listen` needs tls_certificate and tls_key");
	return error_hint(err, "Name both files in recast.conf; nothing is served on TCP without TLS.");
}

/* What is said wins; else what systemd gives; else the file beside the database. */
static int read_key_file(struct settings *s, const struct config *c, struct error *err)
{
	(void)err;
	s->key_file = *c->key_file ? xstrdup(c->key_file) : host_credential("recast.key");
	s->is_credential = s->key_file && !*c->key_file;
	if (!s->key_file)
		s->key_file = xstrdup(STATEDIR "/recast.key");
	s->core.key_file = s->key_file;
	return 0;
}

static const struct reader {
	enum config_key key;
	int (*read)(struct settings *s, const struct config *c, struct error *err);
} readers[] = {
	{ CONFIG_log_level, read_log_level },
	{ CONFIG_key_file, read_key_file },
	{ CONFIG_socket_mode, read_socket_mode },
	{ CONFIG_boot_listen, read_boot_listen },
	{ CONFIG_listen, read_listen },
	{ CONFIG_tls_certificate, read_certificates },
	{ CONFIG_reconcile_interval, read_reconcile_interval },
	{ CONFIG_keep_events, read_keep_events },
	{ CONFIG_keep_runs, read_keep_runs },
};

void settings_read(struct settings *s, const struct config *config,
		   void (*wrong)(void *arg, enum config_key key, const struct error *err), void *arg)
{
	size_t i;

	*s = (struct settings){ .core = { .database = config->database, .driver_path = config->driver_path },
				.api = { .front = config->front, .socket = config->socket,
					 .socket_group = or_null(config->socket_group), .front_user = or_null(config->front_user),
					 .listening = -1 } };
	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		struct error err = { 0 };

		if (readers[i].read(s, config, &err) < 0)
			wrong(arg, readers[i].key, &err);
	}
}

void settings_fini(struct settings *s)
{
	free(s->key_file);
}
