/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An allocator whose whole state lies in one piece of memory, and copies of that piece and of the program's variables.
 * Blocks come from lists by size, else from the end of what is used.  One thread.  Also here: the functions of other
 * libraries that would keep state elsewhere or only cost time: locked memory, malloc_trim, the log.
 */
#include "snap.h"

#include "log.h"

#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { UNIT = 16, SMALL = 64, CLASSES = SMALL + 40 };
#define ARENA ((size_t)1 << 30)

struct block { /* 16 bytes before what is handed out */
	size_t cls;
	struct block *next; /* while free */
};

struct arena_state {
	size_t used;
	struct block *free[CLASSES];
};

static struct arena_state *arena; /* at the beginning of the piece */
static char *copies[SNAP_LEVELS];

extern char __data_start[], _end[];

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static size_t class_of(size_t size)
{
	size_t cls = SMALL + 1;

	if (size <= (size_t)SMALL * UNIT)
		return size ? (size + UNIT - 1) / UNIT : 1;
	while ((size_t)SMALL * UNIT << (cls - SMALL) < size)
		cls++;
	return cls;
}

static size_t class_bytes(size_t cls)
{
	return cls <= SMALL ? cls * UNIT : (size_t)SMALL * UNIT << (cls - SMALL);
}

static void make_arena(void)
{
	arena = reserve(ARENA);
	arena->used = (sizeof(*arena) + UNIT - 1) / UNIT * UNIT;
}

/* Not malloc() itself: the compiler would take that and memset() for calloc(), which this is for. */
static void *take(size_t size)
{
	size_t cls = class_of(size);
	struct block *b;

	if (size > ARENA / 2) {
		errno = ENOMEM;
		return NULL;
	}
	if (!arena)
		make_arena();
	b = arena->free[cls];
	if (b) {
		arena->free[cls] = b->next;
	} else {
		b = (struct block *)((char *)arena + arena->used);
		arena->used += UNIT + class_bytes(cls);
		if (arena->used > ARENA)
			abort();
		b->cls = cls;
	}
	return (char *)b + UNIT;
}

void *malloc(size_t size)
{
	return take(size);
}

static struct block *block_of(void *p)
{
	return (struct block *)((char *)p - UNIT);
}

void free(void *p)
{
	struct block *b;

	if (!p)
		return;
	b = block_of(p);
	b->next = arena->free[b->cls];
	arena->free[b->cls] = b;
}

void *calloc(size_t n, size_t size)
{
	size_t all;
	void *p;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	p = take(all);
	return p ? memset(p, 0, all) : NULL;
}

void *realloc(void *old, size_t size)
{
	size_t had = old ? class_bytes(block_of(old)->cls) : 0;
	void *p;

	if (old && size <= had)
		return old;
	p = take(size);
	if (p && old) {
		memcpy(p, old, had);
		free(old);
	}
	return p;
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
	*p = alignment <= UNIT ? take(size) : NULL;
	return *p ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return alignment <= UNIT ? take(size) : NULL;
}

size_t malloc_usable_size(void *p)
{
	return p ? class_bytes(block_of(p)->cls) : 0;
}

int malloc_trim(size_t pad)
{
	(void)pad;
	return 0;
}

/* Locked and guarded memory would lie elsewhere. */
void *sodium_malloc(size_t size)
{
	return take(size);
}

void sodium_free(void *p)
{
	free(p);
}

void *snap_outside(size_t size)
{
	return reserve(size);
}

static size_t globals(void)
{
	return (size_t)(_end - __data_start);
}

size_t snap_size(void)
{
	return globals() + (arena ? arena->used : 0);
}

void snap_take(int level)
{
	if (!arena)
		make_arena();
	if (!copies[level])
		copies[level] = reserve(ARENA);
	memcpy(copies[level], &arena->used, sizeof(arena->used));
	memcpy(copies[level] + UNIT, __data_start, globals());
	memcpy(copies[level] + UNIT + globals(), arena, arena->used);
}

void snap_restore(int level)
{
	char *keep[SNAP_LEVELS], *copy = copies[level];
	size_t used;

	memcpy(keep, copies, sizeof(keep));
	memcpy(&used, copy, sizeof(used));
	memcpy(__data_start, copy + UNIT, globals());
	memcpy(copies, keep, sizeof(keep));
	memcpy(arena, copy + UNIT + globals(), used);
}

/* The log says nothing here, and costs nothing. */
void log_open(const char *program)
{
	(void)program;
}

int log_set_level(const char *name)
{
	(void)name;
	return 0;
}

bool log_enabled(enum log_level level)
{
	(void)level;
	return false;
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
	(void)level;
	(void)module;
	(void)fmt;
}
