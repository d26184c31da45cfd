# SPDX-License-Identifier: GPL-3.0-or-later
"""What every switch driver must do.  Ports p1 to p4 are free to use on every switch peer."""
from cases import agrees, all_done, check, observed, registrar, told

CASES = []
case = registrar(CASES)


def port(name, **set_):
    return {"object": f"port:{name}", "set": set_}


@case()
def what_a_wish_leaves_out_stays(lab):
    d = lab.opened()
    first = [dict(port("p1", mode="trunk", native=10, tagged=[20, 30], rate_kbit=9000, description="a stamp"),
                  owner="web", generation=4)]
    all_done(d.apply("dev", first), first)
    all_done(d.apply("dev", [port("p1", rate_kbit=7000)]))
    agrees(lab, observed(lab, d, "dev", first), [port("p1", mode="trunk", native=10, tagged=[20, 30], rate_kbit=7000,
                                                     description="a stamp", owner="web", generation=4)])
    all_done(d.apply("dev", [port("p1", tagged=[40])]))
    agrees(lab, observed(lab, d, "dev", first), [port("p1", mode="trunk", native=10, tagged=[40], rate_kbit=7000)])


@case()
def a_wish_that_makes_no_sense_is_refused_and_changes_nothing(lab):
    d = lab.opened()
    good = [port("p1", mode="access", native=110)]
    all_done(d.apply("dev", good), good)
    before = observed(lab, d, "dev", good)
    for bad in ({"mode": "sideways"}, {"mode": "access", "native": 0}, {"native": 5000}, {"native": "7"},
                {"mode": "trunk", "native": 0, "tagged": []}, {"tagged": [0]}, {"tagged": [4096]}, {"tagged": 7},
                {"rate_kbit": -1}, {"enabled": "yes"}, {"description": 5}, {"description": "x" * 5000}, {"vlan": 7}):
        r = d.apply("dev", [port("p1", **bad)])["results"][0]
        check(r["status"] == "not_applied" and r["error"]["code"] == "invalid", f"{bad}: {r}")
    check(observed(lab, d, "dev", good) == before, "the port changed")


@case()
def two_changes_of_one_port_in_one_apply_both_hold(lab):
    d = lab.opened()
    changes = [port("p1", mode="access", native=50), port("p1", description="second", rate_kbit=1000),
               port("p1", native=60)]
    all_done(d.apply("dev", changes), changes)
    agrees(lab, observed(lab, d, "dev", changes[:1]),
           [port("p1", mode="access", native=60, description="second", rate_kbit=1000)])


@case()
def an_empty_owner_removes_the_stamp(lab):
    d = lab.opened()
    stamped = [dict(port("p1", mode="access", native=110, description="recast web#7"), owner="web", generation=7)]
    all_done(d.apply("dev", stamped), stamped)
    parked = [dict(port("p1", mode="access", native=4000, description=""), owner="")]
    all_done(d.apply("dev", parked), parked)
    is_ = observed(lab, d, "dev", parked)["ports"]["p1"]
    check("owner" not in is_ and "generation" not in is_ and not is_["description"], f"{is_}")


@case()
def the_generation_of_another_owner_is_no_conflict(lab):
    d = lab.opened()
    old = [dict(port("p1", mode="access", native=110), owner="web", generation=7)]
    new = [dict(port("p1", mode="access", native=120), owner="db", generation=1)]
    for changes in (old, new):
        all_done(d.apply("dev", changes), changes)
    agrees(lab, observed(lab, d, "dev", new), [port("p1", native=120, owner="db", generation=1)])


@case()
def the_last_and_the_largest_vlan_work(lab):
    d = lab.opened()
    changes = [port("p1", mode="trunk", native=1, tagged=[4094, 63, 64, 2]), port("p2", mode="access", native=4095)]
    all_done(d.apply("dev", changes), changes)
    document = observed(lab, d, "dev", changes)
    check(document["ports"]["p1"]["tagged"] == [2, 63, 64, 4094], f"{document['ports']['p1']}")
    check(document["ports"]["p2"]["native"] == 4095, f"{document['ports']['p2']}")


@case("foreign_change")
def what_somebody_else_changes_is_told_within_a_second(lab):
    d = lab.opened()
    check("watch" in d.hello["caps"], f"{d.hello}")
    mine = [port("p1", mode="access", native=110)]
    all_done(d.apply("dev", mine), mine)
    if lab.peer.watch_begun:
        lab.peer.watch_begun(d)
    lab.peer.foreign_change("p1", 999)
    check(told(d, "port:p1") == ["port:p1"], "more was told than the port that changed")
    check(observed(lab, d, "dev", mine)["ports"]["p1"]["native"] == 999, "observe does not show it")
    check(d.call("close", "dev").get("ok") is True, "close")
    lab.peer.foreign_change("p1", 998)
    lab.open(d)
    check(observed(lab, d, "dev", mine)["ports"]["p1"]["native"] == 998, "observe after it was opened again")
    lab.peer.foreign_change("p1", 997)
    if lab.peer.watch_begun:
        lab.peer.watch_begun(d)
    lab.peer.foreign_change("p1", 996)
    told(d, "port:p1")
