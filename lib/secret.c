/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A secret in memory.  See secret.h.
 */
#include "secret.h"

#include <sodium.h>
#include <string.h>

struct secret {
	size_t len;
	char bytes[];
};

struct secret *secret_create(const void *bytes, size_t len)
{
	struct secret *s;

	if (sodium_init() < 0)
		return NULL;
	/* sodium_malloc() ends its block at a page's end, so only a whole number of words is aligned. */
	s = sodium_malloc((sizeof(*s) + len + 1 + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t));
	if (!s)
		return NULL;
	s->len = len;
	memcpy(s->bytes, bytes, len);
	s->bytes[len] = '\0';
	return s;
}

void secret_destroy(struct secret *s)
{
	if (s)
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

struct secret *secret_random(size_t chars)
{
	/* Letters and digits only: every iSCSI stack and iPXE setting takes them unescaped. */
	static const char alphabet[] = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	char text[128];
	struct secret *s;
	size_t i;

	if (sodium_init() < 0 || chars >= sizeof(text))
		return NULL;
	for (i = 0; i < chars; i++)
		text[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
	s = secret_create(text, chars);
	secret_wipe(text, sizeof(text));
	return s;
}

void secret_wipe(void *bytes, size_t len)
{
	sodium_memzero(bytes, len);
}
