/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tgtd's management socket.  One connection carries one request (a fixed structure and a parameter
 * text) and one answer (code, length, text).  The layout is that of tgt 1.0.85 on 64-bit machines.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "stream.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 * 1024 };

struct wire_request {
	uint32_t mode, op;
	char lld[64];
	uint32_t len; /* with the parameters */
	int32_t tid;
	uint64_t sid, lun;
	uint32_t cid, host_no, device_type, account_direction, pack, force;
};

struct wire_answer {
	uint32_t code, len;
};

_Static_assert(sizeof(struct wire_request) == 120, "layout of tgtd's request");

static const char *const words[] = {
	"success",
	"unknown error",
	"out of memory",
	"no such driver",
	"no such target",
	"no such LUN",
	"no such session",
	"no such connection",
	"no such binding",
	"the target exists already",
	"the LUN exists already",
	"the binding exists already",
	"the access rule exists already",
	"no such access rule",
	"the account exists already",
	"no such account",
	"too many accounts",
	"invalid request",
	"the target has an outgoing account already",
	"the target is still active",
	"the LUN is still active",
	"the driver is busy",
	"the operation is not supported",
	"unknown parameter",
	"removal of the device is prevented",
};

static bool is_socket(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

/* tgtd appends its control port to the path in TGT_IPC_SOCKET: take the path itself, or that with
 * the port, or the only one that there is. */
static char *socket_address(const struct tgt *t)
{
	_cleanup_(freep) char *with_port =
		xasprintf("%s.%lld", t->socket, (long long)t->control_port);
	_cleanup_(freep) char *pattern = xasprintf("%s.[0-9]*", t->socket);
	const char *path = t->socket;
	char *address;
	glob_t found = { 0 };
	size_t i, sockets = 0;

	if (!is_socket(path) && is_socket(with_port)) {
		path = with_port;
	} else if (!is_socket(path) && !glob(pattern, 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++)
			if (is_socket(found.gl_pathv[i]) && !sockets++)
				path = found.gl_pathv[i];
		if (sockets != 1)
			path = t->socket;
	}
	address = xasprintf("unix:%s", path);
	globfree(&found);
	return address;
}

static int send_request(struct stream *s, const struct tgt_request *q, int64_t deadline_ms, struct error *err)
{
	size_t extra = q->params ? strlen(q->params) + 1 : 0;
	struct wire_request w = { .mode = q->mode,
				  .op = q->op,
				  .lld = "iscsi",
				  .tid = q->tid ? q->tid : -1,
				  .sid = q->sid,
				  .cid = q->cid,
				  .lun = q->lun < 0 ? UINT64_MAX : (uint64_t)q->lun };
	char *bytes;
	int rc;

	w.len = (uint32_t)(sizeof(w) + extra);
	bytes = xcalloc(1, w.len);
	memcpy(bytes, &w, sizeof(w));
	if (extra)
		memcpy(bytes + sizeof(w), q->params, extra);
	rc = stream_send(s, bytes, w.len, deadline_ms, err);
	secret_wipe(bytes, w.len); /* it may hold a CHAP secret */
	free(bytes);
	return rc;
}

static int receive(struct stream *s, void *out, size_t len, int64_t deadline_ms, struct error *err)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = stream_recv(s, (char *)out + have, len - have, deadline_ms, err);

		if (n < 0)
			return -1;
		if (!n)
			return error_set(
				err, ERROR_PROTOCOL,
				"tgtd closed the connection in mid-answer (it serves root only)");
		have += (size_t)n;
	}
	return 0;
}

static char *receive_answer(struct stream *s, int64_t deadline_ms, int *code, struct error *err)
{
	struct wire_answer a;
	char *text;

	if (receive(s, &a, sizeof(a), deadline_ms, err))
		return NULL;
	if (a.code) {
		if (code)
			*code = (int)a.code;
		error_set(err, ERROR_REFUSED, "tgtd refused: %s",
			  a.code < sizeof(words) / sizeof(words[0])
				  ? words[a.code]
				  : "for a reason it has no word for");
		return NULL;
	}
	if (a.len < sizeof(a) || a.len > ANSWER_MAX) {
		error_set(err, ERROR_PROTOCOL, "tgtd announced an answer of %u bytes", a.len);
		return NULL;
	}
	text = xcalloc(1, a.len - sizeof(a) + 1);
	if (!receive(s, text, a.len - sizeof(a), deadline_ms, err))
		return text;
	free(text);
	return NULL;
}

char *tgt_call(const struct tgt *t, const struct tgt_request *q, int64_t deadline_ms, int *code,
	       struct error *err)
{
	_cleanup_(freep) char *address = socket_address(t);
	struct stream *s = tgt_link_enter(t, address, deadline_ms, err);
	char *text = NULL;

	if (s && !send_request(s, q, deadline_ms, err))
		text = receive_answer(s, deadline_ms, code, err);
	tgt_link_leave(t, s, !text);
	if (!text && err && err->code != ERROR_REFUSED)
		error_wrap(err, "tgtd at %s", t->link ? "its host" : address + strlen("unix:"));
	return text;
}
