/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to ssh.c: what it needs of a library for SSH.  ssh_libssh.c and ssh_libssh2.c each have all of it; configure chooses one.
 *
 * No call waits.  One that would says WIRE_AGAIN, and is made again with the same arguments when the socket is ready for
 * wire_events(), so that deadlines and interruptions are those of stream.c whatever the library.
 */
#ifndef RECAST_DRIVER_SSH_WIRE_H
#define RECAST_DRIVER_SSH_WIRE_H

#include "ssh.h"

#include <poll.h>

enum wire_answer {
	WIRE_OK,
	WIRE_AGAIN,
	WIRE_REFUSED,  /* the host said no */
	WIRE_PARTIAL,  /* the host said yes, and wants more */
	WIRE_UNUSABLE, /* a key that is none */
	WIRE_LOST,
};

enum wire_method { WIRE_PASSWORD = 1, WIRE_QUESTIONS = 2 };

/* The kinds of host keys that there are; WIRE_ANY_KEY leaves the choice to the library. */
enum wire_key_kind { WIRE_ANY_KEY, WIRE_ED25519, WIRE_ECDSA, WIRE_RSA, WIRE_KEY_KINDS };

enum wire_channel_kind { WIRE_EXEC, WIRE_SOCKET, WIRE_SHELL };

/* The size of the terminal that WIRE_SHELL asks for: wide, so that no line that is typed is wrapped. */
enum { WIRE_COLUMNS = 511, WIRE_ROWS = 24 };

struct wire;
struct wire_channel;

/* "libssh 0.10.6" */
const char *wire_library(void);

/* A session on @fd, which stays the caller's.  NULL when there can be none. */
struct wire *wire_create(int fd, const struct remote_address *at, enum wire_key_kind kind);
void wire_destroy(struct wire *w); /* says goodbye; NULL is allowed */

short wire_events(struct wire *w);
const char *wire_words(struct wire *w); /* about the last failure; may be empty */
bool wire_is_alive(struct wire *w);

enum wire_answer wire_shake_hands(struct wire *w);
/* The host key: algorithm and SHA-256. */
int wire_read_key(struct wire *w, char *algorithm, size_t size, unsigned char hash[FINGERPRINT_BYTES]);

/* What this user may try: bits of enum wire_method. */
enum wire_answer wire_ask_methods(struct wire *w, unsigned *methods);
enum wire_answer wire_login_key(struct wire *w, const struct secret *key);
enum wire_answer wire_login_password(struct wire *w, const struct secret *password);
/* keyboard-interactive: each question that is not echoed is answered with the password, others with nothing. */
enum wire_answer wire_login_questions(struct wire *w, const struct secret *password);
/* Why a login with this key cannot succeed with this library, or NULL. */
const char *wire_key_trouble(const struct secret *key);

/* A channel of the kind, to a command or a path.  It is closed whatever came of it. */
struct wire_channel *wire_channel_create(struct wire *w, enum wire_channel_kind kind, const char *what);
enum wire_answer wire_channel_open(struct wire_channel *c);
void wire_channel_close(struct wire_channel *c);
/* Bytes (0: the end, on reading), or -1 with *answer WIRE_AGAIN or WIRE_LOST. */
ssize_t wire_read(struct wire_channel *c, void *bytes, size_t size, enum wire_answer *answer);
ssize_t wire_write(struct wire_channel *c, const void *bytes, size_t len, enum wire_answer *answer);

#endif
