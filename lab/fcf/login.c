/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of logins.  An FCID is domain, port number and the lowest free low byte, so a card that comes back to its port
 * gets the address it had; its MAC (FPMA, FC-BB-5) is FC-MAP and FCID.
 */
#include "login.h"

#include "link.h"
#include "port.h"
#include "rscn.h"
#include "text.h"

#include <string.h>

/* FC-LS-2, LS_RJT: reasons and explanations. */
enum {
	REASON_LOGICAL_ERROR = 0x03,
	REASON_UNABLE = 0x09,
	EXPLAIN_PORT_NAME = 0x0d,
	EXPLAIN_LOGIN_REQUIRED = 0x1e,
	EXPLAIN_RESOURCES = 0x29,
};

struct login *login_find(struct fcf *fcf, uint32_t fcid)
{
	for (struct login *l = fcf->logins; fcid && l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid == fcid)
			return l;
	return NULL;
}

struct login *login_by_wwpn(struct fcf *fcf, uint64_t wwpn)
{
	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid && l->wwpn == wwpn)
			return l;
	return NULL;
}

struct enode *enode_find(struct port *port, uint64_t mac)
{
	struct fcf *fcf = port->fcf;

	for (struct enode *e = fcf->enodes; e < fcf->enodes + FCF_ENODES; e++)
		if (e->port == port && e->mac == mac)
			return e;
	return NULL;
}

static struct enode *enode_create(const struct login_request *r)
{
	struct fcf *fcf = r->port->fcf;

	for (struct enode *e = fcf->enodes; e < fcf->enodes + FCF_ENODES; e++)
		if (!e->port) {
			*e = (struct enode){ .port = r->port, .mac = r->enode_mac, .heard_ms = r->now };
			return e;
		}
	return NULL;
}

static bool enode_has_logins(const struct fcf *fcf, const struct enode *enode)
{
	for (int i = 0; i < FCF_LOGINS; i++)
		if (fcf->logins[i].fcid && fcf->logins[i].enode == enode)
			return true;
	return false;
}

void login_end(struct login *login, const char *why)
{
	struct fcf *fcf = login->port->fcf;
	struct login gone = *login;

	fcf_log(fcf, "logout fcid=%06x port=%d why=%s", gone.fcid, gone.port->number, why);
	count(gone.port, COUNTER_logouts);
	memset(login, 0, sizeof(*login));
	if (!enode_has_logins(fcf, gone.enode))
		gone.enode->port = NULL;
	rscn_about(fcf, &gone);
}

void login_end_port(struct port *port, const char *why)
{
	struct fcf *fcf = port->fcf;

	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid && l->port == port)
			login_end(l, why);
}

/* FC-LS-2: a new FLOGI is a logout of all that the card had. */
static void end_enode(struct fcf *fcf, struct enode *enode)
{
	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid && l->enode == enode)
			login_end(l, "logged in again");
}

/* On another port.  The newer one wins: the older port is disabled; but in the mode by type, where it is an NPIV login, only
 * the link is cleared, since others live on that port. */
static void oust(struct login *old, enum duplicate_mode mode)
{
	if (mode == DUPLICATE_SECOND_WINS)
		port_disable(old->port, "duplicate WWPN: second login wins");
	else
		link_clear(old, "duplicate WWPN: second login wins");
}

/* False when the login that is there already stays. */
static bool settle_duplicate(const struct login_request *r)
{
	struct fcf *fcf = r->port->fcf;
	enum duplicate_mode mode = fcf->set.duplicate;
	struct login *old = login_by_wwpn(fcf, r->wwpn);

	if (!old)
		return true;
	if (old->port == r->port)
		login_end(old, "logged in again");
	else if (mode == DUPLICATE_SECOND_WINS || (mode == DUPLICATE_BY_TYPE && r->npiv))
		oust(old, mode);
	else
		return false;
	return true;
}

static uint32_t free_fcid(struct fcf *fcf, const struct port *port)
{
	uint32_t base = (uint32_t)fcf->set.domain << 16 | (uint32_t)port->number << 8;

	for (uint32_t low = 0; low < 256; low++)
		if (!login_find(fcf, base | low))
			return base | low;
	return 0;
}

static struct login *free_login(struct fcf *fcf)
{
	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (!l->fcid)
			return l;
	return NULL;
}

static void enter(struct login *login, const struct login_request *r, struct enode *enode, uint32_t fcid)
{
	struct fcf *fcf = r->port->fcf;
	char wwpn[WWN_TEXT];

	*login = (struct login){
		.fcid = fcid,
		.wwpn = r->wwpn,
		.wwnn = r->wwnn,
		.mac = (uint64_t)fcf->set.fc_map << 24 | fcid,
		.port = r->port,
		.enode = enode,
		.npiv = r->npiv,
		.receive_size = r->receive_size,
		.heard_ms = r->now,
	};
	count(r->port, COUNTER_logins);
	text_format_octets(r->wwpn, 8, wwpn, sizeof(wwpn));
	fcf_log(fcf, "login fcid=%06x port=%d wwpn=%s kind=%s", fcid, r->port->number, wwpn, r->npiv ? "fdisc" : "flogi");
}

struct login *login_admit(struct fcf *fcf, const struct login_request *r, struct refusal *refusal)
{
	struct enode *enode = enode_find(r->port, r->enode_mac);
	struct login *login;
	uint32_t fcid;

	if (enode && !r->npiv)
		end_enode(fcf, enode);
	if (!settle_duplicate(r)) {
		*refusal = (struct refusal){ REASON_LOGICAL_ERROR, EXPLAIN_PORT_NAME, true };
		return NULL;
	}
	/* Only now: the logins that ended may have taken it along. */
	enode = enode_find(r->port, r->enode_mac);
	if (r->npiv && !enode) {
		*refusal = (struct refusal){ REASON_UNABLE, EXPLAIN_LOGIN_REQUIRED, false };
		return NULL;
	}
	login = free_login(fcf);
	fcid = free_fcid(fcf, r->port);
	if (login && fcid && !enode)
		enode = enode_create(r);
	if (!login || !fcid || !enode) {
		*refusal = (struct refusal){ REASON_UNABLE, EXPLAIN_RESOURCES, false };
		return NULL;
	}
	enter(login, r, enode, fcid);
	return login;
}

void login_send(struct login *to, struct fc *fc, enum frame_kind kind)
{
	struct fcf *fcf = to->port->fcf;
	const uint32_t f_ctl = fc->f_ctl;
	size_t left = fc->len;

	do {
		struct frame f = { .kind = kind, .vlan = fcf->set.vlan };

		fc->len = left < to->receive_size ? left : to->receive_size;
		left -= fc->len;
		/* The sequence ends, and initiative passes, with its last frame (FC-FS-3, F_CTL). */
		fc->f_ctl = left ? f_ctl & ~(F_CTL_END | F_CTL_LAST | F_CTL_INITIATIVE) : f_ctl;
		fcoe_write(&f, to->mac, fcf->set.mac, fc);
		port_send(to->port, &f);
		fc->payload += fc->len;
		fc->seq_cnt++;
	} while (left);
}
