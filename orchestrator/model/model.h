/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The model: what is racked (site) and what roles there are (personas), parsed and validated.
 *
 * Documents come in as JSON and are broken into objects (kind, name, document), which is also how the
 * store keeps them.  model_build() makes an immutable `struct model` of all objects; a define builds
 * a new one and swaps it in, so nothing ever sees half a change.  Pure: no I/O, no clock, no state.
 */
#ifndef RECAST_MODEL_H
#define RECAST_MODEL_H

#include "arena.h"
#include "error.h"
#include "problems.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum object_kind {
	KIND_SITE,
	KIND_NETWORK,
	KIND_SWITCH,
	KIND_FABRIC,
	KIND_ARRAY,
	KIND_MODEL,
	KIND_MACHINE,
	KIND_GROUP,
	KIND_IDENTITY,
	KIND_TEMPLATE,
	KIND_PERSONA,
	KIND_COUNT
};

/* "machine" and so on; and back (KIND_COUNT when unknown). */
const char *kind_name(enum object_kind kind);
enum object_kind kind_by_name(const char *name);

/* One object as written.  `at` says where, for complaints. */
struct object {
	enum object_kind kind;
	char *name;
	json_t *doc;
	struct place at;
	bool unchanged; /* stands in the store like this already */
};

struct objects {
	struct object *items;
	size_t n, size;
};

void objects_add(struct objects *o, enum object_kind kind, const char *name, json_t *doc,
		 const struct place *at); /* takes its own reference of @doc */
void objects_fini(struct objects *o);

/* Break one document (site, template or persona) into objects, appended to @out. */
void document_split(const json_t *document, int index, struct objects *out, struct problems *p);
/* The section of a site document that holds objects of this kind ("machines"); NULL: none does. */
const char *document_section(enum object_kind kind);

struct network {
	const char *name;
	int vlan;
	uint32_t subnet;   /* host order; 0: none */
	int prefix_len;
	uint32_t pool_first, pool_last; /* addresses for `address: auto`; 0: none */
	uint32_t gateway; /* 0: none */
};

enum device_class { CLASS_SWITCH, CLASS_FABRIC, CLASS_STORAGE, CLASS_BMC, CLASS_PROBE, CLASS_COUNT };
const char *class_name(enum device_class cls);

struct device {
	const char *name;	 /* "leaf1"; a BMC is "node1-bmc" */
	enum device_class cls;
	const char *driver;
	const char *options;	 /* JSON text of the driver's options */
	const char *secret;	 /* name of a secret, or NULL */
	const char *address;	 /* of its options, or empty */
	const char *pin;	 /* fingerprint of its server key, or NULL: not from the site file */
	const char *target_iqn;	 /* storage: pattern of target names */
	const char **portals;	 /* storage: NULL-ended list of "address:port" */
	const struct fc_port *fc_ports; /* storage: its ports on fabrics, by WWPN */
	int n_fc_ports;
	int side;	      /* fabric: 0 is A, 1 is B: a run changes one side after the other */
	int64_t lock_wait_ms; /* fabric: how long a run waits for somebody else's lock */
};

/* A port of an array on a fabric. */
struct fc_port {
	const struct device *fabric;
	const char *wwpn;
};

struct nic {
	const char *name;
	const struct device *sw;
	const char *port;
	uint64_t mac;
};

struct hba {
	const char *name;
	const struct device *fabric;
	const char *port; /* of the fabric's switch */
};

/* What machines of one make have in common. */
struct machine_model {
	const char *name;
	int vnics, vhbas; /* that a persona may have on them */
};

struct group;
struct membership {
	const struct membership *next;
	const struct group *group;
};

struct machine {
	const char *name;
	const char *arch;
	int cores;
	int64_t memory;
	char uuid[37]; /* "" when not given */
	const struct device *bmc;
	const struct machine_model *model; /* or NULL */
	struct nic *nics;
	int n_nics;
	struct hba *hbas;
	int n_hbas;
	const struct membership *groups; /* that it is in */
};

struct group {
	const char *name;
	const struct machine **members;
	int n_members, spares;
};

struct pool {
	const char *name; /* "mac/prod" */
	const char *kind; /* "mac", "wwpn", "wwnn", "iqn", "uuid" */
	uint64_t first, last;
	const char *pattern; /* of iqn */
};

enum { VNICS_MAX = 32, VHBAS_MAX = 32 }; /* of one persona */

struct vnic {
	const char *name;
	const struct network *network;
	const struct network **trunk;
	int n_trunk;
	const char *mac;     /* "auto", "auto:POOL" or an address */
	const char *address; /* "auto", "a.b.c.d" or NULL */
	int64_t rate_kbit;   /* 0: not limited */
};

struct vhba {
	const char *name;
	const struct device *fabric;
	const char *wwpn, *wwnn; /* "auto", "auto:POOL" or a WWN */
};

struct volume {
	const char *name;
	const char *volume; /* on the array */
	const struct device *array;
	const char *source; /* golden volume or NULL */
	int64_t size;	    /* bytes; 0: that of the source */
	int lun;
	bool boot;
	bool fc; /* reached over Fibre Channel; all volumes of a persona on one array alike */
};

struct persona {
	const char *name;
	const char *from;
	const char *arch; /* NULL: any */
	int cores;
	int64_t memory;
	const struct group *group; /* NULL: any machine */
	struct vnic *vnics;
	int n_vnics;
	struct vhba *vhbas;
	int n_vhbas;
	struct volume *volumes;
	int n_volumes;
	const char *boot_method;
	const struct network *boot_network; /* NULL: boots on its own networks */
	const char *iqn; /* "auto" or a name */
	/* What counts as up, in this order; all that are set must come within proof_ms each. */
	const char *proof_report; /* stage that the boot script or the system reports, or NULL */
	const char *proof_serial; /* text on the serial console, or NULL */
	int proof_port;		  /* TCP port on the first vnic's address, or 0 */
	int64_t proof_ms;
	bool needs_approval; /* `approval: required` */
	bool repairs;	     /* `reconcile: repair`: drift that can be put right in flight is, by itself */
	int64_t shutdown_ms; /* how long the operating system gets to stop; 0: power off at once */
};

struct model {
	struct arena arena;
	const char *site; /* "" before a site is defined */
	const struct network *parking, *boot_network;
	const char *boot_url;
	int64_t identity_quarantine_ms;
	struct table *tables[KIND_COUNT]; /* by name */
	struct table *devices;		  /* of every class, by name */
	struct table *ports;		  /* "leaf1/port" -> struct machine */
	struct table *fabric_ports;	  /* "fab-a/4" -> struct machine */
	struct table *macs;		  /* machine by "aa:bb:…" of each NIC */
	struct named *sorted[KIND_COUNT + 1]; /* made when they are asked for first; see model_sorted() */
};

struct named {
	const char *name;
	const void *object;
};

/* Build a model of all @objects.  Complaints go to @p; NULL when there are any. */
struct model *model_build(const struct objects *objects, struct problems *p);
void model_destroy(struct model *m);

/* Lookups by name; NULL when there is none. */
const struct network *model_network(const struct model *m, const char *name);
const struct machine *model_machine(const struct model *m, const char *name);
/* Whose NIC is cabled to "SWITCH/PORT". */
const struct machine *model_machine_by_port(const struct model *m, const char *port);
/* Whose HBA is cabled to "FABRIC/PORT". */
const struct machine *model_machine_by_fabric_port(const struct model *m, const char *port);
/* The HBA of @machine that vhba @i lies on: the one of its name, else the first on its fabric; or NULL. */
const struct hba *model_hba(const struct persona *persona, int i, const struct machine *machine);
const struct machine *model_machine_by_mac(const struct model *m, uint64_t mac);
const struct persona *model_persona(const struct model *m, const char *name);
const struct group *model_group(const struct model *m, const char *name);
const struct device *model_device(const struct model *m, const char *name);
const struct pool *model_pool(const struct model *m, const char *kind, const char *name);
bool group_has(const struct group *g, const struct machine *machine);

/* In order of definition: for (i = 0; (x = model_at(m, KIND_MACHINE, i)); i++). */
const void *model_at(const struct model *m, enum object_kind kind, size_t i);
size_t model_count(const struct model *m, enum object_kind kind);
/* All of a kind (KIND_COUNT: devices of every class) by name, node2 before node10.  Good as long as the model. */
const struct named *model_sorted(struct model *m, enum object_kind kind, size_t *n);
const struct device *model_device_at(const struct model *m, size_t i);

/* Whether @machine can play @persona: 0, or -1 with what does not fit. */
int model_fits(const struct persona *persona, const struct machine *machine, struct error *err);

/* "a.b.c.d" of a host-order address. */
void format_ipv4(uint32_t address, char out[16]);
int parse_ipv4(const char *s, uint32_t *address);
/* Does the address lie in its subnet?  False also when it has none. */
bool network_has(const struct network *n, uint32_t address);

/* Members of @over win over those of @under; mappings are merged member by member.  A new reference. */
json_t *role_merge(const json_t *under, const json_t *over);

/* The document of a persona with its templates merged in; a new reference, or NULL with a complaint. */
json_t *persona_resolve(const struct objects *objects, const struct object *persona, struct problems *p);

#endif
