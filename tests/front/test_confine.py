# SPDX-License-Identifier: GPL-3.0-or-later
"""What recast-front can no longer do once it serves."""
import os
import signal

import tap
from fakecore import PATIENCE
from test_http import STATUS, exchange, front


def config(builddir):
    with open(os.path.join(builddir, "config.h")) as f:
        return f.read()


def is_confined(builddir):
    """Builds with sanitizers are not."""
    return "#define FRONT_UNCONFINED 1" not in config(builddir)


def has_filter(builddir):
    return is_confined(builddir) and "#define HAVE_SECCOMP 1" in config(builddir)


def status_of(core):
    with open("/proc/%d/status" % core.process.pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test_dies_when_it_tries_to_open_a_file_to_fork_or_to_reach_out(builddir):
    if not has_filter(builddir):
        raise tap.Skip("built without a filter of system calls")
    for what in ("open", "fork", "exec", "socket", "unlink", "trace", "code"):
        with front(builddir, "--try", what) as core:
            tap.equal(core.process.wait(PATIENCE), -signal.SIGSYS, what)
            tap.lacks(core.log().decode(), "was not prevented")


def test_has_no_rights_left_while_it_serves(builddir):
    with front(builddir) as core:
        exchange(core, STATUS)
        status = status_of(core)
        tap.equal(status["NoNewPrivs"], "1")
        tap.equal(status["Seccomp"], "2" if has_filter(builddir) else "0")
        with open("/proc/%d/limits" % core.process.pid) as f:
            assert any(line.startswith("Max core file size") and line.split()[4] == "0" for line in f)
        if os.getuid() == 0 and is_confined(builddir):
            tap.equal(status["Uid"], "65534\t65534\t65534\t65534")
            tap.equal((status["Groups"].strip(), status["CapEff"], status["CapPrm"]), ("", "0" * 16, "0" * 16))


def test_ends_cleanly_under_its_filter(builddir):
    with front(builddir) as core:
        with core.connect() as s:
            s.sendall(STATUS)
            core.frame()
            core.process.send_signal(signal.SIGTERM)
            tap.equal(core.process.wait(PATIENCE), 0)
