/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certificate, key and CA of TLS on their way to recast-front, which can open no file.  They are copied by the kernel into
 * sealed memory files, so no byte of the key comes into this process, and handed over as descriptors: at each start of a
 * front, and anew on SIGHUP.  What a front could not serve is forgotten, so a later one begins with what was good.
 */
#include "private.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static void drop(struct credential_files *f)
{
	while (f->n)
		close(f->fd[--f->n]);
}

/* An unchanging copy of @path as a descriptor, or -1. */
static int copy_file(const char *key, const char *path, struct error *err)
{
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), to;
	struct stat st;
	ssize_t n = 0;

	if (from < 0 || fstat(from, &st)) {
		error_set(err, ERROR_USAGE, "%s: %s: %s", key, path, strerror(errno));
		if (from >= 0)
			close(from);
		return -1;
	}
	to = memfd_create("recast-tls", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	while (to >= 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX && (n = sendfile(to, from, NULL, FILE_MAX)) > 0)
		;
	close(from);
	if (to >= 0 && n == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX && fcntl(to, F_ADD_SEALS, SEALS) == 0)
		return to;
	error_set(err, ERROR_USAGE, "%s: %s cannot be read, or is no file of at most 1 MiB", key, path);
	if (to >= 0)
		close(to);
	return -1;
}

static int copy_all(const struct api_config *cf, struct credential_files *out, struct error *err)
{
	const char *const keys[] = { "tls_certificate", "tls_key", "tls_client_ca" };
	const char *const paths[] = { cf->tls_certificate, cf->tls_key, cf->tls_client_ca };
	int i, fd;

	for (i = 0; i < 3 && paths[i]; i++) {
		fd = copy_file(keys[i], paths[i], err);
		if (fd < 0) {
			drop(out);
			return -1;
		}
		out->fd[out->n++] = fd;
	}
	return 0;
}

int credentials_read(struct api *api, struct error *err)
{
	const struct api_config *cf = &api->config;

	api->certificates = -1;
	if (!cf->listen)
		return 0;
	if (!cf->tls_certificate || !cf->tls_key) {
		error_set(err, ERROR_USAGE, "`listen` needs tls_certificate and tls_key");
		return error_hint(err, "Name both files in recast.conf; nothing is served on TCP without TLS.");
	}
	return copy_all(cf, &api->good, err);
}

static void hand_over(struct api *api, const struct credential_files *f)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(f->fd))];
	} control = { 0 };
	char byte = 'c';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = CMSG_SPACE((size_t)f->n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)f->n * sizeof(int));
	memcpy(CMSG_DATA(c), f->fd, (size_t)f->n * sizeof(int));
	if (sendmsg(api->certificates, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_error("api", "certificates cannot be handed to recast-front: %s", strerror(errno));
	else
		api->verdicts++;
}

/* One byte for each hand-over, in order; the last tells about what is pending. */
static void on_verdict(evutil_socket_t fd, short what, void *arg)
{
	struct api *api = arg;
	char byte;
	ssize_t n;

	(void)what;
	while ((n = recv(fd, &byte, 1, MSG_DONTWAIT)) == 1) {
		if (--api->verdicts || !api->pending.n)
			continue;
		if (byte == '+') {
			drop(&api->good);
			api->good = api->pending;
			api->pending.n = 0;
		} else {
			drop(&api->pending);
		}
	}
	if (n == 0)
		event_del(api->verdict);
	else
		front_serves(api);
}

int credentials_connect(struct api *api, struct error *err)
{
	int pair[2];

	credentials_disconnect(api);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, ERROR_INTERNAL, "socketpair: %s", strerror(errno));
	api->certificates = pair[0];
	api->verdict = event_new(api->base, pair[0], EV_READ | EV_PERSIST, on_verdict, api);
	event_add(api->verdict, NULL);
	hand_over(api, &api->good);
	if (api->pending.n)
		hand_over(api, &api->pending);
	return pair[1];
}

void credentials_disconnect(struct api *api)
{
	if (api->verdict)
		event_free(api->verdict);
	if (api->certificates >= 0)
		close(api->certificates);
	api->verdict = NULL;
	api->certificates = -1;
	api->verdicts = 0;
}

void credentials_forget(struct api *api)
{
	credentials_disconnect(api);
	drop(&api->good);
	drop(&api->pending);
}

void api_reload(struct api *api)
{
	struct credential_files fresh = { 0 };
	struct error err = { 0 };

	if (!api->config.listen || copy_all(&api->config, &fresh, &err) < 0) {
		if (err.code)
			log_error("api", "%s; the certificate before is still served", err.text);
		front_serves(api);
		return;
	}
	drop(&api->pending);
	api->pending = fresh;
	if (api->certificates >= 0)
		hand_over(api, &api->pending); /* else the next front gets it */
}
