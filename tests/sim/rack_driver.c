/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The driver processes in front of the simulated devices.  A request travels to its device, takes effect there, and its
 * answer travels back; on each of the three ways something may go wrong.  A driver that is killed takes along what has
 * not reached a device, and all answers.
 */
#include "rack_private.h"

#include "arena.h"
#include "json.h"
#include "kit.h"
#include "rack_request.h"

#include <stdlib.h>
#include <string.h>

/* At most one of these hits a request; the last ones only an apply. */
static const enum fault ways[] = { FAULT_CRASH_BEFORE, FAULT_CRASH_AFTER, FAULT_SILENT,
				   FAULT_DROP,	       FAULT_DUPLICATE,	  FAULT_DELAY,
				   FAULT_WRONG_ID,     FAULT_GARBAGE,	  FAULT_LOSE_ANSWER,
				   FAULT_LATE,	       FAULT_PARTIAL,	  FAULT_REFUSE };
enum { ANY_WAYS = 8, ALL_WAYS = sizeof(ways) / sizeof(ways[0]) };
#define NO_FAULT FAULT_COUNT

struct rack_request *request_create(struct rack_driver *drv, const json_t *frame)
{
	struct rack *r = drv->rack;
	struct rack_request *q = r->spare;

	if (q)
		r->spare = q->next;
	else
		q = xcalloc(1, sizeof(*q));
	*q = (struct rack_request){ .driver = drv,
				    .life = drv->life,
				    .frame = json_incref((json_t *)(uintptr_t)frame) };
	q->next = r->requests;
	q->back = &r->requests;
	if (r->requests)
		r->requests->back = &q->next;
	r->requests = q;
	return q;
}

void request_free(struct rack_request *q)
{
	struct rack *r = q->driver->rack;

	*q->back = q->next;
	if (q->next)
		q->next->back = q->back;
	changes_free(q->changes, q->n);
	json_decref(q->frame);
	json_decref(q->reply);
	q->next = r->spare;
	r->spare = q;
}

void requests_free(struct rack *r)
{
	struct rack_request *q;

	while ((q = r->requests)) {
		sim_cancel(r->sim, q->event);
		request_free(q);
	}
	while ((q = r->spare)) {
		r->spare = q->next;
		free(q);
	}
}

static bool is_orphan(const struct rack_request *q)
{
	return q->life != q->driver->life;
}

static void later(struct rack_request *q, int64_t delay_ms, void (*fn)(void *arg))
{
	q->event = sim_after(q->driver->rack->sim, delay_ms, fn, q);
}

static void crash(struct rack_driver *drv)
{
	rack_trace(drv->rack, "driver %s dies", drv->name);
	drv->life++;
	drv->running = drv->greeted = false;
	drv->rack->ops->driver_gone(drv->rack->arg, drv->name);
}

static void deliver(void *arg)
{
	struct rack_request *q = arg;
	struct rack_driver *drv = q->driver;
	json_t *reply;

	if (is_orphan(q) || drv->hung) {
		request_free(q);
		return;
	}
	reply = json_incref(q->reply);
	/* Done with before the core hears of it: it may do anything then, kill this driver or end the story. */
	if (q->twice) {
		q->twice = false;
		later(q, sim_between(drv->rack->sim, 1, 3000), deliver);
	} else {
		request_free(q);
	}
	drv->rack->ops->reply(drv->rack->arg, drv->name, reply);
}

/* @reply is what it will say; taken. */
static void reply_with(struct rack_request *q, json_t *reply, int64_t delay_ms)
{
	json_object_set_new_nocheck(reply, "id", json_integer(q->id));
	q->reply = reply;
	later(q, delay_ms, deliver);
}

static void reply_ok(struct rack_request *q, const char *key, json_t *value, int64_t delay_ms)
{
	json_t *reply = json_object();

	json_object_set_new_nocheck(reply, "ok", json_true());
	if (key)
		json_object_set_new_nocheck(reply, key, value);
	reply_with(q, reply, delay_ms);
}

static void reply_error(struct rack_request *q, enum error_code code, const char *text,
			int64_t delay_ms)
{
	struct error err = { 0 };
	json_t *reply = json_object();

	error_set(&err, code, "%s: %s", q->dev ? q->dev->name : "driver", text);
	json_object_set_new_nocheck(reply, "error", error_to_json(&err, NULL));
	reply_with(q, reply, delay_ms);
}

/* How long the device needs for its answer. */
static int64_t pace(const struct rack_request *q)
{
	struct sim *s = q->driver->rack->sim;

	switch (q->driver->cls) {
	case RACK_SWITCH:
		return sim_between(s, 5, 60);
	case RACK_ARRAY:
		return sim_between(s, 20, q->n ? 800 : 100);
	case RACK_FABRIC:
		return sim_between(s, 20, q->n ? 3000 : 100);
	default:
		break;
	}
	return sim_between(s, 20, 200);
}

static int64_t time_left(const struct rack_request *q)
{
	int64_t left = q->deadline - q->driver->rack->sim->now;

	return left > 0 ? left : 0;
}

static bool wants_off(const struct driver_change *c)
{
	return !strcmp(c->object, "power") && !strcmp(json_str(c->set, "power", ""), "off");
}

/* Off is read a second time before it is said. */
static void read_again(struct rack_request *q)
{
	const struct rack_machine *m = &q->driver->rack->machines[q->dev->index];
	size_t i;

	for (i = 0; i < q->n && q->dev->cls == RACK_BMC; i++)
		if (q->changes[i].status == CHANGE_DONE && wants_off(&q->changes[i]) &&
		    bmc_says_on(m))
			change_again(&q->changes[i], 500);
}

static void answer(void *arg)
{
	struct rack_request *q = arg;

	if (is_orphan(q)) {
		request_free(q);
		return;
	}
	read_again(q);
	reply_ok(q, "results", changes_to_json(q->changes, q->n, NULL), 0);
}

static int64_t second_reading(const struct rack_request *q)
{
	size_t i;

	for (i = 0; i < q->n && q->dev->cls == RACK_BMC; i++)
		if (q->changes[i].status == CHANGE_DONE && wants_off(&q->changes[i]))
			return 1000;
	return 0;
}

/* A switch carries out the order for a port when it gets it or never, and so does a BMC that for the names of the cards, which
 * comes with the boot device here: there is no queue in front of them, and no generation on them that would tell an old order
 * from a new one (doc/reliability.md). */
static bool is_now_or_never(const struct rack_request *q)
{
	const char *object = q->dev->cls == RACK_FABRIC ? "port:" : q->dev->cls == RACK_BMC && q->driver->rack->n_fabrics ? "boot" : NULL;
	size_t i;

	for (i = 0; i < q->n && object; i++)
		if (!strncmp(q->changes[i].object, object, strlen(object)))
			return true;
	return false;
}

static void apply(struct rack_request *q, enum fault f)
{
	struct rack *r = q->driver->rack;
	int64_t more = 0;

	if (f == FAULT_LATE && is_now_or_never(q))
		f = FAULT_LOSE_ANSWER;
	switch ((int)f) {
	case FAULT_LATE:
		request_put_off(q);
		more = 3000;
		break;
	case FAULT_LOSE_ANSWER:
		request_carry_out(q);
		request_lose(q, 0, q->n, CHANGE_UNKNOWN);
		more = 3000;
		break;
	case FAULT_PARTIAL:
		request_carry_out_some(q);
		break;
	case FAULT_REFUSE:
		request_refuse_one(q);
		break;
	case FAULT_DELAY:
		more = sim_between(r->sim, 0, 8000);
		/* fall through */
	default:
		request_carry_out(q);
	}
	if (more > time_left(q))
		more = time_left(q);
	later(q, pace(q) + second_reading(q) + more, answer);
}

static json_t *document(struct rack_request *q, struct error *err)
{
	const json_t *objects = json_object_get(q->frame, "objects");
	struct rack *r = q->driver->rack;

	switch (q->dev->cls) {
	case RACK_SWITCH:
		return switch_document(&r->switches[q->dev->index], objects, err);
	case RACK_ARRAY:
		return array_document(&r->arrays[q->dev->index], objects, err);
	case RACK_FABRIC:
		return fabric_document(&r->fabrics[q->dev->index], objects, err);
	default:
		break;
	}
	return bmc_document(&r->machines[q->dev->index], objects, err);
}

static void observe(struct rack_request *q, int64_t more)
{
	struct error err = { 0 };
	json_t *seen = document(q, &err);

	if (seen)
		reply_ok(q, "document", seen, pace(q) + more);
	else
		reply_error(q, err.code, err.text, pace(q) + more);
}

static void work(struct rack_request *q, const char *op, enum fault f)
{
	int64_t more = f == FAULT_DELAY ? sim_between(q->driver->rack->sim, 0, 8000) : 0;

	if (more > time_left(q))
		more = time_left(q);
	if (!strcmp(op, "apply")) {
		apply(q, f);
	} else if (!strcmp(op, "observe")) {
		observe(q, more);
	} else if (!strcmp(op, "open")) {
		q->dev->opened[q->driver->set] = q->life;
		reply_ok(q, "facts", json_object(), pace(q) + more);
	} else {
		if (!strcmp(op, "close"))
			q->dev->opened[q->driver->set] = 0;
		reply_ok(q, NULL, NULL, pace(q) + more);
	}
}

/* It reaches the device no more; the driver says so when its time is over. */
static void drop(struct rack_request *q)
{
	int64_t wait = time_left(q) > 200 ? time_left(q) - 200 : 0;

	if (!q->n) {
		reply_error(q, ERROR_UNREACHABLE, "no answer", wait);
		return;
	}
	request_lose(q, 0, q->n, CHANGE_UNKNOWN);
	later(q, wait, answer);
}

static enum fault draw(struct rack_request *q)
{
	struct rack *r = q->driver->rack;
	int i;

	if (!rack_faulty(r))
		return NO_FAULT;
	for (i = 0; i < (q->n ? ALL_WAYS : ANY_WAYS); i++)
		if (sim_chance(r->sim, r->faults.rate[ways[i]])) {
			rack_count(r, ways[i], q->dev->name);
			return ways[i];
		}
	return NO_FAULT;
}

/* Effects without an answer: half of the time the device has got it. */
static void vanish(struct rack_request *q)
{
	if (q->n && sim_below(q->driver->rack->sim, 2))
		request_carry_out(q);
	request_free(q);
}

static void garbage(struct rack_request *q)
{
	if (q->n && sim_below(q->driver->rack->sim, 2))
		request_carry_out(q);
	reply_with(q, json_pack("{s:s}", "status", "fine"), pace(q));
}

static void meet_device(struct rack_request *q, const char *op)
{
	struct rack_driver *drv = q->driver;
	enum fault f = draw(q);

	switch ((int)f) {
	case FAULT_CRASH_BEFORE:
		request_free(q);
		crash(drv);
		return;
	case FAULT_CRASH_AFTER:
		request_carry_out(q);
		request_free(q);
		crash(drv);
		return;
	case FAULT_SILENT:
		drv->hung = true;
		vanish(q);
		return;
	case FAULT_DROP:
		drop(q);
		return;
	case FAULT_GARBAGE:
		garbage(q);
		return;
	case FAULT_WRONG_ID:
		q->id += 100000;
		break;
	case FAULT_DUPLICATE:
		q->twice = true;
		break;
	}
	work(q, op, f);
}

static void arrive(void *arg)
{
	struct rack_request *q = arg;
	struct rack *r = q->driver->rack;
	const char *op = json_str(q->frame, "op", "");
	bool opens = !strcmp(op, "open") || !strcmp(op, "close");

	if (is_orphan(q) || q->driver->hung) {
		request_free(q);
		return;
	}
	r->n_requests++;
	if (!q->dev || q->dev->cls != q->driver->cls)
		reply_error(q, ERROR_INVALID, "there is no such device", 1);
	else if (!opens && q->dev->opened[q->driver->set] != q->life)
		reply_error(q, ERROR_INVALID, "it was not opened", 1);
	else if (!opens && rack_is_away(q->dev))
		reply_error(q, ERROR_UNREACHABLE, "it does not answer",
			    time_left(q) < 2000 ? time_left(q) : 2000);
	else if (!opens && q->dev->locked_until > r->sim->now)
		reply_error(q, ERROR_AUTH, "it refuses the password", pace(q));
	else
		meet_device(q, op);
}

static struct rack_driver *driver_of(struct rack *r, const char *name)
{
	int i;

	for (i = 0; i < 2 * RACK_CLASSES; i++)
		if (!strcmp(r->drivers[i].name, name))
			return &r->drivers[i];
	return NULL;
}

void rack_send(struct rack *r, const char *driver, const json_t *frame)
{
	struct rack_driver *drv = driver_of(r, driver);
	struct rack_request *q;
	struct error err = { 0 };

	if (!drv || !drv->running || drv->hung)
		return;
	q = request_create(drv, frame);
	q->id = json_int(frame, "id", 0);
	q->deadline = r->sim->now + json_int(frame, "deadline_ms", 10000);
	q->dev = rack_device(r, json_str(frame, "device", ""));
	if (!strcmp(json_str(frame, "op", ""), "apply"))
		q->changes = changes_from_json(json_object_get(frame, "changes"), &q->n, &err);
	later(q, sim_between(r->sim, 2, 30), arrive);
}

static json_t *hello_of(const struct rack_driver *drv)
{
	static const char *const classes[] = {
		[RACK_SWITCH] = "switch", [RACK_ARRAY] = "storage", [RACK_BMC] = "bmc", [RACK_FABRIC] = "fabric"
	};

	return json_pack(
		"{s:{s:i, s:s, s:s, s:s, s:s, s:i, s:[s, s, s], s:[{s:s, s:s, s:b, s:n, s:b, s:s}]}}",
		"hello", "protocol", 1, "driver", drv->name, "class", classes[drv->cls], "version",
		"0", "summary", "a simulated device", "max_inflight", 8, "caps", "merge", "trunk",
		"enable", "options", "name", "address", "type", "string", "required", 1, "default",
		"secret", 0, "help", "where it is");
}

static void greet(void *arg)
{
	struct rack_request *q = arg;
	struct rack_driver *drv = q->driver;
	bool orphan = is_orphan(q);

	request_free(q);
	if (orphan)
		return;
	drv->greeted = true;
	drv->rack->ops->reply(drv->rack->arg, drv->name, hello_of(drv));
}

void rack_driver_start(struct rack *r, const char *driver)
{
	struct rack_driver *drv = driver_of(r, driver);
	struct rack_request *q;
	int64_t delay = sim_between(r->sim, 5, 50);

	if (!drv || drv->running)
		return;
	drv->life++;
	drv->running = true;
	drv->hung = drv->greeted = false;
	if (rack_fault(r, FAULT_SLOW_START)) {
		drv->hung = sim_below(r->sim, 2);
		delay = 3000;
	}
	if (drv->hung)
		return;
	q = request_create(drv, NULL);
	later(q, delay, greet);
}

void rack_driver_kill(struct rack *r, const char *driver)
{
	struct rack_driver *drv = driver_of(r, driver);

	if (!drv || !drv->running)
		return;
	rack_trace(r, "driver %s is killed", drv->name);
	drv->life++;
	drv->running = drv->greeted = drv->hung = false;
}
