# SPDX-License-Identifier: GPL-3.0-or-later
"""One case: a copy of the prepared site, a wish, a kill at the K-th call, a restart, and what must hold then.  Called
by run, and by others.py for its sites."""
import json
import os
import shutil
import sqlite3
import threading
import time

import rack
import world
from controller import wait_until
from core import NO_ANSWER, PATIENCE, PROCESSES, Core, Tracer, copy_site

LEFT_OVER = ("SELECT target, run FROM lock", "SELECT id, state FROM run WHERE ended IS NULL", "PRAGMA foreign_key_check")
PROOF = {"within": "1s", "serial": "PERSONA web UP"}


class Bench:
    """Where the cases of a suite run: programs, the prepared sites, and what was counted."""

    def __init__(self, builddir, dir, keep=False):
        self.builddir, self.dir, self.keep = builddir, dir, keep
        self.lock, self.sites, self.made = threading.Lock(), {}, 0
        self.kills, self.ends, self.violations, self.recovery = 0, {}, 0, (-1, -1, -1)

    def folder(self, name):
        with self.lock:
            self.made += 1
            return os.path.join(self.dir, "%d-%s" % (self.made, name))

    def killed(self, n=1):
        with self.lock:
            self.kills += n

    def ended(self, state):
        with self.lock:
            self.ends[state] = self.ends.get(state, 0) + 1


def files():
    """The rack's files, named from the core's folder, so that the folder can be copied."""
    return {"state": "rack.json", "control": "control", "history": "history"}


def prepare(bench, kind):
    """Make the site on which all cases of @kind begin."""
    dir = os.path.join(bench.dir, "site-" + kind.name)
    os.mkdir(dir)
    with Core(bench.builddir, dir) as c:
        c.start()
        c.define(rack.site(dir, **files()), rack.persona("web", proof=PROOF), rack.persona("db", "db"))
        for wish in kind.before:
            assert c.run_to_end(**wish)["state"] == "done", wish
        for device, name, spec in kind.faults:
            rack.order(dir, device, "fault:" + name, spec=spec)
        if kind.full_log:
            fill_log(c)
        c.api("GET", "/v1/doctor")  # the driver takes orders when it is asked something
        assert not os.path.exists(os.path.join(dir, "control")), "the driver did not take the faults"
        if kind.full_log:
            c.kill9()  # a clean end would empty the log
        else:
            c.stop()
    return dir


def fill_log(c):
    """So many commits that the run's own make SQLite copy its log into the database: 1,000 pages and their headers."""
    n = 0
    while os.path.getsize(c.database + "-wal") < 975 * (4096 + 24):
        n += 1
        c.define(rack.persona("web", proof=PROOF, description="change %d" % n))


def prepare_again(bench, kind):
    """A site that was killed in the middle of a run and has not been started since."""
    name, call, k = kind.again
    dir = os.path.join(bench.dir, "site-" + kind.name)
    copy_site(bench.sites[name], dir)
    with Core(bench.builddir, dir) as c:
        c.start()
        tracer = Tracer(c.process.pid, call, k, dir)
        send(c, kind)
        assert c.run_ended_or_dead(), "%s: nothing was killed at %s %d" % (kind.name, call, k)
        c.wait_dead()
        tracer.close()
    return dir


def send(c, kind):
    """The id of the run when the wish was acknowledged, else None."""
    path, body = kind.request()
    try:
        status, answer = c.api("POST", path, body, kind.key())
    except NO_ANSWER:
        return None
    assert status in (202, 503, 502), (status, answer)
    return answer["id"] if status == 202 else None


class Case:
    def __init__(self, bench, kind, call, k):
        self.bench, self.kind, self.call, self.k = bench, kind, call, k
        self.dir = bench.folder(kind.name)
        self.run, self.before = None, None
        if kind.before is None:
            os.mkdir(self.dir)
            return
        copy_site(bench.sites[kind.name], self.dir)
        with open(os.path.join(bench.sites[kind.name if not kind.again else kind.again[0]], "rack.json")) as f:
            self.before = json.load(f)

    def play(self):
        """True when something was killed."""
        try:
            with Core(self.bench.builddir, self.dir) as c:
                killed = self.play_in(c)
                c.stop()
                self.check_database()
            return killed
        finally:
            if not self.bench.keep:
                shutil.rmtree(self.dir, ignore_errors=True)

    def play_in(self, c):
        killed = self.kill_at_start(c) if self.kind.again else self.kill_in_run(c)
        if killed:
            c.wait_dead()
            self.bench.killed()
            c.start()
        self.check(c)
        return killed

    def kill_in_run(self, c):
        c.start()
        self.last = max([r["id"] for r in c.api("GET", "/v1/runs?limit=1")[1]["items"]] + [0])
        tracer = Tracer(c.process.pid, self.call, self.k, self.dir)
        try:
            self.run = send(c, self.kind)
            if self.run:
                return c.run_ended_or_dead()
            c.process.wait(PATIENCE)  # no answer: it is dying
            return True
        finally:
            tracer.close()

    def kill_at_start(self, c):
        self.last = -1
        c.start_traced(self.call, self.k)
        if c.run_ended_or_dead():
            return True
        c.stop_traced()
        c.start()
        return False

    def check(self, c):
        run = self.the_run(c)
        end = c.ended(run, PATIENCE)
        self.bench.ended(end["state"])
        state = rack.state(self.dir)
        self.kind.check_end(end["state"], state, self.before)
        world.check_always(state)
        self.check_free(c)
        for state in world.history(self.dir):
            world.check_always(state)

    def the_run(self, c):
        """The run of the wish.  What was acknowledged is there, and what is sent again is not done twice."""
        runs = [r["id"] for r in c.api("GET", "/v1/runs?limit=5")[1]["items"] if r["id"] > self.last]
        if self.kind.again:
            return runs[0]
        assert len(runs) <= 1, "one wish made runs %s" % runs
        assert not self.run or runs == [self.run], "run %s was acknowledged, and there is %s" % (self.run, runs)
        if not runs:  # what is not in the journal has not happened
            world.check_as_before(rack.state(self.dir), self.before)
        if runs and not self.kind.key():
            return runs[0]
        again = send(c, self.kind)
        assert again, "the wish is not accepted after the restart"
        assert not runs or again == runs[0], "run %d is there, and the same key made run %d" % (runs[0], again)
        return again

    def check_free(self, c):
        """Nothing is locked: the same roles can be had, without anybody having unlocked anything."""
        for device, name, _ in self.kind.faults:
            rack.order(self.dir, device, "fault:" + name, exists=False)
        for machine in self.kind.held:
            assert c.api("GET", "/v1/machines/" + machine)[1]["state"] == "quarantined", machine
            status, run = c.api("POST", "/v1/machines/%s/return" % machine)
            assert status == 202 and c.ended(run["id"])["state"] == "done", (machine, status, run)
        for wish in self.kind.after:
            end = c.run_to_end(**wish)
            assert end["state"] == "done", "afterwards, %s: %s" % (wish, end.get("error") or end)

    def check_database(self):
        db = sqlite3.connect(os.path.join(self.dir, "recast.db"))
        try:
            found = [db.execute(query).fetchall() for query in LEFT_OVER]
            assert not any(found), "left in the database: %s" % found
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the database is damaged"
        finally:
            db.close()


class Series:
    """All kills of one kind of run at one system call: K from 1 until the run gets through unharmed."""

    def __init__(self, bench, kind, call, stride):
        self.bench, self.kind, self.call, self.stride = bench, kind, call, stride
        self.name = "%s %s" % (kind.name, call)

    def title(self):
        which = {1: "each", 3: "every third"}.get(self.stride, "every %dth" % self.stride)
        return "%s: killed at %s %s, everything goes on by itself" % (self.kind.name, which, self.call)

    def play(self, only=None):
        """The failures, as texts, and the number of kills."""
        failures, k = [], only or 1
        begin = time.monotonic()
        while True:
            try:
                killed = (self.kind.case or Case)(self.bench, self.kind, self.call, k).play()
            except Exception as e:
                failures.append("%s %d: %s: %s" % (self.name, k, type(e).__name__, e))
                killed = len(failures) < 3
            if only or not killed or PROCESSES.stopping:
                break
            k += self.stride
        if k == 1 and not only and not failures:
            failures.append("%s 1: nothing was killed" % self.name)
        return failures, k, time.monotonic() - begin
