/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is this the server that we know?  See pin.h.
 */
#include "pin.h"

#include <string.h>

int pin_check(const char *pin, const struct server_key *shown, struct error *err)
{
	if (pin && shown->fingerprint[0] && !strcmp(pin, shown->fingerprint))
		return 0;
	if (pin) {
		error_set(err, ERROR_UNTRUSTED,
			  "its %s key is %s (%s), but %s is pinned; stopped before anything was sent", shown->kind,
			  shown->fingerprint, shown->algorithm, pin);
		error_hint(err, "Somebody may stand in between.  When the key was changed on purpose, compare it at the "
				"device, then pin it: persona device trust NAME");
	} else {
		error_set(err, ERROR_UNTRUSTED, "its %s key is %s (%s), and none is pinned; nothing was sent", shown->kind,
			  shown->fingerprint, shown->algorithm);
	}
	if (err)
		err->presented = *shown;
	return -1;
}
