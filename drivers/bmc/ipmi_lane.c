/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lanes: who may use which session, how a session is opened, and one command on it.
 *
 * A session is opened with the first of the configured cipher suites that the BMC takes; what
 * worked is remembered, so that the next session needs no trials.  A session that was left over from
 * an earlier request may have died with its BMC: the first command of a request gets a second chance on a
 * new one.  Such a command is always a read, because every operation of this driver begins with one.
 */
#include "ipmi.h"

#include "clock.h"

#include <freeipmi/freeipmi.h>
#include <string.h>

enum { REUSE_WAIT_MS = 1500, PATIENCE_MIN_MS = 20 };

static int busy(struct ipmi_device *d, struct error *err)
{
	error_set(err, ERROR_BUSY, "%s: other requests kept the BMC busy until the deadline", d->name);
	return -1;
}

struct ipmi_lane *lane_enter(struct ipmi_device *d, const struct driver_call *call, struct error *err)
{
	int64_t until = call->deadline_ms - IPMI_REPLY_RESERVE_MS;
	struct ipmi_lane *lane = &d->lane[0];

	if (pthread_mutex_trylock(&lane->lock)) {
		lane = &d->lane[call->urgent];
		if (driver_lock(&lane->lock, until, NULL)) {
			busy(d, err);
			return NULL;
		}
	}
	lane->deadline_ms = until;
	lane->proven = false;
	return lane;
}

void lane_leave(struct ipmi_lane *lane)
{
	pthread_mutex_unlock(&lane->lock);
}

static void drop(struct ipmi_lane *lane)
{
	session_put(lane->session);
	lane->session = NULL;
}

void lane_fini(struct ipmi_lane *lane)
{
	drop(lane);
	pthread_mutex_destroy(&lane->lock);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool worth_another_cipher(int errnum)
{
	/* BMCs refuse a suite in many words. */
	return errnum == IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE || errnum == IPMI_ERR_BAD_RMCPPLUS_STATUS_CODE ||
	       errnum == IPMI_ERR_IPMI_ERROR || errnum == IPMI_ERR_AUTHENTICATION_TYPE_UNAVAILABLE;
}

/* Silence for so long is the end of a session, and of whoever waits. */
static int64_t patience_ms(const struct ipmi_lane *lane)
{
	int64_t left = lane->deadline_ms - clock_mono_ms();

	return earlier(left > PATIENCE_MIN_MS ? left : PATIENCE_MIN_MS, lane->d->config.session_timeout_ms);
}

/* Try to open with one cipher suite and these workarounds. */
static enum session_result try_open(struct ipmi_lane *lane, int cipher, unsigned flags, int *errnum)
{
	const struct ipmi_config *c = &lane->d->config;
	const struct session_params params = {
		.address = c->address, .user = c->user, .password = c->password, .privilege = c->privilege,
		.cipher = cipher, .flags = flags, .session_timeout_ms = (int)patience_ms(lane),
		.retransmit_ms = (int)earlier(c->retransmit_ms, patience_ms(lane) / 2),
	};
	struct ipmi_session *s = session_create(&params);
	enum session_result result;

	if (!s) {
		*errnum = IPMI_ERR_DRIVER_BUSY;
		return SESSION_FAILED;
	}
	result = session_open(s, clock_mono_ms() + params.session_timeout_ms, errnum);
	if (result == SESSION_OK)
		lane->session = s;
	else
		session_put(s);
	return result;
}

/* By default the privilege is named already when the session is asked for, because BMCs that compute
 * their keys from that are common.  A few refuse it: those are asked for the highest instead. */
static enum session_result try_cipher(struct ipmi_lane *lane, int cipher, unsigned *flags, int *errnum)
{
	const struct ipmi_config *c = &lane->d->config;
	enum session_result result = try_open(lane, cipher, *flags, errnum);

	if (result != SESSION_FAILED || *errnum != IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED || c->flags_given ||
	    *flags != c->flags)
		return result;
	*flags = 0;
	return try_open(lane, cipher, *flags, errnum);
}

static void remember(struct ipmi_device *d, int index, unsigned flags)
{
	pthread_mutex_lock(&d->lock);
	d->cipher_index = index;
	d->cipher = d->config.ciphers[index];
	d->session_flags = flags;
	pthread_mutex_unlock(&d->lock);
}

static int connect_bmc(struct ipmi_lane *lane, struct error *err)
{
	struct ipmi_device *d = lane->d;
	int first, i, errnum = IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE;
	unsigned known;

	pthread_mutex_lock(&d->lock);
	first = d->cipher_index;
	known = d->session_flags;
	pthread_mutex_unlock(&d->lock);
	for (i = 0; i < d->config.n_ciphers; i++) {
		int index = (first + i) % d->config.n_ciphers;
		unsigned flags = known;
		enum session_result result = try_cipher(lane, d->config.ciphers[index], &flags, &errnum);

		if (result == SESSION_OK) {
			remember(d, index, flags);
			return 0;
		}
		if (result == SESSION_LATE)
			errnum = IPMI_ERR_SESSION_TIMEOUT;
		if (!worth_another_cipher(errnum))
			break;
	}
	return ipmi_library_error(d->name, errnum, err);
}

static int need_session(struct ipmi_lane *lane, struct error *err)
{
	if (lane->session && session_fits(lane->session, patience_ms(lane)))
		return 0;
	drop(lane);
	if (clock_mono_ms() >= lane->deadline_ms)
		return ipmi_library_error(lane->d->name, IPMI_ERR_SESSION_TIMEOUT, err);
	return connect_bmc(lane, err);
}

static enum session_result exchange(struct ipmi_lane *lane, uint8_t netfn, const uint8_t *request, size_t len,
				    struct ipmi_reply *reply, int64_t wait_ms, int *errnum)
{
	int64_t until = earlier(lane->deadline_ms, clock_mono_ms() + wait_ms);
	enum session_result result = session_command(lane->session, netfn, request, len, reply, until, errnum);

	if (result == SESSION_LATE)
		*errnum = IPMI_ERR_SESSION_TIMEOUT;
	if (result != SESSION_OK)
		drop(lane);
	lane->proven = true;
	return result;
}

int ipmi_send(struct ipmi_lane *lane, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len,
	      struct ipmi_reply *reply, struct error *err)
{
	const struct ipmi_config *c = &lane->d->config;
	bool leftover = lane->session && !lane->proven;
	uint8_t request[IPMI_DATA_MAX + 1] = { cmd };
	int errnum = 0;

	if (len > IPMI_DATA_MAX)
		return error_set(err, ERROR_INTERNAL, "%s: a command of %zu bytes", lane->d->name, len);
	if (len)
		memcpy(request + 1, data, len);
	if (need_session(lane, err))
		return -1;
	if (exchange(lane, netfn, request, len + 1, reply,
		     leftover ? earlier(REUSE_WAIT_MS, c->session_timeout_ms) : c->session_timeout_ms,
		     &errnum) == SESSION_OK)
		return 0;
	if (leftover) {
		if (need_session(lane, err))
			return -1;
		if (exchange(lane, netfn, request, len + 1, reply, c->session_timeout_ms, &errnum) == SESSION_OK)
			return 0;
	}
	return ipmi_library_error(lane->d->name, errnum, err);
}

int ipmi_ask(struct ipmi_lane *lane, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len, size_t want,
	     struct ipmi_reply *reply, struct error *err)
{
	if (ipmi_send(lane, netfn, cmd, data, len, reply, err))
		return -1;
	if (reply->code)
		return ipmi_code_error(lane->d->name, netfn, cmd, reply->code, err);
	if (reply->len < want)
		return error_set(err, ERROR_PROTOCOL, "%s: the BMC's answer to %02x/%02x is too short", lane->d->name,
				 netfn, cmd);
	return 0;
}
