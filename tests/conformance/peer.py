# SPDX-License-Identifier: GPL-3.0-or-later
"""What a peer (the device side of a driver under test) offers to the cases, and the two kinds of
network trouble that every peer can be given: a proxy that breaks, and a listener that talks rubbish."""
import os
import select
import shutil
import socket
import threading


class Peer:
    """The device that a driver drives.  Derive one per driver; the cases that need a method
    which stays None do not apply to it."""
    driver = None          # recast-driver-NAME
    label = None           # in the TAP lines, when one driver has several peers
    generic = True         # run all cases of cases.py, or the names of those that apply
    own_cases = ()         # cases that only this peer has
    cls = None             # class the device is opened as
    needs = {}             # program -> Debian package
    unknown_object = None  # an object that the device does not have
    started_once = False   # for all cases, which then run in one process
    copies = 1  # of the device's secret in the memory of the driver while the device is open
    secrets = ()           # strings that must appear nowhere

    def missing(self):
        """Debian packages that are not there."""
        return sorted({package for program, package in self.needs.items() if not shutil.which(program)})

    def start(self):
        """Start the device; leave it with some configuration of somebody else's."""

    def stop(self):
        """End all that start began."""

    def argv(self, libexec):
        return [os.path.join(libexec, f"recast-driver-{self.driver}")]

    def env(self):
        return None

    def options(self, name):
        """Options for `open` of a device called name."""
        raise NotImplementedError

    def wishes(self, generation=1):
        """Changes that bring the device into a first state."""
        raise NotImplementedError

    def other_wishes(self, generation=2):
        """Changes of the same objects into another state."""
        raise NotImplementedError

    def expect(self, change):
        """What observe must say about the object of a change that is done: by default the set itself."""
        return change["set"]

    # Optional: None means that the case does not apply.
    snapshots = None          # True: an array that has them
    bad_auth_options = None   # () -> options with a wrong password
    nobody_options = None     # () -> options whose address nobody answers at
    fake_options = None       # (path) -> options that lead to a unix socket at path
    def proxy_options(self, path):
        """Options that lead the requests, and nothing else, to a proxy at path."""
        return self.fake_options(path)

    silence = None            # () the device stops answering
    speak = None              # () and answers again
    proxy = None              # (**how) -> Proxy in front of the device
    cut_points = None         # () -> numbers of requests after which to cut
    restart = None            # () the device restarts with what it keeps over a restart
    dump = None               # () -> all configuration, read with the device's own tools
    foreign_dump = None       # () -> the part that is somebody else's
    foreign_map = None        # storage: (volume, target) of a map that somebody else made
    foreign_initiators = None  # storage: whom it lets in
    hold = None               # storage: (driver, map, chap=True) a host that is logged in: alive(), luns(); map None: the foreign one
    foreign_change = None     # switch: (port, vlan) somebody else sets a port, with the device's own tools
    watch_begun = None        # switch: (driver) wait until the driver has begun to watch
    has_boot = None           # bmc: boot can be read back
    has_console = None        # bmc: boot_wishes() make the server print boot_text
    off_is_slow = None        # bmc: a real one, where "off" takes two readings
    pin = None                # (name) -> fingerprint of the server key that the device has
    heard = None              # () -> what was said to the device after the handshake, as a number that grows
    login = logout = None     # fabric: (wwpn, port), (wwpn): a card appears at a port and goes
    activations = None        # fabric: () -> how often zones were activated
    lock = unlock = None      # fabric: (user, seconds), (): somebody else holds the zone database
    read_only_config = None   # fabric: () no configuration is in force any more
    free_port = None          # fabric: a port that nobody uses
    native_check = None       # (document) compares it with the device's own tools


class Listener:
    """Gives each client of a listening socket to serve(), in a thread of its own, until close()."""

    def __init__(self, listener):
        self.listener = listener
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.serve(client)

    def serve(self, client):
        raise NotImplementedError

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(6)


def listen_at(path, backlog=16):
    """A unix socket in place of whatever is there."""
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(backlog)
    return listener


class Proxy(Listener):
    """Passes bytes between a unix socket of its own and the device's, and breaks: at the `cut`-th chunk
    that the client sends (over all connections), or at the first one that holds all of the texts in `cut`, either
    before passing it on or after, with the answer lost.  With a `hook` it calls that before it passes this chunk on,
    and breaks nothing; `watch` is called with every chunk before it is passed on."""

    def __init__(self, target, path, cut=0, after=True, hook=None, watch=None):
        self.target, self.path, self.cut, self.after, self.hook = target, path, cut, after, hook
        self.watch = watch
        self.count, self.reached, self.stopped = 0, False, False
        super().__init__(listen_at(path))

    def serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as device:
            device.connect(self.target)
            try:
                self._pass(client, device)
            except OSError:
                pass  # one side is gone: so is the other

    def _is_it(self, chunk):
        """Is this the chunk?  There is one in a proxy's life."""
        self.count += 1
        it = not self.reached and (self.count == self.cut if isinstance(self.cut, int) else all(t in chunk for t in self.cut))
        self.reached = self.reached or it
        return it

    def _pass(self, client, device):
        while not self.stopped:
            for side in select.select([client, device], [], [], 0.1)[0]:
                try:
                    chunk = side.recv(1 << 20)
                except ConnectionResetError:
                    return
                if not chunk:
                    return
                if side is device:
                    client.sendall(chunk)
                    continue
                it = self._is_it(chunk)
                if self.watch:
                    self.watch(chunk)
                if it and self.hook:
                    self.hook()
                elif it and not self.after:
                    return
                device.sendall(chunk)
                if it and not self.hook:
                    # The device acts and answers; nobody hears it.
                    select.select([device], [], [], 2)
                    return

    def close(self):
        self.stopped = True
        super().close()
        os.unlink(self.path)


class Fake(Listener):
    """A unix socket that answers everything with the same bytes, then closes or stays silent."""

    def __init__(self, path, reply, hold=False):
        self.path, self.reply, self.hold, self.held = path, reply, hold, []
        super().__init__(listen_at(path))

    def serve(self, client):
        if self.hold:
            self.held.append(client)
        try:
            client.settimeout(5)
            client.recv(1 << 16)
            client.sendall(self.reply)
        except OSError:
            pass
        if not self.hold:
            client.close()

    def close(self):
        super().close()
        for client in self.held:
            client.close()
        os.unlink(self.path)
