/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The fabric: its settings, ports, ENodes and logins.  One process is one fabric of one switch; one thread owns all of it.
 * The files that work on it: port.c (interfaces), forward.c (what comes in), link.c (FIP), els.c (link services), login.c
 * (who is in), names.c (name server), rscn.c (telling of changes), zone.c, fault.c, orders.c and show.c (the control socket).
 *
 * Invariants: a login is in use while its fcid is not 0; its port and its ENode are in use too; no two logins in use have
 * the same fcid or the same wwpn; an ENode in use has at least one login; a port that is not up has no logins.
 */
#ifndef FCF_FCF_H
#define FCF_FCF_H

#include "fault.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct event_base;
struct event;
struct zoneset;

enum { FCF_PORTS = 64, FCF_ENODES = 128, FCF_LOGINS = 256, NAME_TEXT = 255, WWN_TEXT = 24, MAC_TEXT = 18 };

enum counter {
#define COUNTER(name, meaning) COUNTER_##name,
#include "counters.def"
#undef COUNTER
	COUNTERS,
};

/* What happens to a WWPN that logs in on a second port; the values are those of Fabric OS ("Enforce FLOGI/FDISC login"). */
enum duplicate_mode { DUPLICATE_FIRST_WINS, DUPLICATE_SECOND_WINS, DUPLICATE_BY_TYPE, DUPLICATE_MODES };

struct settings {
	uint64_t fabric_wwn, switch_wwn;
	uint64_t mac;	 /* FCF-MAC: the low 48 bits of the switch's name, so it stays the same */
	uint32_t fc_map; /* upper 24 bits of each FPMA */
	uint8_t domain;
	uint16_t vlan;	/* 0: untagged, and VLAN discovery is not answered */
	uint32_t fka_ms; /* FKA_ADV_Period */
	uint32_t vn_ms;	 /* period of the VN_Ports' keep alives; 90 s in FC-BB-5 */
	enum duplicate_mode duplicate;
};

struct port {
	struct fcf *fcf;
	int number, fd, ifindex;
	char ifname[16];
	struct event *readable;
	bool disabled;		/* until an administrator enables it */
	char why[64];		/* why it is disabled */
	int64_t flap_until_ms;	/* down for a while; 0: not */
	uint64_t counters[COUNTERS];
};

/* A network card behind a port: the holder of virtual links. */
struct enode {
	struct port *port; /* NULL: not in use */
	uint64_t mac;
	int64_t heard_ms; /* when its last keep alive came */
};

/* A VN_Port, and what the name server knows of it. */
struct login {
	uint32_t fcid; /* 0: not in use */
	uint64_t wwpn, wwnn, mac;
	struct port *port;
	struct enode *enode;
	bool npiv;		 /* by FDISC */
	bool wants_rscn;	 /* SCR */
	uint16_t receive_size;	 /* FC payload that it takes */
	int64_t heard_ms;	 /* when its last keep alive came */
	uint8_t fc4_types[32];	 /* RFT_ID, as on the wire */
	uint8_t features[256];	 /* RFF_ID by FC-4 type */
	char port_symbol[NAME_TEXT + 1], node_symbol[NAME_TEXT + 1];
};

struct fcf {
	struct settings set;
	struct event_base *base;
	FILE *log; /* NULL: none */
	struct port ports[FCF_PORTS];
	int n_ports;
	struct enode enodes[FCF_ENODES];
	struct login logins[FCF_LOGINS];
	struct zoneset *zones;
	struct faults faults;
	int64_t advertise_ms; /* when the next advertisements are due */
	uint16_t next_xid;    /* exchanges of the fabric's own */
};

static inline void count(struct port *port, enum counter what)
{
	port->counters[what]++;
}

/* A line of the log: seconds of the monotonic clock, then the text. */
void fcf_log(struct fcf *fcf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether zoning lets the two talk. */
bool fcf_may_talk(const struct fcf *fcf, const struct login *a, const struct login *b);

struct port *fcf_port(struct fcf *fcf, int number);

#endif
