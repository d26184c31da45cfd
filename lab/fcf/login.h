/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is logged in to the fabric: admission, addresses, the end of a login.  link.c and els.c ask for it; it sends nothing
 * itself but has rscn.c tell of who left, and link.c clear a link that another login took over.
 */
#ifndef FCF_LOGIN_H
#define FCF_LOGIN_H

#include "fcf.h"
#include "fcframe.h"

struct login_request {
	struct port *port;
	uint64_t enode_mac, wwpn, wwnn;
	bool npiv; /* FDISC */
	uint16_t receive_size;
	int64_t now;
};

/* Why not: LS_RJT's two codes, and whether the port is to be disabled once that is sent. */
struct refusal {
	uint8_t reason, explanation;
	bool disable;
};

/* NULL and @refusal, or the new login.  Ends older logins that this one stands for. */
struct login *login_admit(struct fcf *fcf, const struct login_request *request, struct refusal *refusal);

/* The others that may see it are told.  Takes the ENode along when it was its last login. */
void login_end(struct login *login, const char *why);
void login_end_port(struct port *port, const char *why);

/* NULL when there is none. */
struct login *login_find(struct fcf *fcf, uint32_t fcid);
struct login *login_by_wwpn(struct fcf *fcf, uint64_t wwpn);
struct enode *enode_find(struct port *port, uint64_t mac);

/* Send an FC frame of the fabric's own to a login; one longer than it receives as a sequence of several. */
void login_send(struct login *to, struct fc *fc, enum frame_kind kind);

#endif
