# SPDX-License-Identifier: GPL-3.0-or-later
"""RMCP+ as IPMI 2.0 section 13 has it, the BMC's side: packets, key exchange (RAKP), integrity and
encryption for cipher suites 0 to 3 and 15 to 17."""
import hashlib
import hmac
import os
import struct
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

import commands

SUITES = {0: (0, 0, 0), 1: (1, 0, 0), 2: (1, 1, 0), 3: (1, 1, 1), 15: (3, 0, 0), 16: (3, 4, 0), 17: (3, 4, 1)}
HASHES = {0: None, 1: hashlib.sha1, 3: hashlib.sha256}
CODE_BYTES = {0: 0, 1: 12, 4: 16}          # of an integrity algorithm

OPEN_REQUEST, OPEN_RESPONSE, RAKP1, RAKP2, RAKP3, RAKP4 = range(0x10, 0x16)
NO_RESOURCES, BAD_SESSION, BAD_ROLE, NO_NAME, BAD_HASH, NO_SUITE = 0x01, 0x02, 0x09, 0x0D, 0x0F, 0x11

SESSION_SECONDS = 60


def checksum(data):
    return -sum(data) & 0xFF


def mac(hash_, key, data):
    return hmac.new(key, data, hash_).digest() if hash_ else b""


class Session:
    """One session, from the open session request on."""

    def __init__(self, ident, console, suite, address):
        self.ident, self.console, self.suite, self.address = ident, console, suite, address
        self.auth, self.integrity, self.encryption = SUITES[suite]
        self.hash = HASHES[self.auth]
        self.stands = self.deaf = False
        self.privilege, self.limit, self.role = 0, 0, 0
        self.sequence = 0
        self.seen_highest, self.seen = 0, set()
        self.used = time.monotonic()
        self.name = self.console_random = self.own_random = self.sik = self.k1 = self.k2 = b""
        self.rakp3 = self.rakp4 = b""

    def derive_keys(self, password):
        seed = self.console_random + self.own_random + bytes([self.role, len(self.name)]) + self.name
        self.sik = mac(self.hash, password, seed)
        self.k1 = mac(self.hash, self.sik, b"\x01" * 20)
        self.k2 = mac(self.hash, self.sik, b"\x02" * 20)

    def fresh(self, sequence):
        """Is this sequence number a new one, inside the window?"""
        if not self.integrity:
            return True
        if sequence in self.seen or sequence + 16 < self.seen_highest:
            return False
        self.seen.add(sequence)
        self.seen_highest = max(self.seen_highest, sequence)
        self.seen = {s for s in self.seen if s + 32 > self.seen_highest}
        return True

    def encrypt(self, data):
        if not self.encryption:
            return data
        pad = -(len(data) + 1) % 16
        plain = data + bytes(range(1, pad + 1)) + bytes([pad])
        iv = os.urandom(16)
        e = Cipher(algorithms.AES(self.k2[:16]), modes.CBC(iv)).encryptor()
        return iv + e.update(plain) + e.finalize()

    def decrypt(self, data):
        if len(data) < 32 or len(data) % 16:
            return None
        d = Cipher(algorithms.AES(self.k2[:16]), modes.CBC(data[:16])).decryptor()
        plain = d.update(data[16:]) + d.finalize()
        pad = plain[-1]
        if pad > 15 or plain[-1 - pad:-1] != bytes(range(1, pad + 1)):
            return None
        return plain[:-1 - pad]

    def code(self, data):
        return mac(self.hash, self.k1, data)[:CODE_BYTES[self.integrity]]


class Protocol:
    """Takes datagrams, gives datagrams.  One per BMC."""

    def __init__(self, machine, users, suites, port, sol):
        self.machine, self.users, self.port, self.sol = machine, users, port, sol
        self.suites = {s: SUITES[s] for s in suites}
        self.sessions = {}
        self.closing = None

    # Packets

    def receive(self, packet, address):
        """The datagrams that answer this one."""
        if len(packet) < 5 or packet[0] != 6:
            return []
        if packet[3] == 6:
            return self._ping(packet)
        if packet[3] != 7:
            return []
        try:
            if packet[4] == 6:
                return self._rmcpp(packet[4:], address)
            if packet[4] == 0:
                return self._sessionless(packet[4:])
        except (IndexError, struct.error):
            self.machine.log("malformed packet")
        return []

    def _ping(self, packet):
        if len(packet) < 12 or packet[8] != 0x80:
            return []
        return [packet[:4] + struct.pack(">IBBBB", 4542, 0x40, packet[9], 0, 16) +
                struct.pack(">II", 4542, 0) + bytes([0x81, 0, 0, 0, 0, 0, 0, 0])]

    def _sessionless(self, data):
        length = data[9]
        answer = self._message(None, data[10:10 + length])
        if answer is None:
            return []
        return [b"\x06\x00\xff\x07" + bytes(9) + bytes([len(answer)]) + answer]

    def _rmcpp(self, data, address):
        kind, ident, sequence, length = struct.unpack("<BIIH", data[1:12])
        payload = data[12:12 + length]
        if kind in (OPEN_REQUEST, RAKP1, RAKP3):
            answer = {OPEN_REQUEST: self._open, RAKP1: self._rakp1, RAKP3: self._rakp3}[kind](payload, address)
            return [self.wrap(None, kind + 1, answer)] if answer else []
        session = self.sessions.get(ident)
        if not session or not session.stands or address[0] != session.address[0]:
            return []
        payload = self._unwrap(session, data, kind, sequence, payload, length)
        if payload is None:
            return []
        session.used, session.address = time.monotonic(), address
        if kind & 0x3F == 1:
            return self.sol.receive(session, payload)
        if kind & 0x3F:
            return []
        answer = self._message(session, payload)
        packets = [self.wrap(session, 0, answer)] if answer is not None else []
        self._finish_closing()
        return packets

    def _unwrap(self, session, data, kind, sequence, payload, length):
        want_auth, want_crypt = bool(session.integrity), bool(session.encryption)
        if bool(kind & 0x40) != want_auth or bool(kind & 0x80) != want_crypt:
            self.machine.log("bad-protection")
            return None
        if want_auth:
            n = CODE_BYTES[session.integrity]
            if len(data) < 12 + length + 2 + n or \
                    not hmac.compare_digest(session.code(data[:-n]), data[-n:]):
                self.machine.log("bad-integrity")
                return None
        if not session.fresh(sequence):
            return None
        return session.decrypt(payload) if want_crypt else payload

    def wrap(self, session, kind, payload):
        if session is None:
            return b"\x06\x00\xff\x07\x06" + struct.pack("<BIIH", kind, 0, 0, len(payload)) + payload
        payload = session.encrypt(payload)
        session.sequence += 1
        flags = (0x80 if session.encryption else 0) | (0x40 if session.integrity else 0)
        data = b"\x06" + struct.pack("<BIIH", kind | flags, session.console, session.sequence, len(payload)) + payload
        if session.integrity:
            pad = -(len(data) + 2) % 4
            data += b"\xff" * pad + bytes([pad, 7])
            data += session.code(data)
        return b"\x06\x00\xff\x07" + data

    def _message(self, session, message):
        """An IPMI message to its answer, or None."""
        if len(message) < 7 or checksum(message[:3]) or checksum(message[3:]):
            return None
        netfn, cmd = message[1] >> 2, message[5]
        result = commands.run(self, session, netfn, cmd, message[6:-1])
        if result is None:
            return None
        head = bytes([message[3], (netfn | 1) << 2 | (message[4] & 3)])
        body = bytes([message[0], message[4], cmd, result[0]]) + result[1]
        return head + bytes([checksum(head)]) + body + bytes([checksum(body)])

    # Sessions

    def expire(self):
        now = time.monotonic()
        for ident in [i for i, s in self.sessions.items() if now - s.used > SESSION_SECONDS]:
            self._drop(ident)

    def _drop(self, ident):
        session = self.sessions.pop(ident, None)
        if session and self.sol.session is session:
            self.sol.deactivate()

    def _finish_closing(self):
        if self.closing is not None:
            self.machine.log("close-session")
            self._drop(self.closing)
            self.closing = None

    def _open(self, p, address):
        tag, role, console = p[0], p[1] & 0x0F, p[4:8]
        wish = (p[8 + 4], p[16 + 4], p[24 + 4])
        suite = next((s for s, algorithms_ in self.suites.items() if algorithms_ == wish), None)
        self.expire()
        status = 0
        if suite is None:
            status = NO_SUITE
        elif len(self.sessions) >= self.machine.faults["sessions"]:
            status = NO_RESOURCES
        self.machine.log(f"open-session suite={suite}", f"status={status:#x}")
        if status:
            return bytes([tag, status, 0, 0]) + console
        ident = int.from_bytes(os.urandom(4), "little") | 1
        self.sessions[ident] = Session(ident, int.from_bytes(console, "little"), suite, address)
        self.sessions[ident].deaf = bool(self.machine.faults["deaf_session"])
        return bytes([tag, 0, role or 4, 0]) + console + struct.pack("<I", ident) + p[8:32]

    def _session_of(self, p):
        session = self.sessions.get(int.from_bytes(p[4:8], "little"))
        return session if session and not session.stands else None

    def _refuse(self, tag, session, status):
        self.machine.log("refuse", f"status={status:#x}")
        if session:
            self._drop(session.ident)
        return bytes([tag, status, 0, 0]) + struct.pack("<I", session.console if session else 0)

    def _rakp1(self, p, _address):
        session = self._session_of(p)
        if not session:
            return self._refuse(p[0], None, BAD_SESSION)
        session.console_random, session.role, length = p[8:24], p[24], p[27]
        session.name = p[28:28 + length]
        user = self.users.get(session.name.decode(errors="replace"))
        if user is None:
            return self._refuse(p[0], session, NO_NAME)
        session.limit = user[1]
        if session.role & 0x0F > session.limit:
            return self._refuse(p[0], session, BAD_ROLE)
        session.own_random = os.urandom(16)
        code = mac(session.hash, self._key(session), struct.pack("<II", session.console, session.ident) +
                   session.console_random + session.own_random + self.machine.guid +
                   bytes([session.role, length]) + session.name)
        if self.machine.faults["wrong_rakp"] == 2:
            code = code[::-1]
        return bytes([p[0], 0, 0, 0]) + struct.pack("<I", session.console) + session.own_random + \
            self.machine.guid + code

    def _key(self, session):
        return self.users[session.name.decode()][0].ljust(20, b"\0")

    def _rakp3(self, p, _address):
        session = self.sessions.get(int.from_bytes(p[4:8], "little"))
        if not session or not session.own_random or session.stands and p[1:] != session.rakp3[1:]:
            return self._refuse(p[0], None, BAD_SESSION)
        if session.stands:
            return p[:1] + session.rakp4[1:]    # the first one was lost
        if p[1]:
            self._drop(session.ident)
            return None
        code = mac(session.hash, self._key(session), session.own_random + struct.pack("<I", session.console) +
                   bytes([session.role, len(session.name)]) + session.name)
        if not hmac.compare_digest(code, p[8:]):
            return self._refuse(p[0], session, BAD_HASH)
        session.derive_keys(self._key(session))
        session.stands, session.privilege = True, min(2, session.limit)
        proof = mac(session.hash, session.sik, session.console_random + struct.pack("<I", session.ident) +
                    self.machine.guid)[:{0: 0, 1: 12, 3: 16}[session.auth]]
        if self.machine.faults["wrong_rakp"] == 4:
            proof = proof[::-1]
        self.machine.log(f"session suite={session.suite}")
        session.rakp3, session.rakp4 = p, bytes([p[0], 0, 0, 0]) + struct.pack("<I", session.console) + proof
        return session.rakp4
