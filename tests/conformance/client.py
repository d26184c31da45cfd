# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's side of the driver protocol, for tests: starts a driver program, sends requests, keeps
every byte that the driver wrote, so that a test can look for secrets in all of it."""
import json
import os
import queue
import subprocess
import threading
import time


class DriverDied(Exception):
    """The driver ended, or wrote something that is no frame."""


class Driver:
    """One driver process.  Requests may be made from several threads."""

    def __init__(self, argv, env=None):
        self.stdout_bytes, self.stderr_bytes = bytearray(), bytearray()
        self.events = queue.Queue()
        self.broken = None
        self._waiting, self._lock, self._next = {}, threading.Lock(), 1
        self._hello = queue.Queue()
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=env)
        self._threads = [threading.Thread(target=self._read_frames, daemon=True),
                         threading.Thread(target=self._read_log, daemon=True)]
        for t in self._threads:
            t.start()
        try:
            self.hello = self._hello.get(timeout=5)
        except queue.Empty:
            self.kill()
            raise DriverDied("no hello within 5 s") from None
        if self.hello is None:
            raise DriverDied(f"ended before its hello: {self.log()}")

    def log(self):
        return self.stderr_bytes.decode(errors="replace")

    def _read_log(self):
        for chunk in iter(lambda: os.read(self.process.stderr.fileno(), 65536), b""):
            self.stderr_bytes += chunk

    def _read_frames(self):
        for line in self.process.stdout:
            self.stdout_bytes += line
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as e:
                self.broken = f"not a frame: {line[:200]!r} ({e})"
                break
        with self._lock:
            waiting, self._waiting = self._waiting, None
        for q in waiting.values():
            q.put(None)
        self._hello.put(None)

    def _take(self, frame):
        if "hello" in frame:
            self._hello.put(frame["hello"])
        elif "event" in frame:
            self.events.put(frame)
        else:
            with self._lock:
                self._waiting.pop(frame["id"]).put(frame)

    def send(self, op, device, deadline_ms=5000, **more):
        """Send a request; returns the queue that its reply will come on."""
        q = queue.Queue()
        with self._lock:
            if self._waiting is None:
                raise DriverDied(self.broken or f"the driver has ended: {self.log()}")
            ident, self._next = self._next, self._next + 1
            self._waiting[ident] = q
            frame = {"id": ident, "op": op, "device": device, "deadline_ms": deadline_ms, **more}
            try:
                self.process.stdin.write(json.dumps(frame).encode() + b"\n")
                self.process.stdin.flush()
            except BrokenPipeError as e:
                raise DriverDied("the driver has ended") from e
        return q

    def wait(self, q, deadline_ms=5000):
        """The reply; a driver that misses deadline plus one second is at fault."""
        try:
            reply = q.get(timeout=deadline_ms / 1000 + 1.0)
        except queue.Empty:
            raise DriverDied("no answer within deadline + 1 s") from None
        if reply is None:
            raise DriverDied(self.broken or f"the driver ended: {self.log()}")
        return reply

    def call(self, op, device, deadline_ms=5000, **more):
        return self.wait(self.send(op, device, deadline_ms, **more), deadline_ms)

    def apply(self, device, changes, **more):
        """Results of an apply; `again` is obeyed, as the core would."""
        reply = self.call("apply", device, changes=changes, **more)
        if "results" not in reply:
            return reply
        for i, r in enumerate(reply["results"]):
            until = time.monotonic() + 20
            while r["status"] == "again" and time.monotonic() < until:
                time.sleep(r["after_ms"] / 1000)
                r = self.call("apply", device, changes=[changes[i]], **more)["results"][0]
            reply["results"][i] = r
        return reply

    def kill(self):
        self.process.kill()
        return self._reap()

    def close(self, timeout=3):
        """End stdin and wait; the exit status."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DriverDied("still there 3 s after stdin was closed") from None
        return self._reap()

    def _reap(self):
        self.process.wait()
        for t in self._threads:
            t.join(5)
        for f in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                f.close()
            except BrokenPipeError:
                pass
        return self.process.returncode
