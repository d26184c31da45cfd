# SPDX-License-Identifier: GPL-3.0-or-later
"""recast-front over TLS.  All of test_http and test_stream is run once more through it."""
import atexit
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import xml.etree.ElementTree

import tap
import test_http
import test_stream
from certificates import Authority, free_port, openssl
from fakecore import PATIENCE, FakeCore, Reader
from test_http import HOST, STATUS


class HalfClosing(ssl.SSLSocket):
    """As any socket: shutdown() of one half leaves the other readable."""

    def shutdown(self, how):
        socket.socket.shutdown(self, how)


class Door:
    """A CA and a server's certificate in a folder of its own, used by all tests of this file."""

    def __init__(self):
        self.dir, self.owner = tempfile.mkdtemp(prefix="recast-tls-"), os.getpid()
        atexit.register(self.remove)
        self.ca = Authority(self.dir)
        self.server = self.ca.issue("server", "/CN=localhost", "serverAuth")
        self.client = self.ca.issue("ci", "/O=Example/CN=ci")

    def remove(self):
        if os.getpid() == self.owner:  # and not one of the processes that run tests beside each other
            shutil.rmtree(self.dir, ignore_errors=True)


DOOR = Door()


class TlsCore(FakeCore):
    def __init__(self, builddir, *options, files=None, host="127.0.0.1", **more):
        self.host, self.port = host, free_port(host)
        super().__init__(os.path.join(builddir, "recast-front"), *options,
                         tls=("[%s]:%d" if ":" in host else "%s:%d") % (host, self.port),
                         files=(*DOOR.server, DOOR.ca.pem) if files is None else files, **more)

    admits = True

    def frame(self, patience=PATIENCE):
        """Who sends a large body is asked for first; answered here but when a test wants to see it."""
        frame = super().frame(patience)
        while self.admits and frame and frame.get("path") == "/v1/whoami":
            tap.equal((frame["method"], frame["body"]), ("GET", None))
            self.send(id=frame["id"], status=200, body={})
            frame = super().frame(patience)
        return frame

    def raw(self, source=None):
        s = socket.create_connection((self.host, self.port), PATIENCE, (source, 0) if source else None)
        s.settimeout(PATIENCE)
        return s

    def connect(self, certificate=None, source=None, alpn=("http/1.1",), context=None):
        context = context or DOOR.ca.context(certificate)
        context.sslsocket_class = HalfClosing
        if alpn:
            context.set_alpn_protocols(alpn)
        return context.wrap_socket(self.raw(source), server_hostname="localhost")

    def unix(self):
        return FakeCore.connect(self)

    def is_cut(self, s):
        """The connection ends without an answer, and without a reset."""
        s.settimeout(PATIENCE)
        return s.recv(1) == b""


def ask(core, s, request=STATUS, **answer):
    s.sendall(request)
    frame = core.frame()
    core.send(**{"id": frame["id"], "status": 200, "body": {}, **answer})
    return frame, Reader(s).response()


# What holds on the unix socket holds over TLS as well.

def over_tls(module, function):
    def test(builddir):
        plain = module.front
        module.front = lambda builddir, *options, **more: TlsCore(builddir, *options, **more)
        kept, test_http.refused.__globals__["front"] = test_http.front, module.front
        try:
            function(builddir)
        finally:
            module.front = plain
            test_http.front = kept
    return test


ABOUT_THE_UNIX_SOCKET = {"test_tells_the_core_who_asks", "test_turns_away_a_user_with_too_many_connections",
                         "test_refuses_a_body_that_is_too_large"}  # the last one has its sibling below
for _module in (test_http, test_stream):
    for _name, _function in list(vars(_module).items()):
        if _name.startswith("test_") and callable(_function) and _name not in ABOUT_THE_UNIX_SOCKET:
            globals()["test_over_tls_it_" + _name[5:]] = over_tls(_module, _function)


def test_tells_the_core_the_address_and_no_subject_without_a_certificate(builddir):
    with TlsCore(builddir) as core, core.connect() as s:
        frame, _ = ask(core, s)
        tap.equal(frame["peer"], {"kind": "tls", "address": "127.0.0.1"})
        tap.equal((s.version(), s.selected_alpn_protocol()), ("TLSv1.3", "http/1.1"))
    with TlsCore(builddir, host="::1") as core, core.connect() as s:
        tap.equal(ask(core, s)[0]["peer"], {"kind": "tls", "address": "::1"})


def test_tells_the_core_the_subject_of_a_certificate_that_was_verified(builddir):
    for n, (subject, told) in enumerate((("/O=Example/CN=ci", "CN=ci,O=Example"),
                                         ("/DC=org/O=a\\, b\\+c/CN=x\\\"y", "CN=x\\\"y,O=a\\, b\\+c,DC=org"),
                                         ("/CN=J\u00fcrgen", "CN=J\u00fcrgen"))):
        certificate = DOOR.ca.issue("subject%d" % n, subject)
        with TlsCore(builddir) as core, core.connect(certificate) as s:
            tap.equal(ask(core, s)[0]["peer"], {"kind": "tls", "address": "127.0.0.1", "subject": told})


def does_not_come_in(core, certificate):
    """In TLS 1.3 a client learns only after its own handshake that it is not wanted."""
    try:
        with core.connect(certificate) as s:
            s.sendall(STATUS)
            assert not s.recv(1), "it was answered"
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        pass
    tap.equal(core.frame(0.05), None, "the core saw it")


def test_refuses_certificates_of_others_and_those_that_are_not_for_clients(builddir):
    other = Authority(DOOR.dir, "other")
    with TlsCore(builddir) as core:
        does_not_come_in(core, other.issue("stranger", "/O=Example/CN=ci"))
        does_not_come_in(core, DOOR.ca.issue("wrong-use", "/O=Example/CN=ci", "serverAuth"))
        does_not_come_in(core, DOOR.ca.issue("ended", "/O=Example/CN=ci", days=-1))
        does_not_come_in(core, DOOR.ca.issue("long", "/CN=" + "x" * 60 + "/OU=" + "y" * 60 + "/O=" + "z" * 60 + "/L=" + "w" * 100))
        with core.connect(DOOR.client) as s:
            ask(core, s)


def test_asks_for_no_certificate_without_a_ca(builddir):
    with TlsCore(builddir, files=DOOR.server) as core, core.connect(DOOR.client) as s:
        tap.equal(ask(core, s)[0]["peer"], {"kind": "tls", "address": "127.0.0.1"})


def test_serves_no_boot_paths_over_tls(builddir):
    with TlsCore(builddir) as core:
        with core.connect() as s:
            s.sendall(b"GET /boot/config?mac=52:54:00:00:00:01 HTTP/1.1\r\n" + HOST + b"\r\n")
            tap.equal(Reader(s).response().status, 404)
        tap.equal(core.frame(0.05), None, "the core saw it")


def test_closes_cleanly_on_plain_http_and_on_garbage(builddir):
    with TlsCore(builddir) as core:
        for bytes_ in (STATUS, STATUS + b"x" * 20000, os.urandom(4096), b"\x16\x03\x01\x40\x00" + b"\0" * 100, b"SSH-2.0-x\r\n"):
            with core.raw() as s:
                s.sendall(bytes_)
                if bytes_[:1] == b"\x16":
                    s.shutdown(socket.SHUT_WR)
                while s.recv(4096):  # an alert perhaps; a reset would raise
                    pass
        with core.connect() as s:
            ask(core, s)


def test_refuses_a_client_that_wants_another_protocol(builddir):
    with TlsCore(builddir) as core:
        with core.connect(alpn=("h2", "http/1.1")) as s:
            tap.equal(s.selected_alpn_protocol(), "http/1.1")
        with core.connect(alpn=()) as s:
            ask(core, s)
        try:
            with core.connect(alpn=("smtp",)) as s:
                raise AssertionError("spoke %r" % s.selected_alpn_protocol())
        except ssl.SSLError:
            pass


def test_ends_a_handshake_that_takes_too_long(builddir):
    with TlsCore(builddir, "--handshake-timeout", "300ms") as core:
        for start in (b"", b"\x16\x03\x01\x02\x00"):
            with core.raw() as s:
                s.sendall(start)
                begin = time.monotonic()
                assert core.is_cut(s)
                assert 0.2 < time.monotonic() - begin < 3


def test_limits_connections_per_address(builddir):
    with TlsCore(builddir, "--handshake-timeout", "60s") as core:
        held = [core.connect() for _ in range(32)]
        with core.raw() as s:
            assert core.is_cut(s), "the 33rd came in"
        with core.connect(source="127.0.0.2") as s:
            ask(core, s)
        held.pop().close()
        core.wait_until(lambda: not core.is_refused())
        for s in held:
            s.close()


def test_drops_a_reader_that_talked_before_its_stream_began(builddir):
    with TlsCore(builddir) as core, core.connect() as s, core.connect() as other:
        s.sendall(STATUS)
        frame = core.frame()
        s.sendall(b"x")
        ask(core, other)  # by now it has arrived
        core.send(id=frame["id"], status=200, stream=True, type="text/plain")
        tap.equal(core.frame(), {"id": frame["id"], "closed": True})


def is_refused(core):
    try:
        with core.connect() as s:
            return not s.version()
    except (ssl.SSLError, OSError):
        return True


TlsCore.is_refused = is_refused


def test_a_crowd_that_says_nothing_gives_way_to_those_who_speak(builddir):
    with TlsCore(builddir) as core:
        crowd = [core.raw("127.0.1.%d" % (i // 32 + 1)) for i in range(660)]
        with core.connect(source="127.0.0.2") as s, core.unix() as u:
            ask(core, s)
            ask(core, u)
        for c in crowd:
            c.close()


def test_too_many_wrong_tokens_are_not_asked_any_more(builddir):
    with TlsCore(builddir) as core:
        for _ in range(10):
            with core.connect() as s:
                tap.equal(ask(core, s, status=401)[1].status, 401)
        with core.connect() as s:
            s.sendall(STATUS)
            response = Reader(s).response()
            tap.equal((response.status, response.json()["code"]), (429, "rate-limited"))
            assert 1 <= int(response.headers["retry-after"]) <= 60, response.headers
        tap.equal(core.frame(0.05), None, "the core was asked")
        with core.connect(source="127.0.0.2") as s:
            ask(core, s)  # others are not meant
        with core.unix() as u:
            tap.equal(ask(core, u, status=401)[1].status, 401)


def test_a_connection_that_stays_open_is_braked_as_well(builddir):
    with TlsCore(builddir) as core, core.connect() as s:
        for _ in range(10):
            tap.equal(ask(core, s, status=401)[1].status, 401)
        s.sendall(STATUS)
        tap.equal(Reader(s).response().status, 429)


def served(core):
    with core.connect(context=core.any_ca) as s:
        return s.getpeercert(binary_form=True)


def test_certificates_change_for_new_connections_and_bad_ones_change_nothing(builddir):
    other = Authority(DOOR.dir, "second")
    second = other.issue("second-server", "/CN=localhost", "serverAuth")
    locked = os.path.join(DOOR.dir, "locked.key")
    subprocess.run(["openssl", "ec", "-in", DOOR.server[1], "-aes256", "-passout", "pass:x", "-out", locked], check=True,
                   capture_output=True)
    empty = os.path.join(DOOR.dir, "empty")
    open(empty, "w").close()
    with TlsCore(builddir) as core:
        core.any_ca = DOOR.ca.context()
        core.any_ca.load_verify_locations(other.pem)
        tap.equal(core.verdict(), b"+")
        first = served(core)
        with core.connect() as old:
            core.hand_over(*second, other.pem)
            tap.equal(core.verdict(), b"+")
            changed = served(core)
            assert changed != first
            ask(core, old)  # those who are in stay in
        for files in ((DOOR.server[0], second[1]), (second[1], second[0]), (second[0], locked), (*second, second[1]),
                      (empty, second[1]), (second[0],)):
            core.hand_over(*files)
            tap.equal(core.verdict(), b"-", repr(files))
            tap.equal(served(core), changed, repr(files))
        tap.contains(core.log().decode(), "tls_key does not belong to tls_certificate")
        tap.contains(core.log().decode(), "the certificate before is still served")
        does_not_come_in(core, DOOR.client)  # its CA is not asked any more


def test_without_a_certificate_tls_is_closed_and_the_unix_socket_open(builddir):
    with TlsCore(builddir, files=(DOOR.server[0], DOOR.server[0])) as core:
        tap.equal(core.verdict(), b"-")
        with core.raw() as s:
            assert core.is_cut(s)
        with core.unix() as u:
            ask(core, u)
        core.hand_over(*DOOR.server)
        tap.equal(core.verdict(), b"+")
        with core.connect() as s:
            ask(core, s)


def test_reads_a_large_body_only_of_somebody_whom_the_core_knows(builddir):
    def head(n, path=b"/v1/define"):
        return (b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Authorization: Bearer x\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % n)

    mib = 1 << 20
    body = b'{"x": "' + b"y" * (8 * mib - 9) + b'"}'
    with TlsCore(builddir) as core:
        core.admits = False
        with core.connect() as s:
            s.sendall(head(len(body)))
            frame = core.frame()
            tap.equal((frame["path"], frame["headers"]["authorization"], frame["body"]), ("/v1/whoami", "Bearer x", None))
            s.settimeout(0.2)
            try:
                raise AssertionError("it said %r" % s.recv(100))
            except TimeoutError:
                pass
            s.settimeout(PATIENCE)
            core.send(id=frame["id"], status=200, body={})
            tap.equal(Reader(s).until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
            s.sendall(body)
            frame = core.frame()
            tap.equal((frame["path"], len(frame["body"]["x"])), ("/v1/define", 8 * mib - 9))
            core.send(id=frame["id"], status=200, body={})
            tap.equal(Reader(s).response().status, 200)
        with core.connect() as s:
            s.sendall(head(len(body)))
            core.send(id=core.frame()["id"], status=401, body={"code": "unauthenticated"})
            response = Reader(s).response()
            tap.equal((response.status, response.headers["connection"]), (401, "close"))
        tap.equal(core.frame(0.05), None, "the core saw the body")
        for n, path in ((8 * mib + 1, b"/v1/define"), (mib + 1, b"/v1/runs")):
            with core.connect() as s:
                s.sendall(head(n, path))
                tap.equal(Reader(s).response().status, 413)
        tap.equal(core.frame(0.05), None, "the core was asked")
        with core.connect() as s:  # a small one is not worth a question
            small = b'{"x": "' + b"y" * 60000 + b'"}'
            s.sendall(head(len(small)) + small)
            tap.equal(core.frame()["path"], "/v1/define")


def test_all_kinds_of_keys_and_versions_work_under_the_filter(builddir):
    for kind in ("RSA", "EC", "ED25519"):
        server = DOOR.ca.issue("server-" + kind, "/CN=localhost", "serverAuth", kind=kind)
        client = DOOR.ca.issue("client-" + kind, "/CN=" + kind, kind=kind)
        with TlsCore(builddir, files=(*server, DOOR.ca.pem)) as core:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = DOOR.ca.context(client)
                context.minimum_version = context.maximum_version = version
                with core.connect(context=context) as s:
                    tap.equal(ask(core, s)[0]["peer"]["subject"], "CN=" + kind)


def test_many_cas_are_sorted_without_a_forbidden_call(builddir):
    """The C library looks at the size of the memory when it sorts more than a kilobyte."""
    many = os.path.join(DOOR.dir, "many.pem")
    with open(many, "w") as out:
        for n in range(150):
            one = os.path.join(DOOR.dir, "one.pem")
            openssl("req", "-x509", "-new", "-key", DOOR.ca.path("ca.key"), "-subj", "/CN=CA %d" % n, "-days", "3", "-out", one)
            with open(one) as f:
                out.write(f.read())
        with open(DOOR.ca.pem) as f:
            out.write(f.read())
    with TlsCore(builddir, files=DOOR.server) as core:
        core.verdict()
        core.hand_over(*DOOR.server, many)
        tap.equal(core.verdict(), b"+")
        with core.connect(DOOR.client) as s:
            tap.equal(ask(core, s)[0]["peer"]["subject"], "CN=ci,O=Example")


def test_tells_its_counters_to_who_asks_for_metrics(builddir):
    with TlsCore(builddir) as core:
        with core.raw() as s:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert core.is_cut(s)
        with core.connect() as s:
            frame, _ = ask(core, s)
            assert "front" not in frame
            frame, _ = ask(core, s, b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
            told = frame["front"]
            tap.equal((told["accepted"]["tls"], told["open"]["unix"], told["handshakes"], told["handshakes_failed"],
                       told["requests"]), (2, 0, 1, 1, 2))
            assert time.time() < told["certificate_not_after"] < time.time() + 31 * 86400


def test_curl_comes_in_with_a_certificate_and_without(builddir):
    with TlsCore(builddir) as core:
        for extra, peer in (([], None), (["--cert", DOOR.client[0], "--key", DOOR.client[1]], "CN=ci,O=Example"),
                            (["--tls-max", "1.2"], None)):
            curl = subprocess.Popen(["curl", "-sS", "--cacert", DOOR.ca.pem, *extra, "https://localhost:%d/v1/status" % core.port],
                                    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            frame = core.frame()
            tap.equal(frame["peer"].get("subject"), peer)
            core.send(id=frame["id"], status=200, body={"x": "y" * 100000})
            tap.equal(len(curl.communicate(timeout=PATIENCE)[0]), 100000 + 9)


def test_sslscan_finds_nothing_old_and_nothing_weak(builddir):
    with TlsCore(builddir) as core:
        out = subprocess.run(["sslscan", "--xml=-", "--show-certificate", "127.0.0.1:%d" % core.port], capture_output=True,
                             text=True, timeout=50).stdout
        found = xml.etree.ElementTree.fromstring(out[out.index("<?xml"):])
    protocols = {(p.get("type") + p.get("version")): p.get("enabled") for p in found.iter("protocol")}
    tap.equal(protocols, {"ssl2": "0", "ssl3": "0", "tls1.0": "0", "tls1.1": "0", "tls1.2": "1", "tls1.3": "1"})
    ciphers = {(c.get("sslversion"), c.get("cipher")): c for c in found.iter("cipher")}
    tap.equal({name for _, name in ciphers},
              {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256",
               "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"})
    tap.equal({c.get("strength") for c in ciphers.values()} - {"acceptable", "strong"}, set(), "strength")
    for what, sign in (("compression", "supported"), ("renegotiation", "supported"), ("heartbleed", "vulnerable")):
        tap.equal({c.get(sign) for c in found.iter(what)} - {"0"}, set(), what)
    print("# sslscan: %s; %d ciphers" % (protocols, len(ciphers)))
