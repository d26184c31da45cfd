/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Name server (FC-GS-6, 5.2).  A request has a preamble of 16 bytes (revision, service, command, ...), then the objects that
 * the command names.  The database is the table of logins.  Nobody learns of a port with which zoning does not let him talk
 * (soft zoning), and nobody registers anything for another port.
 */
#include "names.h"

#include "login.h"
#include "rscn.h"
#include "text.h"

#include <string.h>

enum {
	PREAMBLE = 16,
	CT_REVISION = 1,
	SERVICE_DIRECTORY = 0xfc,
	SUBTYPE_NAMES = 0x02,
	CT_ACCEPT = 0x8002,
	CT_REJECT = 0x8001,
	LAST_ENTRY = 0x80,
};

/* FC-GS-6, CT reject: why a request is refused. */
enum {
	REASON_VERSION = 0x02,
	REASON_LOGICAL = 0x03,
	REASON_UNABLE = 0x09,
	REASON_COMMAND = 0x0b,
	EXPLAIN_PORT_ID = 0x01,
	EXPLAIN_PORT_NAME = 0x02,
	EXPLAIN_NODE_NAME = 0x03,
	EXPLAIN_TYPES = 0x07,
	EXPLAIN_DENIED = 0x10,
};

/* A request on its way to a reply. */
struct ct {
	struct fcf *fcf;
	struct login *from;
	const uint8_t *body; /* after the preamble */
	size_t len;
	uint8_t out[PREAMBLE + FCF_LOGINS * 16];
	size_t out_len; /* of what follows the preamble */
	uint8_t reason, explanation;
};

static void reject(struct ct *ct, uint8_t reason, uint8_t explanation)
{
	ct->reason = reason;
	ct->explanation = explanation;
}

/* Room for an object of the reply, zeroed. */
static uint8_t *add(struct ct *ct, size_t len)
{
	uint8_t *p = ct->out + PREAMBLE + ct->out_len;

	ct->out_len += len;
	return memset(p, 0, len);
}

static bool is_visible(const struct ct *ct, const struct login *l)
{
	return l->fcid && (l == ct->from || fcf_may_talk(ct->fcf, l, ct->from));
}

/* The port that the request is about; NULL and a reject when there is none to be seen. */
static struct login *visible_port(struct ct *ct)
{
	struct login *l = login_find(ct->fcf, get24(ct->body + 1));

	if (l && is_visible(ct, l))
		return l;
	reject(ct, REASON_UNABLE, EXPLAIN_PORT_ID);
	return NULL;
}

static bool is_own_port(struct ct *ct)
{
	if (get24(ct->body + 1) == ct->from->fcid)
		return true;
	reject(ct, REASON_UNABLE, EXPLAIN_DENIED);
	return false;
}

static void get_port_name(struct ct *ct)
{
	struct login *l = visible_port(ct);

	if (l)
		put64(add(ct, 8), l->wwpn);
}

static void get_node_name(struct ct *ct)
{
	struct login *l = visible_port(ct);

	if (l)
		put64(add(ct, 8), l->wwnn);
}

static void get_id_by_port_name(struct ct *ct)
{
	struct login *l = login_by_wwpn(ct->fcf, get64(ct->body));

	if (l && is_visible(ct, l))
		put24(add(ct, 4) + 1, l->fcid);
	else
		reject(ct, REASON_UNABLE, EXPLAIN_PORT_NAME);
}

static void get_ids_by_node_name(struct ct *ct)
{
	uint8_t *last = NULL;

	for (struct login *l = ct->fcf->logins; l < ct->fcf->logins + FCF_LOGINS; l++)
		if (is_visible(ct, l) && l->wwnn == get64(ct->body)) {
			last = add(ct, 4);
			put24(last + 1, l->fcid);
		}
	if (last)
		*last |= LAST_ENTRY;
	else
		reject(ct, REASON_UNABLE, EXPLAIN_NODE_NAME);
}

/* RFT_ID's bit map: words of 32 bits, the lowest type in the lowest bit of the first word. */
static bool has_type(const struct login *l, uint8_t type)
{
	return get32(l->fc4_types + type / 32 * 4) >> type % 32 & 1;
}

static void get_by_type(struct ct *ct, size_t entry)
{
	uint8_t *last = NULL;

	for (struct login *l = ct->fcf->logins; l < ct->fcf->logins + FCF_LOGINS; l++) {
		if (!is_visible(ct, l) || !has_type(l, ct->body[3]))
			continue;
		last = add(ct, entry);
		put24(last + 1, l->fcid);
		if (entry == 16)
			put64(last + 8, l->wwpn);
	}
	if (last)
		*last |= LAST_ENTRY;
	else
		reject(ct, REASON_UNABLE, EXPLAIN_TYPES);
}

static void get_ids_by_type(struct ct *ct)
{
	get_by_type(ct, 4);
}

static void get_port_names_by_type(struct ct *ct)
{
	get_by_type(ct, 16);
}

/* FLOGI named the port for good; a fabric that let it change would break its zones. */
static void register_port_name(struct ct *ct)
{
	if (is_own_port(ct) && get64(ct->body + 4) != ct->from->wwpn)
		reject(ct, REASON_UNABLE, EXPLAIN_PORT_NAME);
}

static void register_node_name(struct ct *ct)
{
	if (is_own_port(ct))
		ct->from->wwnn = get64(ct->body + 4);
}

static void register_types(struct ct *ct)
{
	struct login *from = ct->from;

	if (!is_own_port(ct) || !memcmp(from->fc4_types, ct->body + 4, sizeof(from->fc4_types)))
		return;
	memcpy(from->fc4_types, ct->body + 4, sizeof(from->fc4_types));
	/* Who looked before these were known did not find the port. */
	rscn_about(ct->fcf, from);
}

static void register_features(struct ct *ct)
{
	if (is_own_port(ct))
		ct->from->features[ct->body[7]] = ct->body[6];
}

/* A length and so many characters.  What is no UTF-8 in them becomes '?'. */
static void register_symbol(struct ct *ct, size_t at, char out[NAME_TEXT + 1])
{
	size_t len = ct->body[at];

	if (at + 1 + len > ct->len) {
		reject(ct, REASON_LOGICAL, 0);
		return;
	}
	memcpy(out, ct->body + at + 1, len);
	out[len] = 0;
	text_clean_utf8(out);
}

static void register_port_symbol(struct ct *ct)
{
	if (is_own_port(ct))
		register_symbol(ct, 4, ct->from->port_symbol);
}

static void register_node_symbol(struct ct *ct)
{
	if (get64(ct->body) == ct->from->wwnn)
		register_symbol(ct, 8, ct->from->node_symbol);
	else
		reject(ct, REASON_UNABLE, EXPLAIN_NODE_NAME);
}

static const struct command {
	uint16_t code;
	uint8_t shortest; /* of what follows the preamble */
	void (*run)(struct ct *ct);
} commands[] = {
	{ 0x0112, 4, get_port_name },
	{ 0x0113, 4, get_node_name },
	{ 0x0121, 8, get_id_by_port_name },
	{ 0x0131, 8, get_ids_by_node_name },
	{ 0x0171, 4, get_ids_by_type },
	{ 0x0172, 4, get_port_names_by_type },
	{ 0x0212, 12, register_port_name },
	{ 0x0213, 12, register_node_name },
	{ 0x0217, 36, register_types },
	{ 0x0218, 5, register_port_symbol },
	{ 0x021f, 8, register_features },
	{ 0x0239, 9, register_node_symbol },
};

static void run(struct ct *ct, const uint8_t *preamble)
{
	uint16_t code = get16(preamble + 8);

	if (preamble[0] != CT_REVISION) {
		reject(ct, REASON_VERSION, 0);
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].code != code || preamble[4] != SERVICE_DIRECTORY || preamble[5] != SUBTYPE_NAMES)
			continue;
		if (ct->len < commands[i].shortest)
			reject(ct, REASON_LOGICAL, 0);
		else
			commands[i].run(ct);
		return;
	}
	reject(ct, REASON_COMMAND, 0);
}

static void finish(struct ct *ct, const uint8_t *preamble)
{
	uint8_t *p = ct->out;

	memcpy(p, preamble, 8);
	memset(p + 8, 0, 8);
	put16(p + 8, ct->reason ? CT_REJECT : CT_ACCEPT);
	if (!ct->reason)
		return;
	ct->out_len = 0;
	p[13] = ct->reason;
	p[14] = ct->explanation;
	count(ct->from->port, COUNTER_ct_rejects);
}

void names_receive(struct login *from, const struct fc *fc)
{
	struct ct ct = { .fcf = from->port->fcf, .from = from };
	struct fc reply = fc_reply(fc, R_CTL_CT_REPLY);

	if (fc->r_ctl != R_CTL_CT_REQUEST || fc->len < PREAMBLE) {
		count(from->port, COUNTER_bad_link_service);
		return;
	}
	count(from->port, COUNTER_ct_requests);
	ct.body = fc->payload + PREAMBLE;
	ct.len = fc->len - PREAMBLE;
	run(&ct, fc->payload);
	finish(&ct, fc->payload);
	reply.payload = ct.out;
	reply.len = PREAMBLE + ct.out_len;
	login_send(from, &reply, KIND_ct);
}
