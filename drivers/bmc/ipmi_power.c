/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Power, soft shutdown and the identify light.
 *
 * "off" is done when the BMC was read off twice, at least a second apart, with no reading of "on"
 * between, also when it was off to begin with (fence level F1).  Nobody waits here: between the readings
 * the answer is `again`.  What a BMC promises counts for nothing; only what it reads does.  Only on and
 * off are ever sent, because cycle and reset are not the same when sent twice.
 */
#include "ipmi.h"

#include "clock.h"
#include "json.h"

#include <string.h>

enum {
	GET_CHASSIS_STATUS = 0x01,
	CHASSIS_CONTROL = 0x02,
	CHASSIS_IDENTIFY = 0x04,

	CONTROL_DOWN = 0,
	CONTROL_UP = 1,
	CONTROL_SOFT = 5,

	OFF_APART_MS = 1000,	/* between the two readings */
	OFF_STALE_MS = 10000,	/* a first reading older than this proves nothing */
	RESEND_MS = 5000,
	POLL_MS = 500,
};

/* Any reading of "on" breaks the row; only readings for the wish itself make one. */
static void note_reading(struct ipmi_device *d, bool on, bool counts)
{
	struct power_watch *w = &d->watch;
	int64_t now = clock_mono_ms();

	pthread_mutex_lock(&d->lock);
	if (on) {
		w->off_first_ms = w->off_last_ms = 0;
	} else if (counts) {
		if (!w->off_first_ms || now - w->off_last_ms > OFF_STALE_MS)
			w->off_first_ms = now;
		w->off_last_ms = now;
	}
	pthread_mutex_unlock(&d->lock);
}

static int power_read(struct ipmi_lane *lane, bool counts, bool *on, struct error *err)
{
	struct ipmi_reply reply;

	if (ipmi_ask(lane, IPMI_CHASSIS, GET_CHASSIS_STATUS, NULL, 0, 3, &reply, err))
		return -1;
	*on = reply.data[0] & 1;
	note_reading(lane->d, *on, counts);
	return 0;
}

json_t *power_document(struct ipmi_lane *lane, struct error *err)
{
	bool on;

	return power_read(lane, false, &on, err) ? NULL : json_string(on ? "on" : "off");
}

static int control(struct ipmi_lane *lane, uint8_t action, struct error *err)
{
	struct ipmi_reply reply;

	return ipmi_ask(lane, IPMI_CHASSIS, CHASSIS_CONTROL, &action, 1, 0, &reply, err);
}

/* Was the wish sent lately?  A BMC may take its time; sending again too soon upsets some. */
static bool sent_lately(struct ipmi_device *d, bool on)
{
	const struct power_watch *w = &d->watch;
	bool lately;

	pthread_mutex_lock(&d->lock);
	lately = w->sent_ms && w->sent_on == on && clock_mono_ms() - w->sent_ms < RESEND_MS;
	pthread_mutex_unlock(&d->lock);
	return lately;
}

/* Has an earlier request sent something whose outcome was not seen yet? */
static bool was_sent(struct ipmi_device *d)
{
	bool sent;

	pthread_mutex_lock(&d->lock);
	sent = d->watch.sent_ms != 0;
	pthread_mutex_unlock(&d->lock);
	return sent;
}

static void note_sent(struct ipmi_device *d, bool on)
{
	pthread_mutex_lock(&d->lock);
	d->watch = (struct power_watch){ .sent_ms = clock_mono_ms(), .sent_on = on, .changed = true };
	pthread_mutex_unlock(&d->lock);
}

/* Did this wish, or the start of this watch, have to be sent? */
static bool was_changed(struct ipmi_device *d, bool on)
{
	bool changed;

	pthread_mutex_lock(&d->lock);
	changed = d->watch.changed && d->watch.sent_on == on;
	d->watch = (struct power_watch){ 0 };
	pthread_mutex_unlock(&d->lock);
	return changed;
}

/* Milliseconds until off may be believed; 0: it may. */
static int64_t off_wait_ms(struct ipmi_device *d)
{
	int64_t ms;

	pthread_mutex_lock(&d->lock);
	ms = OFF_APART_MS - (d->watch.off_last_ms - d->watch.off_first_ms);
	pthread_mutex_unlock(&d->lock);
	return ms > 0 ? ms : 0;
}

static void reached(struct ipmi_lane *lane, struct driver_change *c, bool on)
{
	int64_t wait = on ? 0 : off_wait_ms(lane->d);

	if (wait)
		change_again(c, wait + 5);
	else
		change_done(c, was_changed(lane->d, on), json_pack("{s:s}", "power", on ? "on" : "off"));
}

void power_change(struct ipmi_lane *lane, struct driver_change *c)
{
	const char *want = json_str(c->set, "power", "");
	bool on = !strcmp(want, "on"), is_on, sent = false;
	struct error err = { 0 };

	if (!on && strcmp(want, "off")) {
		error_set(&err, ERROR_INVALID, "%s: power must be on or off", lane->d->name);
		ipmi_change_failed(c, false, &err);
		return;
	}
	if (power_read(lane, true, &is_on, &err)) {
		ipmi_change_failed(c, was_sent(lane->d), &err);
		return;
	}
	if (is_on != on && !sent_lately(lane->d, on)) {
		sent = true;
		if (control(lane, on ? CONTROL_UP : CONTROL_DOWN, &err)) {
			ipmi_change_failed(c, true, &err);
			return;
		}
		note_sent(lane->d, on);
		if (power_read(lane, true, &is_on, &err)) {
			ipmi_change_failed(c, true, &err);
			return;
		}
	}
	if (is_on == on)
		reached(lane, c, on);
	else
		change_again(c, sent ? POLL_MS / 2 : POLL_MS);
}

void shutdown_change(struct ipmi_lane *lane, struct driver_change *c)
{
	struct error err = { 0 };
	bool on;

	if (!json_is_true(json_object_get(c->set, "requested"))) {
		error_set(&err, ERROR_INVALID, "%s: shutdown can only be requested", lane->d->name);
		ipmi_change_failed(c, false, &err);
	} else if (power_read(lane, false, &on, &err)) {
		ipmi_change_failed(c, false, &err);
	} else if (on && control(lane, CONTROL_SOFT, &err)) {
		ipmi_change_failed(c, true, &err);
	} else {
		change_done(c, on, json_pack("{s:s}", "power", on ? "on" : "off"));
	}
}

void identify_change(struct ipmi_lane *lane, struct driver_change *c)
{
	int64_t seconds = json_int(c->set, "seconds", -1);
	uint8_t interval = (uint8_t)seconds;
	struct ipmi_reply reply;
	struct error err = { 0 };

	if (seconds < 0 || seconds > 255) {
		error_set(&err, ERROR_INVALID, "%s: identify wants seconds, 0 to 255", lane->d->name);
		ipmi_change_failed(c, false, &err);
	} else if (ipmi_ask(lane, IPMI_CHASSIS, CHASSIS_IDENTIFY, &interval, 1, 0, &reply, &err)) {
		ipmi_change_failed(c, true, &err);
	} else {
		change_done(c, true, NULL);
	}
}
