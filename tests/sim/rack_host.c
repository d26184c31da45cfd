/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a machine: firmware, a script from the controller, a login to the array, a system that writes a block a
 * second.  It knows only what the script told it, and goes on with that until it loses power.
 */
#include "rack_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_TRIES = 10, LOGIN_TRIES = 5, BOOT_ATTEMPTS = 3, REPORT_TRIES = 10 };

static void live(void *arg);

static void next(struct rack_machine *m, enum rack_phase phase, int64_t delay_ms)
{
	if (m->phase != phase)
		m->tries = 0;
	m->phase = phase;
	m->life = sim_after(m->rack->sim, delay_ms, live, m);
}

static void stop(struct rack_machine *m, const char *text)
{
	m->phase = HOST_STOPPED;
	bmc_print(m, text);
}

static void forget(struct rack_machine *m)
{
	m->persona[0] = m->user[0] = m->secret[0] = m->initiator[0] = m->target[0] = m->portal[0] =
		'\0';
	m->generation = 0;
	m->lun = m->nic = 0;
	m->reported = false;
}

static void start(struct rack_machine *m)
{
	struct rack *r = m->rack;

	forget(m);
	m->card = m->bmc.identity;
	m->boots++;
	m->attempts = 0;
	next(m, HOST_FIRMWARE, sim_between(r->sim, r->firmware_first, r->firmware_last));
}

void host_power(struct rack_machine *m, bool on)
{
	int i;

	m->bmc.lie = BMC_HONEST;
	if (m->on == on)
		return;
	m->on = on;
	rack_trace(m->rack, "%s is %s", m->name, on ? "on" : "off");
	if (on) {
		start(m);
	} else {
		sim_cancel(m->rack->sim, m->life);
		m->life = NULL;
		m->phase = HOST_OFF;
		for (i = 0; i < m->rack->n_arrays; i++)
			array_lost(&m->rack->arrays[i], m->index);
		fabric_lost(m->rack, m->index);
	}
	rack_changed(m->rack);
}

void rack_power_button(struct rack *r, int machine, bool on)
{
	struct rack_machine *m = &r->machines[machine];

	bmc_calm(m);
	rack_touched(r, m->bmc.dev.name, "power", NULL, TOUCH_OTHERS);
	host_power(m, on);
}

/* The word after @key in a line that begins with it. */
static bool word_after(const char *line, const char *key, char *out, size_t size)
{
	size_t skip = strlen(key), n;

	if (strncmp(line, key, skip) != 0)
		return false;
	n = strcspn(line + skip, " \n");
	snprintf(out, size, "%.*s", (int)n, line + skip);
	return true;
}

/* "sanboot iscsi:PORTAL::PORT:LUN:TARGET || …": the LUN is hexadecimal, the target may hold colons. */
static void take_sanboot(struct rack_machine *m, const char *line)
{
	char uri[256], *at, *end;

	if (!word_after(line, "sanboot iscsi:", uri, sizeof(uri)) || !(at = strstr(uri, "::")))
		return;
	snprintf(m->portal, sizeof(m->portal), "%.*s", (int)(at - uri), uri);
	at = strchr(at + 2, ':');
	if (!at)
		return;
	m->lun = (int)strtol(at + 1, &end, 16);
	if (*end == ':')
		snprintf(m->target, sizeof(m->target), "%s", end + 1);
}

/* "iseq ${net0/mac} MAC && set recast_nic net0 ||": which NIC the controller means. */
static void take_nic(struct rack_machine *m, const char *line)
{
	char mac[32];
	int i;

	if (!word_after(line, "iseq ${net0/mac} ", mac, sizeof(mac)))
		return;
	for (i = 0; i < RACK_NICS; i++)
		if (!strcmp(mac, m->mac[i]))
			m->nic = i;
}

static void take_user(struct rack_machine *m)
{
	const char *g = strrchr(m->user, '.');

	if (!g || g[1] != 'g')
		return;
	m->generation = strtoll(g + 2, NULL, 10);
	snprintf(m->persona, sizeof(m->persona), "%.*s", (int)(g - m->user), m->user);
}

/* True when it went out. */
static bool report(struct rack_machine *m, const char *stage)
{
	struct rack *r = m->rack;

	if (!port_reaches(m, 0, VLAN_PROVISION) || rack_fault(r, FAULT_NO_NETWORK))
		return false;
	rack_trace(r, "%s reports %s", m->name, stage);
	if (r->ops->boot_report)
		r->ops->boot_report(r->arg, m->mac[0], m->uuid, stage);
	return true;
}

/* True when the script says to boot a disk. */
static bool take_script(struct rack_machine *m, const char *script)
{
	const char *line;

	forget(m);
	for (line = script; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		take_nic(m, line);
		word_after(line, "set initiator-iqn ", m->initiator, sizeof(m->initiator));
		word_after(line, "set username ", m->user, sizeof(m->user));
		word_after(line, "set password ", m->secret, sizeof(m->secret));
		take_sanboot(m, line);
	}
	take_user(m);
	return m->target[0] && m->initiator[0];
}

static void ask(struct rack_machine *m)
{
	struct rack *r = m->rack;
	bool disk;
	char *script;

	if (++m->tries > ASK_TRIES) {
		stop(m, "No configuration methods succeeded.\r\n");
		return;
	}
	if (!port_reaches(m, 0, VLAN_PROVISION) || rack_fault(r, FAULT_NO_NETWORK) ||
	    !r->ops->boot_script || !(script = r->ops->boot_script(r->arg, m->mac[0], m->uuid))) {
		next(m, HOST_ASKING, sim_between(r->sim, 2500, 3500));
		return;
	}
	disk = take_script(m, script);
	rack_trace(r, "%s gets %s%s", m->name, disk ? "a script for " : "no role", m->user);
	free(script);
	if (!disk) {
		next(m, HOST_ASKING, 10000);
		return;
	}
	next(m, HOST_LOGIN, sim_between(r->sim, 100, 1500));
	report(m, "script");
}

static struct rack_array *boot_array(struct rack_machine *m)
{
	int i;

	for (i = 0; i < m->rack->n_arrays; i++)
		if (!strcmp(m->rack->arrays[i].portal, m->portal))
			return &m->rack->arrays[i];
	return NULL;
}

/* A card finds its disk on whatever array lets it in. */
static bool connected_fc(struct rack_machine *m)
{
	int i;

	fabric_look(m->rack, m);
	for (i = 0; i < m->rack->n_arrays; i++)
		if (array_session(&m->rack->arrays[i], m->index) || array_login_fc(&m->rack->arrays[i], m))
			return true;
	return false;
}

/* Log in to its disk if it is not. */
static bool connected(struct rack_machine *m)
{
	struct rack_array *a = boot_array(m);

	if (m->card >= 0)
		return connected_fc(m);
	return a && (array_session(a, m->index) || array_login(a, m));
}

static void login(struct rack_machine *m)
{
	struct rack *r = m->rack;

	if (connected(m)) {
		next(m, HOST_BOOTING, sim_between(r->sim, r->system_first, r->system_last));
		return;
	}
	if (++m->tries < LOGIN_TRIES) {
		next(m, HOST_LOGIN, 2000);
		return;
	}
	if (m->card >= 0) { /* firmware of a card tries for ever */
		m->tries = 0;
		next(m, HOST_LOGIN, 5000);
		return;
	}
	if (++m->attempts == BOOT_ATTEMPTS)
		stop(m, "Could not open SAN device.\r\n");
	else
		next(m, HOST_ASKING, 10000);
	report(m, "gave-up");
}

static void come_up(struct rack_machine *m)
{
	char text[RACK_NAME + 32];

	if (!connected(m)) {
		next(m, HOST_BOOTING, 2000); /* it waits for its disk */
		return;
	}
	next(m, HOST_UP, sim_between(m->rack->sim, 200, 1000));
	snprintf(text, sizeof(text), "PERSONA %s UP\r\n", m->persona);
	bmc_print(m, text);
}

/* One second of a running system. */
static void run(struct rack_machine *m)
{
	struct rack *r = m->rack;
	struct rack_session *s;
	bool all = true;
	int i;

	if (m->card >= 0)
		fabric_look(r, m);
	for (i = 0; i < r->n_arrays; i++) {
		s = array_session(&r->arrays[i], m->index);
		if (!s && m->card >= 0)
			s = array_login_fc(&r->arrays[i], m);
		else if (!s)
			s = array_login(&r->arrays[i],
					m); /* on another array only when it maps us something */
		if (s)
			array_write(&r->arrays[i], m, s);
		else if (m->card < 0 && &r->arrays[i] == boot_array(m))
			all = false;
	}
	next(m, HOST_UP, all ? sim_between(r->sim, 900, 1100) : 2000);
	if (!m->reported && m->tries < REPORT_TRIES) {
		m->tries++;
		m->reported = report(m, "up");
	}
}

/* What it knows comes from its cards.  They keep their names when the role has left, behind ports that are shut: a name
 * twice is nothing before both log in, which the fabric sees. */
static void take_card(struct rack_machine *m)
{
	snprintf(m->persona, sizeof(m->persona), "p%d", m->card + 1);
}

static void live(void *arg)
{
	struct rack_machine *m = arg;

	m->life = NULL;
	switch (m->phase) {
	case HOST_FIRMWARE:
		if (rack_fault(m->rack, FAULT_NO_BOOT)) {
			rack_touched(m->rack, m->bmc.dev.name, "boot", NULL, TOUCH_OTHERS);
			stop(m, "No bootable device.\r\n");
		} else if (!strcmp(m->bmc.boot, "disk") && m->card >= 0) {
			take_card(m);
			next(m, HOST_LOGIN, 500);
		} else if (strcmp(m->bmc.boot, "pxe") != 0) {
			stop(m, "No bootable device.\r\n");
		} else {
			next(m, HOST_ASKING, 0);
		}
		break;
	case HOST_ASKING:
		ask(m);
		break;
	case HOST_LOGIN:
		login(m);
		break;
	case HOST_BOOTING:
		come_up(m);
		break;
	case HOST_UP:
		run(m);
		break;
	case HOST_OFF:
	case HOST_STOPPED:
		break;
	}
}
