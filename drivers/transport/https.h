/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests over HTTPS to a device that is known by its pinned key (pin.h), with a deadline on each, over libcurl.  For
 * drivers of REST interfaces.  There is no way to speak without TLS: a password in clear is everybody's.
 *
 * One connection, kept between requests; for one thread at a time.  What libcurl frees it wipes first, since passwords and
 * tokens pass through it.
 */
#ifndef RECAST_DRIVER_HTTPS_H
#define RECAST_DRIVER_HTTPS_H

#include "error.h"
#include "secret.h"
#include "serverkey.h"
#include "text.h"

enum { HTTPS_BODY_MAX = 16 * 1024 * 1024 };

struct https;

struct https_request {
	const char *method, *path; /* the path with its query */
	const char *media;	   /* Accept, and Content-Type of a body */
	const char *body;	   /* NULL: none */
	const struct secret *authorization; /* the whole header line, or NULL */
	bool once; /* never sent a second time by itself, as it is when a connection turns out to be dead */
};

struct https_reply {
	long status;
	struct text body;
	struct secret *authorization; /* the header line Authorization of the answer, or NULL */
};

/* Is @address "https://HOST[:PORT]" and nothing more? */
bool https_address_is_valid(const char *address);

/* @address and @pin (NULL: nobody may be talked to) are borrowed.  @agent is what the server is told who asks. */
struct https *https_create(const char *address, const char *pin, const char *agent);
void https_destroy(struct https *h); /* NULL is allowed */

/* The answer, of any status, to be released with https_reply_fini(); or -1 with ERROR_UNREACHABLE, ERROR_UNTRUSTED (nothing
 * was sent) or ERROR_PROTOCOL. */
int https_call(struct https *h, const struct https_request *request, struct https_reply *reply, int64_t deadline_ms,
	       struct error *err);
void https_reply_fini(struct https_reply *reply);

/* The key that the server has proved to have at the last handshake; its fingerprint is empty before the first. */
const struct server_key *https_key(const struct https *h);

/* Our own address on the last connection; empty when there was none. */
const char *https_local_address(const struct https *h);

/* "Authorization: Basic …" of user and password. */
struct secret *https_basic(const char *user, const struct secret *password);

#endif
