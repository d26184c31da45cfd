/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * iPXE scripts.  Grammar: ipxe.org/scripting; SAN URI: ipxe.org/sanuri (the LUN is hexadecimal).
 */
#include "ipxe.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

bool ipxe_is_safe(const char *value)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-/";
	size_t n = strspn(value, safe);

	return n > 0 && value[n] == '\0';
}

static bool plan_is_safe(const struct boot_plan *p)
{
	const char *values[] = { p->persona, p->machine, p->base_url,	p->storage_mac, p->address, p->netmask,
				 p->initiator, p->user,	 p->secret, p->portal,	p->target };
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (!values[i] || !ipxe_is_safe(values[i]))
			return false;
	return !p->gateway || ipxe_is_safe(p->gateway);
}

/* Firmware numbers NICs in its own way: find the one with the address that the site file gives. */
static void find_nic(struct text *t, const char *mac, const char *missing)
{
	int i;

	text_append(t, "clear recast_nic\n");
	for (i = 0; i < 8; i++)
		text_printf(t, "iseq ${net%d/mac} %s && set recast_nic net%d ||\n", i, mac, i);
	text_printf(t, "isset ${recast_nic} || goto %s\n", missing);
}

static void report(struct text *t, const struct boot_plan *p, const char *stage)
{
	text_printf(t, "imgfetch --name recast-report %s/boot/report?mac=${net0/mac}&uuid=${uuid}&stage=%s || \n"
		       "imgfree recast-report ||\n",
		    p->base_url, stage);
}

/* @missing, @failed: where to go on without it. */
static void open_nic(struct text *t, const struct boot_plan *p, const char *missing, const char *failed)
{
	find_nic(t, p->storage_mac, missing);
	text_printf(t, "set ${recast_nic}/ip %s\nset ${recast_nic}/netmask %s\n", p->address, p->netmask);
	if (p->gateway)
		text_printf(t, "set ${recast_nic}/gateway %s\n", p->gateway);
	text_printf(t, "ifopen ${recast_nic} || goto %s\n", failed);
}

/* Of several NICs one that opens is enough. */
static void open_nics(struct text *t, const struct boot_plan *p, int n)
{
	char next[16];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(next, sizeof(next), "nic%d", i + 2);
		open_nic(t, &p[i], next, next);
		text_printf(t, "set recast_open 1\n:%s\n", next);
	}
	text_append(t, "isset ${recast_open} || goto give_up\n");
}

char *ipxe_boot_script(const struct boot_plan *p, int n)
{
	struct text t = { 0 };
	int i;

	for (i = 0; i < n; i++)
		if (!plan_is_safe(&p[i]))
			return ipxe_refusal("a name or address of this persona cannot stand in a boot script");
	text_printf(&t, "#!ipxe\necho Recast: %s is to play %s, generation %lld\n", p->machine, p->persona,
		    (long long)p->generation);
	if (n == 1)
		open_nic(&t, p, "no_nic", "failed");
	else
		open_nics(&t, p, n);
	text_printf(&t, "set initiator-iqn %s\nset username %s\nset password %s\n", p->initiator, p->user, p->secret);
	report(&t, p, "script");
	text_append(&t, "set recast_try:int32 0\n:again\n");
	for (i = 0; i < n; i++)
		text_printf(&t, "sanboot iscsi:%s::%d:%x:%s || %s\n", p[i].portal, p[i].port, p[i].lun, p[i].target,
			    i + 1 < n ? "echo Recast: no disk by this portal, trying the next" : "goto failed");
	/* Trying again comes before telling: the boot port may have been moved on already. */
	text_append(&t, ":failed\ninc recast_try\niseq ${recast_try} 5 && goto give_up ||\necho Recast: the disk did not answer, trying again\n"
			"sleep 2\ngoto again\n:no_nic\n");
	text_printf(&t, "echo Recast: this machine has no NIC %s, which the site file gives to %s\n", p->storage_mac,
		    p->machine);
	report(&t, p, "no-nic");
	text_append(&t, "sleep 10\nexit 1\n:give_up\necho Recast: giving up, and the controller has been told\n");
	report(&t, p, "gave-up");
	text_append(&t, "sleep 10\nexit 1\n");
	return t.data;
}

char *ipxe_refusal(const char *sentence)
{
	struct text t = { 0 };
	char c[2] = { 0 };

	text_append(&t, "#!ipxe\necho Recast: ");
	for (; *sentence; sentence++) {
		c[0] = *sentence;
		text_append(&t, c[0] == ' ' || c[0] == ',' || c[0] == '(' || c[0] == ')' || ipxe_is_safe(c) ? c : "?");
	}
	text_append(&t, "\nsleep 10\nexit 1\n");
	return t.data;
}
