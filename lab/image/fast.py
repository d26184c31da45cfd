#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# fast.py NAME FILE: write a 16 MiB sparse disk whose boot sector prints
# "PERSONA NAME UP" on the first serial port and halts.
#
# It proves the whole way of a SAN boot (BIOS, iPXE, DHCP, HTTP, CHAP, iSCSI) in
# under three seconds, since nothing but 512 bytes is booted.  The firmware loads
# the sector at 0000:7c00 in real mode.

import os
import re
import struct
import sys

ORIGIN = 0x7C00
SIZE = 16 * 1024 * 1024  # the firmware's INT 13h wants at least 8 MiB

CODE = bytes([
    0xFA,              # 00  cli
    0x31, 0xC0,        # 01  xor  ax, ax
    0x8E, 0xD8,        # 03  mov  ds, ax
    0xFC,              # 05  cld
    0xBA, 0xFB, 0x03,  # 06  mov  dx, 3fbh      line control
    0xB0, 0x83,        # 09  mov  al, 83h       divisor latch, 8n1
    0xEE,              # 0b  out  dx, al
    0xBA, 0xF8, 0x03,  # 0c  mov  dx, 3f8h      divisor 1 = 115200 baud
    0xB8, 0x01, 0x00,  # 0f  mov  ax, 1
    0xEF,              # 12  out  dx, ax
    0xBA, 0xFB, 0x03,  # 13  mov  dx, 3fbh
    0xB0, 0x03,        # 16  mov  al, 03h       latch off, 8n1
    0xEE,              # 18  out  dx, al
    0xBE, 0x00, 0x00,  # 19  mov  si, message   (patched)
    0xAC,              # 1c  next: lodsb
    0x84, 0xC0,        # 1d  test al, al
    0x74, 0x10,        # 1f  jz   halt (31h)
    0x88, 0xC4,        # 21  mov  ah, al
    0xBA, 0xFD, 0x03,  # 23  mov  dx, 3fdh      line status
    0xEC,              # 26  wait: in al, dx
    0xA8, 0x20,        # 27  test al, 20h       transmitter empty?
    0x74, 0xFB,        # 29  jz   wait (26h)
    0xB2, 0xF8,        # 2b  mov  dl, 0f8h      data
    0x88, 0xE0,        # 2d  mov  al, ah
    0xEE,              # 2f  out  dx, al
    0xEB, 0x00,        # 30  jmp  next          (patched)
    0xF4,              # 32  halt: hlt          interrupts are off: for ever
    0xEB, 0xFD,        # 33  jmp  halt
])
MESSAGE_OPERAND = 0x1A
NEXT = 0x1C


def boot_sector(name):
    code = bytearray(CODE)
    struct.pack_into("<H", code, MESSAGE_OPERAND, ORIGIN + len(code))
    jump = code.index(b"\xeb\x00")
    code[jump + 1] = (NEXT - (jump + 2)) & 0xFF
    jz = code.index(b"\x74\x10")
    code[jz + 1] = code.index(b"\xf4") - (jz + 2)
    text = f"\r\nPERSONA {name} UP\r\n".encode() + b"\0"
    sector = bytes(code) + text
    # 446 bytes at most: the partition table after them stays empty.
    return sector.ljust(510, b"\0") + b"\x55\xaa"


def main():
    if len(sys.argv) != 3 or not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", sys.argv[1]):
        sys.exit("usage: fast.py NAME FILE; NAME is 1 to 63 of A-Z a-z 0-9 . _ -")
    temp = sys.argv[2] + ".new"
    with open(temp, "wb") as disk:
        disk.write(boot_sector(sys.argv[1]))
        disk.truncate(SIZE)
    os.replace(temp, sys.argv[2])


if __name__ == "__main__":
    main()
