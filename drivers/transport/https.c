/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTPS over libcurl.  See https.h.
 *
 * libcurl's own judgement of certificates is replaced by ours, which is asked while hands are shaken: when it says no there
 * is no connection, and libcurl has nothing to send a request on.
 */
#include "https.h"

#include "arena.h"
#include "clock.h"
#include "pin.h"
#include "tls_key.h"

#include <curl/curl.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADER_MAX = 4096, ADDRESS_MAX = 64 };

struct https {
	CURL *curl; /* NULL: no connection */
	const char *address, *pin, *agent;
	struct server_key key;
	struct error judgement; /* of pin_check() in the last handshake */
	char local[ADDRESS_MAX];
};

/* libcurl's memory, without what it held when it is given back. */

static void wiping_free(void *p)
{
	if (p)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *p, size_t size)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *bigger;

	if (p && size <= had && size)
		return p;
	bigger = malloc(size ? size : 1);
	if (bigger && p)
		memcpy(bigger, p, had < size ? had : size);
	if (bigger)
		wiping_free(p);
	return bigger;
}

static void curl_begin(void)
{
	curl_global_init_mem(CURL_GLOBAL_ALL, malloc, wiping_free, wiping_realloc, strdup, calloc);
}

bool https_address_is_valid(const char *address)
{
	CURLU *url = curl_url();
	char *path = NULL, *query = NULL, *user = NULL;
	bool valid = !strncmp(address, "https://", 8) && url && !curl_url_set(url, CURLUPART_URL, address, 0) &&
		     !curl_url_get(url, CURLUPART_PATH, &path, 0) && !strcmp(path, "/") && address[strlen(address) - 1] != '/' &&
		     curl_url_get(url, CURLUPART_QUERY, &query, 0) && curl_url_get(url, CURLUPART_USER, &user, 0);

	curl_free(path);
	curl_free(query);
	curl_free(user);
	curl_url_cleanup(url);
	return valid && !strchr(address, '#') && !strpbrk(address, " \t\r\n");
}

struct https *https_create(const char *address, const char *pin, const char *agent)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct https *h = xcalloc(1, sizeof(*h));

	pthread_once(&once, curl_begin);
	*h = (struct https){ .address = address, .pin = pin, .agent = agent };
	return h;
}

static void disconnect(struct https *h)
{
	curl_easy_cleanup(h->curl);
	h->curl = NULL;
}

void https_destroy(struct https *h)
{
	if (h)
		disconnect(h);
	free(h);
}

const struct server_key *https_key(const struct https *h)
{
	return &h->key;
}

const char *https_local_address(const struct https *h)
{
	return h->local;
}

static int judge(X509_STORE_CTX *x, void *arg)
{
	struct https *h = arg;

	if (!tls_key_read(X509_STORE_CTX_get0_cert(x), &h->key))
		error_set(&h->judgement, ERROR_PROTOCOL, "its certificate holds no key that can be read");
	else
		pin_check(h->pin, &h->key, &h->judgement);
	if (!h->judgement.code)
		return 1;
	X509_STORE_CTX_set_error(x, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static CURLcode on_tls(CURL *curl, void *ctx, void *arg)
{
	(void)curl;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, judge, arg);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	return CURLE_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct https_reply *reply = arg;

	if (reply->body.len + size * n > HTTPS_BODY_MAX)
		return 0;
	text_append_len(&reply->body, bytes, size * n);
	return size * n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	static const char name[] = "Authorization:";
	struct https_reply *reply = arg;
	size_t len = size * n;

	while (len && (bytes[len - 1] == '\r' || bytes[len - 1] == '\n' || bytes[len - 1] == ' '))
		len--;
	if (len > sizeof(name) && len < HEADER_MAX && !strncasecmp(bytes, name, sizeof(name) - 1)) {
		secret_destroy(reply->authorization);
		reply->authorization = secret_create(bytes, len);
	}
	return size * n;
}

static void allow_only_https(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
}

/* What holds for all requests of a connection. */
static int set_up(struct https *h, struct error *err)
{
	h->curl = h->curl ? h->curl : curl_easy_init();
	if (!h->curl)
		return error_set(err, ERROR_INTERNAL, "libcurl has no memory");
	curl_easy_reset(h->curl);
	allow_only_https(h->curl);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(h->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h->curl, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(h->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, h->agent);
	/* judge() stands in for these; see the head of the file. */
	curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(h->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h->curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(h->curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	curl_easy_setopt(h->curl, CURLOPT_SSL_CTX_DATA, h);
	return 0;
}

static int refused_transport(struct https *h, CURLcode rc, struct error *err)
{
	if (h->judgement.code) {
		if (err)
			*err = h->judgement;
		return -1;
	}
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return error_set(err, ERROR_UNREACHABLE, "it did not answer in time");
	case CURLE_WRITE_ERROR:
		return error_set(err, ERROR_PROTOCOL, "its answer is larger than %d MiB", HTTPS_BODY_MAX >> 20);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_SSL_CONNECT_ERROR:
		return error_set(err, ERROR_PROTOCOL, "it does not speak HTTPS: %s", curl_easy_strerror(rc));
	default:
		return error_set(err, ERROR_UNREACHABLE, "%s", curl_easy_strerror(rc));
	}
}

static void set_request(struct https *h, const struct https_request *rq, struct https_reply *reply, int64_t left)
{
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)left);
	curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, rq->method);
	if (rq->body || strcmp(rq->method, "GET") != 0) {
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, rq->body ? rq->body : "");
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(rq->body ? strlen(rq->body) : 0));
	}
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, reply);
	curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, reply);
}

static struct curl_slist *make_headers(const struct https_request *rq)
{
	char *accept = xasprintf("Accept: %s", rq->media), *content = xasprintf("Content-Type: %s", rq->media);
	struct curl_slist *list = curl_slist_append(curl_slist_append(NULL, accept), content);

	free(accept);
	free(content);
	return curl_slist_append(list, "Expect:");
}

static CURLcode perform(struct https *h, const struct https_request *rq)
{
	char *url = xasprintf("%s%s", h->address, rq->path), *local = NULL;
	struct curl_slist *headers = make_headers(rq), secret = { .next = headers };
	CURLcode rc;

	/* A list of our own, so that libcurl makes no copy of the line.  Revealed to be sent. */
	if (rq->authorization)
		secret.data = (char *)(uintptr_t)secret_reveal(rq->authorization);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, rq->authorization ? &secret : headers);
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	rc = curl_easy_perform(h->curl);
	if (!curl_easy_getinfo(h->curl, CURLINFO_LOCAL_IP, &local) && local && *local)
		snprintf(h->local, sizeof(h->local), "%s", local);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	free(url);
	return rc;
}

int https_call(struct https *h, const struct https_request *rq, struct https_reply *reply, int64_t deadline_ms, struct error *err)
{
	int64_t left = deadline_ms - clock_mono_ms();
	CURLcode rc;

	*reply = (struct https_reply){ 0 };
	error_clear(&h->judgement);
	if (left <= 0)
		return error_set(err, ERROR_UNREACHABLE, "no time was left to ask it");
	if (rq->once)
		disconnect(h);
	if (set_up(h, err))
		return -1;
	set_request(h, rq, reply, left);
	rc = perform(h, rq);
	if (!rc) {
		curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &reply->status);
		return 0;
	}
	disconnect(h);
	https_reply_fini(reply);
	return refused_transport(h, rc, err);
}

void https_reply_fini(struct https_reply *reply)
{
	text_fini(&reply->body);
	secret_destroy(reply->authorization);
	*reply = (struct https_reply){ 0 };
}

struct secret *https_basic(const char *user, const struct secret *password)
{
	static const char head[] = "Authorization: Basic ";
	size_t len = strlen(user) + 1 + (password ? secret_len(password) : 0), at = sizeof(head) - 1, size = at + 4 * (len / 3 + 1) + 1;
	unsigned char *plain = xcalloc(1, len + 1), *line = xcalloc(1, size);
	struct secret *header;

	/* Revealed to be encoded; both copies are wiped before they are given back. */
	memcpy(plain, user, strlen(user));
	plain[strlen(user)] = ':';
	if (password)
		memcpy(plain + strlen(user) + 1, secret_reveal(password), secret_len(password));
	memcpy(line, head, at);
	EVP_EncodeBlock(line + at, plain, (int)len);
	header = secret_create(line, strlen((char *)line));
	secret_wipe(plain, len + 1);
	secret_wipe(line, size);
	free(plain);
	free(line);
	return header;
}
