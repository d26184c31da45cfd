#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# qmp.py SOCKET COMMAND: send one command to a QEMU monitor, wait for its answer.
# Called by the chassis script; ends within two seconds whatever happens.

import json
import socket
import sys


def answer(stream):
    """The next answer on the stream; events are skipped."""
    for line in stream:
        message = json.loads(line)
        if "return" in message or "error" in message:
            return message
    return {"error": "the monitor closed the connection"}


def main():
    path, command = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(2)
        monitor.connect(path)
        stream = monitor.makefile("rw", encoding="utf-8")
        stream.readline()  # the greeting
        for word in ("qmp_capabilities", command):
            stream.write(json.dumps({"execute": word}) + "\n")
            stream.flush()
            reply = answer(stream)
            if "error" in reply:
                sys.exit(f"qmp: {word}: {reply['error']}")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"qmp: {error}")
