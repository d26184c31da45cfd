/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Device operations: one queue per device, merging, deadlines, the breaker, and the driver processes.
 *
 * Operations are submitted, and sent when dispatch_pump() is called (the core does so after each
 * commit): a device that is free then gets everything that waits for it in one request, reads first,
 * then all changes as one apply.  Urgent changes (power off, fencing) pass the queue and the breaker.
 * Every operation is answered exactly once, through its callback, from the loop.
 */
#ifndef RECAST_DISPATCH_H
#define RECAST_DISPATCH_H

#include "env.h"
#include "error.h"
#include "secret.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dispatch;

/* What the dispatcher must know to open a device. */
struct device_spec {
	char cls[16];
	char driver[64];
	char *options; /* JSON text; owned by the receiver */
	char *secret;  /* name of a secret, or NULL; owned by the receiver */
	char *pin;     /* fingerprint of its server key, or NULL; owned by the receiver */
};

struct dispatch_ops {
	/* Fill @spec for device @name; -1 when there is none. */
	int (*device)(void *ctx, const char *name, struct device_spec *spec, struct error *err);
	/* The secret of that name; the caller destroys it. */
	struct secret *(*secret)(void *ctx, const char *name, struct error *err);
	/* An event of a driver: {"event": …}. */
	void (*event)(void *ctx, const json_t *event);
	/* The device showed this key, and it was not the pinned one or none is pinned. */
	void (*untrusted)(void *ctx, const char *device, const struct server_key *shown);
	/* Asked right before changes are sent: is this still the controller?  NULL: it always is. */
	bool (*in_term)(void *ctx);
};

enum op_kind { OP_OBSERVE, OP_APPLY, OP_CONSOLE };
enum op_outcome { OP_DONE, OP_NOT_APPLIED, OP_UNKNOWN, OP_AGAIN };

struct op_result {
	enum op_outcome outcome;
	bool changed;
	int64_t after_ms;
	const json_t *document; /* of an observe that succeeded; what a change has observed, or NULL */
	struct error error;	/* code 0 when there is none */
};

typedef void (*op_fn)(void *arg, const struct op_result *result);

struct dispatch_counters {
	uint64_t requests, changes, merged, observes, kills, driver_starts;
};

/* @driver_path: folders with recast-driver-NAME executables, separated by colons. */
struct dispatch *dispatch_create(struct env *env, const char *driver_path,
				 const struct dispatch_ops *ops, void *ctx);
void dispatch_destroy(struct dispatch *d);

/* Read @objects (a JSON array; borrowed; NULL: all there are) of @device.  What is read for one may also hold what
 * another asked for at the same time. */
void dispatch_observe(struct dispatch *d, const char *device, const json_t *objects, int64_t deadline_ms,
		      op_fn fn, void *arg);
/* Make @change {object, set, owner?, generation?} so. */
void dispatch_apply(struct dispatch *d, const char *device, const json_t *change, bool urgent,
		    int64_t deadline_ms, op_fn fn, void *arg);
/* Serial console: @action open, input, close. */
void dispatch_console(struct dispatch *d, const char *device, const char *action, const char *data,
		      op_fn fn, void *arg);

/* Send what can be sent. */
void dispatch_pump(struct dispatch *d);

/* How many runs are open or being planned.  With many of them a switch's changes wait a little for more: its commit is one
 * for all, and a wave of wishes would be a commit each. */
void dispatch_crowd(struct dispatch *d, size_t runs);

/* Forget every operation without answering (the engine is about to be rebuilt from its journal). */
void dispatch_forget(struct dispatch *d);

/* Kill every driver now, forget every operation, and start nothing any more. */
void dispatch_stop(struct dispatch *d);

/* The site has changed: close devices whose entry is different now, so that they open anew. */
void dispatch_refresh(struct dispatch *d);

/* Does its driver claim this capability?  False also while the driver was never started. */
bool dispatch_can(const struct dispatch *d, const char *device, const char *cap);

/* {state, queued, inflight, last_error} of a device for people. */
json_t *dispatch_describe(const struct dispatch *d, const char *device);
const struct dispatch_counters *dispatch_counters(const struct dispatch *d);

#endif
