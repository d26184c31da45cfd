# SPDX-License-Identifier: GPL-3.0-or-later
"""Fencing: a role leaves a machine whose BMC is dead only when storage and ports are taken from it, or on the word
of a person; and a volume is granted only when nobody else can reach it."""
import rack
import tap
from controller import wait_until
from test_faults import WEB1
from test_mock import ready


def maps(c, array="san1"):
    return {n: m["luns"] for n, m in rack.state(c.dir)["arrays"][array]["maps"].items() if m.get("exists", True)}


def dead(c, bmc):
    rack.order(c.dir, bmc, "fault:dead", spec="*:*:unreachable")


def alive(c, bmc):
    rack.order(c.dir, bmc, "fault:dead", exists=False)
    c.api("GET", "/v1/machines/node3/power")  # the mock takes orders with its next request
    wait_until(lambda: c.api("GET", "/v1/machines/%s/power" % bmc.replace("-bmc", ""))[0] == 200, what="the BMC answers again")


def test_a_role_leaves_a_machine_whose_bmc_is_dead_fenced_by_array_and_switch(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        dead(c, "node1-bmc")
        c.persona("plan", "web", "--to", "node2").expect(0, "F2", "does not answer", "node1")
        run = c.run_to_end(action="move", persona="web", machine="node2")
        tap.equal(run["state"], "done", run)
        off = [s for s in run["steps"] if s["phase"] == "off" and s["device"] == "node1-bmc"][0]
        tap.equal(off["state"], "failed")
        seen = {s["phase"]: s["ended"] for s in run["steps"] if s["state"] == "done"}
        assert seen["unmap"] <= seen["verify"] <= seen["grant"], seen
        tap.equal(list(maps(c)), ["web"])
        ports = rack.state(c.dir)["switches"]["leaf1"]["ports"]
        tap.equal({p: ports[p]["native"] for p in ("node1-eth0", "node1-eth1")}, {"node1-eth0": 4000, "node1-eth1": 4000})
        node1 = c.api("GET", "/v1/machines/node1")[1]
        tap.equal(node1["state"], "quarantined")
        tap.contains(node1["reason"], "BMC did not answer")
        # It is not picked, and not taken when it is named, until somebody returns it.
        c.persona("apply", "db", "--on", "node1").expect(4, "quarantined", "persona machine return node1")
        alive(c, "node1-bmc")
        c.persona("machine", "return", "node1", "--wait").expect(0)
        tap.equal(c.run_to_end(action="apply", persona="db", machine="node1")["state"], "done")


def test_without_the_array_a_dead_bmc_is_not_fenced_and_the_role_stays(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        dead(c, "node1-bmc")
        rack.order(c.dir, "san1", "fault:f", spec="apply:map:*:refuse:1")
        run = c.run_to_end(action="move", persona="web", machine="node2")
        tap.equal(run["state"], "rolled_back", run)
        tap.equal(c.api("GET", "/v1/personas/web")[1]["machine"], "node1")
        tap.equal(list(maps(c)), ["web"])


def test_a_swap_needs_both_bmcs(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        c.run_to_end(action="apply", persona="db", machine="node2")
        dead(c, "node1-bmc")
        c.persona("swap", "web", "db").expect(6, "unknown is never off")
        tap.equal(c.api("GET", "/v1/personas/web")[1]["state"], "active")


def test_a_word_that_a_machine_is_off_is_taken_only_when_its_bmc_is_silent(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        c.persona("fence", "confirm", "node1").expect(2, "--because is missing")
        c.persona("fence", "confirm", "node1", "--because", "I am sure").expect(4, "says that it is on", "persona power off node1")
        c.persona("fence", "confirm", "node2", "--because", "I am sure").expect(4, "no word is needed")
        dead(c, "node1-bmc")
        c.persona("fence", "confirm", "node1", "--because", "both cords are pulled").expect(0, "quarantined")
        node1 = c.api("GET", "/v1/machines/node1")[1]
        tap.equal(node1["state"], "quarantined")
        tap.contains(node1["reason"], "both cords are pulled")
        tap.contains(node1["reason"], "uid 0")
        c.kill9()
        c.start()
        c.persona("plan", "web", "--to", "node2").expect(0, "person's word")
        run = c.run_to_end(action="move", persona="web", machine="node2")
        tap.equal(run["state"], "done", run)
        assert not [s for s in run["steps"] if s["device"] == "node1-bmc"], "the dead BMC was asked"
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "quarantined")
        alive(c, "node1-bmc")
        c.persona("machine", "return", "node1", "--wait").expect(0)
        # The word ended with the return: power is read again.
        run = c.run_to_end(action="apply", persona="db", machine="node1")
        tap.equal(run["state"], "done", run)
        assert [s for s in run["steps"] if s["device"] == "node1-bmc" and s["phase"] == "off"]


def test_a_volume_that_somebody_mapped_under_way_is_not_granted(builddir):
    with ready(builddir) as c:
        c.run_to_end(action="apply", persona="db", machine="node2")
        rack.order(c.dir, "leaf1", "fault:slow", spec="apply:port:*:again:300")
        run = c.api("POST", "/v1/runs", WEB1)[1]["id"]
        wait_until(lambda: any(s["phase"] == "prepare" and s["state"] == "intent"
                               for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]), what="the ports are being set")
        rack.order(c.dir, "san1", "sim:map:iqn.2026-01.example:intruder", volume="web-root")
        rack.order(c.dir, "leaf1", "fault:slow", exists=False)
        end = c.ended(run)
        tap.equal(end["state"], "rolled_back", end)
        tap.contains(end["error"]["text"], "example:intruder")
        assert not [s for s in end["steps"] if s["phase"] == "grant" and s["state"] != "skipped"], "it was granted"
