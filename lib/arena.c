/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bump allocator, and the allocators that do not return NULL.  See arena.h.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 256 * 1024, ALIGNMENT = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(ALIGNMENT) unsigned char data[];
};

static void out_of_memory(void)
{
	static const char text[] = "recast: out of memory\n";

	fputs(text, stderr);
	abort();
}

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

void arena_fini(struct arena *a)
{
	struct arena_block *block, *next;

	for (block = a->head; block; block = next) {
		next = block->next;
		free(block);
	}
	arena_init(a);
}

static struct arena_block *add_block(struct arena *a, size_t need)
{
	size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK;
	struct arena_block *block;

	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	if (size < need)
		size = need;
	block = malloc(sizeof(*block) + size);
	if (!block)
		out_of_memory();
	block->next = a->head;
	block->used = 0;
	block->size = size;
	a->head = block;
	a->total += sizeof(*block) + size;
	return block;
}

static void *take(struct arena *a, size_t size, size_t align)
{
	struct arena_block *block = a->head;
	size_t start;

	if (block) {
		start = (block->used + align - 1) & ~(align - 1);
		if (start <= block->size && size <= block->size - start) {
			block->used = start + size;
			return block->data + start;
		}
	}
	block = add_block(a, size);
	block->used = size;
	return block->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(take(a, size, ALIGNMENT), 0, size);
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t n;

	if (!s)
		return NULL;
	n = strlen(s) + 1;
	return memcpy(take(a, n, 1), s, n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *out;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	out = take(a, (size_t)n + 1, 1);
	vsnprintf(out, (size_t)n + 1, fmt, again);
	va_end(again);
	return out;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p && size)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		out_of_memory();
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *out;

	va_start(ap, fmt);
	if (vasprintf(&out, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return out;
}
