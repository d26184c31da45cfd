/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wishes about zones, as an MDS holds zones: members with roles.  See mds.h.
 */
#include "mds.h"

#include "json.h"

#include <string.h>

static int take_members(struct mds_wish *wish, const struct zone_wish *asked, bool smart, struct error *err)
{
	int i;

	wish->members = json_object();
	json_object_set_new(wish->members, asked->initiator, json_string(smart ? "init" : ""));
	for (i = 0; i < asked->n_targets; i++) {
		if (!strcmp(asked->targets[i], asked->initiator))
			return error_set(err, ERROR_INVALID, "%s cannot be both initiator and target", asked->initiator);
		json_object_set_new(wish->members, asked->targets[i], json_string(smart ? "target" : ""));
	}
	return 0;
}

int mds_wish_parse(struct mds_wish *wish, const struct driver_change *c, bool smart, struct error *err)
{
	struct zone_wish asked;

	*wish = (struct mds_wish){ .key = c->object + strlen("zone:") };
	if (zone_wish_parse(&asked, c, err))
		return -1;
	wish->exists = asked.exists;
	wish->generation = asked.generation;
	if (zone_name(wish->key, asked.exists ? asked.generation : 1, wish->zone, err))
		return -1;
	return asked.exists ? take_members(wish, &asked, smart, err) : 0;
}

void mds_wish_fini(struct mds_wish *wish)
{
	json_decref(wish->members);
	wish->members = NULL;
}
