/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/log.c: what becomes a field of a line, and what cannot.
 */
#include "unit.h"

#include "log.h"

/* The last line that was logged: its fields as "key=value;", its text, its priority. */
static char fields[512], text[2048];
static int priority;

static bool take(const struct log_line *line)
{
	size_t n = 0;
	int i;

	priority = line->priority;
	snprintf(text, sizeof(text), "%s", line->text);
	fields[0] = '\0';
	for (i = 0; i < line->n_fields; i++)
		n += (size_t)snprintf(fields + n, sizeof(fields) - n, "%.*s=%.*s;", (int)line->fields[i].key_len,
				      line->fields[i].key, (int)line->fields[i].value_len, line->fields[i].value);
	return true;
}

TEST(takes_the_words_at_the_end_of_a_line_as_its_fields)
{
	log_warn("core", "run %d (%s) ended: %s run=%d persona=%s", 7, "apply", "done", 7, "web");
	assert_string_equal(fields, "persona=web;run=7;");
	assert_string_equal(text, "run 7 (apply) ended: done run=7 persona=web");
	assert_int_equal(priority, 4);
}

TEST(takes_no_field_from_what_a_device_says)
{
	log_info("m", "%s cannot be read: %s device=%s", "sw1", "run=9 device=other", "sw1");
	assert_string_equal(fields, "device=sw1;");
	log_info("m", "it says %s", "x run=9");
	assert_string_equal(fields, "");
	log_info("m", "it says: %s run=%d", "x machine=node1", 3);
	assert_string_equal(fields, "run=3;");
}

TEST(leaves_out_a_field_that_is_empty_or_has_a_space)
{
	log_info("m", "ended run=%d persona=%s machine=%s", 3, "", "node1");
	assert_string_equal(fields, "machine=node1;run=3;");
	log_info("m", "ended run=%d machine=%s", 3, "a b");
	assert_string_equal(fields, "");
	log_info("m", "ended run=%d machine=%s device=%s", 3, "a device=b", "c");
	assert_string_equal(fields, "device=c;");
}

TEST(keeps_one_event_on_one_line)
{
	log_info("m", "%s", "two\nlines\x7f");
	assert_string_equal(text, "two lines ");
}

static int begin(void **state)
{
	(void)state;
	log_to(take);
	return 0;
}

#define LOGGED(name) cmocka_unit_test_setup(name, begin)

UNIT_MAIN(LOGGED(takes_the_words_at_the_end_of_a_line_as_its_fields), LOGGED(takes_no_field_from_what_a_device_says),
	  LOGGED(leaves_out_a_field_that_is_empty_or_has_a_space), LOGGED(keeps_one_event_on_one_line))
