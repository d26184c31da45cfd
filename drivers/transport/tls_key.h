/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The key of a TLS server out of its certificate, for those who judge it with pin_check(): tls.c, https.c.
 */
#ifndef RECAST_DRIVER_TLS_KEY_H
#define RECAST_DRIVER_TLS_KEY_H

#include "serverkey.h"

#include <openssl/x509.h>

/* False when it holds none that can be read. */
bool tls_key_read(X509 *certificate, struct server_key *key);

#endif
