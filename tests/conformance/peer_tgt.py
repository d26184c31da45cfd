# SPDX-License-Identifier: GPL-3.0-or-later
"""A real tgtd with a pool of its own, and real initiators (libiscsi's tools)."""
import os
import shutil
import signal
import subprocess

import sandbox
from peer import Peer, Proxy

PORTAL = "127.0.0.1:3260"
TARGET = "iqn.2026-01.example:san1:web"
WEB, DB = "iqn.2026-01.example:web", "iqn.2026-01.example:db"
MIB = 1 << 20


class TgtPeer(Peer):
    driver = "tgt"
    cls = "storage"
    needs = {"tgtd": "tgt", "tgtadm": "tgt", "iscsi-inq": "libiscsi-bin", "iscsi-perf": "libiscsi-bin"}
    unknown_object = "volume:nosuch"
    foreign_map = ("other", "iqn.2020-01.foreign:disk")
    secrets = ("Secret0fGeneration1", "Secret0fGeneration2", "Secret0fGeneration9")

    def start(self):
        self.dir = sandbox.folder()
        self.pool = f"{self.dir}/pool"
        os.mkdir(self.pool)
        with open(f"{self.pool}/golden.img", "wb") as f:
            f.write(b"golden boot sector".ljust(4096, b"\0"))
            f.seek(8 * MIB)
            f.write(b"in the middle")
            f.truncate(16 * MIB)
        with open(f"{self.pool}/other.img", "wb") as f:
            f.truncate(8 * MIB)
        self.start_target()

    def start_target(self):
        self.socket = f"{self.dir}/sock"
        self.tgtd = sandbox.start(["tgtd", "-f", "-C", "7", "-t", "2", "--iscsi", f"portal={PORTAL}"],
                                  f"{self.dir}/tgtd.log", dict(os.environ, TGT_IPC_SOCKET=self.socket))
        sandbox.wait_until("tgtd", self.answers)
        self.adm("--op", "new", "--mode", "target", "--tid", "1", "-T", "iqn.2020-01.foreign:disk")
        self.adm("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "-b", f"{self.pool}/other.img")
        self.adm("--op", "new", "--mode", "account", "--user", "somebody", "--password", "elsepassword")
        self.adm("--op", "bind", "--mode", "account", "--tid", "1", "--user", "somebody")
        self.adm("--op", "bind", "--mode", "target", "--tid", "1", "--initiator-name", "iqn.2020-01.foreign:host")

    def restart(self):
        """tgtd keeps nothing over a restart: not even what is somebody else's."""
        sandbox.end(self.tgtd)
        os.unlink(f"{self.socket}.7")
        self.start_target()

    def answers(self):
        try:
            return self.adm("--op", "show", "--mode", "target") is not None
        except RuntimeError:
            return False

    def stop(self):
        sandbox.end(self.tgtd)
        shutil.rmtree(self.dir, ignore_errors=True)

    def adm(self, *args):
        return sandbox.out(["tgtadm", "-C", "7", "--lld", "iscsi", *args],
                           dict(os.environ, TGT_IPC_SOCKET=self.socket))

    def options(self, name):
        return {"socket": self.socket, "control_port": 7, "pool": self.pool}

    def nobody_options(self):
        return {"socket": f"{self.dir}/nobody", "pool": self.pool}

    def fake_options(self, path):
        return {"socket": path, "pool": self.pool}

    def silence(self):
        self.tgtd.send_signal(signal.SIGSTOP)

    def speak(self):
        self.tgtd.send_signal(signal.SIGCONT)

    def proxy(self, **how):
        return Proxy(f"{self.socket}.7", f"{self.dir}/proxy", **how)

    def cut_points(self):
        # A grant is some 14 requests in two chunks each: cut in each of them.
        return list(range(2, 26, 2))

    def dump(self):
        files = sorted((n, os.stat(f"{self.pool}/{n}").st_size, os.stat(f"{self.pool}/{n}").st_mtime_ns)
                       for n in os.listdir(self.pool))
        return self.adm("--op", "show", "--mode", "target") + self.adm("--op", "show", "--mode", "account") + str(files)

    def foreign_dump(self):
        text = self.adm("--op", "show", "--mode", "target")
        mine = text[text.index("Target 1:"):]
        end = mine.find("\nTarget ")
        return (mine if end < 0 else mine[:end]).rstrip() + str("somebody" in self.adm("--op", "show", "--mode", "account"))

    def map_wish(self, generation, initiators=(WEB,), luns=None):
        return {"object": "map:web", "generation": generation, "owner": "web",
                "set": {"exists": True, "target": TARGET, "initiators": list(initiators),
                        "luns": luns or {"1": "web-root"}, "generation": generation,
                        "chap": {"user": f"web.g{generation}", "secret": f"Secret0fGeneration{generation}"}}}

    def wishes(self, generation=1):
        return [{"object": "volume:web-root", "set": {"exists": True, "source": "golden", "size_bytes": 16 * MIB}},
                {"object": "volume:web-data", "set": {"exists": True, "size_bytes": 8 * MIB}},
                self.map_wish(generation)]

    def other_wishes(self, generation=2):
        return [{"object": "volume:web-root", "set": {"exists": True, "size_bytes": 16 * MIB}},
                {"object": "volume:web-data", "set": {"exists": True}},
                self.map_wish(generation, (WEB, DB), {"1": "web-root", "2": "web-data"})]

    def expect(self, change):
        want = dict(change["set"])
        want.pop("source", None)
        chap = want.pop("chap", None)
        if chap:
            want["chap_user"] = chap["user"]
        if "initiators" in want:
            want["initiators"] = sorted(want["initiators"])
        return want

    def native_check(self, document):
        text = self.adm("--op", "show", "--mode", "target")
        for m in document["maps"].values():
            assert not m["exists"] or m["target"] in text, f"tgtd does not list {m['target']}"

    # Initiators

    def login(self, generation, initiator=WEB, lun=1, user=None, target=TARGET):
        """Can this initiator read the LUN with this secret?  What it said, and whether it could."""
        url = f"iscsi://{user or f'web.g{generation}'}%Secret0fGeneration{generation}@{PORTAL}/{target}/{lun}"
        r = subprocess.run(["iscsi-inq", "-i", initiator, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=10, check=False)
        return r.returncode == 0, r.stdout.decode(errors="replace")

    def hold_session(self, generation):
        """An initiator that reads without end, and comes back when it is thrown out."""
        url = f"iscsi://web.g{generation}%Secret0fGeneration{generation}@{PORTAL}/{TARGET}/1"
        p = sandbox.start(["iscsi-perf", "-i", WEB, "-b", "8", "-m", "1", url], f"{self.dir}/perf.log")
        sandbox.wait_until("a session", self.sessions)
        return p

    def sessions(self):
        return "Connection:" in self.adm("--op", "show", "--mode", "target")


PEERS = [TgtPeer]
