# SPDX-License-Identifier: GPL-3.0-or-later
"""recast-lio-target, the helper of recast-driver-lio, on a folder that stands in for configfs: all that needs neither a
kernel's target nor an initiator.  peer_lio_kernel.py has the real one."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import sandbox
from cases import all_done, check, converge, observed
from cases_storage import refused, snapshot, volume
from peer import Listener, Peer, Proxy, listen_at
from peer_tgt import DB, GONE, MIB, TARGET, TgtPeer, WEB, make_pool

FOREIGN = "iqn.2020-01.foreign:disk"
PORTS = ["20:00:02:00:00:00:0b:01", "20:00:02:00:00:00:0b:02"]
VHBA, OTHER_VHBA = "20:00:02:ca:57:00:00:01", "20:00:02:ca:57:00:00:02"


class Helpers(Listener):
    """A unix socket behind which each connection has a helper of its own."""

    def __init__(self, path, argv, log):
        self.path, self.argv, self.log, self.running, self.ended = path, argv, log, [], False
        self.may_serve = threading.Event()
        self.may_serve.set()
        super().__init__(listen_at(path, 64))

    def serve(self, client):
        self.may_serve.wait()
        with client, open(self.log, "ab") as log:
            if self.ended:
                return
            self.reap()
            self.running.append(subprocess.Popen(self.argv, stdin=client, stdout=client, stderr=log,
                                                 preexec_fn=sandbox.die_with_parent))

    def reap(self):
        self.running = [p for p in self.running if p.poll() is None]

    def send_signal(self, number):
        for p in self.running:
            p.send_signal(number)

    def close(self):
        self.ended = True
        self.may_serve.set()
        super().close()
        for p in self.running:
            p.kill()
            p.wait()
        os.unlink(self.path)


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def tree_text(root):
    """All of a tree that stands in for configfs."""
    lines = []
    for folder, _, files in sorted(os.walk(root)):
        lines.append(folder)
        for name in sorted(files):
            path = f"{folder}/{name}"
            if os.path.islink(path):
                lines.append(f"{path} -> {os.readlink(path)}")
            else:
                with open(path, encoding="utf-8") as f:
                    lines.append(f"{path}: {f.read()} {os.stat(path).st_mtime_ns}")
    return "\n".join(lines)


class LioPeer(Peer):
    driver = "lio"
    label = "lio"
    cls = "storage"
    snapshots = True
    unknown_object = "volume:nosuch"
    foreign_map = ("other", FOREIGN)
    foreign_initiators = ["iqn.2020-01.foreign:host"]
    secrets = TgtPeer.secrets
    map_wish, wishes, other_wishes, expect = TgtPeer.map_wish, TgtPeer.wishes, TgtPeer.other_wishes, TgtPeer.expect
    foreign_alias = "LIO Target"

    def argv(self, libexec):
        LioPeer.helper = os.path.abspath(f"{libexec}/recast-lio-target")
        return Peer.argv(self, libexec)

    def start(self):
        self.dir = sandbox.folder()
        self.pool, self.root, self.state = f"{self.dir}/pool", f"{self.dir}/configfs", f"{self.dir}/state.json"
        make_pool(self.pool)
        self.start_target()

    def start_target(self):
        for fabric in ("core", "iscsi", "fc"):
            os.makedirs(f"{self.root}/{fabric}")
        core, tpg = f"{self.root}/core/fileio_0/other", f"{self.root}/iscsi/{FOREIGN}/tpgt_1"
        put(f"{core}/udev_path", f"{self.pool}/other.img")
        put(f"{core}/enable", "1")
        put(f"{core}/wwn/vpd_unit_serial", "T10 VPD Unit Serial Number: 0123456789\n")
        put(f"{tpg}/param/TargetAlias", self.foreign_alias)
        put(f"{tpg}/attrib/generate_node_acls", "0")
        put(f"{tpg}/enable", "1")
        os.makedirs(f"{tpg}/lun/lun_1")
        os.symlink(core, f"{tpg}/lun/lun_1/other")
        entry = f"{tpg}/acls/{self.foreign_initiators[0]}"
        put(f"{entry}/auth/userid", "somebody")
        put(f"{entry}/auth/password", "elsepassword")
        os.mkdir(f"{entry}/lun_1")
        os.symlink(f"{tpg}/lun/lun_1", f"{entry}/lun_1/link")
        self.log = f"{self.dir}/helper.log"
        self.helpers = Helpers(f"{self.dir}/sock", [self.helper], self.log)

    def restart(self):
        """A reboot: configfs is empty, what boots makes its own again and calls `restore`."""
        self.helpers.close()
        shutil.rmtree(self.root)
        self.start_target()
        sandbox.out([self.helper, "restore", self.state])

    def stop(self):
        self.helpers.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def options(self, name):
        return {"address": f"unix:{self.dir}/sock", "pool": self.pool, "configfs": self.root, "state": self.state,
                "portals": ["127.0.0.1:3260"]}

    def nobody_options(self):
        return dict(self.options("dev"), address=f"unix:{self.dir}/nobody")

    def fake_options(self, path):
        return dict(self.options("dev"), address=f"unix:{path}")

    def silence(self):
        self.helpers.may_serve.clear()
        self.helpers.send_signal(signal.SIGSTOP)

    def speak(self):
        self.helpers.send_signal(signal.SIGCONT)
        self.helpers.may_serve.set()

    def proxy(self, **how):
        return Proxy(f"{self.dir}/sock", f"{self.dir}/proxy", **how)

    def cut_points(self):
        return [1, 2, 3]  # open, the change, nothing

    def pool_text(self):
        return str(sorted((n, os.stat(f"{self.pool}/{n}").st_size, os.stat(f"{self.pool}/{n}").st_mtime_ns)
                          for n in os.listdir(self.pool)))

    def dump(self):
        return tree_text(self.root) + self.pool_text()

    def foreign_dump(self):
        return tree_text(f"{self.root}/iscsi/{FOREIGN}") + tree_text(f"{self.root}/core/fileio_0")

    def fc_wish(self, generation=1, initiators=(VHBA,), luns=None, ports=tuple(PORTS), name="web"):
        return {"object": f"map:{name}", "generation": generation, "owner": name,
                "set": {"exists": True, "protocol": "fc", "ports": list(ports), "initiators": list(initiators),
                        "luns": luns or {"1": "web-root"}, "generation": generation}}

    def attribute(self, path):
        with open(f"{self.root}/{path}", encoding="utf-8") as f:
            return f.read().strip()


# --- maps over Fibre Channel ---

def fc_volumes(lab):
    return lab.wishes()[:-1]


def entry(port, initiator):
    return f"fc/{port}/tpgt_1/acls/{initiator}"


def an_fc_map_is_an_entry_for_each_initiator_on_each_port(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", fc_volumes(lab)))
    for wish in (p.fc_wish(1), p.fc_wish(1, luns={"1": "web-root", "5": "web-data"}), p.fc_wish(2, (VHBA, OTHER_VHBA)),
                 p.fc_wish(3, ports=PORTS[:1]), p.fc_wish(4, (OTHER_VHBA,), {"0": "web-data"})):
        check(all_done(d.apply("dev", [wish]))[0]["changed"] is True, "nothing changed")
        set_ = wish["set"]
        document = observed(lab, d, "dev", [wish])["maps"]["web"]
        check(document == dict(set_, initiators=sorted(set_["initiators"]), ports=sorted(set_["ports"]), managed=True), f"{document}")
        for port in PORTS:
            for initiator in (VHBA, OTHER_VHBA):
                there = os.path.isdir(f"{p.root}/{entry(port, initiator)}")
                check(there == (port in set_["ports"] and initiator in set_["initiators"]), f"{port} {initiator} {there}")
                for lun, volume in set_["luns"].items() if there else ():
                    way = os.path.realpath(f"{p.root}/{entry(port, initiator)}/lun_{lun}/granted")
                    check(os.listdir(way) == [volume], f"LUN {lun} is {os.listdir(way)}")
        check(all_done(d.apply("dev", [wish]))[0]["changed"] is False, "it was made again")
    check(all_done(d.apply("dev", [GONE]))[0]["changed"] is True, "nothing was removed")
    left = tree_text(f"{p.root}/fc") + tree_text(f"{p.root}/core")
    check(VHBA not in left and OTHER_VHBA not in left and "web-" not in left, left)


def fc_maps_of_several_share_the_ports(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", fc_volumes(lab)))
    web, db = p.fc_wish(1), p.fc_wish(1, (OTHER_VHBA,), {"1": "web-data"}, name="db")
    all_done(d.apply("dev", [web, db]))
    taken = d.apply("dev", [p.fc_wish(2, (VHBA, OTHER_VHBA))])["results"][0]
    check(taken["status"] == "not_applied" and taken["error"]["code"] == "refused" and OTHER_VHBA in taken["error"]["text"], f"{taken}")
    all_done(d.apply("dev", [GONE]))
    document = observed(lab, d, "dev", [web, db])
    check(document["maps"]["web"] == {"exists": False} and document["maps"]["db"]["luns"] == {"1": "web-data"}, f"{document}")
    check(d.apply("dev", [{"object": "volume:web-data", "set": {"exists": False}}])["results"][0]["status"] == "not_applied", "deleted")


def an_fc_entry_that_somebody_else_made_is_left_alone(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", fc_volumes(lab)))
    theirs = f"{p.root}/{entry(PORTS[0], VHBA)}"
    os.makedirs(f"{theirs}/lun_0")
    put(f"{theirs}/tag", "the old database")
    before = tree_text(f"{p.root}/fc")
    r = d.apply("dev", [p.fc_wish(1)])["results"][0]
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{r}")
    all_done(d.apply("dev", [GONE]))
    check(tree_text(f"{p.root}/fc") == before, "it was touched")
    document = d.call("observe", "dev")["document"]
    lab.validate(document)
    check(document["maps"][VHBA]["managed"] is False, f"{document}")


def an_fc_wish_that_makes_no_sense_is_refused(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", fc_volumes(lab) + [p.fc_wish(1)]))
    before = p.dump()
    for bad in ({"ports": []}, {"ports": ["x"]}, {"ports": ["../../../iscsi"]}, {"initiators": []}, {"initiators": [WEB]},
                {"initiators": [VHBA.upper()]}, {"target": TARGET}, {"chap": {"user": "web.g1", "secret": "longenoughsecret"}},
                {"luns": {}}, {"luns": {"x": "web-root"}}, {"luns": {"1": "../web-root"}}, {"protocol": "nvme"}, {"bogus": 1}):
        r = d.apply("dev", [dict(p.fc_wish(1), set=dict(p.fc_wish(1)["set"], **bad))])["results"][0]
        check(r["status"] == "not_applied" and r["error"]["code"] == "invalid", f"{bad}: {r}")
    r = d.apply("dev", [dict(p.fc_wish(1), object="map:" + "n" * 63)])["results"][0]
    check(r["status"] == "not_applied" and r["error"]["code"] == "invalid", f"{r}")
    check(p.dump() == before, "it was touched")


# --- volumes ---

def a_snapshot_a_clone_and_what_is_restored_have_the_content(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", lab.wishes()[:2] + [snapshot("web-root@before")]))
    inode = os.stat(f"{p.pool}/web-root.img").st_ino
    with open(f"{p.pool}/web-root.img", "r+b") as f:
        f.write(b"spoiled")
        f.seek(12 * MIB)
        f.write(b"more")
    all_done(d.apply("dev", [volume("copy", source="web-root@before")]))
    restore = volume("web-root", restored={"snapshot": "before", "token": "run-17"})
    check(all_done(d.apply("dev", [restore]))[0]["changed"] is True, "nothing was restored")
    with open(f"{p.pool}/golden.img", "rb") as a, open(f"{p.pool}/web-root.img", "rb") as b, open(f"{p.pool}/copy.img", "rb") as c:
        whole = a.read()
        check(b.read() == whole and c.read() == whole, "the content differs")
    check(os.stat(f"{p.pool}/web-root.img").st_ino == inode, "a backstore would have the old file")
    with open(f"{p.pool}/web-root.img", "r+b") as f:
        f.write(b"worked since")
    check(all_done(d.apply("dev", [restore]))[0]["changed"] is False, "it was restored twice")
    with open(f"{p.pool}/web-root.img", "rb") as f:
        check(f.read(12) == b"worked since", "it was restored twice")
    again = volume("web-root", restored={"snapshot": "before", "token": "run-18"})
    check(all_done(d.apply("dev", [again]))[0]["changed"] is True, "another token")
    all_done(d.apply("dev", [snapshot("web-root@before", False), volume("web-root", exists=False)]))
    check(sorted(os.listdir(p.pool)) == ["copy.img", "golden.img", "other.img", "web-data.img"], f"{os.listdir(p.pool)}")


def a_volume_grows_while_nobody_maps_it(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", lab.wishes()))
    larger = volume("web-root", size_bytes=24 * MIB)
    refused(d, larger)
    all_done(d.apply("dev", [GONE, larger] + lab.wishes()[-1:]))
    check(os.stat(f"{p.pool}/web-root.img").st_size == 24 * MIB, "the file")
    check(f"fd_dev_size={24 * MIB}" in p.attribute("core/fileio_2606/web-root/control"), "the kernel was told another size")


def a_volume_that_somebody_else_exports_is_neither_mapped_nor_deleted(lab):
    d, p = lab.opened(), lab.peer
    refused(d, p.map_wish(1, luns={"1": "other"}))
    refused(d, volume("other", exists=False))
    shutil.rmtree(f"{p.root}/iscsi/{FOREIGN}")
    refused(d, volume("other", exists=False))


def a_session_keeps_a_volume_from_being_restored(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", lab.wishes() + [snapshot("web-root@before")]))
    put(f"{p.root}/iscsi/{TARGET}/tpgt_1/acls/{WEB}/info",
        "InitiatorName: x\nLIO Session ID: 7   ISID: 0x00 02 3d 01 00 00  TSIH: 3  SessionType: Normal\n"
        "CID: 0  Connection State: TARG_CONN_STATE_LOGGED_IN\n   Address 10.0.0.9:51234 TCP  StatSN: 0x1\n")
    document = observed(lab, d, "dev", lab.wishes())
    check(document["sessions"] == [{"map": "web", "initiator": WEB, "address": "10.0.0.9", "id": "7"}], f"{document}")
    refused(d, volume("web-root", restored={"snapshot": "before", "token": "t"}))
    refused(d, snapshot("web-root@later"))
    put(f"{p.root}/iscsi/{TARGET}/tpgt_1/acls/{WEB}/info", f"No active iSCSI Session for Initiator Endpoint: {WEB}\n")
    all_done(d.apply("dev", [volume("web-root", restored={"snapshot": "before", "token": "t"}), snapshot("web-root@later")]))


# --- what goes wrong ---

def killed_helper(lab, number, change):
    """Let a helper of its own carry out a change and die at its NUMBERth step in configfs; False when it has not so many."""
    p = lab.peer
    frames = [{"id": 1, "op": "open", "device": "array", "class": "storage",
               "options": {k: v for k, v in p.options("dev").items() if k != "address"}},
              {"id": 2, "op": "apply", "device": "array", "changes": [change]}]
    import json
    r = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=mkdir,rmdir,symlink,unlink,rename,openat",
                        *[a for call in ("mkdir", "rmdir", "symlink", "unlink", "rename")
                          for a in ("-e", f"inject={call}:signal=KILL:when={number}")], p.helper],
                       input=b"".join(json.dumps(f).encode() + b"\n" for f in frames), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=30, check=False)
    return b'"id": 2' not in r.stdout and b'"id":2' not in r.stdout


def a_helper_that_is_killed_at_any_step_converges(lab):
    d, p = lab.opened(), lab.peer
    if not shutil.which("strace"):
        import cases
        raise cases.Skip("needs strace")
    two = {"1": "web-root", "2": "web-data"}
    all_done(d.apply("dev", fc_volumes(lab)))
    kills = 0
    for before, after in ((GONE, p.map_wish(1, (WEB, DB), two)), (p.map_wish(1), p.map_wish(2, (DB,), two)),
                          (p.map_wish(1), p.map_wish(1, luns=two)), (p.map_wish(1), GONE),
                          (GONE, p.fc_wish(1, (VHBA, OTHER_VHBA), two)), (p.fc_wish(1), p.fc_wish(2, (OTHER_VHBA,), two)),
                          (p.fc_wish(1), GONE), (p.fc_wish(1), p.map_wish(2)), (GONE, volume("new", source="golden"))):
        for number in range(1, 60):
            all_done(d.apply("dev", [GONE, volume("new", exists=False), before]))
            if not killed_helper(lab, number, after):
                break
            kills += 1
            document = d.call("observe", "dev")["document"]
            lab.validate(document)
            check("new" not in document["volumes"] or document["volumes"]["new"]["size_bytes"] == 16 * MIB, "half a volume")
            try:
                converge(lab, d, "dev", [after])
            except AssertionError as e:
                raise AssertionError(f"killed at {number} on the way to {after}: {e}\n{tree_text(p.root)}") from None
            check(all_done(d.apply("dev", [after]))[0]["changed"] is False, f"{number}: not converged")
        check(number > 1, f"it was never killed: {after}")
    all_done(d.apply("dev", [GONE]))
    left = tree_text(p.root)
    check("web" not in left and "fileio_2606" not in left, left)
    check(kills >= 60, f"only {kills} kills")


def what_cannot_be_kept_is_not_said_to_be_done(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", lab.wishes()))
    small = f"{p.dir}/small"
    os.mkdir(small)
    sandbox.mount_small(small, "64k")
    try:
        lab.open(d, "full", dict(p.options("dev"), state=f"{small}/state.json"))
        d.call("observe", "full")
        with open(f"{small}/full", "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        r = d.apply("full", [p.map_wish(2)])["results"][0]
        check(r["status"] == "unknown" and "reboot" in r["error"]["text"], f"{r}")
        os.unlink(f"{small}/full")
        all_done(d.apply("full", [p.map_wish(2)]))
        check("web.g2" in open(f"{small}/state.json", encoding="utf-8").read(), "not kept")
    finally:
        d.close()
        lab.forget(d)
        sandbox.unmount(small)


def a_reboot_brings_back_what_was_there_and_nothing_else(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", lab.wishes() + [p.fc_wish(4, (VHBA, OTHER_VHBA), {"3": "web-data"}, name="fab")]))
    adoption = {"object": "map:disk", "generation": 3, "owner": "disk", "set": {
        "exists": True, "adopt": FOREIGN, "initiators": p.foreign_initiators, "luns": {"1": "other"}}}
    all_done(d.apply("dev", [adoption]))
    all_done(d.apply("dev", [dict(p.map_wish(1, luns={"1": "golden"}), object="map:gone", set=dict(
        p.map_wish(1, luns={"1": "golden"})["set"], target=TARGET + "2"))]))
    all_done(d.apply("dev", [{"object": "map:gone", "set": {"exists": False}}]))
    check(os.stat(p.state).st_mode & 0o777 == 0o600, "others can read the secrets")

    def shown():
        everything = d.call("observe", "dev")["document"]
        lab.validate(everything)
        return everything["maps"], {i: p.attribute(f"iscsi/{TARGET}/tpgt_1/acls/{i}/auth/password") for i in (WEB,)}, \
            {v: p.attribute(f"core/fileio_2606/{v}/wwn/vpd_unit_serial") for v in ("web-root", "web-data")}

    before = shown()
    check(sorted(before[0]) == ["disk", "fab", "web"], f"{sorted(before[0])}")
    p.foreign_alias = "recast:disk:3"  # configfs was emptied; whoever made the adopted target makes it again as it was
    p.restart()
    check(shown() == before, f"{before}\n{shown()}")
    for c in (lab.wishes()[-1], adoption):
        check(all_done(d.apply("dev", [c]))[0]["changed"] is False, f"not as it was: {c}")
    rubbish = f"{p.dir}/rubbish.json"
    for text in ("", "{", "[]", '{"recast_lio": 2, "maps": []}', '{"recast_lio": 1, "maps": 5}'):
        put(rubbish, text)
        r = subprocess.run([p.helper, "restore", rubbish], stderr=subprocess.PIPE, timeout=10, check=False)
        check(r.returncode == 1 and r.stderr, f"{text}: {r}")


def a_program_of_this_host_is_started_and_ends_with_its_driver(lab):
    d, p = lab.driver(), lab.peer
    lab.open(d, options=dict(p.options("dev"), address=f"local:{p.helper}"))
    converge(lab, d, "dev", lab.wishes())
    d.call("close", "dev")
    for address in ("local:/nosuch/helper", "local:/bin/true", "unix:/nosuch/socket"):
        lab.open(d, options=dict(p.options("dev"), address=address))
        error = d.call("observe", "dev").get("error", {})
        check(error.get("code") in ("unreachable", "protocol"), f"{address}: {error}")
        d.call("close", "dev")
    for address in ("/bin/true", "local:bin/true", "ssh://root@127.0.0.1/x;y", "ssh://root@127.0.0.1/$(x)", "tcp:1.2.3.4:5"):
        reply = lab.open(d, options=dict(p.options("dev"), address=address))
        check(reply.get("error", {}).get("code") == "invalid", f"{address}: {reply}")


def a_pool_that_is_full_refuses_with_a_clear_text(lab):
    p = lab.peer
    small = f"{p.dir}/small"
    os.mkdir(small)
    sandbox.mount_small(small, "12m")
    with open(f"{small}/golden.img", "wb") as f:
        f.truncate(16 * MIB)
    d = lab.driver()
    try:
        lab.open(d, options=dict(p.options("dev"), pool=small))
        for set_ in ({"size_bytes": 64 * MIB}, {"source": "golden"}):
            refused(d, volume("v", **set_))
        lab.open(d, "thin", dict(p.options("dev"), pool=small, overcommit=True))
        all_done(d.apply("thin", [volume("v", size_bytes=64 * MIB)]))
        with open(f"{small}/full.img", "wb") as f:
            try:
                while f.write(b"x" * MIB):
                    f.flush()
            except OSError:
                pass
        r = d.apply("thin", [volume("w", source="full")])["results"][0]
        check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{r}")
        check(sorted(os.listdir(small)) == ["full.img", "golden.img", "v.img"], f"{os.listdir(small)}")
    finally:
        d.close()
        lab.forget(d)
        sandbox.unmount(small)


def a_large_clone_takes_several_requests_and_appears_whole(lab):
    p, d = lab.peer, lab.opened()
    size = 192 * MIB
    with open("/dev/urandom", "rb") as dice, open(f"{p.pool}/big.img", "wb") as f:
        block = dice.read(MIB)
        for _ in range(size // MIB):
            f.write(block)
    change, cut_short = volume("copy", source="big"), 0
    r = d.call("apply", "dev", deadline_ms=400, changes=[change])  # no more than a moment of it
    check(r["results"][0]["status"] in ("again", "done"), f"{r}")
    check(r["results"][0]["status"] == "done" or not os.path.exists(f"{p.pool}/copy.img"), "half a clone")
    p.helpers.send_signal(signal.SIGKILL)
    lab.discard(d)
    for wait in (0.005, 0.02, 0.05):
        d = lab.opened()
        d.send("apply", "dev", changes=[change])
        time.sleep(wait)
        p.helpers.send_signal(signal.SIGKILL)
        lab.discard(d)
        there = os.path.exists(f"{p.pool}/copy.img")
        cut_short += not there
        check(not there or os.stat(f"{p.pool}/copy.img").st_size == size, "half a clone")
        if there:
            os.unlink(f"{p.pool}/copy.img")
    check(cut_short, "the helper was always killed too late to matter")
    d = lab.opened()
    all_done(d.apply("dev", [change]))
    check(os.stat(f"{p.pool}/copy.img").st_size == size, "size")
    check(not [n for n in os.listdir(p.pool) if n.startswith(".")], "a temporary file was left")


for fn in (an_fc_map_is_an_entry_for_each_initiator_on_each_port, fc_maps_of_several_share_the_ports,
           an_fc_entry_that_somebody_else_made_is_left_alone, an_fc_wish_that_makes_no_sense_is_refused,
           a_snapshot_a_clone_and_what_is_restored_have_the_content, a_volume_grows_while_nobody_maps_it,
           a_volume_that_somebody_else_exports_is_neither_mapped_nor_deleted, a_session_keeps_a_volume_from_being_restored,
           a_helper_that_is_killed_at_any_step_converges, what_cannot_be_kept_is_not_said_to_be_done,
           a_reboot_brings_back_what_was_there_and_nothing_else, a_program_of_this_host_is_started_and_ends_with_its_driver,
           a_pool_that_is_full_refuses_with_a_clear_text, a_large_clone_takes_several_requests_and_appears_whole):
    fn.needs = ()
    LioPeer.own_cases += (fn,)

PEERS = [LioPeer]
