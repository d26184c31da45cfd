# SPDX-License-Identifier: GPL-3.0-or-later
"""Fibre Channel on the simulated rack: zones, WWPNs, two fabrics, paths."""
import json

import rack
import tap
from controller import Controller, wait_until


def ready(builddir, personas=("web",), machines=3, role=(), **site):
    c = Controller(builddir)
    c.define(rack.fc_site(c.dir, machines, **site), *[rack.fc_persona(p, **dict(role)) for p in personas])
    return c


def fabric(c, name):
    return rack.state(c.dir).get("fabrics", {}).get(name, {})


def wwpns(c, persona="web"):
    ids = c.api("GET", "/v1/personas/" + persona)[1]["identities"]
    return {i["for"]: i["value"] for i in ids if i["kind"] == "wwpn"}


def apply(c, persona="web", machine="node1", action="apply", **more):
    return c.run_to_end(action=action, persona=persona, machine=machine, **more)


def order_of(run):
    return {(s["phase"], s["object"].split(":")[0]): i for i, s in enumerate(run["steps"])}


def test_a_role_boots_from_its_lun_over_two_fabrics(builddir):
    with ready(builddir) as c:
        run = apply(c)
        tap.equal(run["state"], "done", run)
        names = wwpns(c)
        tap.equal(sorted(names), ["hba0", "hba1"])
        for fab, vhba, target in (("fab-a", "hba0", rack.ARRAY_A), ("fab-b", "hba1", rack.ARRAY_B)):
            zone = fabric(c, fab)["zones"]["web." + vhba]
            tap.equal((zone["name"], zone["members"]), ("recast_web_%s_g1" % vhba, sorted([names[vhba], target])))
            tap.equal(fabric(c, fab)["logins"][names[vhba]]["port"], "1")
            tap.equal(fabric(c, fab)["activations"], 1)
        array_map = rack.state(c.dir)["arrays"]["san1"]["maps"]["web"]
        tap.equal((array_map["protocol"], array_map["initiators"]), ("fc", sorted(names.values())))
        tap.equal(array_map["ports"], sorted([rack.ARRAY_A, rack.ARRAY_B]))
        tap.equal(len(array_map["sessions"]), 2)
        assert not [s for s in rack.state(c.dir) if s == "secrets"]
        order = order_of(run)
        assert order["zone-a", "zone"] < order["zone-b", "zone"] < order["grant", "map"] < order["on", "power"], order
        tap.equal(c.api("POST", "/v1/plans", {"action": "apply", "persona": "web"})[1]["steps"], [])


def test_a_move_takes_the_wwpns_along_after_the_old_ones_are_logged_out(builddir):
    with ready(builddir) as c:
        apply(c)
        names = wwpns(c)
        run = apply(c, machine="node2", action="move")
        tap.equal(run["state"], "done", run)
        tap.equal(wwpns(c), names)
        order = order_of(run)
        assert order["off", "power"] < order["unmap", "map"] < order["unzone-a", "zone"] < order["unzone-b", "zone"], order
        assert order["unzone-b", "zone"] < order["verify", "login"] < order["zone-a", "zone"] < order["on", "power"], order
        for fab, vhba in (("fab-a", "hba0"), ("fab-b", "hba1")):
            tap.equal(list(fabric(c, fab)["zones"]), ["web." + vhba])
            tap.equal(fabric(c, fab)["zones"]["web." + vhba]["generation"], 2)
            tap.equal({w: v["port"] for w, v in fabric(c, fab)["logins"].items()}, {names[vhba]: "2"})
            shut = {p: v["enabled"] for p, v in fabric(c, fab).get("ports", {}).items()}
            tap.equal(shut, {"1": False}, "the port that was left is shut, and no other")


def test_a_release_leaves_no_zone_no_login_and_no_open_port(builddir):
    """Whoever powers the machine on then has its cards log in with nothing."""
    with ready(builddir) as c:
        apply(c)
        tap.equal(c.run_to_end(action="release", persona="web")["state"], "done")
        rack.order(c.dir, "node1-bmc", "sim:power", power="on")
        c.api("GET", "/v1/machines/node1/power")
        for fab in ("fab-a", "fab-b"):
            tap.equal((fabric(c, fab)["zones"], fabric(c, fab)["logins"]), ({}, {}))
            tap.equal(fabric(c, fab)["ports"], {"1": {"enabled": False}})
        rack.order(c.dir, "node1-bmc", "sim:power", power="off")
        tap.equal(apply(c)["state"], "done")
        tap.equal(fabric(c, "fab-a")["ports"], {"1": {"enabled": True}})


def test_roles_that_are_cast_together_are_one_activation_for_each_fabric(builddir):
    names = ["p%d" % n for n in range(1, 13)]
    with ready(builddir, names, machines=12) as c:
        for n in range(1, 13):  # so that all are under way before the first comes to its zones
            rack.order(c.dir, "node%d-bmc" % n, "fault:f", spec="apply:power:slow:1:1500")
        runs = [c.api("POST", "/v1/runs", {"action": "apply", "persona": p, "machine": "node%d" % (i + 1)})[1]["id"]
                for i, p in enumerate(names)]
        for run in runs:
            wait_until(lambda r=run: c.api("GET", "/v1/runs/%s" % r)[1]["state"] == "done", 60, "run %s" % run)
        counts = [fabric(c, f)["activations"] for f in ("fab-a", "fab-b")]
        tap.equal([len(fabric(c, f)["zones"]) for f in ("fab-a", "fab-b")], [12, 12])
        tap.equal(counts, [1, 1], "activations for twelve roles")


def test_a_rollback_brings_zones_and_map_back(builddir):
    with ready(builddir) as c:
        apply(c)
        before = {f: fabric(c, f)["zones"] for f in ("fab-a", "fab-b")}
        rack.order(c.dir, "node2-bmc", "fault:f", spec="apply:boot:refuse")
        run = apply(c, machine="node2", action="move")
        tap.equal(run["state"], "rolled_back", run)
        tap.equal({f: fabric(c, f)["zones"] for f in ("fab-a", "fab-b")}, before)
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "on")
        tap.equal(len(rack.state(c.dir)["arrays"]["san1"]["maps"]["web"]["sessions"]), 2)


def test_anothers_lock_is_waited_for_and_told(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "fab-b", "sim:lock", user="carol", seconds=2, **{"from": "10.0.0.9"})
        plan = c.persona("plan", "web", "--on", "node1").expect(0)
        tap.contains(plan.out, "carol holds the lock and is waited for")
        done = c.persona("apply", "web", "--on", "node1", "--wait").expect(0)
        tap.contains(done.err, "waits")
        tap.contains(done.err, "fab-b is locked by carol from 10.0.0.9")
        steps = c.api("GET", "/v1/runs/1")[1]["steps"]
        assert not [s for s in steps if s.get("error")], "what it waited for is still told"


def test_a_lock_that_stays_rolls_the_run_back_at_its_deadline(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "fab-b", "sim:lock", user="carol", seconds=600)
        run = apply(c)
        tap.equal(run["state"], "rolled_back", run)
        tap.contains(run["error"]["text"], "fab-b is locked by carol")
        tap.equal([fabric(c, f).get("zones", {}) for f in ("fab-a", "fab-b")], [{}, {}])
        tap.equal([fabric(c, f)["ports"]["1"]["enabled"] for f in ("fab-a", "fab-b")], [False, False])
        tap.equal(rack.state(c.dir)["arrays"]["san1"].get("maps", {}), {})
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "free")


def test_a_wwpn_that_is_logged_in_elsewhere_is_a_conflict(builddir):
    with ready(builddir) as c:
        name = wwpns(c)["hba1"]
        rack.order(c.dir, "fab-b", "sim:login:" + name, port="9")
        r = c.persona("apply", "web", "--on", "node1").expect(4)
        tap.contains(r.err, "%s, the WWPN of web's vhba hba1, is logged in on fab-b at port 9 already" % name)
        tap.equal(c.api("GET", "/v1/runs")[1]["items"], [])
        rack.order(c.dir, "fab-b", "sim:login:" + name)
        tap.equal(apply(c)["state"], "done")


def test_a_card_that_does_not_log_out_stops_the_move(builddir):
    """Power is off and the port was said to be shut, but the name server still knows it: nothing is granted."""
    with ready(builddir) as c:
        apply(c)
        rack.order(c.dir, "node1-bmc", "fault:f", spec="apply:power:stuck_session:1")
        rack.order(c.dir, "fab-b", "fault:f", spec="apply:port:1:lie")
        run = c.api("POST", "/v1/runs", {"action": "move", "persona": "web", "machine": "node2"})[1]["id"]

        def waits():
            steps = c.api("GET", "/v1/runs/%d" % run)[1]["steps"]
            return [s["error"]["text"] for s in steps if s["state"] == "intent" and s["error"]]

        tap.contains(wait_until(waits, 20, "the run tells what it waits for")[0], "is still logged in at port 1")
        tap.equal([fabric(c, f)["zones"] for f in ("fab-a", "fab-b")], [{}, {}])
        c.api("POST", "/v1/runs/%d/cancel" % run)
        tap.equal(c.ended(run)["state"], "rolled_back")
        assert "2" not in [v["port"] for v in fabric(c, "fab-b")["logins"].values()], "it logged in at the new place"


def test_one_fabric_that_is_silent_is_a_warning_and_two_are_a_failure(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "fab-b", "fault:f", spec="*:*:unreachable")
        plan = c.persona("plan", "web", "--on", "node1").expect(0)
        tap.contains(plan.out + plan.err, "fab-b does not answer: web gets no path by its vhba hba1")
        tap.equal(apply(c)["state"], "done")
        array_map = rack.state(c.dir)["arrays"]["san1"]["maps"]["web"]
        tap.equal(array_map["initiators"], [wwpns(c)["hba0"]], "who comes over the silent fabric is not let in")
        tap.equal(len(array_map["sessions"]), 1)
        # What is left behind on a silent fabric cannot be fenced: a person has to say that it stays off.
        c.persona("move", "web", "--to", "node2").expect(6, "the port of node1 there cannot be shut", "persona fence confirm node1")
        rack.order(c.dir, "fab-a", "fault:f", spec="*:*:unreachable")
        c.persona("move", "web", "--to", "node2").expect(6, "no fabric answers by which web reaches san1")


def test_paths_that_do_not_come_up_fail_the_run_only_when_all_do_not(builddir):
    def failed(run):
        return [s["device"] for s in run["steps"] if s["object"].startswith("path:") and s["error"]]

    for dark in (["fab-b"], ["fab-a", "fab-b"]):
        # That its power is on is proof enough for it, so that paths alone decide.
        with ready(builddir, role={"proof": {"within": "2s", "power": "on"}}) as c:
            apply(c)
            c.run_to_end(action="release", persona="web")  # which shuts the ports
            for name in dark:
                rack.order(c.dir, name, "fault:f", spec="apply:port:*:lie")  # and now it only says that it opens them
            run = apply(c)
            tap.equal(failed(run), dark)
            if len(dark) == 1:
                tap.equal(run["state"], "done", run)
                tap.equal(len(rack.state(c.dir)["arrays"]["san1"]["maps"]["web"]["sessions"]), 1)
            else:
                tap.equal(run["state"], "rolled_back", run)
                tap.contains(run["error"]["text"], "none of the paths of web is up")


def test_a_zone_that_somebody_takes_away_is_drift_and_is_repaired(builddir):
    with ready(builddir) as c:
        apply(c)
        rack.order(c.dir, "fab-a", "sim:zone:web.hba0", exists=False)
        r = c.persona("drift", "--now")
        tap.contains(r.out, "the zone of web's vhba hba0 on fab-a has gone")
        tap.equal(c.run_to_end(action="repair", persona="web")["state"], "done")
        tap.equal(fabric(c, "fab-a")["zones"]["web.hba0"]["generation"], 1)
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "on")
        c.persona("drift", "--now").expect(0, "No drift")


def test_zones_of_nobody_are_listed_and_swept(builddir):
    with ready(builddir) as c:
        apply(c)
        rack.order(c.dir, "fab-a", "sim:zone:ghost.hba0", name="recast_ghost_hba0_g7", members=["20:00:02:ca:57:00:99:99"],
                   kind="peer", generation=7, owner="ghost")
        tap.contains(c.persona("drift", "--now").out, "recast_ghost_hba0_g7")
        tap.equal(c.run_to_end(action="sweep")["state"], "done")
        tap.equal(list(fabric(c, "fab-a")["zones"]), ["web.hba0"])


def test_a_machine_whose_bmc_is_dead_has_its_fabric_ports_shut(builddir):
    with ready(builddir) as c:
        apply(c)
        rack.order(c.dir, "node1-bmc", "fault:f", spec="*:*:unreachable")
        plan = c.api("POST", "/v1/plans", {"action": "move", "persona": "web", "machine": "node2"})[1]
        shut = [s["object"] for s in plan["steps"] if s["class"] == "fabric" and s["phase"] == "park"]
        tap.equal(sorted(shut), ["port:1", "port:1"])
        run = apply(c, machine="node2", action="move")
        tap.equal(run["state"], "done", run)
        for fab, vhba in (("fab-a", "hba0"), ("fab-b", "hba1")):
            tap.equal(fabric(c, fab)["ports"], {"1": {"enabled": False}})
            tap.equal({v["port"] for v in fabric(c, fab)["logins"].values()}, {"2"})
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "quarantined")
        # Once it is known to be off, the next role opens them again.
        rack.order(c.dir, "node1-bmc", "fault:f", exists=False)
        wait_until(lambda: c.persona("machine", "return", "node1", "--wait").code == 0, 30, "node1 returns")
        tap.equal(apply(c, machine="node1", action="move")["state"], "done")
        tap.equal(fabric(c, "fab-a")["ports"]["1"]["enabled"], True)


def test_a_full_zone_database_and_an_open_fabric_are_told_by_the_plan(builddir):
    with ready(builddir) as c:
        c.api("POST", "/v1/plans", {"action": "apply", "persona": "web", "machine": "node1"})
        rack.order(c.dir, "fab-a", "sim:capacity", limit=100)
        r = c.persona("plan", "web", "--on", "node1").expect(4)
        tap.contains(r.err, "the zone database of fab-a is full")


def test_what_is_wrong_with_vhbas_is_said_when_they_are_defined(builddir):
    with ready(builddir) as c:
        def refused(doc, text):
            r = c.persona("define", "-f", "-", input=json.dumps(doc))
            assert r.code != 0, r.out
            tap.contains(r.err, text)

        refused(rack.fc_persona("web_1"), "may hold a-z 0-9 and - only")
        refused(rack.fc_persona("w" * 50), "42 characters together")
        refused(rack.fc_persona("x", vhbas={"h": {"fabric": "fab-z"}}), "there is no fabric `fab-z`")
        refused(rack.fc_persona("x", vhbas={"h": {"fabric": "fab-a", "wwpn": "10:00"}}), "neither auto nor a WWN")
        refused(rack.fc_persona("x", vhbas={"h%d" % n: {"fabric": "fab-a"} for n in range(33)}), "more than 32 vhbas")
        refused(rack.fc_persona("x", boot={"method": "ipxe-iscsi"}), "cannot boot from it")
        refused(rack.persona("x", boot={"method": "hba"}), "reached over iSCSI")


def test_a_model_of_machines_limits_what_a_persona_may_have(builddir):
    with ready(builddir) as c:
        doc = rack.fc_site(c.dir)
        doc["models"] = {"small": {"vhbas": 1}}
        doc["machines"]["node1"]["model"] = "small"
        c.define(doc)
        r = c.persona("apply", "web", "--on", "node1").expect(4)
        tap.contains(r.err, "web has 2 vhbas, but a machine of model small such as node1 can have 1")
        tap.equal(apply(c, machine="node2")["state"], "done")


def test_thirty_two_vhbas_share_the_cards_of_a_machine(builddir):
    with Controller(builddir) as c:
        vhbas = {"v%d" % n: {"fabric": "fab-a" if n % 2 else "fab-b", "wwpn": "auto"} for n in range(32)}
        c.define(rack.fc_site(c.dir), rack.fc_persona("web", vhbas=vhbas))
        run = apply(c)
        tap.equal(run["state"], "done", run)
        tap.equal(len(set(wwpns(c).values())), 32)
        tap.equal([len(fabric(c, f)["zones"]) for f in ("fab-a", "fab-b")], [16, 16])
        tap.equal([fabric(c, f)["activations"] for f in ("fab-a", "fab-b")], [1, 1])
        tap.equal(len(rack.state(c.dir)["arrays"]["san1"]["maps"]["web"]["sessions"]), 32)
