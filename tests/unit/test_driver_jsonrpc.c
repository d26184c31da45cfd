/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drivers/transport/jsonrpc.c: messages that arrive in pieces or glued together, echo, notifications.
 */
#include "clock.h"
#include "json.h"
#include "jsonrpc.h"
#include "stream_kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int peer;
static int updates;

static int setup(void **state)
{
	struct jsonrpc *rpc = calloc(1, sizeof(*rpc));
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		return -1;
	rpc->stream = stream_plain(pair[0]);
	rpc->next_id = 1;
	peer = pair[1];
	updates = 0;
	*state = rpc;
	return 0;
}

static int teardown(void **state)
{
	jsonrpc_close(*state);
	close(peer);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(peer, text, strlen(text)), strlen(text));
}

static void on_notify(void *arg, const char *method, const json_t *params)
{
	(void)arg;
	assert_string_equal(method, "update");
	assert_true(json_is_array(params));
	updates++;
}

static json_t *call(struct jsonrpc *rpc, struct error *err)
{
	return jsonrpc_call(rpc, "m", json_array(), clock_mono_ms() + 100, err);
}

static void glued_messages_are_told_apart(void **state)
{
	struct jsonrpc *rpc = *state;
	struct error err = { 0 };

	rpc->notify = on_notify;
	say(" {\"method\":\"update\",\"params\":[{\"a\":\"}]{\\\"\"}],\"id\":null}\n"
	    "{\"id\":1,\"result\":{\"x\":\"[\"},\"error\":null}{\"method\":\"update\",\"params\":[],"
	    "\"id\":null}{\"id\":2,\"result\":7,\"error\":null}");
	json_auto_t *first = call(rpc, &err), *second = call(rpc, &err);
	assert_string_equal(json_str(first, "x", ""), "[");
	assert_int_equal(json_integer_value(second), 7);
	assert_int_equal(updates, 2);
}

static void a_message_in_pieces_is_put_together(void **state)
{
	static const char text[] = "{\"id\":1,\"result\":\"a\\\"b\",\"error\":null}";
	struct jsonrpc *rpc = *state;
	struct error err = { 0 };
	size_t i;

	for (i = 0; i < sizeof(text) - 2; i++) {
		assert_int_equal(write(peer, text + i, 1), 1);
		assert_int_equal(jsonrpc_turn(rpc, clock_mono_ms(), &err), -1);
		assert_int_equal(err.code, ERROR_UNREACHABLE);
	}
	assert_int_equal(write(peer, "}", 1), 1);
	json_auto_t *v = call(rpc, &err);
	assert_string_equal(json_string_value(v), "a\"b");
}

static void echo_is_answered(void **state)
{
	struct jsonrpc *rpc = *state;
	struct error err = { 0 };
	char got[512];
	ssize_t n;

	say("{\"method\":\"echo\",\"params\":[1,\"x\"],\"id\":\"e\"}{\"id\":1,\"result\":[],\"error\":null}");
	json_decref(call(rpc, &err));
	n = read(peer, got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, "\"id\":\"e\""));
	assert_non_null(strstr(got, "[1,\"x\"]"));
}

static void errors_of_the_peer_are_refusals(void **state)
{
	struct jsonrpc *rpc = *state;
	struct error err = { 0 };

	say("{\"id\":1,\"result\":null,\"error\":\"no such thing\"}");
	assert_null(call(rpc, &err));
	assert_int_equal(err.code, ERROR_REFUSED);
	assert_string_equal(err.text, "no such thing");
}

static void rubbish_is_found_at_once(void **state)
{
	struct jsonrpc *rpc = *state;
	struct error err = { 0 };

	say("rubbish");
	assert_null(call(rpc, &err));
	assert_int_equal(err.code, ERROR_PROTOCOL);
}

static void a_closed_connection_is_unreachable(void **state)
{
	struct jsonrpc *rpc = *state;
	struct error err = { 0 };

	say("{\"id\":1,");
	shutdown(peer, SHUT_RDWR);
	assert_null(call(rpc, &err));
	assert_int_equal(err.code, ERROR_UNREACHABLE);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(glued_messages_are_told_apart),   TEST(a_message_in_pieces_is_put_together),
		TEST(echo_is_answered),		       TEST(errors_of_the_peer_are_refusals),
		TEST(rubbish_is_found_at_once),	       TEST(a_closed_connection_is_unreachable),
	};

	return cmocka_run_group_tests_name("jsonrpc", tests, NULL, NULL);
}
