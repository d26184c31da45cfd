/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The effective zone set: which WWPNs may talk.  Read from an order as a whole and never changed afterwards.  Pure.
 */
#ifndef FCF_ZONE_H
#define FCF_ZONE_H

#include "json.h"

#include <stdbool.h>
#include <stdint.h>

struct zoneset;

/* No zones, and that access for who is in none. */
struct zoneset *zoneset_empty(bool default_all);

/* {"name": …, "default": "none"|"all", "zones": [{"name": …, "members": […]} or {"name": …, "principals": […], "peers": […]}]}
 * NULL when anything of it is wrong. */
struct zoneset *zoneset_read(const json_t *order, struct error *err);
void zoneset_destroy(struct zoneset *set);

/* The document it was read from, with everything said; a new reference. */
json_t *zoneset_show(const struct zoneset *set);

/* Whether @a and @b may talk; it does not matter which is which. */
bool zoneset_allows(const struct zoneset *set, uint64_t a, uint64_t b);

#endif
