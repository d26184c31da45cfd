# SPDX-License-Identifier: GPL-3.0-or-later
"""recast-driver-lio against the real thing: Linux' kernel target in a QEMU guest with Debian's kernel (lab/lio), reached over
SSH, with real initiators.  The guest boots once for all cases and is emptied before each."""
import os
import select
import signal
import socket
import subprocess
import sys
import threading

import sandbox
from cases import all_done, check, converge, observed
from initiator import Session
from peer import Peer
from peer_lio import FOREIGN, LioPeer, OTHER_VHBA, PORTS, VHBA, entry, volume
from peer_tgt import DB, GONE, Host, MIB, TARGET, WEB

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lab/lio"))
import guest  # noqa: E402

ADDRESS, NEIGHBOUR, TAP = "10.66.9.2", "10.66.9.1/24", "array0"
ROOT = "/sys/kernel/config/target"


class Relay:
    """Passes TCP connections on to the guest's sshd, and cuts them all at the `cut`th piece that the client sends."""

    def __init__(self, cut):
        self.cut, self.count, self.stopped = cut, 0, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        with client, socket.create_connection((ADDRESS, 22)) as device:
            while not self.stopped:
                for side in select.select([client, device], [], [], 0.1)[0]:
                    try:
                        chunk = side.recv(1 << 20)
                    except ConnectionResetError:
                        return
                    self.count += side is client
                    if not chunk or self.count == self.cut:
                        return
                    (device if side is client else client).sendall(chunk)

    def close(self):
        self.stopped = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(5)


class GuestHost(Host):
    """One session to the guest that is never made again."""

    def __init__(self, initiator, target, user, secret):
        self.session = Session((ADDRESS, 3260), initiator, target, user, secret)
        self.read()


class LioKernelPeer(Peer):
    driver = "lio"
    label = "lio, kernel"
    snapshots = True
    started_once = True
    cls = "storage"
    needs = {"iscsi-inq": "libiscsi-bin", "iscsi-perf": "libiscsi-bin"}
    unknown_object = "volume:nosuch"
    foreign_map = ("other", FOREIGN)
    foreign_initiators = ["iqn.2020-01.foreign:host"]
    secrets = LioPeer.secrets
    map_wish, wishes, other_wishes, expect = LioPeer.map_wish, LioPeer.wishes, LioPeer.other_wishes, LioPeer.expect
    fc_wish = LioPeer.fc_wish
    array = None

    def missing(self):
        return sorted(set(Peer.missing(self)) | set(guest.missing()))

    def argv(self, libexec):
        LioKernelPeer.helper = os.path.abspath(f"{libexec}/recast-lio-target")
        return Peer.argv(self, libexec)

    def boot(self):
        cls = LioKernelPeer
        cls.folder = sandbox.folder()
        cls.key = guest.build(cls.folder, self.helper)
        sandbox.out(["ssh-keygen", "-q", "-t", "ed25519", "-m", "PEM", "-N", "", "-f", f"{cls.folder}/stranger"])
        sandbox.out(["ip", "tuntap", "add", TAP, "mode", "tap"])
        sandbox.out(["ip", "address", "add", NEIGHBOUR, "dev", TAP])
        sandbox.out(["ip", "link", "set", TAP, "up"])
        cls.array = guest.Array(cls.folder, f"{ADDRESS}/24", [TAP], sandbox.start, sandbox.wait_until)
        cls.array.wait_ready()

    def start(self):
        self.holders = []
        if not self.array or self.array.process.poll() is not None:
            self.boot()
        self.array.run("/usr/sbin/array-reset")

    def stop(self):
        for p in self.holders:
            sandbox.end(p)

    def pin(self, _name):
        return self.key

    def options(self, name):
        with open(f"{self.folder}/client", encoding="ascii") as f:
            return {"address": f"ssh://root@{ADDRESS}{guest.HELPER}", "credential": f.read(), "pool": "/pool",
                    "portals": [f"{ADDRESS}:3260"]}

    def bad_auth_options(self):
        with open(f"{self.folder}/stranger", encoding="ascii") as f:
            return dict(self.options("dev"), credential=f.read())

    def nobody_options(self):
        return dict(self.options("dev"), address=f"ssh://root@{ADDRESS}:23{guest.HELPER}")

    def silence(self):
        self.array.process.send_signal(signal.SIGSTOP)

    def speak(self):
        self.array.process.send_signal(signal.SIGCONT)

    def restart(self):
        """What a reboot leaves of configfs, and what is called at boot."""
        self.array.run(f"/usr/sbin/array-reset keep; {guest.HELPER} restore")

    def dump(self):
        return self.array.run("/usr/sbin/array-dump")

    def foreign_dump(self):
        return self.array.run(f"/usr/sbin/array-dump iscsi/{FOREIGN}; /usr/sbin/array-dump core/fileio_0")

    # Initiators

    def login(self, generation, initiator=WEB, lun=1, user=None):
        url = f"iscsi://{user or f'web.g{generation}'}%Secret0fGeneration{generation}@{ADDRESS}:3260/{TARGET}/{lun}"
        return self.inquire(initiator, url)

    def inquire(self, initiator, url):
        r = subprocess.run(["iscsi-inq", "-i", initiator, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                           check=False)
        return r.returncode == 0, r.stdout.decode(errors="replace")

    def hold(self, _driver, name, chap=True):
        if name:
            return GuestHost(WEB, TARGET, "web.g1" if chap else None, "Secret0fGeneration1")
        return GuestHost("iqn.2020-01.foreign:host", FOREIGN, "somebody", "elsepassword")

    def hold_session(self, generation):
        """An initiator that reads without end, and comes back when it is thrown out."""
        url = f"iscsi://web.g{generation}%Secret0fGeneration{generation}@{ADDRESS}:3260/{TARGET}/1"
        p = sandbox.start(["iscsi-perf", "-i", WEB, "-b", "8", "-m", "1", url], f"{self.folder}/perf.log")
        self.holders.append(p)
        sandbox.wait_until("a session", lambda: self.sessions() > 0)

    def sessions(self, iqn=TARGET):
        """By the kernel's own count."""
        return int(self.array.run(f"cat {ROOT}/iscsi/{iqn}/fabric_statistics/iscsi_instance/sessions 2>/dev/null || echo 0"))


def only_the_named_initiators_with_the_secret_may_log_in(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    check(p.login(1)[0], p.login(1)[1])
    for what, (worked, said) in {"another initiator": p.login(1, DB), "another secret": p.login(2),
                                 "somebody else's user": p.login(1, user="somebody"),
                                 "a LUN that was not given": p.login(1, lun=2),
                                 "no secret at all": p.inquire(WEB, f"iscsi://{ADDRESS}:3260/{TARGET}/1")}.items():
        check(not worked, f"{what} got in: {said}")


def removing_a_map_ends_its_sessions(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    p.hold_session(1)
    rows = d.call("observe", "dev", objects=["map:web"])["document"]["sessions"]
    check(rows and rows[0]["initiator"] == WEB and rows[0]["address"] == "10.66.9.1", f"{rows}")
    all_done(d.apply("dev", [GONE]))
    text = p.dump()
    check(TARGET not in text and "fileio_2606" not in text, text)
    check(p.sessions() == 0 and not p.login(1)[0], "it can still log in")


def a_new_credential_ends_the_sessions_of_the_old(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    p.hold_session(1)
    all_done(d.apply("dev", [p.map_wish(2)]))
    check(p.sessions() == 0, "the session stayed")
    check(not p.login(1)[0] and p.login(2)[0], "old secret in or new secret out")


def several_sessions_of_one_initiator_end_together(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    hosts = [p.hold(d, "web")]
    hosts[0].session.socket.settimeout(5)
    p.hold_session(1)
    r = all_done(d.apply("dev", [{"object": "sessions:web", "set": {"exists": False}}]))[0]
    check(r["changed"] is True and not hosts[0].alive(), f"{r}")
    check(p.login(1)[0], "the map must stay")
    all_done(d.apply("dev", [GONE]))
    check(p.sessions() == 0, "sessions are left")


def a_connection_that_is_cut_at_any_moment_lets_nobody_in_by_halves(lab):
    d, p = lab.opened(), lab.peer
    for cut in range(2, 60):
        all_done(d.apply("dev", [GONE] + p.wishes(1)))
        relay = Relay(cut)
        try:
            broken = lab.driver()
            lab.open(broken, options=dict(p.options("dev"), address=f"ssh://root@127.0.0.1:{relay.port}{guest.HELPER}"))
            reply = broken.call("apply", "dev", deadline_ms=4000, changes=[p.map_wish(2)])
            lab.discard(broken)
        finally:
            relay.close()
        status = reply["results"][0]["status"] if "results" in reply else "error"
        web = observed(lab, d, "dev", [p.map_wish(2)])["maps"]["web"]
        check(status != "done" or web["generation"] == 2, f"cut {cut}: {status} {web}")
        all_done(d.apply("dev", [p.map_wish(2)]))
        check(not p.login(1)[0] and p.login(2)[0], f"cut {cut}: not converged")
        if relay.count < cut:
            check(status == "done" and cut > 4, f"{cut} {status}")
            return
    raise AssertionError("a grant has more than 60 pieces")


def the_serial_number_belongs_to_the_volume(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes(1)))
    first = p.hold(d, "web").session.serial(1)
    all_done(d.apply("dev", [GONE]))
    all_done(d.apply("dev", [p.map_wish(1, luns={"1": "web-data", "2": "web-root"})]))
    host = p.hold(d, "web")
    check(len(first) == 32 and host.session.serial(2) == first and host.session.serial(1) != first, "a host would see another disk")
    p.restart()
    check(p.hold(d, "web").session.serial(2) == first, "a host would see another disk after a reboot")


def the_kernel_keeps_an_fc_map_as_it_was_ordered(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()[:-1]))
    for wish in (p.fc_wish(1), p.fc_wish(1, luns={"1": "web-root", "5": "web-data"}), p.fc_wish(2, (VHBA, OTHER_VHBA)),
                 p.fc_wish(3, ports=PORTS[:1])):
        converge(lab, d, "dev", [wish])
        check(all_done(d.apply("dev", [wish]))[0]["changed"] is False, "it was made again")
        for port in wish["set"]["ports"]:
            for initiator in wish["set"]["initiators"]:
                luns = p.array.run(f"ls {ROOT}/{entry(port, initiator)}").split()
                check({f"lun_{n}" for n in wish["set"]["luns"]} == {n for n in luns if n.startswith("lun_")}, f"{luns}")
    p.restart()
    check(all_done(d.apply("dev", [wish]))[0]["changed"] is False, "it was not restored")
    all_done(d.apply("dev", [GONE]))
    text = p.dump()
    check(VHBA not in text and "fileio_2606" not in text, text)


def what_is_written_through_a_lun_is_in_the_volume(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    check(p.hold(d, "web").read()[:18] == b"golden boot sector", "the clone is not what it was made from")
    larger = volume("web-root", size_bytes=24 * MIB)
    all_done(d.apply("dev", [GONE, larger, p.map_wish(1)]))
    capacity = p.hold(d, "web").session.command(1, bytes([0x25]) + b"\0" * 9, 8)
    check(int.from_bytes(capacity[:4], "big") + 1 == 24 * MIB // 512, f"{capacity.hex()}")


for fn in (only_the_named_initiators_with_the_secret_may_log_in, removing_a_map_ends_its_sessions,
           a_new_credential_ends_the_sessions_of_the_old, several_sessions_of_one_initiator_end_together,
           a_connection_that_is_cut_at_any_moment_lets_nobody_in_by_halves, the_serial_number_belongs_to_the_volume,
           the_kernel_keeps_an_fc_map_as_it_was_ordered, what_is_written_through_a_lun_is_in_the_volume):
    fn.needs = ()
    LioKernelPeer.own_cases += (fn,)

PEERS = [LioKernelPeer]
