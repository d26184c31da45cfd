/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the changes of a request do at the device when it gets there, whole or in part, now or late.  Called by
 * rack_driver.c.
 */
#include "rack_request.h"

#include "json.h"
#include "kit.h"

static void change_now(struct rack_request *q, struct driver_change *c)
{
	enum rack_verdict verdict = RACK_CARRIES_OUT;
	struct rack *r = q->driver->rack;
	struct error err = { 0 };
	int rc = -1;

	r->n_changes++;
	rack_touched(r, q->dev->name, c->object, c->set, q->life == NO_LIFE ? TOUCH_LATE : TOUCH_CORE);
	if (r->ops->verdict)
		verdict = r->ops->verdict(r->arg, q->dev->name, c);
	if (verdict == RACK_REFUSES) {
		error_set(&err, ERROR_REFUSED, "%s refuses the change", q->dev->name);
		change_failed(c, CHANGE_NOT_APPLIED, &err);
		return;
	}
	switch (q->dev->cls) {
	case RACK_SWITCH:
		rc = switch_change(&r->switches[q->dev->index], c, &err);
		break;
	case RACK_ARRAY:
		rc = array_change(&r->arrays[q->dev->index], c, &err);
		break;
	case RACK_FABRIC:
		rc = fabric_change(&r->fabrics[q->dev->index], c, &err);
		break;
	default:
		rc = bmc_change(&r->machines[q->dev->index], c, &err);
		break;
	}
	if (rc == 0 && verdict == RACK_CARRIES_OUT_AND_SAYS_UNKNOWN) {
		error_set(&err, ERROR_UNREACHABLE, "%s: the connection was lost", q->dev->name);
		change_failed(c, CHANGE_UNKNOWN, &err);
	}
	if (rc == 0)
		return;
	r->n_conflicts += err.code == ERROR_CONFLICT;
	change_failed(c, CHANGE_NOT_APPLIED, &err);
}

/* From @first on nothing is known, or nothing was attempted. */
void request_lose(struct rack_request *q, size_t first, size_t end, enum change_status status)
{
	struct error err = { 0 };

	error_set(&err, ERROR_UNREACHABLE, "%s: the connection was lost", q->dev->name);
	for (; first < end; first++)
		change_failed(&q->changes[first], status, &err);
}

void request_carry_out(struct rack_request *q)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		change_now(q, &q->changes[i]);
}

static void late_effect(void *arg)
{
	struct rack_request *q = arg;

	if (!rack_is_away(q->dev)) {
		rack_trace(q->driver->rack, "a late request reaches %s", q->dev->name);
		request_carry_out(q);
	}
	request_free(q);
}

/* The request is in the device's pipe: it takes effect some day, whatever becomes of the driver. */
void request_put_off(struct rack_request *q)
{
	struct rack_request *copy = request_create(q->driver, q->frame);
	struct error err = { 0 };

	copy->life = NO_LIFE;
	copy->dev = q->dev;
	copy->changes = changes_from_json(json_object_get(q->frame, "changes"), &copy->n, &err);
	copy->event = sim_after(q->driver->rack->sim,
				sim_between(q->driver->rack->sim, 1000, 60000), late_effect, copy);
	request_lose(q, 0, q->n, CHANGE_UNKNOWN);
}

void request_carry_out_some(struct rack_request *q)
{
	struct sim *s = q->driver->rack->sim;
	size_t cut = (size_t)sim_below(s, (int)q->n), i;

	for (i = 0; i < cut + (size_t)sim_below(s, 2); i++)
		change_now(q, &q->changes[i]);
	request_lose(q, cut, cut + 1, CHANGE_UNKNOWN);
	request_lose(q, cut + 1, q->n, CHANGE_NOT_APPLIED);
}

void request_refuse_one(struct rack_request *q)
{
	size_t no = (size_t)sim_below(q->driver->rack->sim, (int)q->n), i;
	struct error err = { 0 };

	for (i = 0; i < q->n; i++)
		if (i != no)
			change_now(q, &q->changes[i]);
	error_set(&err, ERROR_REFUSED, "%s refuses the change", q->dev->name);
	change_failed(&q->changes[no], CHANGE_NOT_APPLIED, &err);
}
