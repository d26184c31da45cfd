/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-password: argon2id of people's passwords, in a process of its own, since it is made to take long and much
 * memory.  The core asks it when somebody logs in or gets a password.  One change is one question: `set` has the
 * `password`, perhaps the `hash` that it must fit, and perhaps a `new` one to be hashed then.  Observed is {fits, hash}.
 */
#include "driver.h"

#include "json.h"

#include <sodium.h>
#include <string.h>

static const struct driver_option no_options[] = { { NULL } };

static int password_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	(void)dev;
	(void)call;
	return sodium_init() < 0 ? error_set(err, ERROR_INTERNAL, "libsodium cannot start") : 0;
}

static void password_close(struct driver_device *dev)
{
	(void)dev;
}

static json_t *password_observe(struct driver_device *dev, const struct driver_call *call, const json_t *objects,
				struct error *err)
{
	(void)dev;
	(void)call;
	(void)objects;
	error_set(err, ERROR_UNSUPPORTED, "there is nothing to be seen here");
	return NULL;
}

static json_t *hash_of(const char *password)
{
	char hash[crypto_pwhash_STRBYTES];

	if (crypto_pwhash_str_alg(hash, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
				  crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return NULL;
	return json_string(hash);
}

static void answer(struct driver_change *c)
{
	const char *password = json_str(c->set, "password", ""), *hash = json_str(c->set, "hash", NULL),
		   *new = json_str(c->set, "new", NULL);
	bool fits = !hash || crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
	json_t *made = fits && (new || !hash) ? hash_of(new ? new : password) : json_null();
	struct error err = { 0 };

	if (!made) {
		error_set(&err, ERROR_BUSY, "there is no memory to hash a password");
		change_failed(c, CHANGE_NOT_APPLIED, &err);
		return;
	}
	change_done(c, false, json_pack("{s:b, s:o}", "fits", fits, "hash", made));
}

static int password_apply(struct driver_device *dev, const struct driver_call *call, struct driver_change *changes, size_t n,
			  struct error *err)
{
	size_t i;

	(void)dev;
	(void)err;
	for (i = 0; i < n && driver_time_left(call) > 0; i++)
		answer(&changes[i]);
	return 0;
}

static const struct recast_driver password = {
	.name = "password",
	.cls = "password",
	.summary = "argon2id of people's passwords",
	.caps = "merge",
	.max_inflight = 1,
	.options = no_options,
	.open = password_open,
	.close = password_close,
	.observe = password_observe,
	.apply = password_apply,
};

RECAST_DRIVER(password)
