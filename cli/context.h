/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Contexts: controllers that persona(1) reaches over TLS, by name, in $XDG_CONFIG_HOME/recast/contexts.json (mode 0600).
 * Without any the controller is that of the local socket.
 */
#ifndef RECAST_CLI_CONTEXT_H
#define RECAST_CLI_CONTEXT_H

#include "error.h"
#include "secret.h"

#include <jansson.h>

struct invocation;

/* Where the controller is and how one comes in.  Filled by endpoint_of(), freed by endpoint_fini(). */
struct endpoint {
	char *socket;	/* path of the unix socket; NULL: by url */
	char *url;	/* "https://10.0.0.1:8443" */
	char *ca;	/* PEM file; NULL: those of the system */
	char *pin;	/* "sha256//BASE64" of the server's public key, or NULL */
	char *cert, *key; /* PEM files of a client certificate, or NULL */
	struct secret *token; /* or NULL */
};

/* --socket, --context, $RECAST_CONTEXT, $RECAST_SOCKET, the context in use, the default socket: the first that is there. */
int endpoint_of(const struct invocation *inv, struct endpoint *e, struct error *err);
/* The session that `persona login` has begun: kept in a file of its own (mode 0600), which becomes the token of the context;
 * and forgotten. */
int session_save(const struct invocation *inv, const char *token, struct error *err);
void session_forget(const struct invocation *inv);
void endpoint_fini(struct endpoint *e);

#endif
