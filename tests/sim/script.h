/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A story that is told by a script instead of the random operator: a line of commands, each asked until it is heard, as
 * persona(1) does it.  One change is under test (transitions.def); around it somebody may cancel, and devices may refuse.
 * Used by points.c.
 */
#ifndef RECAST_SIM_SCRIPT_H
#define RECAST_SIM_SCRIPT_H

#include "story.h"

enum { SCRIPT_KEYS = 64, SCRIPT_KEY = 96, WIRING_TEXT = 6000 };

/* Words of a script, commands separated by ';':
 *	apply P M [Q], move P M [Q] (Q leaves M), swap P Q [R], release P, repair P, sweep, power M on|off|soft, fence M, return M
 *	vlan P		define P with another network
 *	button M on|off	somebody presses it
 *	rewire M, leave-map	somebody changes a port; a map of an unknown persona is there
 *	dead M, well M	its BMC answers no more, answers again
 *	no COMMAND	it must be refused
 *	rest		wait until nothing is under way and the machines have settled */
struct transition {
	const char *name, *before, *change, *troubles;
};

/* Changes by device, object and wish, as they reached the devices. */
struct keys {
	int n;
	char text[SCRIPT_KEYS][SCRIPT_KEY];
};

/* What goes wrong besides crashes. */
struct trouble {
	int cancel;	    /* after so many commits of the change; 0: never */
	char refused[SCRIPT_KEY]; /* the change that its device refuses; empty: none */
	char refused_undo[SCRIPT_KEY];
	/* What is refused is carried out once: the core may die then (late), its driver hangs, or the device says unknown. */
	enum { REFUSED_AT_ONCE, REFUSED_LATE, REFUSED_AFTER_HANG, REFUSED_AFTER_UNKNOWN } when;
};

struct wiring {
	char text[WIRING_TEXT]; /* a line for each thing */
};

struct script {
	struct story story; /* first */
	const struct transition *transition;
	struct trouble trouble;
	const char *at; /* the command that is next, or being asked */
	enum { SCRIPT_NEXT, SCRIPT_ASKED, SCRIPT_RESTING, SCRIPT_END } state;
	bool heard, again; /* again: a command was asked twice, and may have been done the first time */
	int status, command, refused;
	uint64_t asked_life;
	int64_t rests_since; /* 0: it does not rest yet */

	struct store *watch; /* sees what is on the disk, and nothing else */
	bool changing, undoing;
	int64_t runs_before, began;
	uint64_t seams_before[SEAM_COUNT];
	enum { CANCEL_NOT, CANCEL_ASKED, CANCEL_HEARD } cancel;
	bool cancel_taken;
	uint64_t cancel_life;
	bool carried_out; /* what is refused late */
	struct keys forward, back;
};

/* From the birth of the core to where the change begins. */
void script_begin(struct script *x, const struct transition *t, bool trace);
/* The change is under test from here on. */
void script_change(struct script *x, const struct trouble *trouble);
/* One event.  False at the end: of the script, of patience, or when an invariant is broken (story.why). */
bool script_step(struct script *x);
void script_end(struct script *x);

/* "node2" is 1. */
int script_number_of(const char *machine);

/* judge.c.  What is wired to what, who plays where, and what is in quarantine. */
void script_wiring(const struct script *x, struct wiring *w);
/* The state that the run of the change has ended in; RUN_STATE_COUNT: there is none. */
enum run_state script_outcome(struct script *x);
/* At the end: is all as the end of the run says?  @after NULL: nobody knows yet. */
void script_judge(struct script *x, const struct wiring *prior, const struct wiring *after);

#endif
