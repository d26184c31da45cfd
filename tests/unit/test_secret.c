/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/secret: bytes that cannot be compared or shown by accident.
 */
#include "unit.h"

#include "secret.h"

#include <sys/stat.h>

TEST(keeps_its_bytes_with_nul_and_all)
{
	struct secret *s = secret_create("a\0b", 3);

	assert_non_null(s);
	assert_int_equal(secret_len(s), 3);
	assert_memory_equal(secret_reveal(s), "a\0b\0", 4);
	secret_destroy(s);
}

TEST(comes_in_every_length)
{
	char bytes[80];
	size_t len;

	memset(bytes, 'x', sizeof(bytes));
	for (len = 0; len <= sizeof(bytes); len++) {
		struct secret *s = secret_create(bytes, len);

		assert_int_equal(secret_len(s), len);
		assert_int_equal(strlen(secret_reveal(s)), len);
		secret_destroy(s);
	}
}

TEST(is_equal_only_to_the_same_bytes)
{
	struct secret *a = secret_create("hunter2", 7), *b = secret_create("hunter2", 7);
	struct secret *c = secret_create("hunter3", 7), *d = secret_create("hunter", 6);
	struct secret *none = secret_create("", 0), *empty = secret_create("", 0);

	assert_true(secret_equal(a, b));
	assert_false(secret_equal(a, c));
	assert_false(secret_equal(a, d));
	assert_false(secret_equal(d, a)); /* a beginning is not the whole */
	assert_false(secret_equal(a, none));
	assert_true(secret_equal(none, empty));
	secret_destroy(a);
	secret_destroy(b);
	secret_destroy(c);
	secret_destroy(d);
	secret_destroy(none);
	secret_destroy(empty);
	secret_destroy(NULL);
}

TEST(is_made_of_letters_and_digits_at_random)
{
	struct secret *a = secret_random(16), *b = secret_random(16);

	assert_int_equal(secret_len(a), 16);
	assert_int_equal(strspn(secret_reveal(a), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 16);
	assert_false(secret_equal(a, b));
	secret_destroy(a);
	secret_destroy(b);
	assert_null(secret_random(1000));
}

TEST(wipes_memory)
{
	char bytes[] = "hunter2";

	secret_wipe(bytes, sizeof(bytes));
	assert_memory_equal(bytes, "\0\0\0\0\0\0\0\0", 8);
}

static bool is_private(mode_t mode, uid_t uid, gid_t gid, uid_t reader)
{
	struct stat st = { .st_mode = S_IFREG | mode, .st_uid = uid, .st_gid = gid };

	return secret_file_is_private(&st, reader);
}

TEST(lies_in_a_file_that_only_its_owner_can_read)
{
	assert_true(is_private(0400, 1000, 1000, 1000));
	assert_true(is_private(0600, 1000, 1000, 1000));
	assert_false(is_private(0440, 1000, 1000, 1000));
	assert_false(is_private(0404, 1000, 1000, 1000));
	/* As systemd gives a credential on a file system with access lists: the group's bits are the mask. */
	assert_true(is_private(0440, 0, 0, 1000));
	assert_false(is_private(0440, 0, 0, 0));
	assert_false(is_private(0440, 0, 1000, 1000));
	assert_false(is_private(0440, 1000, 0, 1000));
	assert_false(is_private(0460, 0, 0, 1000));
	assert_false(is_private(0444, 0, 0, 1000));
}

UNIT_MAIN(T(keeps_its_bytes_with_nul_and_all), T(comes_in_every_length), T(is_equal_only_to_the_same_bytes),
	  T(is_made_of_letters_and_digits_at_random), T(wipes_memory),
	  T(lies_in_a_file_that_only_its_owner_can_read))
