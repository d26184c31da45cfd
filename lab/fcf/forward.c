/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * FIP goes to link.c.  An FC frame has to come from a login of this very port, by its MAC and its S_ID; then it goes to the
 * fabric's servers, or to the login whose FCID it names, if zoning lets the two talk (hard zoning: knowing the FCID of a
 * port is no way to it).  Only the two MACs change on the way (FC-BB-5, 7.7); delimiters, CRC and payload are the sender's.
 */
#include "forward.h"

#include "els.h"
#include "fcframe.h"
#include "link.h"
#include "login.h"
#include "names.h"
#include "port.h"

#include <string.h>

static void pass_on(struct port *from, struct login *to, const uint8_t *eth, size_t len)
{
	struct frame f = { .kind = KIND_forward, .vlan = to->port->fcf->set.vlan, .len = len };

	memcpy(f.data, eth, len);
	put48(f.data, to->mac);
	put48(f.data + 6, to->port->fcf->set.mac);
	count(from, COUNTER_forwarded);
	port_send(to->port, &f);
}

static void switch_frame(struct login *from, const struct fc *fc, const uint8_t *eth, size_t len)
{
	struct port *port = from->port;
	struct login *to = login_find(port->fcf, fc->d_id);

	if (!to)
		count(port, COUNTER_no_route);
	else if (!fcf_may_talk(port->fcf, from, to))
		count(port, COUNTER_hard_zoned);
	else
		pass_on(port, to, eth, len);
}

static void serve(struct login *from, const struct fc *fc)
{
	if (fc->type == TYPE_ELS)
		els_receive(from, fc);
	else if (fc->type == TYPE_CT && fc->d_id == FCID_DIRECTORY)
		names_receive(from, fc);
	else
		count(from->port, COUNTER_unexpected);
}

static bool is_server(uint32_t fcid)
{
	return fcid == FCID_DIRECTORY || fcid == FCID_CONTROLLER || fcid == FCID_FABRIC;
}

/* Whether the frame is whole; counts what is wrong with it. */
static bool read_frame(struct port *port, const uint8_t *eth, size_t len, struct fc *fc)
{
	switch (fcoe_read(eth, len, fc)) {
	case FCOE_OK:
		return true;
	case FCOE_BAD_LENGTH:
		count(port, COUNTER_bad_length);
		break;
	case FCOE_BAD_DELIMITER:
		count(port, COUNTER_bad_delimiter);
		break;
	case FCOE_BAD_CRC:
		count(port, COUNTER_bad_crc);
		break;
	}
	return false;
}

static void receive_fcoe(struct port *port, const uint8_t *eth, size_t len)
{
	struct login *from;
	struct fc fc;

	if (get48(eth) != port->fcf->set.mac) {
		count(port, COUNTER_wrong_address);
		return;
	}
	if (!read_frame(port, eth, len, &fc))
		return;
	from = login_find(port->fcf, fc.s_id);
	if (!from || from->port != port || from->mac != get48(eth + 6))
		count(port, COUNTER_no_login);
	else if (is_server(fc.d_id))
		serve(from, &fc);
	else
		switch_frame(from, &fc, eth, len);
}

void forward_receive(struct port *port, const uint8_t *eth, size_t len, uint16_t vlan)
{
	uint16_t type = len < ETH_HEADER ? 0 : get16(eth + 12);

	if (type != ETHERTYPE_FIP && type != ETHERTYPE_FCOE)
		return;
	count(port, COUNTER_received);
	if (!port_is_up(port))
		count(port, COUNTER_port_down);
	else if (len > FRAME_MAX)
		count(port, COUNTER_bad_length);
	else if (type == ETHERTYPE_FIP)
		link_receive(port, eth, len, vlan);
	else if (vlan != port->fcf->set.vlan)
		count(port, COUNTER_wrong_vlan);
	else
		receive_fcoe(port, eth, len);
}
