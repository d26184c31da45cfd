# SPDX-License-Identifier: GPL-3.0-or-later
"""The server behind the simulated BMC, its sensors and event log, and the faults that can be ordered.
Knows nothing of packets.  Every act is a line of the log: seconds, what, result."""
import ctypes
import random
import shlex
import signal
import struct
import subprocess
import time

FAULTS = {
    "drop": (0, "percent of packets, in and out, that are lost"),
    "sessions": (16, "sessions that the BMC has room for; one more is refused with insufficient resources"),
    "busy": (0, "this many of the next commands are answered with node busy"),
    "forget_boot": (0, "1: boot flags are taken and forgotten at once; 2: kept, but read back as not valid"),
    "no_boot_clearing": (0, "1: boot option parameter 3 is not known"),
    "power_delay": (0.0, "seconds until a power command takes effect"),
    "ignore_power": (0, "1: power commands are acknowledged and nothing happens"),
    "lie": (0, "after an ignored power off this many readings say off, then the truth comes out"),
    "flap": (0, "1: every other reading of the power is wrong"),
    "wrong_rakp": (0, "2 or 4: that RAKP message carries a wrong hash"),
    "silent": (0, "1: nothing is answered"),
    "deaf_session": (0, "1: sessions that are opened now get no answer to any command, ever"),
    "garbage": (0, "1: packets are random bytes; 2: answers carry no data; 3: answers carry random data"),
    "shutdown_delay": (0.0, "seconds from a soft shutdown until the power is off; -1: never"),
}

BOOT_KEPT_SECONDS = 60
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """A program that is the server: it runs while the power is on.  One that ends by itself is off."""

    def __init__(self, command, log):
        self.argv, self.log, self.process = shlex.split(command), log, None

    def power(self, on):
        if on and not self.is_on():
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                preexec_fn=_die_with_parent)
        elif not on and self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def is_on(self):
        return self.process is not None and self.process.poll() is None

    def button(self):
        """What a soft shutdown is to it."""
        if self.is_on():
            self.process.terminate()


class Machine:
    """State of one server.  `now` is monotonic time."""

    def __init__(self, guid, power, log, server=None):
        self.server, self.on = server, False
        self.guid, self.power, self.log_file = guid, power, log
        self.pending = None            # (when, power)
        self.identify = 0
        self.boot = bytearray(5)
        self.boot_set_at = 0.0
        self.boot_clearing = 0
        self.sel, self.sel_next = [], 1
        self.sel_changed = int(time.time())
        self.faults = {name: default for name, (default, _) in FAULTS.items()}
        self.readings = self.lies_left = 0
        self.random = random.Random(1)
        self.temperature, self.fan = 23, 4200
        self.counts = {}
        self.booted = lambda: None

    @property
    def power(self):
        return self.server.is_on() if self.server else self.on

    @power.setter
    def power(self, on):
        self.on = on
        if self.server:
            self.server.power(on)

    def log(self, what, result=""):
        self.counts[what.split()[0]] = self.counts.get(what.split()[0], 0) + 1
        if self.log_file:
            self.log_file.write(f"{time.monotonic():.3f} {what} {result}".rstrip() + "\n")
            self.log_file.flush()

    def set_fault(self, name, value):
        if name not in FAULTS:
            raise ValueError(f"no fault {name}; there are: {' '.join(FAULTS)}")
        self.faults[name] = type(FAULTS[name][0])(value)
        self.log(f"fault {name}={self.faults[name]}")

    def lost(self):
        return self.faults["silent"] or (self.faults["drop"] and self.random.random() * 100 < self.faults["drop"])

    def tick(self, now):
        """Carry out what has fallen due; seconds until the next such thing, or None."""
        if not self.pending:
            return None
        when, power = self.pending
        if now >= when:
            if power and not self.power:
                self.booted()
            self.pending, self.power = None, power
            self.log(f"power-is {'on' if power else 'off'}")
            return None
        return when - now

    def _power_to(self, power, delay):
        if delay < 0:
            return
        self.pending = (time.monotonic() + delay, power)
        self.tick(time.monotonic())

    def control(self, action):
        names = {0: "off", 1: "on", 2: "cycle", 3: "reset", 4: "nmi", 5: "soft"}
        self.log(f"control {names.get(action, action)}")
        if action not in names:
            return False
        if action == 5:
            if self.power and self.server:
                self.server.button()
            elif self.power:
                self._power_to(False, self.faults["shutdown_delay"])
        elif self.faults["lie"] and action == 0:
            self.lies_left = self.faults["lie"]
        elif action in (0, 1) and not self.faults["ignore_power"]:
            self.boot_consumed(action == 1 and not self.power)
            self._power_to(action == 1, self.faults["power_delay"])
        return True

    def boot_consumed(self, on):
        """A power on uses up boot flags that are not persistent."""
        if on and self.boot[0] & 0x80 and not self.boot[0] & 0x40:
            self.log(f"booted device={(self.boot[1] >> 2) & 15}")
            self.boot[0] &= 0x7F

    def read_power(self):
        self.tick(time.monotonic())
        self.readings += 1
        says = self.power
        if self.lies_left:
            self.lies_left -= 1
            says = False
        if self.faults["flap"] and self.readings % 2:
            says = not says
        self.log("read-power", "on" if says else "off")
        return says

    def set_boot(self, data):
        self.log(f"set-boot {data.hex()}")
        self.boot_set_at = time.monotonic()
        if self.faults["forget_boot"] != 1:
            self.boot = bytearray(data[:5].ljust(5, b"\0"))

    def get_boot(self):
        if not self.boot_clearing & 0x08 and time.monotonic() - self.boot_set_at > BOOT_KEPT_SECONDS:
            self.boot[0] &= 0x7F
        flags = bytearray(self.boot)
        if self.faults["forget_boot"] == 2:
            flags[0] &= 0x7F
        return bytes(flags)

    def add_event(self, sensor_type, number, event_type, data, when=None):
        stamp = int(time.time()) if when is None else when
        record = struct.pack("<HBIHBBBB", self.sel_next, 2, stamp, 0x20, 4, sensor_type, number, event_type) + data
        self.sel.append((self.sel_next, record))
        self.sel_next += 1
        self.sel_changed = int(time.time())


def _text(name):
    return bytes([0xC0 | len(name)]) + name.encode()


def _full(ident, number, kind, unit, m, exponents, name):
    body = struct.pack("<BBBBBBBBBHHHBBBBBBBBBB", 0x20, 0, number, 7, 1, 0x7F, 0x68, kind, 1, 0x7A95, 0x7A95, 0x3F3F,
                       0x00, unit, 0, 0, m & 0xFF, (m >> 2) & 0xC0, 0, 0, 0, exponents)
    body += bytes(47 - 5 - len(body)) + _text(name)
    return struct.pack("<HBBB", ident, 0x51, 1, len(body)) + body


def _compact(ident, number, kind, name):
    body = struct.pack("<BBBBBBBBBHHH", 0x20, 0, number, 10, 1, 0x63, 0x40, kind, 0x6F, 0x00FF, 0x00FF, 0x00FF)
    body += bytes(31 - 5 - len(body)) + _text(name)
    return struct.pack("<HBBB", ident, 0x51, 2, len(body)) + body


# Temperature in whole degrees; fan speed in steps of 60 RPM; a power supply with states.
SENSORS = [_full(1, 1, 1, 1, 1, 0, "Inlet Temp"), _full(2, 2, 4, 18, 60, 0, "Fan 1"), _compact(3, 3, 8, "PSU 1")]
