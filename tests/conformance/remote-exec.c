/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A command on another host by drivers/transport/ssh.h, for the conformance suite: no driver needs one yet.
 * usage: remote-exec ssh://USER@ADDRESS:PORT PIN COMMAND    the credential comes on standard input
 *        remote-exec --library                              what it is built with
 */
#include "clock.h"
#include "ssh.h"

#include <stdio.h>
#include <unistd.h>

enum { DEADLINE_MS = 3000 };

static struct secret *read_credential(void)
{
	char bytes[16384];
	ssize_t n, len = 0;

	while ((n = read(STDIN_FILENO, bytes + len, sizeof(bytes) - (size_t)len)) > 0)
		len += n;
	return secret_create(bytes, (size_t)len);
}

static int copy_output(struct stream *s, int64_t deadline, struct error *err)
{
	char bytes[4096];
	ssize_t n;

	while ((n = stream_recv(s, bytes, sizeof(bytes), deadline, err)) > 0)
		fwrite(bytes, 1, (size_t)n, stdout);
	return (int)n;
}

static int run(char **argv)
{
	struct secret *credential = read_credential();
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;
	struct remote_address at;
	struct remote *r = NULL;
	struct stream *s = NULL;
	struct error err = { 0 };

	if (!remote_host_parse(argv[1], &at, &err))
		r = remote_open(&at, argv[2], credential, deadline, &err);
	if (r)
		s = remote_exec(r, argv[3], deadline, &err);
	if (s && !stream_send(s, "hello\n", 6, deadline, &err))
		copy_output(s, deadline, &err);
	stream_close(s);
	remote_close(r);
	secret_destroy(credential);
	if (err.code)
		fprintf(stderr, "%s: %s\n", error_name(err.code), err.text);
	return err.code ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return run(argv);
	puts(remote_library());
	return 0;
}
