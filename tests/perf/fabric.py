#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What zones cost: so many of them made on one fabric by Recast's drivers and by OpenStack Cinder's clients, each against the
same face of a switch (lab/fos over HTTPS, lab/mds behind sshd).  For bench; by itself: fabric.py BUILDDIR [N].  Needs root."""
import contextlib
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TOP, "tests", "conformance")]
import cases_fabric  # noqa: E402
import peer_brocade  # noqa: E402
import peer_mds  # noqa: E402
import sandbox  # noqa: E402
from client import Driver  # noqa: E402

PYTHON, PACKAGES = "/usr/bin/python3", "/usr/lib/python3/dist-packages"
NO_CINDER = "not measured: there is no Cinder (Debian: apt-get install python3-cinder)"


class Brocade(peer_brocade.BrocadePeer):
    # The peer of the conformance suite ends sessions early, and has room for those of drivers that it killed.
    session_seconds, max_sessions = "600", "3"
    args = ("--delete", "later")  # what Cinder counts on

    def counted(self):
        return {"activations": self.show("activations"), "requests": self.show("requests")}

    def cinder(self):
        return [f"{TOP}/lab/fos/cinder-client.py", PACKAGES, f"127.0.0.1:{self.port}", peer_brocade.USER, f"{self.dir}/password"], \
            {"REQUESTS_CA_BUNDLE": self.ca.pem, "NO_PROXY": "*"}


class Mds(peer_mds.MdsPeer):
    def counted(self):
        return {"activations": self.count("activations"), "commits": self.count("commits"), "commands": self.count("commands"),
                "copies_to_startup": self.count("saves"), "logins": self.heard()}

    def heard(self):
        """Logins, and not the times that a way to log in was offered: Cinder offers some."""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return len(re.findall(r"(?m)^Accepted \S+ for ", f.read()))

    def cinder(self):
        known = f"{self.dir}/known"
        with open(known, "w", encoding="ascii"):
            pass
        return [f"{TOP}/lab/mds/cinder-client.py", peer_mds.PASSWORD, str(peer_mds.PORT), known, self.dir], {}


@contextlib.contextmanager
def fabric(kind):
    peer = kind()
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()


def counting(peer, work):
    before = peer.counted()
    seconds = work()
    after = peer.counted()
    return {**{k: after[k] - before[k] for k in after}, "seconds": round(seconds, 2)}


def recast(kind, builddir, groups):
    """Each group of changes is one apply."""
    with fabric(kind) as peer:
        d = Driver(peer.argv(builddir))

        def work():
            began = time.monotonic()
            opened = d.call("open", "fab", **{"class": "fabric", "options": peer.options("fab"), "pin": peer.pin("fab")})
            assert opened.get("ok"), opened
            for changes in groups:
                for r in d.call("apply", "fab", changes=changes, deadline_ms=60000)["results"]:
                    assert r["status"] == "done", r
            d.call("close", "fab")
            return time.monotonic() - began

        try:
            counts = counting(peer, work)
            there = d.call("open", "fab", **{"class": "fabric", "options": peer.options("fab"), "pin": peer.pin("fab")})
            assert there.get("ok"), there
            zones = d.call("observe", "fab", deadline_ms=30000)["document"]["zones"].values()
            assert sum(z["managed"] and z["active"] for z in zones) == sum(map(len, groups)), "not all are in force"
            return counts
        finally:
            d.kill()


def cinder(kind, how, n):
    with fabric(kind) as peer:
        argv, env = peer.cinder()

        def work():
            done = subprocess.run([PYTHON, "-B", *argv, how, str(n)], capture_output=True, text=True, timeout=300, check=False,
                                  env={**os.environ, **env})
            assert done.returncode == 0, done.stderr[-3000:]
            return float(done.stdout.splitlines()[-1])

        counts = counting(peer, work)
        assert peer.dump().count("openstack") >= n, "not all are there"
        return counts


def measure(builddir, n):
    wishes = [cases_fabric.zone(f"p{i}.hba0", host=i) for i in range(1, n + 1)]
    has_cinder = os.path.isdir(f"{PACKAGES}/cinder/zonemanager/drivers")
    result = {"zones": n}
    for name, kind in (("brocade", Brocade), ("mds", Mds)):
        missing = kind().missing()
        if missing:
            result[name] = "not measured: needs " + " ".join(missing)
            continue
        result[name] = {"recast_one_apply": recast(kind, builddir, [wishes]),
                        "recast_one_by_one": recast(kind, builddir, [[w] for w in wishes]),
                        "cinder_at_once": cinder(kind, "at-once", n) if has_cinder else NO_CINDER,
                        "cinder_one_by_one": cinder(kind, "one-by-one", n) if has_cinder else NO_CINDER}
    return result


if __name__ == "__main__":
    if os.geteuid() != 0:
        print(json.dumps("not measured: a namespace and sshd need root"))
        sys.exit(0)
    sandbox.enter_private_network()
    print(json.dumps(measure(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100), indent=2))
