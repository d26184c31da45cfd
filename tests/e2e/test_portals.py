# SPDX-License-Identifier: GPL-3.0-or-later
"""Several portals of one array: every path is seen in the end; one that is missing is a warning, all are a failure."""
import urllib.request

import rack
import tap
from certificates import free_port
from controller import Controller


def site(dir, portals=("10.66.20.1:3260", "10.66.30.1:3260")):
    doc = rack.site(dir)
    doc["networks"]["storage-b"] = {"vlan": 30, "subnet": "10.66.30.0/24", "pool": "10.66.30.10-10.66.30.250"}
    doc["arrays"]["san1"]["portals"] = list(portals)
    for i in range(1, 4):
        doc["machines"]["node%d" % i]["nics"]["eth2"] = {"mac": "52:54:00:00:%02x:03" % i, "port": "leaf1/node%d-eth2" % i}
    return doc


def persona(**more):
    doc = rack.persona("web", **more)
    doc["vnics"]["eth2"] = {"network": "storage-b", "address": "auto"}
    return doc


def ready(builddir, *portals, options=(), **more):
    c = Controller(builddir, options=options)
    c.define(site(c.dir, *([portals] if portals else [])), persona(**more))
    return c


def paths(run):
    return {s["object"][5:]: (s["state"], (s["error"] or {}).get("code")) for s in run["steps"] if s["object"].startswith("path:")}


def sessions(c):
    return sorted(s["address"] for s in rack.state(c.dir)["arrays"]["san1"]["maps"]["web"]["sessions"])


def test_both_portals_are_in_the_plan_and_seen_in_the_end(builddir):
    with ready(builddir) as c:
        c.persona("plan", "web", "--on", "node1").expect(0, "by portal 10.66.20.1:3260", "by portal 10.66.30.1:3260")
        run = c.run_to_end(action="apply", persona="web", machine="node1")
        tap.equal(run["state"], "done", run)
        tap.equal(paths(run), {"10.66.20.1:3260": ("done", None), "10.66.30.1:3260": ("done", None)})
        tap.equal([a[:9] for a in sessions(c)], ["10.66.20.", "10.66.30."])


def test_one_path_less_is_a_warning(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "san1", "sim:path:10.66.30.10")
        c.persona("apply", "web", "--on", "node1").expect(0)
        run = c.ended(1)
        tap.equal(run["state"], "done", run)
        tap.equal(paths(run), {"10.66.20.1:3260": ("done", None), "10.66.30.1:3260": ("done", "unreachable")})
        c.persona("run", "show", "1").expect(0, "10.66.30.1:3260", "gave no sign in time")


def test_a_role_that_is_up_and_has_no_path_is_rolled_back(builddir):
    # That its power is on is proof enough for it.
    with ready(builddir, proof={"within": "3s", "power": "on"}) as c:
        for address in ("10.66.20.10", "10.66.30.10"):
            rack.order(c.dir, "san1", "sim:path:" + address)
        run = c.run_to_end(action="apply", persona="web", machine="node1")
        tap.equal(run["state"], "rolled_back", run)
        tap.contains(run["error"]["text"], "none of the paths of web to san1 is up")


def test_the_boot_script_has_both_portals(builddir):
    port = free_port()
    with ready(builddir, options=["boot_listen=127.0.0.1:%d" % port]) as c:
        c.run_to_end(action="apply", persona="web", machine="node1")
        with urllib.request.urlopen("http://127.0.0.1:%d/boot/ipxe?mac=52:54:00:00:01:01&uuid=a1" % port, timeout=20) as answer:
            script = answer.read().decode()
        first, second = script.index("sanboot iscsi:10.66.20.1::3260:1:"), script.index("sanboot iscsi:10.66.30.1::3260:1:")
        assert first < second, script
        for mac, address in (("52:54:00:00:01:02", "10.66.20.10"), ("52:54:00:00:01:03", "10.66.30.10")):
            part = script[script.index("iseq ${net0/mac} " + mac):]
            assert part.index("set ${recast_nic}/ip " + address) < part.index("ifopen") < part.index("stage=script"), script


def test_a_portal_that_no_vnic_reaches_is_said_in_the_plan(builddir):
    with ready(builddir, "10.66.20.1:3260", "10.66.99.1:3260") as c:
        c.persona("plan", "web", "--on", "node1").expect(0, "no vnic of web has an address in the network of portal 10.66.99.1:3260 of san1")
        tap.equal(paths(c.run_to_end(action="apply", persona="web", machine="node1")), {"10.66.20.1:3260": ("done", None)})


def test_two_portals_by_one_vnic_are_two_sessions(builddir):
    with ready(builddir, "10.66.20.1:3260", "10.66.20.2:3260") as c:
        run = c.run_to_end(action="apply", persona="web", machine="node1")
        tap.equal(paths(run), {"10.66.20.10#1": ("done", None), "10.66.20.10#2": ("done", None)})
        tap.equal(len(sessions(c)), 2)
