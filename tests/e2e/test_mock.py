# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a change on the simulated rack: what people do all day."""
import json
import os
import threading

import rack
import tap
from controller import Controller, wait_until


def ready(builddir, personas=(("web", "web"), ("db", "db")), **site):
    c = Controller(builddir)
    c.define(rack.site(c.dir, **site), *[rack.persona(*p) for p in personas])
    return c


def test_the_plan_in_the_readme_is_the_one_that_is_printed(builddir):
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(top, "README.md"), encoding="utf-8") as f:
        shown = f.read().split("$ persona plan web --on node1\n")[1].split("```")[0]
    with Controller(builddir) as c:
        c.persona("define", os.path.join(top, "lab/mock-rack/site.yaml"), os.path.join(top, "lab/mock-rack/personas")).expect(0)
        plan = c.persona("plan", "web", "--on", "node1")
        tap.equal(plan.out + plan.err, shown)


def test_apply_casts_a_role(builddir):
    with ready(builddir) as c:
        run = c.run_to_end(action="apply", persona="web", machine="node1")
        tap.equal(run["state"], "done")
        world = rack.state(c.dir)
        ports = world["switches"]["leaf1"]["ports"] if "switches" in world else world["ports"]["leaf1"]
        tap.equal((ports["node1-eth0"]["native"], ports["node1-eth1"]["native"]), (110, 20))
        tap.contains(ports["node1-eth0"]["description"], "web#1")
        machine = c.api("GET", "/v1/machines/node1")[1]
        tap.equal((machine["state"], machine["persona"], machine["generation"]), ("active", "web", 1))


def test_apply_twice_plans_nothing_and_writes_nothing(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        before, changes = rack.state(c.dir), c.api("GET", "/v1/status")[1]["counters"]["changes"]
        status, answer = c.api("POST", "/v1/runs", {"action": "apply", "persona": "web", "machine": "node1"})
        tap.equal((status, answer["changes"]), (200, 0))
        tap.equal(c.api("GET", "/v1/status")[1]["counters"]["changes"], changes)
        tap.equal(rack.state(c.dir), before)
        tap.equal(c.api("POST", "/v1/plans", {"action": "apply", "persona": "web"})[1]["steps"], [])


def test_move_takes_disk_and_identity_along(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        ids = c.api("GET", "/v1/personas/web")[1]["identities"]
        run = c.run_to_end(action="move", persona="web", machine="node2")
        tap.equal((run["state"], run["from"], run["machine"]), ("done", "node1", "node2"))
        persona = c.api("GET", "/v1/personas/web")[1]
        tap.equal((persona["machine"], persona["generation"], persona["identities"]), ("node2", 2, ids))
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "off")
        tap.equal(c.api("GET", "/v1/machines/node2/power")[1]["power"], "on")


def test_a_persona_replaces_another_in_one_run(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        c.persona("apply", "db", "--on", "node1").expect(4, "plays web already", "--replace web")
        c.persona("apply", "db", "--on", "node2", "--replace", "web").expect(4, "web does not play on node2")
        c.persona("apply", "db", "--replace", "web").expect(2, "--on")
        c.persona("apply", "db", "--on", "node1", "--replace", "web", "--wait").expect(0)
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["persona"], "db")
        tap.equal(c.api("GET", "/v1/personas/web")[1]["machine"], None)
        tap.equal(list(rack.state(c.dir)["arrays"]["san1"]["maps"]), ["db"])
        # What cannot come leaves the old one where it was; also from another machine.
        c.run_to_end(action="apply", persona="web", machine="node2")
        rack.order(c.dir, "san1", "fault:f", spec="apply:volume:*:refuse")
        rack.order(c.dir, "node1-bmc", "fault:g", spec="apply:boot:refuse:1")
        run = c.run_to_end(action="move", persona="web", machine="node1", **{"with": "db"})
        tap.equal(run["state"], "rolled_back", run)
        tap.equal([c.api("GET", "/v1/machines/node%d" % n)[1]["persona"] for n in (1, 2)], ["db", "web"])
        tap.equal([c.api("GET", "/v1/machines/node%d/power" % n)[1]["power"] for n in (1, 2)], ["on", "on"])
        c.run_to_end(action="move", persona="web", machine="node1", **{"with": "db"})
        tap.equal([c.api("GET", "/v1/machines/node%d" % n)[1]["persona"] for n in (1, 2)], ["web", None])


def test_a_move_breaks_before_it_makes(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        run = c.run_to_end(action="move", persona="web", machine="node2")
        order = {s["phase"]: i for i, s in enumerate(run["steps"])}
        assert order["off"] < order["unmap"] < order["park"] < order["grant"] < order["on"] < order["proof"], order
        ends = {s["phase"]: s["ended"] for s in run["steps"]}
        starts = {s["phase"]: s["started"] for s in reversed(run["steps"])}
        assert ends["off"] <= starts["unmap"] and ends["unmap"] <= starts["grant"], (starts, ends)


def test_swap_is_safe_and_complete(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        c.run_to_end(action="apply", persona="db", machine="node2")
        run = c.run_to_end(action="swap", persona="web", **{"with": "db"})
        tap.equal(run["state"], "done")
        tap.equal([c.api("GET", "/v1/personas/" + p)[1]["machine"] for p in ("web", "db")], ["node2", "node1"])
        last_off = max(s["ended"] for s in run["steps"] if s["phase"] in ("off", "unmap"))
        first_grant = min(s["started"] for s in run["steps"] if s["phase"] == "grant")
        assert last_off <= first_grant, "something was granted before everything old was gone"


def test_release_leaves_the_machine_off_parked_and_unmapped(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        tap.equal(c.run_to_end(action="release", persona="web")["state"], "done")
        plan = c.api("POST", "/v1/plans", {"action": "apply", "persona": "web", "machine": "node1"})[1]
        ports = [s for s in plan["steps"] if s["object"].startswith("port:node1-eth0") and s["phase"] == "prepare"]
        tap.equal(ports[0]["from"]["native"], 4000)
        assert not [s for s in plan["steps"] if s["phase"] == "unmap"], "a map is left"
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "off")


def test_each_activation_has_a_secret_of_its_own(builddir):
    with ready(builddir) as c:
        secrets = set()
        for target in ("node1", "node2", "node1"):
            c.run_to_end(action="apply" if not secrets else "move", persona="web", machine=target)
            text = json.dumps(rack.state(c.dir))
            assert "web.g%d" % (len(secrets) + 1) in text
            secrets.add(text.split("web.g%d" % (len(secrets) + 1))[1][:80])
        tap.equal(len(secrets), 3)


def test_a_saved_plan_is_refused_when_the_world_moved(builddir):
    with ready(builddir) as c:
        path = os.path.join(c.dir, "plan.json")
        c.persona("plan", "web", "--on", "node1", "-o", path).expect(0)
        c.persona("plan", "web", "--on", "node1", "-o", os.path.join(c.dir, "same.json")).expect(0)
        with open(path) as a, open(os.path.join(c.dir, "same.json")) as b:
            tap.equal(json.load(a)["id"], json.load(b)["id"], "an unchanged world plans alike")
        c.run_to_end(action="apply", persona="db", machine="node1")
        c.run_to_end(action="release", persona="db")
        before = rack.state(c.dir)
        c.persona("apply", "--plan", path, "--wait").expect(4, "changed")
        tap.equal(rack.state(c.dir), before)
        c.persona("plan", "web", "--on", "node1", "-o", path).expect(0)
        c.persona("apply", "--plan", path, "--wait").expect(0)


def test_two_applies_that_race_for_a_machine_give_one_run(builddir):
    with ready(builddir) as c:
        answers = []

        def apply(persona):
            answers.append(c.api("POST", "/v1/runs", {"action": "apply", "persona": persona, "machine": "node1"}))
        threads = [threading.Thread(target=apply, args=(p,)) for p in ("web", "db")]
        [t.start() for t in threads]
        [t.join() for t in threads]
        tap.equal(sorted(status for status, _ in answers), [202, 409])
        loser = [a for status, a in answers if status == 409][0]
        tap.equal(loser["code"], "conflict")
        tap.contains(loser["detail"], "node1")
        tap.equal(c.ended([a for status, a in answers if status == 202][0]["id"])["state"], "done")


def test_the_same_idempotency_key_gives_one_run(builddir):
    with ready(builddir) as c:
        wish, key = {"action": "apply", "persona": "web", "machine": "node1"}, {"Idempotency-Key": "k1"}
        first = c.api("POST", "/v1/runs", wish, key)[1]
        again = c.api("POST", "/v1/runs", wish, key)[1]
        tap.equal(again["id"], first["id"])
        c.ended(first["id"])
        tap.equal(c.api("POST", "/v1/runs", wish, key)[1]["id"], first["id"])


def test_a_machine_is_chosen_by_fit_and_spares_stay_free(builddir):
    with Controller(builddir) as c:
        site = rack.site(c.dir)
        site["machines"]["node1"]["arch"] = "aarch64"
        site["groups"]["blades"]["spares"] = 1
        c.define(site, rack.persona("web", requires={"arch": "x86_64", "group": "blades"}),
                 rack.persona("db", "db", requires={"arch": "x86_64", "group": "blades"}))
        tap.equal(c.run_to_end(action="apply", persona="web")["machine"], "node2")
        c.persona("apply", "db").expect(0)
        c.define(rack.persona("third", requires={"group": "blades"}))
        c.persona("apply", "third").expect(4, "spare")


def test_trunk_and_rate_reach_the_port(builddir):
    with Controller(builddir) as c:
        web = rack.persona("web")
        web["vnics"]["eth0"].update(trunk=["db"], bandwidth="2Gbit")
        c.define(rack.site(c.dir), web)
        tap.equal(c.run_to_end(action="apply", persona="web", machine="node1")["state"], "done")
        tap.contains(json.dumps(rack.state(c.dir), sort_keys=True), '"tagged": [120]')
        tap.contains(json.dumps(rack.state(c.dir), sort_keys=True), '"rate_kbit": 2000000')


def test_a_changed_network_of_a_running_persona_needs_no_reboot(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        changed = rack.persona("web", "db")
        changed["vnics"]["eth0"]["address"] = "auto"
        c.define(changed)
        plan = c.api("POST", "/v1/plans", {"action": "apply", "persona": "web"})[1]
        tap.equal((plan["impact"], len(plan["steps"])), ("link-blip", 1))
        tap.equal(c.run_to_end(action="apply", persona="web")["state"], "done")
        tap.equal(c.api("GET", "/v1/personas/web")[1]["generation"], 1)


def test_power_is_a_run_and_reads_back(builddir):
    with ready(builddir) as c:
        c.persona("power", "on", "node3", "--wait").expect(0)
        c.persona("power", "status", "node3").expect(0, "on")
        c.persona("power", "off", "node3", "--wait").expect(0)
        c.persona("power", "status", "node3").expect(0, "off")


def test_powering_on_a_role_applies_it_again(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        c.persona("power", "off", "node1", "--wait").expect(0)
        c.persona("power", "on", "node1", "--wait").expect(0)
        tap.equal(c.api("GET", "/v1/personas/web")[1]["generation"], 2)


def test_cancel_undoes_what_was_done(builddir):
    with ready(builddir, power_ms=0) as c:
        rack.order(c.dir, "node1-bmc", "fault:deaf", spec="apply:power:no_boot")
        before = c.api("POST", "/v1/plans", {"action": "apply", "persona": "web", "machine": "node1"})[1]["observed_hash"]
        run = c.api("POST", "/v1/runs", {"action": "apply", "persona": "web", "machine": "node1"})[1]["id"]
        wait_until(lambda: any(s["phase"] == "proof" and s["state"] == "intent"
                               for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]), what="the proof is waited for")
        c.persona("run", "cancel", str(run)).expect(0)
        end = c.ended(run)
        tap.equal(end["state"], "rolled_back")
        tap.contains(end["error"]["text"], "cancelled by uid")
        after = c.api("POST", "/v1/plans", {"action": "apply", "persona": "web", "machine": "node1"})[1]
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "free")
        assert not [s for s in after["steps"] if s["phase"] == "unmap"] and before, "the map of the undone run is left"


def test_watch_and_events_tell_the_story(builddir):
    with ready(builddir) as c:
        run = c.run_to_end(action="apply", persona="web", machine="node1")
        c.persona("watch", "--run", str(run["id"])).expect(0, "Done", "power on node1 as web")


def test_templates_merge_and_identities_stay(builddir):
    with Controller(builddir) as c:
        web = rack.persona("web")
        template = {"template": "base", "requires": {"arch": "x86_64"}, "boot": web.pop("boot")}
        web["from"] = "base"
        c.define(rack.site(c.dir), template, web)
        document = c.api("GET", "/v1/personas/web")[1]["document"]
        tap.equal((document["requires"], document["boot"]["method"]), ({"arch": "x86_64"}, "ipxe-iscsi"))
        ids = c.api("GET", "/v1/personas/web")[1]["identities"]
        web["description"] = "changed"
        c.define(web)
        tap.equal(c.api("GET", "/v1/personas/web")[1]["identities"], ids)


def test_a_released_identity_is_not_given_out_again_at_once(builddir):
    with ready(builddir) as c:
        mac = [i["value"] for i in c.api("GET", "/v1/personas/web")[1]["identities"] if i["kind"] == "mac"][0]
        c.persona("delete", "persona", "web").expect(0)
        thief = rack.persona("thief")
        thief["vnics"]["eth0"]["mac"] = mac
        answer = c.api("POST", "/v1/define", {"documents": [{"name": "x", "value": thief}]})
        tap.equal(answer[0], 422)
        tap.contains(answer[1]["errors"][0]["detail"], "released by persona web")
        thief["vnics"]["eth0"]["mac"] = "auto"
        c.define(thief)
        assert mac not in json.dumps(c.api("GET", "/v1/personas/thief")[1]["identities"])


def test_backup_while_running_opens_as_a_controller(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        path = os.path.join(c.dir, "copy.db")
        c.persona("backup", path).expect(0)
        c.persona("backup", path).expect(4, "exists")
        c.stop()
        os.rename(path, c.database)
        for junk in ("-wal", "-shm"):
            if os.path.exists(c.database + junk):
                os.unlink(c.database + junk)
        c.start()
        tap.equal(c.api("GET", "/v1/personas/web")[1]["machine"], "node1")


def test_doctor_finds_nothing_wrong_on_a_good_rack(builddir):
    with ready(builddir) as c:
        answer = c.api("GET", "/v1/doctor")[1]
        assert answer["ok"], answer
        c.persona("doctor").expect(0, "leaf1", "san1", "node1-bmc")


def test_a_changed_device_or_secret_is_taken_up_at_once(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        site = rack.site(c.dir)
        site["switches"]["leaf1"]["latency_ms"] = 1
        for machine in site["machines"].values():
            machine["bmc"]["secret"] = "bmc"
        c.persona("secret", "set", "bmc", "-", input="one\n").expect(0)
        c.define(site)
        tap.equal(c.run_to_end(action="move", persona="web", machine="node2")["state"], "done")
        c.persona("secret", "set", "bmc", "-", input="two\n").expect(0)
        tap.equal(c.run_to_end(action="move", persona="web", machine="node1")["state"], "done")
        site["machines"]["node2"]["bmc"]["secret"] = "nosuch"
        c.define(site)
        c.persona("power", "status", "node2").expect(3, "there is no secret `nosuch`", "persona secret set nosuch")
