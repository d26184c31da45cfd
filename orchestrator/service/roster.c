/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Assignments and quarantines in memory.  See roster.h.
 */
#include "roster.h"

#include "arena.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct held {
	char *machine, *reason, *confirmed;
};

struct roster {
	struct table *personas; /* name -> struct assignment */
	struct table *machines; /* name -> struct assignment */
	struct table *quarantined;
};

struct roster *roster_create(void)
{
	struct roster *r = xcalloc(1, sizeof(*r));

	r->personas = table_create();
	r->machines = table_create();
	r->quarantined = table_create();
	return r;
}

void roster_destroy(struct roster *r)
{
	struct held *h;

	while (table_count(r->personas))
		roster_forget(r, table_key_at(r->personas, 0));
	while ((h = table_at(r->quarantined, 0)))
		roster_end_quarantine(r, h->machine);
	table_destroy(r->personas);
	table_destroy(r->machines);
	table_destroy(r->quarantined);
	free(r);
}

static void leave_machine(struct roster *r, struct assignment *a)
{
	if (!a->machine)
		return;
	if (table_get(r->machines, a->machine) == a)
		table_remove(r->machines, a->machine);
	free(a->machine);
	a->machine = NULL;
}

void roster_put(struct roster *r, const char *persona, const char *machine, int64_t generation, int64_t last)
{
	struct assignment *a = table_get(r->personas, persona), *other;
	char *copy = machine ? xstrdup(machine) : NULL; /* it may be a's own */

	if (!a) {
		a = xcalloc(1, sizeof(*a));
		a->persona = xstrdup(persona);
		table_add(r->personas, a->persona, a);
	}
	a->generation = generation;
	a->last = last;
	leave_machine(r, a);
	if (!copy)
		return;
	/* In a swap the other persona is still on that machine until its own line is put. */
	other = table_get(r->machines, copy);
	if (other)
		leave_machine(r, other);
	a->machine = copy;
	table_add(r->machines, a->machine, a);
}

void roster_forget(struct roster *r, const char *persona)
{
	struct assignment *a = table_get(r->personas, persona);

	if (!a)
		return;
	leave_machine(r, a);
	table_remove(r->personas, a->persona);
	free(a->persona);
	free(a);
}

void roster_touch(struct roster *r, const char *persona, int64_t now)
{
	struct assignment *a = table_get(r->personas, persona);

	if (a)
		a->touched = now;
}

const struct assignment *roster_at(const struct roster *r, size_t i)
{
	return table_at(r->personas, i);
}

const struct assignment *roster_of(const struct roster *r, const char *persona)
{
	return table_get(r->personas, persona);
}

const struct assignment *roster_on(const struct roster *r, const char *machine)
{
	return table_get(r->machines, machine);
}

const char *roster_quarantine(const struct roster *r, const char *machine)
{
	const struct held *h = table_get(r->quarantined, machine);

	return h ? h->reason : NULL;
}

const char *roster_confirmed(const struct roster *r, const char *machine)
{
	const struct held *h = table_get(r->quarantined, machine);

	return h ? h->confirmed : NULL;
}

void roster_end_quarantine(struct roster *r, const char *machine)
{
	struct held *h = table_remove(r->quarantined, machine);

	if (!h)
		return;
	free(h->machine);
	free(h->reason);
	free(h->confirmed);
	free(h);
}

void roster_set_quarantine(struct roster *r, const char *machine, const char *reason, const char *confirmed)
{
	struct held *h;

	roster_end_quarantine(r, machine);
	h = xcalloc(1, sizeof(*h));
	h->machine = xstrdup(machine);
	h->reason = xstrdup(reason);
	h->confirmed = confirmed ? xstrdup(confirmed) : NULL;
	table_add(r->quarantined, h->machine, h);
}
