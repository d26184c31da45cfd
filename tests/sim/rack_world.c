/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What happens in the simulated room by itself: devices that go away, machines that start anew, people with keys.  A
 * tick every few seconds throws the dice for each fault that counts per minute, and heals when the time for faults is over.
 */
#include "rack_private.h"

#include <stdio.h>
#include <string.h>

enum { TICK_MS = 6000, TICKS_PER_MINUTE = 10 };

static struct rack_device *any_device(struct rack *r)
{
	int i = sim_below(r->sim, r->n_switches + r->n_arrays + r->n_machines + r->n_fabrics);

	if (i < r->n_switches)
		return &r->switches[i].dev;
	i -= r->n_switches;
	if (i < r->n_arrays)
		return &r->arrays[i].dev;
	i -= r->n_arrays;
	return i < r->n_machines ? &r->machines[i].bmc.dev : &r->fabrics[i - r->n_machines].dev;
}

static struct rack_machine *any_machine(struct rack *r)
{
	return &r->machines[sim_below(r->sim, r->n_machines)];
}

static void away(struct rack_device *dev, enum fault f, int64_t ms)
{
	int64_t until = dev->rack->sim->now + ms;

	rack_count(dev->rack, f, dev->name);
	if (until > dev->away_until)
		dev->away_until = until;
}

static void lock_out(struct rack *r)
{
	struct rack_device *dev = any_device(r);

	rack_count(r, FAULT_LOCKOUT, dev->name);
	dev->locked_until = r->sim->now + sim_between(r->sim, 10000, 60000);
}

static void reboot_host(struct rack *r)
{
	struct rack_machine *m = any_machine(r);

	if (!m->on)
		return;
	rack_count(r, FAULT_HOST_REBOOT, m->name);
	rack_touched(r, m->bmc.dev.name, "power", NULL, TOUCH_OTHERS);
	host_power(m, false);
	host_power(m, true);
}

static void map_by_others(struct rack *r, enum fault f)
{
	const struct rack_volume *found[RACK_VOLUMES];
	int array = sim_below(r->sim, r->n_arrays), n = 0, i;

	for (i = 1; i < RACK_VOLUMES; i++)
		if (r->arrays[array].volumes[i].name[0])
			found[n++] = &r->arrays[array].volumes[i];
	i = sim_below(r->sim, n);
	if (n && rack_foreign_map(r, array, found[i]->name, f == FAULT_FOREIGN_SESSION))
		rack_count(r, f, found[i]->name);
}

static void port_touched(struct rack_switch *sw, const struct rack_port *p)
{
	char object[40];

	snprintf(object, sizeof(object), "port:%s", p->name);
	rack_touched(sw->dev.rack, sw->dev.name, object, NULL, TOUCH_OTHERS);
}

static void rewire(struct rack *r)
{
	struct rack_switch *sw = &r->switches[sim_below(r->sim, r->n_switches)];
	struct rack_port *p = &sw->ports[sim_below(r->sim, sw->n_ports)];

	if (!sw->n_ports)
		return;
	rack_count(r, FAULT_FOREIGN_PORT, p->name);
	port_touched(sw, p);
	p->running.mode = PORT_ACCESS;
	memset(p->running.tagged, 0, sizeof(p->running.tagged));
	p->running.native = VLAN_FOREIGN;
	p->startup = p->running;
	rack_changed(r);
}

static void press(struct rack *r, bool on)
{
	struct rack_machine *m = any_machine(r);

	if (m->on == on)
		return;
	rack_count(r, on ? FAULT_BUTTON_ON : FAULT_BUTTON_OFF, m->name);
	rack_power_button(r, m->index, on);
}

static void strike(struct rack *r, enum fault f)
{
	struct sim *s = r->sim;

	switch ((int)f) {
	case FAULT_UNREACHABLE:
		away(any_device(r), f, sim_between(s, 5000, 90000));
		break;
	case FAULT_GONE:
		away(any_device(r), f, INT64_C(1) << 40);
		break;
	case FAULT_LOCKOUT:
		lock_out(r);
		break;
	case FAULT_SWITCH_REBOOT:
		rack_count(r, f, "");
		rack_switch_reboot(r, sim_below(s, r->n_switches));
		break;
	case FAULT_ARRAY_RESTART:
		rack_count(r, f, "");
		rack_array_restart(r, sim_below(s, r->n_arrays));
		break;
	case FAULT_BMC_RESET:
		rack_count(r, f, "");
		rack_bmc_reset(r, any_machine(r)->index);
		break;
	case FAULT_HOST_REBOOT:
		reboot_host(r);
		break;
	case FAULT_HOST_HANG:
		away(&any_machine(r)->bmc.dev, f, sim_between(s, 60000, 300000));
		break;
	case FAULT_FABRIC_REBOOT:
		rack_count(r, f, "");
		rack_fabric_reboot(r, sim_below(s, RACK_FABRICS));
		break;
	case FAULT_FABRIC_LOCK:
		rack_count(r, f, "");
		r->fabrics[sim_below(s, RACK_FABRICS)].locked_until = r->sim->now + sim_between(s, 5000, 90000);
		break;
	case FAULT_FOREIGN_MAP:
	case FAULT_FOREIGN_SESSION:
		map_by_others(r, f);
		break;
	case FAULT_FOREIGN_PORT:
		rewire(r);
		break;
	case FAULT_BUTTON_ON:
	case FAULT_BUTTON_OFF:
		press(r, f == FAULT_BUTTON_ON);
		break;
	}
}

/* Those whose rate counts per minute; the others are looked at where they belong. */
static const unsigned char by_minute[FAULT_COUNT] = {
#define R 0
#define M 1
#define FAULT(id, name, when, what) [FAULT_##id] = when,
#include "faults.def"
#undef FAULT
#undef R
#undef M
};

bool rack_counts_minutes(enum fault f)
{
	return by_minute[f];
}

static void tick(void *arg)
{
	struct rack *r = arg;
	int f;

	r->world = sim_after(r->sim, TICK_MS, tick, r);
	if (!rack_faulty(r)) {
		if (!r->healed && r->faults.until)
			rack_heal(r);
		return;
	}
	r->healed = false;
	if (sim_chance(r->sim,
		       10000 / TICKS_PER_MINUTE)) /* people go as they come: after a minute or so */
		rack_foreign_unmap(r);
	for (f = 0; f < FAULT_COUNT; f++)
		if (by_minute[f] && r->faults.rate[f] > 0 &&
		    sim_below(r->sim, 10000 * TICKS_PER_MINUTE) < r->faults.rate[f])
			strike(r, (enum fault)f);
}

void world_start(struct rack *r)
{
	r->world = sim_after(r->sim, TICK_MS, tick, r);
}

static void heal_device(struct rack_device *dev)
{
	dev->away_until = dev->locked_until = 0;
}

void rack_heal(struct rack *r)
{
	int i, k;

	r->healed = true;
	rack_trace(r, "everything heals");
	for (i = 0; i < r->n_machines; i++) {
		heal_device(&r->machines[i].bmc.dev);
		if (r->machines[i].bmc.lie != BMC_HONEST || r->machines[i].bmc.late)
			bmc_calm(&r->machines[i]);
	}
	for (i = 0; i < r->n_switches; i++) {
		heal_device(&r->switches[i].dev);
		r->switches[i].dark_until = 0;
	}
	for (i = 0; i < r->n_arrays; i++) {
		heal_device(&r->arrays[i].dev);
		r->arrays[i].down_until = 0;
		for (k = 0; k < RACK_MAPS; k++)
			r->arrays[i].maps[k].stuck_until = 0;
	}
	for (i = 0; i < r->n_fabrics; i++) {
		heal_device(&r->fabrics[i].dev);
		r->fabrics[i].dark_until = r->fabrics[i].locked_until = 0;
	}
	rack_foreign_unmap(r);
	rack_changed(r);
}

void rack_away(struct rack *r, const char *device, int64_t ms)
{
	struct rack_device *dev = rack_device(r, device);

	if (dev)
		dev->away_until = r->sim->now + ms;
}
