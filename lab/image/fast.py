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
import sys

ORIGIN = 0x7C00
SIZE = 16 * 1024 * 1024  # the firmware's INT 13h wants at least 8 MiB

CODE = bytes([
    0xFA,              # 00        cli
    0x31, 0xC0,        # 01        xor  ax, ax
    0x8E, 0xD8,        # 03        mov  ds, ax
    0xFC,              # 05        cld
    0xBA, 0xFD, 0x03,  # 06        mov  dx, 3fdh    line status
    0xEC,              # 09 drain: in   al, dx
    0xA8, 0x40,        # 0a        test al, 40h     all of the firmware's output sent?
    0x74, 0xFB,        # 0c        jz   drain
    0xBA, 0xFB, 0x03,  # 0e        mov  dx, 3fbh    line control
    0xB0, 0x83,        # 11        mov  al, 83h     divisor latch, 8n1
    0xEE,              # 13        out  dx, al
    0xBA, 0xF8, 0x03,  # 14        mov  dx, 3f8h
    0xB8, 0x01, 0x00,  # 17        mov  ax, 1       divisor 1 = 115200 baud
    0xEF,              # 1a        out  dx, ax
    0xBA, 0xFB, 0x03,  # 1b        mov  dx, 3fbh
    0xB0, 0x03,        # 1e        mov  al, 3       latch off, 8n1
    0xEE,              # 20        out  dx, al
    0xBE, 0x3D, 0x7C,  # 21        mov  si, 7c3dh   the text follows the code
    0xAC,              # 24 next:  lodsb
    0x84, 0xC0,        # 25        test al, al
    0x74, 0x11,        # 27        jz   halt
    0x88, 0xC4,        # 29        mov  ah, al
    0xBA, 0xFD, 0x03,  # 2b        mov  dx, 3fdh
    0xEC,              # 2e wait:  in   al, dx
    0xA8, 0x20,        # 2f        test al, 20h     room for a byte?
    0x74, 0xFB,        # 31        jz   wait
    0xB2, 0xF8,        # 33        mov  dl, 0f8h    3f8h, data
    0x88, 0xE0,        # 35        mov  al, ah
    0xEE,              # 37        out  dx, al
    0xEB, 0xEA,        # 38        jmp  next
    0xF4,              # 3a halt:  hlt              interrupts are off: for ever
    0xEB, 0xFD,        # 3b        jmp  halt
])
TEXT = 0x7C3D
assert TEXT == ORIGIN + len(CODE)


def boot_sector(name):
    text = f"\r\nPERSONA {name} UP\r\n".encode() + b"\0"
    # At most 446 bytes: the partition table that follows stays empty.
    return (CODE + text).ljust(510, b"\0") + b"\x55\xaa"


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
