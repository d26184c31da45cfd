# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Open vSwitch with its own database, in the private network."""
import os
import shutil
import signal

import sandbox
from peer import Peer, Proxy

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

    def start_server(self):
        self.server = sandbox.start(["ovsdb-server", self.db, f"--remote=punix:{self.sock}",
                                     "--remote=ptcp:16640:127.0.0.1", f"--unixctl={self.dir}/server.ctl"],
                                    f"{self.dir}/server.log", self.tool_env)
        sandbox.wait_until("ovsdb-server", lambda: os.path.exists(self.sock))

    def start_switch(self):
        self.switch = sandbox.start(["ovs-vswitchd", f"unix:{self.sock}", f"--unixctl={self.ctl}"],
                                    f"{self.dir}/switch.log", self.tool_env)
        sandbox.wait_until("ovs-vswitchd", lambda: os.path.exists(self.ctl))

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


PEERS = [OvsdbPeer]
