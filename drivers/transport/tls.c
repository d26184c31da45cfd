/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Streams over TLS 1.2 and 1.3.  Called by stream.c.
 *
 * A server is known by its pinned key (pin.h) and by nothing else: names, issuers and dates of its certificate do not
 * matter, since a key that was compared once says more than they do.  The key is judged while hands are shaken, before our
 * own certificate would be sent; the handshake then proves that the server has it.
 */
#include "stream_kind.h"

#include "arena.h"
#include "clock.h"
#include "pin.h"
#include "tls_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERDICT_MS = 500 };

struct tls_stream {
	struct stream s;
	SSL *ssl;
	bool asked; /* the server wants a certificate of us */
	const char *pin; /* only during the handshake */
	struct server_key key;
	struct error judgement; /* of pin_check() */
};

static int judge(X509_STORE_CTX *x, void *arg)
{
	struct tls_stream *t = arg;

	if (!tls_key_read(X509_STORE_CTX_get0_cert(x), &t->key))
		error_set(&t->judgement, ERROR_PROTOCOL, "its certificate holds no key that can be read");
	else
		pin_check(t->pin, &t->key, &t->judgement);
	if (!t->judgement.code)
		return 1;
	X509_STORE_CTX_set_error(x, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

/* Alerts by which a server says that it does not know us. */
static bool refuses_us(int reason)
{
	return reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED || reason == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN || reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
	       reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE || reason == SSL_R_TLSV1_ALERT_ACCESS_DENIED;
}

static int broken(struct error *err)
{
	unsigned long code = ERR_peek_error();
	const char *words = ERR_reason_error_string(code);
	int reason = ERR_GET_REASON(code);

	ERR_clear_error();
	if (!code)
		return error_set(err, ERROR_UNREACHABLE, "the connection was lost");
	if (refuses_us(reason)) {
		error_set(err, ERROR_AUTH, "it does not accept our certificate (TLS: %s)", words ? words : "refused");
		return error_hint(err, "Give certificate and key in PEM with `secret: NAME` of the device and `persona secret set`.");
	}
	return error_set(err, ERROR_PROTOCOL, "TLS failed: %s", words ? words : "no reason");
}

/* What SSL_… returned @rc for: 0 when it is to be called again, -1 when it has failed. */
static int go_on(struct tls_stream *t, int rc, int64_t deadline_ms, struct error *err)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return stream_wait(t->s.fd, POLLIN, deadline_ms, err);
	case SSL_ERROR_WANT_WRITE:
		return stream_wait(t->s.fd, POLLOUT, deadline_ms, err);
	default:
		return broken(err);
	}
}

static ssize_t tls_send(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err)
{
	struct tls_stream *t = (struct tls_stream *)s;
	size_t n = 0;
	int rc;

	ERR_clear_error();
	while ((rc = SSL_write_ex(t->ssl, bytes, len, &n)) != 1)
		if (go_on(t, rc, deadline_ms, err))
			return -1;
	return (ssize_t)n;
}

static ssize_t tls_recv(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err)
{
	struct tls_stream *t = (struct tls_stream *)s;
	size_t n = 0;
	int rc;

	ERR_clear_error();
	while ((rc = SSL_read_ex(t->ssl, bytes, size, &n)) != 1) {
		if (SSL_get_error(t->ssl, rc) == SSL_ERROR_ZERO_RETURN)
			return 0;
		if (go_on(t, rc, deadline_ms, err))
			return -1;
	}
	return (ssize_t)n;
}

static bool tls_pending(const struct stream *s)
{
	return SSL_has_pending(((const struct tls_stream *)s)->ssl);
}

static const struct server_key *tls_key(const struct stream *s)
{
	return &((const struct tls_stream *)s)->key;
}

static void tls_close(struct stream *s)
{
	struct tls_stream *t = (struct tls_stream *)s;

	if (t->ssl && SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	ERR_clear_error();
	close(s->fd);
	free(t);
}

static const struct stream_ops tls_ops = {
	.send = tls_send, .recv = tls_recv, .pending = tls_pending, .key = tls_key, .close = tls_close,
};

/* Our certificate and its key, in PEM one after the other. */
static int show_certificate(SSL_CTX *ctx, const struct secret *pem, struct error *err)
{
	/* Revealed to be parsed where it lies; OpenSSL wipes its form of the key. */
	BIO *in = BIO_new_mem_buf(secret_reveal(pem), (int)secret_len(pem));
	X509 *certificate = PEM_read_bio_X509(in, NULL, NULL, (void *)"");
	EVP_PKEY *key;
	int rc;

	(void)BIO_reset(in);
	key = PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)"");
	rc = certificate && key && SSL_CTX_use_certificate(ctx, certificate) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
	X509_free(certificate);
	EVP_PKEY_free(key);
	BIO_free(in);
	ERR_clear_error();
	if (rc)
		return 0;
	error_set(err, ERROR_INVALID, "its secret is not a certificate and the key of it, both in PEM");
	return error_hint(err, "cat client.pem client.key | persona secret set NAME -");
}

static int on_asked(SSL *ssl, void *arg)
{
	(void)ssl;
	((struct tls_stream *)arg)->asked = true;
	return 1;
}

static SSL_CTX *context(struct tls_stream *t, const struct secret *credential, struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx) {
		error_set(err, ERROR_INTERNAL, "OpenSSL has no memory");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, judge, t);
	SSL_CTX_set_cert_cb(ctx, on_asked, t);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* JSON-RPC sees by itself whether a message is whole. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	if (!credential || !show_certificate(ctx, credential, err))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static int shake_hands(struct tls_stream *t, int64_t deadline_ms, struct error *err)
{
	int rc;

	ERR_clear_error();
	while ((rc = SSL_connect(t->ssl)) != 1) {
		if (!go_on(t, rc, deadline_ms, err))
			continue;
		if (t->judgement.code && err)
			*err = t->judgement;
		return -1;
	}
	return 0;
}

/* In TLS 1.3 our side is through before the server has looked at our certificate.  What we would send now could make its
 * refusal get lost, and look as if it had only gone: so its first word is waited for, a ticket or an alert.  A server without
 * tickets says nothing, which costs a moment per connection. */
static int await_verdict(struct tls_stream *t, int64_t deadline_ms, struct error *err)
{
	int64_t until = clock_mono_ms() + VERDICT_MS;
	size_t n;
	char byte;
	int rc;

	if (!t->asked || SSL_version(t->ssl) != TLS1_3_VERSION ||
	    stream_wait(t->s.fd, POLLIN, until < deadline_ms ? until : deadline_ms, NULL))
		return 0;
	ERR_clear_error();
	rc = SSL_peek_ex(t->ssl, &byte, 1, &n);
	return rc == 1 || SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_READ ? 0 : broken(err);
}

struct stream *tls_open(int fd, const struct stream_peer *peer, int64_t deadline_ms, struct error *err)
{
	struct tls_stream *t = xcalloc(1, sizeof(*t));
	SSL_CTX *ctx;

	t->s = (struct stream){ .ops = &tls_ops, .fd = fd };
	t->pin = peer->pin;
	ctx = context(t, peer->credential, err);
	t->ssl = ctx ? SSL_new(ctx) : NULL;
	SSL_CTX_free(ctx); /* the connection keeps its own reference */
	if (t->ssl && SSL_set_fd(t->ssl, fd) == 1 && !shake_hands(t, deadline_ms, err) && !await_verdict(t, deadline_ms, err)) {
		t->pin = NULL;
		return &t->s;
	}
	stream_close(&t->s);
	return NULL;
}
