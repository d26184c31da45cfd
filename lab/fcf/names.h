/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The name server at fffffc: requests of the Common Transport protocol.
 */
#ifndef FCF_NAMES_H
#define FCF_NAMES_H

#include "fcf.h"
#include "fcframe.h"

/* A CT request from a port that is logged in. */
void names_receive(struct login *from, const struct fc *fc);

#endif
