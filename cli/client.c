/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The controller's API over libcurl.  See client.h.
 */
#include "client.h"

#include "arena.h"
#include "cleanup.h"
#include "context.h"
#include "frame.h"
#include "json.h"
#include "secret.h"
#include "text.h"

#include <curl/curl.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_TIMEOUT_S = 200, SENDS_MAX = 3, KEY_CHARS = 24 };

struct client {
	const struct endpoint *e;
	CURL *curl;
	bool answered;
	char etag[80];	  /* of the last answer */
	char *expected;	  /* of the object of the next request; NULL: whatever it is */
};

struct stream {
	struct client *client;
	CURLM *multi;
	CURL *curl;
	struct curl_slist *headers;
	stream_fn fn;
	void *arg;
	struct text problem; /* the body, when the status is not 200 */
	bool has_news;	     /* bytes came in this stream_wait() */
};

struct client *client_create(const struct endpoint *e)
{
	struct client *client = xcalloc(1, sizeof(*client));

	client->e = e;
	curl_global_init(e->url ? CURL_GLOBAL_SSL : CURL_GLOBAL_NOTHING);
	client->curl = curl_easy_init();
	return client;
}

void client_destroy(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_global_cleanup();
	free(client->expected);
	free(client);
}

const char *client_name(const struct client *client)
{
	return client->e->url ? client->e->url : client->e->socket;
}

bool client_is_far(const struct client *client)
{
	return client->e->url != NULL;
}

char *client_path(const char *base, ...)
{
	struct text t = { 0 };
	const char *segment;
	va_list ap;

	text_append(&t, base);
	va_start(ap, base);
	while ((segment = va_arg(ap, const char *))) {
		char *escaped = curl_easy_escape(NULL, segment, 0);

		text_printf(&t, "/%s", escaped ? escaped : "");
		curl_free(escaped);
	}
	va_end(ap);
	return t.data;
}

/* Why the socket could not be connected to, for a human. */
static int no_daemon(const struct client *client, CURLcode rc, struct error *err)
{
	char who[96] = "its group";
	struct group *group;
	struct stat st;

	if (strlen(client->e->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return error_set(err, ERROR_USAGE, "the socket path is too long: %s",
				 client->e->socket);
	if (stat(client->e->socket, &st) && errno != EACCES) {
		error_set(err, ERROR_UNREACHABLE, "recastd is not running: there is no socket %s",
			  client->e->socket);
		return error_hint(err, "start recastd(8), or name another socket with "
				       "--socket PATH or RECAST_SOCKET.");
	}
	if (access(client->e->socket, R_OK | W_OK)) {
		if (!stat(client->e->socket, &st) && (group = getgrgid(st.st_gid)))
			snprintf(who, sizeof(who), "group %s", group->gr_name);
		error_set(err, ERROR_DENIED, "you may not use %s", client->e->socket);
		return error_hint(err, "ask for membership in %s, or use sudo.", who);
	}
	error_set(err, ERROR_UNREACHABLE, "recastd does not answer on %s: %s", client->e->socket,
		  curl_easy_strerror(rc));
	return error_hint(err, "look at the log of recastd(8) and start it again.");
}

/* What TLS said, for a human. */
static int no_server(const struct client *client, CURLcode rc, struct error *err)
{
	const char *url = client->e->url;

	if (rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
		error_set(err, ERROR_UNREACHABLE, "%s has another key than the one that is pinned", url);
		return error_hint(err, "Somebody may stand in between. If its key was changed on purpose, add the context again with the new --pin.");
	}
	if (rc == CURLE_PEER_FAILED_VERIFICATION) {
		error_set(err, ERROR_UNREACHABLE, "the certificate of %s is not trusted: %s", url, curl_easy_strerror(rc));
		return error_hint(err, "Give the CA that signed it: persona context add … --ca FILE. Is the host's name in it?");
	}
	if (rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_CERTPROBLEM)
		return error_set(err, ERROR_USAGE, "a certificate file of this context cannot be used: %s", curl_easy_strerror(rc));
	error_set(err, ERROR_UNREACHABLE, "no controller answers at %s: %s", url, curl_easy_strerror(rc));
	return error_hint(err, "Is `listen` set in recast.conf(5) there, and the port open?");
}

static bool is_connecting(CURLcode rc)
{
	return rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_SSL_CONNECT_ERROR ||
	       rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH || rc == CURLE_SSL_CACERT_BADFILE ||
	       rc == CURLE_SSL_CERTPROBLEM;
}

static int transport_error(const struct client *client, CURLcode rc, struct error *err)
{
	if (client->e->url && is_connecting(rc))
		return no_server(client, rc, err);
	if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST)
		return no_daemon(client, rc, err);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return error_set(err, ERROR_UNREACHABLE, "recastd did not answer within %d s",
				 ANSWER_TIMEOUT_S);
	error_set(err, ERROR_UNREACHABLE, "the connection to recastd broke: %s",
		  curl_easy_strerror(rc));
	return error_hint(err, "look at the log of recastd(8); what it had accepted goes on, see "
			       "`persona runs`.");
}

/* A problem body to an error; anything else to one that names the status. */
static int problem_error(long status, const json_t *problem, struct error *err)
{
	const char *code = json_str(problem, "code", NULL);

	if (!code) {
		error_set(err, ERROR_PROTOCOL,
			  "recastd answered with status %ld and no explanation", status);
		return error_hint(err, "is the socket really recastd's? `persona version` shows "
				       "what answers.");
	}
	error_set(err, error_by_name(code), "%s",
		  json_str(problem, "detail", json_str(problem, "title", code)));
	return error_hint(err, "%s", json_str(problem, "hint", ""));
}

static void tls_options(const struct endpoint *e, CURL *curl)
{
	if (e->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, e->ca);
	if (e->pin)
		curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, e->pin);
	if (e->pin && !e->ca) { /* the key itself is known: who signed it does not matter */
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (e->cert) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, e->cert);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, e->key);
	}
	if (e->token) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, secret_reveal(e->token));
	}
}

static void common_options(const struct client *client, CURL *curl, const char *path)
{
	const struct endpoint *e = client->e;
	_cleanup_(freep) char *url = xasprintf("%s%s", e->url ? e->url : "http://recast", path);

	curl_easy_reset(curl);
	if (e->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, e->socket);
	else
		tls_options(e, curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, e->url ? "https" : "http");
}

static size_t collect(char *bytes, size_t size, size_t n, void *arg)
{
	struct text *t = arg;

	if (t->len + size * n > FRAME_MAX)
		return 0;
	text_append_len(t, bytes, size * n);
	return size * n;
}

static struct curl_slist *add_expectation(struct client *client, struct curl_slist *list)
{
	bool is_new = client->expected && !strcmp(client->expected, "*");
	_cleanup_(freep) char *line = NULL;

	if (!client->expected)
		return list;
	line = xasprintf("%s: %s", is_new ? "If-None-Match" : "If-Match", client->expected);
	free(client->expected);
	client->expected = NULL;
	return curl_slist_append(list, line);
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct client *client = arg;
	size_t len = size * n;

	if (len > 5 && !strncasecmp(bytes, "etag:", 5)) {
		snprintf(client->etag, sizeof(client->etag), "%.*s", (int)(len - 5), bytes + 5);
		client->etag[strcspn(client->etag, "\r\n")] = '\0';
		memmove(client->etag, client->etag + strspn(client->etag, " "), strlen(client->etag + strspn(client->etag, " ")) + 1);
	}
	return len;
}

static struct curl_slist *headers_for(bool has_body, bool once)
{
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json, "
							  "application/problem+json");
	struct secret *key;
	char line[64];

	list = curl_slist_append(list, "Expect:");
	if (has_body)
		list = curl_slist_append(list, "Content-Type: application/json");
	if (once) {
		key = secret_random(KEY_CHARS); /* not a secret; a random word */
		snprintf(line, sizeof(line), "Idempotency-Key: %s", secret_reveal(key));
		list = curl_slist_append(list, line);
		secret_destroy(key);
	}
	return list;
}

static bool may_send_again(CURLcode rc, bool once, const char *method)
{
	if (rc != CURLE_GOT_NOTHING && rc != CURLE_RECV_ERROR && rc != CURLE_SEND_ERROR &&
	    rc != CURLE_PARTIAL_FILE)
		return false;
	return once || !strcmp(method, "GET");
}

static CURLcode perform(struct client *client, const char *method, bool once, struct text *answer)
{
	struct timespec pause = { 0, 300 * 1000000 };
	CURLcode rc;
	int i;

	for (i = 1;; i++) {
		answer->len = 0;
		rc = curl_easy_perform(client->curl);
		if (rc == CURLE_OK || i == SENDS_MAX || !may_send_again(rc, once, method))
			return rc;
		nanosleep(&pause, NULL);
	}
}

static int read_answer(const struct text *t, long status, json_t **out, struct error *err)
{
	json_t *body = NULL;
	int rc = 0;

	if (t->len)
		body = json_decode(t->data, t->len, err);
	if (status >= 400)
		rc = problem_error(status, body, err);
	else if (t->len && !body) {
		err->code = ERROR_PROTOCOL;
		rc = error_wrap(err, "recastd answered something that is not JSON");
	}
	if (out)
		*out = body;
	else
		json_decref(body);
	return rc;
}

int client_call(struct client *client, const char *method, const char *path, const json_t *body,
		bool once, json_t **out, long *status, struct error *err)
{
	char *bytes = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct curl_slist *headers = headers_for(bytes, once);
	struct error unused = { 0 };
	struct text answer = { 0 };
	long http = 0;
	CURLcode code;
	int rc;

	if (out)
		*out = NULL;
	headers = add_expectation(client, headers);
	client->etag[0] = '\0';
	common_options(client, client->curl, path);
	curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, client);
	curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, (long)ANSWER_TIMEOUT_S);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &answer);
	if (bytes) {
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, bytes);
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)strlen(bytes));
	}
	code = perform(client, method, once, &answer);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http);
	client->answered |= code == CURLE_OK;
	if (status)
		*status = http;
	rc = code == CURLE_OK ? read_answer(&answer, http, out, err ? err : &unused)
			      : transport_error(client, code, err);
	if (bytes)
		secret_wipe(bytes, strlen(bytes)); /* `secret set` sends one */
	free(bytes);
	text_fini(&answer);
	curl_slist_free_all(headers);
	return rc;
}

bool client_answered(const struct client *client)
{
	return client->answered;
}

json_t *client_get(struct client *client, const char *path, struct error *err)
{
	json_t *out = NULL;

	if (!client_call(client, "GET", path, NULL, false, &out, NULL, err) && out)
		return out;
	json_decref(out);
	if (err && !err->text[0])
		error_set(err, ERROR_PROTOCOL, "recastd sent an empty answer for %s", path);
	return NULL;
}

static json_t *not_a_list(const char *path, struct error *err)
{
	error_set(err, ERROR_PROTOCOL, "the answer for %s holds no list", path);
	return NULL;
}

json_t *client_list(struct client *client, const char *path, size_t max, struct error *err)
{
	json_t *all = json_array(), *item;
	char *next = NULL;
	size_t i;

	do {
		_cleanup_(freep) char *cursor = next ? curl_easy_escape(NULL, next, 0) : NULL;
		_cleanup_(freep) char *page = xasprintf("%s%s%s%s", path, cursor ? strchr(path, '?') ? "&" : "?" : "",
							cursor ? "cursor=" : "", cursor ? cursor : "");
		json_auto_t *answer = client_get(client, page, err);
		const json_t *items = json_object_get(answer, "items");

		free(next);
		next = NULL;
		if (!json_is_array(items)) {
			json_decref(all);
			return answer ? not_a_list(path, err) : NULL;
		}
		json_array_foreach(items, i, item)
			if (json_array_size(all) < max)
				json_array_append(all, item);
		if (json_array_size(all) < max && json_str(answer, "next", NULL))
			next = xstrdup(json_str(answer, "next", ""));
	} while (next);
	return all;
}

const char *client_etag(const struct client *client)
{
	return client->etag;
}

void client_expect(struct client *client, const char *etag)
{
	free(client->expected);
	client->expected = xstrdup(etag);
}

static size_t on_stream(char *bytes, size_t size, size_t n, void *arg)
{
	struct stream *s = arg;
	long status = 0;

	s->has_news = true;
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		s->fn(s->arg, bytes, size * n);
	else
		return collect(bytes, size, n, &s->problem);
	return size * n;
}

struct stream *stream_open(struct client *client, const char *path, int64_t last_event_id,
			   stream_fn fn, void *arg)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	char line[64];

	s->client = client;
	s->fn = fn;
	s->arg = arg;
	s->curl = curl_easy_init();
	s->multi = curl_multi_init();
	common_options(client, s->curl, path);
	if (last_event_id > 0) {
		snprintf(line, sizeof(line), "Last-Event-ID: %lld", (long long)last_event_id);
		s->headers = curl_slist_append(NULL, line);
		curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
	}
	curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
	curl_multi_add_handle(s->multi, s->curl);
	return s;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	curl_multi_remove_handle(s->multi, s->curl);
	curl_easy_cleanup(s->curl);
	curl_multi_cleanup(s->multi);
	curl_slist_free_all(s->headers);
	text_fini(&s->problem);
	free(s);
}

static int stream_end(struct stream *s, CURLcode rc, struct error *err)
{
	json_t *problem;
	long status = 0;

	if (rc != CURLE_OK)
		return transport_error(s->client, rc, err);
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return 0;
	problem = s->problem.len ? json_decode(s->problem.data, s->problem.len, NULL) : NULL;
	problem_error(status, problem, err);
	json_decref(problem);
	return -1;
}

int stream_wait(struct stream *s, int timeout_ms, int fd, bool *readable, struct error *err)
{
	struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
	int running, left;
	CURLMsg *msg;

	s->has_news = false;
	curl_multi_perform(s->multi, &running);
	if (running && !s->has_news) {
		curl_multi_poll(s->multi, fd >= 0 ? &extra : NULL, fd >= 0 ? 1 : 0, timeout_ms,
				NULL);
		curl_multi_perform(s->multi, &running);
	}
	if (readable)
		*readable = extra.revents != 0;
	msg = curl_multi_info_read(s->multi, &left);
	return msg && msg->msg == CURLMSG_DONE ? stream_end(s, msg->data.result, err) : 1;
}
