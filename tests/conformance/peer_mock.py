# SPDX-License-Identifier: GPL-3.0-or-later
"""The mock: three peers, one for each class, and what only the mock can do: faults, state, a whole rack."""
import json
import os
import re
import shutil
import time

import cases_fabric
import sandbox
from cases import agrees, all_done, check, error_of, observed, told
from peer import Peer

MIB = 1 << 20


class MockPeer(Peer):
    driver = "mock"

    def start(self):
        self.dir = sandbox.folder()
        self.state = f"{self.dir}/rack.json"
        with open(self.state, "w", encoding="utf-8") as f:
            json.dump(self.first_state(), f)

    def first_state(self):
        return {}

    def stop(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def options(self, name):
        return {"rack": "r", "state": self.state, "control": f"{self.dir}/control"}

    def bad_auth_options(self):
        return dict(self.options("dev"), faults=["*:*:auth"])

    def nobody_options(self):
        return dict(self.options("dev"), faults=["*:*:unreachable"])

    def rack(self):
        with open(self.state, encoding="utf-8") as f:
            return json.load(f)

    def dump(self):
        rack = self.rack()
        return json.dumps({k: rack.get(k) for k in ("switches", "arrays")}, sort_keys=True)


def order(peer, *orders):
    path = peer.options("dev")["control"]
    with open(path + ".new", "w", encoding="utf-8") as f:
        for one in orders:
            print(json.dumps(one), file=f)
    os.rename(path + ".new", path)


class Host:
    """Somebody who is logged in at the array, for MockArray.hold."""

    def __init__(self, driver, name):
        self.driver, self.map = driver, name
        before = self.ids()
        all_done(driver.apply("dev", [{"object": f"sim:session:{name}", "set": {}}]))
        self.id = (self.ids() - before).pop()

    def ids(self):
        return {r["id"] for m in (self.map, "disk") for r in
                self.driver.call("observe", "dev", objects=[f"map:{m}"])["document"]["sessions"]}

    def alive(self):
        return self.id in self.ids()

    def luns(self):
        """What it sees, or None where a simulation cannot say."""


class MockSwitch(MockPeer):
    cls = "switch"
    label = "mock switch"
    unknown_object = "port:nosuch"

    def options(self, name):
        return dict(super().options(name), ports=["p1", "p2", "p3", "p4", "foreign"])

    def foreign_change(self, port, number):
        order(self, {"device": "dev", "object": f"sim:port:{port}", "set": {"native": number}})

    def first_state(self):
        return {"switches": {"dev": {"ports": {"foreign": {"mode": "access", "native": 77, "description": "mine"}}}}}

    def foreign_dump(self):
        return json.dumps(self.rack()["switches"]["dev"]["ports"]["foreign"])

    def wishes(self, generation=1):
        stamp = {"owner": "web", "generation": generation}
        return [{"object": "port:p1", "set": {"mode": "access", "native": 110, "description": "a"}, **stamp},
                {"object": "port:p2", "set": {"mode": "trunk", "native": 0, "tagged": [20, 110]}, **stamp},
                {"object": "port:p3", "set": {"mode": "trunk", "native": 10, "tagged": [20], "rate_kbit": 5}, **stamp}]

    def other_wishes(self, generation=2):
        stamp = {"owner": "web", "generation": generation}
        return [{"object": "port:p1", "set": {"mode": "trunk", "native": 0, "tagged": [7], "enabled": False}, **stamp},
                {"object": "port:p2", "set": {"mode": "access", "native": 4000, "description": ""}, "owner": ""},
                {"object": "port:p3", "set": {"mode": "access", "native": 120, "rate_kbit": 0}, **stamp}]


class MockFabric(MockPeer):
    cls = "fabric"
    label = "mock fabric"
    unknown_object = "zone:nosuch"
    free_port = "9"

    def first_state(self):
        return {"fabrics": {"dev": {"zones": {"tape": {
            "members": ["10:00:00:00:00:00:00:01", "50:00:00:00:00:00:00:01"], "kind": "plain", "managed": False}}}}}

    def fabric(self):
        return self.rack()["fabrics"]["dev"]

    def dump(self):
        return json.dumps({k: self.fabric().get(k) or {} for k in ("zones", "ports")}, sort_keys=True, indent=1)

    def foreign_dump(self):
        return json.dumps(self.fabric()["zones"]["tape"])

    def activations(self):
        return self.fabric().get("activations", 0)

    def login(self, wwpn, port):
        order(self, {"device": "dev", "object": f"sim:login:{wwpn}", "set": {"port": port}})

    def logout(self, wwpn):
        order(self, {"device": "dev", "object": f"sim:login:{wwpn}", "set": {}})

    def lock(self, user, seconds):
        order(self, {"device": "dev", "object": "sim:lock", "set": {"user": user, "seconds": seconds}})

    def unlock(self):
        order(self, {"device": "dev", "object": "sim:lock", "set": {"seconds": 0}})

    def wishes(self, generation=1):
        return [cases_fabric.zone("web.hba0", generation), cases_fabric.zone("db.hba0", generation, 2)]

    def other_wishes(self, generation=2):
        return [cases_fabric.zone("web.hba0", generation, 3), cases_fabric.zone("db.hba0", generation, 4, cases_fabric.ARRAY[:1])]

    def expect(self, change):
        return cases_fabric.expected(change)


class MockArray(MockPeer):
    cls = "storage"
    snapshots = True
    label = "mock array"
    unknown_object = "volume:nosuch"
    secrets = ("Secret0fGeneration1", "Secret0fGeneration2", "Secret0fGeneration9")
    foreign_map = ("other", "iqn.2020-01.foreign:disk")
    foreign_initiators = ["iqn.2020-01.foreign:host"]

    def hold(self, driver, name, chap=True):
        del chap  # nobody is asked for it here
        return Host(driver, name or self.foreign_map[1])

    def first_state(self):
        return {"arrays": {"dev": {
            "volumes": {"golden": {"size_bytes": 16 * MIB}, "other": {"size_bytes": MIB}},
            "maps": {"iqn.2020-01.foreign:disk": {
                "target": "iqn.2020-01.foreign:disk", "initiators": ["iqn.2020-01.foreign:host"],
                "luns": {"1": "other"}, "chap_user": "", "generation": 0, "managed": False, "sessions": []}},
            "by_volume": {"other": {"iqn.2020-01.foreign:disk": True}}}}}

    def options(self, name):
        return dict(super().options(name), volumes=["golden", "other"])

    def foreign_dump(self):
        return json.dumps(self.rack()["arrays"]["dev"]["maps"]["iqn.2020-01.foreign:disk"])

    def wishes(self, generation=1):
        return [{"object": "volume:web-root", "set": {"exists": True, "source": "golden", "size_bytes": 16 * MIB}},
                {"object": "volume:web-data", "set": {"exists": True, "size_bytes": 8 * MIB}},
                self.map_wish(generation, ["iqn.2026-01.example:web"], {"1": "web-root"})]

    def other_wishes(self, generation=2):
        return [{"object": "volume:web-root", "set": {"exists": True, "source": "golden"}},
                {"object": "volume:web-data", "set": {"exists": True, "size_bytes": MIB}},
                self.map_wish(generation, ["iqn.2026-01.example:web", "iqn.2026-01.example:db"],
                              {"1": "web-root", "2": "web-data"})]

    def map_wish(self, generation, initiators, luns):
        return {"object": "map:web", "generation": generation, "owner": "web",
                "set": {"exists": True, "target": "iqn.2026-01.example:san1:web", "initiators": initiators, "luns": luns,
                        "generation": generation,
                        "chap": {"user": f"web.g{generation}", "secret": f"Secret0fGeneration{generation}"}}}

    def expect(self, change):
        want = dict(change["set"])
        want.pop("source", None)
        if change["object"].startswith("volume:"):
            want.pop("size_bytes", None)
        chap = want.pop("chap", None)
        if chap:
            want["chap_user"] = chap["user"]
        if "initiators" in want:
            want["initiators"] = sorted(want["initiators"])
        return want


class MockBmc(MockPeer):
    cls = "bmc"
    label = "mock BMC"
    has_boot = has_console = True
    boot_text = "PERSONA web UP"

    def wishes(self, generation=1):
        return [{"object": "boot", "set": {"device": "pxe"}}, {"object": "power", "set": {"power": "on"}}]

    def other_wishes(self, generation=2):
        return [{"object": "boot", "set": {"device": "disk"}}, {"object": "power", "set": {"power": "off"}}]

    def boot_wishes(self):
        return [{"object": "boot", "set": {"device": "pxe", "hint": {"persona": "web"}}},
                {"object": "power", "set": {"power": "on"}}]

    def dump(self):
        return json.dumps({k: v for k, v in self.rack()["bmcs"]["dev"].items() if k in ("power", "boot")},
                          sort_keys=True)


class MockKeyed(MockSwitch):
    """A switch with a server key, which is judged before each login."""
    label = "mock switch with a key"

    def options(self, name):
        return dict(super().options(name), server_key=self.pin(name), tally=f"{self.dir}/tally")

    def pin(self, name):
        return "SHA256:" + ("A" if name == "dev" else "C") * 42 + "A"

    def heard(self):
        try:
            with open(f"{self.dir}/tally", encoding="utf-8") as f:
                return sum(json.loads(line)["op"] == "login" for line in f)
        except FileNotFoundError:
            return 0


# --- what only the mock does ---

def port_change(vlan=110, **more):
    return {"object": "port:p1", "set": {"mode": "access", "native": vlan}, **more}


def with_fault(lab, *specs):
    d = lab.driver()
    reply = lab.open(d, options=dict(lab.peer.options("dev"), faults=list(specs)))
    check(reply.get("ok") is True, f"{reply}")
    return d


def native_of(lab):
    return lab.peer.rack().get("switches", {}).get("dev", {}).get("ports", {}).get("p1", {}).get("native")


def every_fault_does_what_it_says(lab):
    table = {  # kind: status, code, has it taken effect
        "refuse": ("not_applied", "refused", False), "conflict": ("not_applied", "conflict", False),
        "busy": ("not_applied", "busy", False), "lost": ("unknown", "unreachable", False),
        "unknown": ("unknown", "unreachable", True), "cut": ("unknown", "unreachable", True),
        "lie": ("done", None, False), "slow": ("done", None, True)}
    vlan = 100
    for kind, (status, code, effect) in table.items():
        vlan += 1
        d = with_fault(lab, f"apply:port:p1:{kind}:1:1")
        r = d.call("apply", "dev", changes=[port_change(vlan)])["results"][0]
        check(r["status"] == status and r.get("error", {}).get("code") == code, f"{kind}: {r}")
        check((native_of(lab) == vlan) is effect, f"{kind}: the port has {native_of(lab)}")
        all_done(d.apply("dev", [port_change(vlan)]))  # it was to happen once
        check(native_of(lab) == vlan, f"{kind}: second apply")
        lab.discard(d)


def a_stiff_device_refuses_what_comes_later(lab):
    for spec, passes in (("stiff", 1), ("stiff:1:2", 2), ("stiff:1:0", 0)):
        d = with_fault(lab, "apply:port:p1:" + spec)
        for vlan in range(300, 300 + passes):
            all_done(d.apply("dev", [port_change(vlan)]))
        r = d.call("apply", "dev", changes=[port_change(310)])["results"][0]
        check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{spec}: {r}")
        lab.discard(d)


def faults_of_the_whole_request(lab):
    for kind, code in (("auth", "auth"), ("unreachable", "unreachable"), ("protocol", "protocol")):
        d = with_fault(lab, f"apply:*:{kind}:1", f"observe:*:{kind}:1")
        check(error_of(d.call("apply", "dev", changes=[port_change()])) == code, kind)
        check(error_of(d.call("observe", "dev", objects=["port:p1"])) == code, kind)
        check("document" in d.call("observe", "dev", objects=["port:p1"]), f"{kind}: it was to happen once")
        lab.discard(d)


def again_is_said_as_often_as_ordered(lab):
    d = with_fault(lab, "apply:port:*:again:3:5")
    said = [d.call("apply", "dev", changes=[port_change()])["results"][0] for _ in range(4)]
    check([r["status"] for r in said] == ["again"] * 3 + ["done"] and said[0]["after_ms"] == 5, f"{said}")


def a_crash_happens_before_or_after_the_effect(lab):
    for kind, effect in (("crash", False), ("crash-after", True)):
        d = with_fault(lab, f"apply:*:{kind}:1")
        vlan = 200 + effect
        d.send("apply", "dev", changes=[port_change(vlan)])
        sandbox.wait_until("the crash", lambda d=d: d.process.poll() is not None, 3)
        lab.discard(d)
        check((native_of(lab) == vlan) is effect, kind)
        d = with_fault(lab, f"apply:*:{kind}:1")
        all_done(d.apply("dev", [port_change(vlan)]))
        lab.discard(d)


def a_hang_holds_one_device_only_and_urgent_work_passes(lab):
    d = with_fault(lab, "apply:*:hang:1")
    lab.open(d, "other")
    stuck = d.send("apply", "dev", deadline_ms=300, changes=[port_change()])
    all_done(d.call("apply", "other", changes=[port_change(5)]))
    queued = d.send("observe", "dev", objects=["port:p1"])
    began = time.monotonic()
    all_done(d.call("apply", "dev", changes=[port_change(6)], urgent=True))
    check(time.monotonic() - began < 1, "the urgent request had to wait")
    check(queued.empty() and stuck.empty(), "an ordinary request passed the one under way")
    lab.discard(d)


def a_line_that_is_no_frame_can_be_ordered(lab):
    d = with_fault(lab, "apply:*:garbage:1")
    d.send("apply", "dev", changes=[port_change()])
    sandbox.wait_until("the line", lambda: d.broken, 3)
    lab.discard(d)


def faults_come_and_go_by_a_change(lab):
    d = lab.opened()
    fault = {"object": "fault:f1", "set": {"spec": "apply:port:p1:refuse"}}
    all_done(d.apply("dev", [fault]), [fault])
    for _ in range(2):
        check(d.apply("dev", [port_change()])["results"][0]["status"] == "not_applied", "the fault")
    all_done(d.apply("dev", [{"object": "fault:f1", "set": {"exists": False}}, port_change()]))
    for bad in ("x", "apply:p", "apply:port:p1:nonsense", "apply:port:p1:refuse:x", "a:b:refuse:1:2:3"):
        check(error_of(lab.open(d, "bad", options=dict(lab.peer.options("bad"), faults=[bad]))) == "invalid", bad)


def the_rack_survives_a_killed_driver(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    lab.discard(d)
    agrees(lab, observed(lab, lab.opened(), "dev", lab.wishes()), lab.wishes())


def two_processes_cannot_share_a_state_file(lab):
    lab.opened()
    reply = lab.open(lab.driver())
    check(error_of(reply) == "conflict", f"{reply}")


def orders_from_a_file_are_carried_out(lab):
    d = lab.opened()
    path = lab.peer.options("dev")["control"]
    order(lab.peer, {"device": "dev", "object": "sim:port:p1", "set": {"native": 999}},
          {"device": "dev", "object": "fault:x", "set": {"spec": "apply:*:refuse:1"}})
    document = d.call("observe", "dev", objects=["port:p1"])["document"]
    check(document["ports"]["p1"]["native"] == 999 and not os.path.exists(path), f"{document}")
    check(d.apply("dev", [port_change()])["results"][0]["status"] == "not_applied", "the fault")


def the_manual_explains_every_fault(lab):
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    with open(f"{top}/drivers/mock/fault_kinds.def", encoding="utf-8") as f:
        kinds = re.findall(r'^FAULT\(\w+, "([^"]+)"', f.read(), re.M)
    with open(f"{top}/man/recast-driver.7", encoding="utf-8") as f:
        told = set(re.findall(r"[\w-]+", " ".join(re.findall(r"^\.It Cm (.*)", f.read(), re.M))))
    check(len(kinds) > 20 and not set(kinds) - told, f"not in the manual: {set(kinds) - told}")


def somebody_else_can_be_ordered_to_interfere(lab):
    d = with_fault(lab, "apply:port:p1:rewire:1:999")
    all_done(d.apply("dev", [port_change(110)]))
    check(told(d, "port:p1") == ["port:p1"] and native_of(lab) == 999, "nobody moved the port")
    all_done(d.apply("dev", [port_change(110)]))
    check(native_of(lab) == 110, "it was to happen once")


def stamping_a_port_that_is_right_changes_the_stamp_only(lab):
    history = f"{lab.peer.dir}/history"
    order(lab.peer, {"device": "dev", "object": "sim:port:p1", "set": {"mode": "trunk", "native": 7, "tagged": [20]}})
    d = lab.driver()
    lab.open(d, options=dict(lab.peer.options("dev"), history=history))
    d.call("observe", "dev", objects=["port:p1"])
    stamp = {"object": "port:p1", "owner": "web", "generation": 3,
             "set": {"mode": "trunk", "native": 7, "tagged": [20], "description": "recast web#3"}}
    check(all_done(d.apply("dev", [stamp]))[0]["changed"] is True, "nothing was stamped")
    agrees(lab, observed(lab, d, "dev", [stamp]), [stamp])
    with open(history, encoding="utf-8") as f:
        ports = [json.loads(line)["switches"]["dev"]["ports"]["p1"] for line in f]
    check(len(ports) >= 2 and all((p["mode"], p["native"], p["tagged"]) == ("trunk", 7, [20]) for p in ports), f"{ports}")


def every_request_can_be_counted(lab):
    path = f"{lab.peer.dir}/tally"
    d = lab.driver()
    lab.open(d, options=dict(lab.peer.options("dev"), tally=path))
    all_done(d.apply("dev", [port_change(110), port_change(120)]))
    d.call("observe", "dev", objects=["port:p1"])
    with open(path, encoding="utf-8") as f:
        lines = [row for row in map(json.loads, f) if row["op"] != "login"]
    check(lines == [{"device": "dev", "class": "switch", "op": op, "objects": n} for op, n in (("apply", 2), ("observe", 1))],
          f"{lines}")


for fn in (the_manual_explains_every_fault, somebody_else_can_be_ordered_to_interfere,
           stamping_a_port_that_is_right_changes_the_stamp_only, every_request_can_be_counted, every_fault_does_what_it_says, a_stiff_device_refuses_what_comes_later,
           faults_of_the_whole_request, again_is_said_as_often_as_ordered,
           a_crash_happens_before_or_after_the_effect, a_hang_holds_one_device_only_and_urgent_work_passes,
           a_line_that_is_no_frame_can_be_ordered, faults_come_and_go_by_a_change, the_rack_survives_a_killed_driver,
           two_processes_cannot_share_a_state_file, orders_from_a_file_are_carried_out):
    fn.needs = ()
    MockSwitch.own_cases += (fn,)


def maps_can_go_and_come_behind_our_back(lab):
    d = lab.driver()
    lab.open(d, options=dict(lab.peer.options("dev"), faults=["apply:map:web:unmap:1"]))
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    told(d, "map:web")
    maps = d.call("observe", "dev", objects=["map:web", "volume:web-root"])["document"]["maps"]
    check(maps == {"web": {"exists": False}}, f"{maps}")
    orphan = {"volume": "web-root", "target": "iqn.2026-01.example:san1:lost", "managed": True, "generation": 4}
    order(lab.peer, {"device": "dev", "object": "sim:map:lost", "set": orphan})
    told(d, "map:lost")
    maps = d.call("observe", "dev", objects=["volume:web-root"])["document"]["maps"]
    check(maps["lost"]["managed"] is True and maps["lost"]["generation"] == 4, f"{maps}")
    order(lab.peer, {"device": "dev", "object": "sim:map:lost", "set": {"exists": False}})
    told(d, "map:lost")
    check(not d.call("observe", "dev", objects=["volume:web-root"])["document"]["maps"], "it is still there")


maps_can_go_and_come_behind_our_back.needs = ()
MockArray.own_cases += (maps_can_go_and_come_behind_our_back,)


def open_rack(lab, **bmc_options):
    """A server on port p1 of leaf1 with its disk on san1."""
    d = lab.driver()
    base = {"rack": "r", "state": lab.peer.state}
    nics = ["52:54:00:00:01:01=leaf1/p1", "52-54-00-00-01-02=leaf1/p2"]
    for name, cls, more in (("leaf1", "switch", {}), ("san1", "storage", {}),
                            ("dev", "bmc", dict(nics=nics, boot_vlan=10, **bmc_options))):
        reply = d.call("open", name, **{"class": cls, "options": dict(base, **more)})
        check(reply.get("ok") is True, f"{name}: {reply}")
    wish = MockArray.map_wish(None, 3, ["iqn.2026-01.example:web"], {"1": "web-root"})
    all_done(d.apply("san1", [{"object": "volume:web-root", "set": {"exists": True, "source": "golden"}}, wish]))
    all_done(d.apply("leaf1", [port_change(10)]))
    return d


def boot(d, **hint):
    changes = [{"object": "console", "set": {"capture": True}},
               {"object": "boot", "set": {"device": "pxe", "hint": hint or {"map": "web", "array": "san1"}}},
               {"object": "power", "set": {"power": "on"}}]
    all_done(d.apply("dev", changes), changes)
    return d.call("observe", "dev", objects=["console:PERSONA web UP"])["document"]["console"]["seen"]


def switch_off(d):
    all_done(d.apply("dev", [{"object": "power", "set": {"power": "off"}}]))


def sessions(d):
    return d.call("observe", "san1", objects=["map:web"])["document"]["sessions"]


def a_server_boots_from_its_map_and_leaves_it_when_off(lab):
    d = open_rack(lab)
    check(boot(d), "it did not boot")
    rows = sessions(d)
    check(len(rows) == 1 and rows[0]["initiator"] == "iqn.2026-01.example:web", f"{rows}")
    macs = d.call("observe", "leaf1", objects=["macs", "neighbours"])["document"]
    check(macs["macs"][0] == {"mac": "52:54:00:00:01:01", "port": "p1", "vlan": 10}, f"{macs}")
    switch_off(d)
    check(not sessions(d), "the session stayed")
    check(not d.call("observe", "leaf1", objects=["macs"])["document"]["macs"], "the MAC stayed")


def a_server_boots_only_in_its_boot_network_and_with_a_map(lab):
    d = open_rack(lab)
    all_done(d.apply("leaf1", [port_change(4000)]))
    check(not boot(d), "it booted in the wrong VLAN")
    switch_off(d)
    all_done(d.apply("leaf1", [port_change(10)]))
    check(not boot(d, map="nosuch", array="san1"), "it booted from a map that there is not")
    switch_off(d)
    check(boot(d), "it did not boot")


def power_takes_its_time_when_it_is_told_to(lab):
    d = open_rack(lab, power_ms=60)
    r = d.call("apply", "dev", changes=[{"object": "power", "set": {"power": "on"}}])["results"][0]
    check(r["status"] == "again" and 0 < r["after_ms"] <= 60, f"{r}")
    check(d.call("observe", "dev", objects=["power"])["document"]["power"] == "off", "too early")
    all_done(d.apply("dev", [{"object": "power", "set": {"power": "on"}}]))


def faults_of_a_server(lab):
    d = open_rack(lab, faults=["apply:power:stuck_session:1", "observe:power:flap:1", "observe:power:blind:1",
                               "apply:shutdown:ignore:1", "apply:power:late:1:80"])

    def read_power():
        return d.call("observe", "dev", objects=["power"])["document"]["power"]

    check([read_power() for _ in range(3)] == ["on", "unknown", "off"], "flap, blind")
    check(not boot(d), "late: it was on at once")
    sandbox.wait_until("late power", lambda: read_power() == "on", 3)
    all_done(d.apply("dev", [{"object": "shutdown", "set": {"requested": True}}]))
    check(read_power() == "on", "the shutdown was not ignored")
    switch_off(d)
    check(len(sessions(d)) == 1, "the session did not stick")
    all_done(d.apply("san1", [{"object": "sessions:web", "set": {"exists": False}}]))
    check(not sessions(d), "the stuck session could not be dropped")


def the_console_streams(lab):
    d = open_rack(lab)
    check(d.call("console", "dev", action="open").get("ok") is True, "open")
    boot(d)
    event = d.events.get(timeout=2)
    check(event == {"event": "console", "device": "dev", "data": "PERSONA web UP\r\n"}, f"{event}")
    check(d.call("console", "dev", action="input", data="hello").get("ok") is True, "input")
    check(d.events.get(timeout=2)["data"] == "hello", "echo")
    check(d.call("console", "dev", action="close").get("ok") is True, "close")
    check(error_of(d.call("console", "dev", action="dance")) == "invalid", "an unknown action")


for fn in (a_server_boots_from_its_map_and_leaves_it_when_off, a_server_boots_only_in_its_boot_network_and_with_a_map,
           power_takes_its_time_when_it_is_told_to, faults_of_a_server, the_console_streams):
    fn.needs = ()
    MockBmc.own_cases += (fn,)

PEERS = [MockSwitch, MockKeyed, MockFabric, MockArray, MockBmc]
