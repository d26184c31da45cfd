/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-driver-lio.
 *
 *   lio.c         the driver: open, observe, apply
 *   lio_link.c    the way to the helper, and one request through it
 *   lio_reply.c   what the helper answers, as results and documents
 *
 * The driver knows nothing of configfs: recast-lio-target (lio-target/) does the work on the machine of the array, and
 * speaks the same protocol as a driver.  An apply is one line there and one line back, whatever it changes, and is carried
 * out to its end when the connection is cut meanwhile: then it is `unknown`, and is asked for again.
 */
#ifndef RECAST_DRIVER_LIO_H
#define RECAST_DRIVER_LIO_H

#include "driver.h"
#include "ssh.h"

enum lio_way { LIO_SSH, LIO_UNIX, LIO_LOCAL };

struct lio_lane;

struct lio {
	const char *name, *address, *pin;
	const struct secret *credential;
	enum lio_way way;
	struct remote_address at; /* ssh */
	json_t *options;	  /* for the helper */
	struct lio_lane *lanes[2]; /* ordinary and urgent: neither waits for the other's answer */
};

/* lio_link.c */
int lio_link_create(struct lio *l, struct error *err);
void lio_link_destroy(struct lio *l);
/* The answer to a request; its reference to @frame is taken, and what was sent is wiped.  NULL: none came; *sent says
 * whether the request may have been carried out all the same. */
json_t *lio_ask(const struct lio *l, bool urgent, json_t *frame, int64_t deadline_ms, bool *sent, struct error *err);
/* The storage document's security, or NULL. */
json_t *lio_security(const struct lio *l, int64_t deadline_ms, struct error *err);

/* lio_reply.c: pure.  The error that a reply is, or ERROR_PROTOCOL: always -1. */
int lio_error(const json_t *reply, struct error *err);
/* ERROR_PROTOCOL when the hello is not that of a helper that we know. */
int lio_hello(const json_t *frame, struct error *err);
/* Fill in the results.  -1: the request failed as a whole. */
int lio_results(const json_t *reply, struct driver_change *changes, size_t n, struct error *err);
/* The document in a reply: a new reference, or NULL. */
json_t *lio_document(const json_t *reply, struct error *err);

#endif
