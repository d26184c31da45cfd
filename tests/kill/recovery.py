# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes until everything goes on: recastd is killed while 100 runs are open on 1,000 machines.  The time is
a figure; what is tested is that all runs end as wished.  Called by run."""
import concurrent.futures
import http.client
import json
import os
import time

import rack
import world
from controller import wait_until
from core import PATIENCE, Core

RACKS, PER_RACK, RUNS, LATENCY_MS = 20, 50, 100, 100


def options(n):
    """A rack is a file that is written on each change, so there are many small ones."""
    return {"rack": "r%d" % n, "state": "rack%d.json" % n, "history": "history%d" % n, "latency_ms": LATENCY_MS}


def site(dir):
    s = rack.site(dir, 0)
    for name in ("web", "storage"):
        vlan = s["networks"][name]["vlan"]
        s["networks"][name].update(subnet="10.%d.0.0/16" % vlan, pool="10.%d.0.10-10.%d.255.250" % (vlan, vlan))
    s["networks"].pop("db")
    s.pop("groups")
    s["switches"] = {"leaf%d" % n: {"driver": "mock", **options(n)} for n in range(RACKS)}
    s["arrays"] = {"san%d" % n: {"driver": "mock", "portals": ["10.66.20.1:3260"], **options(n)} for n in range(RACKS)}
    s["machines"] = {"node%d" % i: rack.machine("node%d" % i, i, options(i % RACKS), "leaf%d" % (i % RACKS))
                     for i in range(RACKS * PER_RACK)}
    return s


def persona(i):
    p = rack.persona("p%d" % i)
    p["volumes"]["root"]["array"] = "san%d" % (i % RACKS)
    return p


def status(c):
    try:
        return c.api("GET", "/v1/status")[1]
    except (OSError, http.client.HTTPException):
        return {}


def ask_all(c):
    """All wishes at once; those acknowledged."""
    def ask(i):
        code, run = c.api("POST", "/v1/runs", {"action": "apply", "persona": "p%d" % i, "machine": "node%d" % i})
        assert code == 202, run
        return run["id"]
    with concurrent.futures.ThreadPoolExecutor(RUNS) as pool:
        return list(pool.map(ask, range(RUNS)))


def going_on(c):
    """All runs are taken up again and their orders leave for the devices."""
    found = status(c)
    return found and found["runs_open"] == RUNS and found["counters"]["frames_sent"] > 0


def written(dir):
    return sum(os.path.getsize(os.path.join(dir, name)) for name in os.listdir(dir) if name.startswith("history"))


def restart(c):
    """Seconds from starting the daemon until it answers, until its runs go on, and until the first device changes."""
    before = written(c.dir)
    begin, times = time.monotonic(), []
    c.start(ready=False)
    for condition in (status, going_on, lambda _: written(c.dir) > before):
        while not condition(c):
            assert time.monotonic() - begin < PATIENCE, "the runs do not go on: %s" % status(c)
            time.sleep(0.001)
        times.append(time.monotonic() - begin)
    return times


def check_racks(dir):
    for n in range(RACKS):
        with open(os.path.join(dir, "rack%d.json" % n)) as f:
            state = json.load(f)
        with open(os.path.join(dir, "history%d" % n)) as f:
            for line in f.read().split("\n")[:-1]:
                world.check_always(json.loads(line), vlans={})
        on = {name for name, bmc in state["bmcs"].items() if bmc["power"] == "on"}
        wanted = {"node%d-bmc" % i for i in range(RUNS) if i % RACKS == n}
        assert on == wanted, "rack %d: on are %s instead of %s" % (n, sorted(on), sorted(wanted))
        assert len(state["arrays"]["san%d" % n]["maps"]) == len(wanted)


def play(builddir, dir):
    """Milliseconds until it answers, all runs go on and the first device changes, and how many runs ended done."""
    os.mkdir(dir)
    with Core(builddir, dir) as c:
        c.start()
        c.define(site(dir))
        c.define(*[persona(i) for i in range(RUNS)])
        runs = ask_all(c)
        wait_until(lambda: status(c).get("runs_open") == RUNS, what="%d runs are open at once" % RUNS)
        c.kill9()
        times = restart(c)
        wait_until(lambda: status(c).get("runs_open") == 0, 60, "all runs end")
        ends = {r["id"]: r["state"] for r in c.api("GET", "/v1/runs?limit=1000")[1]["items"]}
        wrong = [(i, ends.get(i)) for i in runs if ends.get(i) != "done"]
        assert not wrong and len(ends) == RUNS, "%d runs; not done: %s" % (len(ends), wrong)
        c.stop()
    check_racks(dir)
    return [round(1000 * t) for t in times], len(runs)
