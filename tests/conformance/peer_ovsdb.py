# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Open vSwitch with its own database, in the private network."""
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import sandbox
from cases import agrees, all_done, check, converge, error_of, observed, told
from peer import Peer, Proxy

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from certificates import Authority, openssl  # noqa: E402

PORTS = ("p1", "p2", "p3", "p4", "foreign")


class OvsdbPeer(Peer):
    driver = "ovsdb"
    cls = "switch"
    needs = {"ovsdb-server": "openvswitch-switch", "ovs-vswitchd": "openvswitch-switch",
             "ovsdb-tool": "openvswitch-switch", "ovs-vsctl": "openvswitch-switch"}
    tcp = "tcp:127.0.0.1:16640"
    unknown_object = "port:nosuch"

    def start(self):
        self.dir = sandbox.folder()
        self.db = f"{self.dir}/conf.db"
        self.sock = f"{self.dir}/db.sock"
        self.ctl = f"{self.dir}/vswitchd.ctl"
        self.tool_env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_DBDIR=self.dir, OVS_LOGDIR=self.dir)
        sandbox.out(["ovsdb-tool", "create", self.db, "/usr/share/openvswitch/vswitch.ovsschema"], self.tool_env)
        for port in PORTS:
            sandbox.out(["ip", "link", "add", port, "type", "veth", "peer", "name", port + "x"])
            sandbox.out(["ip", "link", "set", port, "up"])
            sandbox.out(["ip", "link", "set", port + "x", "up"])
        self.start_server()
        self.vsctl("--no-wait", "init")
        self.start_switch()
        args = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"]
        for port in PORTS:
            args += ["--", "add-port", "br0", port]
        self.vsctl("-t", "10", *args)
        self.vsctl("-t", "10", "set", "port", "foreign", "tag=77", "external_ids:other=mine")
        self.vsctl("-t", "10", "set", "port", "p1", "external_ids:other=mine-too")

    def remotes(self):
        return ["--remote=ptcp:16640:127.0.0.1"]

    def start_server(self):
        self.server = sandbox.start(["ovsdb-server", self.db, f"--remote=punix:{self.sock}", *self.remotes(),
                                     f"--unixctl={self.dir}/server.ctl"],
                                    f"{self.dir}/server.log", self.tool_env)
        sandbox.wait_until("ovsdb-server", lambda: sandbox.listens(self.sock))

    def start_switch(self):
        self.switch = sandbox.start(["ovs-vswitchd", f"unix:{self.sock}", f"--unixctl={self.ctl}"],
                                    f"{self.dir}/switch.log", self.tool_env)
        sandbox.wait_until("ovs-vswitchd", lambda: sandbox.listens(self.ctl))

    def stop(self):
        sandbox.end(self.switch)
        sandbox.end(self.server)
        for port in PORTS:
            sandbox.out(["ip", "link", "del", port])
        shutil.rmtree(self.dir, ignore_errors=True)

    def restart(self):
        sandbox.end(self.switch)
        sandbox.end(self.server)
        for path in (self.sock, self.ctl):
            if os.path.exists(path):
                os.unlink(path)
        self.start_server()
        self.start_switch()

    def vsctl(self, *args):
        return sandbox.out(["ovs-vsctl", f"--db=unix:{self.sock}", *args], self.tool_env)

    def options(self, name):
        return {"address": self.tcp if name.endswith("2") else f"unix:{self.sock}", "unixctl": self.ctl}

    def nobody_options(self):
        return {"address": "tcp:127.0.0.1:1"}

    def fake_options(self, path):
        return {"address": f"unix:{path}"}

    def proxy_options(self, path):
        return {"address": f"unix:{path}", "watch": False}

    def foreign_change(self, port, number):
        self.vsctl("set", "port", port, f"tag={number}")

    def watch_begun(self, driver):
        """Our own changes are told as well: change something until it is."""
        for number in range(3000, 3100):
            all_done(driver.apply("dev", [vlan("p4", number)]))
            try:
                told(driver, "port:p4", 0.5)
                return
            except AssertionError:
                pass
        raise AssertionError("nothing is ever told")

    def silence(self):
        self.server.send_signal(signal.SIGSTOP)

    def speak(self):
        self.server.send_signal(signal.SIGCONT)

    def proxy(self, **how):
        return Proxy(self.sock, f"{self.dir}/proxy.sock", **how)

    def dump(self):
        rows = self.vsctl("--columns=name,tag,trunks,vlan_mode,external_ids", "-f", "csv", "list", "port")
        return rows + self.vsctl("-f", "csv", "--columns=type,queues,external_ids,other_config", "list", "qos") + \
            self.vsctl("-f", "csv", "--columns=name,lldp", "list", "interface")

    def foreign_dump(self):
        return self.vsctl("get", "port", "foreign", "tag", "external_ids", "vlan_mode", "trunks", "qos") + \
            self.vsctl("get", "port", "p1", "external_ids:other")

    def wishes(self, generation=1):
        stamp = {"owner": "web", "generation": generation}
        text = f"recast web#{generation}"
        return [
            {"object": "port:p1", "set": {"mode": "access", "native": 110, "description": text}, **stamp},
            {"object": "port:p2", "set": {"mode": "trunk", "native": 0, "tagged": [20, 110], "description": text},
             **stamp},
            {"object": "port:p3", "set": {"mode": "trunk", "native": 10, "tagged": [20, 30], "rate_kbit": 20000,
                                          "description": text}, **stamp},
        ]

    def other_wishes(self, generation=2):
        stamp = {"owner": "web", "generation": generation}
        return [
            {"object": "port:p1", "set": {"mode": "trunk", "native": 0, "tagged": [7], "rate_kbit": 5000}, **stamp},
            {"object": "port:p2", "set": {"mode": "access", "native": 4000, "description": ""}, "owner": ""},
            {"object": "port:p3", "set": {"mode": "access", "native": 120, "rate_kbit": 0}, **stamp},
        ]

    def cut_points(self):
        # monitor, view, write: requests on the connection after which it breaks, with or without effect.
        return [2, 3]

    def native_check(self, document):
        """What the switch's own tool says must agree with the observed document."""
        for name, port in document["ports"].items():
            tag = self.vsctl("get", "port", name, "tag").strip()
            if port["native"]:
                assert tag == str(port["native"]), f"{name}: tag {tag}, observed {port['native']}"
            else:
                assert tag == "[]", f"{name}: tag {tag}, observed none"


# --- what only Open vSwitch does ---

def vlan(name, number, **more):
    return {"object": f"port:{name}", "set": {"mode": "access", "native": number, **more}}


def a_stopped_vswitchd_makes_unknown_and_not_done(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()))
    lab.peer.switch.send_signal(signal.SIGSTOP)
    try:
        r = d.call("apply", "dev", deadline_ms=700, changes=[vlan("p1", 55)])["results"][0]
        check(r["status"] == "unknown" and r["error"]["code"] == "unreachable", f"{r}")
        # The database holds the wish now: that is still no proof.
        r = d.call("apply", "dev", deadline_ms=700, changes=[vlan("p1", 55)])["results"][0]
        check(r["status"] == "unknown", f"second apply: {r}")
        check(error_of(d.call("observe", "dev", deadline_ms=700, objects=["port:p1"])) == "unreachable", "observe")
    finally:
        lab.peer.switch.send_signal(signal.SIGCONT)
    converge(lab, d, "dev", [vlan("p1", 55)])


def what_somebody_else_writes_meanwhile_is_not_overwritten(lab):
    proxy = lab.peer.proxy(cut=3, hook=lambda: lab.peer.vsctl(
        "set", "port", "p1", "external_ids:other=changed", "external_ids:new=too", "tag=99"))
    try:
        d = lab.driver()
        lab.open(d, options=dict(lab.peer.options("dev"), address=f"unix:{proxy.path}", watch=False))
        all_done(d.apply("dev", [vlan("p1", 110, description="x")]))
        check(proxy.count >= 5, "the transaction was not tried again")
    finally:
        proxy.close()
    check(lab.peer.vsctl("get", "port", "p1", "external_ids:other", "external_ids:new", "tag").split() ==
          ["changed", "too", "110"], "somebody else's words were lost")


def somebody_elses_qos_stays(lab):
    lab.peer.vsctl("--", "set", "port", "p1", "qos=@q", "--", "--id=@q", "create", "qos", "type=linux-htb",
                   "other-config:max-rate=3000000")
    before = lab.peer.vsctl("-f", "csv", "list", "qos")
    d = lab.opened()
    r = d.apply("dev", [vlan("p1", 110, rate_kbit=5000), vlan("p2", 110, rate_kbit=5000)])["results"]
    check(r[0]["status"] == "not_applied" and r[0]["error"]["code"] == "refused", f"{r[0]}")
    check(r[1]["status"] == "done", f"{r[1]}")
    all_done(d.apply("dev", [vlan("p1", 110), vlan("p2", 110, rate_kbit=0)]))
    check(lab.peer.vsctl("-f", "csv", "list", "qos") == before, "the QoS was touched")


def the_rows_of_a_rate_go_away_with_it(lab):
    d = lab.opened()
    for rate in (5000, 6000, 0, 7000):
        all_done(d.apply("dev", [vlan("p1", 110, rate_kbit=rate), vlan("p2", 110, rate_kbit=rate)]))
        for table in ("qos", "queue"):
            rows = lab.peer.vsctl("--columns=_uuid", "-f", "csv", "--no-headings", "list", table).split()
            check(len(rows) == (2 if rate else 0), f"{rate}: {table} has {len(rows)} rows")
        if rate:
            limits = lab.peer.vsctl("--columns=other_config", "-f", "csv", "--no-headings", "list", "queue")
            check(limits.count(f'{rate * 1000}') == 2, f"{limits}")


def the_mac_table_names_ports_and_vlans(lab):
    d = lab.opened()
    all_done(d.apply("dev", [vlan("p1", 110), vlan("p2", 120)]))
    for outside, mac in (("p1x", "52:54:00:00:01:01"), ("p2x", "52:54:00:00:01:02")):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind((outside, 0))
            s.send(b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) + b"\x08\x06" + b"\0" * 46)
    want = [{"mac": "52:54:00:00:01:01", "port": "p1", "vlan": 110},
            {"mac": "52:54:00:00:01:02", "port": "p2", "vlan": 120}]
    sandbox.wait_until("the MAC table", lambda: all(
        row in d.call("observe", "dev", objects=["macs"])["document"]["macs"] for row in want), 5)


def what_ovsdb_cannot_do_is_unsupported(lab):
    d = lab.opened()
    r = d.apply("dev", [{"object": "port:p1", "set": {"enabled": False}}, vlan("p1", 110)])["results"]
    check(r[0]["status"] == "not_applied" and r[0]["error"]["code"] == "unsupported", f"{r[0]}")
    check(r[1]["status"] == "done", f"{r[1]}")
    check(error_of(d.call("observe", "dev", objects=["neighbours"])) == "unsupported", "neighbours")
    options = lab.peer.options("x")
    options.pop("unixctl")
    lab.open(d, "x", options=options)
    check(error_of(d.call("observe", "x", objects=["macs"])) == "unsupported", "macs")
    check("macs" not in d.call("observe", "x")["document"], "macs in a full observation")
    lab.open(d, "y", options=dict(options, bridge="nosuch"))
    check(error_of(d.call("observe", "y")) == "invalid", "a bridge that there is not")


def managed_ports_send_lldp(lab):
    d = lab.opened()
    all_done(d.apply("dev", [vlan("p1", 110)]))
    check(lab.peer.vsctl("get", "interface", "p1", "lldp:enable").strip() == '"true"', "p1")
    check("enable" not in lab.peer.vsctl("get", "interface", "p2", "lldp"), "p2 was never named")


def a_hundred_ports_are_one_transaction(lab):
    names = [f"h{i}" for i in range(100)]
    args = []
    for name in names:
        args += ["--", "add-port", "br0", name, "--", "set", "interface", name, "type=internal"]
    lab.peer.vsctl("-t", "20", *args[1:])
    d = lab.opened()
    changes = [vlan(name, 200 + i % 7, description="many") for i, name in enumerate(names)]
    before = int(lab.peer.vsctl("get", "open_vswitch", ".", "next_cfg"))
    all_done(d.apply("dev", changes), changes)
    check(int(lab.peer.vsctl("get", "open_vswitch", ".", "next_cfg")) == before + 1, "more than one transaction")
    agrees(lab, observed(lab, d, "dev", changes), changes)


def stamping_a_port_that_is_right_writes_the_stamp_only(lab):
    p = lab.peer
    p.vsctl("--", "set", "port", "p1", "tag=110", "--", "set", "port", "p2", "trunks=20,110", "--", "set", "port", "p3",
            "tag=10", "trunks=20", "vlan_mode=native-untagged")
    written = []

    def watch(chunk):
        if b'"transact"' in chunk:
            written.extend(op for op in json.loads(chunk)["params"][1:] if op["op"] not in ("select", "wait", "comment"))

    def columns():
        return p.vsctl("-f", "csv", "--columns=name,tag,trunks,vlan_mode,qos", "list", "port")

    before, proxy = columns(), p.proxy(watch=watch)
    stamp = {"owner": "web", "generation": 3}
    changes = [{"object": "port:p1", "set": {"mode": "access", "native": 110, "description": "recast web#3"}, **stamp},
               {"object": "port:p2", "set": {"mode": "trunk", "native": 0, "tagged": [20, 110], "description": "x"}, **stamp},
               {"object": "port:p3", "set": {"mode": "trunk", "native": 10, "tagged": [20], "description": "x"}, **stamp}]
    try:
        d = lab.driver()
        lab.open(d, options=dict(p.options("dev"), **p.proxy_options(proxy.path)))
        check(all(r["changed"] for r in all_done(d.apply("dev", changes), changes)), "nothing was stamped")
        agrees(lab, observed(lab, d, "dev", changes), changes)
    finally:
        proxy.close()
    check(columns() == before, f"VLANs were rewritten: {before} {columns()}")
    touched = {op["table"]: {m[0] for m in op.get("mutations", [])} | set(op.get("row", {})) for op in written}
    check(touched == {"Port": {"external_ids"}, "Interface": {"lldp"}, "Open_vSwitch": {"next_cfg"}}, f"{touched}")


def quiet(d, seconds=0.6):
    """No event may come for a while that is longer than the driver gathers."""
    try:
        event = d.events.get(timeout=seconds)
    except queue.Empty:
        return
    raise AssertionError(f"told of what nobody reads: {event}")


def settled(lab, d):
    lab.peer.watch_begun(d)
    try:
        while d.events.get(timeout=0.6):
            pass
    except queue.Empty:
        pass


def what_nobody_reads_is_not_told(lab):
    d, p = lab.opened(), lab.peer
    settled(lab, d)
    p.vsctl("set", "port", "p1", "external_ids:other=changed", "other_config:x=y")
    p.vsctl("add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=netdev")
    p.vsctl("set", "port", "br1", "tag=5")
    quiet(d)
    p.vsctl("set", "port", "p1", "external_ids:recast-owner=thief")
    check(told(d, "port:p1") == ["port:p1"], "the stamp")
    p.vsctl("del-port", "br0", "p2")
    check(told(d, "port:p2") == ["port:p2"], "a port that is gone")
    check(d.call("observe", "dev", objects=["port:p2"])["document"]["ports"]["p2"] == {"exists": False}, "observe")


def a_rate_that_somebody_changes_is_told(lab):
    d = lab.opened()
    all_done(d.apply("dev", [vlan("p1", 110, rate_kbit=5000)]))
    settled(lab, d)
    queue_of = lab.peer.vsctl("--columns=_uuid", "-f", "csv", "--no-headings", "list", "queue").strip()
    lab.peer.vsctl("set", "queue", queue_of, "other_config:max-rate=7000000")
    check(told(d, "port:p1") == ["port:p1"], "more was told than the port")
    check(d.call("observe", "dev", objects=["port:p1"])["document"]["ports"]["p1"]["rate_kbit"] == 7000, "observe")


def many_changes_are_told_without_names(lab):
    args = []
    for i in range(100):
        args += ["--", "add-port", "br0", f"h{i}", "--", "set", "interface", f"h{i}", "type=internal"]
    lab.peer.vsctl("-t", "20", *args[1:])
    d = lab.opened()
    settled(lab, d)
    args = []
    for i in range(100):
        args += ["--", "set", "port", f"h{i}", "tag=77"]
    lab.peer.vsctl("-t", "20", *args[1:])
    check(told(d, "port:h1") is None, "100 ports by name")
    quiet(d)


def after_a_lost_connection_anything_may_have_changed(lab):
    d, p = lab.opened(), lab.peer
    settled(lab, d)
    sandbox.end(p.server)
    quiet(d)
    os.unlink(p.sock)
    p.start_server()
    check(told(d, "anything", 10) is None, "objects were named")
    quiet(d)
    p.foreign_change("p1", 999)
    check(told(d, "port:p1") == ["port:p1"], "the watch did not go on")


def a_watch_ends_with_its_device_whatever_the_switch_does(lab):
    d, p = lab.opened(), lab.peer
    settled(lab, d)
    p.silence()
    try:
        lab.open(d, "late")  # connects to a server that says nothing
        for name in ("late", "dev"):
            began = time.monotonic()
            check(d.call("close", name).get("ok") is True, "close")
            check(time.monotonic() - began < 0.5, f"{name}: the watch did not end")
        lab.open(d)
        began = time.monotonic()
        check(d.close() == 0 and time.monotonic() - began < 2, "the end of the driver")
        lab.forget(d)
    finally:
        p.speak()


for fn in (stamping_a_port_that_is_right_writes_the_stamp_only, what_nobody_reads_is_not_told,
           a_rate_that_somebody_changes_is_told, many_changes_are_told_without_names,
           after_a_lost_connection_anything_may_have_changed, a_watch_ends_with_its_device_whatever_the_switch_does,
           a_stopped_vswitchd_makes_unknown_and_not_done, what_somebody_else_writes_meanwhile_is_not_overwritten,
           somebody_elses_qos_stays, the_rows_of_a_rate_go_away_with_it, the_mac_table_names_ports_and_vlans,
           what_ovsdb_cannot_do_is_unsupported, managed_ports_send_lldp, a_hundred_ports_are_one_transaction):
    fn.needs = ()
    OvsdbPeer.own_cases += (fn,)


# --- the same switch over TLS ---

def fingerprint(certificate):
    """Of the key, with nothing but openssl(1), as the documentation says."""
    command = f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform DER | " \
        "openssl dgst -sha256 -binary | base64 | tr -d ="
    return "SHA256:" + subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout.strip()


class OvsdbTlsPeer(OvsdbPeer):
    """It asks its clients for a certificate of its CA.  What goes through a proxy or a fake has its cases above."""
    label = "ovsdb over TLS"
    ssl = "ssl:127.0.0.1:16641"
    needs = dict(OvsdbPeer.needs, openssl="openssl")
    own_cases = ()
    fake_options = proxy = cut_points = None

    def start(self):
        self.certificates = sandbox.folder()
        self.ca = Authority(self.certificates)
        self.ca.issue("server", "/CN=leaf1", "serverAuth")
        self.ca.issue("client", "/CN=recast")
        super().start()

    def stop(self):
        super().stop()
        shutil.rmtree(self.certificates, ignore_errors=True)

    def remotes(self):
        return ["--remote=pssl:16641:127.0.0.1", f"--private-key={self.ca.path('server.key')}",
                f"--certificate={self.ca.path('server.pem')}", f"--ca-cert={self.ca.pem}"]

    def pin(self, _name):
        return fingerprint(self.ca.path("server.pem"))

    def bundle(self, name="client"):
        with open(self.ca.path(name + ".pem"), encoding="utf-8") as c, open(self.ca.path(name + ".key"), encoding="utf-8") as k:
            return c.read() + k.read()

    def options(self, name):
        return {"address": self.ssl, "unixctl": self.ctl, "credential": self.bundle()}

    def nobody_options(self):
        return dict(self.options("dev"), address="ssl:127.0.0.1:1")

    def bad_auth_options(self):
        stranger = Authority(sandbox.folder(), "stranger")
        certificate, key = stranger.issue("client", "/CN=stranger")
        with open(certificate, encoding="utf-8") as c, open(key, encoding="utf-8") as k:
            return dict(self.options("dev"), credential=c.read() + k.read())

    def replace_key(self, days=30):
        """Another key, and a certificate for it, in the files that the running server watches."""
        self.ca.issue("next", "/CN=leaf1", "serverAuth", days)
        for kind in ("key", "pem"):
            os.replace(self.ca.path("next." + kind), self.ca.path("server." + kind))

    def reconnect(self):
        sandbox.out(["ovs-appctl", "-t", f"{self.dir}/server.ctl", "ovsdb-server/reconnect"], self.tool_env)


class Listener(threading.Thread):
    """A TLS server that is none of ours: counts what is said to it after the handshake, and certificates of clients."""

    def __init__(self, ca, version):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = self.context.maximum_version = version
        self.context.load_cert_chain(*ca.issue("imposter", "/CN=leaf1", "serverAuth"))
        self.context.load_verify_locations(ca.pem)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.handshakes = self.heard = self.certificates = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "ssl:127.0.0.1:%d" % self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            client.settimeout(5)
            self.handshakes += 1
            try:
                with self.context.wrap_socket(client, server_side=True) as tls:
                    self.certificates += bool(tls.getpeercert())
                    self.heard += len(tls.recv(65536))
            except OSError:
                pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join(6)


def an_imposter_hears_nothing(lab):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        imposter = Listener(lab.peer.ca, version)
        try:
            d = lab.driver()
            for pin in (lab.peer.pin("dev"), None):
                lab.open(d, options=dict(lab.peer.options("dev"), address=imposter.address), pin=pin)
                for op in ("observe", "apply"):
                    reply = d.call(op, "dev", changes=lab.wishes())
                    check(error_of(reply) == "untrusted", f"{reply}")
                d.call("close", "dev")
            # A right pin is the control: then all of it is heard.
            reply = lab.open(d, options=dict(lab.peer.options("dev"), address=imposter.address, watch=False),
                             pin=fingerprint(lab.peer.ca.path("imposter.pem")))
            seen = imposter.handshakes, imposter.heard, imposter.certificates
            check(seen[0] >= 4 and seen[1:] == (0, 0), f"{version}: handshakes, bytes, certificates: {seen}")
            d.call("observe", "dev", deadline_ms=500)
            sandbox.wait_until("the control", lambda: imposter.heard and imposter.certificates)
        finally:
            imposter.close()


def a_certificate_that_has_expired_is_told_and_works(lab):
    lab.peer.replace_key(days=-1)
    lab.peer.restart()
    d = lab.opened()
    converge(lab, d, "dev", lab.wishes())
    key = d.call("observe", "dev", objects=["security"])["document"]["security"]["key"]
    check(key["not_after"] < time.time() * 1000 and key["algorithm"] == "EC 256", f"{key}")


def a_renewed_certificate_of_the_same_key_is_trusted(lab):
    pin = lab.peer.pin("dev")
    ca = lab.peer.ca
    openssl("x509", "-req", "-in", ca.path("server.csr"), "-CA", ca.pem, "-CAkey", ca.path("ca.key"), "-set_serial", "77",
            "-days", "9", "-out", ca.path("server.pem"))
    lab.peer.restart()
    check(lab.peer.pin("dev") == pin, "the fingerprint is not of the key alone")
    converge(lab, lab.opened(), "dev", lab.wishes())


def a_key_that_is_replaced_on_the_running_switch_stops_it(lab):
    d, old = lab.opened(), lab.peer.pin("dev")
    converge(lab, d, "dev", lab.wishes())
    lab.peer.replace_key()
    lab.peer.reconnect()
    sandbox.wait_until("the new key", lambda: "error" in d.call("observe", "dev", objects=["port:p1"]))
    reply = d.call("apply", "dev", changes=lab.wishes())
    check(error_of(reply) == "untrusted", f"{reply}")
    for part in (old, lab.peer.pin("dev")):
        check(part in reply["error"]["text"], f"{part} is not in {reply}")
    d.call("close", "dev")
    lab.open(d)
    converge(lab, d, "dev", lab.wishes())


def a_credential_that_is_no_certificate_is_told(lab):
    d = lab.driver()
    for credential in ("rubbish", lab.peer.bundle()[:300], open(lab.peer.ca.path("client.pem"), encoding="utf-8").read()):
        lab.open(d, options=dict(lab.peer.options("dev"), credential=credential))
        reply = d.call("observe", "dev")
        check(error_of(reply) == "invalid" and "PEM" in reply["error"]["text"], f"{reply}")
        d.call("close", "dev")
    options = lab.peer.options("dev")
    options.pop("credential")
    lab.open(d, options=options)
    check(error_of(d.call("observe", "dev")) == "auth", "without a certificate")


def a_server_without_tls_is_an_error(lab):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def talk():
            client, _ = listener.accept()
            with client:
                client.recv(100)
                client.sendall(b'{"method":"echo","id":"echo","params":[]}')

        threading.Thread(target=talk, daemon=True).start()
        d = lab.driver()
        lab.open(d, options=dict(lab.peer.options("dev"), watch=False,
                                 address="ssl:127.0.0.1:%d" % listener.getsockname()[1]))
        check(error_of(d.call("observe", "dev", deadline_ms=2000)) == "protocol", "code")


for fn in (an_imposter_hears_nothing, a_certificate_that_has_expired_is_told_and_works,
           a_renewed_certificate_of_the_same_key_is_trusted, a_key_that_is_replaced_on_the_running_switch_stops_it,
           a_credential_that_is_no_certificate_is_told, a_server_without_tls_is_an_error):
    fn.needs = ()
    OvsdbTlsPeer.own_cases += (fn,)
OvsdbTlsPeer.own_cases += (what_nobody_reads_is_not_told, after_a_lost_connection_anything_may_have_changed,
                           a_watch_ends_with_its_device_whatever_the_switch_does,
                           a_stopped_vswitchd_makes_unknown_and_not_done, a_hundred_ports_are_one_transaction)

PEERS = [OvsdbPeer, OvsdbTlsPeer]
