/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a driver: started on demand, greeted by its hello, killed when a request is past its
 * deadline, started again a little later when it ended.  Pure: the process itself is in process.c.
 */
#include "private.h"

#include "arena.h"
#include "json.h"
#include "log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELLO_MS = 5000, GRACE_MS = 1000, SWEEP_MS = 100 };

struct driver *driver_get(struct dispatch *d, const char *name)
{
	struct driver *drv = table_get(d->drivers, name);

	if (drv)
		return drv;
	drv = xcalloc(1, sizeof(*drv));
	drv->d = d;
	drv->name = xstrdup(name);
	drv->ready_last = &drv->ready_first;
	table_add(d->drivers, drv->name, drv);
	return drv;
}

static void take_hello(struct driver *drv, const json_t *frame)
{
	const json_t *hello = json_object_get(frame, "hello");
	int64_t inflight = json_int(hello, "max_inflight", 1);

	if (json_int(hello, "protocol", 0) != 1) {
		driver_kill(drv, "it does not begin with a hello of protocol 1");
		return;
	}
	if (inflight < 1 || inflight > INT_MAX) {
		driver_kill(drv, "its max_inflight allows no request, so nobody would ever be answered");
		return;
	}
	drv->hello = json_incref((json_t *)hello);
	drv->max_inflight = (int)inflight;
	breaker_success(&drv->breaker);
	driver_pump(drv);
}

void driver_took(struct driver *drv, const json_t *frame)
{
	if (drv->doomed)
		return;
	if (!drv->hello)
		take_hello(drv, frame);
	else if (json_object_get(frame, "id"))
		request_answered(drv, frame);
	else if (json_object_get(frame, "event"))
		drv->d->ops->event(drv->d->ctx, frame);
	else
		log_warn("dispatch", "driver %s sent a frame that is neither reply nor event", drv->name);
}

/* Its process has ended: whatever it was doing is unknown now. */
void driver_gone(struct driver *drv)
{
	struct error err = { 0 };

	if (!drv->doomed)
		log_warn("dispatch", "driver %s ended by itself", drv->name);
	error_set(&err, ERROR_UNREACHABLE, "driver %s ended: %s", drv->name,
		  drv->doomed ? "it was killed past its deadline" : "it crashed or stopped");
	process_destroy(drv->process);
	drv->process = NULL;
	env_cancel(drv->d->env, drv->sweep);
	drv->sweep = NULL;
	json_decref(drv->hello);
	drv->hello = NULL;
	drv->doomed = false;
	breaker_failure(&drv->breaker, env_mono(drv->d->env));
	driver_died(drv, &err);
}

void driver_kill(struct driver *drv, const char *why)
{
	if (!drv->process || drv->doomed)
		return;
	log_warn("dispatch", "killing driver %s: %s", drv->name, why);
	drv->d->counters.kills++;
	drv->doomed = true;
	process_kill(drv->process); /* the end of its stream does the rest */
}

static const struct request *overdue(const struct driver *drv, int64_t now)
{
	const struct request *r;

	for (r = drv->requests; r && now <= r->deadline + GRACE_MS; r = r->next)
		;
	return r;
}

static void on_sweep(void *arg)
{
	struct driver *drv = arg;
	int64_t now = env_mono(drv->d->env);
	const struct request *late = overdue(drv, now);
	char why[128];

	drv->sweep = env_after(drv->d->env, SWEEP_MS, on_sweep, drv);
	if (!drv->hello && now > drv->hello_deadline)
		driver_kill(drv, "no hello within 5 s");
	if (!late)
		return;
	snprintf(why, sizeof(why), "%s of %s is past its deadline", late->kind, late->queue->name);
	driver_kill(drv, why);
}

int driver_ensure(struct driver *drv, struct error *err)
{
	int64_t now = env_mono(drv->d->env);

	if (drv->process)
		return 0;
	if (breaker_open(&drv->breaker, now)) {
		error_set(err, ERROR_UNREACHABLE, "driver %s keeps failing; it is tried again soon", drv->name);
		return error_hint(err, "Its own log lines say why.");
	}
	drv->process = process_start(drv, err);
	if (!drv->process)
		return -1;
	drv->hello_deadline = now + HELLO_MS;
	drv->sweep = env_after(drv->d->env, SWEEP_MS, on_sweep, drv);
	drv->d->counters.driver_starts++;
	return 0;
}

void driver_send(struct driver *drv, json_t *frame)
{
	drv->d->counters.requests++;
	process_send(drv->process, frame);
}

void driver_destroy(struct driver *drv)
{
	process_destroy(drv->process);
	env_cancel(drv->d->env, drv->sweep);
	json_decref(drv->hello);
	free(drv->name);
	free(drv);
}
