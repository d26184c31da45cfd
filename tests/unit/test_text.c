/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/text: sizes, rates, addresses, names, "did you mean", and reading files with a limit.
 */
#include "unit.h"

#include "text.h"

#include <errno.h>
#include <unistd.h>

TEST(grows_a_buffer_and_keeps_it_terminated)
{
	struct text t = { 0 };
	int i;

	for (i = 0; i < 1000; i++)
		text_printf(&t, "%d,", i % 10);
	text_append(&t, "");
	text_append_len(&t, "abc", 2);
	assert_int_equal(t.len, 2002);
	assert_int_equal(strlen(t.data), t.len);
	assert_string_equal(t.data + 1998, "9,ab");
	text_fini(&t);
	assert_null(t.data);
	assert_int_equal(t.len, 0);
}

TEST(parses_sizes_with_their_units)
{
	static const struct {
		const char *s;
		int64_t bytes;
	} rows[] = {
		{ "0", 0 }, { "1", 1 }, { "1B", 1 }, { "1KiB", 1024 }, { "64GiB", 64LL << 30 }, { "2TiB", 2LL << 40 },
		{ "3MiB", 3 << 20 }, { "1kB", 1000 }, { "500MB", 500000000 }, { "2GB", 2000000000 },
		{ "1TB", 1000000000000 }, { "64gib", 64LL << 30 }, { "64 GiB", 64LL << 30 },
		{ "9223372036854775807", INT64_MAX },
		{ "", -1 }, { "-1", -1 }, { "GiB", -1 }, { "64XiB", -1 }, { "64GiBs", -1 }, { "1.5GiB", -1 },
		{ " 1", -1 }, { "+1", -1 }, { "0x10", -1 }, { "9223372036854775808", -1 }, { "9007199254740992KiB", -1 },
		{ "9007199254740991KiB", 9007199254740991LL << 10 },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		assert_row(rows[i].s, text_parse_size(rows[i].s) == rows[i].bytes);
}

TEST(parses_rates_to_kbit)
{
	static const struct {
		const char *s;
		int64_t kbit;
	} rows[] = {
		{ "64kbit", 64 }, { "500Mbit", 500000 }, { "2Gbit", 2000000 }, { "1Tbit", 1000000000 },
		{ "2gbit", 2000000 }, { "0Mbit", 0 }, { "2", -1 }, { "2Gbyte", -1 }, { "", -1 }, { "-2Gbit", -1 },
		{ "9223372036854775807Mbit", -1 },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		assert_row(rows[i].s, text_parse_rate_kbit(rows[i].s) == rows[i].kbit);
}

TEST(reads_every_usual_spelling_of_a_mac)
{
	static const char *const good[] = { "52:54:00:ab:cd:ef", "52-54-00-AB-CD-EF", "5254.00ab.cdef", "525400abcdef",
					    "52:54:00:AB:cd:EF" };
	char out[18];
	size_t i;

	for (i = 0; i < COUNT(good); i++) {
		assert_row(good[i], text_mac(good[i], out));
		assert_string_equal(out, "52:54:00:ab:cd:ef");
	}
}

TEST(refuses_what_is_no_mac)
{
	static const char *const bad[] = { "", "52:54:00:ab:cd", "52:54:00:ab:cd:ef:01", "52:54:00:ab:cd:eg",
					   "5:25:40:0a:bc:de:f", ":52:54:00:ab:cd:ef", "52:54:00:ab:cd:ef:",
					   "52::54:00:ab:cd:ef", "52 54 00 ab cd ef", "1:2:3:4:5:6:7:8:9:a:b:c",
					   "52:54:00:ab:cd:e" };
	char out[18];
	size_t i;

	for (i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], !text_mac(bad[i], out));
}

TEST(counts_octets_and_formats_them_back)
{
	char out[24];
	uint64_t v;

	assert_int_equal(text_parse_octets("20:00:02:ca:57:00:00:01", &v), 8);
	assert_true(v == 0x200002ca57000001u);
	text_format_octets(v, 8, out, sizeof(out));
	assert_string_equal(out, "20:00:02:ca:57:00:00:01");
	assert_int_equal(text_parse_octets("ff:ff:ff:ff:ff:ff:ff:ff", &v), 8);
	assert_true(v == UINT64_MAX);
	assert_int_equal(text_parse_octets("ff:ff:ff:ff:ff:ff:ff:ff:00", &v), -1);
	assert_int_equal(text_parse_octets("a", &v), -1);
	text_format_octets(0x0a, 6, out, 9); /* a short buffer is never overrun */
	assert_string_equal(out, "00:00:00");
}

TEST(finds_the_nearest_word_but_not_a_far_one)
{
	static const char *const words[] = { "vlan", "subnet", "gateway", "machines", "a" };

	assert_string_equal(text_nearest("vlna", words, COUNT(words)), "vlan");
	assert_string_equal(text_nearest("subnt", words, COUNT(words)), "subnet");
	assert_string_equal(text_nearest("machine", words, COUNT(words)), "machines");
	assert_string_equal(text_nearest("gatewya", words, COUNT(words)), "gateway");
	assert_null(text_nearest("bandwidth", words, COUNT(words)));
	assert_null(text_nearest("zz", words, COUNT(words)));
	assert_null(text_nearest("", words, COUNT(words))); /* "a" would be a word made of nothing */
	assert_null(text_nearest("vlan", words, 0));
	assert_null(text_nearest("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", words,
				 COUNT(words)));
}

TEST(knows_what_a_name_is)
{
	static const char *const good[] = { "a", "0", "node1", "web-1.prod_x",
					    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123" };
	static const char *const bad[] = { "", "-a", ".a", "_a", "Node", "a b", "a/b", "a\n", "\xc3\xa4", "a$",
					   "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234" };
	size_t i;

	for (i = 0; i < COUNT(good); i++)
		assert_row(good[i], text_is_name(good[i]));
	for (i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], !text_is_name(bad[i]));
}

TEST(parses_whole_numbers_within_their_range_only)
{
	int64_t n = 7;

	assert_int_equal(text_parse_int("10", 1, 10, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(text_parse_int("-3", -5, 0, &n), 0);
	assert_int_equal(n, -3);
	assert_int_equal(text_parse_int("11", 1, 10, &n), -1);
	assert_int_equal(text_parse_int("0", 1, 10, &n), -1);
	assert_int_equal(text_parse_int("", 0, 10, &n), -1);
	assert_int_equal(text_parse_int("-", -9, 9, &n), -1);
	assert_int_equal(text_parse_int("5x", 0, 10, &n), -1);
	assert_int_equal(text_parse_int(" 5", 0, 10, &n), -1);
	assert_int_equal(text_parse_int("99999999999999999999", INT64_MIN, INT64_MAX, &n), -1);
	assert_int_equal(n, -3);
}

TEST(reads_a_file_up_to_its_limit)
{
	char path[] = "/tmp/recast-unit-XXXXXX", *data;
	int fd = mkstemp(path);
	size_t len = 0;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ab\0cd", 5), 5);
	close(fd);
	data = text_read_file(path, 5, &len);
	assert_non_null(data);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "ab\0cd", 6);
	free(data);
	errno = 0;
	assert_null(text_read_file(path, 4, &len));
	assert_int_equal(errno, EFBIG);
	unlink(path);
	assert_null(text_read_file(path, 4, &len));
	assert_int_equal(errno, ENOENT);
	assert_null(text_read_file("/", 4, NULL));
	assert_int_equal(errno, EISDIR);
}

TEST(reads_an_empty_file_as_empty_text)
{
	size_t len = 9;
	char *data = text_read_file("/dev/null", 0, &len);

	assert_string_equal(data, "");
	assert_int_equal(len, 0);
	free(data);
}

TEST(makes_utf8_of_anything)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" }, { "plain", "plain" }, { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc3", "?" }, { "\xe2\x82", "??" }, { "\xc3\xc3\xa4", "?\xc3\xa4" }, { "\xa4x", "?x" },
		{ "\xc0\xaf", "??" }, { "\xe0\x80\xaf", "???" }, { "\xed\xa0\x80", "???" }, { "\xf0\x80\x80\x80", "????" },
		{ "\xf4\x90\x80\x80", "????" }, { "\xf5\x80\x80\x80", "????" }, { "\xff\xfe", "??" },
	};
	char text[32];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		strcpy(text, rows[i].in);
		text_clean_utf8(text);
		assert_row(rows[i].in, !strcmp(text, rows[i].out));
	}
}

UNIT_MAIN(T(makes_utf8_of_anything), T(grows_a_buffer_and_keeps_it_terminated), T(parses_sizes_with_their_units), T(parses_rates_to_kbit),
	  T(reads_every_usual_spelling_of_a_mac), T(refuses_what_is_no_mac), T(counts_octets_and_formats_them_back),
	  T(finds_the_nearest_word_but_not_a_far_one), T(knows_what_a_name_is),
	  T(parses_whole_numbers_within_their_range_only), T(reads_a_file_up_to_its_limit),
	  T(reads_an_empty_file_as_empty_text))
