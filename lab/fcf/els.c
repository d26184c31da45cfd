/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * FC-LS-2.  A login's payload is 116 bytes: command 4 | common service parameters 16 | port name 8 | node name 8 |
 * parameters of classes 1 to 4, 16 each | vendor version 16.
 */
#include "els.h"

#include "login.h"

#include <string.h>

enum {
	ELS_PLOGI = 0x03,
	ELS_RTV = 0x0e,
	ELS_SCR = 0x62,
	REASON_NOT_SUPPORTED = 0x0b,
	REASON_PROTOCOL = 0x07,
	SCR_CLEAR = 255,
	RATOV_MS = 10000,
	EDTOV_MS = 2000,
};

/* Offsets in a login's payload. */
enum {
	AT_VERSION = 4,
	AT_CREDIT = 6,
	AT_FEATURES = 8,
	AT_SIZE = 10,
	AT_RATOV = 12,
	AT_EDTOV = 16,
	AT_WWPN = 20,
	AT_WWNN = 28,
	AT_CLASS3 = 68,
};

/* Common feature bits of an accept. */
enum {
	FEATURE_F_PORT = 0x1000,
	FEATURE_NPIV = 0x2000,	/* FLOGI LS_ACC: FDISC will be taken */
	FEATURE_OFFSETS = 0x8000, /* PLOGI: continuously increasing relative offset */
	CLASS_VALID = 0x8000,
	CLASS_IN_ORDER = 0x0800,
};

int els_read_login(const struct fc *fc, uint64_t *wwpn, uint64_t *wwnn, uint16_t *receive_size)
{
	if (fc->len < ELS_LOGIN)
		return -1;
	*wwpn = get64(fc->payload + AT_WWPN);
	*wwnn = get64(fc->payload + AT_WWNN);
	*receive_size = get16(fc->payload + AT_SIZE) & 0x0ffc;
	if (*receive_size < FC_PAYLOAD_MIN)
		return -1;
	if (*receive_size > FC_PAYLOAD_MAX)
		*receive_size = FC_PAYLOAD_MAX;
	return *wwpn ? 0 : -1;
}

size_t els_accept(uint8_t *out)
{
	memset(out, 0, 4);
	out[0] = ELS_LS_ACC;
	return 4;
}

size_t els_reject(uint8_t reason, uint8_t explanation, uint8_t *out)
{
	memset(out, 0, 8);
	out[0] = ELS_LS_RJT;
	out[5] = reason;
	out[6] = explanation;
	return 8;
}

static void login_payload(uint8_t *out, uint16_t features, uint16_t size, uint64_t wwpn, uint64_t wwnn)
{
	memset(out, 0, ELS_LOGIN);
	out[0] = ELS_LS_ACC;
	out[AT_VERSION] = out[AT_VERSION + 1] = 0x20;
	put16(out + AT_CREDIT, 1); /* Ethernet has no buffer credits; 0 is refused by some */
	put16(out + AT_FEATURES, features);
	put16(out + AT_SIZE, size);
	put64(out + AT_WWPN, wwpn);
	put64(out + AT_WWNN, wwnn);
	put16(out + AT_CLASS3, CLASS_VALID | CLASS_IN_ORDER);
}

/* The name of a port of the switch: its own, told apart by the port's number (NAA 2). */
static uint64_t port_name(const struct port *port)
{
	return UINT64_C(0x2000) << 48 | (uint64_t)port->number << 48 | port->fcf->set.mac;
}

size_t els_fabric_accept(const struct login *login, uint8_t *out)
{
	login_payload(out, FEATURE_F_PORT | FEATURE_NPIV, login->receive_size, port_name(login->port), login->port->fcf->set.fabric_wwn);
	put32(out + AT_RATOV, RATOV_MS);
	put32(out + AT_EDTOV, EDTOV_MS);
	return ELS_LOGIN;
}

/* The servers of the fabric have names like ports of numbers that no port has. */
static size_t answer_plogi(struct login *from, const struct fc *fc, uint8_t *out)
{
	const struct settings *set = &from->port->fcf->set;

	login_payload(out, FEATURE_OFFSETS, FC_PAYLOAD_MAX, UINT64_C(0x2f00) << 48 | (uint64_t)(fc->d_id & 0xff) << 48 | set->mac,
		      set->switch_wwn);
	put16(out + AT_RATOV, 255);	/* total concurrent sequences */
	put16(out + AT_RATOV + 2, 0x1f); /* relative offset by information category */
	put32(out + AT_EDTOV, EDTOV_MS);
	put16(out + AT_CLASS3 + 6, FC_PAYLOAD_MAX);
	put16(out + AT_CLASS3 + 8, 255); /* concurrent sequences */
	put16(out + AT_CLASS3 + 12, 1);	 /* open sequences per exchange */
	return ELS_LOGIN;
}

static size_t answer_logo(struct login *from, const struct fc *fc, uint8_t *out)
{
	(void)from;
	(void)fc;
	return els_accept(out);
}

static size_t answer_rtv(struct login *from, const struct fc *fc, uint8_t *out)
{
	(void)from;
	(void)fc;
	memset(out, 0, 16);
	out[0] = ELS_LS_ACC;
	put32(out + 4, RATOV_MS);
	put32(out + 8, EDTOV_MS);
	return 16;
}

static size_t answer_scr(struct login *from, const struct fc *fc, uint8_t *out)
{
	uint8_t function = fc->payload[7];

	if (function != SCR_CLEAR && (function < 1 || function > 3))
		return els_reject(REASON_PROTOCOL, 0, out);
	/* Function 2 is about what a port finds by itself; the fabric tells of what it finds (1) or of all (3). */
	from->wants_rscn = function == 1 || function == 3;
	return els_accept(out);
}

struct els_service {
	uint8_t command;
	uint8_t shortest;
	uint32_t address; /* 0: at all three */
	size_t (*answer)(struct login *from, const struct fc *fc, uint8_t *out);
};

static const struct els_service services[] = {
	{ ELS_PLOGI, ELS_LOGIN, 0, answer_plogi },
	{ ELS_LOGO, ELS_LOGO_SIZE, 0, answer_logo },
	{ ELS_RTV, 4, 0, answer_rtv },
	{ ELS_SCR, 8, FCID_CONTROLLER, answer_scr },
};

static size_t answer(struct login *from, const struct fc *fc, uint8_t *out)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		const struct els_service *s = &services[i];

		if (s->command == fc->payload[0] && (!s->address || s->address == fc->d_id) && fc->len >= s->shortest)
			return s->answer(from, fc, out);
	}
	return els_reject(REASON_NOT_SUPPORTED, 0, out);
}

void els_receive(struct login *from, const struct fc *fc)
{
	uint8_t payload[ELS_LOGIN];
	struct fc reply = fc_reply(fc, R_CTL_ELS_REPLY);

	if (fc->r_ctl != R_CTL_ELS_REQUEST)
		return; /* a reply, such as the one to an RSCN */
	if (fc->len < 4) {
		count(from->port, COUNTER_bad_link_service);
		return;
	}
	reply.len = answer(from, fc, payload);
	reply.payload = payload;
	login_send(from, &reply, KIND_els);
	if (fc->payload[0] == ELS_LOGO && fc->d_id == FCID_FABRIC && payload[0] == ELS_LS_ACC)
		login_end(from, "LOGO");
}
