/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-driver-tgt.
 *
 *   tgt.c         the driver: open, observe, apply
 *   tgt_ipc.c     tgtd's management socket: one request, one answer
 *   tgt_link.c    the way to it, here or over SSH
 *   tgt_view.c    what `show` prints, as a view; the mark of our targets
 *   tgt_map.c     maps: compares and decides
 *   tgt_target.c  targets: made and unmade, sessions dropped
 *   tgt_volume.c  volumes: files of the pool
 *   tgt_clone.c   clones of them
 *
 * A map is one target.  It is ours when the controller LUN 0 carries our mark (see tgt_view.c),
 * which also holds the map's name and generation: tgtd keeps nothing else for us, and after its
 * restart there are no maps.
 *
 * Order of a grant: target, mark, LUNs, account, and the initiators' ACL last: without an ACL
 * nobody may log in.  Order of a revocation: ACL first, then sessions until none is listed, then
 * the target, which tgtd refuses to delete while it has a session.  A target that takes something
 * away from somebody is never changed in place: a wish that differs is a revocation and a grant
 * under a new target id, so that a login that was under way to the old one cannot arrive at the new
 * one.  Only LUNs that are added, and adoption, leave the target and its sessions as they are.
 */
#ifndef RECAST_DRIVER_TGT_H
#define RECAST_DRIVER_TGT_H

#include "driver.h"
#include "map.h"
#include "stream.h"

#include <pthread.h>

struct tgt_link;

struct tgt {
	const char *name;
	const char *socket; /* path as given */
	struct tgt_link *link; /* NULL: tgtd is on this host */
	int64_t control_port;
	char *pool; /* real path */
	const char *suffix;
	bool overcommit;
	pthread_mutex_t lock; /* one change of tgtd's configuration at a time */
	int last_tid;
	pthread_mutex_t clone_lock;
	struct tgt_clone *clones;
};

/* tgt_ipc.c */
enum tgt_op { TGT_NEW, TGT_DELETE, TGT_SHOW, TGT_BIND, TGT_UNBIND, TGT_UPDATE };
enum tgt_mode { TGT_TARGET = 1, TGT_LUN = 2, TGT_CONNECTION = 6, TGT_ACCOUNT = 7 };

struct tgt_request {
	enum tgt_mode mode;
	enum tgt_op op;
	int tid; /* 0: none */
	int lun; /* -1: none */
	uint64_t sid;
	uint32_t cid;
	const char *params; /* NULL: none; wiped by nobody, so that a secret is the caller's care */
};

/* Errors that tgtd answers and that a caller may want to know. */
enum { TGT_ERR_NO_TARGET = 4, TGT_ERR_TARGET_ACTIVE = 19 };

/* The text that tgtd answers (empty for all but show), to be freed.  NULL with ERROR_UNREACHABLE,
 * ERROR_PROTOCOL, or ERROR_REFUSED with tgtd's words; *code, when given, is tgtd's number then. */
char *tgt_call(const struct tgt *t, const struct tgt_request *q, int64_t deadline_ms, int *code,
	       struct error *err);

/* tgt_link.c.  Make the link to another host when @address (ssh://…) is given; nobody is contacted yet. */
int tgt_link_create(struct tgt *t, const struct driver_device *dev, const char *address, struct error *err);
void tgt_link_destroy(struct tgt_link *link);
/* A connection to tgtd's socket, on this host to @address; to be given back with leave, @failed when its request was. */
struct stream *tgt_link_enter(const struct tgt *t, const char *address, int64_t deadline_ms, struct error *err);
void tgt_link_leave(const struct tgt *t, struct stream *s, bool failed);
/* Volumes are files that we reach without a login: nothing of an array is touched before its host is known and reached. */
int tgt_link_check(const struct tgt *t, int64_t deadline_ms, struct error *err);
/* The storage document's security, or NULL. */
json_t *tgt_security(const struct tgt *t, int64_t deadline_ms, struct error *err);

/* tgt_view.c.  A view is a list of targets:
 * {tid, iqn, managed, adopted, map, generation, luns: {"1": path}, serials: {"1": text},
 *  accounts: [], acl: []}. */
json_t *tgt_view_read(const struct tgt *t, int64_t deadline_ms, struct error *err);
json_t *tgt_view_parse(const char *text);
/* [{initiator, address, sid, cid}] of one target. */
json_t *tgt_sessions_read(const struct tgt *t, int tid, int64_t deadline_ms, int *code,
			  struct error *err);
json_t *tgt_sessions_parse(const char *text);
json_t *tgt_accounts_read(const struct tgt *t, int64_t deadline_ms, struct error *err);
/* The mark as parameters for LUN 0; false when @map is too long for it. */
bool tgt_mark(char *out, size_t size, const char *map, int64_t generation, bool adopted);

/* tgt_target.c: with t->lock held.  A request without an answer text; @params may be NULL. */
int tgt_order(const struct tgt *t, enum tgt_mode mode, enum tgt_op op, int tid, int lun,
	      const char *params, int64_t deadline_ms, struct error *err);
int tgt_tid(const json_t *target);
/* Remove a target of ours: nobody can write through it any more.  1: sessions stay for now. */
int tgt_target_remove(const struct tgt *t, const json_t *view, const json_t *target,
		      int64_t deadline_ms, struct error *err);
/* Make the target of a map, after everything old is gone.  A failure leaves one that nobody may log
 * in to. */
int tgt_target_make(struct tgt *t, const char *name, const struct map_wish *wish,
		    int64_t deadline_ms, struct error *err);
/* Add the LUNs of the wish that the target has not yet, one after the other; its sessions stay. */
int tgt_luns_add(const struct tgt *t, const json_t *target, const struct map_wish *wish,
		 int64_t deadline_ms, struct error *err);
/* Has every LUN of the target the serial number of its volume?  One that was made in a moment when
 * the driver died may not. */
bool tgt_serials_right(const struct tgt *t, const json_t *target);
/* Drop the sessions of a target and see them gone.  With @all, none may be left; otherwise those
 * that were there at first (a permitted initiator comes back at once).  1: some stay for now. */
int tgt_sessions_drop(const struct tgt *t, int tid, bool all, bool *dropped, int64_t deadline_ms,
		      struct error *err);
/* Delete accounts "OWNER.gN" that nobody binds: left over by a driver that died between two steps.
 * The number of those deleted, or -1. */
int tgt_accounts_sweep(const struct tgt *t, const json_t *view, const char *owner,
		       int64_t deadline_ms, struct error *err);

/* tgt_map.c: with t->lock held.  Fill in @c; -1 with *err: not applied. */
int tgt_map_change(struct tgt *t, const char *name, struct driver_change *c, int64_t deadline_ms,
		   struct error *err);
int tgt_sessions_change(struct tgt *t, const char *name, struct driver_change *c,
			int64_t deadline_ms, struct error *err);
/* The map as in the storage document. */
json_t *tgt_map_document(const struct tgt *t, const json_t *target);
json_t *tgt_map_find(const json_t *view, const char *name);

/* tgt_volume.c */
int tgt_volume_change(struct tgt *t, const char *name, struct driver_change *c, int64_t deadline_ms,
		      struct error *err);
json_t *tgt_volume_document(const struct tgt *t, const char *name);
/* {name: document} of all. */
json_t *tgt_volumes(const struct tgt *t);
char *tgt_volume_path(const struct tgt *t, const char *name);
/* The volume that a LUN's path is, or the path itself.  To be freed. */
char *tgt_volume_of_path(const struct tgt *t, const char *path);
/* Is the file at @path the volume, whatever the path is called? */
bool tgt_is_volume(const struct tgt *t, const char *path, const char *name);
/* ERROR_REFUSED for errno after @what failed on @path; always -1.  fsync of a folder. */
int tgt_disk_error(struct error *err, const char *what, const char *path);
int tgt_sync_folder(const char *path, struct error *err);

/* tgt_clone.c: begin or go on waiting for a clone; fills in @c.  -1 with *err: there is no clone.
 */
int tgt_clone_volume(struct tgt *t, const char *name, const struct volume_wish *wish,
		     struct driver_change *c, int64_t deadline_ms, struct error *err);
/* Cancel and await the clones under way. */
void tgt_clones_end(struct tgt *t);

#endif
