/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One RMCP+ session.  libfreeipmi's calls block for as long as they like (name service included), so
 * each session is a thread of its own that owns the context; who wants something hands it over and
 * waits until a moment of his choosing.  A session that is late is left to itself: its thread ends
 * when libfreeipmi gives up.
 *
 * libfreeipmi counts its session time-out from the last packet that came, idle time included.  So a
 * session is closed when it was idle for nearly that long: a BMC has few of them anyway.
 */
#include "ipmi.h"

#include "arena.h"
#include "clock.h"

#include <errno.h>
#include <freeipmi/freeipmi.h>
#include <stdlib.h>
#include <string.h>

enum work { WORK_NONE, WORK_OPEN, WORK_COMMAND, WORK_DONE };

enum { STACK_BYTES = 1024 * 1024, LAST_CHANCE_MS = 1000 };

struct ipmi_session {
	pthread_mutex_t lock;
	pthread_cond_t wake, answered;
	int users; /* owner and thread */
	enum work work;
	bool quit;  /* the owner is gone */
	bool dead;  /* the thread ends or has ended */
	int64_t last_ms;

	struct session_params params; /* own copies of the strings; the secret until opened */
	char *address, *user;
	struct secret *password;

	uint8_t netfn, request[IPMI_DATA_MAX + 1], answer[1024];
	size_t request_len;
	int rc, errnum;
	ipmi_ctx_t ctx; /* the thread's */
};

static void unref(struct ipmi_session *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --s->users == 0;
	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->answered);
	secret_destroy(s->password);
	free(s->address);
	free(s->user);
	free(s);
}

static struct timespec at(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

static int do_open(struct ipmi_session *s)
{
	const struct session_params *p = &s->params;
	/* Revealed to be handed to the library, which keeps a copy until the context is closed. */
	const char *password = s->password ? secret_reveal(s->password) : NULL;
	int rc;

	rc = ipmi_ctx_open_outofband_2_0(s->ctx, s->address, s->user, password, NULL, 0, (uint8_t)p->privilege,
					 (uint8_t)p->cipher, (unsigned)p->session_timeout_ms, (unsigned)p->retransmit_ms, p->flags,
					 IPMI_FLAGS_DEFAULT);
	secret_destroy(s->password);
	s->password = NULL;
	return rc;
}

/* Without the lock: the owner does not look before WORK_DONE. */
static void perform(struct ipmi_session *s, enum work work)
{
	if (work == WORK_OPEN)
		s->rc = do_open(s);
	else
		s->rc = ipmi_cmd_raw(s->ctx, 0, s->netfn, s->request, (unsigned)s->request_len, s->answer,
				     sizeof(s->answer));
	s->errnum = s->rc < 0 ? ipmi_ctx_errnum(s->ctx) : IPMI_ERR_SUCCESS;
}

/* How long a session may be idle: a command after that still has a while to be answered. */
static int64_t idle_limit(const struct ipmi_session *s)
{
	int64_t t = s->params.session_timeout_ms;

	return t > 2 * LAST_CHANCE_MS ? t - LAST_CHANCE_MS : t / 2;
}

static bool wait_for_work(struct ipmi_session *s)
{
	struct timespec until = at(s->last_ms + idle_limit(s));
	int rc = 0;

	while (!s->quit && (s->work == WORK_NONE || s->work == WORK_DONE) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&s->wake, &s->lock, &until);
	return s->work == WORK_OPEN || s->work == WORK_COMMAND;
}

static void *serve(void *arg)
{
	struct ipmi_session *s = arg;
	bool open = false;

	pthread_mutex_lock(&s->lock);
	while (!s->dead && wait_for_work(s)) {
		enum work work = s->work;

		pthread_mutex_unlock(&s->lock);
		perform(s, work);
		pthread_mutex_lock(&s->lock);
		open = open || !s->rc || work == WORK_COMMAND;
		s->dead = s->rc < 0;
		s->last_ms = clock_mono_ms();
		s->work = WORK_DONE;
		pthread_cond_signal(&s->answered);
	}
	s->dead = true;
	pthread_mutex_unlock(&s->lock);
	if (open)
		ipmi_ctx_close(s->ctx);
	ipmi_ctx_destroy(s->ctx);
	unref(s);
	return NULL;
}

static int start_thread(struct ipmi_session *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, serve, s);
	pthread_attr_destroy(&attr);
	return rc;
}

static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct ipmi_session *session_create(const struct session_params *params)
{
	struct ipmi_session *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->wake);
	cond_init(&s->answered);
	s->params = *params;
	s->address = xstrdup(params->address);
	s->user = xstrdup(params->user);
	/* Revealed to be copied: a thread that is late may outlive the device. */
	if (params->password)
		s->password = secret_create(secret_reveal(params->password), secret_len(params->password));
	s->last_ms = clock_mono_ms();
	s->ctx = ipmi_ctx_create();
	s->users = 2;
	if (s->ctx && (!params->password || s->password) && !start_thread(s))
		return s;
	if (s->ctx)
		ipmi_ctx_destroy(s->ctx);
	s->users = 1;
	unref(s);
	return NULL;
}

/* Hand over and wait.  Called with the lock held, which it releases. */
static enum session_result run(struct ipmi_session *s, enum work work, int64_t until, int *errnum)
{
	struct timespec t = at(until);
	enum session_result result = SESSION_LATE;

	s->work = work;
	pthread_cond_signal(&s->wake);
	while (s->work != WORK_DONE && !pthread_cond_timedwait(&s->answered, &s->lock, &t))
		;
	if (s->work == WORK_DONE) {
		*errnum = s->errnum;
		result = s->rc < 0 ? SESSION_FAILED : SESSION_OK;
		s->work = WORK_NONE;
	}
	pthread_mutex_unlock(&s->lock);
	return result;
}

enum session_result session_open(struct ipmi_session *s, int64_t until, int *errnum)
{
	pthread_mutex_lock(&s->lock);
	return run(s, WORK_OPEN, until, errnum);
}

enum session_result session_command(struct ipmi_session *s, uint8_t netfn, const uint8_t *request, size_t len,
				    struct ipmi_reply *reply, int64_t until, int *errnum)
{
	enum session_result result;

	pthread_mutex_lock(&s->lock);
	if (s->dead) {
		pthread_mutex_unlock(&s->lock);
		*errnum = IPMI_ERR_SESSION_TIMEOUT;
		return SESSION_FAILED;
	}
	s->netfn = netfn;
	memcpy(s->request, request, len);
	s->request_len = len;
	result = run(s, WORK_COMMAND, until, errnum);
	if (result != SESSION_OK)
		return result;
	secret_wipe(s->request, s->request_len); /* it may have been a password */
	/* The answer is ours until the next request: command, completion code, data. */
	if (s->rc < 2) {
		*errnum = IPMI_ERR_IPMI_ERROR;
		return SESSION_FAILED;
	}
	reply->code = s->answer[1];
	reply->len = (size_t)s->rc - 2;
	memcpy(reply->data, s->answer + 2, reply->len);
	return SESSION_OK;
}

bool session_fits(struct ipmi_session *s, int64_t timeout_ms)
{
	bool alive;

	pthread_mutex_lock(&s->lock);
	alive = !s->dead && 2 * (int64_t)s->params.session_timeout_ms >= timeout_ms;
	pthread_mutex_unlock(&s->lock);
	return alive;
}

void session_put(struct ipmi_session *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	unref(s);
}
