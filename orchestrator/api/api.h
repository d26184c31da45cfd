/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The API: frames from recast-front to services and back.  One route table (routes.def, checked against
 * schema/api/openapi.yaml by a test); authorisation; event and console streams.
 */
#ifndef RECAST_API_H
#define RECAST_API_H

#include "service.h"

#include <event2/event.h>

struct api;

enum { API_LISTEN_MAX = 8 }; /* addresses for TLS */

struct api_config {
	const char *front;  /* program */
	const char *socket, *socket_mode, *socket_group;
	const char *boot_listen; /* "10.1.0.1:8080" or NULL */
	const char *listen;	 /* the same for TLS, more separated by spaces, or NULL */
	const char *tls_certificate, *tls_key, *tls_client_ca; /* PEM files; NULL: none */
	const char *front_user; /* whom recast-front becomes; NULL: nobody when we are root */
	int listening; /* the unix socket when somebody else has made it, and keeps it; -1: the front makes it */
	/* recast-front answers, with the certificate last read; again after each of its starts and each reload.  May be NULL. */
	void (*serving)(void *arg);
	void *arg;
};

/* Start recast-front and serve.  It is started again when it dies. */
struct api *api_create(struct event_base *base, struct core *core, const struct api_config *config,
		       struct error *err);
void api_destroy(struct api *api);

/* Read certificate, key and CA anew.  Bad ones are told to the log, and those before stay. */
void api_reload(struct api *api);

#endif
