/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TLS as a filter between buffers: no socket is touched here, so the connection decides how much is read and when.
 * TLS 1.2 and 1.3 with forward secrecy and AEAD only; no renegotiation, compression, session or early data.
 * Used by conn.c for each connection, and by credentials.c when certificates arrive.
 */
#ifndef RECAST_FRONT_TLS_H
#define RECAST_FRONT_TLS_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;
struct tls;
struct tls_session;

enum { TLS_SUBJECT_MAX = 240 };

/* PEM texts; @ca NULL: clients are not asked for certificates. */
struct tls_pem {
	const char *certificate, *key, *ca;
	size_t certificate_len, key_len, ca_len;
};

struct tls *tls_create(void);
void tls_destroy(struct tls *tls);

/* Serve @pem from now on.  When it cannot be, what was served before still is.  Sessions keep what they began with. */
int tls_load(struct tls *tls, const struct tls_pem *pem, struct error *err);

/* Whether the CAs in @pem could be used. */
int tls_try_ca(const char *pem, size_t len, struct error *err);

/* When the certificate in force ends (seconds of UTC); 0: there is none. */
int64_t tls_not_after(const struct tls *tls);

enum tls_state {
	TLS_SHAKING,
	TLS_OPEN,
	TLS_CLOSED, /* the peer said goodbye */
	TLS_FAILED, /* see tls_complaint() */
};

/* NULL while there is no certificate. */
struct tls_session *tls_session_create(struct tls *tls);
void tls_session_destroy(struct tls_session *s);

/* Take ciphertext from @wire_in as long as @plain holds less than @plain_max bytes; what the peer must be sent
 * goes to @wire_out. */
enum tls_state tls_read(struct tls_session *s, struct evbuffer *wire_in, struct evbuffer *plain, size_t plain_max,
			struct evbuffer *wire_out);
/* Encrypt all of @plain. */
void tls_write(struct tls_session *s, struct evbuffer *plain, struct evbuffer *wire_out);
/* Say goodbye. */
void tls_bye(struct tls_session *s, struct evbuffer *wire_out);

/* Subject of the client's verified certificate as RFC 4514 writes it; empty when it showed none. */
const char *tls_subject(const struct tls_session *s);
const char *tls_complaint(const struct tls_session *s);

#endif
