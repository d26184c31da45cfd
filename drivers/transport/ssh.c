/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SSH: whom to trust, how to log in, and streams, whatever the library.  See ssh.h and ssh_wire.h.
 *
 * The library works without blocking on a socket of ours: each of its calls is made again until it no longer says
 * WIRE_AGAIN, with a wait of stream.c between, so that all deadlines and interruptions are the same as those of the
 * other streams.
 */
#include "ssh_wire.h"

#include "arena.h"
#include "pin.h"
#include "stream_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct remote {
	struct wire *wire;
	int fd;
	struct server_key key;
};

struct remote_stream {
	struct stream s;
	struct remote *r;
	struct wire_channel *channel;
};

static int lost(struct remote *r, struct error *err)
{
	const char *words = wire_words(r->wire);

	return error_set(err, ERROR_UNREACHABLE, "the SSH connection failed: %s", *words ? words : "no reason");
}

/* Between two calls that said WIRE_AGAIN. */
static int wait_again(struct remote *r, int64_t deadline_ms, struct error *err)
{
	return stream_wait(r->fd, wire_events(r->wire), deadline_ms, err);
}

static int shake_hands(struct remote *r, int64_t deadline_ms, struct error *err)
{
	enum wire_answer answer;

	while ((answer = wire_shake_hands(r->wire)) == WIRE_AGAIN)
		if (wait_again(r, deadline_ms, err))
			return -1;
	return answer == WIRE_OK ? 0 : lost(r, err);
}

static int read_key(struct remote *r, struct error *err)
{
	unsigned char hash[FINGERPRINT_BYTES];

	r->key = (struct server_key){ .kind = "ssh" };
	if (wire_read_key(r->wire, r->key.algorithm, sizeof(r->key.algorithm), hash))
		return error_set(err, ERROR_PROTOCOL, "its host key cannot be read");
	fingerprint_format(hash, r->key.fingerprint);
	return 0;
}

static bool is_private_key(const struct secret *credential)
{
	/* Revealed to see what it is. */
	return !strncmp(secret_reveal(credential), "-----BEGIN ", strlen("-----BEGIN "));
}

/* Attempt one method until it is through; *err is set when the wait ended first. */
static enum wire_answer attempt(struct remote *r, enum wire_answer (*method)(struct wire *, const struct secret *),
				const struct secret *credential, int64_t deadline_ms, struct error *err)
{
	enum wire_answer answer;

	while ((answer = method(r->wire, credential)) == WIRE_AGAIN)
		if (wait_again(r, deadline_ms, err))
			break;
	return answer;
}

static int ask_methods(struct remote *r, unsigned *methods, int64_t deadline_ms, struct error *err)
{
	enum wire_answer answer;

	while ((answer = wire_ask_methods(r->wire, methods)) == WIRE_AGAIN)
		if (wait_again(r, deadline_ms, err))
			return -1;
	return answer == WIRE_OK ? 0 : lost(r, err);
}

static int refuse_login(const struct secret *credential, struct error *err)
{
	const char *trouble = is_private_key(credential) ? wire_key_trouble(credential) : NULL;

	if (!trouble)
		return error_set(err, ERROR_AUTH, "the host refused the user name or its credential");
	error_set(err, ERROR_AUTH, "the host refused the key: %s", trouble);
	return error_hint(err, "Use an Ed25519 or ECDSA key for this host, or a Recast that is built with another library");
}

static int judge_login(struct remote *r, enum wire_answer answer, const struct secret *credential, struct error *err)
{
	if (answer == WIRE_OK)
		return 0;
	if (err->code) /* a deadline */
		return -1;
	if (answer == WIRE_UNUSABLE)
		return error_set(err, ERROR_INVALID, "its secret is no private key that can be read without a passphrase");
	if (answer == WIRE_LOST)
		return lost(r, err);
	if (answer == WIRE_PARTIAL)
		return error_set(err, ERROR_AUTH, "the host wants a second factor, which there is not");
	return refuse_login(credential, err);
}

/* One attempt by one method: a host may lock out who tries more. */
static int login(struct remote *r, const struct secret *credential, int64_t deadline_ms, struct error *err)
{
	unsigned methods = 0;
	enum wire_answer answer;

	if (ask_methods(r, &methods, deadline_ms, err))
		return -1;
	if (!credential)
		return error_set(err, ERROR_AUTH, "there is no password or key for this host: name one with `secret`");
	if (is_private_key(credential))
		answer = attempt(r, wire_login_key, credential, deadline_ms, err);
	else if (methods & WIRE_PASSWORD)
		answer = attempt(r, wire_login_password, credential, deadline_ms, err);
	else if (methods & WIRE_QUESTIONS)
		answer = attempt(r, wire_login_questions, credential, deadline_ms, err);
	else
		return error_set(err, ERROR_AUTH, "the host takes no password: store a private key as the secret");
	return judge_login(r, answer, credential, err);
}

void remote_close(struct remote *r)
{
	if (!r)
		return;
	wire_destroy(r->wire);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

/* Connect, and see whether the host has the pinned key among those of @kind. */
static struct remote *meet(const struct remote_address *at, const char *pin, enum wire_key_kind kind, int64_t deadline_ms,
			   struct error *err)
{
	struct remote *r = xcalloc(1, sizeof(*r));

	r->fd = stream_connect_tcp(at->where, "ssh://USER@ADDRESS[:PORT]", deadline_ms, err);
	r->wire = r->fd < 0 ? NULL : wire_create(r->fd, at, kind);
	if (r->wire && !shake_hands(r, deadline_ms, err) && !read_key(r, err) && !pin_check(pin, &r->key, err))
		return r;
	if (r->fd >= 0 && !r->wire)
		error_set(err, ERROR_UNREACHABLE, "%s makes no session", wire_library());
	remote_close(r);
	return NULL;
}

/* A host has a key of each kind, and shows the one that the client likes best.  When that is not the pinned one, it is asked
 * for each of the others: the pin may be of that.  What counts for people is the first. */
static struct remote *meet_any(const struct remote_address *at, const char *pin, int64_t deadline_ms, struct error *err)
{
	struct remote *r = meet(at, pin, WIRE_ANY_KEY, deadline_ms, err);
	int kind;

	for (kind = WIRE_ED25519; !r && pin && err->code == ERROR_UNTRUSTED && kind < WIRE_KEY_KINDS; kind++) {
		struct error other = { 0 };

		r = meet(at, pin, (enum wire_key_kind)kind, deadline_ms, &other);
	}
	return r;
}

struct remote *remote_open(const struct remote_address *at, const char *pin, const struct secret *credential,
			   int64_t deadline_ms, struct error *err)
{
	struct error why = { 0 };
	struct remote *r = meet_any(at, pin, deadline_ms, &why);

	if (r) {
		error_clear(&why);
		if (!login(r, credential, deadline_ms, &why))
			return r;
		remote_close(r);
	}
	if (err)
		*err = why;
	return NULL;
}

const struct server_key *remote_key(const struct remote *r)
{
	return &r->key;
}

bool remote_is_alive(const struct remote *r)
{
	return wire_is_alive(r->wire);
}

static ssize_t remote_send(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err)
{
	struct remote_stream *x = (struct remote_stream *)s;
	enum wire_answer answer;
	ssize_t n;

	while ((n = wire_write(x->channel, bytes, len, &answer)) < 0 && answer == WIRE_AGAIN)
		if (wait_again(x->r, deadline_ms, err))
			return -1;
	return n > 0 ? n : lost(x->r, err);
}

static ssize_t remote_recv(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err)
{
	struct remote_stream *x = (struct remote_stream *)s;
	enum wire_answer answer;
	ssize_t n;

	while ((n = wire_read(x->channel, bytes, size, &answer)) < 0 && answer == WIRE_AGAIN)
		if (wait_again(x->r, deadline_ms, err))
			return -1;
	return n >= 0 ? n : lost(x->r, err);
}

static const struct server_key *remote_stream_key(const struct stream *s)
{
	return &((const struct remote_stream *)s)->r->key;
}

static void remote_stream_close(struct stream *s)
{
	struct remote_stream *x = (struct remote_stream *)s;

	wire_channel_close(x->channel);
	free(x);
}

static const struct stream_ops remote_ops = {
	.send = remote_send, .recv = remote_recv, .key = remote_stream_key, .close = remote_stream_close,
};

static struct remote_stream *stream_create(struct remote *r, enum wire_channel_kind kind, const char *what)
{
	struct remote_stream *x = xcalloc(1, sizeof(*x));

	x->s = (struct stream){ .ops = &remote_ops, .fd = r->fd };
	x->r = r;
	x->channel = wire_channel_create(r->wire, kind, what);
	return x;
}

static struct stream *opened(struct remote *r, enum wire_channel_kind kind, const char *what, int64_t deadline_ms,
			     struct error *err)
{
	struct remote_stream *x = stream_create(r, kind, what);
	enum wire_answer answer;

	while ((answer = wire_channel_open(x->channel)) == WIRE_AGAIN)
		if (wait_again(r, deadline_ms, err))
			break;
	if (answer == WIRE_OK)
		return &x->s;
	if (answer != WIRE_AGAIN)
		error_set(err, ERROR_UNREACHABLE, "the host does not open %s: %s", what, wire_words(r->wire));
	remote_stream_close(&x->s);
	return NULL;
}

struct stream *remote_exec(struct remote *r, const char *command, int64_t deadline_ms, struct error *err)
{
	return opened(r, WIRE_EXEC, command, deadline_ms, err);
}

struct stream *remote_socket(struct remote *r, const char *path, int64_t deadline_ms, struct error *err)
{
	return opened(r, WIRE_SOCKET, path, deadline_ms, err);
}

struct stream *remote_shell(struct remote *r, int64_t deadline_ms, struct error *err)
{
	return opened(r, WIRE_SHELL, "a shell", deadline_ms, err);
}

const char *remote_library(void)
{
	return wire_library();
}
