/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bump allocator: everything of one request, plan or document lives in one arena and is freed in one
 * place.  Allocation never returns NULL: without memory the process stops, since a controller that
 * guesses on is worse than one that restarts.  Not for use by two threads at once.
 */
#ifndef RECAST_ARENA_H
#define RECAST_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_block *head;
	size_t total; /* bytes taken from the system */
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of @s in the arena; NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* malloc, realloc and strdup that stop the process rather than return NULL. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
