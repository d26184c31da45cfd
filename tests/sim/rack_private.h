/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the simulated room: what its files need of one another.
 */
#ifndef RECAST_SIM_RACK_PRIVATE_H
#define RECAST_SIM_RACK_PRIVATE_H

#include "rack.h"

#include "driver.h"

/* rack.c */
/* Does this go wrong now?  Counts it. */
bool rack_fault(struct rack *r, enum fault f);
bool rack_faulty(const struct rack *r); /* may anything go wrong at all */
void rack_count(struct rack *r, enum fault f, const char *where);
void rack_changed(struct rack *r);
void rack_touched(struct rack *r, const char *device, const char *object, const json_t *set, enum touch by);
void rack_trace(struct rack *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline bool rack_is_away(const struct rack_device *dev)
{
	return dev->away_until > dev->rack->sim->now;
}

/* rack_driver.c */
void requests_free(struct rack *r);

/* rack_switch.c, rack_array.c, rack_bmc.c: one change at the device, now; the document.  Status and error go into the
 * change; -1 with @err means not applied. */
int switch_change(struct rack_switch *sw, struct driver_change *c, struct error *err);
json_t *switch_document(struct rack_switch *sw, const json_t *objects, struct error *err);
int array_change(struct rack_array *a, struct driver_change *c, struct error *err);
json_t *array_document(struct rack_array *a, const json_t *objects, struct error *err);
int fabric_change(struct rack_fabric *f, struct driver_change *c, struct error *err);
json_t *fabric_document(struct rack_fabric *f, const json_t *objects, struct error *err);
int bmc_change(struct rack_machine *m, struct driver_change *c, struct error *err);
json_t *bmc_document(struct rack_machine *m, const json_t *objects, struct error *err);

/* Is the NIC of @m in @vlan now, with its switch running? */
bool port_reaches(const struct rack_machine *m, int nic, int vlan);
/* Does a card of @m see the array by the fabric of @side now?  It logs in there if it can. */
bool fabric_reaches(struct rack *r, const struct rack_machine *m, int array, int side);
/* Its cards log in wherever there is light. */
void fabric_look(struct rack *r, const struct rack_machine *m);
void fabric_lost(struct rack *r, int machine);
/* Does the BMC say on? */
bool bmc_says_on(const struct rack_machine *m);
void bmc_print(struct rack_machine *m, const char *text);
/* Forget orders and lies. */
void bmc_calm(struct rack_machine *m);

/* rack_session.c: the volume of that name, or NULL; sessions of a map. */
struct rack_volume *array_volume(struct rack_array *a, const char *name);
bool array_has_session(const struct rack_array *a, const struct rack_map *map);
void array_drop(struct rack_array *a, const struct rack_map *map);
/* Sessions whose host is gone, and of which the array has noticed by now, end. */
void array_notice(struct rack_array *a);

/* A login with what the machine knows; NULL when the array refuses. */
struct rack_session *array_login(struct rack_array *a, const struct rack_machine *m);
/* The same over Fibre Channel, by whatever card sees the array. */
struct rack_session *array_login_fc(struct rack_array *a, struct rack_machine *m);
struct rack_session *array_session(struct rack_array *a, int machine); /* a live one, or NULL */
/* The host of these sessions is gone; the array notices later. */
void array_lost(struct rack_array *a, int machine);
void array_write(struct rack_array *a, struct rack_machine *m, const struct rack_session *session);

/* rack_host.c: the truth about power. */
void host_power(struct rack_machine *m, bool on);

/* rack_world.c */
void world_start(struct rack *r);

#endif
