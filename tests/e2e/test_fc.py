# SPDX-License-Identifier: GPL-3.0-or-later
"""Fibre Channel with real frames: hosts and array are guests with Debian's kernel (libfc, tcm_fc), fabric A has the face of a
Brocade switch and fabric B that of a Cisco MDS, and every frame between them goes through lab/fcf.  One room for all (lab/fc);
each test begins with nothing broken, and has the role play where it wants it."""
import os
import re
import time

import fabric as fc
import tap
from controller import Controller, wait_until
from fabric import colons, wwn
from room import ARRAY_WWPN, BOOT_PORT, CONTROLLER, MARK, Room

FABRICS = ("fab-a", "fab-b")
LOCK_WAIT = 4
STRANGER = wwn("20:00:02:ca:57:00:ee:01")


class World:
    """The room and its controller, made for the first test that asks and taken down by the runner."""
    instance = None

    def __init__(self, builddir):
        self.room = Room(builddir)
        os.mkdir(f"{self.room.folder}/controller")
        self.controller = Controller(builddir, dir=f"{self.room.folder}/controller", options=[f"boot_listen={CONTROLLER}:{BOOT_PORT}"])
        for name, value in self.room.secrets().items():
            self.controller.persona("secret", "set", name, "-", input=value).expect(0)
        wait = {"lock_wait": f"{LOCK_WAIT}s"}
        self.controller.define(self.room.site(fab_a=wait, fab_b=wait), persona("web"))

    def close(self):
        World.instance = None
        try:
            self.controller.close()
        finally:
            self.room.close()


def persona(name, **more):
    return {"persona": name, "vhbas": {"hba0": {"fabric": "fab-a", "wwpn": "auto"}, "hba1": {"fabric": "fab-b", "wwpn": "auto"}},
            "volumes": {"root": {"array": "san1", "volume": f"{name}-root", "source": "golden", "lun": 1, "boot": True}},
            "boot": {"method": "hba"}, "shutdown": 0, "proof": {"within": "90s", "report": "up"}, **more}


def world(builddir):
    if World.instance is None:
        World.instance = World(builddir)
    c, r = World.instance.controller, World.instance.room
    r.heal()
    for run in c.api("GET", "/v1/runs?state=open")[1]["items"]:
        c.api("POST", f"/v1/runs/{run['id']}/cancel")
        c.ended(run["id"], 150)
    for machine in c.api("GET", "/v1/machines")[1]["items"]:
        if machine["state"] == "quarantined":
            tap.equal(c.ended(c.api("POST", f"/v1/machines/{machine['name']}/return")[1]["id"])["state"], "done")
    return c, r


def names(c, name="web"):
    """The WWPNs of a role."""
    ids = c.api("GET", f"/v1/personas/{name}")[1]["identities"]
    return {i["for"]: i["value"] for i in ids if i["kind"] == "wwpn"}


def place(c, name="web"):
    return c.api("GET", f"/v1/personas/{name}")[1]["machine"]


def generation(c, name="web"):
    return c.api("GET", f"/v1/personas/{name}")[1]["generation"]


def disks(node):
    """What the kernel of the server has for each vHBA."""
    return {v: node.run(f"disk {v}") for v in ("hba0", "hba1")}


def reads(node, vhba):
    return MARK in node.run(f"read_block $(disk {vhba}) 0")


def playing(c, r, n, whole=True):
    """The role is in force on nodeN, and that server sees its LUN over both fabrics."""
    node = r.nodes[n]
    if place(c) != node.name:
        run = c.run_to_end(action="move" if place(c) else "apply", persona="web", machine=node.name)
        tap.equal(run["state"], "done", run)
    if whole:
        wait_until(lambda: all(disks(node).values()), 30, "both paths")
    tap.equal(c.api("POST", "/v1/drift/check")[1]["items"], [])
    return node


def begin(c, **wish):
    return c.api("POST", "/v1/runs", wish)[1]["id"]


def step_errors(c, run):
    return [s["error"]["text"] for s in c.api("GET", f"/v1/runs/{run}")[1]["steps"] if s.get("error")]


def zone_name(c, vhba):
    return f"recast_web_{vhba}_g{generation(c)}"


def index(lines, pattern, begin=0):
    for i, line in enumerate(lines[begin:], begin):
        if re.search(pattern, line):
            return i
    raise AssertionError("no %r in:\n%s" % (pattern, "\n".join(lines[begin:])))


def test_a_role_gets_its_LUN_over_two_fabrics_and_not_a_moment_before(builddir):
    c, r = world(builddir)
    name = names(c)
    # Whoever has the role's name too early sees nobody: no zone, and on the array no entry.
    card = r.a.card()
    early = card.login(wwn(name["hba0"])).register()
    tap.equal(early.sees(), [early.wwpn], "itself, and nobody else")
    early.logout()
    tap.equal([f.show("zones")["zones"][0]["name"] for f in (r.a, r.b)], ["others", "others"])
    tap.lacks(r.array.run("array-dump fc"), name["hba0"])
    run = c.run_to_end(action="apply", persona="web", machine="node1")
    tap.equal(run["state"], "done", run)
    node = r.nodes[1]
    wait_until(lambda: f"PERSONA web UP machine=node1 generation=1 paths=2 mark={MARK}" in node.console(), 5, "its words")
    tap.equal((reads(node, "hba0"), reads(node, "hba1")), (True, True))
    tap.equal(r.stamps(), ["web g1 node1"])
    # Each link of the chain, by its own word.
    for f, fab, vhba in ((r.a, "fab-a", "hba0"), (r.b, "fab-b", "hba1")):
        zone = next(z for z in f.show("zones")["zones"] if z["name"].startswith("recast_"))
        tap.equal((zone["name"], sorted(zone.get("members") or zone["principals"] + zone["peers"])),
                  (f"recast_web_{vhba}_g1", sorted([name[vhba], ARRAY_WWPN[fab]])))
        tap.equal(f.wwpns()[name[vhba]], 1)
        lines = f.lines()
        assert index(lines, "zones name=prod", 2) < index(lines, f"login .*wwpn={name[vhba]}", 3 if vhba == "hba1" else
                                                             index(lines, "logout")), lines
    tap.contains(r.array.run("array-dump fc"), f"{ARRAY_WWPN['fab-a']}/tpgt_1/acls/{name['hba0']}/tag: recast:web:1")
    tap.equal(c.api("POST", "/v1/plans", {"action": "apply", "persona": "web"})[1]["steps"], [])
    tap.equal(c.api("POST", "/v1/drift/check")[1]["items"], [])


def asks(vn, target):
    """A PLOGI to whoever has that address, from one who guesses; its exchange."""
    ox = vn.enode.ox()
    vn.send(fc.fc_frame(0x22, target, vn.fcid, 1, ox, fc.login_payload(fc.PLOGI, vn.wwpn, vn.wwnn)))
    return lambda f: f.ethertype == fc.FCOE and f.ox_id == ox and not f.is_request and f.d_id == vn.fcid


def test_who_is_in_no_zone_and_knows_the_address_of_the_array_gets_no_answer(builddir):
    c, r = world(builddir)
    playing(c, r, 1)
    target = next(int(x["fcid"], 16) for x in r.a.show("logins") if x["wwpn"] == ARRAY_WWPN["fab-a"])
    card = r.a.card()
    vn = card.login(STRANGER).register()
    tap.equal(vn.sees(), [STRANGER], "itself, and nobody else")
    dropped = r.a.counter("hard_zoned")
    answer = asks(vn, target)
    wait_until(lambda: r.a.counter("hard_zoned") > dropped, 5, "the frame to be dropped")
    vn.sees()  # the wire works, and what was on it before this has come
    assert not [f for f in card.drain() if answer(f)], "the array has answered"
    # With a zone the same frame is answered: the silence was that of the zone.  There is still no LUN for him.
    r.fos.commit(zones={"intruder": [colons(STRANGER), ARRAY_WWPN["fab-a"]]}, cfgs={"prod": ["intruder"]})
    try:
        tap.equal([colons(w) for w in vn.sees()], sorted([colons(STRANGER), ARRAY_WWPN["fab-a"]]))
        accept = card.expect("an answer of the array", asks(vn, target), 10)
        tap.equal(accept.payload[0], 2, "LS_ACC")
        tap.lacks(r.array.run("array-dump fc"), colons(STRANGER))
    finally:
        r.fos.commit(remove=["intruder"])
        vn.logout()


def test_zones_that_change_are_seen_by_the_kernel_of_a_running_host(builddir):
    c, r = world(builddir)
    node = playing(c, r, 1)
    boots, disk = node.console().count("=== ready"), node.run("disk hba0")
    port = f"target_of hba0 {ARRAY_WWPN['fab-a'].replace(':', '')}"
    tap.equal(node.run(port), "Online")
    r.fos.commit(remove=[zone_name(c, "hba0")])
    wait_until(lambda: node.run(port) != "Online", 10, "the host to lose its array")
    node.run(f"rm -f /got; (read_block {disk} 0 >/got; echo read >>/got) &")
    assert reads(node, "hba1"), "the other path"
    tap.equal(node.run("cat /got"), "", "read without a zone")
    c.persona("drift", "--now").expect(1, "the zone of web's vhba hba0 on fab-a has gone")
    c.persona("repair", "web", "--wait").expect(0)
    wait_until(lambda: node.run(port) == "Online", 20, "the host to see it again")
    wait_until(lambda: "read" in node.run("cat /got"), 20, "the read to end")
    tap.equal((node.run("cat /got"), reads(node, "hba0")), (MARK + "read", True))
    tap.equal((node.console().count("=== ready"), generation(c)), (boots, 1))


def test_a_move_takes_the_WWPN_to_another_port_after_the_old_login_has_gone(builddir):
    c, r = world(builddir)
    playing(c, r, 1)
    name, marks, before = names(c), {f: len(f.lines()) for f in (r.a, r.b)}, r.stamps()
    run = c.run_to_end(action="move", persona="web", machine="node2")
    tap.equal(run["state"], "done", run)
    tap.equal(names(c), name)
    for f, vhba in ((r.a, "hba0"), (r.b, "hba1")):
        lines = f.lines()
        out = index(lines, "logout fcid=..01.. port=1", marks[f])
        again = index(lines, f"login .*port=2 wwpn={name[vhba]}", marks[f])
        zones = [i for i, line in enumerate(lines) if i >= marks[f] and line.startswith("zones ")]
        tap.equal(len(zones), 2, "the old zone goes, and then the new one comes")
        assert out < zones[1] < again, lines[marks[f]:]
        assert not [line for line in lines[marks[f]:] if "duplicate" in line], lines
        tap.equal({w: p for w, p in f.wwpns().items() if w in name.values()}, {name[vhba]: 2})
        tap.equal(list(f.shut()), [1], "the port that was left is shut, and no other")
    tap.equal(r.stamps(), before + [f"web g{generation(c)} node2"])
    tap.equal((r.nodes[1].is_on(), r.nodes[2].is_on()), (False, True))
