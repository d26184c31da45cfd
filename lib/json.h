/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The few things that jansson leaves to its user: strict decoding with limits, typed getters that
 * never fail, canonical text, and a hash of it.
 */
#ifndef RECAST_JSON_H
#define RECAST_JSON_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 64, JSON_HASH_TEXT = 33 };

/* Decode one JSON value (object or array): duplicate keys, NUL characters, trailing bytes and nesting
 * deeper than JSON_DEPTH_MAX are refused as ERROR_INVALID with line and column.  A new reference. */
json_t *json_decode(const char *bytes, size_t len, struct error *err);

/* Compact text with sorted keys: equal values give equal text.  Free with free(). */
char *json_canonical(const json_t *value);

/* Hex of a 128-bit BLAKE2b hash of the canonical text. */
void json_hash(const json_t *value, char out[JSON_HASH_TEXT]);

/* Members of an object, or the default when the member is absent or of another type.  The string
 * stays the object's. */
const char *json_str(const json_t *object, const char *key, const char *missing);
int64_t json_int(const json_t *object, const char *key, int64_t missing);
bool json_bool(const json_t *object, const char *key, bool missing);

/* Set @key to a printf text. */
void json_setf(json_t *object, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* From now on no memory that jansson frees keeps its bytes: for processes through which secrets pass.  Called first of all. */
void json_wipe_freed(void);

/* For an owned reference released at the end of the scope use jansson's json_auto_t. */

#endif
