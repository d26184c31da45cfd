# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the tests' device software runs: a network namespace of this process's own, a temporary
folder, and child processes that are ended by pid, however the tests end."""
import atexit
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_children, _folders = [], []


def enter_private_network():
    """Move this process into network and mount namespaces that vanish with it.  Needs root."""
    if _libc.unshare(CLONE_NEWNET | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def mount_small(path, size):
    """A file system of that size at path; nobody outside sees it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)


def unmount(path):
    subprocess.run(["umount", path], check=True)


def folder():
    path = tempfile.mkdtemp(prefix="recast-conformance-")
    _folders.append(path)
    return path


def die_with_parent():
    """For preexec_fn: a child that is killed when this thread ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(argv, log, env=None):
    """Start a child in the foreground; its output goes to the file `log`."""
    out = open(log, "ab")
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                         preexec_fn=die_with_parent)
    out.close()
    _children.append(p)
    return p


def end(p):
    if p in _children:
        _children.remove(p)
    if p.poll() is None:
        p.kill()
    p.wait()


def wait_until(what, condition, seconds=10):
    """Wait for a condition, looking often; TimeoutError names what did not come."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.005)


def listens(path):
    """Whether somebody takes connections there: a socket's file is there a moment before."""
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        return True
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def order(path, **order_):
    """One order for a part of the lab at its control socket, and the answer; an error is raised."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(json.dumps(order_).encode() + b"\n")
        answer = json.loads(s.makefile().readline())
    if "error" in answer:
        raise AssertionError(f"{order_}: {answer['error']}")
    return answer


def out(argv, env=None):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=20, check=False)
    if r.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {r.stderr.decode(errors='replace').strip()}")
    return r.stdout.decode()


def cleanup():
    while _children:
        end(_children[-1])
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def _on_signal(number, _frame):
    sys.exit(128 + number)


atexit.register(cleanup)
for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, _on_signal)
