/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parsers of single words: sizes, rates, durations, numbers, octets, addresses, names, CHAP users (lib/text.c,
 * lib/clock.c, orchestrator/model, drivers/sdk/map.c).  What has a written form is written and read again.
 */
#include "fuzz.h"

#include "clock.h"
#include "map.h"
#include "model.h"
#include "text.h"

FUZZ_TARGET

static void check_octets(const char *word)
{
	uint64_t value, again;
	int octets = text_parse_octets(word, &value);
	char text[24], mac[18];

	fuzz_assert(octets >= -1 && octets <= 8);
	fuzz_assert(text_mac(word, mac) == (octets == 6));
	if (octets <= 0)
		return;
	text_format_octets(value, octets, text, sizeof(text));
	fuzz_assert(text_parse_octets(text, &again) == octets && again == value);
	fuzz_assert(octets != 6 || !strcmp(mac, text));
}

static void check_address(const char *word)
{
	uint32_t address, again;
	char text[16];

	if (parse_ipv4(word, &address))
		return;
	format_ipv4(address, text);
	fuzz_assert(!parse_ipv4(text, &again) && again == address);
}

static void check_numbers(const char *word)
{
	int64_t n = 0, duration = clock_parse_duration_ms(word);
	char text[32];

	fuzz_assert(text_parse_size(word) >= -1 && text_parse_rate_kbit(word) >= -1);
	fuzz_assert(duration >= -1 && duration <= (int64_t)366 * 86400000);
	if (text_parse_int(word, -1000, INT64_MAX, &n))
		return;
	fuzz_assert(n >= -1000);
	clock_format(n, text, sizeof(text));
	fuzz_assert(strlen(text) == 24 && text[23] == 'Z');
}

static void check_names(const char *word)
{
	static const char *const known[] = { "apply", "release", "move", "swap" };

	fuzz_assert(!text_is_name(word) || (fuzz_is_utf8(word) && strlen(word) < 64));
	fuzz_assert(!is_iscsi_name(word) || strlen(word) <= 223);
	fuzz_assert(generation_of_user(word) >= 0);
	text_nearest(word, known, 4);
}

static void fuzz(const char *bytes, size_t len)
{
	char *word = fuzz_string(bytes, len);

	check_octets(word);
	check_address(word);
	check_numbers(word);
	check_names(word);
	free(word);
}
