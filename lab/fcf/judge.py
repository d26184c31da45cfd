# SPDX-License-Identifier: GPL-3.0-or-later
"""tshark as the judge of frames: they are kept as a pcap file, and it says what it makes of them."""
import struct
import subprocess
import time


UNPAIRED = '(fip.desc_type == 7 || fip.desc_type == 8) && _ws.expert.message contains "No record of Exchange"'


class Pcap:
    """A capture file that grows."""

    def __init__(self, path):
        self._path, self._file = path, open(path, "wb")
        self._file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))

    def add(self, frame):
        now = time.time()
        self._file.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame), len(frame)) + frame)

    def path(self):
        self._file.flush()
        return self._path


def frames(path):
    """What a capture file holds."""
    with open(path, "rb") as file:
        data = file.read()[24:]
    while data:
        size = struct.unpack("<I", data[8:12])[0]
        yield data[16:16 + size]
        data = data[16 + size:]


def _tshark(path, *args):
    r = subprocess.run(["tshark", "-r", path, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    if r.returncode:
        raise RuntimeError(r.stderr.decode(errors="replace"))
    return r.stdout.decode(errors="replace")


def fields(path, only, *names):
    """Of each frame that the display filter lets through, the fields as text."""
    args = [word for name in names for word in ("-e", name)]
    lines = _tshark(path, "-Y", only, "-T", "fields", "-E", "separator=|", *args).splitlines()
    return [tuple(line.split("|")) for line in lines]


def no_complaints(path, mac, except_for="frame.number == 0"):
    """Nothing that this MAC sent is malformed, has a bad CRC or draws an expert's remark.  One remark is let pass: the
    accept of a login goes to the new address, and tshark finds its request only for the first FLOGI of an address.  @except_for names
    frames that it cannot read to their end; their CRC is judged all the same."""
    sender = "eth.src == " + ":".join("%02x" % b for b in mac)
    bad = _tshark(path, "-Y", f"{sender} && ((_ws.malformed && !({except_for})) || (_ws.expert && !({UNPAIRED} || {except_for})) || fcoe.crc.status == 0 || fcoe.crc.bad || "
                              "fip.descriptors.length_error || fc.short_hdr || data.len > 3000)", "-O", "fip,fcoe,fc,fcels,fcdns")
    if bad:
        raise AssertionError("tshark complains:\n" + bad[-3000:])
