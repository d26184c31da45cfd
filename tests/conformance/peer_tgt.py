# SPDX-License-Identifier: GPL-3.0-or-later
"""A real tgtd with a pool of its own, and real initiators (libiscsi's tools)."""
import os
import shutil
import signal
import struct
import subprocess
import time

import sandbox
from cases import all_done, check
from initiator import Session
from peer import Peer, Proxy

PORTAL = "127.0.0.1:3260"
TARGET = "iqn.2026-01.example:san1:web"
WEB, DB = "iqn.2026-01.example:web", "iqn.2026-01.example:db"
MIB = 1 << 20


class Host:
    """One session that is never made again."""

    def __init__(self, initiator, target, user, secret):
        self.session = Session(("127.0.0.1", 3260), initiator, target, user, secret)
        self.read()

    def read(self):
        return self.session.read_block(1)

    def alive(self):
        try:
            return len(self.read()) == 512
        except OSError:
            return False

    def luns(self):
        return [n for n in self.session.report_luns() if n]


def make_pool(folder):
    """An image to clone, with data here and there, and a volume of somebody else's."""
    os.mkdir(folder)
    with open(f"{folder}/golden.img", "wb") as f:
        f.write(b"golden boot sector".ljust(4096, b"\0"))
        f.seek(8 * MIB)
        f.write(b"in the middle")
        f.truncate(16 * MIB)
    with open(f"{folder}/other.img", "wb") as f:
        f.truncate(8 * MIB)


class TgtPeer(Peer):
    driver = "tgt"
    cls = "storage"
    needs = {"tgtd": "tgt", "tgtadm": "tgt", "iscsi-inq": "libiscsi-bin", "iscsi-perf": "libiscsi-bin"}
    unknown_object = "volume:nosuch"
    foreign_map = ("other", "iqn.2020-01.foreign:disk")
    foreign_initiators = ["iqn.2020-01.foreign:host"]
    secrets = ("Secret0fGeneration1", "Secret0fGeneration2", "Secret0fGeneration9")

    def start(self):
        self.holders = []
        self.dir = sandbox.folder()
        self.pool = f"{self.dir}/pool"
        make_pool(self.pool)
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
        for p in self.holders:
            sandbox.end(p)
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
        # A grant is some 14 requests: cut at each of them.
        return list(range(1, 15))

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
        """An initiator that reads without end, and comes back when it is thrown out: until this peer stops, lest it
        finds the next one."""
        url = f"iscsi://web.g{generation}%Secret0fGeneration{generation}@{PORTAL}/{TARGET}/1"
        p = sandbox.start(["iscsi-perf", "-i", WEB, "-b", "8", "-m", "1", url], f"{self.dir}/perf.log")
        self.holders.append(p)
        sandbox.wait_until("a session", self.sessions)

    def hold(self, _driver, name, chap=True):
        if name:
            return Host(WEB, TARGET, "web.g1" if chap else None, "Secret0fGeneration1")
        return Host("iqn.2020-01.foreign:host", self.foreign_map[1], "somebody", "elsepassword")

    def sessions(self):
        return "Connection:" in self.adm("--op", "show", "--mode", "target")


# --- what only an array with real initiators can show ---

GONE = {"object": "map:web", "set": {"exists": False}}


def only_the_named_initiators_with_the_secret_may_log_in(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    check(p.login(1)[0], p.login(1)[1])
    for what, (worked, said) in {"another initiator": p.login(1, DB), "another secret": p.login(2),
                                 "somebody else's user": p.login(1, user="somebody"),
                                 "a LUN that was not given": p.login(1, lun=2)}.items():
        check(not worked, f"{what} got in: {said}")
    r = subprocess.run(["iscsi-inq", "-i", WEB, f"iscsi://{PORTAL}/{TARGET}/1"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=10, check=False)
    check(r.returncode != 0, "no secret at all got in")


def removing_a_map_ends_its_sessions(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    p.hold_session(1)
    rows = d.call("observe", "dev", objects=["map:web"])["document"]["sessions"]
    check(rows and rows[0]["initiator"] == WEB and rows[0]["address"] == "127.0.0.1", f"{rows}")
    all_done(d.apply("dev", [GONE]))
    text = p.adm("--op", "show", "--mode", "target")
    check("Connection:" not in text and TARGET not in text, text)
    check(not p.login(1)[0], "it can still log in")
    check("web.g" not in p.adm("--op", "show", "--mode", "account"), "the account stayed")


def nobody_gets_in_once_sessions_are_being_dropped(lab):
    d, p, tried = lab.driver(), lab.peer, []

    def watch(chunk):
        # Mode 6 is "connection", operation 2 is "show": the driver looks for sessions to drop.
        if not tried and struct.unpack_from("<II", chunk) == (6, 2):
            tried.append(p.login(1)[0])

    proxy = p.proxy(watch=watch)
    try:
        lab.open(d, options=dict(p.options("dev"), socket=proxy.path))
        all_done(d.apply("dev", p.wishes()))
        check(p.login(1)[0], "before")
        for change in (p.map_wish(2), GONE):
            tried.clear()
            all_done(d.apply("dev", [change]))
            check(tried == [False], f"an initiator came in behind the driver's back: {tried}")
            all_done(d.apply("dev", [GONE] + p.wishes()))
    finally:
        proxy.close()


def a_new_credential_ends_the_sessions_of_the_old(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    p.hold_session(1)
    all_done(d.apply("dev", [p.map_wish(2)]))
    check(not p.sessions(), "the session stayed")
    check(not p.login(1)[0] and p.login(2)[0], "old secret in or new secret out")
    check("web.g1" not in p.adm("--op", "show", "--mode", "account"), "the old account stayed")


def sessions_can_be_dropped_alone(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    p.hold_session(1)
    before = {r["id"] for r in d.call("observe", "dev", objects=["map:web"])["document"]["sessions"]}
    r = all_done(d.apply("dev", [{"object": "sessions:web", "set": {"exists": False}}]))[0]
    check(r["changed"] is True, f"{r}")
    after = {r["id"] for r in d.call("observe", "dev", objects=["map:web"])["document"]["sessions"]}
    check(before and not before & after, f"{before} {after}")
    check(p.login(1)[0], "the map must stay")


def a_grant_cut_half_way_lets_nobody_in_by_halves(lab):
    d, p = lab.opened(), lab.peer
    for cut, after in ((cut, after) for cut in range(1, 40) for after in (False, True)):
        all_done(d.apply("dev", [GONE] + p.wishes(1)))
        proxy = p.proxy(cut=cut, after=after)
        try:
            broken = lab.driver()
            lab.open(broken, options=dict(p.options("dev"), socket=proxy.path))
            broken.call("apply", "dev", deadline_ms=3000, changes=[p.map_wish(2)])
        finally:
            proxy.close()
            lab.discard(broken)
        web = d.call("observe", "dev", objects=["map:web"])["document"]["maps"]["web"]
        old, new = p.login(1)[0], p.login(2)[0]
        check(not (old and new), f"cut {cut}: both secrets work")
        check(not old or web.get("chap_user") == "web.g1", f"cut {cut}: the old secret works: {web}")
        check(not new or (web["chap_user"] == "web.g2" and web["generation"] == 2), f"cut {cut}: {web}")
        all_done(d.apply("dev", [p.map_wish(2)]))
        check(p.login(2)[0], f"cut {cut}: not converged")
        accounts = p.adm("--op", "show", "--mode", "account")
        check("web.g1" not in accounts and accounts.count("web.g2") == 1, f"cut {cut}: {accounts}")
        if proxy.count < cut:
            return
    raise AssertionError("a grant has more than 40 requests")


def a_driver_killed_between_added_luns_converges_and_drops_nobody(lab):
    d, p = lab.opened(), lab.peer
    more, halves = p.map_wish(1, luns={"1": "web-root", "2": "web-data", "3": "golden"}), set()
    for cut, after in ((cut, after) for cut in range(1, 40) for after in (False, True)):
        all_done(d.apply("dev", [GONE] + p.wishes()))
        host = p.hold(d, "web")
        proxy = p.proxy(cut=cut, after=after)
        try:
            broken = lab.driver()
            lab.open(broken, options=dict(p.options("dev"), socket=proxy.path))
            broken.call("apply", "dev", deadline_ms=3000, changes=[more])
        finally:
            proxy.close()
            lab.discard(broken)
        check(host.alive(), f"cut {cut}: the session was dropped")  # also takes what the host is told of new LUNs
        halves.add(tuple(host.luns()))
        all_done(d.apply("dev", [more]))
        check(host.alive() and host.luns() == [1, 2, 3], f"cut {cut}: {host.luns()}")
        serials = [host.session.serial(n) for n in (1, 2, 3)]
        check(all(len(s) == 32 for s in serials) and len(set(serials)) == 3, f"cut {cut}: {serials}")
        check((0x3f, 0x0e) in host.session.attentions, f"cut {cut}: the host was not told of new LUNs")
        check(all_done(d.apply("dev", [more]))[0]["changed"] is False, f"cut {cut}: not converged")
        host.session.close()
        if proxy.count < cut:
            check({(1,), (1, 2), (1, 2, 3)} <= halves, f"it was never cut between two LUNs: {halves}")
            return
    raise AssertionError("an addition has more than 40 requests")


def adoption_writes_the_mark_and_nothing_else(lab):
    d, p = lab.opened(), lab.peer
    p.adm("--op", "new", "--mode", "target", "--tid", "2", "-T", "iqn.2020-01.foreign:more")
    p.adm("--op", "bind", "--mode", "account", "--tid", "2", "--user", "somebody")
    p.adm("--op", "new", "--mode", "account", "--user", "disk.g9", "--password", "elsepassword")
    p.adm("--op", "bind", "--mode", "account", "--tid", "1", "--user", "disk.g9")
    sent = []

    def watch(chunk):
        if len(chunk) >= 120 and struct.unpack_from("<II", chunk)[1] != 2:
            sent.append(struct.unpack_from("<II", chunk))

    before, proxy = p.foreign_dump().splitlines(), p.proxy(watch=watch)
    change = {"object": "map:disk", "generation": 3, "owner": "disk", "set": {
        "exists": True, "adopt": p.foreign_map[1], "initiators": p.foreign_initiators, "luns": {"1": "other"}}}
    try:
        other = lab.driver()
        lab.open(other, options=dict(p.options("dev"), socket=proxy.path))
        all_done(other.apply("dev", [change]))
    finally:
        proxy.close()
    check(sent == [(2, 5)], f"more was sent than the update of one LUN: {sent}")
    after = p.foreign_dump().splitlines()
    changed = [line.split(":", 1)[0].strip() for line, was in zip(after, before) if line != was]
    check(len(after) == len(before) and changed == ["SCSI ID", "SCSI SN"], f"{changed}")
    check(after[before.index(next(b for b, a in zip(before, after) if a != b))].strip() == "SCSI ID: recast:disk", "LUN 0")
    d.apply("dev", [dict(change, set={"exists": False})])
    text, accounts = p.adm("--op", "show", "--mode", "target"), p.adm("--op", "show", "--mode", "account")
    check(p.foreign_map[1] not in text and "somebody" in text, text)
    check("somebody" in accounts and "disk.g9" in accounts, f"an account of somebody else was deleted: {accounts}")
    check(os.path.exists(f"{p.pool}/other.img"), "the volume must stay")


def after_a_restart_of_tgtd_the_maps_are_absent(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()))
    p.restart()
    document = d.call("observe", "dev", objects=["map:web", "volume:web-root"])["document"]
    check(document["maps"] == {"web": {"exists": False}}, f"{document}")
    check(document["volumes"]["web-root"]["exists"], "the volume is a file and stays")


def a_clone_is_a_true_copy_with_its_holes(lab):
    d, p = lab.opened(), lab.peer
    change = {"object": "volume:copy", "set": {"exists": True, "source": "golden", "size_bytes": 24 * MIB}}
    all_done(d.apply("dev", [change]))
    with open(f"{p.pool}/golden.img", "rb") as a, open(f"{p.pool}/copy.img", "rb") as b:
        check(b.read(16 * MIB) == a.read(), "the content differs")
        check(b.read() == b"\0" * (8 * MIB), "it was not grown")
    blocks = os.stat(f"{p.pool}/copy.img").st_blocks
    check(blocks * 512 < MIB, f"the holes were filled: {blocks} blocks")


def a_clone_appears_whole_or_not_at_all(lab):
    p = lab.peer
    size = 192 * MIB
    with open("/dev/urandom", "rb") as dice, open(f"{p.pool}/big.img", "wb") as f:
        block = dice.read(MIB)
        for _ in range(size // MIB):
            f.write(block)
    change = {"object": "volume:copy", "set": {"exists": True, "source": "big"}}
    cut_short = 0
    for wait in (0.005, 0.02, 0.05):
        d = lab.opened()
        d.send("apply", "dev", changes=[change])
        time.sleep(wait)
        lab.discard(d)
        there = os.path.exists(f"{p.pool}/copy.img")
        cut_short += not there
        check(not there or os.stat(f"{p.pool}/copy.img").st_size == size, "half a clone")
        if there:
            os.unlink(f"{p.pool}/copy.img")
    check(cut_short, "the driver was always killed too late to matter")
    d = lab.opened()
    all_done(d.apply("dev", [change]))
    check(os.stat(f"{p.pool}/copy.img").st_size == size, "size")
    check(not [n for n in os.listdir(p.pool) if n.startswith(".")], "a temporary file was left")
    check(list(d.call("observe", "dev")["document"]["volumes"]) and "copy" in
          d.call("observe", "dev")["document"]["volumes"], "it is not listed")


def a_full_pool_refuses_with_a_clear_text(lab):
    p = lab.peer
    small = f"{p.dir}/small"
    os.mkdir(small)
    sandbox.mount_small(small, "12m")
    with open(f"{small}/golden.img", "wb") as f:
        f.truncate(16 * MIB)
    d = lab.driver()
    lab.open(d, options=dict(p.options("dev"), pool=small))
    for set_ in ({"exists": True, "size_bytes": 64 * MIB}, {"exists": True, "source": "golden"}):
        r = d.apply("dev", [{"object": "volume:v", "set": set_}])["results"][0]
        check(r["status"] == "not_applied" and r["error"]["code"] == "refused" and "MiB" in r["error"]["text"], f"{r}")
    lab.open(d, "thin", options=dict(p.options("dev"), pool=small, overcommit=True))
    all_done(d.apply("thin", [{"object": "volume:v", "set": {"exists": True, "size_bytes": 64 * MIB}}]))
    with open(f"{small}/full.img", "wb") as f:
        try:
            while f.write(b"x" * MIB):
                f.flush()
        except OSError:
            pass
    r = d.apply("thin", [{"object": "volume:w", "set": {"exists": True, "source": "full"}}])["results"][0]
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{r}")
    check(not os.path.exists(f"{small}/w.img"), "half a volume")
    d.close()
    lab.forget(d)
    sandbox.unmount(small)


def the_serial_number_belongs_to_the_volume(lab):
    d, p = lab.opened(), lab.peer

    def serial():
        text = p.adm("--op", "show", "--mode", "target")
        text = text[text.index(TARGET):]
        return text[text.index("LUN: 1"):].split("SCSI SN: ")[1].split()[0]

    all_done(d.apply("dev", p.wishes(1)))
    first = serial()
    all_done(d.apply("dev", [GONE]))
    all_done(d.apply("dev", [p.map_wish(5)]))
    check(serial() == first, "a host would see another disk")


def long_names_are_kept_or_refused(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()[:1]))
    for length, fits in ((29, True), (30, True), (53, True), (63, False)):
        wish = p.map_wish(3)
        wish["object"] = "map:" + "n" * length
        r = d.apply("dev", [wish])["results"][0]
        check((r["status"] == "done") is fits, f"{length}: {r}")
        if fits:
            web = d.call("observe", "dev", objects=[wish["object"]])["document"]["maps"]
            check(web[wish["object"][4:]]["generation"] == 3, f"{web}")
            all_done(d.apply("dev", [dict(wish, set={"exists": False})]))


for fn in (only_the_named_initiators_with_the_secret_may_log_in, removing_a_map_ends_its_sessions,
           nobody_gets_in_once_sessions_are_being_dropped,
           a_new_credential_ends_the_sessions_of_the_old, sessions_can_be_dropped_alone,
           a_grant_cut_half_way_lets_nobody_in_by_halves,
           a_driver_killed_between_added_luns_converges_and_drops_nobody, adoption_writes_the_mark_and_nothing_else, after_a_restart_of_tgtd_the_maps_are_absent,
           a_clone_is_a_true_copy_with_its_holes, a_clone_appears_whole_or_not_at_all,
           a_full_pool_refuses_with_a_clear_text, the_serial_number_belongs_to_the_volume,
           long_names_are_kept_or_refused):
    fn.needs = ()
    TgtPeer.own_cases += (fn,)

PEERS = [TgtPeer]
