/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the fabric looks like, as JSON.  Each returns a new reference.
 */
#ifndef FCF_SHOW_H
#define FCF_SHOW_H

#include "fcf.h"

#include <jansson.h>

json_t *show_fabric(const struct fcf *fcf);
json_t *show_ports(const struct fcf *fcf);
json_t *show_logins(const struct fcf *fcf);
json_t *show_names(const struct fcf *fcf);
json_t *show_zones(const struct fcf *fcf);
json_t *show_counters(const struct fcf *fcf);
json_t *show_faults(const struct fcf *fcf);

#endif
