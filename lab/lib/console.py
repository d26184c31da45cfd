#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# console.py BMC USER SECRETFILE LOGFILE: a server's serial console by its BMC's
# Serial over LAN, as an operator would have it.  Ctrl-] leaves.
#
# ipmitool runs in a pseudo terminal of its own; this relays both ways and
# watches for Ctrl-].  A BMC gives its console to one session at a time: when it
# is taken, the log file can still be read.

import os
import pty
import select
import signal
import sys
import termios
import tty

LEAVE = b"\x1d"  # Ctrl-]


def ipmitool(bmc, user, secret):
    return ["ipmitool", "-I", "lanplus", "-C", "3", "-H", bmc, "-U", user, "-f", secret, "sol"]


def relay(master):
    """Copy until ipmitool ends (False) or the person leaves (True)."""
    sources = [master, 0]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if master in ready:
            try:
                data = os.read(master, 4096)
            except OSError:
                data = b""
            if not data:
                return False
            os.write(1, data)
        if 0 in ready:
            data = os.read(0, 1024)
            if LEAVE in data:
                os.write(master, data.split(LEAVE)[0])
                return True
            if data:
                os.write(master, data)
            else:
                sources.remove(0)  # piped input is over; go on listening


def end(pid):
    """Stop ipmitool if it still runs and reap it."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)


def main():
    bmc, user, secret, log = sys.argv[1:]
    command = ipmitool(bmc, user, secret)
    print(f"console of {bmc} (log: {log}); Ctrl-] leaves", file=sys.stderr)
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(command[0], command + ["activate"])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    before = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        if before:
            tty.setraw(0)
        left = relay(master)
    except KeyboardInterrupt:
        left = True
    finally:
        if before:
            termios.tcsetattr(0, termios.TCSADRAIN, before)
        end(pid)
    if left:
        # Give the session back; a dead client would hold it until it times out.
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.posix_spawnp(command[0], command + ["deactivate"], os.environ,
                        file_actions=[(os.POSIX_SPAWN_DUP2, quiet, 2)])
        os.wait()
        return 0
    print(f"the BMC closed the console; what was printed is in {log}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
