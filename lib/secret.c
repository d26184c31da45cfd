/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A secret in memory.  See secret.h.
 *
 * Guarded memory costs a page and five system calls each, so secrets of ordinary length share one
 * guarded, locked region that is made once and cut into slots; only longer ones get their own.
 */
#include "secret.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

enum { SLOT_BYTES = 256, SLOTS = 128 };

struct secret {
	size_t len;
	char bytes[];
};

union slot {
	union slot *next; /* while free */
	char bytes[SLOT_BYTES];
};

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static union slot *region, *free_slots;

static void *take_slot(void)
{
	union slot *slot;
	int i;

	pthread_mutex_lock(&slots_lock);
	if (!region && (region = sodium_malloc(SLOTS * sizeof(*region))))
		for (i = 0; i < SLOTS; i++) {
			region[i].next = free_slots;
			free_slots = &region[i];
		}
	slot = free_slots;
	if (slot)
		free_slots = slot->next;
	pthread_mutex_unlock(&slots_lock);
	return slot;
}

static bool in_region(const void *p)
{
	return region && (const char *)p >= region->bytes && (const char *)p < region[SLOTS - 1].bytes + SLOT_BYTES;
}

static void give_slot_back(void *p)
{
	union slot *slot = p;

	sodium_memzero(slot, sizeof(*slot));
	pthread_mutex_lock(&slots_lock);
	slot->next = free_slots;
	free_slots = slot;
	pthread_mutex_unlock(&slots_lock);
}

struct secret *secret_create(const void *bytes, size_t len)
{
	/* sodium_malloc() ends its block at a page's end, so only a whole number of words is aligned. */
	size_t need = (sizeof(struct secret) + len + 1 + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t);
	struct secret *s = NULL;

	if (sodium_init() < 0)
		return NULL;
	if (need <= SLOT_BYTES)
		s = take_slot();
	if (!s)
		s = sodium_malloc(need);
	if (!s)
		return NULL;
	s->len = len;
	memcpy(s->bytes, bytes, len);
	s->bytes[len] = '\0';
	return s;
}

void secret_destroy(struct secret *s)
{
	if (s && in_region(s))
		give_slot_back(s);
	else if (s)
		sodium_free(s);
}

const char *secret_reveal(const struct secret *s)
{
	return s->bytes;
}

size_t secret_len(const struct secret *s)
{
	return s->len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && sodium_memcmp(a->bytes, b->bytes, a->len) == 0;
}

struct secret *secret_from_random(const uint16_t *words, size_t chars)
{
	/* Letters and digits only: every iSCSI stack and iPXE setting takes them unescaped. */
	static const char alphabet[] = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	char text[128];
	struct secret *s;
	size_t i;

	if (sodium_init() < 0 || chars >= sizeof(text))
		return NULL;
	for (i = 0; i < chars; i++)
		text[i] = alphabet[words[i] % (sizeof(alphabet) - 1)];
	s = secret_create(text, chars);
	secret_wipe(text, sizeof(text));
	return s;
}

struct secret *secret_random(size_t chars)
{
	uint16_t words[128];
	struct secret *s;

	randombytes_buf(words, sizeof(words));
	s = chars < 128 ? secret_from_random(words, chars) : NULL;
	secret_wipe(words, sizeof(words));
	return s;
}

bool secret_file_is_private(const struct stat *st, uid_t reader)
{
	bool is_given = reader != 0 && st->st_uid == 0 && st->st_gid == 0;

	return !(st->st_mode & (is_given ? 037 : 077));
}

void secret_wipe(void *bytes, size_t len)
{
	sodium_memzero(bytes, len);
}
