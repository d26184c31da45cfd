/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one session of a device and the requests in it.  See brocade.h.
 *
 * A switch has few sessions, three by default, and keeps those that are not given back for hours.  So there is one per
 * device, shared by both lanes, and it ends soon after the last request.
 */
#include "brocade.h"

#include "arena.h"
#include "clock.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

enum { BUSY_WAIT_MS = 1000, IDLE_MS = 2000, LOGOUT_MS = 500 };

static const char media[] = "application/yang-data+json";

/* --- what the switch says; pure --- */

void fos_words(const char *body, size_t len, char *words, size_t size)
{
	json_auto_t *v = json_decode(body ? body : "", len, NULL);
	json_auto_t *list = fos_list(json_object_get(json_object_get(v, "errors"), "error"));
	const json_t *one;
	size_t i, n = 0;

	*words = '\0';
	json_array_foreach(list, i, one) {
		const char *text = json_str(one, "error-message", NULL);

		if (text && n + 1 < size)
			n += (size_t)snprintf(words + n, size - n, "%s%s", n ? "; " : "", text);
	}
}

json_t *fos_response(const char *body, size_t len, struct error *err)
{
	json_auto_t *v = json_decode(body ? body : "", len, NULL);
	json_t *response = json_object_get(v, "Response");

	if (json_is_object(response))
		return json_incref(response);
	error_set(err, ERROR_PROTOCOL, "its answer is no Response of Fabric OS");
	return NULL;
}

static bool says(const char *words, const char *part)
{
	return strcasestr(words, part) != NULL;
}

static bool means_none(long status, const char *words)
{
	return status == 404 && (says(words, "no entries") || says(words, "no device was found"));
}

static int too_busy(const char *words, struct error *err)
{
	if (says(words, "session")) {
		error_set(err, ERROR_BUSY, "all of its REST sessions are taken (%s)", words);
		return error_hint(err, "See who is logged in on the switch, or raise max-rest-sessions there.");
	}
	return error_set(err, ERROR_BUSY, "%s", *words ? words : "it is busy (503)");
}

/* An answer that is no success. */
static int refusal(const struct https_reply *reply, bool login, struct error *err)
{
	char words[256];

	fos_words(reply->body.data, reply->body.len, words, sizeof(words));
	if (reply->status == 503)
		return too_busy(words, err);
	if (reply->status == 401 || (login && reply->status == 403))
		return error_set(err, ERROR_AUTH, "it refuses user name or password%s%s", *words ? ": " : "", words);
	if (reply->status < 200 || !*words)
		return error_set(err, ERROR_PROTOCOL, "it answered with status %ld and no explanation", reply->status);
	return error_set(err, ERROR_REFUSED, "it refuses: %s", words);
}

static bool worth_a_wait(const struct https_reply *reply)
{
	char words[256];

	if (reply->status != 503)
		return false;
	fos_words(reply->body.data, reply->body.len, words, sizeof(words));
	return !says(words, "not ready for management") && !says(words, "session");
}

/* --- requests --- */

static void pause_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* One request; what is too busy is asked once more after a while. */
static int send_request(struct fos_lane *lane, const struct https_request *rq, struct https_reply *reply, int64_t deadline,
			struct error *err)
{
	if (https_call(lane->https, rq, reply, deadline, err))
		return -1;
	if (!worth_a_wait(reply) || clock_mono_ms() + 2 * BUSY_WAIT_MS > deadline)
		return 0;
	https_reply_fini(reply);
	pause_ms(BUSY_WAIT_MS);
	return https_call(lane->https, rq, reply, deadline, err);
}

static char *make_path(const struct fos *fos, const char *what)
{
	if (fos->vf_id >= 0)
		return xasprintf("/rest/%s?vf-id=%lld", what, (long long)fos->vf_id);
	return xasprintf("/rest/%s", what);
}

static void forget_token(struct fos *fos)
{
	secret_destroy(fos->token);
	fos->token = NULL;
}

static int post_login(struct fos_lane *lane, int64_t deadline, struct error *err)
{
	struct fos *fos = lane->fos;
	struct secret *basic = https_basic(fos->user, fos->password);
	struct https_request rq = { .method = "POST", .path = "/rest/login", .media = media, .authorization = basic, .once = true };
	struct https_reply reply;
	int rc = basic ? send_request(lane, &rq, &reply, deadline, err) : error_set(err, ERROR_BUSY, "no locked memory");

	secret_destroy(basic);
	if (rc)
		return -1;
	if (reply.status != 200)
		rc = refusal(&reply, true, err);
	else if (!reply.authorization)
		rc = error_set(err, ERROR_PROTOCOL, "it let us in without the header Authorization; is it Fabric OS?");
	else
		fos->token = reply.authorization;
	if (!rc)
		reply.authorization = NULL;
	https_reply_fini(&reply);
	return rc;
}

/* Which paths this firmware has, once per session: another one begins with a reboot. */
static int learn_firmware(struct fos_lane *lane, int64_t deadline, struct error *err)
{
	struct fos *fos = lane->fos;
	char *path = make_path(fos, fos->old ? "running/switch/fibrechannel-switch"
					     : "running/brocade-fibrechannel-switch/fibrechannel-switch");
	struct https_request rq = { .method = "GET", .path = path, .media = media, .authorization = fos->token };
	struct https_reply reply;
	json_t *response = NULL;
	int rc = send_request(lane, &rq, &reply, deadline, err);

	free(path);
	if (rc)
		return -1;
	if (reply.status == 404 && !fos->old) {
		https_reply_fini(&reply);
		fos->old = true;
		return learn_firmware(lane, deadline, err);
	}
	rc = reply.status == 200 ? 0 : refusal(&reply, false, err);
	if (!rc)
		response = fos_response(reply.body.data, reply.body.len, err);
	https_reply_fini(&reply);
	fos_take_firmware(response, fos->firmware, sizeof(fos->firmware));
	rc = rc || response ? rc : -1;
	json_decref(response);
	return rc;
}

static void say_logout(struct fos_lane *lane, int64_t deadline)
{
	struct https_request rq = { .method = "POST", .path = "/rest/logout", .media = media, .authorization = lane->fos->token };
	struct https_reply reply;
	struct error err = { 0 };

	if (https_call(lane->https, &rq, &reply, deadline, &err))
		log_warn("session", "%s: logging out failed: %s", lane->fos->name, err.text);
	else
		https_reply_fini(&reply);
}

static int begin(struct fos_lane *lane, int64_t deadline, struct error *err)
{
	struct fos *fos = lane->fos;

	if (fos->token)
		return 0;
	fos->old = false;
	if (post_login(lane, deadline, err))
		return -1;
	if (learn_firmware(lane, deadline, err)) {
		say_logout(lane, clock_mono_ms() + LOGOUT_MS);
		forget_token(fos);
		return -1;
	}
	fos->serial++;
	fos->used_ms = clock_mono_ms();
	eventfd_write(fos->wake_fd, 1);
	return 0;
}

int64_t fos_login(struct fos_lane *lane, int64_t deadline, struct error *err)
{
	struct fos *fos = lane->fos;
	int64_t serial;

	if (driver_lock(&fos->lock, deadline, err))
		return -1;
	serial = begin(lane, deadline, err) ? -1 : fos->serial;
	pthread_mutex_unlock(&fos->lock);
	return serial;
}

int64_t fos_serial(struct fos *fos)
{
	int64_t serial;

	pthread_mutex_lock(&fos->lock);
	serial = fos->token ? fos->serial : 0;
	pthread_mutex_unlock(&fos->lock);
	return serial;
}

void fos_logout(struct fos_lane *lane, int64_t deadline)
{
	struct fos *fos = lane->fos;

	pthread_mutex_lock(&fos->lock);
	if (fos->token)
		say_logout(lane, deadline);
	forget_token(fos);
	pthread_mutex_unlock(&fos->lock);
}

/* The session as it is now, as a token of the caller's. */
static struct secret *token_now(struct fos_lane *lane, const struct fos_ask *ask, int64_t *serial, bool *old, int64_t deadline,
				struct error *err)
{
	struct fos *fos = lane->fos;
	struct secret *token = NULL;

	if (driver_lock(&fos->lock, deadline, err))
		return NULL;
	if (ask->serial && (!fos->token || fos->serial != ask->serial))
		error_set(err, ERROR_UNREACHABLE, "its session ended in the middle of a transaction");
	else if (!begin(lane, deadline, err)) {
		/* Revealed to be copied from one locked place to another: a logout may take the first. */
		token = secret_create(secret_reveal(fos->token), secret_len(fos->token));
		if (!token)
			error_set(err, ERROR_BUSY, "no locked memory");
	}
	*serial = fos->serial;
	*old = fos->old;
	pthread_mutex_unlock(&fos->lock);
	return token;
}

/* "zoning/…" and "switch/…" have other names since 8.2.1b. */
static char *path_of(const struct fos *fos, const char *what, bool old)
{
	const char *slash = strchr(what, '/');
	char *module = !old && !strncmp(what, "zoning/", 7) ? xasprintf("running/brocade-zone%s", slash) : xasprintf("running/%s", what);
	char *path = make_path(fos, module);

	free(module);
	return path;
}

/* While somebody logs in there is nothing to note. */
static void note_use(struct fos *fos, int64_t serial, bool ended, int64_t deadline)
{
	if (driver_lock(&fos->lock, deadline, NULL))
		return;
	fos->used_ms = clock_mono_ms();
	if (ended && fos->serial == serial)
		forget_token(fos);
	pthread_mutex_unlock(&fos->lock);
}

static int take_answer(struct https_reply *answer, bool reads, json_t **reply, struct error *err)
{
	char words[256];

	if (answer->status >= 200 && answer->status < 300) {
		if (!reads || answer->status == 204)
			return 0;
		*reply = fos_response(answer->body.data, answer->body.len, err);
		return *reply ? 0 : -1;
	}
	fos_words(answer->body.data, answer->body.len, words, sizeof(words));
	return reads && means_none(answer->status, words) ? 0 : refusal(answer, false, err);
}

/* 0, -1, or 1: the session has ended, which is no error yet. */
static int ask_once(struct fos_lane *lane, const struct fos_ask *ask, const char *body, json_t **reply, int64_t deadline,
		    struct error *err)
{
	struct https_reply answer;
	int64_t serial;
	bool old;
	struct secret *token = token_now(lane, ask, &serial, &old, deadline, err);
	char *path = token ? path_of(lane->fos, ask->what, old) : NULL;
	struct https_request rq = { .method = ask->method, .path = path, .media = media, .body = body, .authorization = token,
				    .once = ask->once };
	int rc = token ? send_request(lane, &rq, &answer, deadline, err) : -1;

	secret_destroy(token);
	free(path);
	if (rc)
		return -1;
	note_use(lane->fos, serial, answer.status == 401, deadline);
	if (answer.status == 401 && ask->serial)
		rc = error_set(err, ERROR_UNREACHABLE, "its session ended in the middle of a transaction");
	else
		rc = answer.status == 401 ? 1 : take_answer(&answer, !strcmp(ask->method, "GET"), reply, err);
	https_reply_fini(&answer);
	return rc;
}

int fos_call(struct fos_lane *lane, const struct fos_ask *ask, json_t **reply, int64_t deadline, struct error *err)
{
	char *body = ask->body ? json_canonical(ask->body) : NULL;
	json_t *none = NULL;
	int rc;

	*(reply ? reply : &none) = NULL;
	rc = ask_once(lane, ask, body, reply ? reply : &none, deadline, err);
	/* The switch ended it while nobody looked: it was for nothing, and a new one is due. */
	if (rc == 1)
		rc = ask_once(lane, ask, body, reply ? reply : &none, deadline, err);
	free(body);
	json_decref(none);
	return rc == 1 ? error_set(err, ERROR_AUTH, "it ends each session at once") : rc;
}

/* --- the end of a session --- */

/* Milliseconds until the session is to end; -1: there is none. */
static int until_idle(struct fos *fos)
{
	int64_t left = -1;

	pthread_mutex_lock(&fos->lock);
	if (fos->token) {
		left = fos->used_ms + IDLE_MS - clock_mono_ms();
		left = left > 0 ? left : 0;
	}
	pthread_mutex_unlock(&fos->lock);
	return (int)left;
}

static void end_idle(struct fos *fos)
{
	struct fos_lane *lane = &fos->lane[0];

	if (pthread_mutex_trylock(&lane->lock)) {
		note_use(fos, 0, false, clock_mono_ms() + LOGOUT_MS); /* somebody is at it */
		return;
	}
	if (until_idle(fos) == 0)
		fos_logout(lane, clock_mono_ms() + LOGOUT_MS);
	pthread_mutex_unlock(&lane->lock);
}

void fos_tidy(void *arg, int stop_fd)
{
	struct fos *fos = arg;
	struct pollfd fds[2] = { { .fd = stop_fd, .events = POLLIN }, { .fd = fos->wake_fd, .events = POLLIN } };
	eventfd_t n;

	for (;;) {
		int ready = poll(fds, 2, until_idle(fos));

		if (ready < 0 && errno != EINTR)
			return;
		if (ready > 0 && fds[0].revents)
			return;
		if (ready > 0 && fds[1].revents)
			eventfd_read(fos->wake_fd, &n);
		if (ready == 0)
			end_idle(fos);
	}
}
