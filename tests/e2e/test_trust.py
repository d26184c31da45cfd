# SPDX-License-Identifier: GPL-3.0-or-later
"""Server keys of devices: nothing is said to one whose key is not pinned; and what the doctor finds unsafe."""
import json
import os
import pty
import shutil
import subprocess

import rack
import tap
from certificates import Authority, free_port, openssl
from controller import Controller, wait_until
from test_mock import ready

KEY, OTHER = "SHA256:" + "A" * 43, "SHA256:" + "B" * 42 + "A"


def keyed(c, key=KEY, address="leaf1.example", **more):
    """A site whose switch has a server key; what the driver is asked is told in c.dir/tally."""
    site = rack.site(c.dir)
    site["switches"]["leaf1"].update(server_key=key, address=address, tally=os.path.join(c.dir, "tally"), **more)
    return site


def with_key(builddir, key=KEY, **more):
    c = Controller(builddir)
    c.define(keyed(c, key, **more), rack.persona("web"))
    return c


def logins(c, device="leaf1"):
    """How often the device was given its password."""
    try:
        with open(os.path.join(c.dir, "tally")) as f:
            return sum(row["op"] == "login" and row["device"] == device for row in map(json.loads, f))
    except FileNotFoundError:
        return 0


def trust(c):
    return c.api("GET", "/v1/devices/leaf1/trust")[1]


def doctor(c, name=None):
    checks = c.api("GET", "/v1/doctor")[1]["checks"]
    return [x for x in checks if name is None or x["name"] == name]


def audit_of_trust(c):
    return [i["doc"]["what"] for i in c.api("GET", "/v1/audit?limit=1000")[1]["items"]
            if i["doc"].get("who") == "recastd" and "presented" in i["doc"]["what"]]


def test_without_a_pin_nothing_is_sent_to_a_device_with_a_key(builddir):
    with with_key(builddir) as c:
        status, problem = c.api("POST", "/v1/plans", {"action": "apply", "persona": "web", "machine": "node1"})
        tap.equal((status, problem["code"]), (502, "untrusted"), problem)
        tap.contains(problem["detail"], KEY)
        tap.contains(problem["hint"], "persona device trust")
        tap.equal(logins(c), 0)
        tap.equal(trust(c)["state"], "unpinned")
        c.persona("get", "devices").expect(0, "unpinned")
        c.persona("show", "leaf1").expect(0, KEY)
        tap.equal([(x["state"], x["object"]) for x in doctor(c, "trust")], [("fail", "leaf1")])
        tap.equal(audit_of_trust(c), [])  # nobody stood in between: it is only new
        tap.equal(logins(c), 0)


def test_a_pin_lets_the_device_be_used_and_is_shown(builddir):
    with with_key(builddir) as c:
        c.persona("device", "trust", "leaf1").expect(2, "there is no terminal", "--fingerprint")
        c.persona("device", "trust", "leaf1", "--fingerprint", OTHER).expect(4, KEY, OTHER, "nothing was pinned")
        c.persona("device", "trust", "leaf1", "--fingerprint", "SHA256:short").expect(2, "43 letters")
        tap.equal(logins(c), 0)
        c.persona("device", "trust", "leaf1", "--fingerprint", KEY + "=").expect(0, KEY)
        shown = trust(c)
        tap.equal((shown["state"], shown["pinned"]["fingerprint"], shown["pinned"]["from"], shown["pinned"]["by"]),
                  ("pinned", KEY, "command", "uid 0"))
        tap.equal(c.run_to_end(action="apply", persona="web", machine="node1")["state"], "done")
        assert logins(c) > 0
        c.persona("device", "trust", "leaf1").expect(0, "the one that leaf1 shows")
        c.persona("show", "leaf1").expect(0, "pinned key", KEY)
        tap.equal([(x["state"], x["object"]) for x in doctor(c, "trust")], [("ok", "leaf1")])
        put = [i["doc"] for i in c.api("GET", "/v1/audit?limit=1000")[1]["items"] if i["doc"].get("method") == "PUT"]
        tap.equal(put[-1]["what"], {"fingerprint": KEY + "="})


def test_first_use_takes_what_is_shown_once(builddir):
    with with_key(builddir) as c:
        c.persona("device", "trust", "leaf1", "--first-use").expect(0, KEY)
        c.define(keyed(c, OTHER))
        c.persona("device", "trust", "leaf1", "--first-use").expect(4, "not its first use")
        c.persona("device", "trust", "leaf1", "--fingerprint", OTHER).expect(0, OTHER)
        tap.equal(trust(c)["state"], "pinned")
        c.persona("device", "trust", "nosuch", "--first-use").expect(3, "nosuch")
        c.persona("device", "trust", "san1", "--first-use").expect(4, "has shown no key")


def test_another_key_than_the_pinned_one_stops_everything(builddir):
    with with_key(builddir) as c:
        c.persona("device", "trust", "leaf1", "--first-use").expect(0)
        tap.equal(c.run_to_end(action="apply", persona="web", machine="node1")["state"], "done")
        before = logins(c)
        c.define(keyed(c, OTHER))
        status, problem = c.api("POST", "/v1/runs", {"action": "move", "persona": "web", "machine": "node2"})
        tap.equal((status, problem["code"]), (502, "untrusted"), problem)
        tap.contains(problem["detail"], KEY)
        tap.contains(problem["detail"], OTHER)
        tap.equal(logins(c), before, "the password was sent to the wrong key")
        told = audit_of_trust(c)
        tap.equal(told, [{"device": "leaf1", "action": "mismatch", "presented": OTHER, "pinned": KEY}])
        tap.contains(c.log(), "trust: leaf1 shows")
        check, = doctor(c, "trust")
        tap.equal(check["state"], "fail")
        assert KEY in check["text"] and OTHER in check["text"], check
        c.persona("doctor").expect(1, OTHER, "1 failed", "Not all is well.")
        tap.equal(len(audit_of_trust(c)), 1, "the same key is told of again and again")
        # The old key is back: it was somebody in between, or a mistake.
        c.define(keyed(c, KEY))
        tap.equal(trust(c)["state"], "pinned")
        tap.equal(c.run_to_end(action="move", persona="web", machine="node2")["state"], "done")


def test_a_forgotten_key_ends_the_conversation(builddir):
    with with_key(builddir) as c:
        c.persona("device", "forget", "leaf1").expect(3, "no key of leaf1 is pinned")
        c.persona("device", "trust", "leaf1", "--first-use").expect(0)
        tap.equal(trust(c)["error"], None)
        before = logins(c)
        c.persona("device", "forget", "leaf1").expect(0, "forgotten")
        tap.equal(trust(c)["error"]["code"], "untrusted")
        tap.equal(logins(c), before)


def test_a_pin_outlives_a_restart_but_not_a_new_address(builddir):
    with with_key(builddir) as c:
        c.persona("device", "trust", "leaf1", "--first-use").expect(0)
        c.stop()
        c.start()
        tap.equal(trust(c)["state"], "pinned")
        c.define(keyed(c, latency_ms=1))
        tap.equal(trust(c)["state"], "pinned", "another option dropped the pin")
        before = logins(c)
        c.define(keyed(c, address="elsewhere.example"))
        shown = trust(c)
        tap.equal((shown["state"], shown["pinned"]), ("unpinned", None))
        tap.equal(logins(c), before)
        # Back at the old address: what was dropped stays dropped.
        c.define(keyed(c))
        tap.equal(trust(c)["state"], "unpinned")
        site = keyed(c)
        site["switches"]["leaf2"] = site["switches"].pop("leaf1")
        for m in site["machines"].values():
            for nic in m["nics"].values():
                nic["port"] = nic["port"].replace("leaf1", "leaf2")
        c.persona("device", "trust", "leaf1", "--first-use").expect(0)
        c.define(site)
        tap.equal(c.api("GET", "/v1/devices/leaf2/trust")[1]["state"], "unpinned")


def test_the_pin_of_the_site_file_wins(builddir):
    with with_key(builddir) as c:
        c.persona("device", "trust", "leaf1", "--first-use").expect(0)
        c.define(keyed(c, pin=OTHER))
        tap.equal(trust(c)["state"], "mismatch")
        c.persona("device", "trust", "leaf1", "--fingerprint", KEY).expect(4, "the site file pins " + OTHER)
        c.persona("device", "forget", "leaf1").expect(4, "remove `pin`")
        c.define(keyed(c, pin=KEY + "="))
        shown = trust(c)
        tap.equal((shown["state"], shown["pinned"]["from"], shown["error"]), ("pinned", "site", None))
        c.define(keyed(c))
        tap.equal(trust(c)["state"], "unpinned", "the pin of the command came back after the site file had said otherwise")
        status, problem = c.api("POST", "/v1/define", {"documents": [{"name": "s", "value": keyed(c, pin="MD5:00:11")}]})
        tap.equal((status, problem["errors"][0]["pointer"]), (422, "/switches/leaf1/pin"))


def test_a_person_at_a_terminal_is_asked(builddir):
    with with_key(builddir) as c:
        for answer, state, code in (("no", "unpinned", 4), ("y", "unpinned", 4), ("yes", "pinned", 0)):
            ours, theirs = pty.openpty()
            p = subprocess.Popen([os.path.join(builddir, "persona"), "--socket", c.socket, "device", "trust", "leaf1"],
                                 stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            os.close(theirs)
            os.write(ours, (answer + "\n").encode())
            out = p.communicate(timeout=20)[0]
            os.close(ours)
            tap.equal(p.returncode, code, out)
            tap.contains(out, KEY)
            tap.equal(trust(c)["state"], state)


def test_only_an_admin_may_pin_and_all_of_it_is_recorded(builddir):
    with with_key(builddir) as c:
        made = c.api("POST", "/v1/tokens", {"name": "op", "role": "operator"})[1]
        who = {"Authorization": "Bearer " + made["token"]}.items()
        tap.equal(c.api("PUT", "/v1/devices/leaf1/trust", {"first_use": True}, headers=who)[0], 403)
        tap.equal(c.api("DELETE", "/v1/devices/leaf1/trust", headers=who)[0], 403)
        tap.equal(c.api("PUT", "/v1/devices/leaf1/trust", {})[0], 400)
        tap.equal(trust(c)["state"], "unpinned")


def test_the_doctor_tells_what_of_a_device_is_not_safe(builddir):
    with Controller(builddir) as c:
        site = keyed(c, key_days=12)
        site["switches"]["leaf1"]["pin"] = KEY
        site["machines"]["node1"]["bmc"]["weaknesses"] = ["cipher_zero", "anonymous_user", "default_password"]
        site["machines"]["node2"]["bmc"]["weaknesses"] = ["old_protocol"]
        c.define(site)
        bad = {(x["object"], x["name"], x["state"]) for x in doctor(c) if x["state"] != "ok"}
        tap.equal(bad, {("leaf1", "certificate", "warn"), ("node1-bmc", "cipher-zero", "fail"),
                        ("node1-bmc", "anonymous-user", "fail"), ("node1-bmc", "default-credentials", "fail"),
                        ("node2-bmc", "ipmi-1.5", "warn")})
        assert all(x["hint"] for x in doctor(c) if x["state"] != "ok")
        c.persona("doctor").expect(1, "devices:", "cipher suite 0", "2 to be looked at, 3 failed")
        answer = json.loads(c.persona("doctor", "-o", "json").expect(1).out)
        tap.equal((answer["ok"], answer["counts"]["fail"], answer["counts"]["warn"]), (False, 3, 2))
        site["switches"]["leaf1"]["key_days"] = -3
        for m in site["machines"].values():
            m["bmc"].pop("weaknesses", None)
        c.define(site)
        tap.equal([(x["state"], x["object"]) for x in doctor(c, "certificate")], [("fail", "leaf1")])
        tap.contains(doctor(c, "certificate")[0]["text"], "expired 3 days ago")


def test_a_pin_that_guards_nothing_is_told(builddir):
    with Controller(builddir) as c:
        site = rack.site(c.dir)
        site["machines"]["node1"]["bmc"]["pin"] = KEY
        c.define(site)
        bad = [(x["object"], x["state"]) for x in doctor(c, "trust") if x["state"] != "ok"]
        tap.equal(bad, [("node1-bmc", "warn")])
        tap.contains(" ".join(x["text"] for x in doctor(c, "trust")), "without one")


def test_the_doctor_finds_weak_permissions(builddir):
    with ready(builddir) as c:
        key = os.path.join(c.dir, "recast.key")
        assert c.api("GET", "/v1/doctor")[1]["ok"]

        def finds(name, path, mode, good):
            os.chmod(path, mode)
            found = [(x["name"], x["object"]) for x in doctor(c) if x["state"] == "fail"]
            os.chmod(path, good)
            assert (name, path) in found, (name, path, oct(mode), found)
            assert c.api("GET", "/v1/doctor")[1]["ok"]

        finds("key-file", key, 0o640, 0o400)
        finds("database", c.database, 0o604, 0o600)
        finds("database", c.database + "-wal", 0o644, 0o600)
        finds("socket", c.socket, 0o666, 0o660)
        finds("key-file", c.dir, 0o770, 0o700)
        os.rename(key, key + ".away")
        tap.equal([x["state"] for x in doctor(c, "key-file")], ["fail"])
        os.rename(key + ".away", key)


def test_the_doctor_looks_at_the_certificates_of_the_controller(builddir):
    with Controller(builddir, start=False) as c:
        ca = Authority(c.dir)
        good = ca.issue("good", "/CN=recast", "serverAuth", days=90)
        soon = ca.issue("soon", "/CN=recast", "serverAuth", days=10)
        with open(os.path.join(c.dir, "recast.conf"), "w") as f:
            f.write("log_level = info\n")
        c.options += ["listen=127.0.0.1:%d" % free_port(), "tls_certificate=" + good[0], "tls_key=" + good[1],
                      "tls_client_ca=" + ca.pem]
        for path in (good[1], soon[1]):
            os.chmod(path, 0o600)
        c.start()
        states = {(x["name"], x["state"]) for x in doctor(c)}
        assert {("tls-certificate", "ok"), ("tls-key", "ok"), ("tls-client-ca", "warn")} <= states, states
        os.replace(soon[0], good[0])
        os.chmod(good[1], 0o644)
        states = {(x["name"], x["state"]) for x in doctor(c)}
        assert {("tls-certificate", "warn"), ("tls-key", "fail")} <= states, states
        openssl("x509", "-req", "-in", ca.path("good.csr"), "-CA", ca.pem, "-CAkey", ca.path("ca.key"), "-set_serial", "9",
                "-days", "-1", "-out", good[0])
        tap.contains([x["text"] for x in doctor(c, "tls-certificate") if x["state"] == "fail"][0], "expired")


def test_a_secret_in_the_site_file_is_refused(builddir):
    with ready(builddir) as c:
        site = rack.site(c.dir)
        site["machines"]["node1"]["bmc"]["password"] = "in-clear"
        status, problem = c.api("POST", "/v1/define", {"documents": [{"name": "s", "value": site}]})
        tap.equal(status, 422, problem)
        tap.contains(problem["errors"][0]["hint"], "secret: NAME")
        assert "in-clear" not in json.dumps(problem) + c.log(), "the secret was repeated"


class Switch:
    """A real ovsdb-server that speaks TLS, with one bridge in its database and no switch behind it."""

    def __init__(self, dir):
        self.dir, self.port, self.process = dir, free_port(), None
        self.ca = Authority(dir)
        self.ca.issue("switch", "/CN=leaf1", "serverAuth", days=20)
        self.ca.issue("client", "/CN=recast")
        self.tool("ovsdb-tool", "create", self.path("db"), "/usr/share/openvswitch/vswitch.ovsschema")

    def path(self, name):
        return os.path.join(self.dir, name)

    def tool(self, *argv):
        return subprocess.run(argv, check=True, capture_output=True, text=True,
                              env={**os.environ, "OVS_RUNDIR": self.dir, "OVS_LOGDIR": self.dir}).stdout

    def __enter__(self):
        with open(self.path("ovsdb.log"), "ab") as log:
            self.process = subprocess.Popen(
                ["ovsdb-server", self.path("db"), "--remote=punix:" + self.path("sock"), "--unixctl=" + self.path("ctl"),
                 "--remote=pssl:%d:127.0.0.1" % self.port, "--private-key=" + self.ca.path("switch.key"),
                 "--certificate=" + self.ca.path("switch.pem"), "--ca-cert=" + self.ca.pem], stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(self.path("sock")), what="ovsdb-server")
        self.tool("ovs-vsctl", "--db=unix:" + self.path("sock"), "--no-wait", "--", "--may-exist", "add-br", "br0")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def replace_key(self):
        self.ca.issue("next", "/CN=leaf1", "serverAuth", days=90)
        for kind in ("key", "pem"):
            os.replace(self.ca.path("next." + kind), self.ca.path("switch." + kind))
        self.tool("ovs-appctl", "-t", self.path("ctl"), "ovsdb-server/reconnect")

    def fingerprint(self):
        command = "openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | " \
            "base64 | tr -d =" % self.ca.path("switch.pem")
        return "SHA256:" + subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout.strip()


def test_a_real_switch_over_tls_is_pinned_examined_and_stopped(builddir):
    if not shutil.which("ovsdb-server"):
        raise tap.Skip("there is no ovsdb-server")
    with Controller(builddir) as c:
        folder = os.path.join(c.dir, "switch")
        os.mkdir(folder)
        with Switch(folder) as sw:
            with open(sw.ca.path("client.pem")) as a, open(sw.ca.path("client.key")) as b:
                c.persona("secret", "set", "leaf1", "-", input=a.read() + b.read()).expect(0)
            site = rack.site(c.dir)
            site["switches"]["leaf1"] = {"driver": "ovsdb", "address": "ssl:127.0.0.1:%d" % sw.port, "secret": "leaf1"}
            c.define(site)
            first = sw.fingerprint()
            c.persona("device", "trust", "leaf1", "--fingerprint", OTHER).expect(4, first)
            c.persona("device", "trust", "leaf1", "--fingerprint", first).expect(0)
            tap.equal({(x["name"], x["state"]) for x in doctor(c) if x["object"] == "leaf1"},
                      {("device", "ok"), ("trust", "ok"), ("certificate", "warn")})
            sw.replace_key()
            check = wait_until(lambda: [x for x in doctor(c, "trust") if x["state"] == "fail"], what="the new key is seen")[0]
            assert first in check["text"] and sw.fingerprint() in check["text"], check
            tap.equal([t["presented"] for t in audit_of_trust(c)], [sw.fingerprint()])
            c.persona("device", "trust", "leaf1", "--fingerprint", sw.fingerprint()).expect(0)
            tap.equal([x for x in doctor(c) if x["object"] == "leaf1" and x["state"] != "ok"], [])
            assert "PRIVATE KEY" not in c.log()
