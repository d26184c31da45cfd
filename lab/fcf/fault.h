/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The menu of failures: what is to happen to the next n frames of a kind on their way out, and to the next logins and
 * keep alives on their way in.  Set by orders.c, asked by port.c and link.c.
 */
#ifndef FCF_FAULT_H
#define FCF_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct port;
struct frame;

#define FAULT_ACTIONS(X) X(drop) X(duplicate) X(delay) X(crc) X(refuse) X(forget)
#define FRAME_KINDS(X) \
	X(any) X(vlan) X(advertisement) X(login) X(clear) X(els) X(rscn) X(ct) X(forward) X(keepalive)

enum fault_action {
#define X(name) FAULT_##name,
	FAULT_ACTIONS(X)
#undef X
	FAULT_ACTION_COUNT,
};

/* What a frame is to the forwarder that sends it; "any" is all of them. */
enum frame_kind {
#define X(name) KIND_##name,
	FRAME_KINDS(X)
#undef X
	KIND_COUNT,
};

struct faults {
	unsigned left[FAULT_ACTION_COUNT][KIND_COUNT];
	unsigned delay_ms;
	struct delayed *waiting; /* in the order in which they came */
};

const char *fault_action_name(enum fault_action action);
const char *frame_kind_name(enum frame_kind kind);

/* By name; the _COUNT when there is none. */
enum fault_action fault_action_by_name(const char *name);
enum frame_kind frame_kind_by_name(const char *name);

/* Use up one failure of that sort, if any is left. */
bool fault_take(struct faults *f, enum fault_action action, enum frame_kind kind);

/* Keep a copy of @frame until @due_ms; then fault_release() sends it. */
void fault_hold(struct faults *f, struct port *port, const struct frame *frame, int64_t due_ms);
void fault_release(struct faults *f, int64_t now);
void fault_fini(struct faults *f);

#endif
