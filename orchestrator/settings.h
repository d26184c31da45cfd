/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the words of recast.conf mean: from strings to what the core and the API take.  recastd starts with it, and
 * `recastd --check-config` asks it for everything that has no meaning.
 */
#ifndef RECAST_SETTINGS_H
#define RECAST_SETTINGS_H

#include "api.h"
#include "config.h"

struct settings {
	struct core_config core;
	struct api_config api;
	char *key_file; /* owned */
	bool is_credential; /* the key file is systemd's: it is never made, and kept by it */
};

/* Fill @s from @config, which must outlive it.  Each value that means nothing is given to @wrong. */
void settings_read(struct settings *s, const struct config *config,
		   void (*wrong)(void *arg, enum config_key key, const struct error *err), void *arg);
void settings_fini(struct settings *s);

#endif
