/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the services: an examination by the doctor, and what it says of a device's security.
 */
#ifndef RECAST_DOCTOR_H
#define RECAST_DOCTOR_H

#include "core.h"

struct examination;

/* Add a check to the examination. */
void doctor_note(struct examination *x, const struct finding *f);

/* doctor_device.c: what is to be said of the server key of @d, and of the security document that its driver read. */
void doctor_trust(struct examination *x, struct core *c, const struct device *d);
void doctor_security(struct examination *x, struct core *c, const struct device *d, const json_t *security);

#endif
