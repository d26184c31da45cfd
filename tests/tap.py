# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs test functions and prints TAP.  A test is a function whose name begins with test_; what it checks
is its name as a sentence.  It gets the folder of the built programs.  Skip with Skip("why")."""
import argparse
import os
import re
import signal
import sys
import traceback

SECONDS_PER_TEST = 60


class Skip(Exception):
    pass


def _expired(*_):
    raise TimeoutError("the test took longer than %d s" % SECONDS_PER_TEST)


def _run(number, name, function, builddir):
    signal.alarm(SECONDS_PER_TEST)
    try:
        function(builddir)
    except Skip as why:
        print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        return True
    except Exception:
        print("not ok %d - %s" % (number, name))
        print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
        return False
    finally:
        signal.alarm(0)
    print("ok %d - %s" % (number, name), flush=True)
    return True


def main(modules, default_builddir):
    parser = argparse.ArgumentParser()
    parser.add_argument("--builddir", default=default_builddir, help="where the programs were built")
    parser.add_argument("--only", default="", help="regular expression of the names to run")
    args = parser.parse_args()
    builddir = os.path.abspath(args.builddir)
    tests = [(name[5:].replace("_", " "), getattr(module, name)) for module in modules for name in vars(module)
             if name.startswith("test_") and callable(getattr(module, name))]
    tests = [t for t in tests if re.search(args.only, t[0])]
    signal.signal(signal.SIGALRM, _expired)
    print("TAP version 13\n1..%d" % len(tests), flush=True)
    results = [_run(i, name, function, builddir) for i, (name, function) in enumerate(tests, 1)]
    sys.exit(0 if all(results) else 1)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError("%s: got %r, wanted %r" % (what or "differs", got, wanted))


def contains(text, part):
    if part not in text:
        raise AssertionError("%r is not in:\n%s" % (part, text))


def lacks(text, part):
    if part in text:
        raise AssertionError("%r is in:\n%s" % (part, text))
