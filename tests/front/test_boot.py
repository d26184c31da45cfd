# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot port: open to every machine in the boot network, so it does very little."""
import contextlib
import socket

import tap
from certificates import free_port
from fakecore import Reader
from test_http import HOST, STATUS, exchange, front

BOOT = b"GET /boot/ipxe?mac=52:54:00:00:01:01&uuid=a1 HTTP/1.1\r\n" + HOST + b"\r\n"


@contextlib.contextmanager
def boot_front(builddir, *options):
    port = free_port()
    with front(builddir, *options, boot="127.0.0.1:%d" % port) as core:
        core.port = port
        yield core


def connect(core):
    return socket.create_connection(("127.0.0.1", core.port), 10)


def ask(core, request):
    with connect(core) as s:
        s.sendall(request)
        return Reader(s).response()


def test_serves_boot_paths_and_tells_the_address(builddir):
    with boot_front(builddir) as core, connect(core) as s:
        s.sendall(BOOT)
        frame = core.frame()
        tap.equal(frame["peer"], {"kind": "boot", "address": "127.0.0.1"})
        tap.equal((frame["path"], frame["query"]), ("/boot/ipxe", {"mac": "52:54:00:00:01:01", "uuid": "a1"}))
        core.send(id=frame["id"], status=200, text="#!ipxe\n", type="text/plain")
        tap.equal(Reader(s).response().body, b"#!ipxe\n")


def test_serves_nothing_else(builddir):
    with boot_front(builddir) as core:
        for path, status in ((b"/v1/status", 404), (b"/v1/secrets", 404), (b"/", 404), (b"/boot", 404),
                             (b"/bootx/ipxe", 404), (b"/Boot/ipxe", 404), (b"/boot/../v1/status", 400),
                             (b"/boot/%2e%2e/v1/status", 400), (b"/boot/..%2fv1/status", 400),
                             (b"//boot/ipxe", 400), (b"/boot//ipxe", 400), (b"/v1/status?/boot/", 404)):
            tap.equal(ask(core, b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n").status, status, path)
        tap.equal(core.frame(0.05), None, "the core saw one of them")


def test_takes_no_bodies_and_no_other_methods(builddir):
    with boot_front(builddir) as core:
        for request in (b"POST /boot/report HTTP/1.1\r\n" + HOST + b"\r\n",
                        b"DELETE /boot/report HTTP/1.1\r\n" + HOST + b"\r\n",
                        b"GET /boot/ipxe HTTP/1.1\r\n" + HOST +
                        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"):
            tap.equal(ask(core, request).status, 405)
        tap.equal(core.frame(0.05), None)


def test_turns_away_an_address_with_too_many_connections(builddir):
    with boot_front(builddir) as core:
        held = [connect(core) for _ in range(32)]
        try:
            with connect(core) as s:
                tap.equal(Reader(s).response().status, 503)
            exchange(core, STATUS)  # the unix socket does not suffer
        finally:
            for s in held:
                s.close()


def test_slow_clients_do_not_hold_it_for_longer_than_the_head_may_take(builddir):
    with boot_front(builddir, "--head-timeout", "300ms") as core:
        held = [connect(core) for _ in range(32)]
        for s in held:
            s.sendall(b"GET /boot/")
        for s in held:
            tap.equal(Reader(s).response().status, 408)
            s.close()
        with connect(core) as s:
            s.sendall(BOOT)
            assert core.frame()


def test_listens_on_ipv6(builddir):
    try:
        port = free_port("::1")
    except OSError:
        raise tap.Skip("no IPv6 on the loopback")
    with front(builddir, boot="[::1]:%d" % port) as core, socket.create_connection(("::1", port), 10) as s:
        s.sendall(BOOT)
        tap.equal(core.frame()["peer"], {"kind": "boot", "address": "::1"})


def test_the_unix_socket_serves_boot_paths_too(builddir):
    with boot_front(builddir) as core:
        frame, _ = exchange(core, BOOT)
        tap.equal(frame["peer"]["kind"], "unix")
