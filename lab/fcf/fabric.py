# SPDX-License-Identifier: GPL-3.0-or-later
"""What the selftest plays with: a running fcf on veth pairs, network cards (ENodes) on the far ends, and the VN_Ports
that log in there.  The frames are made and read here, from the standards and not with the C code's help.  All that goes
over a wire is kept as a pcap file, for tshark to judge (judge.py)."""
import binascii
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "conformance"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests"))
sys.dont_write_bytecode = True
import judge  # noqa: E402
import sandbox  # noqa: E402

FIP, FCOE = 0x8914, 0x8906
ALL_ENODES, ALL_FCFS = bytes.fromhex("011018010001"), bytes.fromhex("011018010002")
FLOGI, FDISC, LOGO, PLOGI, RTV, SCR, RSCN = 0x04, 0x51, 0x05, 0x03, 0x0e, 0x62, 0x61
FLOGI_DESC, FDISC_DESC, LOGO_DESC = 7, 8, 9
DIRECTORY, CONTROLLER, FABRIC = 0xfffffc, 0xfffffd, 0xfffffe
PACKET_AUXDATA, SOL_PACKET, IGNORE_OUTGOING = 8, 263, 23
SECONDS = 5


def wwn(text):
    return bytes.fromhex(text.replace(":", ""))


def colons(octets):
    return ":".join("%02x" % b for b in octets)


def id3(fcid):
    return struct.pack(">I", fcid)[1:]


class Frame:
    """A frame as it was received: of FIP or of FCoE."""

    def __init__(self, data, vlan=0):
        self.data, self.vlan = data, vlan
        self.dst, self.src, self.ethertype = data[:6], data[6:12], struct.unpack(">H", data[12:14])[0]
        self.op = self.fc = self.type = None
        self.desc = {}
        if self.ethertype == FIP:
            self._read_fip(data[14:])
        elif self.ethertype == FCOE:
            self._read_fc(data[28:-8])
            self._check_delimiters(data[27], data[-4:])

    def _check_delimiters(self, sof, trailer):
        """SOFi3 begins a sequence and SOFn3 goes on with it; EOFt ends it.  tshark does not mind."""
        wanted = (0x36 if self.seq_cnt else 0x2e, bytes([0x42 if self.f_ctl & 0x080000 else 0x41, 0, 0, 0]))
        if (sof, trailer) != wanted:
            raise AssertionError(f"SOF {sof:02x} and EOF {trailer.hex()}, not {wanted}")

    def _read_fip(self, fip):
        op, sub, words, self.flags = struct.unpack(">HxBHH", fip[2:10])
        self.op = (op, sub)
        rest = fip[10:10 + words * 4]
        while rest:
            if not 4 <= rest[1] * 4 <= len(rest):
                raise AssertionError(f"a descriptor of FIP is {rest[1]} words long: {rest.hex()}")
            self.desc.setdefault(rest[0], []).append(rest[:rest[1] * 4])
            rest = rest[rest[1] * 4:]
        for kind in (FLOGI_DESC, FDISC_DESC, LOGO_DESC):
            if kind in self.desc:
                self._read_fc(self.desc[kind][0][4:])

    def _read_fc(self, fc):
        self.fc = fc
        self.r_ctl, self.d_id, self.s_id = fc[0], int.from_bytes(fc[1:4], "big"), int.from_bytes(fc[5:8], "big")
        self.type, self.f_ctl = fc[8], int.from_bytes(fc[9:12], "big")
        self.seq_cnt, self.ox_id, self.rx_id = struct.unpack(">HHH", fc[14:20])
        self.payload = fc[24:]

    @property
    def is_request(self):
        return not self.f_ctl & 0x800000


def fc_frame(r_ctl, d_id, s_id, kind, ox_id, payload, f_ctl=0x290000, rx_id=0xffff):
    return (bytes([r_ctl]) + id3(d_id) + b"\0" + id3(s_id) + bytes([kind]) + id3(f_ctl) + bytes(4) +
            struct.pack(">HH", ox_id, rx_id) + bytes(4) + payload)


def login_payload(command, wwpn, wwnn, size=2112):
    return (bytes([command, 0, 0, 0]) + struct.pack(">HHHHII", 0x2020, 10, 0, size, 10000, 2000) + wwpn + wwnn +
            bytes(32) + struct.pack(">H", 0x8800) + bytes(14 + 16 + 16))


def descriptor(kind, body):
    return bytes([kind, (len(body) + 2) // 4]) + body


def fip_frame(dst, src, operation, descriptors, flags=0x8000):
    body = b"".join(descriptors)
    frame = dst + src + struct.pack(">HBxHxBHH", FIP, 0x10, *operation, len(body) // 4, flags) + body
    return frame.ljust(60, b"\0")


def fcoe_frame(dst, src, fc, crc=None):
    crc = struct.pack("<I", binascii.crc32(fc)) if crc is None else crc
    return dst + src + struct.pack(">H", FCOE) + bytes(13) + b"\x2e" + fc + crc + b"\x42\0\0\0"


class Fabric:
    """A running fcf with so many ports: interfaces NAMEf1, NAMEf2, … whose far ends are NAMEe1, …"""

    def __init__(self, builddir, ports=2, name="a", mac="020000000fcf", args=()):
        self.dir, self.name, self.mac = sandbox.folder(), name, bytes.fromhex(mac)
        self.pcap = judge.Pcap(f"{self.dir}/frames.pcap")
        self.enodes, self.ports = [], ports
        self.except_for, self.next_ox = "frame.number == 0", 0x100
        words = []
        for n in range(1, ports + 1):
            sandbox.out(["ip", "link", "add", f"{name}f{n}", "mtu", "2500", "type", "veth", "peer", "name",
                         f"{name}e{n}", "mtu", "2500"])
            sandbox.out(["ip", "link", "set", f"{name}e{n}", "up"])
            words += ["--port", f"{n}={name}f{n}"]
        self.argv = [f"{builddir}/lab/fcf/fcf", *words, "--switch", "1000" + mac, "--control", f"{self.dir}/control", "--log",
                     f"{self.dir}/log", *args]
        self.start()

    def start(self):
        self.process = sandbox.start(self.argv, f"{self.dir}/output")
        sandbox.wait_until("fcf", self._is_up)
        sandbox.wait_until("the links", self._has_links)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{self.dir}/control")
        self.file = self.socket.makefile("rw")

    def stop(self):
        """As a switch that loses its power; start() begins anew."""
        self.file.close()
        self.socket.close()
        sandbox.end(self.process)

    def _is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError(self.output())
        return sandbox.listens(f"{self.dir}/control")

    def _has_links(self):
        """The kernel drops what is sent before it has noticed that both ends are up."""
        states = sandbox.out(["ip", "-br", "link", "show", "type", "veth"]).splitlines()
        return sum(line.split()[1] == "UP" for line in states if re.match(self.name + "[ef][0-9]", line)) == 2 * self.ports

    def output(self):
        with open(f"{self.dir}/output", encoding="utf-8", errors="replace") as f:
            return f.read()

    def line(self, text):
        self.file.write(text + "\n")
        self.file.flush()
        return json.loads(self.file.readline())

    def order(self, **order):
        answer = self.line(json.dumps(order))
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer

    def show(self, what):
        return self.order(show=what)[what]

    def counter(self, name):
        return self.show("counters")[name]

    def counts(self, name, n):
        sandbox.wait_until(f"{name} to be {n}", lambda: self.counter(name) == n)

    def port(self, number):
        return next(p for p in self.show("ports") if p["port"] == number)

    def fcids(self):
        return sorted(int(login["fcid"], 16) for login in self.show("logins"))

    def zone(self, *zones, default="none"):
        """Each zone a list of members, or a pair of lists: principals and peers."""
        documents = []
        for i, z in enumerate(zones):
            members = {"principals": [colons(w) for w in z[0]], "peers": [colons(w) for w in z[1]]} \
                if isinstance(z, tuple) else {"members": [colons(w) for w in z]}
            documents.append({"name": f"z{i}", **members})
        self.order(zones={"name": "cfg", "default": default, "zones": documents})

    def enode(self, number, **more):
        e = Enode(self, f"{self.name}e{number}", number, **more)
        self.enodes.append(e)
        return e

    def __enter__(self):
        return self

    def _end(self):
        """The exit code of fcf: 0 when it ended in order."""
        self.file.close()
        self.socket.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            return None
        finally:
            sandbox.end(self.process)
            for n in range(1, self.ports + 1):
                sandbox.out(["ip", "link", "del", f"{self.name}f{n}"])

    def __exit__(self, kind, _value, _trace):
        try:
            if kind is None:
                for e in self.enodes:
                    e.drain()
        finally:
            rc = self._end()
            for e in self.enodes:
                e.socket.close()
            output = self.output()
            path = self.pcap.path()
            if kind is None and rc == 0:
                judge.no_complaints(path, self.mac, self.except_for)
            shutil.rmtree(self.dir, ignore_errors=True)
        if kind is None and rc != 0:
            raise AssertionError(f"fcf ended with {rc}: {output}")
        return False


class Enode:
    """A network card on the far end of a port."""

    def __init__(self, fabric, interface, number, index=0, vlan=0):
        self.fabric, self.vlan = fabric, vlan
        self.mac = bytes([2, 0xee, 0, 0, number, index])
        self.inbox = []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        self.socket.bind((interface, 3))

    def ox(self):
        """Each exchange of the fabric has its own number, so that tshark finds its request."""
        self.fabric.next_ox += 1
        return self.fabric.next_ox

    def send(self, frame, vlan=None, record=True):
        vlan = self.vlan if vlan is None else vlan
        if record:
            self.fabric.pcap.add(frame)
        self.socket.send(frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:] if vlan else frame)

    def _take(self):
        data, control, _, _ = self.socket.recvmsg(4000, 128)
        vlan = 0
        for level, kind, aux in control:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, tci = struct.unpack("I12xH", aux[:18])
                vlan = tci & 0xfff if status & 0x10 else 0
        if struct.unpack(">H", data[12:14])[0] in (FIP, FCOE):
            self.fabric.pcap.add(data)
            self.inbox.append(Frame(data, vlan))

    def drain(self):
        """Whatever has come so far."""
        while select.select([self.socket], [], [], 0)[0]:
            try:
                self._take()
            except OSError:
                break
        return self.inbox

    def drain_unread(self):
        """Throw away whatever has come so far."""
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.recv(4000)

    def expect(self, what, wanted, seconds=SECONDS):
        until = time.monotonic() + seconds
        while True:
            for frame in self.inbox:
                if wanted(frame):
                    self.inbox.remove(frame)
                    return frame
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise TimeoutError(what)
            self._take()

    def expect_fip(self, operation, seconds=SECONDS):
        return self.expect(f"FIP {operation}", lambda f: f.op == operation, seconds)

    def fip(self, operation, *descriptors, dst=ALL_FCFS, flags=0x8000, src=None, **more):
        self.send(fip_frame(dst, src or self.mac, operation, descriptors, flags), **more)

    def solicit(self, size=2158, flags=0x8000, **more):
        self.fip((1, 1), descriptor(2, self.mac), descriptor(4, bytes(2) + wwn("1000" + self.mac.hex())),
                 descriptor(6, struct.pack(">H", size)), flags=flags, **more)

    def link_service(self, kind, fc, **more):
        """A login or logout in FIP and the reply to it."""
        self.fip((2, 1), descriptor(kind, bytes(2) + fc), descriptor(2, self.mac), dst=self.fabric.mac, **more)
        ox_id = struct.unpack(">H", fc[16:18])[0]
        return self.expect("reply in FIP", lambda f: f.op == (2, 2) and f.ox_id == ox_id)

    def ask_login(self, wwpn, kind=FLOGI, size=2112, **more):
        command = {FLOGI: FLOGI_DESC, FDISC: FDISC_DESC}[kind]
        fc = fc_frame(0x22, FABRIC, 0, 1, self.ox(), login_payload(kind, wwpn, b"\x20" + wwpn[1:], size))
        return self.link_service(command, fc, **more)

    def login(self, wwpn, kind=FLOGI, size=2112):
        reply = self.ask_login(wwpn, kind, size)
        if reply.payload[0] != 2:
            raise AssertionError(f"refused: {reply.payload.hex()}")
        return VnPort(self, wwpn, reply)

    def keep_alive(self, *vn_ports):
        self.fip((3, 1), descriptor(2, self.mac), dst=self.fabric.mac)
        for vn in vn_ports:
            self.fip((3, 1), descriptor(2, self.mac), descriptor(11, vn.mac + b"\0" + id3(vn.fcid) + vn.wwpn),
                     dst=self.fabric.mac, src=vn.mac)


class VnPort:
    """Who logged in: an initiator or a target."""

    def __init__(self, enode, wwpn, reply):
        self.enode, self.wwpn, self.wwnn, self.reply = enode, wwpn, b"\x20" + wwpn[1:], reply
        self.fcid, self.mac = reply.d_id, reply.desc[2][0][2:8]

    def send(self, fc, **more):
        self.enode.send(fcoe_frame(self.enode.fabric.mac, self.mac, fc), **more)

    def request(self, r_ctl, d_id, kind, payload):
        """All the frames of the reply, as one payload."""
        ox_id = self.enode.ox()
        self.send(fc_frame(r_ctl, d_id, self.fcid, kind, ox_id, payload))
        whole = b""
        while True:
            f = self.enode.expect(f"reply to {payload[:10].hex()}", lambda f: f.ethertype == FCOE and f.ox_id == ox_id
                                  and f.d_id == self.fcid and not f.is_request)
            whole += f.payload
            if f.f_ctl & 0x080000:
                return whole

    def els(self, d_id, payload):
        return self.request(0x22, d_id, 1, payload)

    def ct(self, command, body):
        """(True, objects) or (False, (reason, explanation)).  What is sent is filled up to whole words."""
        out = self.request(2, DIRECTORY, 0x20, bytes([1, 0, 0, 0, 0xfc, 2, 0, 0]) + struct.pack(">H", command) +
                           bytes(6) + body + bytes(-len(body) % 4))
        code = struct.unpack(">H", out[8:10])[0]
        return (True, out[16:]) if code == 0x8002 else (False, (out[13], out[14]))

    def plogi(self, d_id=DIRECTORY):
        return self.els(d_id, login_payload(PLOGI, self.wwpn, self.wwnn))

    def register(self, features=2):
        """What an FCP port registers."""
        for command, body in ((0x0213, self._own() + self.wwnn), (0x0217, self._own() + bytes.fromhex("00000100") + bytes(28)),
                              (0x021f, self._own() + bytes([0, 0, features, 8]))):
            ok, why = self.ct(command, body)
            if not ok:
                raise AssertionError(f"{command:04x} refused: {why}")
        return self

    def _own(self):
        return b"\0" + id3(self.fcid)

    def scr(self):
        if self.els(CONTROLLER, bytes([SCR, 0, 0, 0, 0, 0, 0, 3]))[0] != 2:
            raise AssertionError("SCR refused")
        return self

    def sees(self):
        """The WWPNs that GPN_FT tells, or the reason of the reject."""
        ok, out = self.ct(0x0172, bytes([0, 0, 0, 8]))
        return sorted(out[i + 8:i + 16] for i in range(0, len(out), 16)) if ok else out

    def data(self, to, payload, **more):
        """FCP data to somebody."""
        self.send(fc_frame(0x01, to, self.fcid, 8, self.enode.ox(), payload), **more)

    def got(self, payload, seconds=SECONDS):
        return self.enode.expect(f"data {payload!r}", lambda f: f.ethertype == FCOE and f.type == 8 and f.d_id == self.fcid
                                 and f.payload == payload, seconds)

    def rscn(self, about=None):
        """The addresses of the next RSCN, or of the next that is about one address."""
        f = self.enode.expect(f"RSCN about {about}", lambda f: f.ethertype == FCOE and f.type == 1 and f.is_request and
                              f.payload[0] == RSCN and f.d_id == self.fcid and (about is None or id3(about) in f.payload[4:]))
        return [int.from_bytes(f.payload[i + 1:i + 4], "big") for i in range(4, len(f.payload), 4)]

    def logout(self):
        fc = fc_frame(0x22, FABRIC, self.fcid, 1, self.enode.ox(), bytes([LOGO, 0, 0, 0]) + self._own() + self.wwpn)
        return self.enode.link_service(LOGO_DESC, fc)
