# SPDX-License-Identifier: GPL-3.0-or-later
"""How recast-front begins and ends."""
import grp
import os
import signal
import socket
import stat

import tap
from fakecore import PATIENCE, FakeCore, Reader
from test_http import HOST, STATUS, exchange, front, post


def test_ends_with_the_core_and_says_so_to_those_who_wait(builddir):
    with front(builddir) as core, core.connect() as s:
        s.sendall(STATUS)
        core.frame()
        core.sock.close()
        core.sock = None
        response = Reader(s).response()
        tap.equal((response.status, response.json()["code"]), (503, "unreachable"))
        tap.equal(core.process.wait(PATIENCE), 0)


def test_ends_when_the_core_sends_a_broken_frame(builddir):
    for garbage in (b"not json\n", b"[]\n", b"\x00\n", b'{"a":1,"a":2}\n'):
        with front(builddir) as core:
            core.sock.sendall(garbage)
            tap.equal(core.process.wait(PATIENCE), 1, repr(garbage))


def test_ignores_frames_for_nobody(builddir):
    with front(builddir) as core:
        for frame in ({}, {"id": 5, "status": 200}, {"id": -1, "chunk": "x"}, {"id": "x"}, {"id": 2 ** 62, "end": True}):
            core.send(**frame)
        exchange(core, STATUS)


def test_ends_on_sigterm_but_not_on_sigint(builddir):
    with front(builddir) as core:
        core.process.send_signal(signal.SIGINT)
        exchange(core, STATUS)
        core.process.send_signal(signal.SIGTERM)
        tap.equal(core.process.wait(PATIENCE), 0)


def test_sets_mode_and_group_of_the_socket(builddir):
    group = grp.getgrgid(os.getgid()).gr_name if os.getuid() else grp.getgrgid(1).gr_name
    with front(builddir, "--socket-mode", "0620", "--socket-group", group) as core:
        st = os.stat(core.path)
        tap.equal((stat.S_IMODE(st.st_mode), st.st_gid), (0o620, grp.getgrnam(group).gr_gid))
    with front(builddir) as core:
        tap.equal(stat.S_IMODE(os.stat(core.path).st_mode), 0o660)


def start_at(builddir, path, *options, **more):
    return FakeCore(os.path.join(builddir, "recast-front"), "--socket", path, *options, **more)


def fails(core, *words):
    code = core.process.wait(PATIENCE)
    assert code not in (0, None) and code > 0, "it ended with %r" % code
    for word in words:
        tap.contains(core.log().decode(), word)


def test_replaces_a_stale_socket_but_not_a_live_one(builddir):
    with front(builddir) as first:
        with start_at(builddir, first.path) as second:
            fails(second, "another recastd answers")
        exchange(first, STATUS)  # unharmed
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(PATIENCE)
        assert os.path.exists(first.path)
        with start_at(builddir, first.path) as third:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(first.path)
                s.sendall(STATUS)
                assert third.frame()


def test_leaves_a_file_that_is_no_socket_alone(builddir):
    with front(builddir) as first:
        path = os.path.join(first.dir, "file")
        with open(path, "w") as f:
            f.write("precious")
        with start_at(builddir, path) as second:
            fails(second, "not a socket")
        tap.equal(open(path).read(), "precious")


def test_does_not_remove_the_socket_of_a_successor(builddir):
    with front(builddir) as first:
        os.unlink(first.path)
        with start_at(builddir, first.path):
            first.process.send_signal(signal.SIGTERM)
            first.process.wait(PATIENCE)
            assert os.path.exists(first.path)


def test_says_what_is_wrong_when_it_cannot_start(builddir):
    with front(builddir, "--socket-group", "no-such-group") as core:
        fails(core, "no-such-group", "groupadd")
    with front(builddir, "--socket-mode", "abc") as core:
        fails(core, "octal")
    with front(builddir, boot="localhost:80") as core:
        fails(core, "not an address and port")
    with front(builddir, boot="192.0.2.1:8080") as core:
        fails(core, "cannot listen on 192.0.2.1:8080")
        assert not os.path.exists(core.path)
    with start_at(builddir, "/nonexistent/s") as core:
        fails(core, "cannot create the socket")
    with start_at(builddir, "/" + "x" * 120) as core:
        fails(core, "longer than")


def test_becomes_another_user(builddir):
    if os.getuid() != 0:
        raise tap.Skip("only root can become another user")
    with front(builddir, "--user", "nobody") as core:
        exchange(core, STATUS)
        status = open("/proc/%d/status" % core.process.pid).read()
        tap.contains(status, "Uid:\t65534\t65534\t65534\t65534")
        tap.contains(status, "NoNewPrivs:\t1")


def test_writes_no_secret_into_its_log(builddir):
    with front(builddir) as core:
        body = b'{"value": "correct-horse-battery"}'
        exchange(core, post(body, b"/v1/secrets/x").replace(b"POST", b"PUT", 1), status=204)
        with core.connect() as s:  # also not when it is refused
            s.sendall(post(body[:-1], b"/v1/secrets/x"))
            tap.lacks(Reader(s).response().body.decode(), "battery")
        with core.connect() as s:
            s.sendall(b"GET /boot/config?ticket=correct-horse HTTP/1.1\r\n" + HOST + b"\r\n")
            core.send(id=core.frame()["id"], status=200, text="chap=battery")
            Reader(s).response()
        log = core.log().decode()
        tap.contains(log, "/v1/secrets/x")
        for secret in ("horse", "battery"):
            tap.lacks(log, secret)
