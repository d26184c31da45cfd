/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See throttle.h.  A fixed number of names is remembered; when there are more the one that was tried longest ago goes, so
 * that nobody can fill the memory with names.
 */
#include "throttle.h"

#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tried {
	char name[64];
	int failures; /* 0: the place is free */
	int64_t last;
};

struct throttle {
	struct tried tried[THROTTLE_NAMES];
};

struct throttle *throttle_create(void)
{
	return xcalloc(1, sizeof(struct throttle));
}

void throttle_destroy(struct throttle *t)
{
	free(t);
}

static struct tried *find(const struct throttle *t, const char *name)
{
	int i;

	for (i = 0; i < THROTTLE_NAMES; i++)
		if (t->tried[i].failures && !strncmp(t->tried[i].name, name, sizeof(t->tried[i].name) - 1))
			return (struct tried *)&t->tried[i];
	return NULL;
}

static struct tried *place(struct throttle *t)
{
	struct tried *oldest = &t->tried[0];
	int i;

	for (i = 0; i < THROTTLE_NAMES; i++) {
		if (!t->tried[i].failures)
			return &t->tried[i];
		if (t->tried[i].last < oldest->last)
			oldest = &t->tried[i];
	}
	return oldest;
}

int64_t throttle_wait_ms(const struct throttle *t, const char *name, int64_t now)
{
	const struct tried *it = find(t, name);
	int over = it ? it->failures - THROTTLE_FREE : -1;
	int64_t wait;

	if (over < 0)
		return 0;
	wait = over < 6 ? THROTTLE_FIRST_MS << over : THROTTLE_MAX_MS;
	return it->last + wait > now ? it->last + wait - now : 0;
}

void throttle_failed(struct throttle *t, const char *name, int64_t now)
{
	struct tried *it = find(t, name);

	if (!it) {
		it = place(t);
		*it = (struct tried){ 0 };
		snprintf(it->name, sizeof(it->name), "%s", name);
	}
	it->failures++;
	it->last = now;
}

void throttle_passed(struct throttle *t, const char *name)
{
	struct tried *it = find(t, name);

	if (it)
		it->failures = 0;
}
