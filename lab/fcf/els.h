/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Extended link services: those that come in FCoE frames to a well-known address, and the payloads that link.c needs for
 * those that come by FIP.
 */
#ifndef FCF_ELS_H
#define FCF_ELS_H

#include "fcf.h"
#include "fcframe.h"

enum { ELS_LS_RJT = 0x01, ELS_LS_ACC = 0x02, ELS_FLOGI = 0x04, ELS_LOGO = 0x05, ELS_FDISC = 0x51 };
enum { ELS_LOGIN = 116, ELS_LOGO_SIZE = 16 }; /* lengths of payloads */

/* A request to fffffc, fffffd or fffffe from a port that is logged in. */
void els_receive(struct login *from, const struct fc *fc);

/* What FLOGI and FDISC say.  -1 when the payload is no such thing or names nobody. */
int els_read_login(const struct fc *fc, uint64_t *wwpn, uint64_t *wwnn, uint16_t *receive_size);

/* Payloads; each returns its length.  @out has room for ELS_LOGIN bytes. */
size_t els_fabric_accept(const struct login *login, uint8_t *out);
size_t els_reject(uint8_t reason, uint8_t explanation, uint8_t *out);
size_t els_accept(uint8_t *out);

#endif
