# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd is to recastd, as far as tests need it: a socket that is told things, one that is handed over, and the
journal's.  Without systemd as process 1, so that each can be looked at by itself."""
import os
import select
import socket
import time

from controller import PATIENCE, Controller

# As systemd does: the descriptor is number 3, and its own pid is told to the process that becomes recastd.
HAND_OVER = ["bash", "-c", 'exec 3<&"$0"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"']
# A journal of its own for what runs in this mount namespace; stderr is a file that passes for a stream of it.
JOURNAL = ["unshare", "-m", "--propagation", "private", "bash", "-c",
           'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && : >/run/systemd/journal/socket && '
           'mount --bind "$0" /run/systemd/journal/socket && '
           'export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) && exec "$@"']


class Told:
    """A datagram socket at @path, and the messages that came: dictionaries."""

    def __init__(self, path):
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        os.chmod(path, 0o666)
        self.messages = []

    def close(self):
        self.sock.close()

    def next(self, patience):
        """One more message, or None when none comes in time."""
        if not select.select([self.sock], [], [], max(patience, 0))[0]:
            return None
        lines = self.sock.recv(65536).decode().splitlines()
        self.messages.append(dict(line.split("=", 1) for line in lines))
        return self.messages[-1]

    def until(self, wanted, patience=PATIENCE):
        """The first message from now on for which @wanted holds."""
        end = time.monotonic() + patience
        while True:
            message = self.next(end - time.monotonic())
            assert message is not None, "not told within %g s; last: %r" % (patience, self.messages[-5:])
            if wanted(message):
                return message

    def drain(self):
        while self.next(0) is not None:
            pass

    def has(self, key):
        return any(key in m for m in self.messages)


def listening(path, backlog=128):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    os.chmod(path, 0o660)
    s.listen(backlog)
    return s


class Supervised(Controller):
    """A recastd that tells somebody how it is."""

    def __init__(self, builddir, watchdog_s=0.3, start=True, **more):
        super().__init__(builddir, start=False, **more)
        self.told = Told(os.path.join(self.dir, "notify"))
        self.environment = {"NOTIFY_SOCKET": self.told.path, "WATCHDOG_USEC": str(int(watchdog_s * 1e6))}
        if start:
            self.start()

    def ready(self):
        return self.told.until(lambda m: m.get("READY") == "1")

    def close(self):
        super().close()
        self.told.close()
