# SPDX-License-Identifier: GPL-3.0-or-later
"""Serial over LAN, the BMC's side: one session at a time, one unacknowledged packet at a time."""
import time

CHUNK, RESEND_SECONDS, RESENDS, DEACTIVATED = 100, 0.3, 20, 0x10
HISTORY_SECONDS = 0.05      # until a new session gets its first text


class Sol:
    """The serial port of the machine.  `send(session, payload)` puts a SOL payload on the wire."""

    def __init__(self, machine, history):
        self.machine, self.history = machine, history
        self.session = None
        self.send = None
        self.old = b""              # printed while nobody listened
        self.waiting = b""          # to be sent
        self.typed = b""
        self.starts = 0.0
        self._reset()

    def _reset(self):
        self.sequence, self.unacked, self.sent_at, self.tries, self.last_in = 0, None, 0.0, 0, 0

    def activate(self, session):
        self._reset()
        self.session, self.waiting = session, self.old if self.history else b""
        self.starts = time.monotonic() + HISTORY_SECONDS
        self.old = b""
        self.machine.log("sol-activate")

    def deactivate(self):
        """End the session, and tell it, for it may be somebody else who ends it."""
        self.send(self.session, bytes([0, 0, 0, DEACTIVATED]))
        self.session, self.waiting = None, b""
        self.machine.log("sol-deactivate")

    def print(self, text):
        if self.session:
            self.waiting += text
        else:
            self.old = (self.old + text)[-4000:]

    def receive(self, session, payload):
        """A packet of the console; its answer goes out by poll()."""
        if session is not self.session or len(payload) < 4:
            return []
        sequence, acked, _count, _operation = payload[:4]
        if self.unacked and acked == self.unacked[0]:
            self.unacked = None
        data = payload[4:]
        if sequence and sequence != self.last_in:
            self.last_in = sequence
            self.typed += data
            self.machine.log(f"typed {data!r}")
        if sequence:
            self.send(session, bytes([0, sequence, len(data), 0]))
        return []

    def poll(self, now):
        """Send what is due; seconds until the next time that matters, or None."""
        if not self.session:
            return None
        if now < self.starts:
            return self.starts - now
        if self.unacked and now - self.sent_at >= RESEND_SECONDS:
            self.tries += 1
            if self.tries > RESENDS:
                self.deactivate()
                return None
            self._transmit(now)
        elif not self.unacked and self.waiting:
            self.sequence = self.sequence % 15 + 1
            self.unacked, self.tries = (self.sequence, self.waiting[:CHUNK]), 0
            self.waiting = self.waiting[CHUNK:]
            self._transmit(now)
        return RESEND_SECONDS if self.unacked else None

    def _transmit(self, now):
        self.sent_at = now
        self.send(self.session, bytes([self.unacked[0], 0, 0, 0]) + self.unacked[1])
