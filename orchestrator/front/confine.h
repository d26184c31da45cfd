/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What recast-front gives up before it talks to anybody: other users' rights, core files, the file system (landlock) and
 * every system call that its loop does not need (seccomp).  Called by main.c.
 */
#ifndef RECAST_FRONT_CONFINE_H
#define RECAST_FRONT_CONFINE_H

#include "error.h"

/* At the very beginning: no core files, no tracing, no way to more rights; room for every connection. */
void confine_begin(void);

/* Become @user.  NULL: nobody when we are root, as far as the system allows that. */
int confine_user(const char *user, struct error *err);

/* No file can be opened, and no TCP port bound or connected to, from now on.  Logs when this kernel cannot. */
int confine_files(struct error *err);

/* Whoever calls anything that is not listed dies.  Builds with sanitizers or for coverage keep files, calls and user. */
int confine_calls(struct error *err);

/* For tests: do @what ("open", "fork", "exec", "socket", "unlink", "trace", "code") and return if that was possible. */
void confine_try(const char *what);

#endif
