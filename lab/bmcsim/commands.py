# SPDX-License-Identifier: GPL-3.0-or-later
"""IPMI commands of the simulated BMC: one function per command, from request data to completion code
and response data.  `session` is None before a session stands: only a few commands work then."""
import struct
import time

from machine import SENSORS

CHASSIS, SENSOR, APP, STORAGE, TRANSPORT = 0x00, 0x04, 0x06, 0x0A, 0x0C
OK, BUSY, INVALID, SHORT, BAD_FIELD, NOT_PRESENT, NO_PRIVILEGE = 0x00, 0xC0, 0xC1, 0xC7, 0xCC, 0xCB, 0xD4
USER, OPERATOR, ADMIN = 2, 3, 4


def device_id(bmc, _session, _data):
    return OK, struct.pack("<BBBBBB", 0x20, 1, 3, 0x14, 0x02, 0x8F) + (674).to_bytes(3, "little") + \
        struct.pack("<HI", 0x0100, 0)


def guid(bmc, _session, _data):
    return OK, bmc.machine.guid


def channel_auth_capabilities(bmc, _session, data):
    # No IPMI 1.5 authentication; 2.0; users with names; no anonymous ones.
    return OK, bytes([1, 0x80 if data and data[0] & 0x80 else 0, 0x04, 0x02, 0, 0, 0, 0])


def channel_cipher_suites(bmc, _session, data):
    if len(data) < 3:
        return SHORT, b""
    records = b"".join(bytes([0xC0, suite, a, 0x40 | i, 0x80 | c])
                       for suite, (a, i, c) in sorted(bmc.suites.items()))
    at = (data[2] & 0x3F) * 16
    return OK, b"\x01" + records[at:at + 16]


def set_privilege(bmc, session, data):
    wish = data[0] & 0x0F if data else 0
    if wish > session.limit:
        return 0x81, b""
    session.privilege = wish or session.privilege
    return OK, bytes([session.privilege])


def close_session(bmc, session, data):
    if len(data) < 4:
        return SHORT, b""
    ident = int.from_bytes(data[:4], "little")
    if ident not in bmc.sessions:
        return 0x87, b""
    bmc.closing = ident
    return OK, b""


def chassis_status(bmc, _session, _data):
    return OK, bytes([0x40 | bool(bmc.machine.read_power()), 0, 0x40])


def chassis_control(bmc, _session, data):
    if not data:
        return SHORT, b""
    return (OK if bmc.machine.control(data[0] & 0x0F) else BAD_FIELD), b""


def chassis_identify(bmc, _session, data):
    bmc.machine.identify = data[0] if data else 15
    bmc.machine.log(f"identify {bmc.machine.identify}")
    return OK, b""


def set_boot_options(bmc, _session, data):
    if not data:
        return SHORT, b""
    parameter = data[0] & 0x7F
    if parameter == 0:
        return OK, b""
    if parameter == 3 and not bmc.machine.faults["no_boot_clearing"]:
        bmc.machine.boot_clearing = data[1] if len(data) > 1 else 0
        return OK, b""
    if parameter == 4:
        return OK, b""
    if parameter == 5 and len(data) >= 2:
        bmc.machine.set_boot(data[1:])
        return OK, b""
    return 0x80, b""


def get_boot_options(bmc, _session, data):
    if not data:
        return SHORT, b""
    parameter, m = data[0] & 0x7F, bmc.machine
    values = {0: b"\0", 4: b"\0\0", 5: m.get_boot(), 6: bytes(9), 7: bytes(2)}
    if not m.faults["no_boot_clearing"]:
        values[3] = bytes([m.boot_clearing])
    if parameter not in values:
        return 0x80, b""
    return OK, bytes([1, parameter]) + values[parameter]


def sdr_info(bmc, _session, _data):
    return OK, struct.pack("<BHHIIB", 0x51, len(SENSORS), 0xFFFF, 0x60000000, 0x60000000, 0x22)


def reserve(bmc, _session, _data):
    return OK, b"\x01\x00"


def get_sdr(bmc, _session, data):
    if len(data) < 6:
        return SHORT, b""
    _, ident, at, count = struct.unpack("<HHBB", data[:6])
    index = 0 if ident == 0 else ident - 1
    if index >= len(SENSORS):
        return NOT_PRESENT, b""
    following = index + 2 if index + 1 < len(SENSORS) else 0xFFFF
    part = SENSORS[index][at:] if count == 0xFF else SENSORS[index][at:at + count]
    if len(part) > 32:
        return 0xCA, b""
    return OK, struct.pack("<H", following) + part


def sensor_reading(bmc, _session, data):
    m = bmc.machine
    values = {1: bytes([m.temperature, 0xC0, 0x08 if m.temperature > 42 else 0]),
              2: bytes([m.fan // 60 if m.power else 0, 0xC0 if m.power else 0xE0, 0]),
              3: bytes([0, 0xC0, 0x01, 0x80])}
    if not data or data[0] not in values:
        return NOT_PRESENT, b""
    return OK, values[data[0]]


def sel_info(bmc, _session, _data):
    m = bmc.machine
    return OK, struct.pack("<BHHIIB", 0x51, len(m.sel), 1000, m.sel_changed, 0, 0x02)


def get_sel(bmc, _session, data):
    if len(data) < 6:
        return SHORT, b""
    records, ident = bmc.machine.sel, struct.unpack("<HHBB", data[:6])[1]
    if not records:
        return NOT_PRESENT, b""
    index = {0: 0, 0xFFFF: len(records) - 1}.get(ident)
    if index is None:
        index = next((i for i, (number, _) in enumerate(records) if number == ident), None)
    if index is None:
        return NOT_PRESENT, b""
    following = records[index + 1][0] if index + 1 < len(records) else 0xFFFF
    return OK, struct.pack("<H", following) + records[index][1]


def clear_sel(bmc, _session, data):
    bmc.machine.sel.clear()
    return OK, b"\x01"


def sel_time(bmc, _session, _data):
    return OK, struct.pack("<I", int(time.time()))


def activation_status(bmc, _session, data):
    return OK, bytes([1, 1 if bmc.sol.session else 0, 0])


def activate_payload(bmc, session, data):
    if len(data) < 6 or data[0] & 0x3F != 1 or data[1] & 0x0F != 1:
        return BAD_FIELD, b""
    if bmc.sol.session and bmc.sol.session is not session:
        return 0x80, b""
    bmc.sol.activate(session)
    return OK, struct.pack("<IHHHH", 0, 200, 200, bmc.port, 0xFFFF)


def deactivate_payload(bmc, _session, _data):
    if not bmc.sol.session:
        return 0x80, b""
    bmc.sol.deactivate()
    return OK, b""


def payload_support(bmc, _session, _data):
    return OK, b"\x03\x00\x15\x00\x00\x00\x00\x00"


def channel_info(bmc, _session, _data):
    return OK, bytes([1, 0x04, 0x01, 0x80, 0xF2, 0x1B, 0x00, 0, 0])


TABLE = {
    # (netfn, command): (function, privilege; 0: also without a session)
    (APP, 0x01): (device_id, USER), (APP, 0x08): (guid, USER), (APP, 0x37): (guid, 0),
    (APP, 0x38): (channel_auth_capabilities, 0), (APP, 0x54): (channel_cipher_suites, 0),
    (APP, 0x3B): (set_privilege, 1), (APP, 0x3C): (close_session, 1), (APP, 0x42): (channel_info, USER),
    (APP, 0x48): (activate_payload, USER), (APP, 0x49): (deactivate_payload, USER),
    (APP, 0x4A): (activation_status, USER), (APP, 0x4E): (payload_support, USER),
    (CHASSIS, 0x01): (chassis_status, USER), (CHASSIS, 0x02): (chassis_control, OPERATOR),
    (CHASSIS, 0x04): (chassis_identify, OPERATOR), (CHASSIS, 0x08): (set_boot_options, OPERATOR),
    (CHASSIS, 0x09): (get_boot_options, OPERATOR),
    (STORAGE, 0x20): (sdr_info, USER), (STORAGE, 0x22): (reserve, USER), (STORAGE, 0x23): (get_sdr, USER),
    (STORAGE, 0x40): (sel_info, USER), (STORAGE, 0x42): (reserve, USER), (STORAGE, 0x43): (get_sel, USER),
    (STORAGE, 0x47): (clear_sel, OPERATOR), (STORAGE, 0x48): (sel_time, USER),
    (SENSOR, 0x2D): (sensor_reading, USER),
}


def run(bmc, session, netfn, cmd, data):
    """Completion code and data; None when the command must not be answered."""
    function, privilege = TABLE.get((netfn, cmd), (None, 0))
    faults = bmc.machine.faults
    if session is None and (function is None or privilege):
        return None
    if session and session.deaf and cmd not in (0x3B, 0x3C):
        return None
    if session and faults["busy"] > 0 and cmd not in (0x3B, 0x3C):
        faults["busy"] -= 1
        return BUSY, b""
    if function is None:
        return INVALID, b""
    if session and session.privilege < privilege:
        return NO_PRIVILEGE, b""
    code, reply = function(bmc, session, data)
    if session and faults["garbage"] == 2 and (netfn, cmd) != (APP, 0x3B):
        reply = b""
    if session and faults["garbage"] == 3 and (netfn, cmd) != (APP, 0x3B):
        reply = bmc.machine.random.randbytes(bmc.machine.random.choice((len(reply), 60)))
    return code, reply
