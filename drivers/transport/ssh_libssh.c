/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SSH by libssh.  See ssh_wire.h.
 */
#include "ssh_wire.h"

#include "arena.h"

#include <libssh/libssh.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wire {
	ssh_session session;
	int fd;
	ssh_key key; /* of the login that is under way */
};

struct wire_channel {
	struct wire *w;
	ssh_channel channel;
	enum wire_channel_kind kind;
	const char *what;
	bool has_terminal;
};

const char *wire_library(void)
{
	static char name[32];

	snprintf(name, sizeof(name), "libssh %s", ssh_version(0));
	name[strcspn(name, "/")] = '\0';
	return name;
}

static const char *const algorithms[WIRE_KEY_KINDS] = {
	[WIRE_ED25519] = "ssh-ed25519",
	[WIRE_ECDSA] = "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
	[WIRE_RSA] = "rsa-sha2-512,rsa-sha2-256",
};

struct wire *wire_create(int fd, const struct remote_address *at, enum wire_key_kind kind)
{
	ssh_session session = ssh_new();
	struct wire *w;
	bool no = false;

	if (!session)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->session = session;
	w->fd = fd;
	ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
	ssh_options_set(session, SSH_OPTIONS_HOST, at->where);
	ssh_options_set(session, SSH_OPTIONS_USER, at->user);
	ssh_options_set(session, SSH_OPTIONS_FD, &w->fd);
	if (algorithms[kind])
		ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, algorithms[kind]);
	ssh_set_blocking(session, 0);
	return w;
}

void wire_destroy(struct wire *w)
{
	if (!w)
		return;
	ssh_key_free(w->key);
	ssh_disconnect(w->session);
	ssh_free(w->session);
	free(w);
}

short wire_events(struct wire *w)
{
	return POLLIN | (ssh_get_poll_flags(w->session) & SSH_WRITE_PENDING ? POLLOUT : 0);
}

const char *wire_words(struct wire *w)
{
	return ssh_get_error(w->session);
}

bool wire_is_alive(struct wire *w)
{
	return ssh_is_connected(w->session);
}

static enum wire_answer answer_of(int rc)
{
	return rc == SSH_OK ? WIRE_OK : rc == SSH_AGAIN ? WIRE_AGAIN : WIRE_LOST;
}

enum wire_answer wire_shake_hands(struct wire *w)
{
	return answer_of(ssh_connect(w->session));
}

int wire_read_key(struct wire *w, char *algorithm, size_t size, unsigned char hash[FINGERPRINT_BYTES])
{
	unsigned char *bytes = NULL;
	ssh_key key = NULL;
	size_t len = 0;
	int rc = ssh_get_server_publickey(w->session, &key);

	if (rc == SSH_OK)
		rc = ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &bytes, &len);
	if (rc == SSH_OK && len == FINGERPRINT_BYTES) {
		snprintf(algorithm, size, "%s", ssh_key_type_to_char(ssh_key_type(key)));
		memcpy(hash, bytes, FINGERPRINT_BYTES);
	} else {
		rc = -1;
	}
	ssh_clean_pubkey_hash(&bytes);
	ssh_key_free(key);
	return rc;
}

enum wire_answer wire_ask_methods(struct wire *w, unsigned *methods)
{
	int rc = ssh_userauth_none(w->session, NULL), there;

	if (rc == SSH_AUTH_AGAIN || rc == SSH_AUTH_ERROR)
		return rc == SSH_AUTH_AGAIN ? WIRE_AGAIN : WIRE_LOST;
	there = ssh_userauth_list(w->session, NULL);
	*methods = (there & SSH_AUTH_METHOD_PASSWORD ? WIRE_PASSWORD : 0u) |
		   (there & SSH_AUTH_METHOD_INTERACTIVE ? WIRE_QUESTIONS : 0u);
	return WIRE_OK;
}

static enum wire_answer login_answer(int rc)
{
	switch (rc) {
	case SSH_AUTH_SUCCESS:
		return WIRE_OK;
	case SSH_AUTH_AGAIN:
		return WIRE_AGAIN;
	case SSH_AUTH_PARTIAL:
		return WIRE_PARTIAL;
	case SSH_AUTH_ERROR:
		return WIRE_LOST;
	default:
		return WIRE_REFUSED;
	}
}

enum wire_answer wire_login_key(struct wire *w, const struct secret *key)
{
	/* Revealed to be parsed; libssh wipes its form of the key when that is freed. */
	if (!w->key && ssh_pki_import_privkey_base64(secret_reveal(key), NULL, NULL, NULL, &w->key) != SSH_OK)
		return WIRE_UNUSABLE;
	return login_answer(ssh_userauth_publickey(w->session, NULL, w->key));
}

enum wire_answer wire_login_password(struct wire *w, const struct secret *password)
{
	/* Revealed to a host whose key is the pinned one. */
	return login_answer(ssh_userauth_password(w->session, NULL, secret_reveal(password)));
}

static void answer_questions(struct wire *w, const struct secret *password)
{
	int i, n = ssh_userauth_kbdint_getnprompts(w->session);
	char echo = 0;

	for (i = 0; i < n; i++) {
		ssh_userauth_kbdint_getprompt(w->session, (unsigned)i, &echo);
		/* Revealed to a host whose key is the pinned one. */
		ssh_userauth_kbdint_setanswer(w->session, (unsigned)i, echo ? "" : secret_reveal(password));
	}
}

enum wire_answer wire_login_questions(struct wire *w, const struct secret *password)
{
	int rc;

	while ((rc = ssh_userauth_kbdint(w->session, NULL, NULL)) == SSH_AUTH_INFO)
		answer_questions(w, password);
	return login_answer(rc);
}

const char *wire_key_trouble(const struct secret *key)
{
	(void)key;
	return NULL;
}

struct wire_channel *wire_channel_create(struct wire *w, enum wire_channel_kind kind, const char *what)
{
	struct wire_channel *c = xcalloc(1, sizeof(*c));

	*c = (struct wire_channel){ .w = w, .kind = kind, .what = what, .channel = ssh_channel_new(w->session) };
	return c;
}

static int open_shell(struct wire_channel *c)
{
	int rc = c->has_terminal ? SSH_OK : ssh_channel_request_pty_size(c->channel, "vt100", WIRE_COLUMNS, WIRE_ROWS);

	if (rc != SSH_OK)
		return rc;
	c->has_terminal = true;
	return ssh_channel_request_shell(c->channel);
}

enum wire_answer wire_channel_open(struct wire_channel *c)
{
	int rc = SSH_OK;

	if (!c->channel)
		return WIRE_LOST;
	if (c->kind == WIRE_SOCKET)
		return answer_of(ssh_channel_open_forward_unix(c->channel, c->what, "localhost", 0));
	if (!ssh_channel_is_open(c->channel))
		rc = ssh_channel_open_session(c->channel);
	if (rc == SSH_OK)
		rc = c->kind == WIRE_SHELL ? open_shell(c) : ssh_channel_request_exec(c->channel, c->what);
	return answer_of(rc);
}

void wire_channel_close(struct wire_channel *c)
{
	if (c->channel)
		ssh_channel_free(c->channel); /* says goodbye, and does not wait for the answer */
	free(c);
}

ssize_t wire_read(struct wire_channel *c, void *bytes, size_t size, enum wire_answer *answer)
{
	int n = ssh_channel_read_nonblocking(c->channel, bytes, (uint32_t)size, 0);

	if (n > 0)
		return n;
	if (n == SSH_EOF || (n == 0 && ssh_channel_is_eof(c->channel)))
		return 0;
	*answer = (n == 0 || n == SSH_AGAIN) && ssh_is_connected(c->w->session) ? WIRE_AGAIN : WIRE_LOST;
	return -1;
}

ssize_t wire_write(struct wire_channel *c, const void *bytes, size_t len, enum wire_answer *answer)
{
	int n = ssh_channel_write(c->channel, bytes, (uint32_t)len);

	if (n > 0)
		return n;
	*answer = n == 0 || n == SSH_AGAIN ? WIRE_AGAIN : WIRE_LOST;
	return -1;
}
