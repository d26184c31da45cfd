/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast.conf.  See config.h.
 */
#include "config.h"

#include "arena.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct key {
	const char *name, *missing, *help;
	size_t offset;
} keys[] = {
#define CONFIG(name, missing, help) { #name, missing, help, offsetof(struct config, name) },
#include "../schema/config.def"
#undef CONFIG
};

static char **slot(const struct config *c, const struct key *k)
{
	return (char **)((char *)c + k->offset);
}

void config_init(struct config *c)
{
	size_t i;

	*c = (struct config){ 0 };
	for (i = 0; i < CONFIG_KEYS; i++)
		*slot(c, &keys[i]) = xstrdup(keys[i].missing);
}

void config_fini(struct config *c)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++)
		free(*slot(c, &keys[i]));
	free(c->file);
}

const char *config_name(enum config_key key)
{
	return keys[key].name;
}

const char *config_value(const struct config *c, enum config_key key)
{
	return *slot(c, &keys[key]);
}

static int set(struct config *c, const char *name, const char *value, int line, struct error *err)
{
	const char *names[CONFIG_KEYS], *near;
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		names[i] = keys[i].name;
		if (strcmp(keys[i].name, name) != 0)
			continue;
		free(*slot(c, &keys[i]));
		*slot(c, &keys[i]) = xstrdup(value);
		c->line[i] = line;
		return 0;
	}
	near = text_nearest(name, names, CONFIG_KEYS);
	error_set(err, ERROR_USAGE, "unknown key `%s`", name);
	if (near)
		error_hint(err, "Did you mean `%s`?", near);
	return -1;
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static int assign(struct config *c, const char *assignment, int line, struct error *err)
{
	char *copy = xstrdup(assignment), *equals = strchr(copy, '=');
	int rc;

	if (equals) {
		*equals = '\0';
		rc = set(c, trim(copy), trim(equals + 1), line, err);
	} else {
		rc = error_set(err, ERROR_USAGE, "`%s` is not KEY = VALUE", assignment);
	}
	free(copy);
	return rc;
}

int config_set(struct config *c, const char *assignment, struct error *err)
{
	return assign(c, assignment, -1, err);
}

void config_scan(struct config *c, const char *path, void (*wrong)(void *arg, int line, const struct error *err), void *arg)
{
	char *bytes = text_read_file(path, 1 << 20, NULL), *line, *rest = bytes;
	struct error err = { 0 };
	int n = 0;

	free(c->file);
	c->file = xstrdup(path);
	if (!bytes) {
		error_set(&err, ERROR_USAGE, "%s", strerror(errno));
		wrong(arg, 0, &err);
		return;
	}
	while ((line = strsep(&rest, "\n"))) {
		n++;
		line = trim(line);
		if (*line && *line != '#' && assign(c, line, n, &err) < 0)
			wrong(arg, n, &err);
	}
	free(bytes);
}

struct first {
	struct error err;
	int line;
};

static void keep_first(void *arg, int line, const struct error *err)
{
	struct first *first = arg;

	if (!first->err.code)
		*first = (struct first){ *err, line };
}

int config_read(struct config *c, const char *path, struct error *err)
{
	struct first first = { 0 };

	config_scan(c, path, keep_first, &first);
	if (!first.err.code)
		return 0;
	*err = first.err;
	return first.line ? error_wrap(err, "%s:%d", path, first.line) : error_wrap(err, "%s", path);
}

void config_print(const struct config *c)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++)
		printf("# %s\n%s = %s\n\n", keys[i].help, keys[i].name, *slot(c, &keys[i]));
}
