/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the dispatcher.  An op waits in its device's queue; a request is one frame to a driver and
 * carries one or more ops; it is in the driver's list until it is answered or the driver dies.
 */
#ifndef RECAST_DISPATCH_PRIVATE_H
#define RECAST_DISPATCH_PRIVATE_H

#include "breaker.h"
#include "dispatch.h"
#include "table.h"


struct op {
	struct op *next;
	enum op_kind kind;
	json_t *body; /* objects, change or console request */
	bool urgent;
	int64_t deadline; /* clock_mono_ms */
	op_fn fn;
	void *arg;
};

struct op_list {
	struct op *first, **last;
	size_t n;
};

enum device_state { DEVICE_CLOSED, DEVICE_OPENING, DEVICE_READY };

struct queue { /* one per device */
	char *name;
	struct driver *driver;
	struct device_spec spec;
	enum device_state state;
	bool busy;	  /* a normal request is under way */
	bool reopen;	  /* its entry or secret has changed: close it before the next request */
	bool listed;	  /* in the driver's list of devices with work */
	struct op_list ops, urgent;
	int64_t since;		/* when the first of the changes that wait came (monotonic) */
	struct env_timer *hold; /* runs while they wait for more */
	struct breaker breaker;
	struct error last_error;
	struct queue *next_ready;
	struct driver *next_driver; /* once it is closed; NULL: the same */
};

struct request {
	struct request *next;
	int64_t id;
	const char *kind; /* "open", "observe", "apply", "close", "console" */
	struct queue *queue;
	struct op_list ops;
	int64_t deadline;
	bool urgent;
};

struct driver {
	struct dispatch *d;
	char *name;
	struct process *process; /* NULL: not running */
	struct env_timer *sweep; /* looks for requests past their deadline */
	json_t *hello; /* NULL until it came */
	int64_t hello_deadline;
	int max_inflight, inflight;
	struct request *requests;
	struct queue *ready_first, **ready_last;
	struct breaker breaker; /* of starting it */
	bool doomed;		/* killed; waiting for the end of its stream */
};

struct dispatch {
	struct env *env;
	char *driver_path;
	const struct dispatch_ops *ops;
	void *ctx;
	struct table *drivers, *queues;
	int64_t next_id;
	bool stopped;
	size_t crowd; /* runs that are open or being planned */
	struct dispatch_counters counters;
};

/* op.c */
struct op *op_create(enum op_kind kind, json_t *body, bool urgent, int64_t deadline, op_fn fn, void *arg);
void op_answer(struct op *op, const struct op_result *result);
void op_fail(struct op *op, const struct error *err, bool maybe_applied);
void op_list_init(struct op_list *l);
void op_list_push(struct op_list *l, struct op *op);
void op_list_fail(struct op_list *l, const struct error *err, bool maybe_applied);

/* process.c, the only I/O of the dispatcher; the simulator has its own.  A process calls driver_took() for
 * each of its frames, and driver_gone() once when it has ended by itself or by process_kill(). */
struct process *process_start(struct driver *drv, struct error *err);
void process_send(struct process *p, json_t *frame); /* steals the frame */
void process_kill(struct process *p);
void process_destroy(struct process *p); /* kills and reaps; never calls back */

/* driver.c: its life. */
struct driver *driver_get(struct dispatch *d, const char *name);
int driver_ensure(struct driver *drv, struct error *err);
void driver_send(struct driver *drv, json_t *frame);
void driver_kill(struct driver *drv, const char *why);
void driver_destroy(struct driver *drv);
void driver_took(struct driver *drv, const json_t *frame);
void driver_gone(struct driver *drv);

/* queue.c */
struct queue *queue_get(struct dispatch *d, const char *name, struct error *err);
void queue_submit(struct queue *q, struct op *op);
void queue_ready(struct queue *q);
void queue_unhold(struct queue *q);
void queue_destroy(struct queue *q);
void driver_pump(struct driver *drv);
void driver_died(struct driver *drv, const struct error *err);
void request_answered(struct driver *drv, const json_t *reply);

/* options.c: the device's options against the driver's hello; a new object to send, or NULL. */
json_t *options_for_open(struct dispatch *d, const struct queue *q, const json_t *hello, struct error *err);

void error_from_json(const json_t *j, struct error *err);

#endif
