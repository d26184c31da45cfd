/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Open session and RAKP messages 1 and 2.  See ipmi_rakp.h.  Called by ipmi_security.c.  What comes back is hostile until
 * its length and session are checked.
 */
#include "ipmi_rakp.h"

#include "clock.h"

#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OPEN_REQUEST = 0x10,
	OPEN_RESPONSE = 0x11,
	RAKP_1 = 0x12,
	RAKP_2 = 0x13,
	RAKP_3 = 0x14,
};
enum { HEAD = 16, PAYLOAD_MAX = 128, TRIES = 3, WAIT_MS = 400 };
/* The least that a session can be for: a user who may do more may do that. */
enum { USER_BY_NAME = 0x12, NO_RESOURCES = 0x01 };

static const struct algorithms {
	int suite;
	uint8_t authentication, integrity, encryption;
	size_t hash_len;
} suites[] = {
	{ 0, 0, 0, 0, 0 },
	{ 3, 1, 1, 1, 20 },
	{ 17, 3, 4, 1, 32 },
};

static const struct algorithms *algorithms_of(int suite)
{
	size_t i;

	for (i = 0; i < sizeof(suites) / sizeof(suites[0]) && suites[i].suite != suite; i++)
		;
	return &suites[i];
}

static void put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
	at[2] = (uint8_t)(v >> 16);
	at[3] = (uint8_t)(v >> 24);
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

int rakp_connect(const char *address, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *ai = NULL;
	const char *colon = strrchr(address, ':');
	char host[256];
	int fd = -1;

	if (colon && strchr(address, ':') != colon && address[0] != '[')
		colon = NULL; /* IPv6 without a port */
	snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - address) : (int)strlen(address), address);
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	if (!getaddrinfo(host, colon ? colon + 1 : "623", &hints, &ai)) {
		fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
		freeaddrinfo(ai);
	}
	return fd >= 0 ? fd : error_set(err, ERROR_UNREACHABLE, "there is no way to the BMC's address");
}

static uint8_t checksum(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *bytes++);
	return (uint8_t)-sum;
}

/* The data of the answer in @packet, when that is what it is; its length, or 0. */
static size_t answer_data(const uint8_t *packet, size_t n, uint8_t cmd, uint8_t sequence, uint8_t *data, size_t size)
{
	/* RMCP 4, session 10 with the length last, address 3, address 3 with sequence and command, code. */
	const uint8_t *m = packet + 14;
	size_t len = n > 14 ? packet[13] : 0;

	if (len < 8 || len > n - 14 || packet[3] != 0x07 || packet[4] || m[4] >> 2 != sequence || m[5] != cmd || m[6])
		return 0;
	len -= 8;
	if (len > size)
		len = size;
	memcpy(data, m + 7, len);
	return len;
}

/* The next packet from the BMC before @until, or 0.  It may be anything. */
static size_t receive(const struct rakp *r, uint8_t *packet, size_t size, int64_t until)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	int64_t left = until - clock_mono_ms();
	ssize_t n;

	if (left <= 0 || poll(&p, 1, (int)left) <= 0)
		return 0;
	n = recv(r->fd, packet, size, 0);
	return n > 0 ? (size_t)n : 0;
}

static int64_t patience(const struct rakp *r)
{
	int64_t until = clock_mono_ms() + WAIT_MS;

	return until < r->deadline_ms ? until : r->deadline_ms;
}

/* @len is at most 8. */
static size_t command_packet(uint8_t *packet, uint8_t netfn, uint8_t cmd, uint8_t sequence, const uint8_t *data, size_t len)
{
	static const uint8_t head[] = { 0x06, 0x00, 0xff, 0x07 };
	uint8_t *m = packet + 14;

	memset(packet, 0, 14);
	memcpy(packet, head, sizeof(head));
	packet[13] = (uint8_t)(7 + len);
	m[0] = 0x20;
	m[1] = (uint8_t)(netfn << 2);
	m[2] = checksum(m, 2);
	m[3] = 0x81;
	m[4] = (uint8_t)(sequence << 2);
	m[5] = cmd;
	memcpy(m + 6, data, len);
	m[6 + len] = checksum(m + 3, 3 + len);
	return 21 + len;
}

int rakp_ask(struct rakp *r, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len, uint8_t *answer, size_t want)
{
	uint8_t packet[32], in[512], sequence = ++r->tag & 0x3f;
	size_t size = command_packet(packet, netfn, cmd, sequence, data, len), n;
	int i;

	for (i = 0; i < TRIES && clock_mono_ms() < r->deadline_ms; i++) {
		int64_t until = patience(r);

		if (send(r->fd, packet, size, 0) < 0)
			return -1;
		while ((n = receive(r, in, sizeof(in), until)))
			if (answer_data(in, n, cmd, sequence, answer, want) == want)
				return 0;
	}
	return -1;
}

/* A packet of RMCP with a payload outside a session. */
static void send_payload(const struct rakp *r, uint8_t type, const uint8_t *payload, size_t len)
{
	uint8_t packet[HEAD + PAYLOAD_MAX] = { 0x06, 0x00, 0xff, 0x07, 0x06, type };

	packet[14] = (uint8_t)len;
	memcpy(packet + HEAD, payload, len);
	if (send(r->fd, packet, HEAD + len, 0) < 0)
		return; /* as a packet that is lost on the way */
}

/* The payload of a packet that is of this type and ours; its length, or 0. */
static size_t payload_of(const struct rakp *r, uint8_t type, const uint8_t *packet, size_t n, uint8_t *payload)
{
	size_t len;

	if (n < HEAD + 2 || packet[3] != 0x07 || packet[4] != 0x06 || (packet[5] & 0x3f) != type)
		return 0;
	len = packet[14] | (size_t)packet[15] << 8;
	if (len < 2 || len > n - HEAD || len > PAYLOAD_MAX || packet[HEAD] != r->tag)
		return 0;
	memcpy(payload, packet + HEAD, len);
	return len;
}

/* Send until an answer comes; its length, 0 for silence. */
static size_t exchange(struct rakp *r, uint8_t type, const uint8_t *request, size_t len, uint8_t *answer)
{
	uint8_t copy[PAYLOAD_MAX], in[512];
	size_t got = 0, n;
	int i;

	memcpy(copy, request, len);
	copy[0] = ++r->tag;
	for (i = 0; i < TRIES && !got && clock_mono_ms() < r->deadline_ms; i++) {
		int64_t until = patience(r);

		send_payload(r, type, copy, len);
		while (!got && (n = receive(r, in, sizeof(in), until)))
			got = payload_of(r, type + 1, in, n, answer);
	}
	return got;
}

static enum rakp_result open_session(struct rakp *r)
{
	const struct algorithms *a = algorithms_of(r->suite);
	uint8_t q[32] = { 0 }, answer[PAYLOAD_MAX];
	size_t n;

	put32(q + 4, r->console);
	q[8] = 0x00;
	q[11] = q[19] = q[27] = 8;
	q[12] = a->authentication;
	q[16] = 0x01;
	q[20] = a->integrity;
	q[24] = 0x02;
	q[28] = a->encryption;
	n = exchange(r, OPEN_REQUEST, q, sizeof(q), answer);
	if (n >= 2 && answer[1])
		return RAKP_NO;
	/* A BMC that goes along with other algorithms than those asked for has refused ours. */
	if (n < 36 || get32(answer + 4) != r->console)
		return RAKP_SILENT;
	if ((answer[16] & 0x3f) != a->authentication || (answer[24] & 0x3f) != a->integrity || (answer[32] & 0x3f) != a->encryption)
		return RAKP_NO;
	r->managed = get32(answer + 8);
	return RAKP_YES;
}

static enum rakp_result name_user(struct rakp *r)
{
	size_t hash_len = algorithms_of(r->suite)->hash_len, len = strlen(r->user), n;
	uint8_t q[28 + RAKP_USER_MAX] = { 0 }, answer[PAYLOAD_MAX];

	put32(q + 4, r->managed);
	memcpy(q + 8, r->our_random, RAKP_RANDOM);
	q[24] = USER_BY_NAME;
	q[27] = (uint8_t)len;
	memcpy(q + 28, r->user, len);
	n = exchange(r, RAKP_1, q, 28 + len, answer);
	if (n >= 2 && answer[1]) {
		r->managed = 0; /* it has taken the session back */
		return RAKP_NO;
	}
	if (n < 40 + hash_len || get32(answer + 4) != r->console)
		return RAKP_SILENT;
	memcpy(r->their_random, answer + 8, RAKP_RANDOM);
	memcpy(r->guid, answer + 24, sizeof(r->guid));
	memcpy(r->hash, answer + 40, hash_len);
	return RAKP_YES;
}

enum rakp_result rakp_begin(struct rakp *r, const char *user)
{
	enum rakp_result result;

	snprintf(r->user, sizeof(r->user), "%s", user);
	r->managed = 0;
	if (getrandom(r->our_random, sizeof(r->our_random), 0) < 0 || getrandom(&r->console, sizeof(r->console), 0) < 0)
		return RAKP_SILENT;
	r->console |= 1; /* 0 stands for none */
	result = open_session(r);
	if (result == RAKP_YES)
		result = name_user(r);
	return result;
}

bool rakp_password_is(const struct rakp *r, const char *password)
{
	const struct algorithms *a = algorithms_of(r->suite);
	const EVP_MD *md = a->hash_len == 20 ? EVP_sha1() : EVP_sha256();
	size_t user_len = strlen(r->user);
	uint8_t text[4 + 4 + 2 * RAKP_RANDOM + 16 + 2 + RAKP_USER_MAX], hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	put32(text, r->console);
	put32(text + 4, r->managed);
	memcpy(text + 8, r->our_random, RAKP_RANDOM);
	memcpy(text + 24, r->their_random, RAKP_RANDOM);
	memcpy(text + 40, r->guid, 16);
	text[56] = USER_BY_NAME;
	text[57] = (uint8_t)user_len;
	memcpy(text + 58, r->user, user_len);
	return a->hash_len && HMAC(md, password, (int)strlen(password), text, 58 + user_len, hash, &len) &&
	       len == a->hash_len && !memcmp(hash, r->hash, len);
}

/* RAKP message 3 with an error of ours: the BMC forgets the session that it has prepared. */
void rakp_abandon(struct rakp *r)
{
	uint8_t q[8] = { 0 };

	if (!r->managed)
		return;
	q[0] = ++r->tag;
	q[1] = NO_RESOURCES;
	put32(q + 4, r->managed);
	send_payload(r, RAKP_3, q, sizeof(q));
	r->managed = 0;
}
