/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The public key by which a server is known, as a fingerprint in text: "SHA256:" and the base64 of 32 bytes, without
 * padding.  Of an SSH host key that is what `ssh-keygen -lf` prints; of a TLS key it is the SHA-256 of its
 * SubjectPublicKeyInfo in DER.  Drivers tell it, the core keeps it, persona(1) shows it.
 */
#ifndef RECAST_SERVERKEY_H
#define RECAST_SERVERKEY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { FINGERPRINT_BYTES = 32, FINGERPRINT_TEXT = 51 };

struct server_key {
	char kind[8];			    /* "tls" or "ssh" */
	char algorithm[32];		    /* "EC 256", "ssh-ed25519": for people */
	char fingerprint[FINGERPRINT_TEXT]; /* empty: there is no key */
	int64_t not_after;		    /* end of its certificate (UTC ms); 0: it has none */
};

void fingerprint_format(const unsigned char hash[FINGERPRINT_BYTES], char out[FINGERPRINT_TEXT]);

/* The normal form of @text, which may end in the padding "=" that others write.  False when it is no fingerprint. */
bool fingerprint_parse(const char *text, char out[FINGERPRINT_TEXT]);

/* {kind, algorithm, fingerprint, not_after?}, and back: what is missing or no fingerprint leaves an empty one. */
json_t *server_key_to_json(const struct server_key *key);
void server_key_from_json(const json_t *j, struct server_key *key);

#endif
