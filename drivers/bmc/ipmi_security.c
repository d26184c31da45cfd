/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The security document of a BMC: what lets others in.  Called by ipmi.c when the doctor asks.
 *
 * The BMC's own list of users is read in the session that there is.  What it takes from others, cipher suite 0 and vendors'
 * passwords are found out beside it, without a login (ipmi_rakp.h).  Whatever a BMC does not tell is left out:
 * "not known" is not "safe".
 */
#include "ipmi.h"
#include "ipmi_rakp.h"

#include "clock.h"

#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

enum {
	GET_DEVICE_ID = 0x01,
	GET_CHANNEL_AUTHENTICATION = 0x38,
	GET_USER_ACCESS = 0x44,
	GET_USER_NAME = 0x46,
};
enum { THIS_CHANNEL = 0x0e, USERS_MAX = 63, USER_DISABLED = 2, MESSAGING = 0x10, NO_ACCESS = 0x0f, PROBES_MS = 9000 };

static const struct login {
	const char *user, *password;
} logins[] = {
#define DEFAULT_LOGIN(user, password, vendor) { user, password },
#include "ipmi_defaults.def"
#undef DEFAULT_LOGIN
};

enum { LOGINS = sizeof(logins) / sizeof(logins[0]) };

/* What the BMC takes on this channel, over all privileges. */
struct capabilities {
	bool none, weak;      /* IPMI 1.5: type none; MD2, MD5 or straight passwords */
	bool anonymous;	      /* it says that users without a name may log in */
};

/* False when the BMC does not tell. */
static bool read_capabilities(struct rakp *r, struct capabilities *c)
{
	uint8_t privilege, answer[4];

	*c = (struct capabilities){ 0 };
	for (privilege = 1; privilege <= 4; privilege++) {
		const uint8_t request[] = { 0x80 | THIS_CHANNEL, privilege };

		if (rakp_ask(r, IPMI_APP, GET_CHANNEL_AUTHENTICATION, request, sizeof(request), answer, sizeof(answer)))
			return false;
		/* Without the bit for extended data all of it is IPMI 1.5; with it, one bit says whether that is on. */
		if (!(answer[1] & 0x80) || (answer[3] & 0x01)) {
			c->none = c->none || (answer[1] & 0x01);
			c->weak = c->weak || (answer[1] & 0x36);
		}
		c->anonymous = c->anonymous || (answer[2] & 0x03);
	}
	return true;
}

static void add_name(json_t *names, struct ipmi_lane *lane, uint8_t id)
{
	char name[RAKP_USER_MAX + 1] = "";
	struct error err = { 0 };
	struct ipmi_reply r;
	json_t *text;

	if (ipmi_ask(lane, IPMI_APP, GET_USER_NAME, &id, 1, RAKP_USER_MAX, &r, &err))
		return;
	memcpy(name, r.data, RAKP_USER_MAX);
	text = json_string(name);
	if (text)
		json_array_append_new(names, text);
}

/* The names of those who may log in, or NULL when the BMC does not tell: a new reference. */
static json_t *user_names(struct ipmi_lane *lane)
{
	json_t *names = json_array();
	uint8_t id, last = 1;

	for (id = 1; id <= last; id++) {
		const uint8_t request[] = { THIS_CHANNEL, id };
		struct error err = { 0 };
		struct ipmi_reply r;

		if (ipmi_ask(lane, IPMI_APP, GET_USER_ACCESS, request, sizeof(request), 4, &r, &err)) {
			if (id > 1 && err.code != ERROR_UNREACHABLE)
				continue; /* a slot that was never used */
			json_decref(names);
			return NULL;
		}
		last = r.data[0] & 0x3f;
		if (r.data[1] >> 6 != USER_DISABLED && (r.data[3] & MESSAGING) && (r.data[3] & 0x0f) != NO_ACCESS)
			add_name(names, lane, id);
	}
	return names;
}

static bool has_name(const json_t *names, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(names, i, one)
		if (!strcmp(json_string_value(one), name))
			return true;
	return false;
}

static bool is_default(const struct ipmi_config *c)
{
	size_t i, len = c->password ? secret_len(c->password) : 0;

	/* Revealed only to be compared. */
	const char *password = len ? secret_reveal(c->password) : "";

	for (i = 0; i < LOGINS; i++)
		if (!strcmp(logins[i].user, c->user) && strlen(logins[i].password) == len &&
		    !CRYPTO_memcmp(logins[i].password, password, len))
			return true;
	return len == 0 || (strlen(c->user) == len && !CRYPTO_memcmp(c->user, password, len));
}

/* Without integrity nor password, suite 0 goes along with anybody who knows a name: ours is one. */
static void probe_cipher_zero(struct rakp *r, const char *user, json_t *security)
{
	enum rakp_result result;

	r->suite = 0;
	result = rakp_begin(r, user);
	rakp_abandon(r);
	if (result != RAKP_SILENT)
		json_object_set_new(security, "cipher_zero", json_boolean(result == RAKP_YES));
}

/* Has the user of logins[@first] one of the vendors' passwords?  The rows of a name stand together. */
static bool has_default(struct rakp *r, size_t first)
{
	const char *user = logins[first].user;
	bool found = false;
	size_t i;

	if (rakp_begin(r, user) == RAKP_YES)
		for (i = first; i < LOGINS && !strcmp(logins[i].user, user); i++)
			found = found || rakp_password_is(r, logins[i].password);
	rakp_abandon(r);
	return found;
}

/* Of the users that there are; of all that are known when the BMC does not tell its users. */
static json_t *probe_defaults(struct rakp *r, const json_t *names)
{
	json_t *found = json_array();
	size_t i;

	for (i = 0; i < LOGINS; i++) {
		const char *user = logins[i].user;

		if ((i && !strcmp(logins[i - 1].user, user)) || (names && !has_name(names, user)))
			continue;
		if (has_default(r, i))
			json_array_append_new(found, json_string(user));
	}
	return found;
}

static int cipher_in_use(struct ipmi_device *d)
{
	int cipher;

	pthread_mutex_lock(&d->lock);
	cipher = d->cipher;
	pthread_mutex_unlock(&d->lock);
	return cipher;
}

/* All that is found out beside the session. */
static void probe(struct ipmi_lane *lane, const json_t *names, json_t *security)
{
	const struct ipmi_config *config = &lane->d->config;
	int64_t limit = clock_mono_ms() + PROBES_MS;
	struct rakp r = { .fd = rakp_connect(config->address, NULL),
			  .deadline_ms = limit < lane->deadline_ms ? limit : lane->deadline_ms };
	struct capabilities c;

	if (r.fd < 0)
		return;
	if (read_capabilities(&r, &c)) {
		json_object_set_new(security, "no_authentication", json_boolean(c.none));
		json_object_set_new(security, "old_protocol", json_boolean(c.weak));
		if (c.anonymous)
			json_object_set_new(security, "anonymous_user", json_true());
	}
	probe_cipher_zero(&r, config->user, security);
	r.suite = cipher_in_use(lane->d);
	if (r.suite == 3 || r.suite == 17)
		json_object_set_new(security, "default_users", probe_defaults(&r, names));
	close(r.fd);
}

json_t *security_document(struct ipmi_lane *lane, struct error *err)
{
	/* In the session, which is thus made first: what is asked beside it is asked of a BMC that answers. */
	json_t *security = NULL, *names;
	struct ipmi_reply r;

	if (ipmi_ask(lane, IPMI_APP, GET_DEVICE_ID, NULL, 0, 1, &r, err))
		return NULL;
	names = user_names(lane);
	security = json_pack("{s:b}", "default_password", is_default(&lane->d->config));
	if (names)
		json_object_set_new(security, "anonymous_user", json_boolean(has_name(names, "")));
	probe(lane, names, security);
	json_decref(names);
	return security;
}
