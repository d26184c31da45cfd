/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What may be asked and ordered over the control socket (README.md lists it).
 */
#ifndef FCF_ORDERS_H
#define FCF_ORDERS_H

#include "fcf.h"

#include <jansson.h>

/* The answer to one line, a new reference: {"error": …} when it is no order or was not carried out. */
json_t *orders_obey(struct fcf *fcf, const char *line, size_t len);

#endif
