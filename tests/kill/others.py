# SPDX-License-Identifier: GPL-3.0-or-later
"""The other deaths: recast-front, a driver, both at once, and recastd during its very first start.  Called by run."""
import os
import signal
import subprocess
import time

import kinds
import rack
import world
from case import Case, files
from controller import wait_until
from core import PATIENCE, PROCESSES, Tracer

PROGRAMS = {"front": "recast-front", "driver": "recast-driver-mock", "both": "recast-driver-mock"}
# The driver's main thread only reads orders; its workers save the rack (rename) and answer (write).
UNREACHABLE = 6
CALLS = {"front": ("readv", "writev"), "driver": ("read", "rename", "write"), "both": ("read",)}
FIRST_CALLS = ("write", "fsync", "fdatasync", "pwrite64", "openat", "link", "unlink")


class ChildCase(Case):
    """A child of recastd dies while persona(1) waits for a run; neither it nor recastd may fail."""

    def play_in(self, c):
        c.start()
        c.api("GET", "/v1/machines/node3/power")  # the driver runs now
        self.last = max([r["id"] for r in c.api("GET", "/v1/runs?limit=1")[1]["items"]] + [0])
        core, victim, front = c.process.pid, c.child(PROGRAMS[self.kind.victim]), c.child("recast-front")
        tracer = Tracer(victim, self.call, self.k, self.dir, threads=self.call in ("rename", "write"))
        try:
            killed, code, told = self.client(c, tracer, front)
        finally:
            tracer.close()
        if self.kind.victim != "front" and killed and code == UNREACHABLE and not self.runs(c):
            # The driver died while the devices were read: refused, nothing was begun.  It is there again.
            killed, (_, code, told) = True, self.client(c, tracer, None)
        assert code == 0, "persona ended with %d: %s" % (code, told)
        wait_until(c.answers, what="recast-front answers again")
        assert c.daemon_pid() == core and not c.dead(), "recastd did not survive it"
        self.check(c)
        return killed

    def client(self, c, tracer, front):
        """Whether the victim died, and how persona(1) ended."""
        wish = self.kind.wish
        argv = [os.path.join(c.builddir, "persona"), "--socket", c.socket, wish["action"], wish["persona"], "--to",
                wish["machine"], "--wait"]
        client = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, start_new_session=True)
        PROCESSES.add(client)
        try:
            killed = self.watch(tracer, client, front)
            told = client.communicate(timeout=PATIENCE)[0]
        finally:
            PROCESSES.end(client)
            client.wait()
            PROCESSES.remove(client)
        return killed, client.returncode, told

    def watch(self, tracer, client, front):
        if not front:
            return False
        while not tracer.gone():
            if client.poll() == UNREACHABLE:
                tracer.process.wait(PATIENCE)  # it was told sooner than we were
            elif client.returncode is not None:
                return False
            time.sleep(0.002)
        self.bench.killed()
        if self.kind.victim == "both":
            os.kill(front, signal.SIGKILL)
            self.bench.killed()
        return True

    def runs(self, c):
        wait_until(c.answers, what="recast-front answers again")
        return [r["id"] for r in c.api("GET", "/v1/runs?limit=5")[1]["items"] if r["id"] > self.last]

    def the_run(self, c):
        runs = self.runs(c)
        assert len(runs) == 1, "one wish made runs %s" % runs
        return runs[0]


class FirstStart(Case):
    """Nothing is there yet: the key and the database are made."""

    def play_in(self, c):
        c.start_traced(self.call, self.k)
        wait_until(lambda: c.dead() or "is ready on" in c.new_log(), what="recastd is ready or killed")
        killed = c.dead()
        if killed:
            c.wait_dead()
            self.bench.killed()
        else:
            c.stop_traced()
        c.start()
        c.define(rack.site(self.dir, **files()), rack.persona("web"), rack.persona("db", "db"))
        end = c.run_to_end(**kinds.WEB1)
        self.bench.ended(end["state"])
        assert end["state"] == "done", end
        world.check_placed(rack.state(self.dir), {"node1": "web"})
        return killed


def make():
    """Kinds for these cases."""
    children = [kinds.Kind(victim, kinds.PARKED + (kinds.WEB1,), kinds.MOVE, placed={"node1": None, "node2": "web"},
                           after=(kinds.BACK,), calls=calls, victim=victim, case=ChildCase)
                for victim, calls in CALLS.items()]
    return children + [kinds.Kind("first-start", None, None, case=FirstStart, calls=FIRST_CALLS)]

