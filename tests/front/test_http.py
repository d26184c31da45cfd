# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request must be like, and what becomes of it."""
import json
import os
import random
import select
import socket
import time

import tap
from fakecore import FakeCore, Reader

HOST = b"Host: recast\r\n"
STATUS = b"GET /v1/status HTTP/1.1\r\n" + HOST + b"\r\n"


def front(builddir, *options, **more):
    return FakeCore(os.path.join(builddir, "recast-front"), *options, **more)


def post(body, path=b"/v1/runs", type_=b"application/json", extra=b""):
    return (b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: " + type_ + b"\r\nContent-Length: " +
            str(len(body)).encode() + b"\r\n" + extra + b"\r\n" + body)


def exchange(core, request, **answer):
    """Send one request, let the core answer it, return (frame, response)."""
    with core.connect() as s:
        s.sendall(request)
        frame = core.frame()
        core.send(**{"id": frame["id"], "status": 200, "body": {}, **answer})
        return frame, Reader(s).response()


def refused(core, request, status, hang_up=False):
    """Send what must be refused; the core must not see it."""
    with core.connect() as s:
        try:
            s.sendall(request)
            if hang_up:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        response = Reader(s).response()
        tap.equal(response.status, status, repr(request[:80]))
        problem = response.json()
        tap.equal(response.headers["content-type"], "application/problem+json")
        tap.equal(response.headers["connection"], "close")
        tap.equal(problem["status"], status)
        for member in ("type", "title", "detail", "code", "hint"):
            assert problem[member], member
        assert Reader(s).at_eof(), "the connection stays open"
    tap.equal(core.frame(0.02), None, "the core saw it")
    return problem


def test_hands_method_path_query_headers_and_body_to_the_core(builddir):
    with front(builddir) as core:
        body = b'{"action": "apply", "persona": "web"}'
        frame, response = exchange(
            core, post(body, b"/v1/runs?a=1&b=x+y%3D", extra=b"Idempotency-Key: key-12345\r\nAccept: */*\r\n"
                       b"Authorization: Bearer x\r\nX-Other: y\r\n"),
            status=202, headers={"Location": "/v1/runs/7"}, body={"id": "7"})
        tap.equal(frame["method"], "POST")
        tap.equal(frame["path"], "/v1/runs")
        tap.equal(frame["query"], {"a": "1", "b": "x y="})
        tap.equal(frame["headers"], {"idempotency-key": "key-12345", "accept": "*/*", "authorization": "Bearer x"})
        tap.equal(frame["body"], {"action": "apply", "persona": "web"})
        tap.equal((response.status, response.headers["location"], response.json()), (202, "/v1/runs/7", {"id": "7"}))
        tap.equal(response.headers["content-type"], "application/json")


def test_answers_text_and_problems_with_their_types(builddir):
    with front(builddir) as core:
        _, r = exchange(core, STATUS, body=None, text="#!ipxe\n", type="text/plain")
        tap.equal((r.headers["content-type"], r.body), ("text/plain", b"#!ipxe\n"))
        _, r = exchange(core, STATUS, status=404, body={"code": "not-found"})
        tap.equal((r.status, r.headers["content-type"]), (404, "application/problem+json"))
        with core.connect() as s:
            s.sendall(STATUS)
            core.send(id=core.frame()["id"], status=204)
            tap.equal(Reader(s).head()[0], 204)


def test_decodes_the_path_once(builddir):
    with front(builddir) as core:
        frame, _ = exchange(core, b"GET /v1/machines/a%20b%2520 HTTP/1.1\r\n" + HOST + b"\r\n")
        tap.equal(frame["path"], "/v1/machines/a b%20")


def test_takes_a_request_that_comes_byte_by_byte(builddir):
    with front(builddir) as core:
        with core.connect() as s:
            for byte in post(b'{"a": 1}'):
                s.sendall(bytes([byte]))
            frame = core.frame()
            tap.equal(frame["body"], {"a": 1})
            core.send(id=frame["id"], status=200, body={})
            tap.equal(Reader(s).response().status, 200)


def test_serves_many_requests_on_one_connection(builddir):
    with front(builddir) as core, core.connect() as s:
        reader = Reader(s)
        for i in range(50):
            s.sendall(STATUS)
            core.send(id=core.frame()["id"], status=200, body={"i": i})
            tap.equal(reader.response().json(), {"i": i})


def test_answers_pipelined_requests_in_order(builddir):
    with front(builddir) as core, core.connect() as s:
        s.sendall(STATUS * 3)
        reader = Reader(s)
        for i in range(3):
            frame = core.frame()
            tap.equal(core.frame(0.02), None, "a second request at once")
            core.send(id=frame["id"], status=200, body={"i": i})
            tap.equal(reader.response().json(), {"i": i})


def test_closes_after_http_1_0_and_after_connection_close(builddir):
    with front(builddir) as core:
        for request in (b"GET /v1/status HTTP/1.0\r\n\r\n",
                        b"GET /v1/status HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"):
            with core.connect() as s:
                s.sendall(request)
                core.send(id=core.frame()["id"], status=200, body={})
                reader = Reader(s)
                tap.equal(reader.response().headers["connection"], "close")
                assert reader.at_eof()


def test_answers_a_client_that_has_closed_its_sending_side(builddir):
    with front(builddir) as core, core.connect() as s:
        s.sendall(STATUS)
        s.shutdown(socket.SHUT_WR)
        core.send(id=core.frame()["id"], status=200, body={"late": True})
        tap.equal(Reader(s).response().json(), {"late": True})


MALFORMED = [
    (b"GET /v1/status HTTP/1.1\nHost: x\n\n", 400),                          # bare line feeds
    (b"GET /v1/status HTTP/1.1\r\nHost: x\n\r\n", 400),
    (b"\r\n" + STATUS, 400),                                                 # empty line before
    (b"GET /v1/status HTTP/1.1\r\n\r\n", 400),                               # no Host
    (b"GET /v1/status HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),         # two of them
    (b"GET /v1/status HTTP/1.1\r\nHost : a\r\n\r\n", 400),                   # space before the colon
    (b"GET /v1/status HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),         # continuation line
    (b"GET /v1/status HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n", 400),
    (b"GET /v1/status HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", 400),
    (b"GET /v1/status HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400),               # NUL
    (b"GET /v1/status HTTP/1.1\r\nHost: a\x0bb\r\n\r\n", 400),               # control character
    (b"GET /v1/status HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),                 # carriage return alone
    (b"GET /v1/status HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n", 400),
    (b"GET  /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 400),                   # two spaces
    (b"GET /v1/status\r\nHost: a\r\n\r\n", 400),                             # HTTP/0.9
    (b"GET /v1/status HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/status http/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/status HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (b"GET http://x/v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 400),            # absolute form
    (b"GET v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/status#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1//status HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET //v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/./status HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/../status HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/%2e%2e/status HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1%2fstatus HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/st%00atus HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/st%0aatus HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400),                       # not UTF-8
    (b"GET /v1/%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/runs?a=1&a=2 HTTP/1.1\r\nHost: a\r\n\r\n", 400),              # a key twice
    (b"GET /v1/runs?=1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /v1/runs?a=%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"PATCH /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"get /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"TRACE /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}", 400),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}", 400),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\n{}", 400),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\n{}", 400),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n{}", 400),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n{}", 400),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nContent-Length: 2\r\n\r\n{}", 411),
    (b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 2\r\n\r\n{}", 417),
    (post(b"{}", type_=b"text/plain"), 415),
    (post(b"{}", type_=b"application/jsonx"), 415),
    (post(b"{"), 400),
    (post(b"{} {}"), 400),
    (post(b'"text"'), 400),
    (post(b'{"a": 1, "a": 2}'), 400),
    (post(b'{"a": "\x00"}'), 400),
    (post(b'{"a": "\xff"}'), 400),
    (post(b"[" * 65 + b"]" * 65), 400),
    (post(b'{"a": 1e999}'), 400),
]


def test_refuses_everything_that_is_malformed(builddir):
    with front(builddir) as core:
        for request, status in MALFORMED:
            refused(core, request, status)
        exchange(core, STATUS)  # and goes on serving


def test_accepts_a_body_as_deep_as_is_allowed(builddir):
    with front(builddir) as core:
        frame, _ = exchange(core, post(b"[" * 64 + b"]" * 64))
        assert frame["body"]


def test_refuses_a_head_that_is_too_large(builddir):
    with front(builddir) as core:
        base = b"GET /v1/status HTTP/1.1\r\n" + HOST
        fits = base + b"X: " + b"a" * (16384 - len(base) - 7) + b"\r\n\r\n"
        tap.equal(len(fits), 16384)
        exchange(core, fits)
        refused(core, fits[:-4] + b"a\r\n\r\n", 431)
        refused(core, b"GET /" + b"a" * 20000, 431)
        exchange(core, base + b"X: y\r\n" * 99 + b"\r\n")
        refused(core, base + b"X: y\r\n" * 100 + b"\r\n", 431)


def test_refuses_a_body_that_is_too_large(builddir):
    def body(n):
        return b'{"a": "' + b"x" * (n - 9) + b'"}'

    with front(builddir) as core:
        mib = 1 << 20
        tap.equal(len(exchange(core, post(body(mib)))[0]["body"]["a"]), mib - 9)
        problem = refused(core, post(body(mib + 1)), 413)
        tap.equal(problem["code"], "too-large")
        tap.equal(len(exchange(core, post(body(8 * mib), b"/v1/define"))[0]["body"]["a"]), 8 * mib - 9)
        refused(core, post(body(8 * mib + 1), b"/v1/define"), 413)
        refused(core, b"PUT /v1/define HTTP/1.1\r\n" + HOST + b"Content-Length: 2000000\r\n\r\n", 413)


def test_says_continue_before_a_body_that_it_will_take(builddir):
    with front(builddir) as core, core.connect() as s:
        whole = post(b'{"a": 1}', extra=b"Expect: 100-continue\r\n")
        s.sendall(whole[:-8])
        reader = Reader(s)
        tap.equal(reader.until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
        s.sendall(whole[-8:])
        frame = core.frame()
        tap.equal(frame["body"], {"a": 1})
        core.send(id=frame["id"], status=200, body={})
        tap.equal(reader.response().status, 200)


def test_gives_up_a_head_or_body_that_does_not_arrive(builddir):
    with front(builddir, "--head-timeout", "300ms", "--body-timeout", "300ms") as core:
        for part in (STATUS[:-2], post(b'{"a": 1}')[:-1]):
            with core.connect() as s:
                s.sendall(part)
                tap.equal(Reader(s).response().status, 408)
        with core.connect() as s:  # one who says nothing is not answered
            assert Reader(s).at_eof()


def test_the_time_for_a_head_does_not_begin_anew_with_each_byte(builddir):
    with front(builddir, "--head-timeout", "400ms") as core, core.connect() as s:
        begin = time.monotonic()
        for byte in b"GET /v1/status HTTP/1.1\r\nX: " + b"y" * 100:
            s.sendall(bytes([byte]))
            if select.select([s], [], [], 0.05)[0]:
                break
        tap.equal(Reader(s).response().status, 408)
        assert time.monotonic() - begin < 2


def test_closes_an_idle_connection(builddir):
    with front(builddir, "--idle-timeout", "200ms") as core, core.connect() as s:
        s.sendall(STATUS)
        core.send(id=core.frame()["id"], status=200, body={})
        reader = Reader(s)
        tap.equal(reader.response().status, 200)
        assert reader.at_eof()


def test_answers_504_when_the_core_does_not(builddir):
    with front(builddir, "--answer-timeout", "200ms") as core, core.connect() as s:
        s.sendall(STATUS)
        frame = core.frame()
        response = Reader(s).response()
        tap.equal((response.status, response.json()["code"]), (504, "timeout"))
        core.send(id=frame["id"], status=200, body={"late": 1})  # is thrown away
        exchange(core, STATUS)


def test_never_sends_an_answer_to_another_connection(builddir):
    with front(builddir, "--answer-timeout", "300ms") as core:
        with core.connect() as first:
            first.sendall(STATUS)
            gone = core.frame()
            tap.equal(Reader(first).response().status, 504)
        for _ in range(100):  # until one gets the slot of the first
            with core.connect() as second:
                second.sendall(STATUS)
                frame = core.frame()
                assert frame["id"] != gone["id"]
                core.send(id=gone["id"], status=200, body={"for": "first"})
                core.send(id=frame["id"], status=200, body={"for": "second"})
                tap.equal(Reader(second).response().json(), {"for": "second"})
            if frame["id"] % 1024 == gone["id"] % 1024:
                return
        raise AssertionError("the slot was never used again")


def test_drops_headers_of_the_core_that_would_break_the_answer(builddir):
    with front(builddir) as core:
        _, response = exchange(core, STATUS, headers={"Good": "yes", "Bad": "a\r\nSet-Cookie: b", "Ba d": "x",
                                                      "Content-Length": "3"}, type=None)
        tap.equal(response.headers.get("good"), "yes")
        for name in ("bad", "set-cookie", "ba d"):
            assert name not in response.headers
        _, response = exchange(core, STATUS, body=None, text="x", type="text/plain\r\nX: y")
        assert "x" not in response.headers


def test_tells_the_core_who_asks(builddir):
    with front(builddir, "--socket-mode", "0666") as core:
        frame, _ = exchange(core, STATUS)
        tap.equal(frame["peer"], {"kind": "unix", "uid": os.getuid(), "gid": os.getgid(), "pid": os.getpid()})
        if os.getuid() != 0:
            raise tap.Skip("only root can try another user")
        os.chmod(core.dir, 0o755)
        child = os.fork()
        if child == 0:
            ask_as_nobody(core.path)
        try:
            frame = core.frame()
            tap.equal((frame["peer"]["uid"], frame["peer"]["gid"], frame["peer"]["pid"]), (65534, 65534, child))
            core.send(id=frame["id"], status=200, body={})
        finally:
            os.waitpid(child, 0)


def ask_as_nobody(path):
    """In a child process: ask, wait for the answer, end."""
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(path)
            s.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nX-Uid: 0\r\n\r\n")
            s.recv(1)
    finally:
        os._exit(0)


def test_turns_away_a_user_with_too_many_connections(builddir):
    with front(builddir) as core:
        held = [core.connect() for _ in range(128)]
        try:
            with core.connect() as s:
                response = Reader(s).response()
                tap.equal((response.status, response.json()["code"]), (503, "busy"))
            held.pop().close()
            core.wait_until(lambda: serves(core))
        finally:
            for s in held:
                s.close()


def serves(core):
    with core.connect() as s:
        try:
            s.sendall(STATUS)
        except OSError:
            return False
        frame = core.frame(0.1)
        if frame:
            core.send(id=frame["id"], status=200, body={})
        return frame is not None


def test_survives_five_hundred_broken_requests(builddir):
    dice = random.Random(20260101)
    good = post(b'{"action": "apply", "persona": "web"}', extra=b"Accept: */*\r\n")
    with front(builddir) as core:
        for _ in range(500):
            bad = bytearray(good)
            for _ in range(dice.randint(1, 6)):
                at = dice.randrange(len(bad))
                kind = dice.randrange(3)
                if kind == 0:
                    bad[at] = dice.randrange(256)
                elif kind == 1:
                    del bad[at:at + dice.randint(1, 9)]
                else:
                    bad[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 9)))
            with core.connect() as s:
                s.sendall(bytes(bad))
                s.shutdown(socket.SHUT_WR)
                frame = core.frame(0.005)
                if frame:
                    json.dumps(frame)
                    core.send(id=frame["id"], status=200, body={})
        while core.frame(0.05):
            pass
        tap.equal(core.process.poll(), None, "recast-front has ended")
        exchange(core, STATUS)
