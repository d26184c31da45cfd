/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the simulated drivers: a request on its way to a device and back.
 */
#ifndef RECAST_SIM_RACK_REQUEST_H
#define RECAST_SIM_RACK_REQUEST_H

#include "rack_private.h"

#define NO_LIFE UINT64_MAX /* of a request that nobody waits for any more */

struct rack_request {
	struct rack_request *next, **back;
	struct rack_driver *driver;
	uint64_t life; /* of the process that it belongs to */
	struct rack_device *dev;
	json_t *frame, *reply;
	json_int_t id;
	int64_t deadline;
	struct driver_change *changes;
	size_t n;
	struct sim_event *event;
	bool twice;
};

/* rack_driver.c */
struct rack_request *request_create(struct rack_driver *drv, const json_t *frame);
void request_free(struct rack_request *q);

/* rack_request.c: its changes take effect, in whole, in part, or some day. */
void request_carry_out(struct rack_request *q);
void request_carry_out_some(struct rack_request *q);
void request_refuse_one(struct rack_request *q);
void request_put_off(struct rack_request *q);
/* Nothing is known of the changes from @first to before @end, or nothing was attempted. */
void request_lose(struct rack_request *q, size_t first, size_t end, enum change_status status);

#endif
