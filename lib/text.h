/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Small text work that more than one layer needs: a growing buffer, names, addresses, "did you mean".
 */
#ifndef RECAST_TEXT_H
#define RECAST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing, always NUL-terminated buffer.  Zero-initialise, free with text_fini(). */
struct text {
	char *data; /* NULL while empty */
	size_t len, size;
};

void text_append(struct text *t, const char *s);
void text_append_len(struct text *t, const char *s, size_t n);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_fini(struct text *t);

/* The candidate nearest to @word, or NULL when none is close enough to be a slip of the finger. */
const char *text_nearest(const char *word, const char *const *candidates, size_t n);

/* Make UTF-8 of @s in place: a byte that is part of no whole character becomes '?'. */
void text_clean_utf8(char *s);

/* A name of a machine, persona, …: 1-63 of a-z 0-9 - . _, beginning with a letter or digit. */
bool text_is_name(const char *s);
/* "VOLUME@NAME", two names: how a snapshot of a volume is called. */
bool text_is_snapshot_name(const char *s);

/* Canonical MAC "aa:bb:cc:dd:ee:ff" from any of the usual spellings; false when it is none. */
bool text_mac(const char *s, char out[18]);

/* MAC or WWN (6 or 8 octets) to and from a number.  text_parse_octets returns the number of octets. */
int text_parse_octets(const char *s, uint64_t *value);
void text_format_octets(uint64_t value, int octets, char *out, size_t size);

/* "64GiB", "500MB", plain bytes; and "2Gbit", "500Mbit" to kbit/s.  -1 when malformed. */
int64_t text_parse_size(const char *s);
int64_t text_parse_rate_kbit(const char *s);

/* Parse a decimal integer in [min, max] that is all of @s.  Returns -1 otherwise. */
int text_parse_int(const char *s, int64_t min, int64_t max, int64_t *out);

/* Read a whole file of at most @max bytes; NULL and errno (EFBIG when larger).  *len may be NULL. */
char *text_read_file(const char *path, size_t max, size_t *len);

#endif
