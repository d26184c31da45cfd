/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the kernel's target wants of a map's wish beside what drivers/sdk/map.h does.  Pure.
 */
#include "target.h"

#include <string.h>

enum { MARK_MAX = 63 }; /* of an entry's tag */

int lio_map_parse(struct lio_map *m, const char *name, const struct driver_change *c, struct error *err)
{
	char mark[128];

	*m = (struct lio_map){ .name = name };
	if (map_wish_parse(&m->wish, c, err))
		return -1;
	if (m->wish.exists && m->wish.fc &&
	    (!mark_format(mark, sizeof(mark), name, m->wish.generation) || strlen(mark) > MARK_MAX))
		return error_set(err, ERROR_INVALID, "map %s: the name is too long for the tag of an entry (%d characters in all)", name,
				 MARK_MAX);
	return 0;
}
