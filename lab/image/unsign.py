#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# unsign.py IN OUT: copy a kernel module without the signature at its end.
# The signature is followed by 12 bytes of description (the last four are its
# length) and a magic string.

import sys

MAGIC = b"~Module signature appended~\n"


def main():
    with open(sys.argv[1], "rb") as module:
        data = module.read()
    if data.endswith(MAGIC):
        data = data[:-len(MAGIC)]
        length = int.from_bytes(data[-4:], "big")
        data = data[:-12 - length]
    with open(sys.argv[2], "wb") as module:
        module.write(data)


if __name__ == "__main__":
    main()
