/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who plays where: the assignments and quarantines, in memory, as the store has them.  Pure.
 */
#ifndef RECAST_ROSTER_H
#define RECAST_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct roster;

struct assignment {
	char *persona;
	char *machine;	    /* NULL: nowhere */
	int64_t generation; /* in force, 0: never activated */
	int64_t last;	    /* highest ever used */
	int64_t touched;    /* when a run last ended that concerned it (UTC ms); 0: not in this life */
};

struct roster *roster_create(void);
void roster_destroy(struct roster *r);

/* Put or change an assignment; @machine NULL for nowhere. */
void roster_put(struct roster *r, const char *persona, const char *machine, int64_t generation, int64_t last);
void roster_forget(struct roster *r, const char *persona);

void roster_touch(struct roster *r, const char *persona, int64_t now);

/* In no order; NULL at the end. */
const struct assignment *roster_at(const struct roster *r, size_t i);

/* NULL when the persona never played. */
const struct assignment *roster_of(const struct roster *r, const char *persona);
/* Who plays on @machine, or NULL. */
const struct assignment *roster_on(const struct roster *r, const char *machine);

/* The reason, or NULL when the machine is not quarantined. */
const char *roster_quarantine(const struct roster *r, const char *machine);
/* Who has given his word that it is off though its BMC cannot tell, or NULL. */
const char *roster_confirmed(const struct roster *r, const char *machine);
void roster_set_quarantine(struct roster *r, const char *machine, const char *reason, const char *confirmed);
void roster_end_quarantine(struct roster *r, const char *machine);

#endif
