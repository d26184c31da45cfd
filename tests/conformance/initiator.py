# SPDX-License-Identifier: GPL-3.0-or-later
"""A small iSCSI initiator (RFC 7143) that holds one session and never makes another: what the tools of libiscsi cannot
show, since they log in anew when they are thrown out."""
import hashlib
import socket
import struct

CHECK_CONDITION = 2
# All keys at once: Linux' target does not let in who leaves one to be asked for.
OPERATIONAL = [("HeaderDigest", "None"), ("DataDigest", "None"), ("MaxRecvDataSegmentLength", "65536"), ("InitialR2T", "Yes"),
               ("ImmediateData", "Yes"), ("MaxBurstLength", "262144"), ("FirstBurstLength", "65536"), ("DefaultTime2Wait", "2"),
               ("DefaultTime2Retain", "0"), ("MaxOutstandingR2T", "1"), ("ErrorRecoveryLevel", "0"), ("MaxConnections", "1"),
               ("DataPDUInOrder", "Yes"), ("DataSequenceInOrder", "Yes")]


class LoginRefused(Exception):
    """The target did not let us in."""


class Session:
    """Logged in from the start; every method may raise OSError when the session is gone."""

    def __init__(self, portal, initiator, target, user=None, secret=None):
        self.itt = self.cmd_sn = self.exp_stat_sn = 1
        self.attentions = []  # (asc, ascq) of the unit attentions that came
        self.socket = socket.create_connection(portal, timeout=5)
        try:
            self._login(initiator, target, user, secret)
        except BaseException:
            self.socket.close()
            raise

    def close(self):
        self.socket.close()

    def _send(self, bhs, data=b""):
        self.socket.sendall(bhs[:5] + len(data).to_bytes(3, "big") + bhs[8:] + data + b"\0" * (-len(data) % 4))

    def _read(self, size):
        data = b""
        while len(data) < size:
            chunk = self.socket.recv(size - len(data))
            if not chunk:
                raise ConnectionResetError("the target closed the connection")
            data += chunk
        return data

    def _receive(self):
        bhs = self._read(48)
        size = int.from_bytes(bhs[5:8], "big")
        data = self._read(size + -size % 4)[:size]
        self.exp_stat_sn = (struct.unpack(">I", bhs[24:28])[0] + 1) & 0xffffffff
        return bhs, data

    def _login_step(self, flags, keys):
        bhs = struct.pack(">BBBB4x6sHIHHII16x", 0x43, flags, 0, 0, b"\x80\0\0\0\0\1", 0, self.itt, 0, 0, self.cmd_sn,
                          self.exp_stat_sn)
        self._send(bhs, b"".join(f"{k}={v}".encode() + b"\0" for k, v in keys))
        bhs, data = self._receive()
        if bhs[0] != 0x23 or bhs[36]:
            raise LoginRefused(f"status {bhs[36]}.{bhs[37]}")
        return dict(pair.split("=", 1) for pair in data.decode().split("\0") if pair)

    def _login(self, initiator, target, user, secret):
        names = [("InitiatorName", initiator), ("TargetName", target), ("SessionType", "Normal")]
        if user:
            self._login_step(0, names + [("AuthMethod", "CHAP")])
            said, names = self._login_step(0, [("CHAP_A", "5")]), []
            proof = hashlib.md5(bytes([int(said["CHAP_I"])]) + secret.encode() + bytes.fromhex(said["CHAP_C"][2:]))
            self._login_step(0x81, [("CHAP_N", user), ("CHAP_R", "0x" + proof.hexdigest())])
        self._login_step(0x87, names + OPERATIONAL)

    def _once(self, lun, cdb, size):
        self.itt += 1
        bhs = struct.pack(">BB2x4x8sIIII16s", 0x01, 0xc1 if size else 0x81, lun.to_bytes(2, "big") + b"\0" * 6, self.itt,
                          size, self.cmd_sn, self.exp_stat_sn, cdb.ljust(16, b"\0"))
        self._send(bhs)
        self.cmd_sn += 1
        got = b""
        while True:
            bhs, data = self._receive()
            if bhs[0] == 0x25:
                got += data
            if bhs[0] == 0x21 or (bhs[0] == 0x25 and bhs[1] & 1):
                return bhs[3], data[2:] if bhs[0] == 0x21 else got, got

    def command(self, lun, cdb, size=0):
        """The data of a command that succeeds; unit attentions are noted and the command sent again."""
        for _ in range(8):
            status, sense, data = self._once(lun, cdb, size)
            if not status:
                return data
            if status != CHECK_CONDITION or len(sense) < 14 or sense[2] & 15 != 6:
                raise OSError(f"LUN {lun}: status {status}, sense {sense.hex()}")
            self.attentions.append((sense[12], sense[13]))
        raise OSError(f"LUN {lun}: unit attentions without end")

    def report_luns(self):
        data = self.command(0, bytes([0xa0]) + b"\0" * 5 + struct.pack(">I", 4096), 4096)
        count = struct.unpack(">I", data[:4])[0] // 8
        return sorted(int.from_bytes(data[8 + 8 * i:10 + 8 * i], "big") & 0x3fff for i in range(count))

    def serial(self, lun):
        data = self.command(lun, bytes([0x12, 1, 0x80, 0, 255, 0]), 255)
        return data[4:4 + data[3]].decode().strip(" \0")

    def read_block(self, lun, block=0):
        return self.command(lun, bytes([0x28, 0]) + struct.pack(">IxH", block, 1), 512)
