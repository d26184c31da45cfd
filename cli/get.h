/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The kinds of things there are to list, for `get`, `show` and completion.
 */
#ifndef RECAST_CLI_GET_H
#define RECAST_CLI_GET_H

#include "client.h"

#include <jansson.h>

/* The items of a kind ("machines", "machine", …) as an array, or NULL with *err. */
json_t *get_items(struct client *client, const char *kind, struct error *err);

/* Call @offer for each kind's name. */
void get_offer_kinds(const char *prefix,
		     void (*offer)(const char *word, size_t len, const char *prefix));

/* Add "did you mean NAME" to a not-found error that has no hint of its own, from the items of
 * @kind. */
void get_guess(struct client *client, const char *kind, const char *name, struct error *err);

#endif
