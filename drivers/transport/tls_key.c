/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See tls_key.h.
 */
#include "tls_key.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

static int64_t time_of(const ASN1_TIME *at)
{
	struct tm tm;

	return ASN1_TIME_to_tm(at, &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

/* The fingerprint is that of the key alone, so that a certificate can be renewed under it. */
bool tls_key_read(X509 *certificate, struct server_key *key)
{
	unsigned char *der = NULL, hash[FINGERPRINT_BYTES];
	EVP_PKEY *pkey = X509_get0_pubkey(certificate);
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	bool hashed = pkey && len > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, hash, NULL);

	OPENSSL_free(der);
	if (!hashed)
		return false;
	*key = (struct server_key){ .kind = "tls", .not_after = time_of(X509_get0_notAfter(certificate)) };
	snprintf(key->algorithm, sizeof(key->algorithm), "%s %d", EVP_PKEY_get0_type_name(pkey), EVP_PKEY_get_bits(pkey));
	fingerprint_format(hash, key->fingerprint);
	return true;
}
