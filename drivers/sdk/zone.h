/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The wishes of the fabric class (zone:OWNER.VHBA, port:NAME, login:WWPN), checked, and the names that zones have on a
 * fabric, for every fabric driver.  Pure; the pointers stay those of the change.
 */
#ifndef RECAST_DRIVER_ZONE_H
#define RECAST_DRIVER_ZONE_H

#include "driver.h"

enum fabric_kind { FABRIC_ZONE, FABRIC_PORT, FABRIC_LOGIN, FABRIC_CONFIG, FABRIC_LOCK, FABRIC_CAPACITY };

enum {
	ZONE_TARGETS_MAX = 64,
	ZONE_NAME_SIZE = 65, /* 64 characters are what FOS and NX-OS take */
	ZONE_KEY_SIZE = 64,
	WWN_SIZE = 24,
};

struct zone_wish {
	bool exists;
	char initiator[WWN_SIZE]; /* canonical */
	char targets[ZONE_TARGETS_MAX][WWN_SIZE];
	int n_targets;
	int64_t generation;
};

/* Kind and name of an object ("" for config, lock, capacity); the WWPN of a login is to be canonical. */
int fabric_object(const char *object, enum fabric_kind *kind, const char **name, struct error *err);

int zone_wish_parse(struct zone_wish *wish, const struct driver_change *change, struct error *err);
/* {"enabled": BOOL} and nothing else. */
int fabric_port_wish_parse(bool *enabled, const struct driver_change *change, struct error *err);
/* {"online": false} and nothing else. */
int login_wish_check(const struct driver_change *change, struct error *err);

/* Initiator and targets as the sorted list of a document.  A new reference. */
json_t *zone_members(const struct zone_wish *wish);

/* "recast_OWNER_VHBA_gN" of the key "OWNER.VHBA"; ERROR_INVALID when it is too long or the key is none. */
int zone_name(const char *key, int64_t generation, char out[ZONE_NAME_SIZE], struct error *err);
/* And back; false when it is not the name of a zone that Recast made. */
bool zone_name_parse(const char *name, char key[ZONE_KEY_SIZE], int64_t *generation);

bool zone_is_ours(const char *name);
/* Of zone KEY among the names that are keys of @zones, the one of the highest generation, when it is above *generation; then both
 * are set. */
void zone_highest(const json_t *zones, const char *key, const char **name, int64_t *generation);

/* Texts as a sorted list without doubles; sorts @texts.  A new reference. */
json_t *zone_texts(const char **texts, size_t n);
/* What a document says of the zone that is called @name on the fabric.  Takes the reference to @members; a new reference. */
json_t *zone_to_document(const char *name, json_t *members, const char *kind, bool active);

/* Eight octets in any of the usual spellings to "aa:bb:…", lower case; false when it is none. */
bool wwn_canonical(const char *text, char out[WWN_SIZE]);

#endif
