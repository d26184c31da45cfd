/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The queue of a device: what waits is merged into as few requests as can be.
 */
#include "private.h"

#include "arena.h"
#include "json.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN_MS = 10000, OBSERVE_MS = 15000, APPLY_MS = 30000, STORAGE_MS = 600000, MERGE_MAX = 512,
       HOLD_PER_RUN_MS = 1, HOLD_MAX_MS = 600, ZONE_HOLD_PER_RUN_MS = 250, ZONE_HOLD_MAX_MS = 3000 };

struct queue *queue_get(struct dispatch *d, const char *name, struct error *err)
{
	struct queue *q = table_get(d->queues, name);
	struct device_spec spec = { 0 };

	if (q)
		return q;
	if (d->ops->device(d->ctx, name, &spec, err) < 0)
		return NULL;
	q = xcalloc(1, sizeof(*q));
	q->name = xstrdup(name);
	q->spec = spec;
	q->driver = driver_get(d, spec.driver);
	table_add(d->queues, q->name, q);
	return q;
}

void queue_unhold(struct queue *q)
{
	env_cancel(q->driver->d->env, q->hold);
	q->hold = NULL;
}

void queue_destroy(struct queue *q)
{
	free(q->name);
	free(q->spec.options);
	free(q->spec.secret);
	free(q->spec.pin);
	free(q);
}

void queue_ready(struct queue *q)
{
	struct driver *drv = q->driver;

	if (q->listed || (!q->ops.n && !q->urgent.n))
		return;
	q->listed = true;
	q->next_ready = NULL;
	*drv->ready_last = q;
	drv->ready_last = &q->next_ready;
}

static bool has(const struct op_list *l, enum op_kind kind)
{
	const struct op *op;

	for (op = l->first; op; op = op->next)
		if (op->kind == kind)
			return true;
	return false;
}

void queue_submit(struct queue *q, struct op *op)
{
	if (op->kind == OP_APPLY && !op->urgent && !has(&q->ops, OP_APPLY))
		q->since = env_mono(q->driver->d->env);
	op_list_push(op->urgent ? &q->urgent : &q->ops, op);
	queue_ready(q);
}

static struct queue *pop_ready(struct driver *drv)
{
	struct queue *q = drv->ready_first;

	if (!q)
		return NULL;
	drv->ready_first = q->next_ready;
	if (!drv->ready_first)
		drv->ready_last = &drv->ready_first;
	q->listed = false;
	return q;
}

/* Take from @from all ops of one kind, up to MERGE_MAX, into @to. */
static void take(struct op_list *from, enum op_kind kind, struct op_list *to)
{
	struct op *op = from->first, *next;

	op_list_init(from);
	for (; op; op = next) {
		next = op->next;
		op_list_push(op->kind == kind && to->n < MERGE_MAX ? to : from, op);
	}
}

static struct request *request_create(struct queue *q, const char *kind, int64_t limit_ms)
{
	struct driver *drv = q->driver;
	struct request *r = xcalloc(1, sizeof(*r));
	int64_t now = env_mono(drv->d->env);

	r->id = ++drv->d->next_id;
	r->kind = kind;
	r->queue = q;
	r->deadline = now + limit_ms;
	r->next = drv->requests;
	drv->requests = r;
	drv->inflight++;
	return r;
}

/* A request may take as long as its most patient op, within what its kind needs at all. */
static void set_deadline(struct request *r)
{
	int64_t latest = 0;
	struct op *op;

	for (op = r->ops.first; op; op = op->next)
		if (op->deadline > latest)
			latest = op->deadline;
	if (latest && latest < r->deadline)
		r->deadline = latest;
}

static void send_request(struct request *r, const char *key, json_t *value)
{
	int64_t left = r->deadline - env_mono(r->queue->driver->d->env);
	json_t *frame = json_pack("{s:I, s:s, s:s, s:I}", "id", (json_int_t)r->id, "op", r->kind, "device",
				  r->queue->name, "deadline_ms", (json_int_t)(left > 100 ? left : 100));

	if (key)
		json_object_set_new(frame, key, value);
	if (r->urgent)
		json_object_set_new(frame, "urgent", json_true());
	driver_send(r->queue->driver, frame);
}

static int send_open(struct queue *q, struct error *err)
{
	json_t *options = options_for_open(q->driver->d, q, q->driver->hello, err);
	struct request *r;
	json_t *frame;

	if (!options)
		return -1;
	r = request_create(q, "open", OPEN_MS);
	q->state = DEVICE_OPENING;
	q->busy = true;
	frame = json_pack("{s:I, s:s, s:s, s:i, s:s, s:o}", "id", (json_int_t)r->id, "op", "open", "device",
			  q->name, "deadline_ms", OPEN_MS, "class", q->spec.cls, "options", options);
	if (q->spec.pin)
		json_object_set_new(frame, "pin", json_string(q->spec.pin));
	driver_send(q->driver, frame);
	return 0;
}

static bool wants_all(const struct op_list *ops)
{
	const struct op *op;

	for (op = ops->first; op; op = op->next)
		if (json_is_null(op->body))
			return true;
	return false;
}

/* The union of what the ops want to read; NULL: everything. */
static json_t *union_of_objects(const struct op_list *ops)
{
	json_t *out, *seen, *v;
	const struct op *op;
	size_t i;

	if (wants_all(ops))
		return NULL;
	out = json_array();
	seen = json_object();
	for (op = ops->first; op; op = op->next)
		json_array_foreach(op->body, i, v)
			if (!json_object_get(seen, json_string_value(v))) {
				json_object_set_new(seen, json_string_value(v), json_true());
				json_array_append(out, v);
			}
	json_decref(seen);
	return out;
}

static void send_observe(struct queue *q)
{
	struct request *r = request_create(q, "observe", OBSERVE_MS);
	json_t *objects;

	take(&q->ops, OP_OBSERVE, &r->ops);
	set_deadline(r);
	q->busy = true;
	q->driver->d->counters.observes++;
	objects = union_of_objects(&r->ops);
	send_request(r, objects ? "objects" : NULL, objects);
}

/* What was queued in an older term must not reach a device behind what the new controller does there. */
static bool out_of_term(struct queue *q, struct op_list *from)
{
	const struct dispatch *d = q->driver->d;
	struct op_list ops = { 0 };
	struct error err = { 0 };

	if (!d->ops->in_term || d->ops->in_term(d->ctx))
		return false;
	take(from, OP_APPLY, &ops);
	error_set(&err, ERROR_SUPERSEDED, "another controller has taken over");
	op_list_fail(&ops, &err, false);
	return true;
}

static void send_apply(struct queue *q, struct op_list *from, bool urgent)
{
	bool storage = !strcmp(q->spec.cls, "storage");
	struct request *r = request_create(q, "apply", storage ? STORAGE_MS : APPLY_MS);
	json_t *changes = json_array();
	struct op *op;

	take(from, OP_APPLY, &r->ops);
	r->urgent = urgent;
	set_deadline(r);
	for (op = r->ops.first; op; op = op->next)
		json_array_append(changes, op->body);
	if (!urgent)
		q->busy = true;
	q->driver->d->counters.changes += r->ops.n;
	if (r->ops.n > 1)
		q->driver->d->counters.merged += r->ops.n;
	send_request(r, "changes", changes);
}

static void send_console(struct queue *q)
{
	struct op_list ops = { 0 };
	struct request *r;
	struct op *op, *next;

	take(&q->ops, OP_CONSOLE, &ops);
	for (op = ops.first; op; op = next) {
		json_t *frame;

		next = op->next;
		r = request_create(q, "console", OPEN_MS);
		op_list_push(&r->ops, op);
		frame = json_copy(op->body);
		json_object_set_new(frame, "id", json_integer(r->id));
		json_object_set_new(frame, "op", json_string("console"));
		json_object_set_new(frame, "device", json_string(q->name));
		json_object_set_new(frame, "deadline_ms", json_integer(OPEN_MS));
		driver_send(q->driver, frame);
	}
}

static void fail_waiting(struct queue *q, const struct error *err)
{
	struct op_list ops = q->ops, urgent = q->urgent;

	q->last_error = *err;
	op_list_init(&q->ops);
	op_list_init(&q->urgent);
	op_list_fail(&ops, err, false);
	op_list_fail(&urgent, err, false);
}

/* The breaker is open: normal work fails at once instead of piling up; urgent work goes through. */
static void refuse_normal(struct queue *q)
{
	struct op_list ops = q->ops;
	struct error err = { 0 };

	op_list_init(&q->ops);
	error_set(&err, ERROR_UNREACHABLE, "%s has not answered lately: %s", q->name, q->last_error.text);
	err.retryable = true;
	op_list_fail(&ops, &err, false);
}

/* Close the device; its entry, and perhaps its driver, is another one from then on. */
static void send_close(struct queue *q)
{
	struct request *r = request_create(q, "close", OPEN_MS);

	q->busy = true;
	send_request(r, NULL, NULL);
}

static void closed(struct queue *q)
{
	q->state = DEVICE_CLOSED;
	q->reopen = false;
	if (q->next_driver)
		q->driver = q->next_driver;
	q->next_driver = NULL;
}

static void on_hold(void *arg)
{
	struct queue *q = arg;

	q->hold = NULL;
	queue_ready(q);
	driver_pump(q->driver);
}

static bool is_zone(const struct op *op)
{
	return op->kind == OP_APPLY && !strncmp(json_str(op->body, "object", ""), "zone:", 5);
}

/* How many roles have a zone change in the queue. */
static size_t zoned_roles(const struct queue *q)
{
	json_t *owners = json_object();
	const struct op *op;
	size_t n;

	for (op = q->ops.first; op; op = op->next)
		if (is_zone(op))
			json_object_set_new(owners, json_str(op->body, "owner", ""), json_true());
	n = json_object_size(owners);
	json_decref(owners);
	return n;
}

/* How long the first change may wait for more.  To activate zones takes a fabric seconds and tells every card of it, so
 * zones wait until each run that is under way has brought its own, within limits. */
static int64_t hold_ms(const struct queue *q)
{
	int64_t crowd = (int64_t)q->driver->d->crowd;
	size_t zoned;

	if (crowd < 2)
		return 0;
	if (!strcmp(q->spec.cls, "switch"))
		return crowd * HOLD_PER_RUN_MS < HOLD_MAX_MS ? crowd * HOLD_PER_RUN_MS : HOLD_MAX_MS;
	zoned = strcmp(q->spec.cls, "fabric") != 0 ? 0 : zoned_roles(q);
	if (!zoned || zoned >= (size_t)crowd)
		return 0;
	return crowd * ZONE_HOLD_PER_RUN_MS < ZONE_HOLD_MAX_MS ? crowd * ZONE_HOLD_PER_RUN_MS : ZONE_HOLD_MAX_MS;
}

/* Many runs are on their way, and the first change has not waited long: more will come. */
static bool holds(struct queue *q)
{
	struct dispatch *d = q->driver->d;
	int64_t most = hold_ms(q), left;

	if (!most)
		return false;
	left = q->since + most - env_mono(d->env);
	if (left > 0 && !q->hold)
		q->hold = env_after(d->env, left, on_hold, q);
	return left > 0;
}

/* What needs no activation goes past zones that wait, for the runs that they wait for come this way. */
static void send_apart(struct queue *q)
{
	struct op_list apart = { 0 };
	struct op *op = q->ops.first, *next;

	op_list_init(&apart);
	if (!strcmp(q->spec.cls, "fabric")) {
		op_list_init(&q->ops);
		for (; op; op = next) {
			next = op->next;
			op_list_push(op->kind == OP_APPLY && !is_zone(op) ? &apart : &q->ops, op);
		}
	}
	if (!apart.n)
		return;
	send_apply(q, &apart, false);
	for (op = apart.first; op; op = next) { /* more than one request takes */
		next = op->next;
		op_list_push(&q->ops, op);
	}
}

static void serve(struct queue *q)
{
	struct error err = { 0 };

	if (q->reopen && q->state == DEVICE_READY && !q->busy) {
		send_close(q);
		return;
	}
	if (q->state == DEVICE_CLOSED && q->next_driver) {
		closed(q);
		queue_ready(q);
		driver_pump(q->driver);
		return;
	}
	if (q->state == DEVICE_CLOSED) {
		if (send_open(q, &err) < 0)
			fail_waiting(q, &err);
		return;
	}
	if (q->state == DEVICE_OPENING)
		return; /* its answer makes the queue ready again */
	if (q->urgent.n && !out_of_term(q, &q->urgent))
		send_apply(q, &q->urgent, true);
	send_console(q);
	if (q->busy || q->reopen || !q->ops.n)
		return;
	if (breaker_open(&q->breaker, env_mono(q->driver->d->env)))
		refuse_normal(q);
	else if (has(&q->ops, OP_OBSERVE))
		send_observe(q);
	else if (out_of_term(q, &q->ops))
		return;
	else if (holds(q))
		send_apart(q);
	else
		send_apply(q, &q->ops, false);
}

void driver_pump(struct driver *drv)
{
	struct error err = { 0 };
	struct queue *q;

	if (!drv->ready_first || drv->doomed)
		return;
	if (!drv->process && driver_ensure(drv, &err) < 0) {
		while ((q = pop_ready(drv)))
			fail_waiting(q, &err);
		return;
	}
	if (!drv->hello)
		return;
	while ((drv->inflight < drv->max_inflight || drv->ready_first->urgent.n) && (q = pop_ready(drv))) {
		serve(q);
		if (!drv->ready_first)
			break;
	}
}

static struct request *unlink_request(struct driver *drv, int64_t id)
{
	struct request **at = &drv->requests, *r;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	r = *at;
	if (r) {
		*at = r->next;
		drv->inflight--;
	}
	return r;
}

static void note_outcome(struct queue *q, const struct error *err)
{
	const struct dispatch *d = q->driver->d;

	if (!err || !err->code) {
		breaker_success(&q->breaker);
		error_clear(&q->last_error);
		return;
	}
	q->last_error = *err;
	if (err->code == ERROR_UNTRUSTED && err->presented.fingerprint[0])
		d->ops->untrusted(d->ctx, q->name, &err->presented);
	if (err->code == ERROR_UNREACHABLE)
		breaker_failure(&q->breaker, env_mono(d->env));
}

static enum op_outcome outcome_by_name(const char *status)
{
	if (!strcmp(status, "done"))
		return OP_DONE;
	if (!strcmp(status, "again"))
		return OP_AGAIN;
	return !strcmp(status, "not_applied") ? OP_NOT_APPLIED : OP_UNKNOWN;
}

static void answer_changes(struct request *r, const json_t *results)
{
	struct op *op = r->ops.first, *next;
	struct op_result out;
	const json_t *item;
	size_t i = 0;

	for (; op; op = next, i++) {
		next = op->next;
		item = json_array_get(results, i);
		out = (struct op_result){ .outcome = outcome_by_name(json_str(item, "status", "unknown")),
					  .changed = json_bool(item, "changed", true),
					  .after_ms = json_int(item, "after_ms", 500),
					  .document = json_object_get(item, "observed") };
		if (out.outcome == OP_UNKNOWN || out.outcome == OP_NOT_APPLIED || json_object_get(item, "error"))
			error_from_json(json_object_get(item, "error"), &out.error);
		if (out.outcome == OP_UNKNOWN)
			out.error.retryable = true;
		note_outcome(r->queue, out.outcome == OP_AGAIN ? NULL : &out.error);
		op_answer(op, &out);
	}
}

static void answer_observe(struct request *r, const json_t *document)
{
	struct op_result out = { .outcome = OP_DONE, .document = document };
	struct op *op = r->ops.first, *next;

	note_outcome(r->queue, NULL);
	for (; op; op = next) {
		next = op->next;
		op_answer(op, &out);
	}
}

static void answer_ok(struct request *r, const json_t *reply)
{
	struct op_result plain = { .outcome = OP_DONE };
	struct op *op = r->ops.first;

	if (!strcmp(r->kind, "open"))
		r->queue->state = DEVICE_READY;
	else if (!strcmp(r->kind, "close"))
		closed(r->queue);
	else if (!strcmp(r->kind, "observe"))
		answer_observe(r, json_object_get(reply, "document"));
	else if (!strcmp(r->kind, "apply"))
		answer_changes(r, json_object_get(reply, "results"));
	else if (op)
		op_answer(op, &plain);
}

static void answer_error(struct request *r, const json_t *error)
{
	struct error err = { 0 };

	error_from_json(error, &err);
	note_outcome(r->queue, &err);
	if (!strcmp(r->kind, "close"))
		closed(r->queue);
	if (!strcmp(r->kind, "open")) {
		r->queue->state = DEVICE_CLOSED;
		fail_waiting(r->queue, &err);
	}
	op_list_fail(&r->ops, &err, false); /* "nothing was attempted" */
}

/* Neither an answer nor an error: nobody knows what it did, and nothing that it says counts any more. */
static void answer_nonsense(struct driver *drv, struct request *r)
{
	struct error err = { 0 };

	error_set(&err, ERROR_PROTOCOL, "driver %s answered neither ok nor an error", drv->name);
	if (!strcmp(r->kind, "open"))
		r->queue->state = DEVICE_CLOSED;
	op_list_fail(&r->ops, &err, !strcmp(r->kind, "apply"));
	driver_kill(drv, err.text);
}

void request_answered(struct driver *drv, const json_t *reply)
{
	struct request *r = unlink_request(drv, json_int(reply, "id", -1));

	if (!r) {
		log_warn("dispatch", "driver %s answered a request that it was not asked", drv->name);
		return;
	}
	if (!r->urgent && strcmp(r->kind, "console") != 0)
		r->queue->busy = false;
	if (json_bool(reply, "ok", false))
		answer_ok(r, reply);
	else if (json_is_object(json_object_get(reply, "error")))
		answer_error(r, json_object_get(reply, "error"));
	else
		answer_nonsense(drv, r);
	queue_ready(r->queue);
	if (r->queue->driver != drv)
		driver_pump(r->queue->driver);
	free(r);
}

void driver_died(struct driver *drv, const struct error *err)
{
	struct request *r, *requests = drv->requests;
	struct queue *q;
	size_t i;

	drv->requests = NULL;
	drv->inflight = 0;
	for (i = 0; (q = table_at(drv->d->queues, i)); i++)
		if (q->driver == drv) {
			q->state = DEVICE_CLOSED;
			q->busy = q->reopen = false;
		}
	while ((r = requests)) {
		requests = r->next;
		r->queue->last_error = *err;
		breaker_failure(&r->queue->breaker, env_mono(drv->d->env));
		op_list_fail(&r->ops, err, !strcmp(r->kind, "apply"));
		queue_ready(r->queue);
		free(r);
	}
	for (i = 0; (q = table_at(drv->d->queues, i)); i++)
		if (q->driver == drv)
			queue_ready(q);
	driver_pump(drv);
}
