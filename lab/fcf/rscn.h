/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Registered State Change Notifications: telling those who asked (SCR) that somebody came, went or came into sight.
 */
#ifndef FCF_RSCN_H
#define FCF_RSCN_H

#include "fcf.h"

/* @subject came, went or changed; it may be a copy of a login that is no more. */
void rscn_about(struct fcf *fcf, const struct login *subject);

/* The zones were others before: each port learns of those whom it sees now and did not see then, or the reverse. */
void rscn_zones(struct fcf *fcf, const struct zoneset *before);

#endif
