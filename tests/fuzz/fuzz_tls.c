/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TLS records of a peer (orchestrator/front/tls.c): any bytes end in a state, with no more plain text than there is room
 * for, and the peer that has shown no certificate has no name.
 */
#include "fuzz.h"

#include "tls.h"

#include <event2/buffer.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

FUZZ_TARGET

enum { ROOM = 4096, RECORD_MAX = 16384 };

/* A key of a moment, and a certificate that it signed itself, as PEM in @pem and @key. */
static void make_identity(BIO *pem, BIO *key)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, pair);
	fuzz_assert(X509_sign(cert, pair, EVP_sha256()));
	fuzz_assert(PEM_write_bio_X509(pem, cert) && PEM_write_bio_PrivateKey(key, pair, NULL, NULL, 0, NULL, NULL));
	X509_free(cert);
	EVP_PKEY_free(pair);
}

/* One for all inputs: the key takes longer than they do. */
static struct tls *server(void)
{
	static struct tls *tls;
	BIO *cert, *key;
	struct tls_pem pem;
	struct error err = { 0 };
	char *text;

	if (tls)
		return tls;
	cert = BIO_new(BIO_s_mem());
	key = BIO_new(BIO_s_mem());
	make_identity(cert, key);
	pem.certificate_len = pem.ca_len = (size_t)BIO_get_mem_data(cert, &text);
	pem.certificate = pem.ca = text;
	pem.key_len = (size_t)BIO_get_mem_data(key, &text);
	pem.key = text;
	tls = tls_create();
	if (tls_load(tls, &pem, &err))
		fprintf(stderr, "%s\n", err.text);
	fuzz_assert(tls_not_after(tls) > 0);
	BIO_free(cert);
	BIO_free(key);
	return tls;
}

static void fuzz(const char *bytes, size_t len)
{
	struct evbuffer *in = evbuffer_new(), *plain = evbuffer_new(), *out = evbuffer_new();
	struct tls_session *s = tls_session_create(server());
	enum tls_state state = TLS_SHAKING;
	size_t n, at;

	for (at = 0; at < len && state < TLS_CLOSED; at += n) {
		n = len - at < 1 + len / 3 ? len - at : 1 + len / 3;
		evbuffer_add(in, bytes + at, n);
		state = tls_read(s, in, plain, ROOM, out);
		fuzz_assert(evbuffer_get_length(plain) <= ROOM + RECORD_MAX);
		fuzz_assert(state != TLS_FAILED || tls_complaint(s)[0]);
	}
	/* Nobody shakes hands by chance. */
	fuzz_assert(state != TLS_OPEN && !tls_subject(s)[0] && !evbuffer_get_length(plain));
	tls_bye(s, out);
	tls_session_destroy(s);
	evbuffer_free(in);
	evbuffer_free(plain);
	evbuffer_free(out);
}
