/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SSH by libssh2.  See ssh_wire.h.
 *
 * libssh2 sends nothing in the background and frees a channel only when the host has closed it too: those whose close is
 * under way stay with the session until the next one is made, or the session ends.  Before 1.11 it signs with RSA keys by SHA-1
 * only, which OpenSSH refuses since 8.8, both of its clients and as its host key.
 */
#include "ssh_wire.h"

#include "arena.h"

#include <libssh2.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RSA_BY_SHA2 = 0x010b00, FAREWELLS = 16, WINDOW = 256 * 1024, PACKET = 32 * 1024 };

struct wire {
	LIBSSH2_SESSION *session;
	int fd;
	char user[64];
	bool lost;
	const struct secret *password; /* of the login that is under way */
	LIBSSH2_CHANNEL *leaving[FAREWELLS];
};

enum stage { STAGE_CHANNEL, STAGE_ERRORS, STAGE_TERMINAL, STAGE_PROGRAM };

struct wire_channel {
	struct wire *w;
	LIBSSH2_CHANNEL *channel;
	enum wire_channel_kind kind;
	enum stage stage;
	const char *what;
};

const char *wire_library(void)
{
	static char name[32];

	snprintf(name, sizeof(name), "libssh2 %s", libssh2_version(0));
	return name;
}

/* libssh2's memory is wiped when it is freed: passwords and keys pass through it. */
static LIBSSH2_ALLOC_FUNC(wire_malloc)
{
	(void)abstract;
	return malloc(count);
}

static LIBSSH2_FREE_FUNC(wire_free)
{
	(void)abstract;
	if (ptr)
		secret_wipe(ptr, malloc_usable_size(ptr));
	free(ptr);
}

static LIBSSH2_REALLOC_FUNC(wire_realloc)
{
	size_t old = ptr ? malloc_usable_size(ptr) : 0;
	void *now = malloc(count);

	if (now && ptr)
		memcpy(now, ptr, old < count ? old : count);
	if (now)
		wire_free(ptr, abstract);
	return now;
}

static const char *const algorithms[WIRE_KEY_KINDS] = {
	[WIRE_ED25519] = "ssh-ed25519",
	[WIRE_ECDSA] = "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
	[WIRE_RSA] = LIBSSH2_VERSION_NUM >= RSA_BY_SHA2 ? "rsa-sha2-512,rsa-sha2-256" : "ssh-rsa",
};

/* Left to itself libssh2 likes RSA second best and SHA-1 among its ways. */
static const char favourites[] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

struct wire *wire_create(int fd, const struct remote_address *at, enum wire_key_kind kind)
{
	const char *wanted = algorithms[kind] ? algorithms[kind] : favourites;
	struct wire *w = xcalloc(1, sizeof(*w));

	w->fd = fd;
	snprintf(w->user, sizeof(w->user), "%s", at->user);
	if (!libssh2_init(0))
		w->session = libssh2_session_init_ex(wire_malloc, wire_free, wire_realloc, w);
	if (!w->session) {
		free(w);
		return NULL;
	}
	libssh2_session_method_pref(w->session, LIBSSH2_METHOD_HOSTKEY, wanted);
	libssh2_session_set_blocking(w->session, 0);
	return w;
}

void wire_destroy(struct wire *w)
{
	int left;

	if (!w)
		return;
	libssh2_session_disconnect(w->session, "done");
	/* Whatever of its freeing would wait for the host does not any more. */
	shutdown(w->fd, SHUT_RDWR);
	for (left = 2 * FAREWELLS; left && libssh2_session_free(w->session) == LIBSSH2_ERROR_EAGAIN; left--)
		;
	free(w);
}

short wire_events(struct wire *w)
{
	return POLLIN | (libssh2_session_block_directions(w->session) & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0);
}

const char *wire_words(struct wire *w)
{
	char *words = NULL;

	libssh2_session_last_error(w->session, &words, NULL, 0);
	return words ? words : "";
}

bool wire_is_alive(struct wire *w)
{
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return !w->lost && n != 0;
}

static enum wire_answer answer_of(struct wire *w, ssize_t rc)
{
	if (rc >= 0)
		return WIRE_OK;
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return WIRE_AGAIN;
	w->lost = rc == LIBSSH2_ERROR_SOCKET_DISCONNECT || rc == LIBSSH2_ERROR_SOCKET_SEND || rc == LIBSSH2_ERROR_SOCKET_RECV ||
		  rc == LIBSSH2_ERROR_SOCKET_NONE;
	return WIRE_LOST;
}

enum wire_answer wire_shake_hands(struct wire *w)
{
	return answer_of(w, libssh2_session_handshake(w->session, w->fd));
}

int wire_read_key(struct wire *w, char *algorithm, size_t size, unsigned char hash[FINGERPRINT_BYTES])
{
	const char *digest = libssh2_hostkey_hash(w->session, LIBSSH2_HOSTKEY_HASH_SHA256);
	size_t len = 0, name;
	int type;
	const unsigned char *blob = (const unsigned char *)libssh2_session_hostkey(w->session, &len, &type);

	/* The blob begins with the name of its kind, behind a length of 32 bits. */
	name = blob && len > 4 ? (size_t)blob[2] << 8 | blob[3] : 0;
	if (!digest || !name || name > len - 4)
		return -1;
	snprintf(algorithm, size, "%.*s", (int)name, (const char *)blob + 4);
	memcpy(hash, digest, FINGERPRINT_BYTES);
	return 0;
}

enum wire_answer wire_ask_methods(struct wire *w, unsigned *methods)
{
	const char *list = libssh2_userauth_list(w->session, w->user, (unsigned)strlen(w->user));

	if (!list && !libssh2_userauth_authenticated(w->session))
		return answer_of(w, libssh2_session_last_errno(w->session));
	*methods = (list && strstr(list, "password") ? WIRE_PASSWORD : 0u) |
		   (list && strstr(list, "keyboard-interactive") ? WIRE_QUESTIONS : 0u);
	return WIRE_OK;
}

static enum wire_answer login_answer(struct wire *w, int rc)
{
	if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED || rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
		return WIRE_REFUSED;
	if (rc == LIBSSH2_ERROR_FILE)
		return WIRE_UNUSABLE;
	return answer_of(w, rc);
}

/* A key that is broken in its midst is an error of the protocol to libssh2, of which only the words tell that nothing was sent. */
static bool is_of_the_key(struct wire *w, int rc)
{
	char *words = NULL;

	libssh2_session_last_error(w->session, &words, NULL, 0);
	return rc < 0 && rc != LIBSSH2_ERROR_EAGAIN && words && strstr(words, "parsing PEM");
}

enum wire_answer wire_login_key(struct wire *w, const struct secret *key)
{
	/* Revealed to be parsed, and to sign. */
	int rc = libssh2_userauth_publickey_frommemory(w->session, w->user, strlen(w->user), NULL, 0, secret_reveal(key),
						       secret_len(key), NULL);

	return is_of_the_key(w, rc) ? WIRE_UNUSABLE : login_answer(w, rc);
}

enum wire_answer wire_login_password(struct wire *w, const struct secret *password)
{
	/* Revealed to a host whose key is the pinned one. */
	return login_answer(w, libssh2_userauth_password_ex(w->session, w->user, (unsigned)strlen(w->user), secret_reveal(password),
							      (unsigned)secret_len(password), NULL));
}

static LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC(answer_questions)
{
	const struct wire *w = *abstract;
	int i;

	(void)name;
	(void)name_len;
	(void)instruction;
	(void)instruction_len;
	for (i = 0; i < num_prompts; i++) {
		size_t len = prompts[i].echo ? 0 : secret_len(w->password);

		responses[i].text = malloc(len + 1); /* libssh2 frees it, and thereby wipes it */
		if (!responses[i].text)
			continue;
		/* Revealed to a host whose key is the pinned one. */
		memcpy(responses[i].text, secret_reveal(w->password), len);
		responses[i].text[len] = '\0';
		responses[i].length = (unsigned)len;
	}
}

enum wire_answer wire_login_questions(struct wire *w, const struct secret *password)
{
	w->password = password;
	return login_answer(w, libssh2_userauth_keyboard_interactive_ex(w->session, w->user, (unsigned)strlen(w->user),
									  answer_questions));
}

/* Both formats of a private key name its algorithm near their beginning: OpenSSH's in words, PKCS#8 as an object.  What is
 * decoded is cut between four letters: three would be half a byte too much, which is an error for most keys. */
static bool is_rsa(const char *pem)
{
	static const unsigned char object[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01 };
	const char *body = strchr(pem, '\n');
	unsigned char head[90];
	char letters[120];
	size_t n = 0, len = 0;
	bool rsa;

	if (!strncmp(pem, "-----BEGIN RSA ", 15))
		return true;
	for (; body && *body && n < sizeof(letters); body++)
		if (*body != '\r' && *body != '\n')
			letters[n++] = *body;
	if (n < sizeof(letters) ||
	    sodium_base642bin(head, sizeof(head), letters, n, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) < 0)
		len = 0;
	rsa = memmem(head, len, "ssh-rsa", 7) || memmem(head, len, object, sizeof(object));
	sodium_memzero(head, sizeof(head));
	sodium_memzero(letters, sizeof(letters));
	return rsa;
}

const char *wire_key_trouble(const struct secret *key)
{
	/* Revealed to see what kind it is. */
	if (LIBSSH2_VERSION_NUM >= RSA_BY_SHA2 || !is_rsa(secret_reveal(key)))
		return NULL;
	return "it is an RSA key, and libssh2 before 1.11 signs with those by SHA-1 only, which hosts refuse nowadays";
}

/* Go on with the channels whose close is under way. */
static LIBSSH2_CHANNEL **say_farewells(struct wire *w)
{
	LIBSSH2_CHANNEL **room = NULL;
	int i;

	for (i = 0; i < FAREWELLS; i++) {
		if (w->leaving[i] && libssh2_channel_free(w->leaving[i]) != LIBSSH2_ERROR_EAGAIN)
			w->leaving[i] = NULL;
		if (!w->leaving[i])
			room = &w->leaving[i];
	}
	return room;
}

struct wire_channel *wire_channel_create(struct wire *w, enum wire_channel_kind kind, const char *what)
{
	struct wire_channel *c = xcalloc(1, sizeof(*c));

	say_farewells(w);
	*c = (struct wire_channel){ .w = w, .kind = kind, .what = what };
	return c;
}

static size_t put_string(char *at, const char *s)
{
	size_t len = strlen(s);

	at[0] = at[1] = 0;
	at[2] = (char)(len >> 8);
	at[3] = (char)len;
	memcpy(at + 4, s, len);
	return len + 4;
}

/* OpenSSH's own request: the path, and two members that are reserved. */
static LIBSSH2_CHANNEL *new_socket_channel(struct wire_channel *c)
{
	static const char type[] = "direct-streamlocal@openssh.com";
	char message[256] = { 0 };
	size_t len = put_string(message, c->what);

	return libssh2_channel_open_ex(c->w->session, type, sizeof(type) - 1, WINDOW, PACKET, message, (unsigned)len + 8);
}

static int begin_channel(struct wire_channel *c)
{
	if (c->kind == WIRE_SOCKET)
		c->channel = new_socket_channel(c);
	else
		c->channel = libssh2_channel_open_ex(c->w->session, "session", 7, WINDOW, PACKET, NULL, 0);
	return c->channel ? 0 : libssh2_session_last_errno(c->w->session);
}

static int take_stage(struct wire_channel *c)
{
	if (c->stage == STAGE_CHANNEL)
		return begin_channel(c);
	/* What nobody reads of the other output would count as data that has not been read, and hide the end. */
	if (c->stage == STAGE_ERRORS)
		return libssh2_channel_handle_extended_data2(c->channel, LIBSSH2_CHANNEL_EXTENDED_DATA_IGNORE);
	if (c->stage == STAGE_TERMINAL)
		return c->kind != WIRE_SHELL ? 0 : libssh2_channel_request_pty_ex(c->channel, "vt100", 5, NULL, 0, WIRE_COLUMNS,
										    WIRE_ROWS, 0, 0);
	if (c->kind == WIRE_SHELL)
		return libssh2_channel_process_startup(c->channel, "shell", 5, NULL, 0);
	return libssh2_channel_process_startup(c->channel, "exec", 4, c->what, (unsigned)strlen(c->what));
}

enum wire_answer wire_channel_open(struct wire_channel *c)
{
	enum stage last = c->kind == WIRE_SOCKET ? STAGE_CHANNEL : STAGE_PROGRAM;

	for (;; c->stage++) {
		int rc = take_stage(c);

		if (rc || c->stage == last)
			return answer_of(c->w, rc);
	}
}

void wire_channel_close(struct wire_channel *c)
{
	LIBSSH2_CHANNEL **room = say_farewells(c->w);

	/* Without room for it the session has it until it ends. */
	if (c->channel && libssh2_channel_free(c->channel) == LIBSSH2_ERROR_EAGAIN && room)
		*room = c->channel;
	free(c);
}

ssize_t wire_read(struct wire_channel *c, void *bytes, size_t size, enum wire_answer *answer)
{
	ssize_t n = libssh2_channel_read_ex(c->channel, 0, bytes, size);

	if (n >= 0)
		return n;
	*answer = answer_of(c->w, n);
	return -1;
}

ssize_t wire_write(struct wire_channel *c, const void *bytes, size_t len, enum wire_answer *answer)
{
	ssize_t n = libssh2_channel_write_ex(c->channel, 0, bytes, len);

	if (n > 0)
		return n;
	*answer = n == 0 ? WIRE_AGAIN : answer_of(c->w, n);
	return -1;
}
