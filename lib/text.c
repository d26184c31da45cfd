/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Small text work that more than one layer needs.  See text.h.
 */
#include "text.h"

#include "arena.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

void text_append_len(struct text *t, const char *s, size_t n)
{
	if (t->len + n + 1 > t->size) {
		t->size = (t->len + n + 1) * 2;
		t->data = xrealloc(t->data, t->size);
	}
	memcpy(t->data + t->len, s, n);
	t->len += n;
	t->data[t->len] = '\0';
}

void text_append(struct text *t, const char *s)
{
	text_append_len(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (t->len + (size_t)n + 1 > t->size) {
		t->size = (t->len + (size_t)n + 1) * 2;
		t->data = xrealloc(t->data, t->size);
	}
	vsnprintf(t->data + t->len, (size_t)n + 1, fmt, again);
	va_end(again);
	t->len += (size_t)n;
}

void text_fini(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edit distance with transpositions (Damerau's restricted form), for words of up to 63 bytes. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][64], la = strlen(a), lb = strlen(b), i, j;
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2], *swap;

	if (la > 63 || lb > 63)
		return 99;
	memset(rows[0], 0, sizeof(rows[0]));
	for (j = 0; j <= lb; j++)
		prev[j] = j;
	for (i = 1; i <= la; i++) {
		cur[0] = i;
		for (j = 1; j <= lb; j++) {
			cur[j] = least(least(prev[j], cur[j - 1]) + 1, prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cur[j] = least(cur[j], before[j - 2] + 1);
		}
		swap = before;
		before = prev;
		prev = cur;
		cur = swap;
	}
	return prev[lb];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t limit = strlen(word) / 3 + 1, best = limit + 1, i, d;
	const char *found = NULL;

	for (i = 0; i < n; i++) {
		d = distance(word, candidates[i]);
		if (d < best && d < strlen(candidates[i])) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}

/* The bytes of the character at @s; 0 when UTF-8 has none like it (RFC 3629: no surrogates, the shortest form only). */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0, i;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void text_clean_utf8(char *s)
{
	size_t n;

	for (; *s; s += n ? n : 1) {
		n = utf8_length((const unsigned char *)s);
		if (!n)
			*s = '?';
	}
}

bool text_is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-._");

	return n > 0 && n <= 63 && s[n] == '\0' && (islower((unsigned char)*s) || isdigit((unsigned char)*s));
}

bool text_is_snapshot_name(const char *s)
{
	const char *at = strchr(s, '@');
	char volume[64];

	if (!at || at - s >= (long)sizeof(volume))
		return false;
	memcpy(volume, s, (size_t)(at - s));
	volume[at - s] = '\0';
	return text_is_name(volume) && text_is_name(at + 1);
}

int text_parse_octets(const char *s, uint64_t *value)
{
	uint64_t v = 0;
	int digits = 0, d;

	for (; *s; s++) {
		/* One separator, between whole octets. */
		if (strchr(":-.", *s) && digits && digits % 2 == 0 && isxdigit((unsigned char)s[1]))
			continue;
		if (!isxdigit((unsigned char)*s) || digits == 16)
			return -1;
		d = isdigit((unsigned char)*s) ? *s - '0' : tolower((unsigned char)*s) - 'a' + 10;
		v = v << 4 | (uint64_t)d;
		digits++;
	}
	if (digits % 2)
		return -1;
	*value = v;
	return digits / 2;
}

void text_format_octets(uint64_t value, int octets, char *out, size_t size)
{
	int i, n = 0;

	for (i = octets - 1; i >= 0 && (size_t)n < size; i--)
		n += snprintf(out + n, size - (size_t)n, i ? "%02x:" : "%02x",
			      (unsigned)(value >> (8 * i)) & 0xff);
}

bool text_mac(const char *s, char out[18])
{
	uint64_t v;

	if (text_parse_octets(s, &v) != 6)
		return false;
	text_format_octets(v, 6, out, 18);
	return true;
}

struct unit {
	const char *name;
	int64_t factor;
};

static int64_t parse_scaled(const char *s, const struct unit *units, size_t n)
{
	char *end;
	int64_t v;
	size_t i;

	if (!isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno)
		return -1;
	while (*end == ' ')
		end++;
	for (i = 0; i < n; i++)
		if (!strcasecmp(end, units[i].name))
			return v <= INT64_MAX / units[i].factor ? v * units[i].factor : -1;
	return -1;
}

int64_t text_parse_size(const char *s)
{
	static const struct unit units[] = {
		{ "", 1 },	      { "B", 1 },	   { "KiB", 1LL << 10 },    { "MiB", 1LL << 20 },
		{ "GiB", 1LL << 30 }, { "TiB", 1LL << 40 }, { "kB", 1000LL },	     { "MB", 1000000LL },
		{ "GB", 1000000000LL }, { "TB", 1000000000000LL },
	};

	return parse_scaled(s, units, sizeof(units) / sizeof(units[0]));
}

int64_t text_parse_rate_kbit(const char *s)
{
	static const struct unit units[] = {
		{ "kbit", 1 }, { "Mbit", 1000 }, { "Gbit", 1000000 }, { "Tbit", 1000000000 }
	};

	return parse_scaled(s, units, sizeof(units) / sizeof(units[0]));
}

int text_parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	int64_t v;

	if (!isdigit((unsigned char)*s) && *s != '-')
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end || v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

char *text_read_file(const char *path, size_t max, size_t *len)
{
	struct text t = { 0 };
	char buf[16384];
	ssize_t n;
	int fd, saved;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text_append(&t, "");
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		text_append_len(&t, buf, (size_t)n);
		if (t.len > max) {
			errno = EFBIG;
			n = -1;
			break;
		}
	}
	saved = errno;
	close(fd);
	if (n < 0) {
		text_fini(&t);
		errno = saved;
		return NULL;
	}
	if (len)
		*len = t.len;
	return t.data;
}
