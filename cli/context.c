/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Contexts, and the commands that keep them.  See context.h.
 */
#include "context.h"

#include "app.h"
#include "arena.h"
#include "cleanup.h"
#include "json.h"
#include "output.h"
#include "table.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/recast/recast.sock"

enum { FILE_BYTES_MAX = 1 << 20, TOKEN_MAX = 512 };

static char *config_path(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (base && *base)
		return xasprintf("%s/recast/contexts.json", base);
	return xasprintf("%s/.config/recast/contexts.json", home ? home : "");
}

/* {current, contexts: {NAME: {…}}}; an empty one when there is none.  NULL with an error when it cannot be read. */
static json_t *load(struct error *err)
{
	_cleanup_(freep) char *path = config_path(), *bytes = NULL;
	size_t len = 0;
	json_t *all;

	bytes = text_read_file(path, FILE_BYTES_MAX, &len);
	if (!bytes && errno == ENOENT)
		return json_pack("{s:n, s:{}}", "current", "contexts");
	if (!bytes) {
		error_set(err, ERROR_STORAGE, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	all = json_decode(bytes, len, err);
	if (!json_is_object(json_object_get(all, "contexts"))) {
		json_decref(all);
		error_set(err, ERROR_INVALID, "%s is not a list of contexts", path);
		error_hint(err, "Move it away and add your contexts again.");
		return NULL;
	}
	return all;
}

static int make_folders(const char *path)
{
	char *copy = xstrdup(path), *slash;

	for (slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST)
			break;
		*slash = '/';
	}
	free(copy);
	return slash ? -1 : 0;
}

/* Whole or not at all, and for its owner only. */
static int write_private(const char *path, const char *text, struct error *err)
{
	_cleanup_(freep) char *part = xasprintf("%s.part", path);
	int fd = make_folders(path) ? -1 : open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc = -1;

	if (fd >= 0) {
		rc = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
		rc = close(fd) || rc || rename(part, path) ? -1 : 0;
	}
	return rc ? error_set(err, ERROR_STORAGE, "cannot write %s: %s", path, strerror(errno)) : 0;
}

static int save(const json_t *all, struct error *err)
{
	_cleanup_(freep) char *path = config_path(), *text = json_dumps(all, JSON_INDENT(2) | JSON_SORT_KEYS);

	return write_private(path, text, err);
}

static char *copy_of(const json_t *context, const char *key)
{
	const char *s = json_str(context, key, NULL);

	return s ? xstrdup(s) : NULL;
}

/* One line from @f, without its end. */
static struct secret *take_line(FILE *f)
{
	char line[TOKEN_MAX];
	struct secret *s = NULL;

	if (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		s = *line ? secret_create(line, strlen(line)) : NULL;
	}
	secret_wipe(line, sizeof(line));
	return s;
}

/* Where sessions are kept. */
static char *session_path(const char *context)
{
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (base && *base)
		return xasprintf("%s/recast/%s.session", base, context);
	return xasprintf("%s/.local/state/recast/%s.session", home ? home : "", context);
}

static bool is_session(const char *file)
{
	size_t n = strlen(file);

	return n > 8 && !strcmp(file + n - 8, ".session");
}

static int take_token(const json_t *context, struct endpoint *e, struct error *err)
{
	const char *file = json_str(context, "token_file", NULL), *command = json_str(context, "token_command", NULL);
	struct stat st;
	FILE *f;

	if (!file && !command)
		return 0;
	f = file ? fopen(file, "re") : popen(command, "re");
	if (!f && file && errno == ENOENT && is_session(file))
		return 0; /* the controller will say that one has to log in */
	if (!f)
		return error_set(err, ERROR_NOT_FOUND, "cannot read the token from %s: %s", file ? file : command, strerror(errno));
	if (file && !fstat(fileno(f), &st) && (st.st_mode & 077)) {
		fclose(f);
		error_set(err, ERROR_DENIED, "others may read the token file %s", file);
		return error_hint(err, "chmod 0600 %s; if somebody may have read it, revoke the token and make another.", file);
	}
	e->token = take_line(f);
	if (file)
		fclose(f);
	else
		pclose(f);
	return e->token ? 0 : error_set(err, ERROR_NOT_FOUND, "there is no token in what %s %s", file ? file : command, file ? "holds" : "prints");
}

static const char *env_or_null(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int take_context(const char *name, struct endpoint *e, struct error *err)
{
	json_auto_t *all = load(err);
	const json_t *context;

	if (!all)
		return -1;
	if (!name)
		name = json_str(all, "current", NULL);
	if (!name || !strcmp(name, "local"))
		return 0;
	context = json_object_get(json_object_get(all, "contexts"), name);
	if (!context) {
		error_set(err, ERROR_NOT_FOUND, "there is no context `%s`", name);
		return error_hint(err, "persona context list shows them; `local` is the socket of this host.");
	}
	e->url = copy_of(context, "server");
	e->ca = copy_of(context, "ca");
	e->pin = copy_of(context, "pin");
	e->cert = copy_of(context, "cert");
	e->key = copy_of(context, "key");
	return take_token(context, e, err);
}

int endpoint_of(const struct invocation *inv, struct endpoint *e, struct error *err)
{
	const char *socket = option_value(inv, OPTION_SOCKET), *context = option_value(inv, OPTION_CONTEXT);

	*e = (struct endpoint){ 0 };
	if (socket && context)
		return error_set(err, ERROR_USAGE, "--socket and --context name two controllers: give one of them");
	if (!socket && !context)
		context = env_or_null("RECAST_CONTEXT");
	if (!socket && !context)
		socket = env_or_null("RECAST_SOCKET");
	if (!socket && take_context(context, e, err)) {
		endpoint_fini(e);
		return -1;
	}
	if (!e->url)
		e->socket = xstrdup(socket ? socket : DEFAULT_SOCKET);
	return 0;
}

void endpoint_fini(struct endpoint *e)
{
	free(e->socket);
	free(e->url);
	free(e->ca);
	free(e->pin);
	free(e->cert);
	free(e->key);
	secret_destroy(e->token);
	*e = (struct endpoint){ 0 };
}

/* Relative names mean another file tomorrow. */
static int put_file(json_t *context, const char *key, const char *path, struct error *err)
{
	char *whole;

	if (!path)
		return 0;
	whole = realpath(path, NULL);
	if (!whole)
		return error_set(err, ERROR_NOT_FOUND, "%s: %s", path, strerror(errno));
	json_object_set_new(context, key, json_string(whole));
	free(whole);
	return 0;
}

static int check_server(const char *server, struct error *err)
{
	if (!server) {
		error_set(err, ERROR_USAGE, "--server is missing: where is the controller?");
		return error_hint(err, "For instance --server https://10.0.0.1:8443");
	}
	if (strncmp(server, "https://", 8) != 0 || !server[8] || strchr(server + 8, '/'))
		return error_set(err, ERROR_USAGE, "--server must be https://HOST:PORT, not `%s`", server);
	return 0;
}

static int put_all(json_t *context, const struct invocation *inv, struct error *err)
{
	const char *pin = option_value(inv, OPTION_PIN), *command = option_value(inv, OPTION_TOKEN_COMMAND);

	if (check_server(option_value(inv, OPTION_SERVER), err))
		return -1;
	json_object_set_new(context, "server", json_string(option_value(inv, OPTION_SERVER)));
	if (pin && strncmp(pin, "sha256//", 8) != 0)
		return error_set(err, ERROR_USAGE, "--pin must be sha256//BASE64 of the server's public key");
	if (pin)
		json_object_set_new(context, "pin", json_string(pin));
	if (command)
		json_object_set_new(context, "token_command", json_string(command));
	if (command && option_value(inv, OPTION_TOKEN_FILE))
		return error_set(err, ERROR_USAGE, "--token-file and --token-command are two ways to one token: give one of them");
	if (!option_value(inv, OPTION_CLIENT_CERT) != !option_value(inv, OPTION_CLIENT_KEY))
		return error_set(err, ERROR_USAGE, "--client-cert and --client-key belong together");
	return put_file(context, "ca", option_value(inv, OPTION_CA), err) ||
			       put_file(context, "token_file", option_value(inv, OPTION_TOKEN_FILE), err) ||
			       put_file(context, "cert", option_value(inv, OPTION_CLIENT_CERT), err) ||
			       put_file(context, "key", option_value(inv, OPTION_CLIENT_KEY), err) ?
		       -1 :
		       0;
}

int cmd_context_add(struct app *app, const struct invocation *inv, struct error *err)
{
	const char *name = inv->args.items[0];
	json_auto_t *all = load(err), *context = json_object();

	(void)app;
	if (!all)
		return -1;
	if (!text_is_name(name) || !strcmp(name, "local"))
		return error_set(err, ERROR_USAGE, "`%s` is no name for a context: lower-case letters, digits and -, and not local", name);
	if (put_all(context, inv, err))
		return -1;
	json_object_set(json_object_get(all, "contexts"), name, context);
	json_object_set_new(all, "current", json_string(name));
	if (save(all, err))
		return -1;
	say("Context %s is in use. See who you are there: persona whoami", name);
	return 0;
}

int cmd_context_list(struct app *app, const struct invocation *inv, struct error *err)
{
	static const struct column columns[] = { { "IN USE", "in_use" }, { "NAME", "name" }, { "SERVER", "server" },
						 { "CA", "ca", CELL_TEXT, true }, { "PIN", "pin", CELL_TEXT, true } };
	json_auto_t *all = load(err), *items = json_array();
	const char *name, *current;
	json_t *context, *item;

	(void)inv;
	if (!all)
		return -1;
	current = json_str(all, "current", "local");
	json_array_append_new(items, json_pack("{s:s, s:s, s:s}", "name", "local", "server", "the socket of this host", "in_use",
					       !strcmp(current, "local") ? "*" : ""));
	json_object_foreach(json_object_get(all, "contexts"), name, context) {
		item = json_deep_copy(context);
		json_object_set_new(item, "name", json_string(name));
		json_object_set_new(item, "in_use", json_string(!strcmp(current, name) ? "*" : ""));
		json_array_append_new(items, item);
	}
	table_print(app, columns, 5, items, "name");
	return 0;
}

static int change(const struct invocation *inv, bool remove, struct error *err)
{
	const char *name = inv->args.items[0];
	json_auto_t *all = load(err);
	json_t *contexts = json_object_get(all, "contexts");

	if (!all)
		return -1;
	if (!json_object_get(contexts, name) && (remove || strcmp(name, "local") != 0))
		return error_set(err, ERROR_NOT_FOUND, "there is no context `%s`", name);
	if (remove)
		json_object_del(contexts, name);
	if (remove && !strcmp(json_str(all, "current", ""), name))
		name = "local";
	else if (remove)
		name = NULL;
	if (name)
		json_object_set_new(all, "current", json_string(name));
	return save(all, err);
}

int cmd_context_use(struct app *app, const struct invocation *inv, struct error *err)
{
	(void)app;
	return change(inv, false, err);
}

int cmd_context_remove(struct app *app, const struct invocation *inv, struct error *err)
{
	(void)app;
	return change(inv, true, err);
}

/* The name of the context that the command went to. */
static const char *context_in_use(const struct invocation *inv, const json_t *all)
{
	const char *name = option_value(inv, OPTION_CONTEXT);

	if (!name)
		name = env_or_null("RECAST_CONTEXT");
	return name ? name : json_str(all, "current", "local");
}

int session_save(const struct invocation *inv, const char *token, struct error *err)
{
	json_auto_t *all = load(err);
	const char *name = all ? context_in_use(inv, all) : NULL;
	_cleanup_(freep) char *path = name ? session_path(name) : NULL, *line = xasprintf("%s\n", token);
	json_t *context = json_object_get(json_object_get(all, "contexts"), name ? name : "");
	int rc = context ? write_private(path, line, err) : -1;

	secret_wipe(line, strlen(line));
	if (rc)
		return -1;
	json_object_set_new(context, "token_file", json_string(path));
	json_object_del(context, "token_command");
	return save(all, err);
}

void session_forget(const struct invocation *inv)
{
	json_auto_t *all = load(NULL);
	_cleanup_(freep) char *path = all ? session_path(context_in_use(inv, all)) : NULL;

	if (path)
		unlink(path);
}
