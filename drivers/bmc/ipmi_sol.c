/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The serial console over SOL.  A BMC gives it to one session at a time, so all who want it share one:
 * the capture, which keeps the last 64 KiB since its mark, and the viewers, who get events.
 *
 * A thread holds the session for as long as somebody wants it, and opens it again when it is lost; it
 * has its own copies of all it needs, so that a device can be closed at once.  A session that somebody
 * else holds is taken over, because it may be that of a driver that was killed.
 */
#include "ipmi.h"

#include "arena.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <freeipmi/freeipmi.h>
#include <ipmiconsole.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	RING = 64 * 1024,
	ENGINE_THREADS = 2,
	SOL_SESSION_MS = 10000, /* silence after which the session is lost */
	/* OpenIPMI's BMC counts only commands as signs of life and ends a session that does nothing but
	 * print; a command is sent only after so long a silence. */
	SOL_KEEPALIVE_MS = 900,
	RETRY_MS = 1000,
	SETTLE_MS = 150,     /* quiet for so long: the BMC has no more old text to give */
	SETTLE_MAX_MS = 1000,
	CLOSE_MS = 300,	     /* for the thread to let go of its session */
	END_MS = 700,	     /* for the sessions to be closed when the driver ends */
	STACK_BYTES = 1024 * 1024,
	TYPE_CHUNK = 64, /* as much as a writable descriptor takes without blocking */
};

struct ipmi_sol {
	pthread_mutex_t lock;
	pthread_cond_t news; /* any change below */
	int users;
	const struct ipmi_config *config; /* of the device; not for the thread, which has copies: */
	char *name, *address, *user;
	struct secret *password;
	int privilege, ciphers[IPMI_CIPHERS_MAX], n_ciphers;
	int cipher; /* the thread's: index of the last one tried */
	int retransmit_ms;
	unsigned flags;
	int wake; /* eventfd: look again whether it is wanted */

	bool capture, viewer, quit; /* what is wanted */
	bool running, up;	    /* the thread; its session */
	unsigned failures;
	struct error why;	    /* of the last failure */
	int fd;			    /* while up */
	char *ring;
	uint64_t printed, mark; /* bytes in all; at the mark */
};

static pthread_once_t engine_once = PTHREAD_ONCE_INIT;
static int engine_rc;

static void *end_sessions(void *arg)
{
	ipmiconsole_engine_teardown(1);
	return arg;
}

/* Give the BMCs their consoles back, but do not wait for those that do not answer. */
static void engine_end(void)
{
	struct timespec until;
	pthread_t thread;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += END_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (!pthread_create(&thread, NULL, end_sessions, NULL))
		pthread_timedjoin_np(thread, NULL, &until);
}

static void engine_start(void)
{
	engine_rc = ipmiconsole_engine_init(ENGINE_THREADS, 0);
	if (!engine_rc)
		atexit(engine_end);
}

struct ipmi_sol *sol_create(const struct ipmi_device *d)
{
	struct ipmi_sol *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->news, &attr);
	pthread_condattr_destroy(&attr);
	s->users = 1;
	s->config = &d->config;
	s->name = xstrdup(d->name);
	s->wake = s->fd = -1;
	return s;
}

/* With the lock held, before the first thread: most devices never get here. */
static void copy_config(struct ipmi_sol *s)
{
	const struct ipmi_config *c = s->config;

	s->address = xstrdup(c->address);
	s->user = xstrdup(c->user);
	/* Revealed to be copied: the thread may outlive the device. */
	if (c->password)
		s->password = secret_create(secret_reveal(c->password), secret_len(c->password));
	s->privilege = c->privilege == IPMI_PRIVILEGE_LEVEL_ADMIN ? IPMICONSOLE_PRIVILEGE_ADMIN :
								    IPMICONSOLE_PRIVILEGE_OPERATOR;
	memcpy(s->ciphers, c->ciphers, sizeof(s->ciphers));
	s->n_ciphers = c->n_ciphers;
	s->flags = c->sol_flags;
	s->retransmit_ms = c->retransmit_ms;
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->ring = xcalloc(1, RING);
}

static void unref(struct ipmi_sol *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --s->users == 0;
	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->news);
	secret_destroy(s->password);
	if (s->wake >= 0)
		close(s->wake);
	free(s->ring);
	free(s->name);
	free(s->address);
	free(s->user);
	free(s);
}

static bool wanted(const struct ipmi_sol *s)
{
	return !s->quit && (s->capture || s->viewer);
}

/* With the lock held: tell the thread that what is wanted has changed. */
static void nudge(struct ipmi_sol *s)
{
	uint64_t one = 1;

	if (s->wake >= 0 && write(s->wake, &one, sizeof(one)) < 0)
		errno = 0; /* full: it is awake already */
	pthread_cond_broadcast(&s->news);
}

void sol_destroy(struct ipmi_sol *s)
{
	int64_t at = clock_mono_ms() + CLOSE_MS;
	struct timespec t = { .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 };

	pthread_mutex_lock(&s->lock);
	s->quit = true;
	nudge(s);
	while (s->up && pthread_cond_timedwait(&s->news, &s->lock, &t) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&s->lock);
	unref(s);
}

static int sol_error(const struct ipmi_sol *s, int errnum, struct error *err)
{
	switch (errnum) {
	case IPMICONSOLE_ERR_USERNAME_INVALID:
	case IPMICONSOLE_ERR_PASSWORD_INVALID:
	case IPMICONSOLE_ERR_K_G_INVALID:
		return ipmi_library_error(s->name, IPMI_ERR_PASSWORD_INVALID, err);
	case IPMICONSOLE_ERR_PRIVILEGE_LEVEL_INSUFFICIENT:
	case IPMICONSOLE_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED:
		return ipmi_library_error(s->name, IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED, err);
	case IPMICONSOLE_ERR_CIPHER_SUITE_ID_UNAVAILABLE:
		return ipmi_library_error(s->name, IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE, err);
	case IPMICONSOLE_ERR_IPMI_2_0_UNAVAILABLE:
		return ipmi_library_error(s->name, IPMI_ERR_IPMI_2_0_UNAVAILABLE, err);
	case IPMICONSOLE_ERR_CONNECTION_TIMEOUT:
	case IPMICONSOLE_ERR_SESSION_TIMEOUT:
	case IPMICONSOLE_ERR_EXCESS_RETRANSMISSIONS_SENT:
		return ipmi_library_error(s->name, IPMI_ERR_CONNECTION_TIMEOUT, err);
	case IPMICONSOLE_ERR_HOSTNAME_INVALID:
		return ipmi_library_error(s->name, IPMI_ERR_HOSTNAME_INVALID, err);
	case IPMICONSOLE_ERR_BMC_BUSY:
	case IPMICONSOLE_ERR_SOL_INUSE:
	case IPMICONSOLE_ERR_TOO_MANY_OPEN_FILES:
		return ipmi_library_error(s->name, IPMI_ERR_BMC_BUSY, err);
	case IPMICONSOLE_ERR_SOL_UNAVAILABLE:
	case IPMICONSOLE_ERR_SOL_REQUIRES_ENCRYPTION:
	case IPMICONSOLE_ERR_SOL_REQUIRES_NO_ENCRYPTION:
		error_set(err, ERROR_UNSUPPORTED, "%s: the BMC offers no serial over LAN", s->name);
		return error_hint(err, "Enable SOL with encryption in the BMC and in the machine's firmware.");
	default:
		error_set(err, ERROR_PROTOCOL, "%s: the BMC's console failed (%s)", s->name,
			  ipmiconsole_ctx_strerror(errnum));
		return error_hint(err, "Options solpayloadsize, solport or solstatus of `workarounds` may help.");
	}
}

static ipmiconsole_ctx_t make_context(struct ipmi_sol *s, int cipher)
{
	char empty[1] = "";
	struct ipmiconsole_ipmi_config ipmi = {
		.username = s->user,
		/* Revealed to be handed to the library, which keeps a copy for the session. */
		.password = s->password ? (char *)(uintptr_t)secret_reveal(s->password) : empty,
		.privilege_level = s->privilege,
		.cipher_suite_id = cipher,
		.workaround_flags = s->flags,
	};
	struct ipmiconsole_protocol_config protocol = {
		.session_timeout_len = SOL_SESSION_MS,
		.retransmission_timeout_len = s->retransmit_ms,
		.retransmission_backoff_count = 2,
		.keepalive_timeout_len = SOL_KEEPALIVE_MS,
		.retransmission_keepalive_timeout_len = SOL_KEEPALIVE_MS - 100,
		.acceptable_packet_errors_count = 16,
		.maximum_retransmission_count = 16,
	};
	struct ipmiconsole_engine_config engine = { .engine_flags = IPMICONSOLE_ENGINE_LOCK_MEMORY };
	ipmiconsole_ctx_t ctx = ipmiconsole_ctx_create(s->address, &ipmi, &protocol, &engine);

	if (ctx)
		return ctx;
	/* Not everybody may lock memory. */
	engine.engine_flags = 0;
	return ipmiconsole_ctx_create(s->address, &ipmi, &protocol, &engine);
}

/* Open the session with one cipher suite.  A context, or NULL and *errnum. */
static ipmiconsole_ctx_t try_cipher(struct ipmi_sol *s, int cipher, int *errnum)
{
	ipmiconsole_ctx_t ctx = make_context(s, cipher);

	*errnum = IPMICONSOLE_ERR_SYSTEM_ERROR;
	if (!ctx)
		return NULL;
	if (!ipmiconsole_engine_submit_block(ctx))
		return ctx;
	*errnum = ipmiconsole_ctx_errnum(ctx);
	ipmiconsole_ctx_destroy(ctx);
	return NULL;
}

static ipmiconsole_ctx_t open_session(struct ipmi_sol *s)
{
	ipmiconsole_ctx_t ctx;
	struct error err = { 0 };
	int i, first = s->cipher, errnum = 0;

	for (i = 0; i < s->n_ciphers; i++) {
		s->cipher = (first + i) % s->n_ciphers;
		ctx = try_cipher(s, s->ciphers[s->cipher], &errnum);
		if (ctx)
			return ctx;
		if (errnum != IPMICONSOLE_ERR_CIPHER_SUITE_ID_UNAVAILABLE && errnum != IPMICONSOLE_ERR_BMC_ERROR &&
		    errnum != IPMICONSOLE_ERR_BMC_IMPLEMENTATION)
			break;
	}
	sol_error(s, errnum, &err);
	log_debug("sol", "%s", err.text);
	pthread_mutex_lock(&s->lock);
	s->why = err;
	s->failures++;
	pthread_cond_broadcast(&s->news);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Printed bytes go into the ring and to the viewers. */
static void take_output(struct ipmi_sol *s, const char *bytes, size_t n)
{
	bool viewer;
	size_t i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < n; i++)
		s->ring[(s->printed + i) % RING] = bytes[i];
	s->printed += n;
	viewer = s->viewer && !s->quit;
	pthread_cond_broadcast(&s->news);
	pthread_mutex_unlock(&s->lock);
	if (viewer)
		driver_emit_console(s->name, bytes, n);
}

static bool still_wanted(struct ipmi_sol *s)
{
	bool yes;

	pthread_mutex_lock(&s->lock);
	yes = wanted(s);
	pthread_mutex_unlock(&s->lock);
	return yes;
}

/* Until the session is lost or nobody wants it. */
static void pump(struct ipmi_sol *s, int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = s->wake, .events = POLLIN } };
	char bytes[4096];
	uint64_t drained;
	ssize_t n;

	while (still_wanted(s)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents && read(s->wake, &drained, sizeof(drained)) < 0)
			continue;
		if (!fds[0].revents)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n <= 0)
			return;
		take_output(s, bytes, (size_t)n);
	}
}

static void hold_session(struct ipmi_sol *s, ipmiconsole_ctx_t ctx)
{
	int fd = ipmiconsole_ctx_fd(ctx);

	pthread_mutex_lock(&s->lock);
	s->fd = fd;
	s->up = true;
	pthread_cond_broadcast(&s->news);
	pthread_mutex_unlock(&s->lock);
	log_debug("sol", "%s: console session opened", s->name);
	pump(s, fd);
	log_debug("sol", "%s: console session %s", s->name,
		  still_wanted(s) ? ipmiconsole_ctx_errormsg(ctx) : "no longer wanted");
	pthread_mutex_lock(&s->lock);
	/* The library ends the session when its end is closed. */
	close(fd);
	ipmiconsole_ctx_destroy(ctx);
	s->up = false;
	s->fd = -1;
	pthread_cond_broadcast(&s->news);
	pthread_mutex_unlock(&s->lock);
}

/* With the lock held. */
static void pause_before_retry(struct ipmi_sol *s)
{
	int64_t at = clock_mono_ms() + RETRY_MS;
	struct timespec t = { .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 };
	int rc = 0;

	while (wanted(s) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&s->news, &s->lock, &t);
}

static void *serve(void *arg)
{
	struct ipmi_sol *s = arg;
	ipmiconsole_ctx_t ctx;

	pthread_mutex_lock(&s->lock);
	while (wanted(s)) {
		pthread_mutex_unlock(&s->lock);
		ctx = open_session(s);
		if (ctx)
			hold_session(s, ctx);
		pthread_mutex_lock(&s->lock);
		pause_before_retry(s);
	}
	s->running = false;
	pthread_cond_broadcast(&s->news);
	pthread_mutex_unlock(&s->lock);
	unref(s);
	return NULL;
}

/* With the lock held. */
static int start_thread(struct ipmi_sol *s, struct error *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	pthread_once(&engine_once, engine_start);
	if (!s->ring)
		copy_config(s);
	if (engine_rc || s->wake < 0)
		return error_set(err, ERROR_BUSY, "%s: no resources for a console session", s->name);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	s->running = true;
	s->users++;
	rc = pthread_create(&thread, &attr, serve, s);
	pthread_attr_destroy(&attr);
	if (!rc)
		return 0;
	s->running = false;
	s->users--;
	return error_set(err, ERROR_BUSY, "%s: no thread for a console session", s->name);
}

/* With the lock held: wait until the session is up, or an attempt to open it has failed. */
static int wait_up(struct ipmi_sol *s, int64_t until, struct error *err)
{
	int64_t limit = clock_mono_ms() + s->config->session_timeout_ms;
	struct timespec t;
	unsigned failures;

	if (until > limit)
		until = limit;
	t = (struct timespec){ .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	if (!s->running && start_thread(s, err))
		return -1;
	failures = s->failures;
	nudge(s);
	while (!s->up && s->failures == failures)
		if (pthread_cond_timedwait(&s->news, &s->lock, &t) == ETIMEDOUT)
			return ipmi_library_error(s->name, IPMI_ERR_CONNECTION_TIMEOUT, err);
	if (s->up)
		return 0;
	*err = s->why;
	return -1;
}

/* With the lock held: some BMCs begin a session with old text, which must come before the mark. */
static void settle(struct ipmi_sol *s)
{
	int64_t end = clock_mono_ms() + SETTLE_MAX_MS;
	uint64_t seen;

	do {
		int64_t at = clock_mono_ms() + SETTLE_MS;
		struct timespec t = { .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 };

		seen = s->printed;
		while (s->printed == seen && pthread_cond_timedwait(&s->news, &s->lock, &t) != ETIMEDOUT)
			;
	} while (s->printed != seen && clock_mono_ms() < end);
}

int sol_capture(struct ipmi_sol *s, bool on, bool *changed, int64_t until, struct error *err)
{
	bool was_up;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	was_up = s->up;
	*changed = s->capture != on;
	s->capture = on;
	if (!on) {
		nudge(s);
	} else if (wait_up(s, until, err)) {
		s->capture = false;
		nudge(s);
		rc = -1;
	} else {
		if (!was_up)
			settle(s);
		s->mark = s->printed;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* Bytes of the line as a JSON string: what is not UTF-8 becomes "?". */
static json_t *as_text(char *bytes, size_t n)
{
	json_t *v;
	size_t i;

	for (i = 0; i < n; i++)
		if (!bytes[i])
			bytes[i] = ' ';
	v = json_stringn(bytes, n);
	for (i = 0; !v && i < n; i++)
		if ((unsigned char)bytes[i] >= 0x80)
			bytes[i] = '?';
	return v ? v : json_stringn(bytes, n);
}

json_t *sol_document(struct ipmi_sol *s, const char *wanted_text)
{
	size_t n = 0, i, len = strlen(wanted_text);
	bool seen;
	json_t *document;
	uint64_t from;
	char *copy;

	pthread_mutex_lock(&s->lock);
	from = s->printed - s->mark > RING ? s->printed - RING : s->mark;
	if (s->capture)
		n = (size_t)(s->printed - from);
	copy = xcalloc(1, n + 1);
	for (i = 0; i < n; i++)
		copy[i] = s->ring[(from + i) % RING];
	pthread_mutex_unlock(&s->lock);
	seen = len && memmem(copy, n, wanted_text, len);
	document = json_pack("{s:o, s:b}", "text", as_text(copy, n), "seen", seen);
	free(copy);
	return document;
}

/* With the lock held.  The descriptor cannot be closed meanwhile: its thread needs the lock for that. */
static int type_text(struct ipmi_sol *s, const char *data, int64_t until, struct error *err)
{
	size_t len = strlen(data);

	while (len > 0) {
		int64_t left = until - clock_mono_ms();
		struct pollfd p = { .fd = s->fd, .events = POLLOUT };
		ssize_t n;

		if (!s->up || left <= 0 || poll(&p, 1, (int)left) <= 0)
			return error_set(err, ERROR_UNREACHABLE, "%s: the console takes no input", s->name);
		n = write(s->fd, data, len < TYPE_CHUNK ? len : TYPE_CHUNK);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return error_set(err, ERROR_UNREACHABLE, "%s: the console session was lost", s->name);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int sol_console(struct ipmi_sol *s, const char *action, const char *data, int64_t until, struct error *err)
{
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (!strcmp(action, "open")) {
		s->viewer = true;
		rc = wait_up(s, until, err);
		if (rc)
			s->viewer = false;
	} else if (!strcmp(action, "close")) {
		s->viewer = false;
	} else if (!s->viewer) {
		rc = error_set(err, ERROR_INVALID, "%s: open the console first", s->name);
	} else {
		rc = type_text(s, data, until, err);
	}
	nudge(s);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
