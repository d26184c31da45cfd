/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TLS over memory buffers, with OpenSSL.  See tls.h.
 */
#include "tls.h"

#include "arena.h"
#include "secret.h"

#include <event2/buffer.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RECORD_MAX = 16384, CLIENT_CHAIN_MAX = 32 * 1024, CLIENT_CHAIN_DEPTH = 5 };

struct tls {
	SSL_CTX *ctx;
	int64_t not_after;
};

struct tls_session {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	enum tls_state state;
	char subject[TLS_SUBJECT_MAX + 1];
	char complaint[160];
};

struct tls *tls_create(void)
{
	return xcalloc(1, sizeof(struct tls));
}

void tls_destroy(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

int64_t tls_not_after(const struct tls *tls)
{
	return tls->not_after;
}

/* Why the last call of OpenSSL failed, for people. */
static const char *why(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "it cannot be read";
}

/* A key with a passphrase must not make OpenSSL ask for it on some terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* HTTP/1.1 is all there is; a client that wants only something else is told so instead of misunderstood. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
			   unsigned int inlen, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)out, outlen, ours, sizeof(ours) - 1, in, inlen) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_MAX);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
					  "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* The first certificate is ours, the others lead to its issuer. */
static int use_certificates(SSL_CTX *ctx, const struct tls_pem *pem, int64_t *not_after, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem->certificate, (int)pem->certificate_len);
	X509 *x;
	int n = 0, ok = 1;

	while (ok == 1 && (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		if (n++ == 0) {
			*not_after = seconds_of(X509_get0_notAfter(x));
			ok = SSL_CTX_use_certificate(ctx, x);
			X509_free(x);
		} else if ((ok = (int)SSL_CTX_add0_chain_cert(ctx, x)) != 1) {
			X509_free(x);
		}
	}
	BIO_free(bio);
	if (n == 0 || ok != 1)
		return error_set(err, ERROR_INVALID, "tls_certificate holds no certificate that can be served: %s", why());
	return 0;
}

static int use_key(SSL_CTX *ctx, const struct tls_pem *pem, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem->key, (int)pem->key_len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	int rc = 0;

	BIO_free(bio);
	if (!key)
		return error_set(err, ERROR_INVALID, "tls_key holds no private key without a passphrase: %s", why());
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		rc = error_set(err, ERROR_INVALID, "tls_key does not belong to tls_certificate: %s", why());
	EVP_PKEY_free(key);
	return rc;
}

static int use_ca(SSL_CTX *ctx, const struct tls_pem *pem, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem->ca, (int)pem->ca_len);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	int n = 0, ok = 1;
	X509 *x;

	while (ok == 1 && (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		ok = X509_STORE_add_cert(store, x) == 1 && SSL_CTX_add_client_CA(ctx, x) == 1;
		X509_free(x);
		n++;
	}
	BIO_free(bio);
	if (n == 0 || ok != 1)
		return error_set(err, ERROR_INVALID, "tls_client_ca holds no certificate that can be used: %s", why());
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
	SSL_CTX_set_verify_depth(ctx, CLIENT_CHAIN_DEPTH);
	return 0;
}

int tls_load(struct tls *tls, const struct tls_pem *pem, struct error *err)
{
	int64_t not_after = 0;
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = new_context();
	if (!ctx)
		return error_set(err, ERROR_INTERNAL, "OpenSSL makes no TLS context: %s", why());
	if (use_certificates(ctx, pem, &not_after, err) || use_key(ctx, pem, err) || (pem->ca && use_ca(ctx, pem, err))) {
		SSL_CTX_free(ctx);
		ERR_clear_error();
		return -1;
	}
	SSL_CTX_free(tls->ctx);
	tls->ctx = ctx;
	tls->not_after = not_after;
	ERR_clear_error();
	return 0;
}

int tls_try_ca(const char *ca, size_t len, struct error *err)
{
	struct tls_pem pem = { .ca = ca, .ca_len = len };
	SSL_CTX *ctx = new_context();
	int rc = ctx ? use_ca(ctx, &pem, err) : error_set(err, ERROR_INTERNAL, "OpenSSL makes no TLS context: %s", why());

	SSL_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

struct tls_session *tls_session_create(struct tls *tls)
{
	struct tls_session *s;
	SSL *ssl = tls->ctx ? SSL_new(tls->ctx) : NULL;

	if (!ssl)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->ssl = ssl;
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, s->in, s->out);
	SSL_set_accept_state(ssl);
	return s;
}

void tls_session_destroy(struct tls_session *s)
{
	if (!s)
		return;
	SSL_free(s->ssl);
	ERR_clear_error();
	free(s);
}

static void drain(struct tls_session *s, struct evbuffer *wire_out)
{
	char bytes[RECORD_MAX];
	int n;

	while ((n = BIO_read(s->out, bytes, sizeof(bytes))) > 0)
		evbuffer_add(wire_out, bytes, (size_t)n);
}

static void fail(struct tls_session *s)
{
	long verified = SSL_get_verify_result(s->ssl);
	const char *text = ERR_reason_error_string(ERR_peek_error());

	s->state = TLS_FAILED;
	if (!s->complaint[0])
		snprintf(s->complaint, sizeof(s->complaint), "%s%s%s", text ? text : "broken off",
			 verified == X509_V_OK ? "" : ": ",
			 verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified));
	ERR_clear_error();
}

/* The peer's name, from a certificate that was verified.  One that cannot be written down whole is nobody's. */
static bool learn_subject(struct tls_session *s)
{
	X509 *x = SSL_get0_peer_certificate(s->ssl);
	char *text = NULL;
	json_t *utf8;
	BIO *bio;
	long n;

	if (!x)
		return true;
	if (SSL_get_verify_result(s->ssl) != X509_V_OK)
		return false;
	bio = BIO_new(BIO_s_mem());
	X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(bio, &text);
	if (n > 0 && n <= TLS_SUBJECT_MAX)
		memcpy(s->subject, text, (size_t)n);
	BIO_free(bio);
	utf8 = json_string(s->subject);
	json_decref(utf8);
	if (n <= TLS_SUBJECT_MAX && utf8)
		return true;
	s->subject[0] = '\0';
	snprintf(s->complaint, sizeof(s->complaint), "the subject of the certificate is too long or not UTF-8");
	return false;
}

/* One step; false when more ciphertext is needed. */
static bool step(struct tls_session *s, struct evbuffer *plain, size_t room)
{
	unsigned char bytes[RECORD_MAX];
	int n, error;

	ERR_clear_error();
	if (s->state == TLS_SHAKING)
		n = SSL_do_handshake(s->ssl);
	else
		n = SSL_read(s->ssl, bytes, (int)(room < sizeof(bytes) ? room : sizeof(bytes)));
	if (n > 0 && s->state == TLS_SHAKING) {
		s->state = TLS_OPEN;
		if (!learn_subject(s))
			fail(s);
		return true;
	}
	if (n > 0) {
		evbuffer_add(plain, bytes, (size_t)n);
		secret_wipe(bytes, (size_t)n);
		return true;
	}
	error = SSL_get_error(s->ssl, n);
	if (error == SSL_ERROR_WANT_READ)
		return false;
	if (error == SSL_ERROR_ZERO_RETURN)
		s->state = TLS_CLOSED;
	else
		fail(s);
	return true;
}

enum tls_state tls_read(struct tls_session *s, struct evbuffer *wire_in, struct evbuffer *plain, size_t plain_max,
			struct evbuffer *wire_out)
{
	char bytes[RECORD_MAX];
	size_t have;
	int n;

	while (s->state <= TLS_OPEN) {
		have = evbuffer_get_length(plain);
		if (s->state == TLS_OPEN && have >= plain_max)
			break;
		if (step(s, plain, plain_max - have))
			continue;
		n = evbuffer_remove(wire_in, bytes, sizeof(bytes));
		if (n <= 0)
			break;
		BIO_write(s->in, bytes, n);
	}
	drain(s, wire_out);
	return s->state;
}

void tls_write(struct tls_session *s, struct evbuffer *plain, struct evbuffer *wire_out)
{
	size_t len;

	while ((len = evbuffer_get_length(plain)) && s->state != TLS_FAILED) {
		if (len > RECORD_MAX)
			len = RECORD_MAX;
		ERR_clear_error();
		if (SSL_write(s->ssl, evbuffer_pullup(plain, (ev_ssize_t)len), (int)len) <= 0)
			fail(s);
		evbuffer_drain(plain, len);
	}
	drain(s, wire_out);
}

void tls_bye(struct tls_session *s, struct evbuffer *wire_out)
{
	ERR_clear_error();
	if (SSL_is_init_finished(s->ssl) && s->state != TLS_FAILED)
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	drain(s, wire_out);
}

const char *tls_subject(const struct tls_session *s)
{
	return s->subject;
}

const char *tls_complaint(const struct tls_session *s)
{
	return s->complaint;
}
