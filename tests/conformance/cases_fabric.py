# SPDX-License-Identifier: GPL-3.0-or-later
"""What every fabric driver must do.  A peer offers login(wwpn, port), logout(wwpn), activations() and free_port, the name
of a port that nothing is logged in at."""
from cases import agrees, all_done, check, error_of, observed, registrar

CASES = []
case = registrar(CASES)

HOST = "20:00:02:ca:57:00:00:{:02x}"
ARRAY = ["50:00:02:00:00:00:0a:01", "50:00:02:00:00:00:0a:02"]
GONE = {"exists": False}


def zone(key, generation=1, host=1, targets=ARRAY):
    return {"object": f"zone:{key}", "owner": key.split(".")[0], "generation": generation,
            "set": {"exists": True, "initiators": [HOST.format(host)], "targets": list(targets), "generation": generation}}


def members(change):
    return sorted(change["set"]["initiators"] + change["set"]["targets"])


def expected(change):
    """What a fabric says of a zone that was wished for."""
    key, n = change["object"].partition(":")[2], change["set"]["generation"]
    return {"exists": True, "active": True, "managed": True, "generation": n, "members": members(change),
            "name": f"recast_{key.replace('.', '_')}_g{n}"}


def zones(d, *keys):
    return d.call("observe", "dev", objects=[f"zone:{k}" for k in keys])["document"]["zones"]


def holds(d, change):
    is_ = zones(d, change["object"][5:])[change["object"][5:]]
    for key, value in expected(change).items():
        check(is_.get(key) == value, f"{change['object']}: {key} is {is_.get(key)!r}, not {value!r}")


def once(d, *changes, device="dev", **more):
    """The first result of one request; `again` is not obeyed."""
    reply = d.call("apply", device, changes=list(changes), **more)
    check(reply.get("results"), f"no results: {reply}")
    return reply["results"][0]


def waits(r, *words):
    check(r["status"] == "again" and r["after_ms"] > 0 and r["error"]["code"] == "busy", f"{r}")
    for word in words:
        check(word in r["error"]["text"], f"{word!r} is not in {r['error']['text']!r}")


def refused(reply, *codes):
    for r in reply["results"]:
        check(r["status"] == "not_applied" and r["error"]["code"] in codes, f"{r}")


@case()
def a_zone_is_in_force_with_one_initiator_and_a_name_that_says_whose(lab):
    d = lab.opened()
    all_done(d.apply("dev", [zone("web.hba0")]))
    holds(d, zone("web.hba0"))


@case("activations")
def twelve_zones_are_one_activation(lab):
    d, wishes = lab.opened(), [zone(f"p{n}.hba0", host=n) for n in range(1, 13)]
    before = lab.peer.activations()
    all_done(d.apply("dev", wishes), wishes)
    check(lab.peer.activations() == before + 1, f"{lab.peer.activations() - before} activations")
    for w in wishes:
        holds(d, w)
    all_done(d.apply("dev", wishes), wishes)
    check(lab.peer.activations() == before + 1, "it activated again though nothing differed")
    all_done(d.apply("dev", [dict(w, set=GONE) for w in wishes]))
    check(lab.peer.activations() == before + 2, "removals are one activation as well")


@case()
def another_generation_takes_the_place_of_the_old_one(lab):
    d = lab.opened()
    all_done(d.apply("dev", [zone("web.hba0", 3, 1)]))
    all_done(d.apply("dev", [zone("web.hba0", 4, 2)]))
    holds(d, zone("web.hba0", 4, 2))
    everything = d.call("observe", "dev")["document"]["zones"]
    ours = [z["name"] for z in everything.values() if z["managed"]]
    check(ours == ["recast_web_hba0_g4"], f"{ours}")
    refused(d.apply("dev", [zone("web.hba0", 3, 1)]), "conflict")
    holds(d, zone("web.hba0", 4, 2))


@case()
def targets_that_change_are_changed_within_the_generation(lab):
    d = lab.opened()
    all_done(d.apply("dev", [zone("web.hba0", 2)]))
    all_done(d.apply("dev", [zone("web.hba0", 2, targets=ARRAY[:1])]))
    holds(d, zone("web.hba0", 2, targets=ARRAY[:1]))
    all_done(d.apply("dev", [zone("web.hba0", 2, targets=ARRAY)]))
    holds(d, zone("web.hba0", 2))


@case()
def a_zone_that_is_removed_is_neither_in_force_nor_defined(lab):
    d = lab.opened()
    all_done(d.apply("dev", [zone("web.hba0"), zone("db.hba0", host=2)]))
    r = all_done(d.apply("dev", [{"object": "zone:web.hba0", "set": GONE}]))[0]
    check(r["changed"], "a zone was removed")
    check(zones(d, "web.hba0")["web.hba0"] == {"exists": False}, "it is still there")
    holds(d, zone("db.hba0", host=2))
    r = all_done(d.apply("dev", [{"object": "zone:web.hba0", "set": GONE}, {"object": "zone:never.was", "set": GONE}]))
    check(not r[0]["changed"] and not r[1]["changed"], f"{r}")


@case()
def what_comes_and_goes_in_one_apply(lab):
    d = lab.opened()
    all_done(d.apply("dev", [zone("web.hba0"), zone("db.hba0", host=2)]))
    all_done(d.apply("dev", [{"object": "zone:web.hba0", "set": GONE}, zone("ci.hba0", host=3), zone("db.hba0", 2, 2)]))
    check(not zones(d, "web.hba0")["web.hba0"]["exists"], "the old zone is there")
    holds(d, zone("ci.hba0", host=3))
    holds(d, zone("db.hba0", 2, 2))


@case()
def zone_wishes_that_make_no_sense_are_refused_and_change_nothing(lab):
    d = lab.opened()
    all_done(d.apply("dev", [zone("web.hba0")]))
    good = zone("web.hba0")["set"]
    for set_ in ({}, {"exists": "yes"}, dict(good, initiators=[]), dict(good, initiators=[HOST.format(1), HOST.format(2)]),
                 dict(good, targets=[]), dict(good, targets=["10:00"]), dict(good, initiators=["nonsense"]),
                 dict(good, initiators=[7]), dict(good, members=[]), dict(good, generation=0), dict(good, generation=-3)):
        refused(d.apply("dev", [{"object": "zone:web.hba0", "set": set_}]), "invalid")
    for key in ("web", "web.", ".hba0", "web_x.hba0", "web.hba.0", "WEB.hba0", "w" * 60 + ".hba0"):
        refused(d.apply("dev", [dict(zone("web.hba0"), object=f"zone:{key}")]), "invalid")
    for obj in ("zone:", "login:xyz", "alias:x", "config", "lock", "capacity"):
        refused(d.apply("dev", [{"object": obj, "set": GONE}]), "invalid")
    holds(d, zone("web.hba0"))


@case("login")
def who_is_logged_in_and_who_is_not(lab):
    d, p, wwpn = lab.opened(), lab.peer, HOST.format(9)
    p.login(wwpn, p.free_port)
    logins = d.call("observe", "dev", objects=[f"login:{wwpn}", f"login:{HOST.format(8)}"])["document"]["logins"]
    check(logins[wwpn]["online"] and logins[wwpn]["port"] == p.free_port, f"{logins}")
    check(logins[HOST.format(8)] == {"online": False}, f"{logins}")
    p.logout(wwpn)


@case("login")
def that_a_wwpn_is_gone_is_waited_for_and_never_made(lab):
    d, p, wwpn = lab.opened(), lab.peer, HOST.format(9)
    gone = [{"object": f"login:{wwpn}", "set": {"online": False}}]
    check(not all_done(d.apply("dev", gone))[0]["changed"], "nothing was to be changed")
    p.login(wwpn, p.free_port)
    before = lab.peer.dump()
    for _ in range(3):
        waits(once(d, *gone), wwpn, p.free_port)
    check(lab.peer.dump() == before, "something was written")
    p.logout(wwpn)
    all_done(d.apply("dev", gone))
    refused(d.apply("dev", [{"object": f"login:{wwpn}", "set": {"online": True}}]), "invalid")


@case("login")
def a_port_that_is_shut_has_nobody(lab):
    d, p, wwpn = lab.opened(), lab.peer, HOST.format(9)
    off, on = ([{"object": f"port:{p.free_port}", "set": {"enabled": v}}] for v in (False, True))
    p.login(wwpn, p.free_port)
    check(all_done(d.apply("dev", off))[0]["changed"], "it was open")
    check(not all_done(d.apply("dev", off))[0]["changed"], "twice is once")
    document = d.call("observe", "dev", objects=[f"port:{p.free_port}", f"login:{wwpn}"])["document"]
    check(document["ports"][p.free_port]["exists"] and not document["ports"][p.free_port]["enabled"], f"{document}")
    check(document["logins"][wwpn] == {"online": False}, "it is still logged in")
    all_done(d.apply("dev", on))
    check(d.call("observe", "dev", objects=[f"port:{p.free_port}"])["document"]["ports"][p.free_port]["enabled"], "open again")


@case("lock", "unlock")
def anothers_lock_is_told_waited_for_and_never_broken(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("db.hba0", host=2)]))
    p.lock("carol", 600)
    before = p.dump()
    lock = d.call("observe", "dev", objects=["lock"])["document"]["lock"]
    check(lock["held"] and lock["user"] == "carol", f"{lock}")
    for change in (zone("web.hba0"), {"object": "zone:db.hba0", "set": GONE}):
        for _ in range(3):
            waits(once(d, change), "carol")
    check(p.dump() == before, "something was written under another's lock")
    p.unlock()
    all_done(d.apply("dev", [zone("web.hba0")]))
    check(d.call("observe", "dev", objects=["lock"])["document"]["lock"] == {"held": False}, "we keep no lock")


@case("foreign_dump")
def the_zones_of_others_are_listed_and_left_alone(lab):
    d = lab.opened()
    before = lab.peer.foreign_dump()
    all_done(d.apply("dev", [zone("web.hba0"), zone("db.hba0", host=2)]))
    all_done(d.apply("dev", [zone("web.hba0", 2), {"object": "zone:db.hba0", "set": GONE}]))
    check(lab.peer.foreign_dump() == before, "what others configured was changed")
    others = [z for z in d.call("observe", "dev")["document"]["zones"].values() if not z["managed"]]
    check(others, "no zone of others is told")
    named = d.call("observe", "dev", objects=["zone:web.hba0"])["document"]["zones"]
    check(list(named) == ["web.hba0"], f"only what was asked for: {list(named)}")


@case()
def the_configuration_and_its_room_are_told(lab):
    d = lab.opened()
    document = d.call("observe", "dev", objects=["config", "capacity"])["document"]
    check(document["config"]["name"] and document["config"]["default_access"] == "none", f"{document}")
    if "capacity" in document:
        used = document["capacity"]["used_bytes"]
        all_done(d.apply("dev", [zone("web.hba0")]))
        again = d.call("observe", "dev", objects=["capacity"])["document"]["capacity"]
        check(used < again["used_bytes"] < again["limit_bytes"], f"{used} {again}")


@case("read_only_config")
def without_a_configuration_in_force_zones_are_refused(lab):
    d = lab.opened()
    lab.peer.read_only_config()
    refused(d.apply("dev", [zone("web.hba0")]), "refused")


@case()
def what_is_asked_for_and_is_not_there(lab):
    d = lab.opened()
    wishes = [zone("web.hba0")]
    check(observed(lab, d, "dev", wishes)["zones"]["web.hba0"] == {"exists": False}, "there is none yet")
    all_done(d.apply("dev", wishes), wishes)
    agrees(lab, observed(lab, d, "dev", wishes), wishes)
    check(error_of(d.call("observe", "dev", objects=["login:nonsense"])) == "invalid", "that is no WWPN")
