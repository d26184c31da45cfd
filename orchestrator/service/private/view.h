/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One object each as the API tells it: a new reference.
 */
#ifndef RECAST_SERVICE_VIEW_H
#define RECAST_SERVICE_VIEW_H

#include "core.h"

json_t *view_machine(struct core *c, const struct machine *m);
json_t *view_persona(struct core *c, const struct persona *p);
json_t *view_device(struct core *c, const struct device *d);
/* NULL: there is none. */
json_t *view_template(struct core *c, const char *name);

#endif
