# SPDX-License-Identifier: GPL-3.0-or-later
"""A core for recast-front: starts it with a socketpair as descriptor 3 and speaks frames with it.

Every wait has a deadline; everything started is stopped by close(), which `with` calls.
"""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE = 10.0


class FakeCore:
    def __init__(self, program, *options, boot=None, tls=None, files=()):
        self.dir = tempfile.mkdtemp(prefix="recast-front-")
        self.path = os.path.join(self.dir, "front.sock")
        self.log_path = os.path.join(self.dir, "log")
        self.sock, theirs = socket.socketpair()
        argv = [program, "--socket", self.path, "--log-level", "debug", *options]
        if boot:
            argv += ["--boot", boot]
        self.certificates, theirs_too = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if tls:
            argv += ["--tls", tls, "--credentials", str(theirs_too.fileno())]
        if files:
            self.hand_over(*files)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", 'exec 3<&"$0"; exec "$@"', str(theirs.fileno()), *argv],
                pass_fds=[theirs.fileno(), theirs_too.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        theirs.close()
        theirs_too.close()
        self.buffer = b""
        self.trial = "--try" in options
        self.wait_until(lambda: self.process.poll() is not None or b"main: serving" in self.log())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None
        self.certificates.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert self.trial or self.process.returncode != -signal.SIGSYS, "it made a call that it may not make"

    def hand_over(self, *paths):
        """Certificate, key, perhaps a CA: as recastd does, as open descriptors."""
        fds = [os.open(path, os.O_RDONLY) for path in paths]
        socket.send_fds(self.certificates, [b"c"], fds)
        for fd in fds:
            os.close(fd)

    def verdict(self):
        """What the front makes of what was handed over: b"+" or b"-"."""
        self.certificates.settimeout(PATIENCE)
        return self.certificates.recv(16)

    def log(self):
        with open(self.log_path, "rb") as f:
            return f.read()

    @staticmethod
    def wait_until(condition, patience=PATIENCE):
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("condition not met within %g s" % patience)
            time.sleep(0.01)

    def frame(self, patience=PATIENCE):
        """The next frame from the front, after the one that says that it serves; None when none comes in time."""
        frame = self.any_frame(patience)
        return self.any_frame(patience) if frame == {"serving": True} else frame

    def any_frame(self, patience=PATIENCE):
        end = time.monotonic() + patience
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def send(self, **frame):
        self.sock.sendall(json.dumps(frame).encode() + b"\n")

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.path)
        return s


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Reader:
    """Reads HTTP responses from a socket, one after the other."""

    def __init__(self, sock):
        self.sock, self.data, self.eof = sock, b"", False

    def more(self):
        if self.eof:
            return False
        data = self.sock.recv(65536)
        self.eof = not data
        self.data += data
        return bool(data)

    def until(self, mark):
        while mark not in self.data:
            if not self.more():
                raise EOFError("connection closed; have %r" % self.data[:200])
        head, self.data = self.data.split(mark, 1)
        return head

    def exactly(self, n):
        while len(self.data) < n:
            if not self.more():
                raise EOFError("connection closed; have %r" % self.data[:200])
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def head(self):
        lines = self.until(b"\r\n\r\n").decode().split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        return status, headers

    def chunk(self):
        """The next chunk of a chunked body; b"" is the end."""
        n = int(self.until(b"\r\n"), 16)
        data = self.exactly(n)
        self.exactly(2)
        return data

    def response(self):
        status, headers = self.head()
        body = self.exactly(int(headers.get("content-length", "0")))
        return Response(status, headers, body)

    def at_eof(self):
        if self.data:
            return False
        return not self.more()
