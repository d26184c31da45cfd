/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A table of fixed size: sets of a few places each, the oldest of a set gives way.  See brake.h.  A crowd that has more
 * addresses than there are places is not slowed down by it; a token has 256 random bits.
 */
#include "brake.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 512, PLACES = 8 };

struct entry {
	unsigned char key[BRAKE_KEY];
	int64_t since; /* of the first try in this minute */
	int tries;     /* 0: free */
};

struct brake {
	struct entry sets[SETS][PLACES];
};

struct brake *brake_create(void)
{
	return xcalloc(1, sizeof(struct brake));
}

void brake_destroy(struct brake *b)
{
	free(b);
}

static unsigned set_of(const unsigned char *key)
{
	uint32_t h = 2166136261U; /* FNV-1a */
	int i;

	for (i = 0; i < BRAKE_KEY; i++)
		h = (h ^ key[i]) * 16777619U;
	return (h ^ h >> 16) % SETS;
}

static struct entry *find(const struct brake *b, const unsigned char *key)
{
	const struct entry *set = b->sets[set_of(key)];
	int i;

	for (i = 0; i < PLACES; i++)
		if (set[i].tries && !memcmp(set[i].key, key, BRAKE_KEY))
			return (struct entry *)&set[i];
	return NULL;
}

static struct entry *place_for(struct brake *b, const unsigned char *key)
{
	struct entry *set = b->sets[set_of(key)], *best = set;
	int i;

	for (i = 0; i < PLACES; i++) {
		if (!set[i].tries)
			return &set[i];
		if (set[i].since < best->since)
			best = &set[i];
	}
	return best;
}

void brake_count(struct brake *b, const unsigned char key[BRAKE_KEY], int64_t now)
{
	struct entry *e = find(b, key);

	if (!e) {
		e = place_for(b, key);
		memcpy(e->key, key, BRAKE_KEY);
		e->tries = 0;
	}
	if (e->tries == 0 || now - e->since >= BRAKE_MS) {
		e->since = now;
		e->tries = 0;
	}
	if (e->tries < BRAKE_TRIES)
		e->tries++;
}

int brake_wait_s(const struct brake *b, const unsigned char key[BRAKE_KEY], int64_t now)
{
	const struct entry *e = find(b, key);

	if (!e || e->tries < BRAKE_TRIES || now - e->since >= BRAKE_MS)
		return 0;
	return (int)((e->since + BRAKE_MS - now + 999) / 1000);
}
