# SPDX-License-Identifier: GPL-3.0-or-later
"""What every array driver must do."""
from cases import agrees, all_done, check, observed

CASES = []


def case(*needs):
    def register(fn):
        fn.needs = needs
        CASES.append(fn)
        return fn
    return register


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
    not_applied(d.apply("dev", [larger]), "refused")
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
