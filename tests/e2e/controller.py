# SPDX-License-Identifier: GPL-3.0-or-later
"""A real recastd with its own folder, database and socket.  Everything it starts ends with close(), which `with`
calls; every answer of the API, also to persona(1), is checked against schema/api/openapi.yaml."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from wire import OPENAPI, Wire, check_answer  # noqa: F401

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE = 20.0
SAN = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}


def wait_until(condition, patience=PATIENCE, what="condition"):
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("%s: not within %g s" % (what, patience))
        time.sleep(0.02)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return "exit %d\nstdout: %s\nstderr: %s" % (self.code, self.out, self.err)

    def expect(self, code, *parts):
        assert self.code == code, "expected exit %d, got %r" % (code, self)
        for part in parts:
            assert part in self.out + self.err, "%r is not in %r" % (part, self)
        return self


def heed_signals():
    """What a shell runs in the background ignores these."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Controller:
    def __init__(self, builddir, dir=None, prefix=(), options=(), start=True):
        self.builddir = builddir
        self.own_dir = dir is None
        self.dir = dir or tempfile.mkdtemp(prefix="recast-e2e-")
        self.prefix = list(prefix)
        self.options = list(options)
        self.environment = {}  # more of it, for recastd
        self.pass_fds = ()
        self.socket = os.path.join(self.dir, "s")
        self.log_path = os.path.join(self.dir, "recastd.log")
        self.database = os.path.join(self.dir, "recast.db")
        self.process = None
        self.wire = None
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print("# log of recastd:\n" + "".join("#   " + line + "\n" for line in self.log().splitlines()[-40:]))
        self.close()

    def argv(self):
        argv = self.prefix + [os.path.join(self.builddir, "recastd")]
        for option in ["database=" + self.database, "key_file=" + os.path.join(self.dir, "recast.key"),
                       "socket=" + self.socket, "driver_path=" + self.builddir,
                       "front=" + os.path.join(self.builddir, "recast-front"),
                       "reconcile_interval=0"] + self.options:  # readings by the clock only where a test wants them
            argv += ["-o", option]
        return argv

    def start(self, ready=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **SAN, **self.environment}, pass_fds=self.pass_fds,
                                            start_new_session=True, preexec_fn=heed_signals)
        if ready:
            self.wait_ready()

    def wait_ready(self):
        try:
            wait_until(lambda: self.answers() or self.process.poll() is not None, what="recastd is ready")
        except BaseException:
            os.killpg(self.process.pid, signal.SIGKILL)  # nobody calls close() when this was the constructor
            self.process.wait()
            raise
        assert self.process.poll() is None, "recastd did not start:\n" + self.log()

    def answers(self):
        try:
            return self.api("GET", "/v1/status")[0] == 200
        except OSError:
            return False

    def daemon_pid(self):
        """The pid of recastd itself, also when a prefix runs it in a namespace."""
        return self.api("GET", "/v1/status")[1]["pid"]

    def kill9(self):
        """As a crash: nobody gets to clean up.  Returns when it is gone, drivers and front included."""
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        wait_until(lambda: not self.children_left(), what="drivers and front end with recastd")

    def children_left(self):
        left = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open("/proc/%s/cmdline" % entry, "rb") as f:
                        cmd = f.read().split(b"\0")
                    if os.getsid(int(entry)) == self.process.pid and b"recast" in cmd[0]:
                        left.append(int(entry))
                except (OSError, ProcessLookupError):
                    pass
        return left

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError("recastd did not stop on SIGTERM")
        return self.process.returncode if self.process else None

    def close(self):
        try:
            self.stop()
            if self.wire:
                self.wire.close()
                assert not self.wire.wrong, "not as openapi.yaml says:\n" + "\n".join(self.wire.wrong)
            reports = [line for line in self.log().splitlines() if "Sanitizer" in line or "runtime error:" in line]
            assert not reports, "a sanitizer reported:\n" + self.log()[-6000:]
            assert "killed by its filter" not in self.log(), "recast-front made a call that it may not make"
        finally:
            for pid in self.children_left() if self.process else []:
                os.kill(pid, signal.SIGKILL)
            if self.own_dir:
                shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def persona(self, *args, input=None, timeout=120, cwd=None, env=()):
        if not self.wire:
            self.wire = Wire(self.socket + ".wire", self.socket)
        there = self.wire.path if os.path.exists(self.socket) else self.socket  # persona tells one that is not there by its file
        return Result(subprocess.run([os.path.join(self.builddir, "persona"), "--socket", there, *args],
                                     capture_output=True, text=True, input=input, timeout=timeout, cwd=cwd,
                                     env={**os.environ, **SAN, "NO_COLOR": "1", **dict(env)}))

    def api(self, method, path, body=None, headers=(), timeout=30):
        status, _, answer = self.exchange(method, path, body, headers, timeout)
        return status, answer

    def exchange(self, method, path, body=None, headers=(), timeout=30):
        """Status, headers and body of an answer."""
        connection = UnixConnection(self.socket, timeout)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json", **dict(headers)})
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        is_json = "json" in (response.getheader("Content-Type") or "")
        answer = json.loads(data) if is_json else data.decode() or None
        check_answer(method, path.split("?")[0], response.status, dict(response.getheaders()), answer)
        return response.status, dict(response.getheaders()), answer

    def define(self, *documents):
        status, answer = self.api("POST", "/v1/define", {"documents": [{"name": "test", "value": d} for d in documents]})
        assert status == 200, answer
        return answer

    def run_to_end(self, **wish):
        """Start a run and wait for its end; the run as the API tells it."""
        status, run = self.api("POST", "/v1/runs", wish)
        assert status in (200, 202), run
        return self.ended(run["id"]) if status == 202 else run

    def ended(self, run, patience=90):
        def look():
            answer = self.api("GET", "/v1/runs/%d" % run)[1]
            return answer if answer.get("ended") is not None else None
        return wait_until(look, patience, "run %d ends" % run)
