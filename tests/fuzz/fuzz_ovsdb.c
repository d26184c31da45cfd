/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What ovsdb-server says: messages of JSON-RPC over a stream (drivers/transport/jsonrpc.c, stream.c), and the first reply
 * as the database of a switch (drivers/switch/ovsdb_view.c).
 */
#include "fuzz.h"

#include "clock.h"
#include "ovsdb.h"
#include "stream_kind.h"

#include <sys/socket.h>
#include <unistd.h>

FUZZ_TARGET

enum { PATIENCE_MS = 1000, PIPE_MAX = 60000 };

/* A connection whose peer, *@peer, has said all of @bytes and will say no more. */
static struct jsonrpc *spoken(const char *bytes, size_t len, int *peer)
{
	struct jsonrpc *rpc = xcalloc(1, sizeof(*rpc));
	int pair[2];

	fuzz_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	fuzz_assert(write(pair[1], bytes, len) == (ssize_t)len && !shutdown(pair[1], SHUT_WR));
	*rpc = (struct jsonrpc){ .stream = stream_plain(pair[0]), .next_id = 1 };
	*peer = pair[1];
	return rpc;
}

static void check_ports(const struct ovs_view *view)
{
	struct ovs_port port;
	const char *name;
	json_t *row, *shown;

	json_object_foreach(view->ports, name, row) {
		ovs_view_port(view, name, &port);
		fuzz_assert(port.config.native >= 0 && port.config.native <= VLAN_MAX && port.config.rate_kbit >= 0);
		shown = port_to_json(&port.config);
		fuzz_assert(shown);
		fuzz_check_json(shown);
		json_decref(shown);
	}
}

static void fuzz(const char *bytes, size_t len)
{
	struct ovsdb o = { .name = "leaf1", .peer = { .address = "unix:/" }, .bridge = "br0" };
	struct ovs_view view;
	struct error err = { 0 };
	int peer;

	if (len > PIPE_MAX)
		return;
	o.rpc = spoken(bytes, len, &peer);
	if (ovs_view_read(&o, &view, NULL, clock_mono_ms() + PATIENCE_MS, &err))
		fuzz_check_error(&err);
	else
		check_ports(&view);
	ovs_view_fini(&view);
	while (o.rpc && !jsonrpc_turn(o.rpc, clock_mono_ms() + PATIENCE_MS, &err))
		;
	ovsdb_disconnect(&o);
	close(peer);
}
