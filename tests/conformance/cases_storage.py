# SPDX-License-Identifier: GPL-3.0-or-later
"""What every array driver must do."""
from cases import agrees, all_done, check, observed, registrar, same

CASES = []
case = registrar(CASES)


def gone(obj):
    return {"object": obj, "set": {"exists": False}}


def not_applied(reply, code):
    r = reply["results"][0]
    check(r["status"] == "not_applied" and r["error"]["code"] == code, f"{r}")


@case()
def removing_a_map_is_done_also_the_second_time(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    check(all_done(d.apply("dev", [gone("map:web")]))[0]["changed"] is True, "the first removal")
    check(all_done(d.apply("dev", [gone("map:web")]))[0]["changed"] is False, "the second removal")
    document = observed(lab, d, "dev", lab.wishes())
    check(document["maps"]["web"] == {"exists": False} and not document["sessions"], f"{document}")
    check(document["volumes"]["web-root"]["exists"], "the volume must stay")


@case()
def a_mapped_volume_is_not_deleted(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    not_applied(d.apply("dev", [gone("volume:web-root")]), "refused")
    changes = [gone("map:web"), gone("volume:web-root")]
    all_done(d.apply("dev", changes), changes)
    check(not observed(lab, d, "dev", lab.wishes())["volumes"]["web-root"]["exists"], "it is still there")


@case()
def a_volume_that_is_there_is_left_as_it_is(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    before = observed(lab, d, "dev", lab.wishes())["volumes"]["web-root"]
    same = [{"object": "volume:web-root", "set": {"exists": True, "source": "golden", "size_bytes": 1}}]
    check(all_done(d.apply("dev", same), same)[0]["changed"] is False, "it was made again")
    larger = dict(same[0], set={"exists": True, "size_bytes": before["size_bytes"] * 2})
    # Where it could grow, it is mapped, which an array may refuse as well.
    r = d.apply("dev", [larger])
    if "snapshots" in d.hello["caps"] and r["results"][0]["status"] == "done":
        return
    not_applied(r, "refused")
    check(observed(lab, d, "dev", lab.wishes())["volumes"]["web-root"] == before, "it changed")


@case()
def a_map_of_a_missing_volume_is_refused_and_changes_nothing(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    wish = lab.wishes()[-1]
    bad = dict(wish, set=dict(wish["set"], luns={"1": "nosuch"}))
    not_applied(d.apply("dev", [bad]), "refused")
    agrees(lab, observed(lab, d, "dev", lab.wishes()), lab.wishes())


@case()
def a_wish_that_makes_no_sense_is_refused(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    wish = lab.wishes()[-1]
    for bad in ({"target": "not an iqn"}, {"target": None}, {"initiators": []}, {"initiators": ["x y"]}, {"luns": {}},
                {"luns": {"one": "web-root"}}, {"luns": {"1": "../../etc/passwd"}}, {"exists": "yes"},
                {"chap": {"user": "a,b", "secret": "longenoughsecret"}}, {"chap": {"user": "web.g1", "secret": "short"}},
                {"chap": {"user": "web.g1", "secret": "with,comma,inside"}}, {"bogus": 1}):
        not_applied(d.apply("dev", [dict(wish, set=dict(wish["set"], **bad))]), "invalid")
    for bad in ("volume:../x", "volume:", "map:a b", "volume:.hidden", "volume:a/b"):
        not_applied(d.apply("dev", [{"object": bad, "set": {"exists": True, "size_bytes": 512}}]), "invalid")
    agrees(lab, observed(lab, d, "dev", lab.wishes()), lab.wishes())


@case("foreign_map")
def somebody_elses_map_of_our_volume_is_found_and_left_alone(lab):
    volume, target = lab.peer.foreign_map
    d = lab.opened()
    document = d.call("observe", "dev", objects=[f"volume:{volume}"])["document"]
    lab.validate(document)
    check(target in document["maps"] and document["maps"][target]["managed"] is False, f"{document}")
    not_applied(d.apply("dev", [gone(f"map:{target}")]), "refused")
    wish = lab.wishes()[-1]
    all_done(d.apply("dev", lab.wishes()[:-1]), lab.wishes()[:-1])
    not_applied(d.apply("dev", [dict(wish, set=dict(wish["set"], target=target))]), "refused")
    check(d.call("observe", "dev", objects=[f"volume:{volume}"])["document"] == document, "it was touched")


@case()
def the_generation_alone_can_grow(lab):
    d = lab.opened()
    wish = lab.wishes()[-1]
    free = {k: v for k, v in wish["set"].items() if k != "chap"}
    first, second = dict(wish, set=free), dict(wish, generation=5, set=dict(free, generation=5))
    all_done(d.apply("dev", lab.wishes()[:-1] + [first]), lab.wishes())
    check(all_done(d.apply("dev", [second]), [second])[0]["changed"] is True, "nothing changed")
    agrees(lab, observed(lab, d, "dev", [second]), [second])


# --- sessions that stay ---

def map_of(lab, generation=1, luns=None, **more):
    """The map of the wishes, with other LUNs or members."""
    wish = lab.peer.wishes(generation)[-1]
    return dict(wish, set=dict(wish["set"], **({"luns": luns} if luns else {}), **more))


TWO = {"1": "web-root", "2": "web-data"}


@case("hold")
def an_added_lun_leaves_the_sessions_and_they_see_it(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    host = lab.peer.hold(d, "web")
    check(host.luns() in (None, [1]), f"before: {host.luns()}")
    more = [map_of(lab, luns=TWO)]
    check(all_done(d.apply("dev", more), more)[0]["changed"] is True, "nothing was added")
    agrees(lab, observed(lab, d, "dev", more), more)
    check(host.alive(), "the session was dropped")
    check(host.luns() in (None, [1, 2]), f"after: {host.luns()}")
    check(all_done(d.apply("dev", more), more)[0]["changed"] is False, "it was added again")
    check(host.alive(), "the session was dropped by an apply that changes nothing")


@case("hold")
def any_other_difference_of_a_map_ends_the_sessions(lab):
    d = lab.opened()
    first = [map_of(lab, luns=TWO)]
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    for what, wish in {"a LUN less": map_of(lab), "another volume": map_of(lab, luns=dict(TWO, **{"1": "golden"})),
                       "a LUN more of another generation": map_of(lab, 2, dict(TWO, **{"3": "golden"})),
                       "a LUN more and another initiator": map_of(
                           lab, 2, dict(TWO, **{"3": "golden"}), initiators=["iqn.2026-01.example:db"])}.items():
        all_done(d.apply("dev", [gone("map:web")] + first))
        host = lab.peer.hold(d, "web")
        all_done(d.apply("dev", [wish]), [wish])
        check(not host.alive(), f"{what}: the session stayed")
        agrees(lab, observed(lab, d, "dev", [wish]), [wish])
    # Without CHAP the generation is all that differs.
    def open_to_all(generation, luns):
        wish = map_of(lab, generation, luns)
        wish["set"].pop("chap")
        return [wish]
    all_done(d.apply("dev", [gone("map:web")] + open_to_all(1, {"1": "web-root"})))
    host = lab.peer.hold(d, "web", chap=False)
    all_done(d.apply("dev", open_to_all(1, TWO)))
    check(host.alive(), "without CHAP: the session was dropped")
    all_done(d.apply("dev", open_to_all(2, dict(TWO, **{"3": "golden"}))))
    check(not host.alive(), "without CHAP, a LUN more of another generation: the session stayed")


def adoption(lab, **more):
    volume, target = lab.peer.foreign_map
    return {"object": "map:disk", "owner": "disk", "generation": 3,
            "set": dict({"exists": True, "adopt": target, "initiators": lab.peer.foreign_initiators,
                         "luns": {"1": volume}, "generation": 3}, **more)}


@case("foreign_map", "hold")
def somebody_elses_map_is_adopted_as_it_is(lab):
    d, target = lab.opened(), lab.peer.foreign_map[1]
    check("adopt" in d.hello["caps"], f"{d.hello}")
    before = d.call("observe", "dev", objects=[f"map:{target}"])["document"]["maps"][target]
    host = lab.peer.hold(d, None)
    check(all_done(d.apply("dev", [adoption(lab)]))[0]["changed"] is True, "nothing was marked")
    document = d.call("observe", "dev", objects=[f"volume:{lab.peer.foreign_map[0]}"])["document"]
    lab.validate(document)
    check(document["maps"] == {"disk": dict(before, managed=True, generation=3)}, f"{document} {before}")
    check(host.alive() and [s["map"] for s in document["sessions"]] == ["disk"], f"{document}")
    check(all_done(d.apply("dev", [adoption(lab)]))[0]["changed"] is False, "it was marked again")
    check(host.alive() and host.luns() in (None, [1]), "the session was dropped")
    check(all_done(d.apply("dev", [gone("map:disk")]))[0]["changed"] is True, "it was not removed")
    document = d.call("observe", "dev", objects=["map:disk", f"volume:{lab.peer.foreign_map[0]}"])["document"]
    check(not host.alive() and document["maps"] == {"disk": {"exists": False}}, f"{document}")
    check(document["volumes"][lab.peer.foreign_map[0]]["exists"], "the volume must stay")


@case("foreign_map", "hold", "dump")
def a_map_that_differs_is_not_adopted_and_not_touched(lab):
    d, target = lab.opened(), lab.peer.foreign_map[1]
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    host, before = lab.peer.hold(d, None), lab.peer.dump()
    us, them = "iqn.2026-01.example:web", lab.peer.foreign_initiators
    for bad in ({"initiators": [us]}, {"initiators": them + [us]}, {"luns": {"1": "web-root"}}, {"luns": {"2": "other"}},
                {"luns": {"1": "other", "2": "web-data"}}, {"adopt": target + ".nosuch"}):
        r = d.apply("dev", [adoption(lab, **bad)])
        not_applied(r, "conflict")
        check(any(word in r["results"][0]["error"]["text"] for word in
                  [us, target + ".nosuch", them[0], "LUN 1", "LUN 2"]), f"{r}")
    for bad in ({"chap": {"user": "disk.g3", "secret": "longenoughsecret"}}, {"target": us}, {"exists": False}, {"adopt": 5}):
        not_applied(d.apply("dev", [adoption(lab, **bad)]), "invalid")
    not_applied(d.apply("dev", [dict(adoption(lab), object="map:web")]), "conflict")
    not_applied(d.apply("dev", [dict(adoption(lab), object=f"map:{target}")]), "invalid")
    same(lab.peer.dump(), before)
    check(host.alive(), "the session was dropped without a reason")
    all_done(d.apply("dev", [adoption(lab)]))
    not_applied(d.apply("dev", [dict(adoption(lab), object="map:disk2")]), "conflict")
    not_applied(d.apply("dev", [dict(adoption(lab, generation=4), generation=4)]), "conflict")
    not_applied(d.apply("dev", [adoption(lab, initiators=[us])]), "conflict")
    check(host.alive(), "the session was dropped")


def volume(name, **wish):
    return {"object": f"volume:{name}", "set": dict({"exists": True}, **wish)}


def snapshot(name, exists=True):
    return {"object": f"snapshot:{name}", "set": {"exists": exists}}


def refused(d, change, code="refused"):
    not_applied(d.apply("dev", [change]), code)


@case("snapshots")
def snapshots_are_made_cloned_and_removed_before_their_volume(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes() + [snapshot("web-root@before")]))
    size = observed(lab, d, "dev", lab.wishes())["volumes"]["web-root"]["size_bytes"]
    check(all_done(d.apply("dev", [snapshot("web-root@before")]))[0]["changed"] is False, "it was made again")
    document = d.call("observe", "dev", objects=["snapshot:web-root@before", "snapshot:web-root@never"])["document"]
    lab.validate(document)
    check(document["snapshots"] == {"web-root@before": {"exists": True, "size_bytes": size}, "web-root@never": {"exists": False}},
          f"{document}")
    all_done(d.apply("dev", [volume("copy", source="web-root@before")]))
    document = d.call("observe", "dev")["document"]
    lab.validate(document)
    check("web-root@before" in document["snapshots"] and "web-root@before" not in document["volumes"], f"{document}")
    check(document["volumes"]["copy"]["size_bytes"] == size, f"{document}")
    all_done(d.apply("dev", [gone("map:web")]))
    refused(d, gone("volume:web-root"))
    refused(d, volume("new", source="web-root@never"))
    refused(d, snapshot("nosuch@before"))
    for bad in (volume("new", source="web-root@../x"), snapshot("web-root@../x"), snapshot("web-root@"), snapshot("web-root")):
        refused(d, bad, "invalid")
    refused(d, {"object": "snapshot:web-root@before", "set": {"exists": True, "source": "golden"}}, "invalid")
    all_done(d.apply("dev", [snapshot("web-root@before", False), gone("volume:web-root"), gone("volume:copy")]))
    check(all_done(d.apply("dev", [snapshot("web-root@before", False)]))[0]["changed"] is False, "it was removed twice")
    document = d.call("observe", "dev")["document"]
    check(not document["snapshots"] and "web-root" not in document["volumes"], f"{document}")


@case("snapshots", "hold")
def a_volume_is_restored_once_for_each_token_and_never_under_a_session(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes() + [snapshot("web-root@before")]))
    restore = volume("web-root", restored={"snapshot": "before", "token": "run-17"})
    host = lab.peer.hold(d, "web")
    refused(d, restore)
    check(host.alive(), "the session was dropped")
    all_done(d.apply("dev", [gone("map:web")]))
    check(all_done(d.apply("dev", [restore]))[0]["changed"] is True, "nothing was restored")
    check(all_done(d.apply("dev", [restore]))[0]["changed"] is False, "it was restored twice")
    again = volume("web-root", restored={"snapshot": "before", "token": "run-18"})
    check(all_done(d.apply("dev", [again]))[0]["changed"] is True, "another token")
    refused(d, volume("web-root", restored={"snapshot": "never", "token": "run-19"}))
    refused(d, volume("nosuch", restored={"snapshot": "before", "token": "run-19"}))
    for bad in ({"snapshot": "../x", "token": "t"}, {"snapshot": "before"}, {"snapshot": "before", "token": ""}, {"snapshot": 1, "token": "t"},
                {"snapshot": "before", "token": "t", "more": 1}, "before"):
        refused(d, volume("web-root", restored=bad), "invalid")
    refused(d, volume("web-root", exists=False, restored={"snapshot": "before", "token": "t"}), "invalid")


@case("snapshots")
def a_volume_grows_and_never_shrinks(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()[:2]))
    size = observed(lab, d, "dev", lab.wishes())["volumes"]["web-data"]["size_bytes"]
    check(all_done(d.apply("dev", [volume("web-data", size_bytes=2 * size)]))[0]["changed"] is True, "it did not grow")
    r = d.apply("dev", [volume("web-data", size_bytes=size)])["results"][0]
    check(r["status"] == "done" and r["changed"] is False or r["error"]["code"] == "refused", f"{r}")
    check(observed(lab, d, "dev", lab.wishes())["volumes"]["web-data"]["size_bytes"] == 2 * size, "it shrank")


@case()
def who_has_no_snapshots_says_so(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()[:2]))
    check(("snapshots" in d.hello["caps"]) == (lab.peer.snapshots is not None), f"{d.hello['caps']}")
    if lab.peer.snapshots:
        return
    for change in (snapshot("web-root@before"), volume("new", source="web-root@before"),
                   volume("web-root", restored={"snapshot": "before", "token": "t"})):
        refused(d, change, "unsupported")
