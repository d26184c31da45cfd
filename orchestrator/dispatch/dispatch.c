/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doors of the dispatcher.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

struct dispatch *dispatch_create(struct env *env, const char *driver_path,
				 const struct dispatch_ops *ops, void *ctx)
{
	struct dispatch *d = xcalloc(1, sizeof(*d));

	d->env = env;
	d->driver_path = xstrdup(driver_path);
	d->ops = ops;
	d->ctx = ctx;
	d->drivers = table_create();
	d->queues = table_create();
	return d;
}

static void drop_ops(struct op_list *l)
{
	struct op *op = l->first, *next;

	for (; op; op = next) {
		next = op->next;
		json_decref(op->body);
		free(op->arg);
		free(op);
	}
	op_list_init(l);
}

void dispatch_forget(struct dispatch *d)
{
	struct driver *drv;
	struct request *r;
	struct queue *q;
	size_t i;

	for (i = 0; (q = table_at(d->queues, i)); i++) {
		drop_ops(&q->ops);
		drop_ops(&q->urgent);
		queue_unhold(q);
	}
	for (i = 0; (drv = table_at(d->drivers, i)); i++)
		for (r = drv->requests; r; r = r->next)
			drop_ops(&r->ops);
}

static void drop_requests(struct driver *drv)
{
	struct request *r;

	while ((r = drv->requests)) {
		drv->requests = r->next;
		free(r);
	}
}

void dispatch_stop(struct dispatch *d)
{
	struct driver *drv;
	size_t i;

	d->stopped = true;
	dispatch_forget(d);
	for (i = 0; (drv = table_at(d->drivers, i)); i++) {
		process_destroy(drv->process);
		drv->process = NULL;
		drop_requests(drv);
	}
}

void dispatch_destroy(struct dispatch *d)
{
	struct driver *drv;
	size_t i;

	dispatch_stop(d);
	for (i = 0; (drv = table_at(d->drivers, i)); i++)
		driver_destroy(drv);
	for (i = 0; i < table_count(d->queues); i++)
		queue_destroy(table_at(d->queues, i));
	table_destroy(d->drivers);
	table_destroy(d->queues);
	free(d->driver_path);
	free(d);
}

static void submit(struct dispatch *d, const char *device, struct op *op)
{
	struct error err = { 0 };
	struct queue *q = queue_get(d, device, &err);

	if (d->stopped)
		error_set(&err, ERROR_SUPERSEDED, "this controller has stopped");
	if (q && !d->stopped)
		queue_submit(q, op);
	else
		op_fail(op, &err, false);
}

void dispatch_observe(struct dispatch *d, const char *device, const json_t *objects, int64_t deadline_ms,
		      op_fn fn, void *arg)
{
	submit(d, device,
	       op_create(OP_OBSERVE, objects ? json_incref((json_t *)objects) : json_null(), false, env_mono(d->env) + deadline_ms, fn, arg));
}

void dispatch_apply(struct dispatch *d, const char *device, const json_t *change, bool urgent,
		    int64_t deadline_ms, op_fn fn, void *arg)
{
	submit(d, device,
	       op_create(OP_APPLY, json_incref((json_t *)change), urgent, env_mono(d->env) + deadline_ms, fn, arg));
}

void dispatch_console(struct dispatch *d, const char *device, const char *action, const char *data,
		      op_fn fn, void *arg)
{
	json_t *body = json_pack("{s:s}", "action", action);

	if (data)
		json_object_set_new(body, "data", json_string(data));
	submit(d, device, op_create(OP_CONSOLE, body, false, 0, fn, arg));
}

void dispatch_crowd(struct dispatch *d, size_t runs)
{
	d->crowd = runs;
}

void dispatch_pump(struct dispatch *d)
{
	size_t i;

	for (i = 0; i < table_count(d->drivers) && !d->stopped; i++)
		driver_pump(table_at(d->drivers, i));
}

static bool same_spec(const struct device_spec *a, const struct device_spec *b)
{
	return !strcmp(a->cls, b->cls) && !strcmp(a->driver, b->driver) &&
	       !strcmp(a->options ? a->options : "", b->options ? b->options : "") &&
	       !strcmp(a->secret ? a->secret : "", b->secret ? b->secret : "") &&
	       !strcmp(a->pin ? a->pin : "", b->pin ? b->pin : "");
}

void dispatch_refresh(struct dispatch *d)
{
	struct device_spec spec;
	struct queue *q;
	size_t i;

	for (i = 0; (q = table_at(d->queues, i)); i++) {
		spec = (struct device_spec){ 0 };
		if (d->ops->device(d->ctx, q->name, &spec, NULL) < 0)
			continue;
		/* A changed secret keeps its name, so a device with a secret is opened anew in any case. */
		if (q->state != DEVICE_CLOSED && (spec.secret || !same_spec(&spec, &q->spec)))
			q->reopen = true;
		free(q->spec.options);
		free(q->spec.secret);
		free(q->spec.pin);
		q->next_driver = strcmp(spec.driver, q->driver->name) ? driver_get(d, spec.driver) : NULL;
		q->spec = spec;
		breaker_success(&q->breaker);
	}
}

bool dispatch_can(const struct dispatch *d, const char *device, const char *cap)
{
	const struct queue *q = table_get(d->queues, device);
	const json_t *one;
	size_t i;

	json_array_foreach(q ? json_object_get(q->driver->hello, "caps") : NULL, i, one)
		if (!strcmp(json_string_value(one) ? json_string_value(one) : "", cap))
			return true;
	return false;
}

json_t *dispatch_describe(const struct dispatch *d, const char *device)
{
	const struct queue *q = table_get(d->queues, device);
	static const char *const names[] = { "closed", "opening", "ready" };
	const char *state;
	json_t *out;

	if (!q)
		return json_pack("{s:s, s:i, s:i, s:n}", "state", "closed", "queued", 0, "inflight", 0, "last_error");
	state = breaker_open(&q->breaker, env_mono(d->env)) ? "backoff" : names[q->state];
	out = json_pack("{s:s, s:I, s:i, s:n}", "state", state, "queued", (json_int_t)(q->ops.n + q->urgent.n),
			"inflight", q->busy, "last_error");
	if (q->last_error.code)
		json_object_set_new(out, "last_error",
				    json_pack("{s:s, s:s}", "code", error_name(q->last_error.code), "text",
					      q->last_error.text));
	return out;
}

const struct dispatch_counters *dispatch_counters(const struct dispatch *d)
{
	return &d->counters;
}
