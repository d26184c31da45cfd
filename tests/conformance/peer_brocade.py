# SPDX-License-Identifier: GPL-3.0-or-later
"""lab/fos, a switch with Fabric OS' REST interface, over HTTPS in the private network.  What goes through a proxy or a fake
goes through a bridge that speaks TLS with the switch's certificate on one side and a unix socket on the other."""
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import sys
import threading
import time

import sandbox
from cases import all_done, check, converge, error_of, observed, same
from cases_fabric import ARRAY, GONE, HOST, expected, holds, once, waits, zone
from peer import Listener, Peer, Proxy
from peer_ovsdb import fingerprint

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from certificates import Authority, free_port as free_tcp  # noqa: E402

USER, PASSWORD = "recast", "Zoning-Pa55word:of-the-lab"


def whole_request(tls, data):
    """The next request, head and body, and what has come after it; (b"", b"") when there is none any more."""
    def more():
        chunk = tls.recv(1 << 20)
        if not chunk:
            raise EOFError
        return chunk

    try:
        while b"\r\n\r\n" not in data:
            data += more()
        head = data.index(b"\r\n\r\n") + 4
        length = re.search(rb"(?im)^content-length: *(\d+)", data[:head])
        end = head + int(length.group(1) if length else 0)
        while len(data) < end:
            data += more()
    except EOFError:
        return b"", b""
    return data[:end], data[end:]


class Bridge(Listener):
    """TLS on a port of its own; requests go to a unix socket, each in one piece, and what it answers comes back."""

    def __init__(self, context, path):
        self.context, self.path = context, path
        super().__init__(socket.create_server(("127.0.0.1", 0), backlog=64))
        self.address = "https://127.0.0.1:%d" % self.listener.getsockname()[1]

    def serve(self, client):
        threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            client.settimeout(10)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.context.wrap_socket(client, server_side=True) as tls, socket.socket(socket.AF_UNIX) as inner:
                inner.connect(self.path)
                back = threading.Thread(target=self._back, args=(inner, tls), daemon=True)
                back.start()
                tls.settimeout(None)
                request, rest = whole_request(tls, b"")
                while request:
                    inner.sendall(request)
                    request, rest = whole_request(tls, rest)
                inner.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass

    @staticmethod
    def _back(inner, tls):
        try:
            while chunk := inner.recv(1 << 16):
                tls.sendall(chunk)
        except (OSError, ValueError):
            pass
        try:
            tls.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class BrocadePeer(Peer):
    driver = "brocade"
    cls = "fabric"
    needs = {"openssl": "openssl"}
    unknown_object = "zone:nosuch"
    secrets = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
    firmware = "9.1.1"
    args = ()
    free_port = "9"
    # What drivers that were killed leave logged in ends soon, and there is room for it; see the cases for the limit itself.
    session_seconds, max_sessions = "1", "10"

    def start(self):
        self.dir, self.bridges = sandbox.folder(), {}
        self.ca = Authority(self.dir)
        self.ca.issue("server", "/CN=fab-a", "serverAuth")
        with open(f"{self.dir}/password", "w", encoding="utf-8") as f:
            f.write(PASSWORD + "\n")
        self.plain, self.port = f"{self.dir}/plain", free_tcp()
        self.process = sandbox.start(
            [f"{TOP}/lab/fos/fos", "--https", f"127.0.0.1:{self.port}", "--cert", self.ca.path("server.pem"), "--key",
             self.ca.path("server.key"), "--plain", self.plain, "--control", f"{self.dir}/control", "--log", f"{self.dir}/log",
             "--user", USER, "--password-file", f"{self.dir}/password", "--firmware", self.firmware, "--session-seconds",
             self.session_seconds, "--max-sessions", self.max_sessions, *self.args], f"{self.dir}/output")
        sandbox.wait_until("fos", self._is_up)
        self.order(database={
            "aliases": {"tape1": ["50:00:00:00:00:00:0F:01"]},
            "zones": {"backup": ["tape1", "10:00:00:00:00:00:0f:02"], "byport": ["1,4", "1,5"],
                      "oldpeer": {"members": ["10:00:00:00:00:00:0f:03"], "principals": ["50:00:00:00:00:00:0f:04"]},
                      "spare": ["10:00:00:00:00:00:0f:05", "10:00:00:00:00:00:0f:06"]},
            "cfgs": {"prod": ["backup", "byport", "oldpeer"], "test": ["spare"]}, "enable": "prod"})

    def _is_up(self):
        if self.process.poll() is not None:
            with open(f"{self.dir}/output", encoding="utf-8") as f:
                raise RuntimeError(f.read())
        try:
            return self.show("activations") == 0
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def stop(self):
        for b in self.bridges.values():
            b.close()
        sandbox.end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def order(self, **order):
        return sandbox.order(f"{self.dir}/control", **order)

    def show(self, what):
        return self.order(show=what)[what]

    def log(self):
        with open(f"{self.dir}/log", encoding="utf-8") as f:
            return f.read()

    def fault(self, name, n=1, on="", **more):
        self.order(fault=name, n=n, on=on, **more)

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca.path("server.pem"), self.ca.path("server.key"))
        return context

    def options(self, name):
        return {"address": f"https://127.0.0.1:{self.port}", "user": USER, "password": PASSWORD}

    def bad_auth_options(self):
        return dict(self.options("dev"), password="wrong")

    def nobody_options(self):
        return dict(self.options("dev"), address="https://127.0.0.1:1")

    def fake_options(self, path):
        if path not in self.bridges:
            self.bridges[path] = Bridge(self.context(), path)
        return {"address": self.bridges[path].address}

    def proxy(self, **how):
        return Proxy(self.plain, f"{self.dir}/proxy", **how)

    def cut_points(self):
        # login, switch, effective, defined, lock; two additions, two removals, the activation; reading again.
        return [1, 3, 5, 6, 7, 8, 9, 10, 11]

    def pin(self, _name):
        return fingerprint(self.ca.path("server.pem"))

    def heard(self):
        return self.show("requests")

    def silence(self):
        def state(task):
            with open(f"/proc/{self.process.pid}/task/{task}/stat", encoding="utf-8") as f:
                return f.read().rpartition(")")[2].split()[0]

        self.process.send_signal(signal.SIGSTOP)
        sandbox.wait_until("the stop", lambda: all(state(t) == "T" for t in os.listdir(f"/proc/{self.process.pid}/task")))

    def speak(self):
        self.process.send_signal(signal.SIGCONT)

    def restart(self):
        self.order(reboot=True)

    def dump(self):
        return json.dumps([self.show("database"), {n: {k: p[k] for k in ("enabled", "persistent")} for n, p in
                                                   self.show("ports").items()}], sort_keys=True, indent=1)

    def foreign_dump(self):
        def mine(part):
            return {k: v for k, v in part.items() if not k.startswith("recast_")}

        db = self.show("database")
        return json.dumps({"zones": mine(db["zones"]), "effective": mine(db["effective"]), "aliases": db["aliases"], "cfg": db["cfg"],
                           "cfgs": {k: [z for z in v if not z.startswith("recast_")] for k, v in db["cfgs"].items()}}, sort_keys=True)

    def native_check(self, document):
        db = self.show("database")
        for z in document["zones"].values():
            is_ = db["effective"][z["name"]]
            check(sorted(is_["members"] + is_["principals"]) == z["members"], f"{z} {is_}")
            check(z["name"] in db["cfgs"]["prod"] and db["zones"][z["name"]] == is_, f"{z}: defined otherwise")

    def activations(self):
        return self.show("activations")

    def login(self, wwpn, port):
        check(self.order(login=wwpn, port=port)["in"], "it was not let in")

    def logout(self, wwpn):
        self.order(logout=wwpn)

    def lock(self, user, seconds):
        self.order(lock={"user": user, "seconds": seconds})

    def unlock(self):
        self.order(unlock=True)

    def read_only_config(self):
        self.order(disable=True)

    def wishes(self, generation=1):
        return [zone("web.hba0", generation), zone("db.hba0", generation, 2)]

    def other_wishes(self, generation=2):
        return [zone("web.hba0", generation, 3), zone("db.hba0", generation, 4, ARRAY[:1])]

    def expect(self, change):
        return expected(change)


# What stands in a request, for proxies that look for it.
ADDITION = (b"POST ", b"/defined-configuration ", b'"zone"')
LISTING = (b"POST ", b"/defined-configuration ", b'"cfg"')
ACTIVATION = (b"PATCH ", b"/effective-configuration ", b'"cfg-name"')


# The requests of a change that makes one zone and takes another away, as fos names them.
WRITES = ("POST defined-configuration", "DELETE defined-configuration", "PATCH effective-configuration")


@contextlib.contextmanager
def between(lab, d, name="late", **how):
    """The same device again as @name, behind a proxy that breaks so."""
    p = lab.peer
    proxy = p.proxy(**how)
    try:
        check(lab.open(d, name, options=dict(p.options("dev"), **p.fake_options(proxy.path))).get("ok"), "open")
        yield
    finally:
        proxy.close()
    check(proxy.reached, "what it waited for never came: the case proves nothing")


def nothing_left(p):
    check(p.show("transactions") == [], f"changes stay open: {p.show('transactions')}")


def requests_of(p, lines):
    return [" ".join(x.split()[3:5]) for x in lines if " request " in x]


def twelve_zones_are_ten_requests_and_a_login(lab):
    d, p = lab.opened(), lab.peer
    wishes = [zone(f"p{n}.hba0", host=n) for n in range(1, 13)]
    all_done(d.apply("dev", wishes), wishes)
    asked = requests_of(p, p.log().splitlines())
    check(len(asked) == 10 and asked[0] == "POST /rest/login", f"{asked}")
    check(sum(x.startswith("PATCH") for x in asked) == 1, f"{asked}")
    nothing_left(p)


def the_zones_are_peer_zones_with_the_targets_as_principals(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("web.hba0")]))
    z = p.show("database")["zones"]["recast_web_hba0_g1"]
    check(z == {"type": 1, "members": [HOST.format(1)], "principals": ARRAY}, f"{z}")
    lab.open(d, "plain", options=dict(p.options("dev"), zoning="plain"))
    all_done(d.call("apply", "plain", changes=[zone("db.hba0", host=2)]))
    z = p.show("database")["zones"]["recast_db_hba0_g1"]
    check(z["type"] == 0 and sorted(z["members"]) == sorted([HOST.format(2), *ARRAY]), f"{z}")
    # The kind of a zone cannot be changed: it is made anew, in the same transaction.
    before = p.activations()
    all_done(d.apply("dev", [zone("db.hba0", host=2)]))
    check(p.show("database")["zones"]["recast_db_hba0_g1"]["type"] == 1 and p.activations() == before + 1, "it stayed plain")


def anothers_open_changes_are_told_and_never_saved(lab):
    d, p = lab.opened(), lab.peer
    p.order(open={"user": "dave", "ip": "10.9.8.7", "seconds": 170, "zones": {"half": ["10:00:00:00:00:00:0e:01"]}})
    before = p.dump()
    waits(once(d, zone("web.hba0")), "dave", "10.9.8.7", "s left", "dev")
    same(p.dump(), before)
    check(len(p.show("transactions")) == 1, "his changes are gone")
    check("abort" not in p.log(), "somebody's transaction was aborted")
    check(not [x for x in requests_of(p, p.log().splitlines()) if x.split()[0] in ("PATCH", "DELETE") or "POST /rest/run" in x],
          "it tried to write")
    p.unlock()
    all_done(d.apply("dev", [zone("web.hba0")]))


def a_lock_that_is_taken_while_we_write_is_not_broken(lab):
    d, p = lab.opened(), lab.peer
    with between(lab, d, cut=ADDITION, hook=lambda: p.lock("erin", 60)):
        before = p.dump()
        waits(once(d, zone("web.hba0"), device="late"), "erin")
        same(p.dump(), before)
        check([t["user"] for t in p.show("transactions")] == ["erin"], f"{p.show('transactions')}")


def what_somebody_commits_meanwhile_is_not_overwritten(lab):
    d, p = lab.opened(), lab.peer
    wish, his = zone("web.hba0"), {"user": "dave", "zones": {"new": ["10:00:00:00:00:00:0e:01"]}, "cfgs": {"prod": ["new"]},
                                   "enable": "prod"}
    with between(lab, d, cut=ACTIVATION, hook=lambda: p.order(commit=his)):
        before = p.activations()
        waits(once(d, wish, device="late"), "somebody else")
        db = p.show("database")
        check("new" in db["effective"] and "recast_web_hba0_g1" not in db["zones"], "his or ours")
        check(p.activations() == before + 1, "ours was forced")
        nothing_left(p)
        all_done(d.apply("late", [wish]), [wish])
        check("new" in p.show("database")["effective"], "his zone is gone")


def what_is_saved_and_not_in_force_is_not_taken_along(lab):
    d, p = lab.opened(), lab.peer
    p.order(commit={"zones": {"later": ["10:00:00:00:00:00:0e:01"]}, "cfgs": {"prod": ["later"]}})
    before = p.dump()
    waits(once(d, zone("web.hba0")), "later")
    same(p.dump(), before)
    p.order(commit={"enable": "prod"})
    all_done(d.apply("dev", [zone("web.hba0")]))


def the_sessions_of_a_switch_are_few_and_ours_is_given_back(lab):
    d, p = lab.opened(), lab.peer
    p.order(session_seconds=600)
    all_done(d.apply("dev", [zone("web.hba0")]))
    check(len(p.show("sessions")) == 1, "more than one session")
    sandbox.wait_until("the logout", lambda: "logged out" in p.log(), 8)
    check(p.show("sessions") == [], f"{p.show('sessions')}")
    p.fault("sessions", 2)
    waits(once(d, zone("db.hba0", host=2)), "session")
    check(error_of(d.call("observe", "dev", objects=["config"])) == "busy", "no session is to be had")
    all_done(d.apply("dev", [zone("db.hba0", host=2)]))
    check(d.call("close", "dev").get("ok") is True and p.show("sessions") == [], "a closed device keeps its session")


def sessions_that_killed_drivers_left_are_waited_for(lab):
    d, p = lab.opened(), lab.peer
    p.order(max_sessions=2)
    for _ in range(2):
        all_done(d.apply("dev", [zone("web.hba0")]))
        lab.discard(d)
        d = lab.opened()
    began = time.monotonic()
    r = once(d, zone("web.hba0", 2))
    waits(r, "all of its REST sessions are taken")
    check("max-rest-sessions" in r["error"]["hint"], f"{r}")
    all_done(d.apply("dev", [zone("web.hba0", 2)]))
    check(time.monotonic() - began < 4, "they had ended long since")


def an_error_gives_the_session_back_all_the_same(lab):
    d, p = lab.opened(), lab.peer
    p.order(session_seconds=600)
    p.fault("garbage", 1, "GET fibrechannel-switch")
    check(error_of(d.call("observe", "dev", objects=["config"])) == "protocol", "code")
    check(p.show("sessions") == [], f"{p.show('sessions')}")
    p.fault("full", 1)
    r = once(d, zone("web.hba0"))
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused" and "too large" in r["error"]["text"], f"{r}")
    nothing_left(p)
    check(d.call("close", "dev").get("ok") is True and p.show("sessions") == [], "a session is left")


def a_session_that_ended_is_begun_anew(lab):
    d, p = lab.opened(), lab.peer
    p.order(session_seconds=600)
    all_done(d.apply("dev", [zone("web.hba0")]))
    p.order(expire=True)
    holds(d, zone("web.hba0"))
    for n, on in enumerate(WRITES, 2):
        p.fault("expired", 1, on)
        r = once(d, zone("web.hba0", n))
        check(r["status"] in ("not_applied", "unknown") and r["error"]["code"] == "unreachable", f"{on}: {r}")
        holds(d, zone("web.hba0", n - 1))
        all_done(d.apply("dev", [zone("web.hba0", n)]))
        nothing_left(p)
        holds(d, zone("web.hba0", n))


def writes_whose_answers_break_off_converge(lab):
    d, p, n = lab.opened(), lab.peer, 1
    all_done(d.apply("dev", [zone("web.hba0")]))
    for fault in ("garbage", "truncate", "hollow", "drop-before", "drop-after"):
        for on in WRITES:
            n += 1
            wish = zone("web.hba0", n)
            p.fault(fault, 1, on)
            r = once(d, wish)
            check(p.show("faults") == [], f"{fault} {on}: it was not met")
            told = {z["name"] for z in d.call("observe", "dev")["document"]["zones"].values() if z["managed"] and z["active"]}
            check(told == {f"recast_web_hba0_g{n}"} or r["status"] != "done", f"{fault} {on}: {r}, and there is {told}")
            check(told == {f"recast_web_hba0_g{n - 1}"} or r["status"] != "not_applied", f"{fault} {on}: {r}, and there is {told}")
            nothing_left(p)
            all_done(d.apply("dev", [wish]))
            holds(d, wish)


def a_write_that_hangs_ends_at_the_deadline(lab):
    d, p, n = lab.opened(), lab.peer, 1
    all_done(d.apply("dev", [zone("web.hba0")]))
    for on in WRITES:
        n += 1
        p.fault("slow", 1, on, ms=2500)
        began = time.monotonic()
        r = once(d, zone("web.hba0", n), deadline_ms=1200)
        check(time.monotonic() - began < 1.3, f"{on}: it took longer than it had")
        check(r["status"] == ("unknown" if on.startswith("PATCH") else "not_applied") and r["error"]["code"] == "unreachable", f"{on}: {r}")
        nothing_left(p)
        all_done(d.apply("dev", [zone("web.hba0", n)]))
        holds(d, zone("web.hba0", n))


def changes_that_the_switch_gave_up_are_not_told_as_done(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("web.hba0")]))
    for n, at in enumerate((ADDITION, LISTING, ACTIVATION), 2):
        with between(lab, d, f"late{n}", cut=at, hook=lambda: p.order(abort=True)):
            r = once(d, zone("web.hba0", n), device=f"late{n}")
        db = p.show("database")
        check(f"recast_web_hba0_g{n}" in db["effective"] if r["status"] == "done" else at != ADDITION, f"{r} {db}")
        check(set(db["effective"]) >= {"backup", "byport", "oldpeer"}, f"{db}")
        nothing_left(p)
        all_done(d.apply("dev", [zone("web.hba0", n)]))
        holds(d, zone("web.hba0", n))


def a_switch_that_is_busy_is_asked_once_more(lab):
    d, p = lab.opened(), lab.peer
    p.order(session_seconds=600)
    for on in ("GET effective-configuration", "POST defined-configuration", "PATCH effective-configuration"):
        p.fault("busy", 1, on)
    all_done({"results": [once(d, zone("web.hba0"), deadline_ms=12000)]})
    p.fault("busy", 2, "GET effective-configuration")
    waits(once(d, zone("db.hba0", host=2)), "busy")
    p.fault("busy", 2, "PATCH effective-configuration")
    waits(once(d, zone("db.hba0", host=2)), "busy")
    nothing_left(p)
    p.fault("not-ready", 1, "GET effective-configuration")
    waits(once(d, zone("db.hba0", host=2)), "not ready")
    all_done(d.apply("dev", [zone("db.hba0", host=2)]))


def a_write_that_is_refused_is_taken_back(lab):
    d, p = lab.opened(), lab.peer
    p.order(session_seconds=600)
    all_done(d.apply("dev", [zone("db.hba0", host=2)]))
    before = p.dump()
    for on in ("POST defined-configuration", "DELETE defined-configuration", "PATCH effective-configuration"):
        p.fault("already", 1, on)
        r = once(d, zone("web.hba0"), zone("db.hba0", 2, 2))
        check(r["status"] == "not_applied" and r["error"]["code"] == "refused" and "exists already" in r["error"]["text"], f"{on}: {r}")
        same(p.dump(), before)
        nothing_left(p)
    p.fault("checksum")
    waits(once(d, zone("web.hba0")), "somebody else")
    same(p.dump(), before)
    nothing_left(p)


def what_is_accepted_and_not_done_is_not_told_as_done(lab):
    d, p = lab.opened(), lab.peer
    p.order(session_seconds=600)
    for fault, on in (("lie", "PATCH effective-configuration"), ("commit-fails", "")):
        p.fault(fault, 1, on)
        r = once(d, zone("web.hba0"))
        check(r["status"] == "unknown" and "not in force" in r["error"]["text"], f"{fault}: {r}")
        nothing_left(p)
    p.fault("lie", 2, "POST defined-configuration")
    check(once(d, zone("web.hba0"))["status"] == "unknown", "both additions were lies")
    all_done(d.apply("dev", [zone("web.hba0")]))


def a_fabric_that_reboots_in_mid_write_converges(lab):
    p = lab.peer
    for cut in range(6, 13):
        lab.restart_peer()
        d = lab.opened()
        converge(lab, d, "dev", p.wishes())
        proxy = p.proxy(cut=cut, hook=p.restart)
        try:
            lab.open(d, "cut", options=dict(p.options("dev"), **p.fake_options(proxy.path)))
            reply = d.call("apply", "cut", changes=p.other_wishes())
        finally:
            proxy.close()
        document = observed(lab, d, "dev", p.other_wishes())
        for c, r in zip(p.other_wishes(), reply.get("results", [])):
            if r["status"] == "done":
                holds(d, c)
        check(document["zones"], "nothing is there")
        converge(lab, d, "dev", p.other_wishes())
        nothing_left(p)


def what_a_killed_driver_left_open_is_taken_back(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("db.hba0", host=2)]))
    before, late = p.dump(), lab.driver()
    with between(lab, late, cut=LISTING, hook=late.process.kill):
        late.send("apply", "late", changes=[zone("web.hba0")])
        sandbox.wait_until("the end of the driver", lambda: late.process.poll() is not None)
    lab.discard(late)
    check([t["user"] for t in p.show("transactions")] == [USER], "no changes stay open: the case proves nothing")
    same(p.dump(), before)
    all_done({"results": [once(d, zone("web.hba0"))]})
    nothing_left(p)
    # The same user from elsewhere, or with another program, is somebody else.
    for stranger in ({"ip": "10.1.1.1", "application": "recast-driver-brocade/0.1"}, {"ip": "127.0.0.1", "application": "curl"}):
        p.order(open={"user": USER, "zones": {"half": ["10:00:00:00:00:00:0e:01"]}, **stranger})
        waits(once(d, zone("web.hba0", 2)), USER)
        check(len(p.show("transactions")) == 1, "it was aborted")
        p.unlock()


def a_list_of_one_is_a_list(lab):
    d, p = lab.opened(), lab.peer
    p.order(commit={"remove": ["byport", "oldpeer"], "enable": "prod"})
    p.login(HOST.format(9), "9")
    document = d.call("observe", "dev")["document"]
    lab.validate(document)
    check(document["zones"]["backup"]["active"] and document["logins"][HOST.format(9)]["port"] == "9", f"{document}")
    all_done(d.apply("dev", [zone("web.hba0", targets=ARRAY[:1])]))
    holds(d, zone("web.hba0", targets=ARRAY[:1]))


def the_last_zone_is_never_taken_away(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("web.hba0")]))
    p.order(commit={"remove": ["backup", "byport", "oldpeer"], "enable": "prod"})
    before = p.dump()
    r = once(d, {"object": "zone:web.hba0", "set": GONE})
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused" and "no zone left" in r["error"]["text"], f"{r}")
    same(p.dump(), before)
    all_done(d.apply("dev", [zone("web.hba0", 2)]))


def an_open_fabric_is_refused_with_what_to_do(lab):
    d, p = lab.opened(), lab.peer
    p.order(default="all")
    r = once(d, zone("web.hba0"))
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused" and "defzone" in r["error"]["hint"], f"{r}")
    p.order(default="none")
    lab.open(d, "other", options=dict(p.options("dev"), cfg="test"))
    r = once(d, zone("web.hba0"), device="other")
    check(r["status"] == "not_applied" and "prod" in r["error"]["text"], f"{r}")


def a_foreign_name_in_the_way_is_a_conflict(lab):
    d, p = lab.opened(), lab.peer
    p.order(commit={"aliases": {"recast_web_hba0_g1": ["10:00:00:00:00:00:0e:01"]}})
    r = d.apply("dev", [zone("web.hba0"), zone("db.hba0", host=2)])["results"]
    check(r[0]["status"] == "not_applied" and r[0]["error"]["code"] == "conflict" and r[1]["status"] == "done", f"{r}")


def the_zone_database_has_an_end(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("web.hba0")]))
    p.order(limit=d.call("observe", "dev", objects=["capacity"])["document"]["capacity"]["used_bytes"] + 20)
    r = once(d, zone("db.hba0", host=2))
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused" and "too large" in r["error"]["text"], f"{r}")
    nothing_left(p)
    holds(d, zone("web.hba0"))


def an_activation_whose_answer_was_lost_is_unknown_and_sent_once(lab):
    d, p, sent = lab.opened(), lab.peer, []
    with between(lab, d, cut=ACTIVATION, watch=sent.append):
        before = p.activations()
        r = once(d, zone("web.hba0"), device="late")
        check(r["status"] == "unknown" and r["error"]["code"] == "unreachable", f"{r}")
        check(p.activations() == before + 1, "the case proves nothing")
        check(sum(all(x in request for x in ACTIVATION) for request in sent) == 1, f"{sent}")
    nothing_left(p)
    holds(d, zone("web.hba0"))
    check(p.activations() == before + 1, "once more")


def a_port_is_off_when_the_name_server_says_so(lab):
    d, p = lab.opened(), lab.peer
    off = {"object": "port:9", "set": {"enabled": False}}
    p.login(HOST.format(9), "9")
    p.order(linger=True)
    check([once(d, off)["status"] for _ in range(2)] == ["again", "again"], "somebody is logged in there")
    p.logout(HOST.format(9))
    all_done(d.apply("dev", [off]))


def ports_are_shut_for_good(lab):
    d, p = lab.opened(), lab.peer
    off = {"object": "port:9", "set": {"enabled": False}}
    all_done(d.apply("dev", [off, {"object": "port:0/10", "set": {"enabled": False}}]))
    p.restart()
    ports = d.call("observe", "dev", objects=["port:9", "port:0/10", "port:11", "port:99"])["document"]["ports"]
    check([ports[n].get("enabled") for n in ("9", "0/10", "11")] == [False, False, True], f"{ports}")
    check(ports["99"] == {"exists": False}, f"{ports}")
    r = once(d, {"object": "port:99", "set": {"enabled": False}})
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{r}")
    p.fault("lie", 1, "PATCH fibrechannel")
    check(once(d, dict(off, set={"enabled": True}))["status"] == "again", "a lie about a port")
    all_done(d.apply("dev", [dict(off, set={"enabled": True})]))


def a_doubled_wwpn_shuts_a_port_and_that_is_seen(lab):
    d, p = lab.opened(), lab.peer
    wwpn = HOST.format(9)
    p.login(wwpn, "3")
    check(not p.order(login=wwpn, port="4")["in"], "the first one wins")
    document = d.call("observe", "dev", objects=["port:3", "port:4", f"login:{wwpn}"])["document"]
    check(document["ports"]["3"]["link"] and not document["ports"]["4"]["enabled"], f"{document}")
    check(document["logins"][wwpn]["port"] == "3", f"{document}")
    all_done(d.apply("dev", [{"object": "port:4", "set": {"enabled": True}}]))
    p.order(duplicate=1)
    p.login(wwpn, "4")
    document = d.call("observe", "dev", objects=["port:3", f"login:{wwpn}"])["document"]
    check(not document["ports"]["3"]["enabled"] and document["logins"][wwpn]["port"] == "4", f"{document}")


def answers_that_break_off_are_errors(lab):
    d, p = lab.opened(), lab.peer
    for fault in ("truncate", "garbage", "drop-after", "drop-before"):
        for on in ("POST login", "GET effective", "GET defined", "GET fibrechannel-name-server", "GET fabric-lock", "GET fibrechannel-switch"):
            if fault == "truncate" and "login" in on:
                continue  # it has no body
            p.order(expire=True)
            p.fault(fault, 2, on)
            reply = d.call("observe", "dev")
            check(error_of(reply) in ("protocol", "unreachable"), f"{fault} {on}: {reply}")
            p.fault(fault, 0, on)
            check("document" in d.call("observe", "dev"), "afterwards")


def an_answer_without_content_proves_nothing(lab):
    d, p = lab.opened(), lab.peer
    p.login(HOST.format(9), "9")
    gone = {"object": f"login:{HOST.format(9)}", "set": {"online": False}}
    for on in ("fibrechannel-name-server", "brocade-interface/fibrechannel", "effective-configuration", "defined-configuration", "fabric-lock"):
        p.fault("hollow", 1, "GET " + on)
        reply = d.call("apply", "dev", changes=[gone, zone("web.hba0"), {"object": "port:9", "set": {"enabled": False}}])
        check(error_of(reply) == "protocol" and on.rpartition("/")[2] in reply["error"]["text"] or "checksum" in reply["error"]["text"], f"{reply}")
    check(p.show("database")["zones"].keys() == {"backup", "byport", "oldpeer", "spare"}, "something was written")
    check(p.show("ports")["9"]["enabled"], "the port is shut")
    waits(once(d, gone), HOST.format(9))


def slowness_ends_at_the_deadline_and_urgent_work_passes(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("web.hba0")]))
    p.fault("slow", 1, "GET defined-configuration", ms=3000)
    slow = d.send("observe", "dev", deadline_ms=2500, objects=["config"])
    began = time.monotonic()
    r = d.call("apply", "dev", changes=[{"object": "port:9", "set": {"enabled": False}}], urgent=True)
    check(r["results"][0]["status"] == "done" and time.monotonic() - began < 2, f"{r}")
    check(error_of(d.wait(slow, 2500)) == "unreachable", "the slow one")


def http_and_odd_addresses_are_refused(lab):
    d, p = lab.driver(), lab.peer
    for address in ("http://127.0.0.1", "127.0.0.1", "https://", "https://a/b", "https://u:p@a", "https://a?x", "ftp://a", "https://a b"):
        reply = lab.open(d, options=dict(p.options("dev"), address=address))
        check(error_of(reply) == "invalid", f"{address}: {reply}")
    check("clear" in lab.open(d, options=dict(p.options("dev"), address="http://a"))["error"]["text"], "why")
    for bad in ({"zoning": "smart"}, {"user": "a:b"}):
        check(error_of(lab.open(d, options=dict(p.options("dev"), **bad))) == "invalid", f"{bad}")
    check(lab.open(d, options=dict(p.options("dev"), address=f"https://localhost:{p.port}", vf_id=1)).get("ok"), "a name")
    check("document" in d.call("observe", "dev", objects=["config"]), "by name")


OWN = (twelve_zones_are_ten_requests_and_a_login, the_zones_are_peer_zones_with_the_targets_as_principals,
       anothers_open_changes_are_told_and_never_saved, a_lock_that_is_taken_while_we_write_is_not_broken,
       what_somebody_commits_meanwhile_is_not_overwritten, what_is_saved_and_not_in_force_is_not_taken_along,
       the_sessions_of_a_switch_are_few_and_ours_is_given_back, sessions_that_killed_drivers_left_are_waited_for,
       an_error_gives_the_session_back_all_the_same,
       a_session_that_ended_is_begun_anew, writes_whose_answers_break_off_converge, a_write_that_hangs_ends_at_the_deadline,
       changes_that_the_switch_gave_up_are_not_told_as_done, a_switch_that_is_busy_is_asked_once_more, a_write_that_is_refused_is_taken_back,
       what_is_accepted_and_not_done_is_not_told_as_done, a_fabric_that_reboots_in_mid_write_converges,
       what_a_killed_driver_left_open_is_taken_back, a_list_of_one_is_a_list, the_last_zone_is_never_taken_away,
       an_open_fabric_is_refused_with_what_to_do, a_foreign_name_in_the_way_is_a_conflict, the_zone_database_has_an_end,
       an_activation_whose_answer_was_lost_is_unknown_and_sent_once, a_port_is_off_when_the_name_server_says_so,
       ports_are_shut_for_good, a_doubled_wwpn_shuts_a_port_and_that_is_seen, answers_that_break_off_are_errors, an_answer_without_content_proves_nothing,
       slowness_ends_at_the_deadline_and_urgent_work_passes, http_and_odd_addresses_are_refused)
for fn in OWN:
    fn.needs = ()
BrocadePeer.own_cases = OWN


def what_is_left_open_is_waited_for_and_not_guessed_at(lab):
    d, p = lab.opened(), lab.peer
    late = lab.driver()
    with between(lab, late, cut=LISTING, hook=late.process.kill):
        late.send("apply", "late", changes=[zone("web.hba0")])
        sandbox.wait_until("the end of the driver", lambda: late.process.poll() is not None)
    lab.discard(late)
    waits(once(d, zone("web.hba0", 2)), "somebody has zone changes open")
    check(len(p.show("transactions")) == 1 and "abort" not in p.log(), "it took them for its own")
    all_done(d.apply("dev", [zone("web.hba0", 2)]))
    holds(d, zone("web.hba0", 2))


what_is_left_open_is_waited_for_and_not_guessed_at.needs = ()


class OldBrocadePeer(BrocadePeer):
    """Before 9.0 there is no lock to be read, before 8.2.1b the paths are others."""
    label, firmware = "brocade, firmware 8.2.0", "8.2.0"
    # Nothing tells whose open changes are: what a killed driver left is waited for until the switch gives it up.
    args = ("--lock-seconds", "2")
    generic = ("observe_after_apply_equals_the_wish", "a_full_observation_holds_every_object", "apply_twice_changes_nothing",
               "observe_never_writes", "foreign_configuration_is_left_alone", "an_impossible_change_spoils_no_other",
               "n_merged_equals_n_single", "a_higher_generation_on_the_device_is_a_conflict", "a_killed_driver_loses_nothing",
               "a_restarted_device_is_found_again")
    lock = unlock = None
    own_cases = (what_somebody_commits_meanwhile_is_not_overwritten, what_is_saved_and_not_in_force_is_not_taken_along,
                 a_write_that_is_refused_is_taken_back, an_activation_whose_answer_was_lost_is_unknown_and_sent_once,
                 writes_whose_answers_break_off_converge, ports_are_shut_for_good, a_list_of_one_is_a_list,
                 what_is_left_open_is_waited_for_and_not_guessed_at)


PEERS = [BrocadePeer, OldBrocadePeer]
