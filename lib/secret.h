/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A secret in memory: its own type, so that it cannot be formatted, logged or compared by accident.
 * The bytes live in memory that libsodium locks and wipes.
 */
#ifndef RECAST_SECRET_H
#define RECAST_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct secret;
struct stat;

/* A secret from @len bytes (which may hold NUL bytes), or NULL for the empty secret's absence; the
 * caller wipes its own copy.  NULL only when locked memory cannot be had. */
struct secret *secret_create(const void *bytes, size_t len);
void secret_destroy(struct secret *s);

/* The bytes, NUL-terminated after @len, valid until destroy.  Say why where you call it. */
const char *secret_reveal(const struct secret *s);
size_t secret_len(const struct secret *s);
bool secret_equal(const struct secret *a, const struct secret *b);

/* @chars printable characters, one for each of the random words: a CHAP secret or token. */
struct secret *secret_from_random(const uint16_t *words, size_t chars);
/* The same from the system's random source. */
struct secret *secret_random(size_t chars);

/* Whether nobody but @reader, who is to read it, and root can read a file that is kept secret.  A credential of systemd may
 * belong to root with mode 0440: the bits of the group are then the mask of an access list that names the reader. */
bool secret_file_is_private(const struct stat *st, uid_t reader);

/* Overwrite memory so that the compiler cannot leave it out. */
void secret_wipe(void *bytes, size_t len);

static inline void secret_destroyp(struct secret **s)
{
	secret_destroy(*s);
}

#endif
