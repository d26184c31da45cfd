/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a service manager gives to recastd and is told by it, in systemd's way: readiness and the watchdog (notify.c), the
 * listening socket and the master key (inherit.c), and log lines as fields of the journal (journal.c).  Called by main.c
 * only; knows libevent and libsystemd, and nothing of the core.  Without a manager, or without libsystemd, all of it does
 * nothing.
 */
#ifndef RECAST_HOST_H
#define RECAST_HOST_H

#include "error.h"

#include <event2/event.h>
#include <stddef.h>

struct host;

/* Feed the watchdog from @base, and tell what @status writes whenever it has changed. */
struct host *host_create(struct event_base *base, void (*status)(void *arg, char *out, size_t size), void *arg);
void host_destroy(struct host *h);

/* A client that comes now is answered, and the configuration in force is the one last read.  May be said again. */
void host_ready(struct host *h);
/* The configuration is being read anew; host_ready() ends that. */
void host_reloading(struct host *h);
void host_stopping(struct host *h);

/* The unix socket that the manager listens on for us, ours to close; -1 when it has none.  -2 with @err when it is
 * not one that can be served.  Logs when it is not at @path.  What a child inherits does not tell of it any more. */
int host_socket(const char *path, struct error *err);

/* Path of the credential @name, to be freed; NULL when the manager gave none. */
char *host_credential(const char *name);

/* Log lines become entries of the journal when stderr is one. */
void host_log_to_journal(void);

/* Whether recastd was built with libsystemd. */
bool host_is_supported(void);

#endif
