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

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static char **slot(const struct config *c, const struct key *k)
{
	return (char **)((char *)c + k->offset);
}

void config_init(struct config *c)
{
	size_t i;

	for (i = 0; i < N_KEYS; i++)
		*slot(c, &keys[i]) = xstrdup(keys[i].missing);
}

void config_fini(struct config *c)
{
	size_t i;

	for (i = 0; i < N_KEYS; i++)
		free(*slot(c, &keys[i]));
}

static int set(struct config *c, const char *name, const char *value, struct error *err)
{
	const char *names[N_KEYS], *near;
	size_t i;

	for (i = 0; i < N_KEYS; i++) {
		names[i] = keys[i].name;
		if (strcmp(keys[i].name, name) != 0)
			continue;
		free(*slot(c, &keys[i]));
		*slot(c, &keys[i]) = xstrdup(value);
		return 0;
	}
	near = text_nearest(name, names, N_KEYS);
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

int config_set(struct config *c, const char *assignment, struct error *err)
{
	char *copy = xstrdup(assignment), *equals = strchr(copy, '=');
	int rc;

	if (equals) {
		*equals = '\0';
		rc = set(c, trim(copy), trim(equals + 1), err);
	} else {
		rc = error_set(err, ERROR_USAGE, "`%s` is not KEY = VALUE", assignment);
	}
	free(copy);
	return rc;
}

int config_read(struct config *c, const char *path, struct error *err)
{
	char *bytes = text_read_file(path, 1 << 20, NULL), *line, *rest = bytes;
	int n = 0, rc = 0;

	if (!bytes)
		return error_set(err, ERROR_USAGE, "%s: %s", path, strerror(errno));
	while (rc == 0 && (line = strsep(&rest, "\n"))) {
		n++;
		line = trim(line);
		if (*line && *line != '#')
			rc = config_set(c, line, err);
	}
	free(bytes);
	return rc == 0 ? 0 : error_wrap(err, "%s:%d", path, n);
}

void config_print(const struct config *c)
{
	size_t i;

	for (i = 0; i < N_KEYS; i++)
		printf("# %s\n%s = %s\n\n", keys[i].help, keys[i].name, *slot(c, &keys[i]));
}
