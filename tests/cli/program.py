# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs persona: plainly, or on a pseudo-terminal."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

SOURCE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PATIENCE = 15


def environment(fake=None, **more):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "xterm"}
    if fake:
        env["RECAST_SOCKET"] = fake.socket
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return env


def persona(builddir, fake, *args, input=None, cwd=None, **env):
    """(exit status, stdout, stderr)"""
    done = subprocess.run([os.path.join(builddir, "persona"), *args], input=input if input is not None else b"",
                          capture_output=True, timeout=PATIENCE, cwd=cwd, env=environment(fake, **env))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Terminal:
    """persona on a terminal of its own."""

    def __init__(self, builddir, fake, *args, rows=24, columns=80, **env):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.output = b""

        def control():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen([os.path.join(builddir, "persona"), *args], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, env=environment(fake, **env),
                                        start_new_session=True, preexec_fn=control)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def read_some(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.output += os.read(self.master, 65536)
            return True
        return False

    def expect(self, text):
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.output:
            if time.monotonic() > end:
                raise TimeoutError("%r did not come; there is %r" % (text, self.output))
            self.read_some(0.1)

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("condition not met; there is %r" % self.output)
            self.read_some(0.02)

    def type(self, data):
        os.write(self.master, data)

    def attributes(self):
        return termios.tcgetattr(self.slave)

    def is_raw(self):
        return not self.attributes()[3] & (termios.ICANON | termios.ECHO)

    def echoes(self):
        return bool(self.attributes()[3] & termios.ECHO)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError("persona does not end; there is %r" % self.output)
            self.read_some(0.02)
        while self.read_some(0):
            pass
        return self.process.returncode
