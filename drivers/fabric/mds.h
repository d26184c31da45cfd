/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-driver-mds.
 *
 *   mds.c         the driver: open, observe, apply
 *   mds_link.c    the login and its command line, kept between requests; which answers are errors
 *   mds_read.c    what NX-OS shows, as JSON; pure
 *   mds_wish.c    wishes about zones, with the roles of members; pure
 *   mds_view.c    what is asked of the switch, and the fabric document made of it
 *   mds_edit.c    the difference between what is there and what is wished, as lines; pure
 *   mds_zone.c    zone changes: one session, one activation, one commit
 *   mds_port.c    port and login changes, and the copy to the startup configuration
 *
 * An enhanced VSAN has one session for its whole fabric: the first edit locks it, and nothing is in force before the commit.  The
 * lock survives the connection.  One that is in the name of our own user and holds nothing but zones of Recast is what a
 * driver left that died; it is given back.  Any other is somebody else's.  A basic VSAN has no session: edits are in the full zone
 * set of the switch at once, and the activation brings them into force.
 */
#ifndef RECAST_DRIVER_MDS_H
#define RECAST_DRIVER_MDS_H

#include "driver.h"
#include "text.h"
#include "zone.h"

enum mds_zoning { MDS_AUTO, MDS_PLAIN, MDS_SMART };

struct mds_link;

struct mds {
	const char *name;
	struct mds_link *link;
	int vsan;
	const char *zoneset; /* the one that has to be in force; NULL: whichever is */
	enum mds_zoning zoning;
	bool save;
	bool unsaved;	 /* something is in force that is not in the startup configuration */
	bool committing; /* a commit or an activation was begun, and its end not seen */
};

/* mds_read.c.  What `show zone status` says. */
struct mds_status {
	bool deny, enhanced, smart;
	bool locked;
	char user[64], from[64]; /* of the lock; empty: not said */
	int64_t used_bytes, limit_bytes; /* limit 0: not said */
	bool has_failed, in_progress, unchanged;
	char words[192]; /* the last line */
};
int mds_status_parse(const char *text, struct mds_status *out, struct error *err);
/* {ZONESET: {ZONE: {MEMBER: ROLE}}} of `show zoneset [active]`; {"": {…}} of `show zone`.  A member is its WWN, or "alias NAME", or
 * whatever it says; a role is "init", "target", "both" or empty. */
json_t *mds_zonesets_parse(const char *text);
/* {ALIAS: WWN} */
json_t *mds_aliases_parse(const char *text);
/* {WWN: {"online", "fcid", "port", "node"}}; of the name server, and of the logins at this switch. */
json_t *mds_fcns_parse(const char *text);
bool mds_fcns_is_whole(const char *text, const json_t *logins);
void mds_flogi_parse(const char *text, json_t *logins);
/* {PORT: {"exists", "enabled", "link"}} of those in the VSAN */
json_t *mds_ports_parse(const char *text, int vsan);
/* Does `show zone pending-diff` show changes of our own zones, and no others? */
bool mds_pending_is_ours(const char *text);
/* Put the WWN in place of "alias NAME", wherever one is known. */
void mds_resolve(json_t *zonesets, const json_t *aliases);
/* Is there a member that is an alias? */
bool mds_has_aliases(const json_t *zonesets);
/* An error in what a command printed: the line, or NULL. */
const char *mds_trouble(const char *text, char *line, size_t size);

/* mds_wish.c */
struct mds_wish {
	bool exists;
	const char *key;
	char zone[ZONE_NAME_SIZE]; /* its name, when it exists */
	json_t *members;	   /* {WWN: ROLE}, owned */
	int64_t generation;
};
int mds_wish_parse(struct mds_wish *wish, const struct driver_change *c, bool smart, struct error *err);
void mds_wish_fini(struct mds_wish *wish);

/* mds_link.c.  Between enter and leave the link is this thread's. */
struct mds_link *mds_link_create(const struct driver_device *dev, const char *address, struct error *err);
void mds_link_destroy(struct mds_link *link);
int mds_link_enter(struct mds_link *link, int64_t deadline_ms, struct error *err);
void mds_link_leave(struct mds_link *link, bool failed);
const char *mds_link_user(const struct mds_link *link);
/* What a show command prints, to be freed. */
char *mds_show(struct mds_link *link, const char *command, int64_t deadline_ms, struct error *err);
/* Type a line that changes something.  ERROR_REFUSED with the words of the switch, ERROR_BUSY when the zones are locked. */
int mds_type(struct mds_link *link, const char *line, int64_t deadline_ms, struct error *err);
json_t *mds_security(struct mds_link *link, int64_t deadline_ms, struct error *err);

/* mds_view.c.  What there is: */
struct mds_view {
	struct mds_status status;
	json_t *active;	    /* {ZONESET: …}, empty when none is in force */
	const char *config; /* its name, "" for none */
	json_t *sets, *zones;
	bool ours; /* the lock is one that we left */
};
int mds_view_read(const struct mds *m, struct mds_view *v, int64_t deadline_ms, struct error *err);
/* No more than the zone sets, defined and in force. */
int mds_view_glance(const struct mds *m, struct mds_view *v, int64_t deadline_ms, struct error *err);
void mds_view_fini(struct mds_view *v);
int mds_status_read(const struct mds *m, struct mds_status *out, int64_t deadline_ms, struct error *err);
json_t *mds_zonesets_read(const struct mds *m, const char *command, int64_t deadline_ms, struct error *err);
const json_t *mds_view_active(const struct mds_view *v); /* {ZONE: …} */
const json_t *mds_view_set(const struct mds_view *v);	 /* the same of the full zone set of that name, or NULL */
/* The zone KEY, or absent; and all. */
json_t *mds_zone_document(const struct mds_view *v, const char *key);
json_t *mds_zone_documents(const struct mds_view *v);
json_t *mds_lock_document(const struct mds_view *v);
json_t *mds_logins_read(const struct mds *m, int64_t deadline_ms, struct error *err);
json_t *mds_ports_read(const struct mds *m, int64_t deadline_ms, struct error *err);

/* mds_edit.c */
bool mds_zone_is_right(const struct mds_view *v, const struct mds_wish *wish);
int64_t mds_highest_generation(const struct mds_view *v, const struct mds_wish *wish);
/* Append what makes it right: lines in a configuration, each with its end of line. */
void mds_edit(struct text *lines, const struct mds_view *v, const struct mds_wish *wish, int vsan);
/* Afterwards, of all wishes in a row: make its zone one of the zone set.  @inside: the lines are in that already; whether they are
 * then is returned. */
bool mds_edit_membership(struct text *lines, const struct mds_view *v, const struct mds_wish *wish, int vsan, bool inside);
/* Zones in the full zone set that are not ours. */
size_t mds_foreign_zones(const struct mds_view *v);
/* Something of others that is not in force as it is defined: activating would bring it into force.  Its name, or NULL. */
const char *mds_open_change(const struct mds_view *v);

/* mds_zone.c, mds_port.c: fill in those changes of the list that are theirs. */
void mds_zones_apply(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms);
void mds_ports_apply(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms);
void mds_logins_apply(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms);
/* Copy what was changed; those changes wait when that cannot be done. */
void mds_save(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms);

#endif
