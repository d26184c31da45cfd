/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SSH over libssh.  See ssh.h.
 *
 * libssh is used without blocking on a socket of ours: each of its calls is made again until it no longer says SSH_AGAIN,
 * with a wait of stream.c between, so that all deadlines and interruptions are the same as those of the other streams.
 */
#include "ssh.h"

#include "arena.h"
#include "pin.h"
#include "stream_kind.h"

#include <libssh/libssh.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct remote {
	ssh_session session;
	int fd;
	struct server_key key;
};

struct remote_stream {
	struct stream s;
	struct remote *r;
	ssh_channel channel;
};

static int lost(struct remote *r, struct error *err)
{
	const char *words = ssh_get_error(r->session);

	return error_set(err, ERROR_UNREACHABLE, "the SSH connection failed: %s", *words ? words : "no reason");
}

/* Between two calls that said SSH_AGAIN. */
static int wait_again(struct remote *r, int64_t deadline_ms, struct error *err)
{
	short events = POLLIN;

	if (ssh_get_poll_flags(r->session) & SSH_WRITE_PENDING)
		events |= POLLOUT;
	return stream_wait(r->fd, events, deadline_ms, err);
}

static int shake_hands(struct remote *r, int64_t deadline_ms, struct error *err)
{
	int rc;

	while ((rc = ssh_connect(r->session)) == SSH_AGAIN)
		if (wait_again(r, deadline_ms, err))
			return -1;
	return rc == SSH_OK ? 0 : lost(r, err);
}

static int read_key(struct remote *r, struct error *err)
{
	unsigned char *hash = NULL;
	ssh_key key = NULL;
	size_t len = 0;
	int rc = ssh_get_server_publickey(r->session, &key);

	if (rc == SSH_OK)
		rc = ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len);
	if (rc == SSH_OK && len == FINGERPRINT_BYTES) {
		r->key = (struct server_key){ .kind = "ssh" };
		snprintf(r->key.algorithm, sizeof(r->key.algorithm), "%s", ssh_key_type_to_char(ssh_key_type(key)));
		fingerprint_format(hash, r->key.fingerprint);
	} else {
		rc = error_set(err, ERROR_PROTOCOL, "its host key cannot be read");
	}
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
	return rc;
}

static bool is_private_key(const struct secret *credential)
{
	/* Revealed to see what it is. */
	return !strncmp(secret_reveal(credential), "-----BEGIN ", strlen("-----BEGIN "));
}

static int login_with_key(struct remote *r, const struct secret *credential, int64_t deadline_ms, struct error *err)
{
	ssh_key key = NULL;
	int rc;

	/* Revealed to be parsed; libssh wipes its form of the key when that is freed. */
	if (ssh_pki_import_privkey_base64(secret_reveal(credential), NULL, NULL, NULL, &key) != SSH_OK) {
		error_set(err, ERROR_INVALID, "its secret is no private key that can be read without a passphrase");
		return SSH_AUTH_ERROR;
	}
	while ((rc = ssh_userauth_publickey(r->session, NULL, key)) == SSH_AUTH_AGAIN)
		if (wait_again(r, deadline_ms, err))
			break;
	ssh_key_free(key);
	return rc;
}

static int login_with_password(struct remote *r, const struct secret *credential, int64_t deadline_ms, struct error *err)
{
	int rc;

	/* Revealed to a host whose key is the pinned one. */
	while ((rc = ssh_userauth_password(r->session, NULL, secret_reveal(credential))) == SSH_AUTH_AGAIN)
		if (wait_again(r, deadline_ms, err))
			break;
	return rc;
}

/* Answer every question that is not echoed with the password, and others with nothing. */
static void answer_questions(struct remote *r, const struct secret *credential)
{
	int i, n = ssh_userauth_kbdint_getnprompts(r->session);
	char echo = 0;

	for (i = 0; i < n; i++) {
		ssh_userauth_kbdint_getprompt(r->session, (unsigned)i, &echo);
		/* Revealed to a host whose key is the pinned one. */
		ssh_userauth_kbdint_setanswer(r->session, (unsigned)i, echo ? "" : secret_reveal(credential));
	}
}

static int login_by_questions(struct remote *r, const struct secret *credential, int64_t deadline_ms, struct error *err)
{
	int rc;

	for (;;) {
		rc = ssh_userauth_kbdint(r->session, NULL, NULL);
		if (rc == SSH_AUTH_INFO)
			answer_questions(r, credential);
		else if (rc != SSH_AUTH_AGAIN || wait_again(r, deadline_ms, err))
			return rc;
	}
}

/* What the host lets this user try, as libssh's bits; -1 when it does not say. */
static int ask_methods(struct remote *r, int64_t deadline_ms, struct error *err)
{
	int rc;

	while ((rc = ssh_userauth_none(r->session, NULL)) == SSH_AUTH_AGAIN)
		if (wait_again(r, deadline_ms, err))
			return -1;
	if (rc == SSH_AUTH_ERROR)
		return lost(r, err);
	return ssh_userauth_list(r->session, NULL);
}

static int judge_login(struct remote *r, int rc, struct error *err)
{
	if (rc == SSH_AUTH_SUCCESS)
		return 0;
	if (err->code) /* a deadline, or a key that is none */
		return -1;
	if (rc == SSH_AUTH_ERROR)
		return lost(r, err);
	if (rc == SSH_AUTH_PARTIAL)
		return error_set(err, ERROR_AUTH, "the host wants a second factor, which there is not");
	return error_set(err, ERROR_AUTH, "the host refused the user name or its credential");
}

/* One attempt by one method: a host may lock out who tries more. */
static int login(struct remote *r, const struct secret *credential, int64_t deadline_ms, struct error *err)
{
	int methods = ask_methods(r, deadline_ms, err), rc;

	if (methods < 0)
		return -1;
	if (!credential)
		return error_set(err, ERROR_AUTH, "there is no password or key for this host: name one with `secret`");
	if (is_private_key(credential))
		rc = login_with_key(r, credential, deadline_ms, err);
	else if (methods & SSH_AUTH_METHOD_PASSWORD)
		rc = login_with_password(r, credential, deadline_ms, err);
	else if (methods & SSH_AUTH_METHOD_INTERACTIVE)
		rc = login_by_questions(r, credential, deadline_ms, err);
	else
		return error_set(err, ERROR_AUTH, "the host takes no password: store a private key as the secret");
	return judge_login(r, rc, err);
}

static void set_options(struct remote *r, const struct remote_address *at, const char *algorithms)
{
	bool no = false;

	ssh_options_set(r->session, SSH_OPTIONS_PROCESS_CONFIG, &no);
	ssh_options_set(r->session, SSH_OPTIONS_HOST, at->where);
	ssh_options_set(r->session, SSH_OPTIONS_USER, at->user);
	ssh_options_set(r->session, SSH_OPTIONS_FD, &r->fd);
	if (algorithms)
		ssh_options_set(r->session, SSH_OPTIONS_HOSTKEYS, algorithms);
	ssh_set_blocking(r->session, 0);
}

void remote_close(struct remote *r)
{
	if (!r)
		return;
	if (r->session) {
		ssh_disconnect(r->session);
		ssh_free(r->session);
	}
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

/* Connect, and see whether the host has the pinned key among those of @algorithms (NULL: libssh's choice). */
static struct remote *meet(const struct remote_address *at, const char *pin, const char *algorithms, int64_t deadline_ms,
			   struct error *err)
{
	struct remote *r = xcalloc(1, sizeof(*r));

	r->fd = stream_connect_tcp(at->where, "ssh://USER@ADDRESS[:PORT]/PATH", deadline_ms, err);
	r->session = r->fd < 0 ? NULL : ssh_new();
	if (r->session) {
		set_options(r, at, algorithms);
		if (!shake_hands(r, deadline_ms, err) && !read_key(r, err) && !pin_check(pin, &r->key, err))
			return r;
	}
	remote_close(r);
	return NULL;
}

/* A host has a key of each kind, and shows the one that the client likes best.  When that is not the pinned one, it is asked
 * for each of the others: the pin may be of that.  What counts for people is the first. */
static struct remote *meet_any(const struct remote_address *at, const char *pin, int64_t deadline_ms, struct error *err)
{
	static const char *const kinds[] = { "ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
					     "rsa-sha2-512,rsa-sha2-256" };
	struct remote *r = meet(at, pin, NULL, deadline_ms, err);
	size_t i;

	for (i = 0; !r && pin && err->code == ERROR_UNTRUSTED && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct error other = { 0 };

		r = meet(at, pin, kinds[i], deadline_ms, &other);
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
	return ssh_is_connected(r->session);
}

static ssize_t remote_send(struct stream *s, const void *bytes, size_t len, int64_t deadline_ms, struct error *err)
{
	struct remote_stream *x = (struct remote_stream *)s;
	int n;

	while ((n = ssh_channel_write(x->channel, bytes, (uint32_t)len)) == 0 || n == SSH_AGAIN)
		if (wait_again(x->r, deadline_ms, err))
			return -1;
	return n > 0 ? n : lost(x->r, err);
}

static ssize_t remote_recv(struct stream *s, void *bytes, size_t size, int64_t deadline_ms, struct error *err)
{
	struct remote_stream *x = (struct remote_stream *)s;
	int n;

	while ((n = ssh_channel_read_nonblocking(x->channel, bytes, (uint32_t)size, 0)) == 0 || n == SSH_AGAIN) {
		if (ssh_channel_is_eof(x->channel))
			return 0;
		if (!ssh_is_connected(x->r->session))
			return lost(x->r, err);
		if (wait_again(x->r, deadline_ms, err))
			return -1;
	}
	if (n == SSH_EOF)
		return 0;
	return n > 0 ? n : lost(x->r, err);
}

static const struct server_key *remote_stream_key(const struct stream *s)
{
	return &((const struct remote_stream *)s)->r->key;
}

static void remote_stream_close(struct stream *s)
{
	struct remote_stream *x = (struct remote_stream *)s;

	ssh_channel_free(x->channel); /* says goodbye, and does not wait for the answer */
	free(x);
}

static const struct stream_ops remote_ops = {
	.send = remote_send, .recv = remote_recv, .key = remote_stream_key, .close = remote_stream_close,
};

static struct remote_stream *stream_create(struct remote *r, struct error *err)
{
	struct remote_stream *x = xcalloc(1, sizeof(*x));

	x->s = (struct stream){ .ops = &remote_ops, .fd = r->fd };
	x->r = r;
	x->channel = ssh_channel_new(r->session);
	if (x->channel)
		return x;
	free(x);
	lost(r, err);
	return NULL;
}

static int open_session_channel(struct remote_stream *x, const char *command)
{
	int rc = ssh_channel_is_open(x->channel) ? SSH_OK : ssh_channel_open_session(x->channel);

	return rc == SSH_OK ? ssh_channel_request_exec(x->channel, command) : rc;
}

static int open_socket_channel(struct remote_stream *x, const char *path)
{
	return ssh_channel_open_forward_unix(x->channel, path, "localhost", 0);
}

/* Call @attempt until it is through. */
static struct stream *opened(struct remote *r, int (*attempt)(struct remote_stream *x, const char *what), const char *what,
			     int64_t deadline_ms, struct error *err)
{
	struct remote_stream *x = stream_create(r, err);
	int rc;

	if (!x)
		return NULL;
	while ((rc = attempt(x, what)) == SSH_AGAIN)
		if (wait_again(r, deadline_ms, err))
			break;
	if (rc == SSH_OK)
		return &x->s;
	if (rc != SSH_AGAIN)
		error_set(err, ERROR_UNREACHABLE, "the host does not open %s: %s", what, ssh_get_error(r->session));
	remote_stream_close(&x->s);
	return NULL;
}

struct stream *remote_exec(struct remote *r, const char *command, int64_t deadline_ms, struct error *err)
{
	return opened(r, open_session_channel, command, deadline_ms, err);
}

struct stream *remote_socket(struct remote *r, const char *path, int64_t deadline_ms, struct error *err)
{
	return opened(r, open_socket_channel, path, deadline_ms, err);
}
