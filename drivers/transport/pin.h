/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one place where a server's key is judged.  Every transport that has server keys (tls.c, ssh.c, the mock's) calls it
 * between the handshake and the first byte of a credential or a request, and goes no further when it says no.
 */
#ifndef RECAST_DRIVER_PIN_H
#define RECAST_DRIVER_PIN_H

#include "error.h"
#include "serverkey.h"

/* 0 when @shown is the key that @pin (a fingerprint in normal form; NULL: none) names.  Otherwise ERROR_UNTRUSTED with
 * both fingerprints in the text and the shown key in err->presented. */
int pin_check(const char *pin, const struct server_key *shown, struct error *err);

#endif
