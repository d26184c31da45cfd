/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What comes in at a port.
 */
#ifndef FCF_FORWARD_H
#define FCF_FORWARD_H

#include "fcf.h"

/* Any Ethernet frame, without its tag, and the VLAN that the tag named.  Called by port.c. */
void forward_receive(struct port *port, const uint8_t *eth, size_t len, uint16_t vlan);

#endif
