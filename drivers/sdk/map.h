/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The wishes of the storage class (volume:NAME, map:NAME, sessions:NAME), checked, for every array
 * driver.  Pure; the pointers stay those of the change.
 */
#ifndef RECAST_DRIVER_MAP_H
#define RECAST_DRIVER_MAP_H

#include "driver.h"

enum storage_kind { STORAGE_VOLUME, STORAGE_MAP, STORAGE_SESSIONS, STORAGE_SNAPSHOT };

struct volume_wish {
	bool exists;
	int64_t size_bytes; /* 0: not said */
	const char *source; /* clone of this volume or of this snapshot, or NULL */
	const char *snapshot; /* "restored": its content is that of its snapshot of this name; or NULL */
	const char *token;    /* of restored: done once for each */
};

struct map_wish {
	bool exists;
	const char *target;
	bool adopt; /* the target is there already, made by somebody else: take it over as it is */
	bool fc;		  /* over Fibre Channel: no target, no CHAP */
	const json_t *ports;	  /* of fc: list of the array's WWPNs, at least one */
	const json_t *initiators; /* list of IQNs (of fc: WWPNs), at least one */
	const json_t *luns;       /* {"1": volume}, at least one */
	const char *chap_user;    /* NULL: no CHAP */
	const char *chap_secret;  /* NULL exactly when chap_user is */
	int64_t generation;
};

/* Kind and name of an object "volume:NAME", "map:NAME", "sessions:NAME", "snapshot:VOLUME@NAME"; -1 for any other.
 * A map's name may also be an IQN: so are maps named that Recast did not make. */
int storage_object(const char *object, enum storage_kind *kind, const char **name,
		   struct error *err);

int volume_wish_parse(struct volume_wish *wish, const struct driver_change *change,
		      struct error *err);
int map_wish_parse(struct map_wish *wish, const struct driver_change *change, struct error *err);

/* The wish of a "snapshot:VOLUME@NAME". */
int snapshot_wish_parse(bool *exists, const struct driver_change *change, struct error *err);

/* For an array without the capability `snapshots`: -1 when the wish needs it. */
int volume_without_snapshots(const struct volume_wish *wish, struct error *err);

/* Is every LUN of @now in @want, with the same volume?  Both {"1": volume}. */
bool luns_within(const json_t *now, const json_t *want);

/* May the target of an adopting wish become map @name?  @there is that target as in the storage
 * document (with sorted initiators), @its_name the name of its map, both NULL when there is none;
 * @named the managed map @name, or NULL.  0: yes; 1: it is that map already; -1: something differs,
 * and *err says what. */
int map_adoptable(const struct map_wish *wish, const char *name, const json_t *there,
		  const char *its_name, const json_t *named, struct error *err);

/* An initiator's or target's name after RFC 3720: iqn., eui. or naa., then lower-case letters,
 * digits, "-", "." and ":", 223 characters at most. */
bool is_iscsi_name(const char *s);

/* The initiators as a sorted list without doubles: equal sets give equal JSON.  A new reference. */
json_t *initiators_sorted(const json_t *list);

/* The generation in a CHAP user "OWNER.gN"; 0 when it has not that form. */
int64_t generation_of_user(const char *user);

#endif
