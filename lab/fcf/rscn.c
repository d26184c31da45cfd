/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RSCN (FC-LS-2): 61 | page length 4 | payload length 2 | pages of 4: format and event, port address.
 */
#include "rscn.h"

#include "fcframe.h"
#include "login.h"
#include "zone.h"

enum { ELS_RSCN = 0x61, RSCN_HEADER = 4, PAGE = 4, FORMAT_FABRIC = 3, PAGES_MAX = (FC_PAYLOAD_MIN - RSCN_HEADER) / PAGE };

/* More pages than fit into any port's frame: one that says "look at everything again". */
static void send_pages(struct login *to, const uint32_t *fcids, size_t n)
{
	uint8_t payload[RSCN_HEADER + PAGES_MAX * PAGE] = { ELS_RSCN, PAGE };
	const uint32_t everything = FORMAT_FABRIC << 24;
	struct fcf *fcf = to->port->fcf;
	struct fc fc = {
		.r_ctl = R_CTL_ELS_REQUEST,
		.type = TYPE_ELS,
		.d_id = to->fcid,
		.s_id = FCID_CONTROLLER,
		.f_ctl = F_CTL_REQUEST,
		.ox_id = fcf->next_xid++ & 0x7fff,
		.rx_id = 0xffff,
		.payload = payload,
	};

	if (n > PAGES_MAX) {
		fcids = &everything;
		n = 1;
	}
	for (size_t i = 0; i < n; i++)
		put32(payload + RSCN_HEADER + i * PAGE, fcids[i]);
	fc.len = RSCN_HEADER + n * PAGE;
	put16(payload + 2, (uint32_t)fc.len);
	count(to->port, COUNTER_rscns);
	fcf_log(fcf, "rscn to=%06x pages=%zu first=%06x", to->fcid, n, fcids[0]);
	login_send(to, &fc, KIND_rscn);
}

void rscn_about(struct fcf *fcf, const struct login *subject)
{
	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid && l->fcid != subject->fcid && l->wants_rscn && fcf_may_talk(fcf, l, subject))
			send_pages(l, &subject->fcid, 1);
}

static void rscn_zones_to(struct login *to, const struct zoneset *before)
{
	struct fcf *fcf = to->port->fcf;
	uint32_t changed[FCF_LOGINS];
	size_t n = 0;

	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid && zoneset_allows(before, to->wwpn, l->wwpn) != fcf_may_talk(fcf, to, l))
			changed[n++] = l->fcid;
	if (n)
		send_pages(to, changed, n);
}

void rscn_zones(struct fcf *fcf, const struct zoneset *before)
{
	for (struct login *l = fcf->logins; l < fcf->logins + FCF_LOGINS; l++)
		if (l->fcid && l->wants_rscn)
			rscn_zones_to(l, before);
}
