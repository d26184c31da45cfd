/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/serverkey.c: fingerprints as text; drivers/transport/pin.c: whom a driver goes on talking to;
 * drivers/transport/ssh_address.c: where it finds a host.
 */
#include "unit.h"

#include "json.h"
#include "pin.h"
#include "ssh.h"

/* As `printf %s test | openssl dgst -sha256 -binary | base64` has it. */
static const unsigned char hash[] = { 0x9f, 0x86, 0xd0, 0x81, 0x88, 0x4c, 0x7d, 0x65, 0x9a, 0x2f, 0xea, 0xa0, 0xc5, 0x5a, 0xd0, 0x15,
				      0xa3, 0xbf, 0x4f, 0x1b, 0x2b, 0x0b, 0x82, 0x2c, 0xd1, 0x5d, 0x6c, 0x15, 0xb0, 0xf0, 0x0a, 0x08 };
static const char text[] = "SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg";
static const char other[] = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static struct server_key key_of(const char *fingerprint)
{
	struct server_key key = { .kind = "ssh", .algorithm = "ssh-ed25519", .not_after = 1790000000000 };

	snprintf(key.fingerprint, sizeof(key.fingerprint), "%s", fingerprint);
	return key;
}

TEST(writes_a_fingerprint_as_ssh_keygen_does)
{
	char out[FINGERPRINT_TEXT];

	fingerprint_format(hash, out);
	assert_string_equal(out, text);
	assert_int_equal(strlen(out) + 1, FINGERPRINT_TEXT);
}

TEST(reads_a_fingerprint_with_and_without_padding)
{
	char out[FINGERPRINT_TEXT], padded[64];

	snprintf(padded, sizeof(padded), "%s=", text);
	assert_true(fingerprint_parse(text, out));
	assert_string_equal(out, text);
	assert_true(fingerprint_parse(padded, out));
	assert_string_equal(out, text);
}

TEST(refuses_what_is_no_fingerprint)
{
	static const char *const wrong[] = {
		"", "=", "SHA256:", "SHA256:=", "MD5:9f:86:d0:81", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg",
		"sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg", "SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCg",
		"SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg==", "SHA256:n4bQgYhMfWWaL_qgxVrQFaO/TxsrC4Is0V1sFbDwCgg",
		"SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgh", /* bits behind the last byte */
	};
	char out[FINGERPRINT_TEXT];
	size_t i;

	for (i = 0; i < COUNT(wrong); i++)
		if (fingerprint_parse(wrong[i], out))
			fail_msg("\"%s\" was taken for a fingerprint", wrong[i]);
}

TEST(tells_a_key_as_json_and_back)
{
	struct server_key key = key_of(text), back;
	json_t *j = server_key_to_json(&key);

	server_key_from_json(j, &back);
	assert_string_equal(back.fingerprint, text);
	assert_string_equal(back.kind, "ssh");
	assert_int_equal(back.not_after, key.not_after);
	json_object_set_new(j, "fingerprint", json_string("<script>"));
	server_key_from_json(j, &back);
	assert_string_equal(back.fingerprint, "");
	json_decref(j);
	server_key_from_json(NULL, &back);
	assert_string_equal(back.fingerprint, "");
}

TEST(goes_on_with_the_pinned_key_only)
{
	struct server_key key = key_of(text), none = key_of("");
	struct error err = { 0 };

	assert_int_equal(pin_check(text, &key, &err), 0);
	assert_int_equal(err.code, ERROR_NONE);
	assert_int_equal(pin_check(other, &key, &err), -1);
	assert_int_equal(pin_check("", &none, &err), -1);
	assert_int_equal(pin_check("", &key, &err), -1);
}

TEST(names_both_keys_and_does_not_try_again)
{
	struct server_key key = key_of(text);
	struct error err = { 0 };

	pin_check(other, &key, &err);
	assert_int_equal(err.code, ERROR_UNTRUSTED);
	assert_false(err.retryable);
	unit_contains(err.text, text, __FILE__, __LINE__);
	unit_contains(err.text, other, __FILE__, __LINE__);
	assert_string_equal(err.presented.fingerprint, text);
}

TEST(says_what_is_shown_when_nothing_is_pinned)
{
	struct server_key key = key_of(text);
	struct error err = { 0 };

	assert_int_equal(pin_check(NULL, &key, &err), -1);
	assert_int_equal(err.code, ERROR_UNTRUSTED);
	assert_string_equal(err.presented.fingerprint, text);
	error_set(&err, ERROR_BUSY, "another one");
	assert_string_equal(err.presented.fingerprint, "");
}

TEST(finds_a_host_by_its_address)
{
	struct remote_address at;
	struct error err = { 0 };

	assert_int_equal(remote_address_parse("ssh://root@10.0.0.1/var/run/tgtd/socket.0", &at, &err), 0);
	assert_string_equal(at.user, "root");
	assert_string_equal(at.where, "10.0.0.1:22");
	assert_string_equal(at.path, "/var/run/tgtd/socket.0");
	assert_int_equal(remote_address_parse("ssh://a@[fd00::1]:2222/x", &at, &err), 0);
	assert_string_equal(at.where, "[fd00::1]:2222");
	assert_int_equal(remote_address_parse("ssh://a@[fd00::1]/x", &at, &err), 0);
	assert_string_equal(at.where, "[fd00::1]:22");
}

UNIT_MAIN(T(writes_a_fingerprint_as_ssh_keygen_does), T(reads_a_fingerprint_with_and_without_padding),
	  T(refuses_what_is_no_fingerprint), T(tells_a_key_as_json_and_back), T(goes_on_with_the_pinned_key_only),
	  T(names_both_keys_and_does_not_try_again), T(says_what_is_shown_when_nothing_is_pinned), T(finds_a_host_by_its_address))
