/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A fabric port: one network interface, read and written by AF_PACKET.
 */
#ifndef FCF_PORT_H
#define FCF_PORT_H

#include "error.h"
#include "fcf.h"
#include "fcframe.h"

/* Port @number on interface @ifname, up and in the loop; what comes in goes to forward_receive(). */
int port_open(struct fcf *fcf, int number, const char *ifname, struct error *err);
void port_close(struct port *port);

/* Neither disabled nor down for a while. */
bool port_is_up(const struct port *port);

/* Down until port_enable(): its logins end, and the far end loses its carrier. */
void port_disable(struct port *port, const char *why);
void port_enable(struct port *port);

/* The same until a time; port_tick() ends it. */
void port_flap(struct port *port, int64_t until_ms);
void port_tick(struct port *port, int64_t now);

/* Send, unless a fault has other plans.  May change the frame. */
void port_send(struct port *port, struct frame *f);

/* Send without asking for faults. */
void port_transmit(struct port *port, const struct frame *f);

#endif
