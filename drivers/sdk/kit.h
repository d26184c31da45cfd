/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of the driver kit: what its files share.  Drivers include driver.h only.
 *
 * Lock order: the pool's lock, then the output lock.  A driver's functions are called with neither
 * held.
 */
#ifndef RECAST_DRIVER_KIT_H
#define RECAST_DRIVER_KIT_H

#include "driver.h"

#include <pthread.h>

enum job_kind { JOB_OPEN, JOB_OBSERVE, JOB_APPLY, JOB_CONSOLE, JOB_CLOSE };

/* One request on its way through the driver.  Owned by the queue, then by the worker that runs it.
 */
struct job {
	struct job *next;
	struct kit_device *dev;
	json_t *request; /* the whole frame */
	json_int_t id;
	enum job_kind kind;
	struct driver_call call;
};

/* A device by name, from its first open until it is closed and nothing is queued for it.  All
 * members but `pub` belong to the pool's lock; `pub` to the worker that runs an exclusive job. */
struct kit_device {
	struct driver_device pub;
	char *name, *cls, *pin;
	json_t *options;
	struct secret *secret;
	bool opened;              /* open succeeded, close not yet run */
	struct job *head, **tail; /* waiting, oldest first */
	int active;               /* jobs with a worker, or on their way to one */
	bool busy;                /* one of them is an ordinary one */
	bool exclusive;           /* one of them is an open or a close */
};

extern const struct recast_driver *kit_driver;

/* protocol.c: one frame out, whole, from any thread.  The reference to @frame is taken. */
void kit_send(json_t *frame);
void kit_reply_error(json_int_t id, const struct error *err);

/* request.c: run a job with the driver and answer it.  Called by a worker without locks. */
void job_run(struct job *job);
void job_free(struct job *job);
void kit_burn_stack(void);

/* options.c: check @given against the driver's table and split it into the options without the
 * secret (defaults filled in) and the secret, whose bytes in @given are overwritten. */
int options_check(const struct driver_option *table, json_t *given, json_t **options,
		  struct secret **secret, struct error *err);
/* The default of an option as a value of its type, or null.  A new reference. */
json_t *option_default(const struct driver_option *o);

/* result.c: an error and a list of results as JSON.  @secret is cut out of every text. */
json_t *error_to_json(const struct error *err, const struct secret *secret);
struct driver_change *changes_from_json(const json_t *list, size_t *n, struct error *err);
json_t *changes_to_json(const struct driver_change *changes, size_t n, const struct secret *secret);
void changes_free(struct driver_change *changes, size_t n);

/* worker.c: the pool.  pool_submit takes the job, finds or makes its device, and answers itself
 * when it cannot be queued. */
void pool_start(int limit);
void pool_submit(struct job *job, const char *device);
/* Begin nothing more, wait until what runs is done or @until passes; false when something still
 * runs. */
bool pool_drain(int64_t until);
/* Close every open device that nothing runs on. */
void pool_close_devices(void);

#endif
