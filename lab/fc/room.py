# SPDX-License-Identifier: GPL-3.0-or-later
"""A room with Fibre Channel: two fabrics, an array, two servers that boot from it, all on one machine and all with real frames.
README.md tells what is in it.  Whoever makes one has a network namespace of his own (sandbox.enter_private_network())."""
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TOP, *p.split("/")) for p in ("tests", "tests/conformance", "lab/fcf", "lab/lio", "lab/mds")]
import fabric as fc  # noqa: E402
import guest  # noqa: E402
import sandbox  # noqa: E402
import sshd  # noqa: E402
from certificates import Authority  # noqa: E402
from cli import Session  # noqa: E402
from switch import Switch  # noqa: E402

CONTROLLER, ARRAY = "10.66.10.1", "10.66.10.2"
BOOT_PORT, FOS_PORT = 8080, 8443
VSAN = "10"
FKA_MS = 1000  # so that a card notices within three seconds that its fabric is gone
ARRAY_WWPN = {"fab-a": "20:00:52:54:00:00:0a:02", "fab-b": "20:00:52:54:00:00:0a:03"}
NODES = (1, 2, 3)  # node3 is a BMC and an end of a cable in each fabric: who it is, a test decides
ARRAY_PORT = 4
MODULES = "virtio_pci virtio_net crc32c_generic crct10dif_generic sd_mod fcoe"
NEEDED = {"sshd": "openssh-server", "openssl": "openssl"}
MARK = "LUN-OF-THE-LAB"  # first block of golden, and so of each role
TAKEN = "50:00:00:00:00:00:0f:01", "50:00:00:00:00:00:0f:02"  # a zone of somebody else, on each fabric


def missing():
    """Debian packages that are not there."""
    path = os.environ["PATH"] + ":/usr/sbin"
    return sorted(set(guest.missing()) | {p for program, p in NEEDED.items() if not shutil.which(program, path=path)})


def link(*words):
    sandbox.out(["ip", "link", *words])


def tap(name, *more):
    sandbox.out(["ip", "tuntap", "add", name, "mode", "tap"])
    link("set", name, *more, "up")


class Fcf(fc.Fabric):
    """The data plane of a fabric.  Port N leads to nodeN, port 4 to the array."""

    def __init__(self, builddir, side, mac):
        words = []
        for n in NODES[:2]:
            tap(f"node{n}-{side}", "mtu", "2500")
            words += ["--port", f"{n}=node{n}-{side}"]
        link("add", f"node3-{side}", "mtu", "2500", "type", "veth", "peer", "name", f"free-{side}", "mtu", "2500")
        link("set", f"free-{side}", "up")
        tap(f"array-{side}", "mtu", "2500")
        super().__init__(builddir, 0, side, mac, (*words, "--port", f"3=node3-{side}", "--port", f"{ARRAY_PORT}=array-{side}",
                                                  "--fka", str(FKA_MS)))
        self.side = side

    def card(self, **more):
        """A card at the end of node3's cable, to be played by hand."""
        return fc.Enode(self, f"free-{self.side}", 3, **more)

    def open_free(self):
        """Port 3 is open, and the card that is played by hand can send: the kernel takes a moment for that."""
        self.order(port=3, enabled=True)
        sandbox.wait_until("the carrier", lambda: "LOWER_UP" in sandbox.out(["ip", "link", "show", f"free-{self.side}"]))

    def wwpns(self):
        """Who is logged in, and at which port."""
        return {x["wwpn"]: x["port"] for x in self.show("logins")}

    def shut(self):
        """The ports that are disabled, and why."""
        return {p["port"]: p.get("why") for p in self.show("ports") if not p["enabled"]}

    def lines(self):
        """What has happened so far: its log, without the clock."""
        with open(f"{self.dir}/log", encoding="utf-8") as f:
            return [line.split(" ", 1)[1].strip() for line in f]


class FosFace:
    """Fabric A as a Brocade switch: lab/fos before an fcf."""

    def __init__(self, folder, fcf):
        self.folder, self.fcf = folder, fcf
        ca = Authority(folder)
        ca.issue("fos", "/CN=fab-a", "serverAuth")
        self.certificate, self.password = ca.path("fos.pem"), secrets.token_urlsafe(12)
        with open(f"{folder}/fos-password", "w", encoding="ascii") as f:
            f.write(self.password)
        self.process = sandbox.start(
            [f"{TOP}/lab/fos/fos", "--https", f"127.0.0.1:{FOS_PORT}", "--cert", self.certificate, "--key", ca.path("fos.key"),
             "--control", f"{folder}/fos.sock", "--log", f"{folder}/fos.log", "--user", "recast", "--password-file",
             f"{folder}/fos-password", "--session-seconds", "5", "--fcf", f"{fcf.dir}/control"], f"{folder}/fos.output")
        sandbox.wait_until("fos", lambda: self.process.poll() is not None or sandbox.listens(f"{folder}/fos.sock"))
        self.order(database={"zones": {"others": list(TAKEN)}, "cfgs": {"prod": ["others"]}, "enable": "prod"})

    def order(self, **order):
        return sandbox.order(f"{self.folder}/fos.sock", **order)

    def show(self, what):
        return self.order(show=what)[what]

    def log(self):
        with open(f"{self.folder}/fos.log", encoding="utf-8") as f:
            return f.read()

    def zones(self):
        """Those in force."""
        return sorted(self.show("database")["effective"])

    def commit(self, **what):
        """Another admin changes the zones and puts them into force."""
        self.order(commit={"enable": "prod", **what})

    def pin(self):
        key = subprocess.run(["openssl", "x509", "-in", self.certificate, "-noout", "-pubkey"], stdout=subprocess.PIPE, check=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, stdout=subprocess.PIPE, check=True).stdout
        digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], input=der, stdout=subprocess.PIPE, check=True).stdout
        return "SHA256:" + subprocess.run(["base64"], input=digest, stdout=subprocess.PIPE, check=True).stdout.decode().strip().rstrip("=")

    def device(self):
        return {"driver": "brocade", "address": f"https://127.0.0.1:{FOS_PORT}", "user": "recast", "secret": "fab-a", "pin": self.pin()}

    def secret(self):
        return self.password

    def silence(self):
        """Every connection is cut."""
        self.order(fault="drop-before", n=1 << 30)

    def speak(self):
        self.order(fault="drop-before", n=0)

    @staticmethod
    def port(n):
        return str(n)


class MdsFace(sshd.SshHost):
    """Fabric B as a Cisco MDS: lab/mds behind sshd, before another fcf."""
    kinds = ("ed25519",)

    def __init__(self, folder, fcf):
        self.dir, self.fcf = folder, fcf
        self.switch = Switch(f"{folder}/mds", f"{fcf.dir}/control").create()
        self.type("conf t", "zone name others vsan 10", f"member pwwn {TAKEN[0]}", f"member pwwn {TAKEN[1]}",
                  "zoneset name prod vsan 10", "member others", "zoneset activate name prod vsan 10", "zone commit vsan 10", "end")
        self.start_ssh()

    def sshd_more(self):
        command = [sys.executable, "-B", f"{TOP}/lab/mds/mds-shell", "--dir", f"{self.dir}/mds", "--fcf", f"{self.fcf.dir}/control"]
        return "ForceCommand " + shlex.join(command)

    def type(self, *lines):
        """Somebody else at the command line; what the last line printed."""
        session, text = Session(self.switch, "carol"), ""
        session.ask = False
        for line in lines:
            text = session.run(line)
        return text

    def lock(self, user="carol"):
        """Somebody begins to edit, and goes for coffee."""
        with self.switch.locked() as state:
            v = state["vsans"][VSAN]
            v["session"] = {"user": user, "since": time.time(), "until": None, "db": json.loads(json.dumps(v["full"])), "activate": None,
                            "deactivate": False}

    def unlock(self):
        with self.switch.locked() as state:
            state["vsans"][VSAN]["session"] = None

    def zones(self):
        """Those in force."""
        with self.switch.locked() as state:
            return sorted(state["vsans"][VSAN]["active"]["zones"])

    def device(self):
        return {"driver": "mds", "address": f"ssh://root@127.0.0.1:{sshd.PORT}", "vsan": int(VSAN), "secret": "fab-b", "pin": self.pin("")}

    def secret(self):
        return self.private_key()

    def silence(self):
        """Nobody listens there any more; frames go on."""
        self.end_sshd()

    def speak(self):
        if self.sshd.poll() is not None:
            self.start_sshd()

    @staticmethod
    def port(n):
        return f"fc1/{n}"


class Node:
    """A server: a BMC, and behind that of node1 and node2 a QEMU with Debian's kernel and two FCoE cards."""

    def __init__(self, folder, n, is_real):
        self.name, self.folder, self.n = f"node{n}", folder, n
        self.log, self.line = f"{folder}/node{n}.console", f"{folder}/node{n}.serial"
        self.mac, self.uuid = f"52:54:00:00:0{n}:01", f"a1234567-89ab-cdef-a123-45678900000{n}"
        self.address, self.password = f"127.0.1.{n}:623", secrets.token_urlsafe(12)
        self.serial = None
        with open(f"{folder}/node{n}.password", "w", encoding="ascii") as f:
            f.write(self.password)
        server = ["--server", shlex.join(self.qemu()), "--server-log", f"{folder}/node{n}.output"] if is_real else []
        self.bmc = sandbox.start([f"{TOP}/lab/bmcsim/bmcsim", "--address", self.address, "--password-file", f"{folder}/node{n}.password",
                                  "--guid", self.uuid.replace("-", ""), "--control", f"{folder}/node{n}.bmc", "--log",
                                  f"{folder}/node{n}.bmc.log", *server], f"{folder}/node{n}.bmc.output")
        sandbox.wait_until(f"the BMC of node{n}", lambda: sandbox.listens(f"{folder}/node{n}.bmc"))

    def qemu(self):
        cards = []
        for i, end in enumerate(("eth0", "a", "b")):
            cards += ["-netdev", f"tap,id=n{i},ifname={self.name}-{end},script=no,downscript=no,vnet_hdr=off", "-device",
                      f"virtio-net-pci,netdev=n{i},mac=52:54:00:00:0{self.n}:0{i + 1},romfile=" + (",host_mtu=2500" if i else "")]
        return ["nice", "qemu-system-x86_64", "-accel", "tcg", "-m", "160", "-nodefaults", "-display", "none", "-no-reboot",
                "-uuid", self.uuid, "-kernel", f"/boot/vmlinuz-{guest.newest_kernel()}", "-initrd", f"{self.folder}/host/initrd",
                "-append", f"{guest.QUIET} address=10.66.10.1{self.n}/24 url=http://{CONTROLLER}:{BOOT_PORT} cards=fab-a:eth1,fab-b:eth2",
                *cards, "-chardev", f"socket,id=s,path={self.line},server=on,wait=off,logfile={self.log},logappend=on",
                "-serial", "chardev:s"]

    def order(self, **order):
        """An order for its BMC."""
        return sandbox.order(f"{self.folder}/node{self.n}.bmc", **order)

    def is_on(self):
        return self.order()["power"] == "on"

    def console(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read().replace("\r", "")

    def run(self, command, seconds=30):
        """What the command prints on the running server."""
        mark = len(self.console())
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.line)
            s.sendall(command.encode() + b"\n")
            sandbox.wait_until(f"{self.name}: {command}", lambda: re.search(r"^=== \d+$", self.console()[mark:], re.M), seconds)
        return self.console()[mark:].rsplit("=== ", 1)[0].strip()


def persona(name, **more):
    """A role that boots from a LUN which it reaches over both fabrics."""
    return {"persona": name, "vhbas": {f"hba{i}": {"fabric": fab, "wwpn": "auto"} for i, fab in enumerate(ARRAY_WWPN)},
            "volumes": {"root": {"array": "san1", "volume": f"{name}-root", "source": "golden", "lun": 1, "boot": True}},
            "boot": {"method": "hba"}, "shutdown": 0, "proof": {"within": "90s", "report": "up"}, **more}


class Room:
    def __init__(self, builddir):
        self.builddir, self.folder, self.nodes = os.path.abspath(builddir), sandbox.folder(), {}
        os.mkdir(f"{self.folder}/array")
        pin = guest.build(f"{self.folder}/array", f"{self.builddir}/recast-lio-target")
        subprocess.run([f"{TOP}/lab/fcf/guest/initramfs", guest.newest_kernel(), f"{self.folder}/host"], check=True,
                       env=dict(os.environ, MODULES=MODULES, INIT=f"{HERE}/host-init"))
        self._cable()
        self.a, self.b = Fcf(builddir, "a", "02000000fc0a"), Fcf(builddir, "b", "02000000fc0b")
        self.array_pin = pin
        self.array = guest.Array(f"{self.folder}/array", f"{ARRAY}/24", ["array-eth0", "array-a", "array-b"], sandbox.start,
                                 sandbox.wait_until)
        self.fos, self.mds = FosFace(self.folder, self.a), MdsFace(self.folder, self.b)
        self.nodes = {n: Node(self.folder, n, n != 3) for n in NODES}
        self.array.wait_ready()
        self.array.run(f"array-reset; printf '{MARK}' | dd of=/pool/golden.img bs=512 conv=sync,notrunc 2>/dev/null")
        for f, fab in ((self.a, "fab-a"), (self.b, "fab-b")):
            sandbox.wait_until(f"the array on {fab}", lambda f=f, fab=fab: f.wwpns().get(ARRAY_WWPN[fab]) == ARRAY_PORT, 60)

    def heal(self):
        """Whatever a test broke: cards played by hand are out, their ports are open, nobody holds a lock, all parts answer."""
        for node in self.nodes.values():
            node.order(fault={"silent": 0})
        self.fos.speak()
        self.mds.speak()
        self.fos.order(unlock=True)
        for name in [z for z in self.fos.zones() if not z.startswith(("recast_", "others"))]:
            self.fos.commit(remove=[name])
        self.mds.unlock()
        for f in (self.a, self.b):
            f.order(duplicate=0)
            f.order(clear="all", of=3)
            f.open_free()

    @staticmethod
    def _cable():
        """The network in which servers boot, and the array is managed."""
        link("add", "provision", "type", "bridge")
        sandbox.out(["ip", "address", "add", f"{CONTROLLER}/24", "dev", "provision"])
        link("set", "provision", "up")
        for name in ("node1-eth0", "node2-eth0", "array-eth0"):
            tap(name, "master", "provision")

    def close(self):
        self.mds.stop_ssh()
        for node in self.nodes.values():
            node.bmc.terminate()
            node.bmc.wait(20)

    def faces(self):
        return {"fab-a": self.fos, "fab-b": self.mds}

    def site(self, **fabrics):
        """What is racked and cabled; @fabrics: more options of each fabric."""
        faces = self.faces()
        return {"site": "fibre", "networks": {"provision": {"vlan": 10}, "parking": {"vlan": 4000}},
                "boot": {"network": "provision", "url": f"http://{CONTROLLER}:{BOOT_PORT}"},
                "switches": {"leaf1": {"driver": "mock"}},
                "fabrics": {name: {**face.device(), **fabrics.get(name.replace("-", "_"), {})} for name, face in faces.items()},
                "arrays": {"san1": {"driver": "lio", "address": f"ssh://root@{ARRAY}{guest.HELPER}", "pool": "/pool", "secret": "san1",
                                    "pin": self.array_pin, "wwpns": {fab: [wwpn] for fab, wwpn in ARRAY_WWPN.items()}}},
                "machines": {node.name: {"arch": "x86_64", "cores": 1, "memory": "160MiB", "uuid": node.uuid,
                                         "bmc": {"driver": "ipmi", "address": node.address, "user": "admin", "secret": f"{node.name}-bmc",
                                                 "session_timeout_ms": 3000},
                                         "nics": {"eth0": {"mac": node.mac, "port": f"leaf1/{node.name}-eth0"}},
                                         "hbas": {f"hba{i}": {"port": f"{fab}/{face.port(node.n)}"}
                                                  for i, (fab, face) in enumerate(faces.items())}}
                             for node in self.nodes.values()},
                "identities": {"wwpn": {"prod": "20:00:02:ca:57:00:00:00-20:00:02:ca:57:00:ff:ff"}}}

    def secrets(self):
        with open(f"{self.folder}/array/client", encoding="ascii") as f:
            san1 = f.read()
        return {"san1": san1, **{fab: face.secret() for fab, face in self.faces().items()},
                **{f"{n.name}-bmc": n.password for n in self.nodes.values()}}

    def stamps(self, volume="web-root"):
        """Who wrote to a volume, in order: the lines that hosts left on it, read at the array."""
        text = self.array.run(f"dd if=/pool/{volume}.img bs=512 skip=16 count=64 2>/dev/null | tr '\\0' '\\n'")
        return [line for line in text.splitlines() if line]

    def reboot_fabric_a(self):
        """The switch reboots: its sessions end, and there is neither management nor a frame until somebody was told so.  Then its
        cards have to log in again."""
        mark = len(self.fos.log())
        self.fos.order(reboot=True)
        self.a.stop()
        sandbox.wait_until("somebody to ask in vain", lambda: re.search(r"^\S+ request .* 503\b", self.fos.log()[mark:], re.M), 30)
        self.a.start()
        for n in (*NODES, ARRAY_PORT):
            self.a.order(clear="all", of=n)
