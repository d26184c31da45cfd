# SPDX-License-Identifier: GPL-3.0-or-later
"""Fibre Channel with real frames: hosts and array are guests with Debian's kernel (libfc, tcm_fc), fabric A has the face of a
Brocade switch and fabric B that of a Cisco MDS, and every frame between them goes through lab/fcf.  One room for all (lab/fc);
each test begins with nothing broken, and has the role play where it wants it."""
import contextlib
import os
import re
import threading

import fabric as fc
import tap
from controller import Controller, wait_until
from fabric import colons, wwn
from room import ARRAY_WWPN, BOOT_PORT, CONTROLLER, MARK, Room, persona

FABRICS = ("fab-a", "fab-b")
LOCK_WAIT = 4
STRANGER = wwn("20:00:e0:00:00:00:ee:01")  # above the array's: when both greet each other, it is his PLOGI that counts


class World:
    """The room and its controller, made for the first test that asks and taken down by the runner."""
    instance = None

    def __init__(self, builddir):
        self.room = Room(builddir)
        os.mkdir(f"{self.room.folder}/controller")
        self.controller = Controller(builddir, dir=f"{self.room.folder}/controller", options=[f"boot_listen={CONTROLLER}:{BOOT_PORT}"],
                                     prefix=["setpriv", "--pdeathsig", "KILL"])
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


def reads(node, vhba):
    return MARK in node.run(f"read_block $(disk {vhba}) 0")


def playing(c, r, n=None):
    """The role is in force on nodeN, or anywhere, and that server sees its LUN over both fabrics."""
    if not place(c) or (n and place(c) != f"node{n}"):
        run = c.run_to_end(action="move" if place(c) else "apply", persona="web", machine=f"node{n or 1}")
        tap.equal(run["state"], "done", run)
    elif c.api("POST", "/v1/drift/check")[1]["items"]:
        c.run_to_end(action="repair", persona="web")
    node = next(x for x in r.nodes.values() if x.name == place(c))
    wait_until(lambda: target(node, "hba0") == target(node, "hba1") == "Online", 30, "both paths")
    tap.equal((drift(c), reads(node, "hba0"), reads(node, "hba1")), ([], True, True))
    return node


def target(node, vhba):
    """What the kernel of the server thinks of the port of the array: Online, Blocked, or nothing."""
    wwpn = ARRAY_WWPN[FABRICS[int(vhba[3:])]].replace(":", "")
    return node.run(f"target_of {vhba} {wwpn}")


def drift(c):
    return sorted(i["summary"] for i in c.api("POST", "/v1/drift/check")[1]["items"])


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
    wait_until(lambda: f"PERSONA web UP machine=node1 generation=1 paths=2 mark={MARK}" in node.console(), 20, "its words")
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


def unzoned(c, r):
    """Another admin has taken the zone of hba0 out of force."""
    r.fos.commit(remove=[zone_name(c, "hba0")])


def test_zones_that_change_are_seen_by_the_kernel_of_a_running_host(builddir):
    c, r = world(builddir)
    node = playing(c, r)
    boots, gen = node.console().count("=== ready"), generation(c)
    disk = node.run("disk hba0")
    unzoned(c, r)
    wait_until(lambda: target(node, "hba0") != "Online", 10, "the host to lose its array")
    node.run(f"rm -f /got; (read_block {disk} 0 >/got; echo read >>/got) &")
    assert reads(node, "hba1"), "the other path"
    tap.equal(node.run("cat /got"), "", "read without a zone")
    c.persona("drift", "--now").expect(1, "the zone of web's vhba hba0 on fab-a is defined there, but not in force")
    c.persona("repair", "web", "--wait").expect(0)
    wait_until(lambda: "read" in node.run("cat /got"), 20, "the read to end")
    tap.equal((node.run("cat /got"), target(node, "hba0"), reads(node, "hba0")), (MARK + "read", "Online", True))
    tap.equal((node.console().count("=== ready"), generation(c), drift(c)), (boots, gen, []))


@contextlib.contextmanager
def kept_alive(card):
    """A card that is played by hand says that it is there, as long as the test goes on."""
    end = threading.Event()

    def say():
        while not end.wait(0.4):
            card.fip((3, 1), fc.descriptor(2, card.mac), dst=card.fabric.mac, record=False)

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_name_that_comes_twice_shuts_the_port_of_the_second_and_that_is_told(builddir):
    c, r = world(builddir)
    node = playing(c, r)
    name, port = names(c)["hba0"], node.n
    card = r.a.card()
    # Who comes second is shut out, and the role does not notice.
    card.fip((2, 1), fc.descriptor(fc.FLOGI_DESC, bytes(2) + fc.fc_frame(0x22, fc.FABRIC, 0, 1, card.ox(), fc.login_payload(
        fc.FLOGI, wwn(name), STRANGER))), fc.descriptor(2, card.mac), dst=r.a.mac)
    wait_until(lambda: 3 in r.a.shut(), 5, "the port to be shut")
    tap.equal((r.a.shut(), r.a.wwpns()[name]), ({3: "duplicate WWPN: first login wins"}, port))
    assert reads(node, "hba0"), "the role runs on"
    plan = c.api("POST", "/v1/plans", {"action": "move", "persona": "web", "machine": "node3"})[1]
    tap.contains("".join(s["summary"] for s in plan["steps"]), "open port fab-a/3, which is shut, for web")
    # In the wrong order, somebody else is in before: then it is the port of the role that is shut.
    r.a.order(port=port, enabled=False)
    r.a.open_free()
    with kept_alive(card):
        stranger = card.login(wwn(name))
        r.a.order(port=port, enabled=True)
        wait_until(lambda: port in r.a.shut(), 20, "the host to come back, and its port to be shut")
        tap.equal(r.a.shut(), {port: "duplicate WWPN: first login wins"})
        assert reads(node, "hba1"), "the other path"
        tap.equal(drift(c), [f"{name}, the WWPN of web's vhba hba0, is logged in on fab-a at port 3, which is not of {node.name}",
                             f"port fab-a/{port} of {node.name} is shut: web gets nothing by its vhba hba0"])
        twice = f"{name}, the WWPN of web's vhba hba0, is logged in on fab-a at port 3 already"
        c.persona("repair", "web").expect(4, twice)
        c.persona("move", "web", "--to", "node%d" % (3 - port)).expect(4, twice)
        stranger.logout()
    c.persona("repair", "web", "--wait").expect(0)
    wait_until(lambda: target(node, "hba0") == "Online", 30, "the path to be back")
    tap.equal((r.a.wwpns()[name], r.a.shut(), drift(c), reads(node, "hba0")), (port, {}, [], True))


def test_what_another_admin_commits_in_mid_run_stays(builddir):
    c, r = world(builddir)
    node = playing(c, r)
    unzoned(c, r)
    mark = len(r.fos.log())
    r.fos.order(fault="slow", n=1, on="POST defined-configuration", ms=1000)
    run = begin(c, action="repair", persona="web")
    wait_until(lambda: "POST /rest/running/brocade-zone/defined-configuration" in r.fos.log()[mark:], 10, "the first change")
    r.fos.commit(zones={"carols": [colons(STRANGER), ARRAY_WWPN["fab-a"]]}, cfgs={"prod": ["carols"]})
    tap.equal(c.ended(run)["state"], "done")
    log = r.fos.log()[mark:]
    assert re.search(r"PATCH \S*effective-configuration\S* 400", log), log
    tap.contains(log, "abort by recast of a transaction of recast\n")
    tap.equal(r.fos.zones(), sorted(["carols", "others", zone_name(c, "hba0")]))
    tap.equal(sorted(z["name"] for z in r.a.show("zones")["zones"]), r.fos.zones(), "what frames meet")
    wait_until(lambda: target(node, "hba0") == "Online", 20, "the path to be back")


def test_a_lock_of_another_admin_is_waited_for_and_told_and_ends_the_run_at_its_deadline(builddir):
    c, r = world(builddir)
    playing(c, r)
    for name, vhba in (("fab-a", "hba0"), ("fab-b", "hba1")):
        unlock = r.mds.unlock if name == "fab-b" else lambda: r.fos.order(unlock=True)
        if name == "fab-b":
            r.mds.type("conf t", "zoneset name prod vsan 10", f"no member {zone_name(c, vhba)}", "zoneset activate name prod vsan 10",
                       "zone commit vsan 10", "end")
            r.mds.lock("carol")
        else:
            unzoned(c, r)
            r.fos.order(lock={"user": "carol", "ip": "10.0.0.9", "seconds": 60})
        before = {"fab-a": r.fos, "fab-b": r.mds}[name].zones()
        run = begin(c, action="repair", persona="web")
        tap.contains(wait_until(lambda: step_errors(c, run), 10, "whom it waits for")[0], "carol")
        tap.equal(c.api("GET", f"/v1/runs/{run}")[1]["state"], "running")
        if name == "fab-a":  # his patience is longer
            end = c.ended(run)
            tap.equal(end["state"], "rolled_back", end)
            tap.contains(end["error"]["text"], "carol")
            tap.equal((r.fos.zones(), [t["user"] for t in r.fos.show("transactions")]), (before, ["carol"]))
            run = begin(c, action="repair", persona="web")
            wait_until(lambda: step_errors(c, run), 10, "whom it waits for")
        unlock()
        tap.equal(c.ended(run)["state"], "done")
        tap.equal(drift(c), [])


def test_a_fabric_that_reboots_in_mid_run_gets_its_zone_and_the_host_comes_back(builddir):
    c, r = world(builddir)
    node = playing(c, r)
    boots, others = node.console().count("=== ready"), r.fos.zones()
    unzoned(c, r)
    mark = len(r.fos.log())
    r.fos.order(fault="slow", n=1, on="POST defined-configuration", ms=1000)
    run = begin(c, action="repair", persona="web")
    wait_until(lambda: "POST /rest/running/brocade-zone/defined-configuration" in r.fos.log()[mark:], 10, "the first change")
    r.reboot_fabric_a()
    end = c.ended(run)
    print(f"# the run ended {end['state']}", flush=True)
    if end["state"] == "rolled_back":
        tap.equal(r.fos.zones(), [z for z in others if z != zone_name(c, "hba0")], "as it was before")
        c.persona("repair", "web", "--wait").expect(0)
    else:
        tap.equal(end["state"], "done", end)
    tap.equal((r.fos.zones(), r.fos.show("transactions")), (others, []))
    wait_until(lambda: target(node, "hba0") == "Online", 30, "the host to log in again")
    tap.equal((drift(c), reads(node, "hba0"), node.console().count("=== ready")), ([], True, boots))


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


def test_an_old_host_that_cannot_be_powered_off_writes_nothing_after_the_move(builddir):
    """Its BMC is dead and it runs on, with its disk open: the ports of the fabrics are its fence."""
    c, r = world(builddir)
    old = playing(c, r, 2)
    held = old.run("disk hba0"), old.run("disk hba1")
    old.run(f"stamp {held[0]} before")
    before = r.stamps()
    tap.equal(before[-1], f"web g{generation(c)} node2 before")
    old.order(fault={"silent": 1})
    run = c.run_to_end(action="move", persona="web", machine="node1")
    tap.equal(run["state"], "done", run)
    shut = [(s["device"], s["object"], s["phase"]) for s in run["steps"] if s["object"].startswith("port:") and s["device"] != "leaf1" and
            s["phase"] == "park"]
    tap.equal(shut, [("fab-a", "port:2", "park"), ("fab-b", "port:fc1/2", "park")])
    for disk in held:
        old.run(f"(write_block {disk} 40 'too late'; write_block {disk} 41 'too late') &")
    new = r.nodes[1]
    new.run("stamp $(disk hba1) after")
    tap.equal(r.stamps(), before + [f"web g{generation(c)} node1", f"web g{generation(c)} node1 after"])
    tap.equal([list(f.shut()) for f in (r.a, r.b)], [[2], [2]])
    tap.equal(c.api("GET", "/v1/machines/node2")[1]["state"], "quarantined")
    tap.equal(old.run("pidof dd | wc -w"), "2", "on each path its first write still waits")


def answers(c, r):
    """Fabric B speaks again, and the controller, which does not ask at once after a failure, knows it."""
    r.mds.speak()
    wait_until(lambda: not [d for d in c.api("POST", "/v1/drift/check")[1]["devices"] if d["error"]], 30, "all devices to answer")


def test_one_fabric_that_is_silent_is_a_warning_and_two_are_a_failure(builddir):
    c, r = world(builddir)
    node = playing(c, r)
    other = "node%d" % (3 - node.n)
    r.mds.silence()
    # A role that runs stays as it is, and does not move: its port there could not be shut.
    c.persona("plan", "web").expect(0, "fab-b does not answer: web gets no path by its vhba hba1", "no changes")
    c.persona("move", "web", "--to", other).expect(6, f"the port of {node.name} there cannot be shut")
    r.fos.silence()
    c.persona("move", "web", "--to", other).expect(6, "no fabric answers by which web reaches san1")
    r.fos.speak()
    answers(c, r)
    tap.equal(c.run_to_end(action="release", persona="web")["state"], "done")
    assert node.n in r.a.shut() and node.n in r.b.shut(), "the ports that it left"
    tap.lacks(r.array.run("array-dump fc"), "recast:web")
    r.mds.silence()
    c.persona("plan", "web", "--on", "node1").expect(0, "warning: fab-b does not answer: web gets no path by its vhba hba1")
    run = c.run_to_end(action="apply", persona="web", machine="node1")
    tap.equal(run["state"], "done", run)
    wait_until(lambda: f"UP machine=node1 generation={generation(c)} paths=1" in r.nodes[1].console(), 20, "its words")
    tap.equal((reads(r.nodes[1], "hba0"), r.nodes[1].run("disk hba1")), (True, ""))
    tap.lacks(r.array.run("array-dump fc"), names(c)["hba1"])
    tap.equal([s["object"] for s in run["steps"] if s["phase"] == "confirm"], [f"path:{names(c)['hba0']}"])
    answers(c, r)
    # What was not let in when it was cast is not let in while it runs; the way out is told.
    tap.equal(drift(c), ["port fab-b/fc1/1 of node1 is shut: web gets nothing by its vhba hba1",
                         f"the map of web on san1 is another one than generation {generation(c)} has",
                         "the zone of web's vhba hba1 on fab-b has gone"])
    c.persona("repair", "web").expect(4, "Cast it anew: persona apply web --on node1")
