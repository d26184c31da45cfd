/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-lio-target: what runs on the machine of the array, as root, and does there what recast-driver-lio
 * is asked for.  It speaks the driver protocol itself, so that a request is one line there and one line back, and a
 * connection that is cut cuts nothing in two: a request that has arrived is carried out.
 *
 *   target.c     the program: open, observe, apply, the lock; `restore`
 *   tree.c       the files and folders of configfs
 *   view.c       what configfs holds, as a view
 *   map.c        maps: compares and decides
 *   iscsi.c      an iSCSI target: made, unmade, sessions dropped
 *   fc.c         masking on the ports of the array's FC cards
 *   lun.c        LUNs of groups, and of entries of access lists
 *   backstore.c  the kernel's object for a volume
 *   volume.c     volumes: files of the pool;  copy.c, snapshot.c
 *   wish.c       wishes that only this array knows
 *   state.c      what is kept over a reboot
 *
 * The mark.  An iSCSI target is ours when the parameter TargetAlias of its group 1 is "recast:MAP:GENERATION"; over Fibre
 * Channel it is each access list entry's tag.  Both are free text that the kernel keeps for administrators.  Nothing else
 * says what is ours: the state file is only for a reboot.
 *
 * Order of a grant over iSCSI: target, mark, LUNs, access lists, and at last the group is enabled; before that nobody may
 * log in.  Order of a revocation: the group is disabled, which ends its sessions, they are seen gone, the target is
 * removed.  A target that takes something away from somebody is never changed in place.  Over Fibre Channel it is the
 * entry of an access list that comes and goes; a LUN is linked to it last.
 */
#ifndef RECAST_LIO_TARGET_H
#define RECAST_LIO_TARGET_H

#include "driver.h"
#include "map.h"

/* The kernel numbers its groups of backstores; ours is one that nobody counts up to. */
#define LIO_HBA "fileio_2606"

struct lio_copy;

struct lio {
	const char *name;
	const char *root;  /* of configfs' target folder */
	bool plain;	   /* a folder that stands in for configfs: nobody but us makes or removes files there */
	char *pool;	   /* real path */
	const char *suffix;
	bool overcommit;
	const json_t *portals;
	const char *state; /* path of the state file */
	struct lio_copy *copies; /* under way; with the lock held */
};

/* tree.c.  Paths are made with printf from the root. */
char *tree_path(const struct lio *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text of an attribute without its last newline, or NULL.  To be freed. */
char *tree_get(const struct lio *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int tree_put(const struct lio *l, const char *value, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Make a group; one that is there is fine. */
int tree_make(const struct lio *l, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Remove a group; none that is there is fine. */
int tree_remove(const struct lio *l, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Remove the links in a group, and then the group. */
int tree_unlink(const struct lio *l, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int tree_link(const struct lio *l, const char *to, const char *from, struct error *err);
bool tree_has(const struct lio *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Names of the groups in a group that begin with @prefix, sorted; an empty list when there is no such group. */
json_t *tree_list(const struct lio *l, const char *prefix, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "HBA/NAME" of the backstore that the only link in a LUN's group leads to, or of another link's last two names; NULL. */
char *tree_link_of(const struct lio *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* view.c.  A view is a list of maps, each {map, managed, fc, target | ports, initiators, luns: {"1": volume},
 * chap_user, generation, broken: not all of it is as we make it, mixed: entries have different users, short: a LUN is
 * not everywhere}. */
json_t *view_read(const struct lio *l);
json_t *view_find(const json_t *view, const char *name);
json_t *view_find_target(const json_t *view, const char *iqn);
json_t *view_document(const json_t *map); /* NULL: absent */
/* [{map, initiator, address, id}] */
void view_sessions(const struct lio *l, const json_t *map, json_t *out);
/* Who maps the volume: a target's or map's name, or NULL. */
const char *view_mapped_by(const json_t *view, const char *volume);
/* Sessions of an iSCSI target, by the kernel's own count. */
int view_session_count(const struct lio *l, const char *iqn);
bool view_volume_has_session(const struct lio *l, const json_t *view, const char *volume);
/* "recast:MAP:N" taken apart. */
bool mark_parse(const char *text, char map[64], int64_t *generation);
bool mark_format(char *out, size_t size, const char *map, int64_t generation);

/* What is made: a wish, with credentials of single initiators and serial numbers of volumes where they are known from
 * before a reboot. */
struct lio_map {
	const char *name;
	struct map_wish wish;
	const json_t *credentials; /* {initiator: {user, secret}} or NULL */
	const json_t *serials;	   /* {volume: serial} or NULL */
};

/* wish.c */
int lio_map_parse(struct lio_map *m, const char *name, const struct driver_change *c, struct error *err);

/* map.c: with the lock held.  Fill in @c; -1 with *err: not applied. */
int map_change(struct lio *l, const char *name, struct driver_change *c, struct error *err);
int sessions_change(struct lio *l, const char *name, struct driver_change *c, struct error *err);
int map_make(struct lio *l, const struct lio_map *m, struct error *err);

/* iscsi.c: 1 when sessions stay for now. */
int iscsi_make(const struct lio *l, const struct lio_map *m, struct error *err);
int iscsi_remove(const struct lio *l, const char *iqn, struct error *err);
int iscsi_grow(const struct lio *l, const struct lio_map *m, struct error *err);
int iscsi_drop(const struct lio *l, const char *iqn, struct error *err);
int iscsi_mark(const struct lio *l, const char *iqn, const char *map, int64_t generation, struct error *err);

/* fc.c */
int fc_make(const struct lio *l, const struct lio_map *m, struct error *err);
int fc_remove(const struct lio *l, const json_t *map, struct error *err);
int fc_mark(const struct lio *l, const struct lio_map *m, struct error *err);
/* An entry for one of its initiators that is not that of map @m->name; the text says whose. */
int fc_check_free(const struct lio *l, const struct lio_map *m, struct error *err);

/* lun.c.  @tpg is a path below the root.  What is there already is fine. */
int lun_export(const struct lio *l, const char *tpg, const char *lun, const char *volume, struct error *err);
int lun_grant(const struct lio *l, const char *tpg, const char *entry, const char *lun, const char *exported,
	      struct error *err);
int entry_remove(const struct lio *l, const char *tpg, const char *entry, struct error *err);
int luns_remove(const struct lio *l, const char *tpg, struct error *err);

/* backstore.c */
int backstore_make(const struct lio *l, const char *volume, const json_t *serials, struct error *err);
/* Remove ours that nothing is linked to.  Best effort: what is left is used again. */
void backstores_sweep(const struct lio *l);
bool backstore_right(const struct lio *l, const char *volume);
/* "HBA/NAME" of a backstore with the volume's file, or NULL.  @ours tells whether it is ours. */
char *backstore_of(const struct lio *l, const char *volume, bool *ours);
/* The volume that the backstore "HBA/NAME" has, or its file, or its own name. */
char *backstore_volume(const struct lio *l, const char *which);
char *backstore_serial(const struct lio *l, const char *which);

/* volume.c: with the lock held */
int volume_change(struct lio *l, const char *name, struct driver_change *c, int64_t deadline_ms, struct error *err);
int snapshot_change(struct lio *l, const char *name, struct driver_change *c, int64_t deadline_ms, struct error *err);
char *volume_path(const struct lio *l, const char *name);
char *volume_of_path(const struct lio *l, const char *path);
json_t *volume_document(const struct lio *l, const char *name);
/* {name: document} of all volumes, or of all snapshots. */
json_t *volumes_list(const struct lio *l, bool snapshots);
int volume_check_space(const struct lio *l, int64_t needed, struct error *err);
int disk_error(struct error *err, const char *what, const char *path);
int sync_folder(const char *path, struct error *err);
int write_whole(const char *path, const char *bytes, size_t len, struct error *err);

/* copy.c: begin or go on with the copy of one file of the pool to another, by names; 1 when it is whole, 0: ask again,
 * -1: there is none. */
int copy_file(struct lio *l, const char *from, const char *to, int64_t size_bytes, int64_t deadline_ms, struct error *err);
/* Its content into a file that is there and stays the same file. */
int copy_into(const struct lio *l, const char *from, const char *to, struct error *err);
/* Can the pool's file system copy in one moment? */
bool copy_is_atomic(const struct lio *l, const char *from);
void copies_end(struct lio *l);

/* state.c.  state_save() writes what is ours when that differs from what was saved. */
int state_save(const struct lio *l, struct error *err);
int state_restore(struct lio *l, struct error *err);
json_t *state_read(const char *path, struct error *err);

#endif
