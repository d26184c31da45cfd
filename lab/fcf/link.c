/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * FIP as an FCF has it (FC-BB-5, 7.8).  A card finds the VLAN, then the forwarder, logs in by FLOGI and FDISC in FIP, gets
 * an FPMA for each, and says that it lives: itself every FKA_ADV_Period, each VN_Port every 90 s.  After 2.5 periods of
 * silence the link is cleared.
 */
#include "link.h"

#include "clock.h"
#include "els.h"
#include "fip.h"
#include "login.h"
#include "port.h"
#include "rscn.h"

enum { PRIORITY = 128, REASON_ERROR = 0x03, REASON_BUSY = 0x05, EXPLAIN_NOTHING = 0, EXPLAIN_PARAMETERS = 0x0f };

static void begin(struct frame *f, enum frame_kind kind, struct port *port, uint64_t dst, enum fip_operation operation,
		  uint16_t flags)
{
	f->kind = kind;
	f->vlan = port->fcf->set.vlan;
	fip_begin(f, dst, port->fcf->set.mac, operation, flags);
}

static void end(struct frame *f, struct port *port, size_t payload)
{
	fip_end(f, payload);
	port_send(port, f);
}

/* In the VLAN that the question came in, for the card does not know ours yet.  Without a VLAN there is nothing to tell. */
static void answer_vlan(struct port *port, const struct fip *fip)
{
	struct fcf *fcf = port->fcf;
	struct frame f;

	if (!fcf->set.vlan)
		return;
	begin(&f, KIND_vlan, port, fip->source, FIP_VLAN_NOTIFICATION, 0);
	f.vlan = fip->vlan;
	fip_add_mac(&f, fcf->set.mac);
	fip_add_vlan(&f, fcf->set.vlan);
	end(&f, port, 0);
}

/* @size: to that the payload is padded, so that a card sees whether the path takes its largest frames; 0 for none. */
static void advertise(struct port *port, uint64_t dst, uint16_t flags, size_t size)
{
	struct fcf *fcf = port->fcf;
	struct frame f;

	begin(&f, KIND_advertisement, port, dst, FIP_ADVERTISEMENT, FIP_FLAG_FPMA | FIP_FLAG_AVAILABLE | FIP_FLAG_FPORT | flags);
	fip_add_priority(&f, PRIORITY);
	fip_add_mac(&f, fcf->set.mac);
	fip_add_name(&f, fcf->set.switch_wwn);
	fip_add_fabric(&f, fcf->set.fc_map, fcf->set.fabric_wwn);
	fip_add_fka(&f, fcf->set.fka_ms);
	count(port, COUNTER_advertisements);
	end(&f, port, size);
}

static void answer_solicitation(struct port *port, const struct fip *fip)
{
	if (!fip_has(fip, FIP_MAC) || !fip_has(fip, FIP_NAME) || !fip_has(fip, FIP_MAX_SIZE)) {
		count(port, COUNTER_bad_fip);
		return;
	}
	if (!(fip->flags & FIP_FLAG_FPMA)) {
		count(port, COUNTER_unexpected); /* it wants to choose its own addresses (SPMA) */
		return;
	}
	advertise(port, fip->mac, FIP_FLAG_SOLICITED, fip->max_size);
}

static void reply_fip(struct port *port, const struct fip *to, struct fc *reply, uint64_t granted)
{
	struct frame f;

	begin(&f, KIND_login, port, to->source, FIP_LINK_SERVICE_REPLY, FIP_FLAG_FPMA);
	fip_add_els(&f, to->els_kind, reply);
	if (granted)
		fip_add_mac(&f, granted);
	end(&f, port, 0);
}

static void refuse(struct port *port, const struct fip *fip, const struct fc *fc, struct refusal no)
{
	uint8_t payload[ELS_LOGIN];
	struct fc reply = fc_reply(fc, R_CTL_ELS_REPLY);

	reply.payload = payload;
	reply.len = els_reject(no.reason, no.explanation, payload);
	count(port, COUNTER_refused);
	fcf_log(port->fcf, "refuse port=%d reason=%02x explanation=%02x", port->number, no.reason, no.explanation);
	reply_fip(port, fip, &reply, 0);
	if (no.disable)
		port_disable(port, "duplicate WWPN: first login wins");
}

static void accept_login(struct login *login, const struct fip *fip, const struct fc *fc)
{
	uint8_t payload[ELS_LOGIN];
	struct fc reply = fc_reply(fc, R_CTL_ELS_REPLY);

	reply.d_id = login->fcid;
	reply.payload = payload;
	reply.len = els_fabric_accept(login, payload);
	reply_fip(login->port, fip, &reply, login->mac);
	rscn_about(login->port->fcf, login);
}

static void fabric_login(struct port *port, const struct fip *fip, const struct fc *fc)
{
	struct login_request request = {
		.port = port,
		.enode_mac = fip->source,
		.npiv = fip->els_kind == FIP_FDISC,
		.now = clock_mono_ms(),
	};
	struct refusal no = { REASON_ERROR, EXPLAIN_PARAMETERS, false };
	struct login *login;

	if (fault_take(&port->fcf->faults, FAULT_refuse, KIND_login)) {
		refuse(port, fip, fc, (struct refusal){ REASON_BUSY, EXPLAIN_NOTHING, false });
		return;
	}
	if (!(fip->flags & FIP_FLAG_FPMA) ||
	    els_read_login(fc, &request.wwpn, &request.wwnn, &request.receive_size) < 0) {
		refuse(port, fip, fc, no);
		return;
	}
	login = login_admit(port->fcf, &request, &no);
	if (login)
		accept_login(login, fip, fc);
	else
		refuse(port, fip, fc, no);
}

static void fabric_logout(struct port *port, const struct fip *fip, const struct fc *fc)
{
	struct login *login = login_find(port->fcf, fc->s_id);
	struct fc reply = fc_reply(fc, R_CTL_ELS_REPLY);
	uint8_t payload[4];

	if (!login || login->port != port || (fip->source != login->enode->mac && fip->source != login->mac)) {
		count(port, COUNTER_no_login);
		return;
	}
	reply.payload = payload;
	reply.len = els_accept(payload);
	reply_fip(port, fip, &reply, 0);
	login_end(login, "LOGO");
}

/* A link service's descriptor, the command in it and its length have to be one story. */
static void link_service(struct port *port, const struct fip *fip)
{
	struct fc fc;
	uint8_t command;

	if (!fip->els || fc_read(fip->els, fip->els_len, &fc) < 0 || fc.len < ELS_LOGO_SIZE || fc.d_id != FCID_FABRIC ||
	    fc.r_ctl != R_CTL_ELS_REQUEST || fc.type != TYPE_ELS) {
		count(port, COUNTER_bad_fip);
		return;
	}
	command = fc.payload[0];
	if (fip->els_kind == FIP_LOGO && command == ELS_LOGO)
		fabric_logout(port, fip, &fc);
	else if ((fip->els_kind == FIP_FLOGI && command == ELS_FLOGI) || (fip->els_kind == FIP_FDISC && command == ELS_FDISC))
		fabric_login(port, fip, &fc);
	else
		count(port, COUNTER_bad_fip);
}

/* With a VN_Port descriptor it speaks for that VN_Port, else for the card. */
static void keep_alive(struct port *port, const struct fip *fip)
{
	struct login *login = fip_has(fip, FIP_VN_PORT) ? login_find(port->fcf, fip->vn_fcid) : NULL;
	struct enode *enode = fip_has(fip, FIP_MAC) ? enode_find(port, fip->mac) : NULL;

	if (!enode || (fip_has(fip, FIP_VN_PORT) && (!login || login->enode != enode || login->wwpn != fip->vn_wwpn))) {
		count(port, COUNTER_no_login);
		return;
	}
	if (fault_take(&port->fcf->faults, FAULT_forget, KIND_keepalive)) {
		count(port, COUNTER_keepalives_forgotten);
		return;
	}
	count(port, COUNTER_keepalives);
	if (login)
		login->heard_ms = clock_mono_ms();
	else
		enode->heard_ms = clock_mono_ms();
}

static bool is_for_us(const struct port *port, const uint8_t *eth)
{
	uint64_t dst = get48(eth);

	return dst == port->fcf->set.mac || dst == MAC_ALL_FCFS;
}

static void obey(struct port *port, const struct fip *fip)
{
	switch (fip->operation) {
	case FIP_VLAN_REQUEST:
		answer_vlan(port, fip);
		return;
	case FIP_SOLICITATION:
		answer_solicitation(port, fip);
		return;
	case FIP_LINK_SERVICE_REQUEST:
		link_service(port, fip);
		return;
	case FIP_KEEP_ALIVE:
		keep_alive(port, fip);
		return;
	case FIP_ADVERTISEMENT:
	case FIP_LINK_SERVICE_REPLY:
	case FIP_CLEAR_LINKS:
	case FIP_VLAN_NOTIFICATION:
		break;
	}
	count(port, COUNTER_unexpected);
}

void link_receive(struct port *port, const uint8_t *eth, size_t len, uint16_t vlan)
{
	struct fip fip;

	if (!is_for_us(port, eth)) {
		count(port, COUNTER_wrong_address);
		return;
	}
	if (fip_read(eth, len, &fip) < 0) {
		count(port, COUNTER_bad_fip);
		return;
	}
	fip.vlan = vlan;
	if (vlan != port->fcf->set.vlan && fip.operation != FIP_VLAN_REQUEST)
		count(port, COUNTER_wrong_vlan);
	else
		obey(port, &fip);
}

void link_clear(struct login *login, const char *why)
{
	struct settings *set = &login->port->fcf->set;
	struct frame f;

	begin(&f, KIND_clear, login->port, login->enode->mac, FIP_CLEAR_LINKS, 0);
	fip_add_mac(&f, set->mac);
	fip_add_name(&f, set->switch_wwn);
	fip_add_vn_port(&f, login->mac, login->fcid, login->wwpn);
	end(&f, login->port, 0);
	login_end(login, why);
}

void link_clear_port(struct port *port, const char *why)
{
	struct frame f;

	begin(&f, KIND_clear, port, MAC_ALL_ENODES, FIP_CLEAR_LINKS, 0);
	fip_add_mac(&f, port->fcf->set.mac);
	fip_add_name(&f, port->fcf->set.switch_wwn);
	end(&f, port, 0);
	login_end_port(port, why);
}

static bool is_silent(const struct login *login, int64_t now)
{
	const struct settings *set = &login->port->fcf->set;

	return now - login->enode->heard_ms > set->fka_ms * 5 / 2 || now - login->heard_ms > set->vn_ms * 5 / 2;
}

static void expire(struct fcf *fcf, int64_t now)
{
	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid && is_silent(l, now)) {
			count(l->port, COUNTER_expired);
			link_clear(l, "no keep alive");
		}
}

void link_tick(struct fcf *fcf, int64_t now)
{
	expire(fcf, now);
	if (now < fcf->advertise_ms)
		return;
	fcf->advertise_ms = now + fcf->set.fka_ms;
	for (int i = 0; i < fcf->n_ports; i++)
		if (port_is_up(&fcf->ports[i]))
			advertise(&fcf->ports[i], MAC_ALL_ENODES, 0, 0);
}
