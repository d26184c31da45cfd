# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift, repair, orphans, adoption, the way out of quarantine, and changes of a role that runs."""
import json
import os

import rack
import tap
from controller import Controller, wait_until
from test_faults import WEB1
from test_mock import ready


def port(c, name):
    return rack.state(c.dir)["switches"]["leaf1"]["ports"][name]


def maps(c, array="san1"):
    return {n: m for n, m in rack.state(c.dir)["arrays"][array]["maps"].items() if m.get("exists", True)}


def found(c, persona=None, now=True):
    path = "/v1/drift" + ("/check" if now else "") + ("?persona=" + persona if persona else "")
    status, answer = c.api("POST" if now else "GET", path)
    tap.equal(status, 200, answer)
    return answer


def kinds(answer):
    return [(i["persona"], i["device"], i["object"], i["what"]) for i in answer["items"]]


def rewire(c, name, **set):
    rack.order(c.dir, "leaf1", "sim:port:" + name, **set)


def forget_everything(c):
    """The controller loses its database; the rack stays as it is."""
    c.stop()
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(c.database + suffix):
            os.unlink(c.database + suffix)
    c.start()


def test_drift_is_found_with_its_time_and_goes_when_it_is_put_right(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        tap.equal(found(c)["items"], [])
        c.persona("drift").expect(0, "No drift")
        rewire(c, "node1-eth0", native=666)
        rack.order(c.dir, "node1-bmc", "sim:power", power="off")
        answer = found(c)
        tap.equal(kinds(answer), [("web", "leaf1", "port:node1-eth0", "port"), ("web", "node1-bmc", "power", "power")])
        item = answer["items"][0]
        tap.equal((item["found"]["native"], item["wanted"]["native"], item["impact"], item["repairable"]), (666, 110, "link-blip", True))
        c.kill9()
        c.start()
        again = found(c, now=False)["items"]  # nothing was read since: it is from the database
        tap.equal([i["since"] for i in again], [i["since"] for i in answer["items"]])
        c.persona("drift", "web", "--now").expect(1, "VLAN 666", "by hand", "node1 is off")
        c.persona("drift", "db").expect(0, "No drift")
        c.persona("drift", "nobody").expect(3, "no persona")
        c.persona("drift", "No Body").expect(2, "is not the name")
        rewire(c, "node1-eth0", native=110)
        rack.order(c.dir, "node1-bmc", "sim:power", power="on")
        tap.equal(found(c)["items"], [])
        states = [e["doc"]["state"] for e in events(c, "drift")]
        tap.equal(sorted(states), ["found", "found", "gone", "gone"])


def events(c, kind):
    done = c.persona("watch", "-o", "json", "--run", "1")  # the whole history of run 1, to know that the stream works
    assert done.code == 0, done
    import sqlite3
    db = sqlite3.connect("file:%s?mode=ro" % backup(c), uri=True)
    try:
        return [{"doc": json.loads(doc)} for (doc,) in db.execute("SELECT doc FROM event WHERE type = ? ORDER BY seq", (kind,))]
    finally:
        db.close()


def backup(c):
    path = os.path.join(c.dir, "copy.db")
    if os.path.exists(path):
        os.unlink(path)
    c.persona("backup", path).expect(0)
    return path


def test_a_repair_puts_ports_and_maps_back_while_the_role_runs(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        rewire(c, "node1-eth0", native=666, description="mine")
        rack.order(c.dir, "san1", "sim:map:web", exists=False)
        tap.equal([k[3] for k in kinds(found(c))], ["port", "map"])
        run = c.run_to_end(action="repair", persona="web")
        tap.equal(run["state"], "done", run)
        assert not [s for s in run["steps"] if s["device"].endswith("-bmc")], "a repair touched the power"
        tap.equal(port(c, "node1-eth0")["native"], 110)
        tap.equal(maps(c)["web"]["generation"], 1)
        tap.equal(found(c)["items"], [])
        c.persona("repair", "web").expect(0, "nothing to do")
        c.persona("repair", "db").expect(4, "plays on no machine")
        # What would need the power to go off is refused, with the command that does it.
        rack.order(c.dir, "san1", "sim:map:web", exists=False)
        rack.order(c.dir, "san1", "sim:map:iqn.2026-01.example:intruder", volume="web-root")
        c.persona("repair", "web").expect(4, "mapped elsewhere")


def test_a_persona_that_wants_it_is_repaired_by_itself_and_given_up_when_somebody_fights(builddir):
    with Controller(builddir, options=["reconcile_interval=1s"]) as c:
        c.define(rack.site(c.dir), rack.persona("web", reconcile="repair"), rack.persona("db", "db"))
        c.run_to_end(**WEB1)
        c.run_to_end(action="apply", persona="db", machine="node2")
        rewire(c, "node1-eth0", native=666)
        rewire(c, "node2-eth0", native=666)
        wait_until(lambda: port(c, "node1-eth0")["native"] == 110, what="web is repaired")
        wait_until(lambda: kinds(found(c, now=False)) == [("db", "leaf1", "port:node2-eth0", "port")], what="db's drift is only told")
        repairs = [r for r in c.api("GET", "/v1/runs")[1]["items"] if r["action"] == "repair"]
        tap.equal([(r["persona"], r["state"]) for r in repairs], [("web", "done")])
        # Again at once: the pause after a repair keeps it from a fight.
        rewire(c, "node1-eth0", native=667)
        wait_until(lambda: ("web", "leaf1", "port:node1-eth0", "port") in kinds(found(c, now=False)), what="the new drift is told")
        tap.equal(len([r for r in c.api("GET", "/v1/runs")[1]["items"] if r["action"] == "repair"]), 1)


def test_nothing_is_judged_under_an_open_run(builddir):
    with Controller(builddir, options=["reconcile_interval=1s"]) as c:
        c.define(rack.site(c.dir), rack.persona("web", reconcile="repair"), rack.persona("db", "db"))
        c.run_to_end(**WEB1)
        rack.order(c.dir, "san1", "fault:slow", spec="apply:map:*:again:300")
        run = c.api("POST", "/v1/runs", dict(action="move", persona="web", machine="node2"))[1]["id"]
        wait_until(lambda: any(s["phase"] == "unmap" and s["state"] == "intent" for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]),
                   what="the map is being removed")
        tap.equal(found(c)["items"], [])  # the machine is off and its map is going: not drift
        rack.order(c.dir, "san1", "fault:slow", exists=False)
        tap.equal(c.ended(run)["state"], "done")
        tap.equal(found(c)["items"], [])
        tap.equal([r["action"] for r in c.api("GET", "/v1/runs")[1]["items"]], ["move", "apply"])


def test_what_is_marked_and_nobodys_is_listed_and_swept(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        c.run_to_end(action="apply", persona="db", machine="node2")
        forget_everything(c)
        c.define(rack.site(c.dir), rack.persona("web"))
        orphans = found(c)["orphans"]
        tap.equal(sorted(o["object"] for o in orphans),
                  ["map:db", "map:web", "port:node1-eth0", "port:node1-eth1", "port:node2-eth0", "port:node2-eth1"])
        c.persona("drift").expect(0, "persona sweep", "db plays nowhere")
        # web is taken back as it runs: same generation, nothing written.
        before = rack.state(c.dir)
        c.persona("adopt", "web").expect(2, "needs --on")
        c.persona("adopt", "web", "--on", "node1").expect(0, "--take")
        c.persona("adopt", "web", "--on", "node2").expect(4, "is not wired as web", "nothing was changed")
        c.persona("adopt", "web", "--on", "node2", "--take").expect(4, "is not that of web")
        c.persona("adopt", "web", "--on", "node1", "--take", "--wait").expect(0)
        tap.equal(rack.state(c.dir)["arrays"]["san1"]["maps"], before["arrays"]["san1"]["maps"])
        tap.equal(rack.state(c.dir)["switches"], before["switches"])
        web = c.api("GET", "/v1/personas/web")[1]
        tap.equal((web["machine"], web["generation"], web["state"]), ("node1", 1, "active"))
        c.persona("adopt", "web", "--on", "node1", "--take").expect(4, "plays on node1 already")
        # The rest is db's, whom nobody knows.
        c.persona("sweep", "--dry-run").expect(0, "unmap db on san1", "park port leaf1/node2-eth0")
        tap.equal(sorted(maps(c)), ["db", "web"])
        c.persona("sweep", "--wait").expect(0)
        tap.equal(list(maps(c)), ["web"])
        tap.equal([port(c, "node2-eth%d" % i)["native"] for i in (0, 1)], [4000, 4000])
        tap.equal(port(c, "node1-eth0")["native"], 110)
        tap.equal(found(c)["orphans"], [])
        c.persona("sweep", "--dry-run").expect(0, "Nothing to sweep")
        # An adopted role is one like any other.
        tap.equal(c.run_to_end(action="move", persona="web", machine="node3")["state"], "done")


def test_a_machine_comes_out_of_quarantine_off_unmapped_and_parked(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        rack.order(c.dir, "node1-bmc", "fault:dead", spec="*:*:unreachable")
        tap.equal(c.run_to_end(action="move", persona="web", machine="node3")["state"], "done")
        c.persona("machine", "return", "node1").expect(6, "unknown is never off")
        rack.order(c.dir, "node1-bmc", "fault:dead", exists=False)
        c.api("GET", "/v1/machines/node3/power")  # the mock takes orders with its next request
        wait_until(lambda: c.api("GET", "/v1/machines/node1/power")[0] == 200, what="the BMC answers again")
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "quarantined")
        rewire(c, "node1-eth0", native=110)  # whatever somebody did to it meanwhile
        rack.order(c.dir, "node1-bmc", "sim:power", power="on")
        c.persona("machine", "return", "nod1").expect(3, "node1")
        c.persona("machine", "return", "node1", "--wait").expect(0)
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "off")
        tap.equal(port(c, "node1-eth0")["native"], 4000)
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "free")
        c.persona("machine", "return", "node1").expect(4, "is not quarantined")


def test_a_role_that_was_rolled_back_runs_again(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        rack.order(c.dir, "san1", "fault:f", spec="apply:map:*:stiff:1:1")  # the new map, after the old one has gone
        run = c.run_to_end(action="move", persona="web", machine="node2")
        tap.equal(run["state"], "rolled_back", run)
        restored = [(s["object"], s["state"]) for s in run["steps"] if s["phase"] == "restore"]
        assert ("power", "done") in restored and ("proof", "done") in restored, run["steps"]
        tap.equal(port(c, "node1-eth0")["native"], 110)
        tap.equal(rack.state(c.dir)["bmcs"]["node1-bmc"]["power"], "on")
        assert maps(c)["web"]["sessions"], "the role has no session"
        tap.equal(found(c)["items"], [])


def test_three_roles_change_places_in_one_run(builddir):
    with ready(builddir, personas=(("web", "web"), ("db", "db"), ("batch", "web"))) as c:
        for i, name in enumerate(("web", "db", "batch")):
            c.run_to_end(action="apply", persona=name, machine="node%d" % (i + 1))
        c.persona("plan", "--swap", "web", "db", "batch").expect(0, "power on node2 as web", "power on node3 as db", "power on node1 as batch")
        c.persona("swap", "web", "db", "web").expect(2, "cannot swap with itself")
        c.persona("swap", "web", "db", "batch", "--wait").expect(0)
        places = {n: c.api("GET", "/v1/personas/" + n)[1]["machine"] for n in ("web", "db", "batch")}
        tap.equal(places, {"web": "node2", "db": "node3", "batch": "node1"})
        tap.equal(port(c, "node1-eth1")["description"], "recast batch#2 eth1")  # its VLAN did not change, its owner did


def test_a_running_role_gets_a_volume_and_a_network_without_a_reboot(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        more = rack.persona("web")
        more["volumes"]["data"] = {"array": "san1", "volume": "web-data", "size": "64MiB", "lun": 2}
        more["vnics"]["eth1"]["trunk"] = ["db"]
        c.define(more)
        c.persona("plan", "web").expect(0, "no impact", "add LUNs")
        run = c.run_to_end(action="apply", persona="web")
        tap.equal(run["state"], "done", run)
        assert not [s for s in run["steps"] if s["device"].endswith("-bmc")], run["steps"]
        tap.equal(maps(c)["web"]["luns"], {"1": "web-root", "2": "web-data"})
        tap.equal(maps(c)["web"]["generation"], 1)
        tap.equal(port(c, "node1-eth1")["tagged"], [120])
        tap.equal(found(c)["items"], [])
