/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * FIP at the fabric's end: discovery, virtual links by FLOGI and FDISC, their keep alives and their end.
 */
#ifndef FCF_LINK_H
#define FCF_LINK_H

#include "fcf.h"

/* A FIP frame that came in, with the VLAN it came in. */
void link_receive(struct port *port, const uint8_t *eth, size_t len, uint16_t vlan);

/* Advertise when it is time, and end the links that nobody keeps alive. */
void link_tick(struct fcf *fcf, int64_t now);

/* Tell the card that this VN_Port's link is cleared, and end the login. */
void link_clear(struct login *login, const char *why);

/* The same for all of a port, by one multicast. */
void link_clear_port(struct port *port, const char *why);

#endif
