/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A simulated room: machines, switches, arrays and BMCs, the driver processes in front of them, and what goes wrong.
 * The core's side is frames of doc/driver-protocol.md as JSON values; the truth is in the structs below, apart from what
 * the devices say, so that a test can compare the two.  Everything happens in the virtual time of one struct sim.
 *
 * What the devices do with a change is what drivers/mock/ does, with power that takes time and secrets that are checked.
 */
#ifndef RECAST_SIM_RACK_H
#define RECAST_SIM_RACK_H

#include "port.h"
#include "sim.h"
#include "zone.h"

#include <jansson.h>

enum fault {
#define FAULT(id, name, when, what) FAULT_##id,
#include "faults.def"
#undef FAULT
	FAULT_COUNT
};

enum {
	RACK_MACHINES = 8,
	RACK_NICS = 2,
	RACK_SWITCHES = 2,
	RACK_ARRAYS = 2,
	RACK_FABRICS = 2, /* A and B */
	RACK_ZONES = 16,
	RACK_MEMBERS = 4,
	RACK_PORTS = RACK_MACHINES * RACK_NICS,
	RACK_VOLUMES = 17, /* one is the source of the clones */
	RACK_MAPS = 16,
	RACK_LUNS = 4,
	RACK_SESSIONS = 32,
	RACK_WRITES = 64,
	RACK_NAME = 64,
	RACK_IQN = 96,
};

/* VLANs of the site document. */
enum {
	VLAN_PROVISION = 10,
	VLAN_STORAGE = 20,
	VLAN_WEB = 110,
	VLAN_DB = 120,
	VLAN_PARKING = 4000,
	VLAN_FOREIGN = 666
};

struct faults {
	int rate[FAULT_COUNT]; /* of 10,000: per request or per virtual minute, see faults.def */
	int64_t until; /* from then on nothing new goes wrong and everything heals; 0: never begins */
};

struct rack_write {
	int machine; /* index */
	int64_t generation;
	char persona[RACK_NAME];
	int array, volume;
	int64_t time;
	bool stale; /* a map of another generation holds the volume by now: data is lost */
};

enum touch { TOUCH_CORE, TOUCH_LATE, TOUCH_OTHERS };

struct driver_change;
enum rack_verdict { RACK_CARRIES_OUT, RACK_REFUSES, RACK_CARRIES_OUT_AND_SAYS_UNKNOWN };

struct rack_ops {
	/* A frame from the driver process @driver; steals @frame. */
	void (*reply)(void *arg, const char *driver, json_t *frame);
	/* The process ended by itself.  Not called for rack_driver_kill(). */
	void (*driver_gone)(void *arg, const char *driver);
	/* A booting host asks the controller: text of a script (freed here), or NULL when nobody answers. */
	char *(*boot_script)(void *arg, const char *mac, const char *uuid);
	/* Stages: those of the script ("script", "gave-up", "no-nic"), and "up" once the system runs. */
	void (*boot_report)(void *arg, const char *mac, const char *uuid, const char *stage);
	/* What the device does with this change.  NULL: it carries it out. */
	enum rack_verdict (*verdict)(void *arg, const char *device, const struct driver_change *change);
	/* These may be NULL: after each physical change; for each block written; a line for people. */
	void (*changed)(void *arg);
	void (*wrote)(void *arg, const struct rack_write *write);
	/* An object ("port:x", "power", "map:web") is about to be changed by an order of the core, by one that was given
	 * up long ago, or by anything else; @set is the order. */
	void (*touched)(void *arg, const char *device, const char *object, const json_t *set, enum touch by);
	void (*trace)(void *arg, const char *line);
};

struct rack;

struct rack_device { /* what a switch, an array and a BMC have in common */
	struct rack *rack;
	char name[RACK_NAME];
	enum rack_class { RACK_SWITCH, RACK_ARRAY, RACK_BMC, RACK_FABRIC, RACK_CLASSES } cls;
	int index;
	int64_t away_until, locked_until;
	uint64_t opened[2]; /* life of the driver process of each set that opened it */
};

struct rack_port {
	char name[24];
	int machine, nic;
	struct port_config running, startup;
};

struct rack_switch {
	struct rack_device dev;
	struct rack_port ports[RACK_PORTS];
	int n_ports;
	int64_t dark_until; /* starting anew: nothing is forwarded */
};

struct rack_volume {
	char name[RACK_NAME]; /* empty: no volume here */
	char source[RACK_NAME];
	int64_t size;
	int64_t granted; /* generation of the managed map that was applied last; a rollback may lower it */
	int64_t highest;	/* generation of any managed map that there ever was */
	struct rack_write last; /* time 0: nobody has written */
	uint64_t writes;
};

struct rack_map {
	char name[RACK_IQN]; /* empty: no map here; a foreign one is named by its target */
	char target[RACK_IQN], initiator[RACK_IQN], user[RACK_NAME], secret[128];
	int64_t generation;
	bool managed;
	int64_t since; /* when somebody else made it */
	bool fc; /* of its initiators, by side, one may be missing */
	char wwpns[RACK_FABRICS][WWN_SIZE];
	int64_t stuck_until; /* its sessions cannot be dropped */
	int n_luns;
	struct {
		int number, volume;
	} luns[RACK_LUNS];
};

struct rack_session {
	int id;		  /* 0: no session here */
	int map, machine; /* indexes; machine -1 is somebody else's */
	char initiator[RACK_IQN];
	bool live;    /* false: the host is gone and the array has not noticed */
	int64_t ends; /* when it will notice */
};

struct rack_array {
	struct rack_device dev;
	char portal[24];
	struct rack_volume volumes[RACK_VOLUMES];
	struct rack_map maps[RACK_MAPS];
	struct rack_session sessions[RACK_SESSIONS];
	int last_session;
	int64_t down_until; /* starting anew: no login, no write */
};

struct rack_zone {
	char key[ZONE_KEY_SIZE]; /* empty: no zone here */
	char members[RACK_MEMBERS][WWN_SIZE];
	int n_members;
	int64_t generation;
};

struct rack_fabric {
	struct rack_device dev;
	struct rack_zone zones[RACK_ZONES];
	struct {
		bool enabled;
		char wwpn[WWN_SIZE]; /* that is logged in, or empty */
	} ports[RACK_MACHINES];
	int64_t locked_until; /* by somebody else */
	int64_t dark_until;   /* starting anew */
};

enum rack_phase {
	HOST_OFF,
	HOST_FIRMWARE,
	HOST_ASKING,
	HOST_LOGIN,
	HOST_BOOTING,
	HOST_UP,
	HOST_STOPPED
};
enum bmc_lie { BMC_HONEST, BMC_SAYS_OFF, BMC_SAYS_ON };

struct rack_bmc {
	struct rack_device dev;
	enum bmc_lie lie;
	struct sim_event *order; /* a power change under way */
	bool order_on;
	struct sim_event *late; /* off, long after it was said */
	char boot[8];		/* pxe, disk, none */
	int identity;		/* persona whose WWPNs the cards have from the next power-on; -1: none */
	bool capturing;		/* the console, since the mark */
	char console[512];
	size_t console_len;
};

struct rack_machine {
	struct rack *rack;
	int index;
	char name[16], uuid[40];
	char mac[RACK_NICS][18];
	struct rack_bmc bmc;

	bool on; /* the truth */
	enum rack_phase phase;
	int tries, attempts;	/* in this phase; to boot since power-on */
	bool reported;		/* "up" */
	struct sim_event *life; /* what it does next */
	uint64_t boots, writes;
	int card; /* persona whose WWPNs the cards have, or -1 */

	/* What the script told it; empty before. */
	char persona[RACK_NAME], user[RACK_NAME], secret[128], initiator[RACK_IQN],
		target[RACK_IQN], portal[24];
	int64_t generation;
	int lun, nic; /* the NIC that reaches the storage */
};

struct rack_request;

struct rack_driver {
	struct rack *rack;
	char name[12];
	enum rack_class cls;
	int set;
	uint64_t life; /* grows at each start and end; 0: never started */
	bool running, hung, greeted;
};

struct rack {
	struct sim *sim;
	const struct rack_ops *ops;
	void *arg;
	struct faults faults;
	uint64_t fault_counts[FAULT_COUNT];
	/* From power-on to the first question, and from login to the running system (ms).  May be changed. */
	int64_t firmware_first, firmware_last, system_first, system_last;

	struct rack_machine machines[RACK_MACHINES];
	struct rack_switch switches[RACK_SWITCHES];
	struct rack_array arrays[RACK_ARRAYS];
	struct rack_fabric fabrics[RACK_FABRICS];
	int n_machines, n_switches, n_arrays, n_fabrics;
	int duplicates[RACK_MACHINES]; /* a port of it was shut, for its WWPN was logged in from that machine (+ 1) */

	struct rack_write writes[RACK_WRITES]; /* a ring of the last ones */
	uint64_t n_writes, stale_writes;
	uint64_t n_requests, n_changes, n_conflicts;

	/* The rest belongs to rack*.c. */
	struct rack_driver drivers[2 * RACK_CLASSES]; /* by class, of two controllers */
	struct rack_request *requests, *spare;
	struct sim_event *world;
	bool healed;
};

extern const char *const fault_names[FAULT_COUNT];
/* Of a name, or -1. */
int fault_by_name(const char *name);
/* Its rate is one per minute, not one per request. */
bool rack_counts_minutes(enum fault f);

/* A switch, an array or a BMC by name, or NULL. */
struct rack_device *rack_device(struct rack *r, const char *name);

/* All machines off, all ports in VLAN 1, a volume "golden" on each array.  No faults. */
struct rack *rack_create(struct sim *sim, int machines, int switches, int arrays,
			 const struct rack_ops *ops, void *arg);
void rack_destroy(struct rack *r);
/* Two fabrics, with each array and each machine on both.  Before anything else. */
void rack_fabrics(struct rack *r);
/* The WWPN of a persona's vhba on a side, and of an array's port there. */
void rack_wwpn(int persona, int side, char out[WWN_SIZE]);
void rack_array_wwpn(int array, int side, char out[WWN_SIZE]);

/* The site document for this room.  Drivers are called "switch", "array" and "bmc"; those of a second
 * controller "switch.1" and so on. */
json_t *rack_site(const struct rack *r);

/* What the core writes to a driver's stdin.  Lost when the driver does not run. */
void rack_send(struct rack *r, const char *driver, const json_t *frame);
/* It says hello after a moment. */
void rack_driver_start(struct rack *r, const char *driver);
/* SIGKILL: what has not reached a device vanishes; what has, takes effect; no replies, no driver_gone. */
void rack_driver_kill(struct rack *r, const char *driver);

/* Everything is repaired now: devices answer and tell the truth, foreign maps are gone. */
void rack_heal(struct rack *r);

/* Invariants of the room: no volume has live sessions of two machines that are on, and no stale block was written.
 * True when they hold, else a sentence in @why. */
bool rack_sound(const struct rack *r, char *why, size_t size);
/* Live sessions of machines that are on to @volume of @array. */
int rack_writers(const struct rack *r, int array, int volume);

/* Orders from outside, for tests: what the faults of the same name do. */
void rack_power_button(struct rack *r, int machine, bool on);
/* A map that Recast did not make; false when there is no such volume. */
bool rack_foreign_map(struct rack *r, int array, const char *volume, bool session);
void rack_foreign_unmap(struct rack *r);
void rack_switch_reboot(struct rack *r, int sw);
void rack_array_restart(struct rack *r, int array);
void rack_fabric_reboot(struct rack *r, int fabric);
void rack_bmc_reset(struct rack *r, int machine);
/* @device: "leaf1", "san1", "node1-bmc". */
void rack_away(struct rack *r, const char *device, int64_t ms);

#endif
