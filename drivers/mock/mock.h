/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-driver-mock.  A rack is one JSON value: jansson's objects are hash tables,
 * so every change costs the same however large the rack is, and saving it is printing it.
 *
 *   switches.NAME.ports.PORT        the port as in the switch document, with owner and generation
 *   arrays.NAME.volumes.VOLUME      {size_bytes}
 *   arrays.NAME.maps.MAP            {target initiators luns chap_user generation managed sessions}
 *   arrays.NAME.by_volume.VOLUME    {MAP: true}
 *   fabrics.NAME                    {zones: {KEY: {name members kind owner generation managed}}, logins: {WWPN: {fcid port}},
 *                                    ports: {PORT: {enabled}}, lock: {user from until_ms}, activations, limit}
 *   bmcs.NAME                       {power pending boot nics boot_vlan console printed mark session
 * sel} faults.DEVICE.FAULT             {op object kind left arg}
 *
 * All of it belongs to one lock, rack_lock(), which is never held while sleeping.
 */
#ifndef RECAST_DRIVER_MOCK_H
#define RECAST_DRIVER_MOCK_H

#include "driver.h"

struct rack {
	struct rack *next;
	char *name, *state, *history; /* state, history: files, or NULL */
	char *control;		      /* file with orders from outside, or NULL */
	char *tally;		      /* file with a line for each request, or NULL */
	int lock_fd;
	json_t *root;
	json_t *open;	 /* devices that are: {DEVICE: true} */
	json_t *watched; /* consoles that somebody looks at: {DEVICE: true} */
	struct driver_watch *watch; /* waits for the control file */
	bool dirty;
	int users;
};

struct mock_device {
	struct rack *rack;
	const struct driver_device *dev;
	const char *name;
	int64_t latency_ms, power_ms;
	bool staged; /* fabric: zones were written that are not activated yet */
};

/* rack.c */
void rack_lock(void);
void rack_unlock(void);
/* Find or make the rack that the device's options name; loads its state file.  Call with the lock.
 */
struct rack *rack_get(const json_t *options, struct error *err);
/* What is returned is to be ended without the lock. */
struct driver_watch *rack_put(struct rack *rack);
/* Tell the core that somebody else changed an object, when the device is open. */
void rack_tell(const struct rack *rack, const char *device, const char *object);
/* Write the state file when something changed. */
void rack_save(struct rack *rack);
/* Member @key of @object, made an empty object when it is not there. */
json_t *rack_child(json_t *object, const char *key);
/* rack.root.GROUP.NAME, made when missing. */
json_t *rack_device(struct rack *rack, const char *group, const char *name);

/* fault.c */
enum fault_kind {
#define FAULT(id, name, what) FAULT_##id,
#include "fault_kinds.def"
#undef FAULT
	FAULT_COUNT
};

/* Kinds that are looked for before every request or change; the others where they apply. */
#define FAULTS_GENERAL (((1u << FAULT_GENERAL_END) - 1))

struct fault_hit {
	enum fault_kind kind;
	int64_t arg; /* -1: not given */
};

/* Make the faults of option `faults` those of the device; those already used up stay so. */
int faults_load(struct rack *rack, const char *device, const json_t *list, struct error *err);
/* The first fault among @mask that matches; counts it. */
bool fault_take(struct rack *rack, const char *device, const char *op, const char *object,
		unsigned mask, struct fault_hit *hit);
/* Change object "fault:NAME". */
int fault_change(struct rack *rack, const char *device, struct driver_change *c, struct error *err);
/* The code and text that a fault of an error kind stands for. */
int fault_error(const struct fault_hit *hit, const char *device, struct error *err);

/* switch.c, storage.c, bmc.c: one change, one document.  With the lock. */
int mock_port_change(struct mock_device *m, struct driver_change *c, struct error *err);
json_t *mock_switch_document(struct mock_device *m, const json_t *objects, struct error *err);
int mock_storage_change(struct mock_device *m, struct driver_change *c, struct error *err);
json_t *mock_storage_document(struct mock_device *m, const json_t *objects, struct error *err);
int mock_fabric_change(struct mock_device *m, struct driver_change *c, struct error *err);
json_t *mock_fabric_document(struct mock_device *m, const json_t *objects, struct error *err);
/* At the end of an apply: one activation for all that was written. */
void mock_fabric_activate(struct mock_device *m);
int mock_bmc_open(struct mock_device *m, struct error *err);
int mock_bmc_change(struct mock_device *m, struct driver_change *c, struct error *err);
json_t *mock_bmc_document(struct mock_device *m, const json_t *objects, struct error *err);

/* What one part of the rack needs of another. */
json_t *mock_port(struct rack *rack, const char *sw, const char *port);
/* The path to the array from this address: is it down?  Going down ends the sessions from there. */
bool mock_path_is_down(struct rack *rack, const char *array, const char *address);
void mock_path_set(struct rack *rack, const char *array, const char *address, bool down);
bool mock_session_open(struct rack *rack, const char *array, const char *map, const char *address,
		       json_t **session);
bool mock_session_of(struct rack *rack, const char *array, const char *map, const char *initiator, const char *address,
		     json_t **session);
bool mock_fc_admits(struct rack *rack, const char *array, const char *map, const char *wwpn, const char *port);
const json_t *mock_fc_ports(struct rack *rack, const char *array, const char *map);
/* A card logs in: false when its port is shut, or is now, since the WWPN is logged in elsewhere. */
bool mock_fabric_login(struct rack *rack, const char *fabric, const char *port, const char *wwpn);
void mock_fabric_logout(struct rack *rack, const char *fabric, const char *wwpn);
/* Are both in one zone? */
bool mock_fabric_zoned(struct rack *rack, const char *fabric, const char *a, const char *b);
void mock_session_close(struct rack *rack, const json_t *session);
/* Make @map (its reference is taken) the map @name of @array; NULL: there is none. */
void mock_map_put(json_t *array, const char *name, json_t *map);
void mock_power_to(struct rack *rack, const char *name, bool on);
void mock_bmc_print(struct rack *rack, const char *name, const char *text);

/* security.c: ERROR_INVALID when the option is no fingerprint; ERROR_UNTRUSTED when the key is not the pinned one. */
int mock_key_check(const struct mock_device *m, struct error *err);
int mock_login(const struct mock_device *m, struct error *err);
json_t *mock_security(const struct mock_device *m);
/* The objects that the rack itself has; NULL for NULL. */
json_t *mock_without_security(const json_t *objects);

/* mock.c: a line for tests that count. */
void mock_tally(const struct mock_device *m, const char *op, size_t objects);

/* sim.c: changes "sim:…" that play the world outside: power loss, a foreign map, a login. */
int mock_sim_change(struct rack *rack, const char *device, struct driver_change *c,
		    struct error *err);
/* Carry out and remove the orders in the control file. */
void mock_control(struct rack *rack);
/* A thread that does so as soon as there are any; tells the core.  @arg is the rack. */
void mock_watch(void *arg, int stop_fd);

#endif
