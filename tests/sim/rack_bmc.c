/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The BMCs of the simulated room.  Power takes time and is answered with `again` until it is so; what a BMC says may be
 * another thing than what the machine is.
 */
#include "rack_private.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

bool bmc_says_on(const struct rack_machine *m)
{
	switch (m->bmc.lie) {
	case BMC_SAYS_OFF:
		return false;
	case BMC_SAYS_ON:
		return true;
	case BMC_HONEST:
		break;
	}
	return m->on;
}

void bmc_print(struct rack_machine *m, const char *text)
{
	struct rack_bmc *b = &m->bmc;
	size_t len = strlen(text);

	rack_trace(m->rack, "%s prints %.*s", m->name, (int)strcspn(text, "\r"), text);
	if (!b->capturing)
		return;
	if (b->console_len + len >= sizeof(b->console))
		b->console_len = 0; /* only the end matters */
	memcpy(b->console + b->console_len, text, len + 1);
	b->console_len += len;
}

static void power_touched(struct rack_machine *m)
{
	rack_touched(m->rack, m->bmc.dev.name, "power", NULL, TOUCH_OTHERS);
}

void bmc_calm(struct rack_machine *m)
{
	if (m->bmc.late || m->bmc.lie != BMC_HONEST)
		power_touched(m);
	sim_cancel(m->rack->sim, m->bmc.order);
	sim_cancel(m->rack->sim, m->bmc.late);
	m->bmc.order = m->bmc.late = NULL;
	m->bmc.lie = BMC_HONEST;
}

static void on_order(void *arg)
{
	struct rack_machine *m = arg;

	m->bmc.order = NULL;
	host_power(m, m->bmc.order_on);
}

static void on_late(void *arg)
{
	struct rack_machine *m = arg;

	m->bmc.late = NULL;
	power_touched(m);
	host_power(m, false);
}

static void give_order(struct rack_machine *m, bool on, int64_t delay_ms)
{
	sim_cancel(m->rack->sim, m->bmc.order);
	m->bmc.order_on = on;
	m->bmc.order = sim_after(m->rack->sim, delay_ms, on_order, m);
}

/* Power is to change, and the BMC makes believe.  True when it does. */
static bool lies(struct rack_machine *m, bool on)
{
	struct rack *r = m->rack;

	if (on && rack_fault(r, FAULT_BMC_LIE_ON)) {
		m->bmc.lie = BMC_SAYS_ON;
		power_touched(m);
		return true;
	}
	if (!on && rack_fault(r, FAULT_BMC_LATE_OFF)) {
		m->bmc.lie = BMC_SAYS_OFF;
		power_touched(m);
		sim_cancel(r->sim, m->bmc.late);
		m->bmc.late = sim_after(r->sim, 40000, on_late, m);
		return true;
	}
	if (!on && rack_fault(r, FAULT_BMC_LIE_OFF)) {
		m->bmc.lie = BMC_SAYS_OFF;
		power_touched(m);
		return true;
	}
	return false;
}

static int power_change(struct rack_machine *m, struct driver_change *c, struct error *err)
{
	const char *want = json_str(c->set, "power", "");
	struct rack_bmc *b = &m->bmc;
	bool on = !strcmp(want, "on");

	if (!on && strcmp(want, "off") != 0)
		return error_set(err, ERROR_INVALID, "power must be on or off");
	if (b->order && b->order_on == on) {
		change_again(c, 500);
		return 0;
	}
	if (bmc_says_on(m) == on && !b->order) {
		change_done(c, true, json_pack("{s:s}", "power", want));
		return 0;
	}
	if (m->on == on && b->lie != BMC_HONEST) {
		b->lie = BMC_HONEST; /* it finds the machine as wished */
		change_again(c, 500);
		return 0;
	}
	b->lie = BMC_HONEST;
	if (!lies(m, on))
		give_order(m, on, sim_between(m->rack->sim, 2000, 6000));
	change_again(c, sim_between(m->rack->sim, 500, 1500));
	return 0;
}

static int shutdown_change(struct rack_machine *m, struct driver_change *c, struct error *err)
{
	if (!json_is_true(json_object_get(c->set, "requested")))
		return error_set(err, ERROR_INVALID, "shutdown can only be requested");
	change_done(c, m->on, NULL);
	if (m->on && m->phase == HOST_UP && !m->bmc.order)
		give_order(m, false, sim_between(m->rack->sim, 1000, 8000));
	return 0;
}

static int boot_change(struct rack_machine *m, struct driver_change *c, struct error *err)
{
	const char *device = json_str(c->set, "device", "");

	if (strcmp(device, "pxe") != 0 && strcmp(device, "disk") != 0 &&
	    strcmp(device, "none") != 0)
		return error_set(err, ERROR_INVALID, "boot.device must be pxe, disk or none");
	change_done(c, strcmp(device, m->bmc.boot) != 0,
		    json_pack("{s:{s:s, s:b}}", "boot", "device", device, "valid", 1));
	/* On real cards the identity is a change of its own; here it comes with the order to boot from them. */
	if (c->owner && m->rack->n_fabrics)
		m->bmc.identity = !strcmp(device, "disk") ? atoi(c->owner + 1) - 1 : -1;
	if (!rack_fault(m->rack, FAULT_BMC_FORGET))
		strcpy(m->bmc.boot, device);
	else
		rack_touched(m->rack, m->bmc.dev.name, "boot", NULL, TOUCH_OTHERS);
	return 0;
}

static int console_change(struct rack_machine *m, struct driver_change *c, struct error *err)
{
	const json_t *capture = json_object_get(c->set, "capture");

	if (!json_is_boolean(capture))
		return error_set(err, ERROR_INVALID, "console wants capture true or false");
	m->bmc.capturing = json_is_true(capture);
	m->bmc.console_len = 0;
	m->bmc.console[0] = '\0';
	change_done(c, true, NULL);
	return 0;
}

int bmc_change(struct rack_machine *m, struct driver_change *c, struct error *err)
{
	if (!strcmp(c->object, "power"))
		return power_change(m, c, err);
	if (!strcmp(c->object, "shutdown"))
		return shutdown_change(m, c, err);
	if (!strcmp(c->object, "boot"))
		return boot_change(m, c, err);
	if (!strcmp(c->object, "console"))
		return console_change(m, c, err);
	if (!strcmp(c->object, "identify")) {
		change_done(c, true, NULL);
		return 0;
	}
	return error_set(err, ERROR_INVALID, "a BMC has no object \"%s\"", c->object);
}

static json_t *part_of(const struct rack_machine *m, const char *object)
{
	if (!strcmp(object, "power"))
		return json_string_nocheck(bmc_says_on(m) ? "on" : "off");
	if (!strcmp(object, "boot"))
		return json_pack("{s:s, s:b}", "device", m->bmc.boot, "valid", 1);
	if (!strcmp(object, "identity"))
		return json_pack("{s:s, s:i, s:s}", "uuid", m->uuid, "manufacturer", 0, "firmware",
				 "sim 1.0");
	if (!strcmp(object, "sensors") || !strcmp(object, "sel"))
		return json_array();
	if (!strncmp(object, "console:", 8))
		return json_pack("{s:s, s:b}", "text", m->bmc.console, "seen",
				 m->bmc.capturing && strstr(m->bmc.console, object + 8));
	return NULL;
}

json_t *bmc_document(struct rack_machine *m, const json_t *objects, struct error *err)
{
	static const char *const all[] = { "power", "boot", "identity", "sensors", "sel" };
	json_t *document = json_object(), *part;
	const json_t *one;
	size_t i;

	for (i = 0; !objects && i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new_nocheck(document, all[i], part_of(m, all[i]));
	json_array_foreach(objects, i, one) {
		const char *object = json_string_value(one) ? json_string_value(one) : "";

		part = part_of(m, object);
		if (!part) {
			json_decref(document);
			error_set(err, ERROR_INVALID, "a BMC has no object \"%s\"", object);
			return NULL;
		}
		json_object_set_new_nocheck(
			document, !strncmp(object, "console:", 8) ? "console" : object, part);
	}
	return document;
}

void rack_bmc_reset(struct rack *r, int machine)
{
	struct rack_machine *m = &r->machines[machine];

	bmc_calm(m);
	rack_touched(r, m->bmc.dev.name, "boot", NULL, TOUCH_OTHERS);
	strcpy(m->bmc.boot, "none");
	m->bmc.capturing = false;
	m->bmc.console_len = 0;
	m->bmc.console[0] = '\0';
	m->bmc.dev.away_until = r->sim->now + sim_between(r->sim, 30000, 60000);
	rack_trace(r, "%s starts anew", m->bmc.dev.name);
}
