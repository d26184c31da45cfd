/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Failures on demand.  A failure is a number that counts down; none of it has a clock of its own.
 */
#include "fault.h"

#include "arena.h"
#include "fcframe.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

struct delayed {
	struct delayed *next;
	struct port *port;
	int64_t due_ms;
	struct frame frame;
};

static const char *const action_names[] = {
#define X(name) #name,
	FAULT_ACTIONS(X)
#undef X
};

static const char *const kind_names[] = {
#define X(name) #name,
	FRAME_KINDS(X)
#undef X
};

const char *fault_action_name(enum fault_action action)
{
	return action_names[action];
}

const char *frame_kind_name(enum frame_kind kind)
{
	return kind_names[kind];
}

static unsigned place_of(const char *name, const char *const *names, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && strcmp(name, names[i]); i++)
		;
	return i;
}

enum fault_action fault_action_by_name(const char *name)
{
	return place_of(name, action_names, FAULT_ACTION_COUNT);
}

enum frame_kind frame_kind_by_name(const char *name)
{
	return place_of(name, kind_names, KIND_COUNT);
}

bool fault_take(struct faults *f, enum fault_action action, enum frame_kind kind)
{
	unsigned *left = f->left[action];

	if (left[kind])
		left[kind]--;
	else if (left[KIND_any])
		left[KIND_any]--;
	else
		return false;
	return true;
}

void fault_hold(struct faults *f, struct port *port, const struct frame *frame, int64_t due_ms)
{
	struct delayed *d = xcalloc(1, sizeof(*d));
	struct delayed **end = &f->waiting;

	d->port = port;
	d->due_ms = due_ms;
	d->frame = *frame;
	while (*end)
		end = &(*end)->next;
	*end = d;
}

void fault_release(struct faults *f, int64_t now)
{
	struct delayed **at = &f->waiting, *d;

	while ((d = *at)) {
		if (d->due_ms > now) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		port_transmit(d->port, &d->frame);
		free(d);
	}
}

void fault_fini(struct faults *f)
{
	while (f->waiting) {
		struct delayed *d = f->waiting;

		f->waiting = d->next;
		free(d);
	}
}
