/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The configuration of one switch port in the terms of the protocol's switch document: what every
 * switch driver reads into, merges a wish into, compares, and prints from.  Pure; no device is
 * known here.
 */
#ifndef RECAST_DRIVER_PORT_H
#define RECAST_DRIVER_PORT_H

#include "driver.h"

enum port_mode { PORT_ACCESS, PORT_TRUNK, PORT_OPEN };

enum { VLAN_MAX = 4095, PORT_RATE_MAX_KBIT = 1000 * 1000 * 1000 };

struct port_config {
	enum port_mode mode;
	int native;          /* 0: none */
	uint64_t tagged[64]; /* bit per VLAN */
	int64_t rate_kbit;   /* 0: unlimited */
	bool enabled;
	char description[256];
	char owner[64];     /* empty: no stamp */
	int64_t generation; /* 0: no stamp */
};

bool port_has_vlan(const struct port_config *port, int vlan);
void port_add_vlan(struct port_config *port, int vlan);

/* Put the wish of @change into @port, which holds what the device has now: members that the wish
 * leaves out stay; so does the stamp when the change has no owner, and an empty owner removes it.
 * ERROR_CONFLICT when the same owner's stamp there carries a higher generation, ERROR_INVALID when
 * the wish is none.  @port is unspecified after an error. */
int port_merge(struct port_config *port, const struct driver_change *change, struct error *err);

bool port_equal(const struct port_config *a, const struct port_config *b);

/* The port as in the switch document, without exists and link.  A new reference. */
json_t *port_to_json(const struct port_config *port);

/* The name in an object "port:NAME", or NULL. */
const char *port_of_object(const char *object);

#endif
