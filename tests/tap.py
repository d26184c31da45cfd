# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs test functions and prints TAP.  A test is a function whose name begins with test_; what it checks
is its name as a sentence.  It gets the folder of the built programs.  Skip with Skip("why")."""
import argparse
import contextlib
import multiprocessing
import os
import re
import signal
import sys
import traceback

SECONDS_PER_TEST = 60
worker, workers = 0, 1  # which of the processes beside each other this is: what is to differ between them follows from it


class Skip(Exception):
    pass


def _expired(*_):
    raise TimeoutError("the test took longer than %d s" % SECONDS_PER_TEST)


def _run(number, name, function, builddir):
    """Whether it passed, and what is to be printed."""
    signal.alarm(SECONDS_PER_TEST)
    try:
        function(builddir)
    except Skip as why:
        return True, "ok %d - %s # SKIP %s\n" % (number, name, why)
    except Exception:
        return False, "not ok %d - %s\n" % (number, name) + "".join("# " + line + "\n" for line in traceback.format_exc().splitlines())
    finally:
        signal.alarm(0)
    return True, "ok %d - %s\n" % (number, name)


def _run_here(tests, numbers, builddir, lock):
    """Those of the tests, and whether all passed."""
    all_passed = True
    for number in numbers:
        passed, text = _run(number, *tests[number - 1], builddir)
        all_passed &= passed
        with lock:
            print(text, end="", flush=True)
    return all_passed


def _taken_from(queue):
    """Numbers of a pipe in which each is two bytes, until it is empty; a read takes one whole."""
    while taken := os.read(queue, 2):
        yield int.from_bytes(taken, "big")


def _run_apart(tests, jobs, builddir):
    """So many processes, each of which takes the next test when it has ended one."""
    queue, end = os.pipe()
    os.write(end, b"".join(n.to_bytes(2, "big") for n in range(1, len(tests) + 1)))
    lock = multiprocessing.Lock()
    children = []
    for n in range(jobs):
        pid = os.fork()
        if not pid:
            global worker, workers
            worker, workers = n, jobs
            os.close(end)
            sys.exit(0 if _run_here(tests, _taken_from(queue), builddir, lock) else 1)
        children.append(pid)
    os.close(end)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    all_passed = True
    try:
        while children:
            status = os.waitpid(children[0], 0)[1]
            children.pop(0)
            all_passed &= status == 0
            if os.WIFSIGNALED(status):
                print("# a process of tests was ended by signal %d" % os.WTERMSIG(status), flush=True)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
    return all_passed


def main(modules, default_builddir, jobs=1):
    """jobs: how many tests run beside each other, when each has its own ports and folders and they mostly wait."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--builddir", default=default_builddir, help="where the programs were built")
    parser.add_argument("--only", default="", help="regular expression of the names to run")
    parser.add_argument("--jobs", type=int, default=jobs, help="how many tests run beside each other")
    args = parser.parse_args()
    builddir = os.path.abspath(args.builddir)
    tests = [(name[5:].replace("_", " "), getattr(module, name)) for module in modules for name in vars(module)
             if name.startswith("test_") and callable(getattr(module, name))]
    tests = [t for t in tests if re.search(args.only, t[0])]
    signal.signal(signal.SIGALRM, _expired)
    print("TAP version 13\n1..%d" % len(tests), flush=True)
    if args.jobs > 1:
        sys.exit(0 if _run_apart(tests, args.jobs, builddir) else 1)
    sys.exit(0 if _run_here(tests, range(1, len(tests) + 1), builddir, contextlib.nullcontext()) else 1)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError("%s: got %r, wanted %r" % (what or "differs", got, wanted))


def contains(text, part):
    if part not in text:
        raise AssertionError("%r is not in:\n%s" % (part, text))


def lacks(text, part):
    if part in text:
        raise AssertionError("%r is in:\n%s" % (part, text))
