/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Another password for the user that we log in as (IPMI 2.0, section 22.30, Set User Password).  It is done when somebody can log in
 * with it: what the BMC says to the command is only a promise.  Passwords of up to 16 bytes, which every BMC can store.
 */
#include "ipmi.h"

#include "clock.h"
#include "json.h"

#include <freeipmi/freeipmi.h>
#include <string.h>

enum {
	GET_USER_ACCESS = 0x44,
	GET_USER_NAME = 0x46,
	SET_USER_PASSWORD = 0x47,

	THIS_CHANNEL = 0x0e,
	NAME_BYTES = 16,
	PASSWORD_BYTES = 16,
	OPERATION_SET = 2,
};

static int last_user(struct ipmi_lane *lane, uint8_t *last, struct error *err)
{
	const uint8_t request[] = { THIS_CHANNEL, 1 };
	struct ipmi_reply reply;

	if (ipmi_ask(lane, IPMI_APP, GET_USER_ACCESS, request, sizeof(request), 4, &reply, err))
		return -1;
	*last = reply.data[0] & 0x3f;
	return 0;
}

/* The number of the user that we are. */
static int find_user(struct ipmi_lane *lane, uint8_t *user, struct error *err)
{
	const char *name = lane->d->config.user ? lane->d->config.user : "";
	struct ipmi_reply reply;
	uint8_t id, last = 0;

	if (last_user(lane, &last, err))
		return -1;
	for (id = 1; id <= last; id++) {
		struct error none = { 0 };

		if (ipmi_ask(lane, IPMI_APP, GET_USER_NAME, &id, 1, NAME_BYTES, &reply, &none)) {
			if (ipmi_error_is_silence(&none)) {
				*err = none;
				return -1;
			}
			continue; /* a number that nobody has */
		}
		if (strlen(name) <= NAME_BYTES && !strncmp((const char *)reply.data, name, NAME_BYTES)) {
			*user = id;
			return 0;
		}
	}
	return error_set(err, ERROR_UNSUPPORTED, "%s: the BMC does not tell which of its users \"%s\" is", lane->d->name, name);
}

/* A session of its own with this password, or NULL. */
static struct ipmi_session *log_in(struct ipmi_lane *lane, const struct secret *password, int privilege, struct error *err)
{
	struct ipmi_device *d = lane->d;
	const struct ipmi_config *c = &d->config;
	struct session_params params = { .address = c->address, .user = c->user, .password = password, .privilege = privilege,
					 .session_timeout_ms = c->session_timeout_ms, .retransmit_ms = c->retransmit_ms };
	enum session_result result = SESSION_FAILED;
	int errnum = IPMI_ERR_DRIVER_BUSY;
	struct ipmi_session *s;

	pthread_mutex_lock(&d->lock);
	params.cipher = d->cipher;
	params.flags = d->session_flags;
	pthread_mutex_unlock(&d->lock);
	s = session_create(&params);
	if (s)
		result = session_open(s, lane->deadline_ms, &errnum);
	if (result == SESSION_OK)
		return s;
	session_put(s);
	if (result == SESSION_LATE)
		error_set(err, ERROR_UNREACHABLE, "%s did not answer to a login in time", d->name);
	else
		ipmi_library_error(d->name, errnum, err);
	return NULL;
}

/* Only administrators may, whatever privilege the site file asks for in all else. */
static int set_password(struct ipmi_lane *lane, struct ipmi_session *s, uint8_t user, const char *password, struct error *err)
{
	uint8_t request[3 + PASSWORD_BYTES] = { SET_USER_PASSWORD, user, OPERATION_SET };
	struct ipmi_reply reply = { 0 };
	int errnum = 0;
	enum session_result result;

	memcpy(request + 3, password, strlen(password));
	result = session_command(s, IPMI_APP, request, sizeof(request), &reply, lane->deadline_ms, &errnum);
	secret_wipe(request, sizeof(request));
	if (result == SESSION_LATE)
		return error_set(err, ERROR_UNREACHABLE, "%s did not answer in time", lane->d->name);
	if (result == SESSION_FAILED)
		return ipmi_library_error(lane->d->name, errnum, err);
	return reply.code ? ipmi_code_error(lane->d->name, IPMI_APP, SET_USER_PASSWORD, reply.code, err) : 0;
}

static int see_that_it_logs_in(struct ipmi_lane *lane, const char *password, struct error *err)
{
	struct secret *secret = secret_create(password, strlen(password));
	struct ipmi_session *s = log_in(lane, secret, lane->d->config.privilege, err);

	secret_destroy(secret);
	session_put(s);
	return s ? 0 : -1;
}

void password_change(struct ipmi_lane *lane, struct driver_change *c)
{
	const char *password = json_str(c->set, "password", "");
	struct ipmi_session *s = NULL;
	struct error err = { 0 };
	uint8_t user = 0;

	if (!*password || strlen(password) > PASSWORD_BYTES)
		error_set(&err, ERROR_INVALID, "%s: a password has from 1 to %d bytes", lane->d->name, PASSWORD_BYTES);
	else if (find_user(lane, &user, &err) == 0)
		s = log_in(lane, lane->d->config.password, IPMI_PRIVILEGE_LEVEL_ADMIN, &err);
	if (!s)
		change_failed(c, CHANGE_NOT_APPLIED, &err);
	else if (set_password(lane, s, user, password, &err) == 0 && see_that_it_logs_in(lane, password, &err) == 0)
		change_done(c, true, NULL);
	else
		ipmi_change_failed(c, true, &err);
	session_put(s);
}
