/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-front --judge CERTIFICATE KEY [CA]: whether these files could be served, for `recastd --check-config`.  Opens no
 * socket.  One line for each finding on stdout: "wrong KEY TEXT" or "soon KEY TEXT", with the key of recast.conf.
 */
#ifndef RECAST_FRONT_JUDGE_H
#define RECAST_FRONT_JUDGE_H

/* The status to exit with: 0 when it could be said what is wrong, also when nothing is. */
int judge(const char *const *files, int n);

#endif
