/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a BMC tells without a session, for its examination: commands that need none, and the first half of opening an
 * RMCP+ session (IPMI 2.0, 13.17 to 13.21).  A BMC says in its
 * open session response which algorithms it takes, and proves in RAKP message 2 that it knows the password of a user, with
 * a keyed hash that can be compared with that of a guess.  A session is never activated and no password is sent, so a BMC
 * counts no failed login; an attempt that was begun is taken back.
 */
#ifndef RECAST_IPMI_RAKP_H
#define RECAST_IPMI_RAKP_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAKP_HASH_MAX = 32, RAKP_RANDOM = 16, RAKP_USER_MAX = 16 };

enum rakp_result {
	RAKP_YES,	/* the BMC goes along */
	RAKP_NO,	/* it says no: to the suite, or to the user */
	RAKP_SILENT,	/* nothing came that makes sense */
};

struct rakp {
	int fd;
	int64_t deadline_ms;
	int suite; /* 0, 3 or 17 */
	uint8_t tag;
	uint32_t console, managed; /* session ids */
	uint8_t our_random[RAKP_RANDOM];
	/* From RAKP message 2. */
	uint8_t their_random[RAKP_RANDOM], guid[16], hash[RAKP_HASH_MAX];
	char user[RAKP_USER_MAX + 1];
};

/* A socket to the BMC at HOST or HOST:PORT; -1 with the reason.  The name has just been resolved for a session, so that
 * doing it once more does not take long. */
int rakp_connect(const char *address, struct error *err);

/* A command that needs no session, as IPMI 1.5 without authentication.  The answer's data after a completion code of 0, of
 * which there are at least @want bytes; -1 otherwise, silence included. */
int rakp_ask(struct rakp *r, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len, uint8_t *answer, size_t want);

/* Begin with a suite and a user.  RAKP_NO when the BMC refuses the suite or knows no such user. */
enum rakp_result rakp_begin(struct rakp *r, const char *user);

/* After RAKP_YES with suite 3 or 17: is this the user's password? */
bool rakp_password_is(const struct rakp *r, const char *password);

/* Take back what rakp_begin() began. */
void rakp_abandon(struct rakp *r);

#endif
