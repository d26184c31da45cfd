# SPDX-License-Identifier: GPL-3.0-or-later
"""A recastd that can be killed at its K-th call of one system call, by strace's injection: the call is not carried out
any more.  Called by case.py and others.py."""
import http.client
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from controller import Controller, wait_until

PATIENCE = 30.0
# What an API call raises when the core dies under it; the last for a front that answers 503 in its place.
NO_ANSWER = (OSError, ValueError, http.client.HTTPException, AssertionError)
KEPT = ("recast.db", "recast.db-wal", "recast.key", "rack.json", "control")


class Processes:
    """All that was started and has not ended, so that a signal to the test can end it."""

    def __init__(self):
        self.lock, self.all, self.stopping = threading.Lock(), set(), False

    def add(self, process):
        with self.lock:
            self.all.add(process)
        if self.stopping:
            self.end(process)

    def remove(self, process):
        with self.lock:
            self.all.discard(process)

    def end(self, process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def end_all(self):
        self.stopping = True
        for process in list(self.all):
            self.end(process)


PROCESSES = Processes()


def strace(call, k, file):
    return ["strace", "-qq", "-o", file, "-e", "trace=" + call, "-e", "inject=%s:signal=SIGKILL:when=%d" % (call, k)]


class Tracer:
    """strace on a process that runs already; ready to kill when the constructor returns."""

    def __init__(self, pid, call, k, dir, threads=False):
        argv = strace(call, k, os.path.join(dir, "trace.%d" % pid))
        argv.remove("-qq")  # what it says is how one knows that it is attached
        self.process = subprocess.Popen(argv + (["-f"] if threads else []) + ["-p", str(pid)], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, start_new_session=True)
        PROCESSES.add(self.process)
        line = self.process.stderr.readline()
        if "attached" not in line:
            self.close()
            raise PermissionError("strace cannot attach to a process here, so nothing can be killed: " + line.strip())

    def gone(self):
        return self.process.poll() is not None

    def close(self):
        """Let go of what it traces."""
        if not self.gone():
            self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()
        PROCESSES.remove(self.process)


def may_trace(dir):
    """Why nothing can be killed here, or None."""
    victim = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        Tracer(victim.pid, "read", 1000, dir).close()
    except (OSError, PermissionError) as e:
        return str(e)
    finally:
        victim.kill()
        victim.wait()
        victim.stdin.close()
    return None


class Core(Controller):
    """Its folder can be copied: whatever it names it names from there."""

    def __init__(self, builddir, dir):
        super().__init__(builddir, dir=dir, start=False)
        self.plain = self.prefix = ["env", "-C", dir]

    def start(self, ready=True):
        self.since = len(self.log())
        super().start(ready=False)
        PROCESSES.add(self.process)
        if ready:
            wait_until(lambda: self.answers() or self.dead(), what="recastd is ready")
            assert not self.dead(), "recastd did not start:\n" + self.new_log()

    def start_traced(self, call, k):
        self.prefix = self.plain + strace(call, k, os.path.join(self.dir, "trace"))
        self.start(ready=False)
        self.prefix = self.plain

    def new_log(self):
        """What it logged since its start."""
        return self.log()[self.since:]

    def dead(self):
        return self.process.poll() is not None

    def wait_dead(self):
        """Until nothing of it is left.  It must have been killed: an exit or an abort is a bug, not a crash of ours."""
        status = self.process.wait(PATIENCE)
        assert status == -signal.SIGKILL, "recastd ended with %d:\n%s" % (status, self.log()[-3000:])
        wait_until(lambda: not self.children_left(), what="drivers and front end with recastd")
        PROCESSES.remove(self.process)

    def stop_traced(self):
        """strace passes no signals on, so recastd itself is asked."""
        pid = self.child("recastd")
        if pid:
            os.kill(pid, signal.SIGTERM)
        self.process.wait(PATIENCE)
        PROCESSES.remove(self.process)

    def stop(self):
        status = super().stop()
        if self.process:
            PROCESSES.remove(self.process)
        return status

    def child(self, program):
        """Pid of its child of this name, or None."""
        for pid in self.children_left():
            try:
                with open("/proc/%d/cmdline" % pid) as f:
                    if os.path.basename(f.read().split("\0")[0]) == program:
                        return pid
            except OSError:
                pass
        return None

    def run_ended_or_dead(self, patience=PATIENCE):
        """Waits without asking, since asking would be more calls of the core.  True when it was killed."""
        end = time.monotonic() + patience
        while not self.dead():
            if re.search(r"run \d+ \([a-z-]+\) ended:", self.new_log()):
                return self.dies_at_the_end()
            assert time.monotonic() < end, "the run neither ended nor was recastd killed"
            time.sleep(0.004)
        return True

    def dies_at_the_end(self):
        """The log line comes before the last commit; an answer to a question comes after it."""
        try:
            return self.api("GET", "/v1/status")[0] != 200
        except NO_ANSWER:
            self.process.wait(PATIENCE)
            return True


def copy_site(source, target):
    os.mkdir(target)
    for name in KEPT:
        path = os.path.join(source, name)
        if os.path.exists(path):
            shutil.copyfile(path, os.path.join(target, name))
            shutil.copymode(path, os.path.join(target, name))
