/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fingerprints of servers' keys.  See serverkey.h.
 */
#include "serverkey.h"

#include "json.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = "SHA256:";

enum { PREFIX = sizeof(prefix) - 1, BASE64 = FINGERPRINT_TEXT - PREFIX };

void fingerprint_format(const unsigned char hash[FINGERPRINT_BYTES], char out[FINGERPRINT_TEXT])
{
	memcpy(out, prefix, PREFIX);
	sodium_bin2base64(out + PREFIX, BASE64, hash, FINGERPRINT_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

bool fingerprint_parse(const char *text, char out[FINGERPRINT_TEXT])
{
	unsigned char hash[FINGERPRINT_BYTES];
	size_t n, len = strlen(text);

	if (len > PREFIX && text[len - 1] == '=')
		len--;
	if (len != FINGERPRINT_TEXT - 1 || strncmp(text, prefix, PREFIX) != 0 ||
	    sodium_base642bin(hash, sizeof(hash), text + PREFIX, len - PREFIX, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL_NO_PADDING) ||
	    n != sizeof(hash))
		return false;
	fingerprint_format(hash, out);
	return true;
}

json_t *server_key_to_json(const struct server_key *key)
{
	json_t *j = json_pack("{s:s, s:s, s:s}", "kind", key->kind, "algorithm", key->algorithm, "fingerprint",
			      key->fingerprint);

	if (key->not_after)
		json_object_set_new(j, "not_after", json_integer(key->not_after));
	return j;
}

void server_key_from_json(const json_t *j, struct server_key *key)
{
	*key = (struct server_key){ .not_after = json_int(j, "not_after", 0) };
	if (!fingerprint_parse(json_str(j, "fingerprint", ""), key->fingerprint))
		return;
	snprintf(key->kind, sizeof(key->kind), "%s", json_str(j, "kind", ""));
	snprintf(key->algorithm, sizeof(key->algorithm), "%s", json_str(j, "algorithm", ""));
}
